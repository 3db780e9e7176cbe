"""Live news as server-sent events: that a request or a share moved, by ids only; the page then reads itself again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.access import PortalPage, PortalToken, Res, StaffPage, StaffToken, does
from api.hub import Ended, Heard, News
from api.resources import Resources
from chart import client
from chart.audit import Actor
from chart.ids import ClientId
from gateways.postgres import LOST
from identity import session
from identity.caller import PortalUser, Surface
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the stream."""


@router.get("/live", response_class=EventSourceResponse)
@does(Operation.HEAR_NEWS)
async def live(res: Res, staff: StaffPage, token: StaffToken) -> AsyncIterator[ServerSentEvent]:
    """News of every chart of the practice."""
    async for news in _news(res, Surface.CHART, staff.actor, token):
        if news is None:
            yield ServerSentEvent(comment="still here")
        elif news.practice == staff.practice:
            yield _event(news)


@router.get("/portal/live", response_class=EventSourceResponse)
@does(Operation.HEAR_NEWS_OF_MINE)
async def portal_live(res: Res, user: PortalPage, token: PortalToken) -> AsyncIterator[ServerSentEvent]:
    """News of the charts for which this account acts."""
    async for news in _news(res, Surface.PORTAL, user.actor, token):
        if news is None:
            yield ServerSentEvent(comment="still here")
        elif news.practice == user.practice and await _acts_for(res, user, ClientId(news.client)):
            yield _event(news)


async def _news(res: Resources, surface: Surface, party: Actor, token: str) -> AsyncIterator[News | None]:
    """Each piece of news; None after a silence. Ends with the session, and when the service shuts down."""
    async with res.hub.watch() as queue:
        while True:
            heard: Heard | None = None
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    heard = await queue.get()
            except TimeoutError:
                if not await _lives(res, surface, token):
                    return
                yield None
                continue
            match heard:
                case None:
                    return
                case Ended():
                    if heard.party == party and not await _lives(res, surface, token):
                        return
                case News():
                    yield heard


async def _lives(res: Resources, surface: Surface, token: str) -> bool:
    """Whether the session goes on; a stream does not prolong it. While the database is away nobody knows."""
    with contextlib.suppress(*LOST):
        return await session.left(res.database, surface, token) is not None
    return True


def _event(news: News) -> ServerSentEvent:
    return ServerSentEvent(event="request", data={"client": str(news.client), "about": str(news.about)})


async def _acts_for(res: Resources, user: PortalUser, client_id: ClientId) -> bool:
    async with res.database.practice(user.practice) as transaction:
        return any(access.account_id == user.id for access in await client.access(transaction, client_id))
