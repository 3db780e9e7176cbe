"""What a Share to Sign asks for, made of what somebody wishes, and checked before anything starts."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chart import audit, block, care, client, disclosure, document, practice, request, schedule
from chart.audit import Action, Actor
from chart.document import Document
from chart.ids import DocumentId, PracticeId
from chart.lifecycle import OnDecline, Order, RequestState, Seat
from chart.refusals import AlreadyDone, KindRefused, Unacceptable
from gateways.postgres import Transaction
from identity import staff


@dataclass(frozen=True)
class Terms:
    """What a Share to Sign may say besides the document; the practice's ways where it says nothing."""

    days: int | None = None
    signers: tuple[Actor, ...] = ()
    """Portal accounts of the client, and staff for a counter-signature; without an account: the client, or who acts."""
    in_order: bool = False
    on_decline: OnDecline = OnDecline.ENDS
    reminder_days: tuple[int, ...] | None = None
    when_registered: bool = False
    """The client signs too; if nobody represents them yet, the request waits for a registration (SPEC S5)."""
    mails: bool = True


async def share(transaction: Transaction, practice_id: PracticeId, by: Actor, document_id: DocumentId) -> None:
    """Plain Share: downloadable in the portal at once. Doing it again changes nothing."""
    await request.hold(transaction, document_id)
    found = await document.find(transaction, document_id)
    document.check_may_be_shared(found)
    await client.signer(transaction, found.client_id)
    if not await disclosure.reached(transaction, document_id):
        raise KindRefused(disclosure.NEEDS_CONSENT)
    if await document.share(transaction, practice_id, found.version_id, by):
        await audit.record(
            transaction,
            practice_id,
            by,
            Action.SHARED,
            chart=found.client_id,
            document=document_id,
            sha256=found.sha256,
        )
        await request.announce_chart(transaction, practice_id, found.client_id)


async def new_order(
    transaction: Transaction, practice_id: PracticeId, by: Actor, document_id: DocumentId, terms: Terms
) -> Order:
    """What is asked for, checked; raises the refusal that names the remedy. Nothing is written."""
    found = await document.find(transaction, document_id)
    document.check_may_be_signed(found)
    if found.over:
        raise AlreadyDone("This document has been signed. Upload a new version to ask for another signature.")
    if terms.reminder_days is not None:
        schedule.check_days(terms.reminder_days)
    days = terms.days or (await practice.current(transaction)).request_days
    now = datetime.now(UTC)
    return Order(
        practice=practice_id,
        client=found.client_id,
        document=found.id,
        version=found.version_id,
        sha256=found.sha256,
        seats=await _seats(transaction, found, terms),
        requested_by=by,
        asked_at=now,
        expires_at=now + timedelta(days=days),
        in_order=terms.in_order,
        on_decline=terms.on_decline,
        reminder_days=terms.reminder_days,
        mails=terms.mails,
    )


async def _seats(transaction: Transaction, found: Document, terms: Terms) -> tuple[Seat, ...]:
    """Who signs: those named, checked; without names the client, or whoever acts for them."""
    if len(set(terms.signers)) < len(terms.signers):
        raise Unacceptable("Each signer is named once.")
    acting = {request.party_of(one.account_id): one for one in await client.access(transaction, found.client_id)}
    kept_from = {request.party_of(one.account_id) for one in await block.of_document(transaction, found.id)}
    reached = await disclosure.reached(transaction, found.id)
    for party in terms.signers:
        if colleague := request.staff_of(party):
            await staff.check_may_counter_sign(transaction, party)
            if not await care.opens(transaction, found.client_id, colleague):
                raise Unacceptable(care.NOT_ON_THE_TEAM)
        elif party not in acting:
            raise Unacceptable("A signer has no access to the client's portal. Name one who acts for the client.")
        elif party in kept_from:
            raise Unacceptable("This document is kept from one of the signers. Lift the block, or name somebody else.")
        else:
            disclosure.check_reaches(acting[party].account_id, reached)
    if terms.signers and not terms.when_registered:
        return tuple(map(Seat, terms.signers))
    if any(request.account_of(party) for party in terms.signers):
        return tuple(map(Seat, terms.signers))
    return (await _clients_seat(transaction, found, terms, kept_from), *map(Seat, terms.signers))


async def _clients_seat(transaction: Transaction, found: Document, terms: Terms, kept_from: set[Actor]) -> Seat:
    """The client, or the first who acts for them and may have this document; or whoever registers."""
    reached = await disclosure.reached(transaction, found.id)
    for access in await client.access(transaction, found.client_id):
        party = request.party_of(access.account_id)
        if access.account_id in reached and party not in kept_from:
            return Seat(party)
    # asked once more, what waits for a registration already goes on waiting
    if terms.when_registered or found.request_state is RequestState.AWAITING_REGISTRATION:
        return Seat(None)
    access = await client.signer(transaction, found.client_id)
    disclosure.check_reaches(access.account_id, reached)
    raise Unacceptable("This document is kept from whoever acts for the client. Lift the block first.")
