"""Live news as server-sent events: that a request moved, by ids only; the page then reads itself again."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.access import PortalPage, Res, StaffPage
from api.hub import Hub, News
from api.resources import Resources
from chart import client
from chart.ids import ClientId
from identity.caller import PortalUser

router = APIRouter(include_in_schema=False)

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the stream."""


@router.get("/live", response_class=EventSourceResponse)
async def live(res: Res, staff: StaffPage) -> AsyncIterator[ServerSentEvent]:
    """News of every chart of the practice."""
    async for news in _news(res.hub):
        if news is None:
            yield ServerSentEvent(comment="still here")
        elif news.practice == staff.practice:
            yield _event(news)


@router.get("/portal/live", response_class=EventSourceResponse)
async def portal_live(res: Res, user: PortalPage) -> AsyncIterator[ServerSentEvent]:
    """News of the charts for which this account acts."""
    async for news in _news(res.hub):
        if news is None:
            yield ServerSentEvent(comment="still here")
        elif news.practice == user.practice and await _acts_for(res, user, ClientId(news.client)):
            yield _event(news)


async def _news(hub: Hub) -> AsyncIterator[News | None]:
    """Each piece of news; None after a silence. Ends when the service shuts down."""
    async with hub.watch() as queue:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    news = await queue.get()
            except TimeoutError:
                yield None
                continue
            if news is None:
                return
            yield news


def _event(news: News) -> ServerSentEvent:
    return ServerSentEvent(event="request", data={"client": str(news.client), "request": str(news.request)})


async def _acts_for(res: Resources, user: PortalUser, client_id: ClientId) -> bool:
    async with res.database.practice(user.practice) as transaction:
        return any(access.account_id == user.id for access in await client.access(transaction, client_id))
