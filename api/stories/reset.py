"""A new password by email: asked for by anybody, sent to whoever has an account."""

import asyncio
import logging
from datetime import UTC, datetime
from uuid import uuid4

from temporalio.common import SearchAttributePair

from activities.reset import Occasion, ResetMail
from api import engine
from api.resources import Resources
from chart.audit import Actor
from chart.ids import PracticeId
from chart.refusals import NotReachable
from gateways import temporal
from gateways.postgres import LOST
from identity import reset, throttle
from identity.caller import Surface
from identity.reset import Reset
from identity.visitor import Visitor
from workflows.reset import SUMMARY, workflow_id
from workflows.reset import Reset as Mailing

logger = logging.getLogger(__name__)

PAGE = {Surface.CHART: "/sign-in/reset", Surface.PORTAL: "/portal/sign-in/reset"}

_AWAY: tuple[type[Exception], ...] = (NotReachable, *LOST)

_beside: set["asyncio.Task[None]"] = set()
"""What is done after the answer; a set, since the loop itself forgets tasks."""


async def ask(resources: Resources, surface: Surface, visitor: Visitor, email: str) -> None:
    """Send a link to each account of this address. The answer does not wait for it, so it tells nobody who has one."""
    await throttle.spend(resources.database, throttle.RESETS.of(visitor.network))
    sending = asyncio.create_task(_send(resources, surface, email))
    _beside.add(sending)
    sending.add_done_callback(_beside.discard)


async def _send(resources: Resources, surface: Surface, email: str) -> None:
    site = resources.site(surface).origin
    try:
        for made in await reset.make(resources.database, surface, email):
            await send(resources, made, f"{site}{PAGE[surface]}", Occasion.FORGOTTEN)
    except _AWAY:
        logger.warning("a link to a new password was asked for and not sent: engine or database is away")


async def tell(resources: Resources, practice: PracticeId, party: Actor, occasion: Occasion) -> None:
    """Mail somebody what has become of their account; what they have just done stands, also if the engine is away."""
    try:
        async with resources.database.practice(practice) as transaction:
            whose = await reset.addressed(transaction, practice, party, token="")
        await send(resources, whose, "", occasion)
    except _AWAY:
        logger.warning("a mail was not sent: engine or database is away (%s)", occasion)


async def send(resources: Resources, made: Reset, address: str, occasion: Occasion) -> None:
    """Mail the link, however long the relay is away while it is good; `address` is the page that takes it."""
    mailing = ResetMail(uuid4(), made.email, address, made.token, made.language, datetime.now(UTC), occasion)
    await engine.start(
        resources,
        Mailing.run,
        mailing,
        id=workflow_id(mailing.id),
        summary=SUMMARY[occasion].capitalize(),
        known=[SearchAttributePair(temporal.PRACTICE, str(made.practice))],
    )
