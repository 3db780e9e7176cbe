"""The practice shares: Share, Share to Sign, and the invitation that both may need first."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.common import SearchAttributePair

from activities.ask import ask
from activities.invite import InvitationMail
from api import engine
from api.resources import Resources
from chart import audit, block, client, document, practice, request, schedule
from chart.audit import Action, Actor
from chart.document import Document
from chart.ids import ClientId, DocumentId, RequestId
from chart.lifecycle import STATES, OnDecline, Order, RequestState, Seat
from chart.refusals import AlreadyDone, NotInThisState, Unacceptable
from chart.relationship import Relationship
from chart.request import Request
from gateways import temporal
from gateways.postgres import Transaction
from identity import account, policy, staff
from identity.caller import PracticeSide, Right
from workflows.invite import Invite
from workflows.invite import workflow_id as invitation_workflow_id


async def share(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Document:
    """Share: downloadable in the portal at once. Doing it again changes nothing."""
    policy.check(caller, Right.SHARE)
    async with resources.database.practice(caller.practice) as transaction:
        await request.hold(transaction, document_id)
        found = await document.find(transaction, document_id)
        document.check_may_be_shared(found)
        await client.signer(transaction, found.client_id)
        if await document.share(transaction, caller.practice, found.version_id, caller.actor):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.SHARED,
                chart=found.client_id,
                document=document_id,
                sha256=found.sha256,
            )
        return await document.find(transaction, document_id)


async def hide(resources: Resources, caller: PracticeSide, document_id: DocumentId, reason: str) -> Document:
    """Take a plain share out of the portal, for a reason; a signed copy never (SPEC S6)."""
    policy.check(caller, Right.SHARE)
    document.check_reason(reason)
    async with resources.database.practice(caller.practice) as transaction:
        await request.hold(transaction, document_id)
        found = await document.find(transaction, document_id)
        if await document.hide(transaction, found, caller.actor, reason):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.HID,
                chart=found.client_id,
                document=document_id,
                sha256=found.sha256,
            )
        return await document.find(transaction, document_id)


@dataclass(frozen=True)
class Invitee:
    """Somebody who is to act for a client in the Client Portal."""

    email: str = field(repr=False)
    name: str = field(repr=False)
    relationship: Relationship


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


@dataclass(frozen=True)
class Asked:
    """A Share to Sign that the engine holds for sure; `delivered` once it stands in the chart."""

    request_id: RequestId
    delivered: bool


async def share_to_sign(
    resources: Resources,
    caller: PracticeSide,
    document_id: DocumentId,
    terms: Terms | None = None,
    invite_too: Invitee | None = None,
) -> Asked:
    """Share to Sign: start the workflow, or find the one that runs (SPEC S4). May invite the client first (S5)."""
    policy.check(caller, Right.SHARE)
    async with resources.database.practice(caller.practice) as transaction:
        order = await new_order(transaction, caller, document_id, terms or Terms())
    if invite_too:
        async with resources.database.practice(caller.practice) as transaction:
            found = await document.find(transaction, document_id)
        document.check_may_go_to(found, invite_too.relationship)
        await invite(resources, caller, order.client, invite_too)
    return await ask_for(resources, order)


async def new_order(transaction: Transaction, caller: PracticeSide, document_id: DocumentId, terms: Terms) -> Order:
    """What is asked for, checked; raises the refusal that names the remedy. Nothing is written."""
    found = await document.find(transaction, document_id)
    document.check_may_be_signed(found)
    if found.request_state in {RequestState.SIGNED, RequestState.SIGNED_ON_PAPER}:
        raise AlreadyDone("This document has been signed. Upload a new version to ask for another signature.")
    if terms.reminder_days is not None:
        schedule.check_days(terms.reminder_days)
    days = terms.days or (await practice.current(transaction)).request_days
    now = datetime.now(UTC)
    return Order(
        practice=caller.practice,
        client=found.client_id,
        document=found.id,
        version=found.version_id,
        sha256=found.sha256,
        seats=await _seats(transaction, found, terms),
        requested_by=caller.actor,
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
    for party in terms.signers:
        if request.staff_of(party):
            await staff.check_may_counter_sign(transaction, party)
        elif party not in acting:
            raise Unacceptable("A signer has no access to the client's portal. Name one who acts for the client.")
        elif party in kept_from:
            raise Unacceptable("This document is kept from one of the signers. Lift the block, or name somebody else.")
        else:
            document.check_may_go_to(found, acting[party].relationship)
    if terms.signers and not terms.when_registered:
        return tuple(map(Seat, terms.signers))
    if any(request.account_of(party) for party in terms.signers):
        return tuple(map(Seat, terms.signers))
    return (await _clients_seat(transaction, found, terms, kept_from), *map(Seat, terms.signers))


async def _clients_seat(transaction: Transaction, found: Document, terms: Terms, kept_from: set[Actor]) -> Seat:
    """The client, or the first who acts for them and may have this document; or whoever registers."""
    for access in await client.access(transaction, found.client_id):
        party = request.party_of(access.account_id)
        if document.may_go_to(found, access.relationship) and party not in kept_from:
            return Seat(party)
    if terms.when_registered:
        return Seat(None)
    access = await client.signer(transaction, found.client_id)
    document.check_may_go_to(found, access.relationship)
    raise Unacceptable("This document is kept from whoever acts for the client. Lift the block first.")


async def ask_for(resources: Resources, order: Order) -> Asked:
    """Start the request and wait a moment until it stands in the chart.

    A request on the document that is just ending is waited for, not joined.
    """
    until = asyncio.get_running_loop().time() + engine.MOST_WAIT.total_seconds()
    while True:
        with engine.answers():
            request_id = await ask(resources.engine, resources.settings.temporal_task_queue, order)
        found = await _in_chart(resources, order, request_id)
        if found is None or (found.life.open and datetime.now(UTC) < found.expires_at) or found.signed_at:
            return Asked(request_id, found is not None)
        if found.state is RequestState.SEALING:
            raise NotInThisState(found.attention or STATES[found.state].too_late)
        if asyncio.get_running_loop().time() > until:
            raise NotInThisState("The request before this one is just ending. Share to Sign again in a minute.")
        await asyncio.sleep(0.1)


async def _in_chart(resources: Resources, order: Order, request_id: RequestId) -> Request | None:
    async def delivered() -> bool:
        async with resources.database.practice(order.practice) as transaction:
            return await request.exists(transaction, request_id)

    if not await resources.hub.wait_until(delivered, request_id, most=engine.MOST_WAIT):
        return None
    async with resources.database.practice(order.practice) as transaction:
        return await request.find(transaction, request_id)


async def invite(resources: Resources, caller: PracticeSide, client_id: ClientId, invitee: Invitee) -> None:
    """Invite somebody to act for the client in the Client Portal; an invitation sent before ends."""
    policy.check(caller, Right.INVITE)
    async with resources.database.practice(caller.practice) as transaction:
        await client.find(transaction, client_id)
        invitation = await account.invite(
            transaction,
            caller.practice,
            client_id,
            email=invitee.email,
            name=invitee.name,
            relationship=invitee.relationship,
        )
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.INVITED,
            chart=client_id,
            relationship=invitee.relationship,
        )
    await engine.start(
        resources,
        Invite.run,
        InvitationMail(
            caller.practice, client_id, invitation.id, invitation.email, invitation.token, datetime.now(UTC)
        ),
        id=invitation_workflow_id(invitation.id),
        summary="Invitation to the Client Portal",
        known=[SearchAttributePair(temporal.PRACTICE, str(caller.practice))],
    )
