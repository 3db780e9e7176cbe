"""The practice shares: Share, Share to Sign, and the invitation that both may need first."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio.common import SearchAttributePair

from activities.ask import ask
from activities.invite import InvitationMail
from activities.order import Terms, new_order
from activities.order import share as share_plainly
from api import engine
from api.resources import Resources
from chart import audit, block, care, client, disclosure, document, practice, request
from chart.audit import Action, Actor
from chart.document import Document, HideException
from chart.ids import AccountId, ClientId, DocumentId, InvitationId, RequestId
from chart.lifecycle import STATES, Order, RequestState
from chart.practice import Practice
from chart.refusals import NotFound, NotInThisState
from chart.relationship import Relationship
from chart.request import Request
from chart.text import N_
from gateways import temporal
from identity import account, policy, staff
from identity.caller import PracticeSide
from identity.policy import Operation
from workflows.invite import Invite
from workflows.invite import workflow_id as invitation_workflow_id


async def share(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Document:
    """Share: downloadable in the portal at once. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await share_plainly(transaction, caller.practice, caller.actor, document_id)
        return await document.find(transaction, document_id)


async def hide(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, exception: HideException, reason: str
) -> Document:
    """Take a plain share out of the portal, under an exception of 45 CFR 171; a signed copy never (SPEC S6)."""
    document.check_reason(reason)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await request.hold(transaction, document_id)
        found = await document.find(transaction, document_id)
        if await document.hide(transaction, found, caller.actor, exception, reason):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.HID,
                chart=found.client_id,
                document=document_id,
                sha256=found.sha256,
                exception=exception,
            )
            await request.announce_chart(transaction, caller.practice, found.client_id)
        return await document.find(transaction, document_id)


@dataclass(frozen=True)
class Invitee:
    """Somebody who is to act for a client in the Client Portal."""

    email: str = field(repr=False)
    name: str = field(repr=False)
    relationship: Relationship


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
    """Share to Sign: start the workflow, or find the one that runs (SPEC S4). May invite the client first (S5).

    Without terms whatever runs is the answer; with terms, one that asks others or in another way is refused.
    """
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        order = await new_order(transaction, caller.practice, caller.actor, document_id, terms or Terms())
    if invite_too:
        policy.check(caller, Operation.INVITE)
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            found = await document.find(transaction, document_id)
        disclosure.check_may_be_invited_for(found, invite_too.relationship)
        await invite(resources, caller, order.client, invite_too)
    asked = await ask_for(resources, order)
    if terms and asked.delivered:
        await _check_is_what_was_asked(resources, order, asked.request_id)
    return asked


async def _check_is_what_was_asked(resources: Resources, order: Order, request_id: RequestId) -> None:
    async with resources.database.practice(order.practice) as transaction:
        life = (await request.find(transaction, request_id)).life
    asked, wanted = ([seat.party for seat in one.seats] for one in (life, order))
    same_signers = asked == wanted if order.in_order else set(asked) == set(wanted)
    if not same_signers or (life.in_order, life.on_decline) != (order.in_order, order.on_decline):
        raise NotInThisState(
            "A request on this document is open already, and asks others or in another way. "
            "Change it on its page, or recall it and share again."
        )


@dataclass(frozen=True)
class Possible:
    """Somebody who can be named as a signer."""

    party: Actor
    name: str = field(repr=False)
    relationship: str
    """To the client; of staff the role."""
    why_not: str | None
    """Why a Share to Sign that names this person would be refused."""


@dataclass(frozen=True)
class Choices:
    """What a Share to Sign can ask for, so that a page can offer it."""

    accounts: list[Possible]
    """Who acts for the client today."""
    colleagues: list[Possible]
    """For a counter-signature."""
    practice: Practice

    @property
    def nobody(self) -> bool:
        """No account may sign for the client: the request has to wait for one that may."""
        return all(one.why_not for one in self.accounts)


async def choices(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Choices:
    """For the page of options; refuses what Share to Sign would refuse for any choice."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        document.check_may_be_signed(found)
        kept_from = {one.account_id for one in await block.of_document(transaction, document_id)}
        reached = await disclosure.reached(transaction, document_id)
        restriction = await care.restriction(transaction, found.client_id)
        return Choices(
            [
                Possible(
                    request.party_of(one.account_id),
                    one.name,
                    one.relationship.label,
                    _why_not(one.account_id, kept_from, reached),
                )
                for one in await client.access(transaction, found.client_id)
            ],
            [
                Possible(
                    one.party,
                    one.name,
                    one.role.capitalize(),
                    None if restriction is None or one.id in restriction.care_team else care.NOT_ON_THE_TEAM,
                )
                for one in await staff.counter_signers(transaction)
            ],
            await practice.current(transaction),
        )


def _why_not(account_id: AccountId, kept_from: set[AccountId], reached: set[AccountId]) -> str | None:
    if account_id in kept_from:
        return N_("This document is kept from this person.")
    return None if account_id in reached else disclosure.NEEDS_CONSENT


async def ask_for(resources: Resources, order: Order) -> Asked:
    """Start the request and wait a moment until it stands in the chart.

    A request on the document that is just ending is waited for, not joined.
    """
    until = asyncio.get_running_loop().time() + engine.MOST_WAIT.total_seconds()
    while True:
        with engine.answers():
            request_id = await ask(resources.engine, resources.settings.temporal_task_queue, order)
        found = await _in_chart(resources, order, request_id)
        if found is None or (found.life.open and not found.late) or found.signed_at:
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


async def invite_again(
    resources: Resources, caller: PracticeSide, client_id: ClientId, invitation_id: InvitationId
) -> None:
    """Send the same person a new invitation; the one sent before ends, if it has not expired."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        sent = await client.invitations(transaction, client_id) + await client.lapsed(transaction, client_id)
        found = [one for one in sent if one.id == invitation_id]
    if not found:
        raise NotFound("This invitation has ended. Invite again with name and email address.")
    await invite(resources, caller, client_id, Invitee(found[0].email, found[0].name, found[0].relationship))


async def revoke_invitation(
    resources: Resources, caller: PracticeSide, client_id: ClientId, invitation_id: InvitationId
) -> None:
    """Take an invitation back: its link works no more. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        if await account.revoke_invitation(transaction, client_id, invitation_id):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.REVOKED_INVITATION,
                chart=client_id,
                invitation=str(invitation_id),
            )


async def invite(resources: Resources, caller: PracticeSide, client_id: ClientId, invitee: Invitee) -> None:
    """Invite somebody to act for the client in the Client Portal; an invitation sent before ends."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
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
