"""The client's side: what is shared with them, and nothing else."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import pdf
from activities.stamp import Signature
from api import engine
from api.resources import Resources
from api.stories.charts import Download
from chart import audit, consent, document, message, request
from chart.audit import Action
from chart.document import Document
from chart.ids import DocumentId, MessageId, RequestId
from chart.message import Message
from chart.refusals import NotInThisState
from chart.request import Readiness, Request, RequestState
from identity.caller import PortalUser
from workflows.share_to_sign import ShareToSign


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
    received = asked is not None and not asked.state.ended and await engine.holds_signature(resources, asked)
    fresh = datetime.now(UTC) - user.authenticated_at <= request.FRESH_FOR
    return Review(found, asked, consented, received, fresh)


async def page_image(
    resources: Resources, user: PortalUser, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of what was shared, as an image, counted from 0; of the signed copy once there is one."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
    content = await resources.storage.get(found.signed_sha256 or found.sha256)
    return await asyncio.to_thread(pdf.render, content, page, width)


async def download(resources: Resources, user: PortalUser, document_id: DocumentId) -> Download:
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
    await engine.signal(resources, asked, ShareToSign.sign, signature)
    signed = await resources.hub.wait_until(lambda: _signed(resources, user, asked.id), asked.id, most=engine.MOST_WAIT)
    return Outcome.SIGNED if signed else Outcome.RECEIVED


async def _signed(resources: Resources, user: PortalUser, request_id: RequestId) -> bool:
    async with resources.database.practice(user.practice) as transaction:
        return (await request.find(transaction, request_id)).state is RequestState.SIGNED
