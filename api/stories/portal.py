"""The client's side: what is shared with them, and nothing else."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pdf
from activities.stamp import Signature
from api import engine
from api.resources import Resources
from api.stories.charts import Download
from api.stories.signing import Outcome, answered, hand_in
from chart import audit, consent, document, message, request
from chart.audit import Action
from chart.document import Document, Version
from chart.ids import ClientId, DocumentId, MessageId, PracticeId
from chart.lifecycle import SeatState
from chart.message import Message
from chart.refusals import NotFound, NotInThisState, Refusal
from chart.request import Readiness, Request
from identity import account
from identity.caller import PortalUser
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline


async def inbox(resources: Resources, user: PortalUser) -> list[Message]:
    async with resources.database.practice(user.practice) as transaction:
        return await message.inbox(transaction, user.id)


@dataclass(frozen=True)
class OpenedMessage:
    message: Message
    request: Request
    """Of which it tells; the document may have a newer one by now."""
    type: str = field(repr=False)
    service_on: date = field(repr=False)
    document: Document | None
    """None while it is not shared with the reader, as when a new version took its place."""


async def open_message(resources: Resources, user: PortalUser, message_id: MessageId) -> OpenedMessage:
    async with resources.database.practice(user.practice) as transaction:
        found = await message.find(transaction, user.id, message_id)
        asked = await request.find(transaction, found.request_id)
        about = await document.find(transaction, found.document_id)
        shared = {one.id: one for one in await document.of_account(transaction, user.id)}
        await message.read(transaction, message_id)
        return OpenedMessage(found, asked, about.type, about.service_on, shared.get(about.id))


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
    declining: bool
    """The same of a decline."""
    fresh: bool
    """The sign-in is not older than five minutes."""


async def review(resources: Resources, user: PortalUser, document_id: DocumentId) -> Review:
    """Open a shared document; the first time is kept, since signing needs it (SPEC G1)."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        asked = await request.find(transaction, found.request_id) if found.request_id else None
        if asked and asked.signer(user.actor) and await request.view(transaction, asked, user.actor):
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
    held = None
    if asked is not None and found.my_seat is SeatState.WAITING and not asked.state.ended:
        held = await engine.held_answer(resources, asked, user.actor)
    return Review(
        document=found,
        request=asked,
        consented=consented,
        received=held is SeatState.SIGNED,
        declining=held is SeatState.DECLINED,
        fresh=datetime.now(UTC) - user.authenticated_at <= request.FRESH_FOR,
    )


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


async def signed_copies(resources: Resources, user: PortalUser, document_id: DocumentId) -> list[Version]:
    """The document's signed copies, the newest first: they stay retrievable for ever (SPEC S7)."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        versions = await document.versions(transaction, found.id)
    return [version for version in versions if version.shared and version.signed_sha256]


async def download_signed(resources: Resources, user: PortalUser, document_id: DocumentId, number: int) -> Download:
    """The signed copy of an earlier version."""
    copies = await signed_copies(resources, user, document_id)
    copy = next((one for one in copies if one.number == number), None)
    if copy is None or copy.signed_sha256 is None:
        raise NotFound("There is no signed copy of such a version.")
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        await audit.record(
            transaction,
            user.practice,
            user.actor,
            Action.DOWNLOADED,
            chart=found.client_id,
            document=document_id,
            sha256=copy.signed_sha256,
        )
    return Download(await resources.storage.get(copy.signed_sha256), document.file_name(document_id, signed=True))


async def give_consent(resources: Resources, user: PortalUser) -> None:
    """Consent to electronic records (15 USC 7001(c)); giving it again changes nothing."""
    async with resources.database.practice(user.practice) as transaction:
        if await consent.give(transaction, user.practice, user.id):
            await audit.record(transaction, user.practice, user.actor, Action.CONSENTED, text_version=consent.VERSION)


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
    """Sign Document. Signer, time and address are the server's (SPEC G4)."""
    pdf.check_mark(mark)
    asked = await _asked_to_sign(resources, user, document_id)
    async with resources.database.practice(user.practice) as transaction:
        consented = await consent.given(transaction, user.id)
    now = datetime.now(UTC)
    ready = Readiness(now, user.authenticated_at, shown_sha256, consented=consented, intends=intends)
    request.check_may_sign(asked, user.actor, ready)
    signature = Signature(asked.id, user.actor, asked.sha256, mark, now, ip_address, consent.VERSION)
    return await hand_in(resources, asked, signature)


async def decline(
    resources: Resources, user: PortalUser, document_id: DocumentId, *, reason: str | None, correction: bool
) -> Request:
    """Decline to sign, or ask for a correction first (SPEC G7); the practice is told."""
    document.check_words(reason or "")
    asked = await _asked_to_sign(resources, user, document_id)
    now = datetime.now(UTC)
    asked.life.declined(user.actor, now)
    await engine.signal(resources, asked, ShareToSign.decline, Decline(asked.id, user.actor, now, reason, correction))
    return await answered(resources, asked, user.actor, SeatState.DECLINED)


async def _asked_to_sign(resources: Resources, user: PortalUser, document_id: DocumentId) -> Request:
    """The request on a document that is shared with this account."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        if found.request_id is None:
            raise NotInThisState("This document is shared for reading; nobody asks for a signature.")
        return await request.find(transaction, found.request_id)


async def register(resources: Resources, token: str, password: str) -> None:
    """Use an invitation; requests that wait for this registration are delivered (SPEC S5).

    Each is knocked at before and after: the first knock makes its workflow look again for a while, so that it finds
    the account even if this process dies before the second.
    """
    practice, client_id = await account.invited_for(resources.database, token)
    for one in await _waiting_for(resources, practice, client_id):
        with suppress(NotInThisState):  # an operator has ended its workflow
            await engine.signal(resources, one, ShareToSign.registered)
    await account.register(resources.database, token, password)
    # read again: another may have begun to wait meanwhile
    for one in await _waiting_for(resources, practice, client_id):
        with suppress(Refusal):
            await engine.signal(resources, one, ShareToSign.registered)


async def _waiting_for(resources: Resources, practice: PracticeId, client_id: ClientId) -> list[Request]:
    async with resources.database.practice(practice) as transaction:
        return await request.awaiting_registration(transaction, client_id)
