"""What pages and JSON routes both do, once: check who may, read, start or signal.

Each function is one thing that somebody does. It takes the caller, asks the policy or the ownership first,
and leaves the state of a request to the workflow.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

import pdf
from activities.invite import InvitationMail
from activities.stamp import Signature
from api.resources import Resources
from chart import audit, client, consent, document, message, practice, request
from chart.audit import Action
from chart.client import Client, PortalAccess
from chart.document import Document, Kind
from chart.ids import ClientId, DocumentId, MessageId, RequestId
from chart.message import Message, StaffNotice
from chart.refusals import AlreadyDone, NotFound, NotInThisState, NotReachable
from chart.request import Order, Readiness, Request, RequestState
from gateways import temporal
from gateways.temporal import PlainWords
from identity import account, policy
from identity.caller import PortalUser, PracticeSide, Right
from workflows.invite import Invite
from workflows.invite import workflow_id as invitation_workflow_id
from workflows.share_to_sign import ShareToSign, workflow_id

ENGINE_WITHIN = timedelta(seconds=10)
AWAY = "The service that handles signatures does not answer. Try again in a moment; doing it twice counts once."

MOST_WAIT = timedelta(seconds=3)
"""How long a page waits for the workflow's outcome before it says 'received'."""

# -- the practice's side


async def search_clients(
    resources: Resources, caller: PracticeSide, words: str, *, after: ClientId | None = None, limit: int = 50
) -> list[Client]:
    """The Chart Room: clients whose name holds all the words."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        return await client.search(transaction, words, after=after, limit=limit)


async def add_client(
    resources: Resources,
    caller: PracticeSide,
    *,
    given_name: str,
    family_name: str,
    birth_date: date,
    external_id: str | None = None,
) -> Client:
    policy.check(caller, Right.WRITE_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        added = await client.add(
            transaction,
            caller.practice,
            given_name=given_name,
            family_name=family_name,
            birth_date=birth_date,
            external_id=external_id,
        )
        await audit.record(transaction, caller.practice, caller.actor, Action.CREATED_CLIENT, chart=added.id)
        return added


@dataclass(frozen=True)
class Chart:
    """A client's records: what Chart Face and Documents tab show."""

    client: Client
    access: list[PortalAccess]
    documents: list[Document]


async def open_chart(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Chart:
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await client.find(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_CHART, chart=client_id)
        return Chart(
            found, await client.access(transaction, client_id), await document.of_chart(transaction, client_id)
        )


@dataclass(frozen=True)
class Uploaded:
    document: Document
    changes: tuple[str, ...]
    """What was taken out or mended so that it can be signed, in plain words; what the pages show is the same."""


async def upload(
    resources: Resources,
    caller: PracticeSide,
    client_id: ClientId,
    *,
    kind: Kind,
    note_name: str | None,
    service_on: date,
    content: bytes,
) -> Uploaded:
    """Inspect and store a PDF, and file it in the chart; `pdf.Unfit` says why not."""
    policy.check(caller, Right.WRITE_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        await client.find(transaction, client_id)
    note_name = (note_name or "").strip() or None
    document.check_named(kind, note_name)
    inspected = await asyncio.to_thread(pdf.inspect, content)
    await resources.storage.put(inspected.data)
    upload_sha256 = await resources.storage.put(content)
    async with resources.database.practice(caller.practice) as transaction:
        added = await document.add(
            transaction,
            caller.practice,
            client_id,
            kind=kind,
            note_name=note_name,
            service_on=service_on,
            sha256=inspected.sha256,
            upload_sha256=upload_sha256,
            size=len(inspected.data),
            pages=inspected.pages,
        )
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.UPLOADED,
            chart=client_id,
            document=added.id,
            sha256=added.sha256,
            upload_sha256=upload_sha256,
        )
        return Uploaded(added, inspected.changes)


async def find_document(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Document:
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await document.find(transaction, document_id)
        await audit.record(
            transaction, caller.practice, caller.actor, Action.VIEWED, chart=found.client_id, document=document_id
        )
        return found


@dataclass(frozen=True)
class Download:
    content: bytes
    file_name: str


async def download(resources: Resources, caller: PracticeSide, document_id: DocumentId, *, signed: bool) -> Download:
    """The bytes of the shared version, or of the signed one."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await document.find(transaction, document_id)
        sha256 = _which(found, signed=signed)
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.DOWNLOADED,
            chart=found.client_id,
            document=document_id,
            sha256=sha256,
        )
    return Download(await resources.storage.get(sha256), document.file_name(document_id, signed=signed))


def _which(found: Document, *, signed: bool) -> str:
    if not signed:
        return found.sha256
    if found.signed_sha256 is None:
        raise NotFound("This document has no signed version yet.")
    return found.signed_sha256


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
        lambda: _delivered(resources, caller, request_id), request_id, most=MOST_WAIT
    )
    return Asked(request_id, delivered)


async def _start(resources: Resources, order: Order) -> RequestId:
    known: list[SearchAttributePair[Any]] = [
        SearchAttributePair(temporal.STATE, RequestState.PENDING.label),
        SearchAttributePair(temporal.PRACTICE, str(order.practice)),
        SearchAttributePair(temporal.EXPIRES, order.expires_at),
    ]
    with _engine_answers():
        handle = await resources.engine.start_workflow(
            ShareToSign.run,
            order,
            id=workflow_id(order.document),
            task_queue=resources.settings.temporal_task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=PlainWords("Share to Sign: one signature"),
            search_attributes=TypedSearchAttributes(known),
            rpc_timeout=ENGINE_WITHIN,
        )
    assert handle.first_execution_run_id is not None, "start_workflow always tells the run"
    return RequestId(UUID(handle.first_execution_run_id))


async def _delivered(resources: Resources, caller: PracticeSide, request_id: RequestId) -> bool:
    async with resources.database.practice(caller.practice) as transaction:
        return await request.exists(transaction, request_id)


async def find_request(resources: Resources, caller: PracticeSide, request_id: RequestId) -> Request:
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        return await request.find(transaction, request_id)


async def resume(resources: Resources, caller: PracticeSide, request_id: RequestId) -> None:
    """Try again now what needs attention."""
    policy.check(caller, Right.STEER_REQUESTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await request.find(transaction, request_id)
    if found.state is not RequestState.NEEDS_ATTENTION:
        raise NotInThisState("This request does not need attention, so there is nothing to resume.")
    await _signal(resources, found, ShareToSign.resume)


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
    with _engine_answers():
        await resources.engine.start_workflow(
            Invite.run,
            InvitationMail(str(invitation.id), invitation.email, invitation.token, datetime.now(UTC)),
            id=invitation_workflow_id(invitation.id),
            task_queue=resources.settings.temporal_task_queue,
            static_summary=PlainWords("Invitation to the Client Portal"),
            search_attributes=TypedSearchAttributes([SearchAttributePair(temporal.PRACTICE, str(caller.practice))]),
            rpc_timeout=ENGINE_WITHIN,
        )


async def staff_notices(resources: Resources, caller: PracticeSide) -> list[StaffNotice]:
    """What happened lately to the practice's requests."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        return await message.staff_notices(transaction)


async def page_image(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of the uploaded version as an image, counted from 0."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await document.find(transaction, document_id)
    return await _preview(resources, found.sha256, page, width)


# -- the client's side: what is shared with them, and nothing else


async def inbox(resources: Resources, user: PortalUser) -> list[Message]:
    async with resources.database.practice(user.practice) as transaction:
        return await message.inbox(transaction, user.id)


async def open_message(resources: Resources, user: PortalUser, message_id: MessageId) -> tuple[Message, Document]:
    async with resources.database.practice(user.practice) as transaction:
        found = await message.find(transaction, user.id, message_id)
        about = await document.find_for_account(transaction, user.id, found.document_id)
        await message.read(transaction, message_id)
        return found, about


async def shared_documents(resources: Resources, user: PortalUser) -> list[Document]:
    """My Documents."""
    async with resources.database.practice(user.practice) as transaction:
        return await document.of_account(transaction, user.id)


@dataclass(frozen=True)
class Review:
    """What the review page shows, and what still stands between the client and Sign Document."""

    document: Document
    request: Request | None
    consented: bool
    received: bool
    """A signature is with the engine, and its outcome not in the chart yet."""
    fresh: bool
    """The sign-in is not older than five minutes."""


async def review(resources: Resources, user: PortalUser, document_id: DocumentId) -> Review:
    """Open a shared document; the first time is kept, since signing needs it (SPEC G1)."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        asked = await request.find(transaction, found.request_id) if found.request_id else None
        if asked and asked.account_id == user.id and await request.view(transaction, asked):
            await audit.record(
                transaction,
                user.practice,
                user.actor,
                Action.VIEWED,
                chart=found.client_id,
                document=document_id,
                request=asked.id,
                sha256=found.sha256,
            )
        consented = await consent.given(transaction, user.id)
    received = asked is not None and not asked.state.ended and await _signature_received(resources, asked)
    fresh = datetime.now(UTC) - user.authenticated_at <= request.FRESH_FOR
    return Review(found, asked, consented, received, fresh)


async def portal_page_image(
    resources: Resources, user: PortalUser, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of what was shared, as an image, counted from 0; of the signed copy once there is one."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
    return await _preview(resources, found.signed_sha256 or found.sha256, page, width)


async def portal_download(resources: Resources, user: PortalUser, document_id: DocumentId) -> Download:
    """The signed copy if there is one, else the shared version."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        sha256 = found.signed_sha256 or found.sha256
        await audit.record(
            transaction,
            user.practice,
            user.actor,
            Action.DOWNLOADED,
            chart=found.client_id,
            document=document_id,
            sha256=sha256,
        )
    signed = found.signed_sha256 is not None
    return Download(await resources.storage.get(sha256), document.file_name(document_id, signed=signed))


async def give_consent(resources: Resources, user: PortalUser) -> None:
    """Consent to electronic records (15 USC 7001(c)); giving it again changes nothing."""
    async with resources.database.practice(user.practice) as transaction:
        if await consent.give(transaction, user.practice, user.id):
            await audit.record(transaction, user.practice, user.actor, Action.CONSENTED, text_version=consent.VERSION)


class Outcome(StrEnum):
    SIGNED = "signed"
    """Stamped, sealed and in the chart."""
    RECEIVED = "received"
    """The engine holds the signature for good; the signed version follows."""


async def sign(
    resources: Resources,
    user: PortalUser,
    document_id: DocumentId,
    *,
    mark: pdf.Mark,
    shown_sha256: str,
    intends: bool,
    ip_address: str,
) -> Outcome:
    """Sign Document: hand the signature to the engine, then wait a moment for its outcome.

    Signer, time and address are the server's (SPEC G4). Once the engine has the signal no death of any
    process loses it; what it decides is read from the chart.
    """
    pdf.check_mark(mark)
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        if found.request_id is None:
            raise NotInThisState("This document is shared for reading; nobody asks for a signature.")
        asked = await request.find(transaction, found.request_id)
        consented = await consent.given(transaction, user.id)
    now = datetime.now(UTC)
    request.check_may_sign(
        asked, user.id, Readiness(now, user.authenticated_at, shown_sha256, consented=consented, intends=intends)
    )
    signature = Signature(asked.id, user.id, asked.sha256, mark, now, ip_address, consent.VERSION)
    await _signal(resources, asked, ShareToSign.sign, signature)
    signed = await resources.hub.wait_until(lambda: _signed(resources, user, asked.id), asked.id, most=MOST_WAIT)
    return Outcome.SIGNED if signed else Outcome.RECEIVED


async def _signed(resources: Resources, user: PortalUser, request_id: RequestId) -> bool:
    async with resources.database.practice(user.practice) as transaction:
        return (await request.find(transaction, request_id)).state is RequestState.SIGNED


async def _signal(resources: Resources, asked: Request, signal: Any, *argument: object) -> None:
    with _engine_answers():
        await _handle(resources, asked).signal(signal, *argument, rpc_timeout=ENGINE_WITHIN)


async def _signature_received(resources: Resources, asked: Request) -> bool:
    """Whether the request's history holds a signature: the engine is the only place that knows.

    While the engine is away nobody knows; the document can be read all the same.
    """
    with suppress(NotReachable, NotInThisState), _engine_answers():
        async for event in _handle(resources, asked).fetch_history_events(rpc_timeout=timedelta(seconds=2)):
            if event.workflow_execution_signaled_event_attributes.signal_name == "sign":
                return True
    return False


@contextmanager
def _engine_answers() -> Iterator[None]:
    """Say in plain words that a request has ended, or that the engine is away."""
    try:
        yield
    except RPCError as answer:
        if answer.status is RPCStatusCode.NOT_FOUND:
            raise NotInThisState("This request ended in the meantime. Open the document again to see how.") from None
        if answer.status not in {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}:
            raise
        raise NotReachable(AWAY) from answer
    except RuntimeError as never_connected:
        raise NotReachable(AWAY) from never_connected


def _handle(resources: Resources, asked: Request) -> WorkflowHandle[Any, Any]:
    # by the workflow's id alone: the request stays the same when an operator resets its run
    return resources.engine.get_workflow_handle(workflow_id(asked.document_id))


async def _preview(resources: Resources, sha256: str, page: int, width: int) -> pdf.Preview:
    return await asyncio.to_thread(pdf.render, await resources.storage.get(sha256), page, width)


# -- anybody


@dataclass(frozen=True)
class Verified:
    """What a file says of itself, and whether these very bytes are in our records."""

    seal: pdf.Verification
    known: bool


async def verify(resources: Resources, content: bytes) -> Verified:
    """Whether a file was signed here and is unchanged (SPEC D4). It is not kept."""
    seal = await asyncio.to_thread(pdf.verify, content, resources.seal_certificates)
    async with resources.database.anyone() as transaction:
        known = await document.is_signed_version(transaction, hashlib.sha256(content).hexdigest())
    return Verified(seal, known)
