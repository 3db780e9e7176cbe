"""A signature on its way from a signer, client or staff, to the workflow."""

from datetime import UTC, datetime
from enum import StrEnum

import pdf
from activities.stamp import Signature
from api import engine
from api.resources import Resources
from chart import audit, request
from chart.audit import Action, Actor
from chart.ids import DocumentId
from chart.lifecycle import STATES, WHY_NOT, RequestState, SeatState
from chart.refusals import NotFound, NotInThisState, NotYourTurn
from chart.request import Readiness, Request
from identity.caller import StaffMember
from workflows.share_to_sign import ShareToSign


class Outcome(StrEnum):
    SIGNED = "signed"
    """Stamped, sealed and in the chart."""
    TAKEN = "taken"
    """The signature stands in the chart; others are still to sign."""
    RECEIVED = "received"
    """The engine holds the signature for good; the chart follows."""


async def counter_sign(
    resources: Resources,
    staff: StaffMember,
    document_id: DocumentId,
    *,
    mark: pdf.Mark,
    shown_sha256: str,
    intends: bool,
    ip_address: str,
) -> Outcome:
    """A provider's or supervisor's signature (SPEC G8): as a client's, but staff is not asked for a consent."""
    pdf.check_mark(mark)
    async with resources.database.practice(staff.practice, staff.actor) as transaction:
        asked = await request.newest_of(transaction, document_id)
    if asked is None:
        raise NotFound("There is no such document, or nobody asks you to sign it.")
    now = datetime.now(UTC)
    ready = Readiness(now, staff.authenticated_at, shown_sha256, consented=True, intends=intends)
    request.check_may_sign(asked, staff.actor, ready)
    signature = Signature(asked.id, staff.actor, asked.sha256, mark, now, ip_address, "", staff.language)
    return await hand_in(resources, asked, signature)


async def note_viewed(resources: Resources, staff: StaffMember, document_id: DocumentId) -> Request | None:
    """Open a document for review; kept for whoever is to counter-sign it. The document's newest request."""
    async with resources.database.practice(staff.practice, staff.actor) as transaction:
        asked = await request.newest_of(transaction, document_id)
        if asked and asked.signer(staff.actor):
            if await request.view(transaction, asked, staff.actor):
                await audit.record(
                    transaction,
                    staff.practice,
                    staff.actor,
                    Action.VIEWED,
                    chart=asked.client_id,
                    document=document_id,
                    request=asked.id,
                    sha256=asked.sha256,
                )
            asked = await request.find(transaction, asked.id)
    return asked


async def is_received(resources: Resources, staff: StaffMember, asked: Request) -> bool:
    """Whether the engine holds this signature, and the chart does not show it yet."""
    mine = asked.signer(staff.actor)
    if mine is None or mine.state is not SeatState.WAITING or asked.state.ended:
        return False
    return await engine.held_answer(resources, asked, staff.actor) is SeatState.SIGNED


async def hand_in(resources: Resources, asked: Request, signature: Signature) -> Outcome:
    """Hand a signature to the engine, then wait a moment for its outcome.

    Once the engine has the signal no death of any process loses it; what it decides is read from the chart. If
    something else came first, `NotInThisState` says what (SPEC G6).
    """
    await engine.signal(resources, asked, ShareToSign.sign, signature)
    found = await answered(resources, asked, signature.signer, SeatState.SIGNED)
    if found.state is RequestState.SIGNED:
        return Outcome.SIGNED
    mine = found.signer(signature.signer)
    return Outcome.TAKEN if mine and mine.state is SeatState.SIGNED else Outcome.RECEIVED


async def answered(resources: Resources, asked: Request, party: Actor, answer: SeatState) -> Request:
    """The request once this signer's answer stands in the chart; as it is after a moment at most.

    Raises what came first, if something did: an ending, or another answer of the same signer.
    """
    found = asked

    async def stands() -> bool:
        nonlocal found
        async with resources.database.practice(asked.practice_id) as transaction:
            found = await request.find(transaction, asked.id)
        mine = found.signer(party)
        return found.state.ended or (mine is not None and mine.state is not SeatState.WAITING)

    await resources.hub.wait_until(stands, asked.id, most=engine.MOST_WAIT)
    mine = found.signer(party)
    if mine and mine.state is answer:
        return found
    if mine and mine.state is not SeatState.WAITING:
        raise NotYourTurn(WHY_NOT[mine.state])
    if found.state.ended:
        raise NotInThisState(STATES[found.state].too_late)
    return found
