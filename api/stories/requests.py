"""The practice follows and steers its signature requests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from activities.order import Terms, new_order
from api import engine
from api.resources import Resources
from api.stories.sharing import Asked, ask_for
from chart import audit, client, document, message, practice, request, schedule, waiting
from chart.appointment import midnight
from chart.audit import Action, Actor, Entry
from chart.ids import RequestId
from chart.lifecycle import ENDINGS, STATES, Act, RequestState
from chart.message import Letter, MessageAbout
from chart.refusals import NotInThisState
from chart.request import Request
from chart.text import Sentence
from chart.waiting import Filter, Spot, Waiting
from gateways.postgres import Transaction
from identity.caller import PracticeSide
from workflows.share_to_sign import ShareToSign
from workflows.signals import Extend, Mend, Recall, Remind, Reschedule, StaffRecord


async def find_request(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Request:
    """Look at a request."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await request.find(transaction, request_id)
        await _note_viewed(transaction, caller, found)
        return found


async def _note_viewed(transaction: Transaction, caller: PracticeSide, found: Request) -> None:
    """Not as an entry of the request itself: nothing happens to it."""
    await audit.record(
        transaction,
        caller.practice,
        caller.actor,
        Action.VIEWED_REQUEST,
        chart=found.client_id,
        document=found.document_id,
        request_id=str(found.id),
    )


async def _read(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Request:
    """For an act on it, which is audited itself."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return await request.find(transaction, request_id)


@dataclass(frozen=True)
class Timeline:
    """What happened to a request, oldest first, and what is to come."""

    request: Request
    entries: tuple[Entry, ...]
    names: dict[str, str] = field(repr=False)
    """Of the actors and of whom mail went to, as the practice knows them."""
    zone: ZoneInfo
    """Of the practice: in which its days are counted."""
    reminds: bool
    """Whether a reminder would reach anybody: not colleagues, nor who wants none."""


async def timeline(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Timeline:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await request.find(transaction, request_id)
        entries = await audit.of_request(transaction, request_id)
        told = {Actor(str(entry.detail["to"])) for entry in entries if entry.detail.get("to")}
        names = await audit.names(transaction, told | {entry.actor for entry in entries})
        zone = ZoneInfo((await practice.current(transaction)).timezone)
        reminds = bool(await _to_remind(transaction, found))
        await _note_viewed(transaction, caller, found)
        return Timeline(found, tuple(entries), names, zone, reminds)


async def _to_remind(transaction: Transaction, asked: Request) -> list[Letter]:
    return await message.letters(transaction, asked.id, MessageAbout.RECORD_REQUEST, "reminder", asked.life.waits_for)


@dataclass(frozen=True)
class Queue:
    """A page of what waits for somebody."""

    waiting: list[Waiting]
    next: Spot | None
    """Where the next page begins; None at the end."""


async def queue(
    resources: Resources, caller: PracticeSide, chosen: Filter, *, after: Spot | None = None, limit: int = 200
) -> Queue:
    """Requests that wait for somebody: unsigned, overdue, needing attention (SPEC N4)."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_REQUESTS, show=chosen)
        found = await waiting.queue(transaction, chosen, after=after, limit=limit + 1)
        shown = found[:limit]
        return Queue(shown, shown[-1].spot if len(found) > limit else None)


async def need_attention(resources: Resources, caller: PracticeSide) -> int:
    """How many do, a hundred at most, which tells of nobody."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return len(await waiting.queue(transaction, Filter.NEEDS_ATTENTION, limit=100))


@dataclass(frozen=True)
class Steered:
    """The request after an act of the practice; not `decided` while the engine holds it and no worker has taken it."""

    request: Request
    decided: bool


async def recall(resources: Resources, caller: PracticeSide, request_id: RequestId, reason: str) -> Steered:
    """Take the request back until it is signed; the signers are told (SPEC S6)."""
    document.check_reason(reason)
    return await _steer(
        resources,
        caller,
        request_id,
        Act.RECALL,
        ShareToSign.recall,
        Recall(request_id, caller.actor, reason),
        RequestState.RECALLED,
    )


async def record(
    resources: Resources,
    caller: PracticeSide,
    request_id: RequestId,
    act: Literal[Act.RECORD_UNABLE, Act.RECORD_PAPER],
    reason: str,
    dates: dict[str, Any],
    *,
    before_service: bool = False,
) -> Steered:
    """Record that the signature could not be obtained, or was made on paper (SPEC G7).

    `before_service`: that the paper is from before the date of service is meant.
    """
    document.check_reason(reason)
    for day in [one["on"] for one in dates.get("attempts", ())] + [
        dates[key] for key in ("signed_on",) if key in dates
    ]:
        schedule.check_past(date.fromisoformat(day), datetime.now(UTC).date())
    for attempt in dates.get("attempts", ()):
        document.check_reason(attempt["how"])
    if "signed_on" in dates and not before_service:
        asked = await _read(resources, caller, request_id)
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            found = await document.find(transaction, asked.document_id)
        document.check_signed_on(found, date.fromisoformat(dates["signed_on"]))
    return await _steer(
        resources,
        caller,
        request_id,
        act,
        ShareToSign.record,
        StaffRecord(request_id, caller.actor, act, reason, dates),
        ENDINGS[act],
    )


async def extend(resources: Resources, caller: PracticeSide, request_id: RequestId, until: date) -> Steered:
    """Move the expiry to the end of a day in the practice's time zone."""
    found = await _read(resources, caller, request_id)
    request.check_offers(found, Act.EXTEND)
    schedule.check_near(until, datetime.now(UTC).date())
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        zone = ZoneInfo((await practice.current(transaction)).timezone)
    moment = midnight(until + timedelta(days=1), zone)
    schedule.check_expiry(found.created_at, moment, datetime.now(UTC))
    return await _steer(
        resources,
        caller,
        request_id,
        Act.EXTEND,
        ShareToSign.extend,
        Extend(request_id, caller.actor, moment),
        lambda now: now.expires_at == moment,
    )


async def reschedule(resources: Resources, caller: PracticeSide, request_id: RequestId, days: Sequence[int]) -> Steered:
    """Other days for the reminders, counted from the delivery as before; those that have passed are not made up."""
    schedule.check_days(days)
    found = await _read(resources, caller, request_id)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        zone = await client.zone(transaction, found.client_id)
    now = datetime.now(UTC)
    moments = schedule.reminders(found.delivered_at or found.created_at, days, zone, found.expires_at)
    ahead = tuple(moment for moment in moments if moment > now)
    return await _steer(
        resources,
        caller,
        request_id,
        Act.RESCHEDULE,
        ShareToSign.reschedule,
        Reschedule(request_id, caller.actor, tuple(days), ahead),
        lambda now: now.reminders == ahead,
    )


async def remind(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Steered:
    """Send a reminder now, not more often than every five minutes."""
    found = await _read(resources, caller, request_id)
    if found.whose_turn and not found.can_be_reminded:
        raise NotInThisState(_NOBODY_WITHOUT_ACCESS if found.barred else _COLLEAGUES_ALONE)
    request.check_offers(found, Act.REMIND)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        if not await _to_remind(transaction, found):
            raise NotInThisState(_WANT_NONE)
    before = found.reminded_at
    schedule.may_remind_now(before or found.created_at, datetime.now(UTC))
    return await _steer(
        resources,
        caller,
        request_id,
        Act.REMIND,
        ShareToSign.remind,
        Remind(request_id, caller.actor),
        lambda now: now.reminded_at != before,
    )


_NOBODY_WITHOUT_ACCESS: Sentence = (
    "Whoever is to sign now cannot sign any more, so nobody can be reminded. The request says why, and what to do."
)
_WANT_NONE: Sentence = (
    "Whoever is to sign now has chosen to get no reminders. The request is in the portal; tell them in another way."
)
_COLLEAGUES_ALONE: Sentence = (
    "It waits for a counter-signature, which stands in the notices of the chart. Nobody is reminded of that by email."
)


async def resume(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Steered:
    """Try again now what needs attention."""
    mend = Mend(request_id, caller.actor)
    return await _steer(resources, caller, request_id, Act.RESUME, ShareToSign.resume, mend, _mended)


async def skip(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Steered:
    """Leave out the step that needs attention, where that is possible."""
    mend = Mend(request_id, caller.actor)
    return await _steer(resources, caller, request_id, Act.SKIP, ShareToSign.skip, mend, _mended)


async def reissue(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Asked:
    """Ask for the same once more: of a request that has ended, or instead of one that cannot go on."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await request.find(transaction, request_id)
        request.check_offers(found, Act.REISSUE)
        order = (
            await new_order(transaction, caller.practice, caller.actor, found.document_id, _same(found))
            if found.state.ended
            else None
        )
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.REISSUED,
            chart=found.client_id,
            document=found.document_id,
            request=request_id,
        )
    if order:
        return await ask_for(resources, order)
    await engine.steer(resources, caller, found, ShareToSign.reissue, Mend(request_id, caller.actor))
    return await _successor(resources, caller, found)


def _same(found: Request) -> Terms:
    """Of a new request like this one."""
    return Terms(
        days=max(round((found.expires_at - found.created_at) / timedelta(days=1)), 1),
        signers=tuple(signer.party for signer in found.signers if signer.party),
        in_order=found.in_order,
        on_decline=found.on_decline,
        reminder_days=found.reminder_days,
        when_registered=any(signer.position == 0 and signer.party is None for signer in found.signers),
    )


async def _successor(resources: Resources, caller: PracticeSide, before: Request) -> Asked:
    """The request that the engine starts instead of this one, as soon as it stands in the chart."""
    found = before

    async def has_come() -> bool:
        nonlocal found
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            found = await request.newest_of(transaction, before.document_id) or before
        return found.id != before.id

    come = await resources.hub.wait_until(has_come, before.id, most=engine.MOST_WAIT)
    return Asked(found.id, delivered=come)


async def _steer(
    resources: Resources,
    caller: PracticeSide,
    request_id: RequestId,
    act: Act,
    signal: Any,
    argument: object,
    done: RequestState | Callable[[Request], bool],
) -> Steered:
    """Check, signal, and wait a moment for what became of it.

    The workflow decides; if it refuses, or something else came first, `NotInThisState` says so (SPEC G6).
    """
    now = await _read(resources, caller, request_id)
    request.check_offers(now, act)
    asked_at = datetime.now(UTC)
    await engine.steer(resources, caller, now, signal, argument)
    is_done = done if callable(done) else lambda found: found.state is done
    refused: str | None = None

    async def decided() -> bool:
        nonlocal now, refused
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            now = await request.find(transaction, request_id)
            entries = await audit.of_request(transaction, request_id)
        refused = next((str(one.detail["why"]) for one in entries if _is_refusal(one, caller, act, asked_at)), None)
        return now.state.ended or is_done(now) or refused is not None

    await resources.hub.wait_until(decided, request_id, most=engine.MOST_WAIT)
    if is_done(now):
        return Steered(now, decided=True)
    if refused or now.state.ended:
        raise NotInThisState(refused or STATES[now.state].too_late)
    return Steered(now, decided=False)


def _is_refusal(entry: Entry, caller: PracticeSide, act: Act, since: datetime) -> bool:
    late = entry.action is Action.CAME_TOO_LATE and entry.detail.get("act") == act
    return late and entry.actor == caller.actor and entry.at > since - CLOCKS_DIFFER


CLOCKS_DIFFER = timedelta(seconds=2)
"""Between this machine and the database's."""


def _mended(now: Request) -> bool:
    return now.attention is None
