"""The practice shares: Share, Share to Sign, and the invitation that both may need first."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.common import SearchAttributePair, WorkflowIDConflictPolicy

from activities.invite import InvitationMail
from api import engine
from api.resources import Resources
from chart import audit, client, document, practice, request
from chart.audit import Action
from chart.document import Document
from chart.ids import ClientId, DocumentId, RequestId
from chart.refusals import AlreadyDone
from chart.request import Order, RequestState
from gateways import temporal
from identity import account, policy
from identity.caller import PracticeSide, Right
from workflows.invite import Invite
from workflows.invite import workflow_id as invitation_workflow_id
from workflows.share_to_sign import ShareToSign, workflow_id


async def share(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Document:
    """Share: downloadable in the portal at once. Doing it again changes nothing."""
    policy.check(caller, Right.SHARE)
    async with resources.database.practice(caller.practice) as transaction:
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


@dataclass(frozen=True)
class Asked:
    """A Share to Sign that the engine holds for sure; `delivered` once it stands in the client's portal."""

    request_id: RequestId
    delivered: bool


async def share_to_sign(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, *, days: int | None = None
) -> Asked:
    """Share to Sign: start the workflow, or find the one that runs (SPEC S4)."""
    policy.check(caller, Right.SHARE)
    async with resources.database.practice(caller.practice) as transaction:
        found = await document.find(transaction, document_id)
        document.check_may_be_signed(found)
        if found.request_state is RequestState.SIGNED:
            raise AlreadyDone("This document has been signed. Upload a new version to ask for another signature.")
        signer = await client.signer(transaction, found.client_id)
        lasts = timedelta(days=days or (await practice.current(transaction)).request_days)
    order = Order(
        practice=caller.practice,
        client=found.client_id,
        document=found.id,
        version=found.version_id,
        sha256=found.sha256,
        signer=signer.account_id,
        requested_by=caller.actor,
        expires_at=datetime.now(UTC) + lasts,
    )
    request_id = await _start(resources, order)
    delivered = await resources.hub.wait_until(
        lambda: _delivered(resources, caller, request_id), request_id, most=engine.MOST_WAIT
    )
    return Asked(request_id, delivered)


async def _start(resources: Resources, order: Order) -> RequestId:
    run = await engine.start(
        resources,
        ShareToSign.run,
        order,
        id=workflow_id(order.document),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        summary="Share to Sign: one signature",
        known=[
            SearchAttributePair(temporal.STATE, RequestState.PENDING.label),
            SearchAttributePair(temporal.PRACTICE, str(order.practice)),
            SearchAttributePair(temporal.EXPIRES, order.expires_at),
        ],
    )
    return RequestId(run)


async def _delivered(resources: Resources, caller: PracticeSide, request_id: RequestId) -> bool:
    async with resources.database.practice(caller.practice) as transaction:
        return await request.exists(transaction, request_id)


async def invite(
    resources: Resources, caller: PracticeSide, client_id: ClientId, *, email: str, name: str, relationship: str
) -> None:
    """Invite somebody to act for the client in the Client Portal; an invitation sent before ends."""
    policy.check(caller, Right.INVITE)
    async with resources.database.practice(caller.practice) as transaction:
        await client.find(transaction, client_id)
        invitation = await account.invite(
            transaction, caller.practice, client_id, email=email, name=name, relationship=relationship
        )
        await audit.record(
            transaction, caller.practice, caller.actor, Action.INVITED, chart=client_id, relationship=relationship
        )
    await engine.start(
        resources,
        Invite.run,
        InvitationMail(str(invitation.id), invitation.email, invitation.token, datetime.now(UTC)),
        id=invitation_workflow_id(invitation.id),
        summary="Invitation to the Client Portal",
        known=[SearchAttributePair(temporal.PRACTICE, str(caller.practice))],
    )
