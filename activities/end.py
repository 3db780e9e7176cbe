"""End: every ending but the signature appears in the chart in one transaction, and those it concerns are told."""

from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from chart import audit, document, message, request
from chart.audit import Action, Actor
from chart.document import NewVersion
from chart.ids import RequestId
from chart.lifecycle import Life, Order, RequestState, SeatState
from chart.message import About, MessageAbout
from gateways.postgres import Database, Transaction


@dataclass(frozen=True)
class Ending:
    """How a request ends, and by whom."""

    by: Actor
    reason: str | None = field(default=None, repr=False)
    correction: bool = False
    """A decline that asks for a correction."""
    record: dict[str, Any] | None = field(default=None, repr=False)
    """Attempts and dates that staff has recorded."""
    version: NewVersion | None = None
    """The version that replaces the one that was to be signed."""


@dataclass(frozen=True)
class EndRequest:
    order: Order
    request_id: RequestId
    life: Life
    ending: Ending


@dataclass(frozen=True)
class Ended:
    state: RequestState
    """As it stands in the chart: an ending is for ever, and the first one counts."""
    told: tuple[Actor, ...] = ()
    """Whoever had the request in the inbox and is told of its end by email too."""


@activity.defn(name="end")
@dataclass(frozen=True)
class End:
    database: Database

    async def __call__(self, last: EndRequest) -> Ended:
        order, ending = last.order, last.ending
        async with self.database.practice(order.practice) as transaction:
            if ending.version:
                await document.add_version(transaction, order.practice, order.client, order.document, ending.version)
            ended = await request.end(
                transaction,
                order,
                last.request_id,
                last.life.state,
                by=ending.by,
                reason=ending.reason,
                correction=ending.correction,
                record=ending.record,
            )
            if ended:
                await self._write(transaction, last)
            stands = await request.state_of(transaction, last.request_id) or last.life.state
            if stands is not last.life.state:
                return Ended(stands)
            return Ended(stands, await self._told(transaction, last))

    async def _write(self, transaction: Transaction, last: EndRequest) -> None:
        order, request_id, ending, state = last.order, last.request_id, last.ending, last.life.state
        if state is RequestState.DECLINED:
            at = (await request.find(transaction, request_id)).ended_at
            assert at is not None, "it has just ended"
            await request.answer(
                transaction,
                request_id,
                ending.by,
                SeatState.DECLINED,
                at,
                reason=ending.reason,
                correction=ending.correction,
            )
        await audit.record(
            transaction,
            order.practice,
            ending.by,
            _ACTIONS[state],
            chart=order.client,
            document=order.document,
            request=request_id,
            correction=int(ending.correction) or None,
        )
        if about := _STAFF_IS_TOLD.get(state):
            await message.tell_staff(transaction, order.practice, request_id, about)

    async def _told(self, transaction: Transaction, last: EndRequest) -> tuple[Actor, ...]:
        """Put the message of the ending into the inboxes of those who hold the request and have to know."""
        told, holders = SIGNERS_ARE_TOLD.get(last.life.state), await message.holders(transaction, last.request_id)
        # what never came into the chart is held by nobody
        if told is None or not holders:
            return ()
        about, states = told
        # as the chart knows them: a registration may have come there first
        signers = (await request.find(transaction, last.request_id)).signers
        concerned = {signer.party for signer in signers if signer.state in states}
        parties = [party for party in holders if party in concerned]
        for party in parties:
            account = request.account_of(party)
            assert account, "messages are for portal accounts"
            await message.deliver(transaction, last.order.practice, account, last.request_id, about)
        return tuple(parties)


_ACTIONS = {
    RequestState.DECLINED: Action.DECLINED,
    RequestState.RECALLED: Action.RECALLED,
    RequestState.EXPIRED: Action.EXPIRED,
    RequestState.REPLACED: Action.REPLACED,
    RequestState.UNABLE_TO_OBTAIN: Action.UNABLE_TO_OBTAIN,
    RequestState.SIGNED_ON_PAPER: Action.SIGNED_ON_PAPER,
}

_STAFF_IS_TOLD = {RequestState.DECLINED: About.DECLINED, RequestState.EXPIRED: About.EXPIRED}

SIGNERS_ARE_TOLD: dict[RequestState, tuple[MessageAbout, frozenset[SeatState]]] = {
    RequestState.RECALLED: (MessageAbout.RECALLED, frozenset(SeatState)),
    RequestState.REPLACED: (MessageAbout.REPLACED, frozenset(SeatState)),
    RequestState.DECLINED: (MessageAbout.DECLINED, frozenset({SeatState.WAITING, SeatState.SIGNED})),
    RequestState.EXPIRED: (MessageAbout.EXPIRED, frozenset({SeatState.SIGNED})),
}
"""Endings that signers do not know of by themselves, and would wonder about: what is said, and to whom by answer."""
