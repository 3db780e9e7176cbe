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
from chart.ids import ClientId, DocumentId, MessageId, PracticeId, RequestId
from chart.lifecycle import SeatState
from chart.message import Message
from chart.refusals import NotFound, NotInThisState, Refusal
from chart.request import Readiness, Request
from gateways.postgres import Transaction
from identity import account, throttle
from identity.caller import PortalUser
from identity.visitor import Visitor
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
        about = await document.find(transaction, found.document_id)
        shared, newest = None, None
        with suppress(NotFound):
            shared, newest = await _with_request(transaction, user, about.id)
        of_it = newest if newest and newest.id == found.request_id else None
        asked = of_it or await request.find(transaction, found.request_id)
        if await message.read(transaction, message_id):
            await audit.record(
                transaction,
                user.practice,
                user.actor,
                Action.READ_MESSAGE,
                chart=about.client_id,
                document=about.id,
                about=found.about,
            )
        return OpenedMessage(found, asked, about.type, about.service_on, shared)


async def _with_request(
    transaction: Transaction, user: PortalUser, document_id: DocumentId
) -> tuple[Document, Request | None]:
    """A shared document and its request as both were at one moment: what moves between the two reads is read again."""
    for _ in range(3):
        found = await document.find_for_account(transaction, user.id, document_id)
        asked = await request.find(transaction, found.request_id) if found.request_id else None
        mine = asked and asked.signer(user.actor)
        if asked is None or (asked.state, mine and mine.state) == (found.request_state, found.my_seat):
            break
    return found, asked


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
    withdrawn: bool
    """The consent was taken back; who never gave one is asked behind Add Signature, with the same words."""
    text: consent.Text
    """Of the consent to electronic records."""
    received: bool
    """A signature is with the engine, and its outcome not in the chart yet."""
    declining: bool
    """The same of a decline."""
    fresh: bool
    """The sign-in is not older than five minutes."""

    @property
    def notice(self) -> str | None:
        """What must be shown with a document that is here under a consent only (42 CFR 2.32)."""
        return pdf.REDISCLOSURE if self.document.consent_id else None


async def review(resources: Resources, user: PortalUser, document_id: DocumentId) -> Review:
    """Open a shared document; a signer's first time is kept, since signing needs it (SPEC G1)."""
    async with resources.database.practice(user.practice) as transaction:
        found, asked = await _with_request(transaction, user, document_id)
        first = asked and asked.signer(user.actor) and await request.view(transaction, asked, user.actor)
        await _view(transaction, user, found, request_id=found.request_id if first else None)
        consented = await consent.given(transaction, user.id) is not None
        withdrawn = await consent.withdrawn(transaction, user.id)
        text = await consent.text(transaction, user.language)
    held = None
    if asked is not None and found.my_seat is SeatState.WAITING and not asked.state.ended:
        held = await engine.held_answer(resources, asked, user.actor)
    return Review(
        document=found,
        request=asked,
        consented=consented,
        withdrawn=withdrawn,
        text=text,
        received=held is SeatState.SIGNED,
        declining=held is SeatState.DECLINED,
        fresh=datetime.now(UTC) - user.authenticated_at <= request.FRESH_FOR,
    )


def _shown(found: Document) -> str:
    """Hash of what is shown: the signed copy once there is one."""
    return found.signed_sha256 or found.sha256


async def _view(
    transaction: Transaction, user: PortalUser, found: Document, *, request_id: RequestId | None = None
) -> None:
    await audit.view(
        transaction,
        user.practice,
        user.actor,
        found.client_id,
        found.id,
        request=request_id,
        sha256=_shown(found),
        relationship=found.relationship,
        consent=_consent(found),
    )


def _consent(found: Document) -> str | None:
    """Under which it is disclosed (42 CFR Part 2)."""
    return str(found.consent_id) if found.consent_id else None


async def page_image(
    resources: Resources, user: PortalUser, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of what was shared, as an image, counted from 0; of the signed copy once there is one."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        await _view(transaction, user, found)
    content = await resources.storage.get(_shown(found))
    return await asyncio.to_thread(pdf.render, content, page, width)


async def download(resources: Resources, user: PortalUser, document_id: DocumentId) -> Download:
    """The signed copy if there is one, else the shared version."""
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
    return await _downloaded(resources, user, found, _shown(found), signed=found.signed_sha256 is not None)


async def _downloaded(
    resources: Resources, user: PortalUser, found: Document, sha256: str, *, signed: bool
) -> Download:
    """Under a consent with the notice of 42 CFR 2.32 behind it, which the certificate of a signed copy has itself."""
    content = await resources.storage.get(sha256)
    if found.consent_id and not signed:
        content = await asyncio.to_thread(pdf.with_notice, content)
    async with resources.database.practice(user.practice) as transaction:
        # once more, and in the transaction of the entry: it may have been taken away meanwhile
        again = await document.find_for_account(transaction, user.id, found.id)
        await audit.record(
            transaction,
            user.practice,
            user.actor,
            Action.DOWNLOADED,
            chart=found.client_id,
            document=found.id,
            sha256=sha256,
            relationship=again.relationship,
            consent=_consent(again),
        )
    return Download(content, document.file_name(found.id, signed=signed))


async def signed_copies(resources: Resources, user: PortalUser, document_id: DocumentId) -> list[Version]:
    """The document's signed copies, the newest first: they stay retrievable for ever (SPEC S7)."""
    return (await _with_copies(resources, user, document_id))[1]


async def _with_copies(
    resources: Resources, user: PortalUser, document_id: DocumentId
) -> tuple[Document, list[Version]]:
    async with resources.database.practice(user.practice) as transaction:
        found = await document.find_for_account(transaction, user.id, document_id)
        versions = await document.versions(transaction, found.id)
    return found, [version for version in versions if version.shared and version.signed_sha256]


async def download_signed(resources: Resources, user: PortalUser, document_id: DocumentId, number: int) -> Download:
    """The signed copy of an earlier version."""
    found, copies = await _with_copies(resources, user, document_id)
    copy = next((one for one in copies if one.number == number), None)
    if copy is None or copy.signed_sha256 is None:
        raise NotFound("There is no signed copy of such a version.")
    return await _downloaded(resources, user, found, copy.signed_sha256, signed=True)


@dataclass(frozen=True)
class ElectronicRecords:
    """Where the account stands with the consent of 15 USC 7001(c)."""

    text: consent.Text
    given: consent.Given | None


async def electronic_records(resources: Resources, user: PortalUser) -> ElectronicRecords:
    async with resources.database.practice(user.practice) as transaction:
        present = await consent.text(transaction, user.language)
        return ElectronicRecords(present, await consent.given(transaction, user.id))


async def give_consent(resources: Resources, user: PortalUser, shown: str | None) -> None:
    """Consent to electronic records, as they are worded in the version that was shown; again changes nothing."""
    async with resources.database.practice(user.practice) as transaction:
        if version := await consent.give(transaction, user.practice, user.id, shown, user.language):
            await audit.record(transaction, user.practice, user.actor, Action.CONSENTED, text_version=version)


async def withdraw_consent(resources: Resources, user: PortalUser) -> None:
    """What was signed stays signed; whoever signs again is asked again. Doing it again changes nothing."""
    async with resources.database.practice(user.practice) as transaction:
        if await consent.withdraw(transaction, user.id):
            await audit.record(transaction, user.practice, user.actor, Action.WITHDREW_CONSENT)


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
    ready = Readiness(now, user.authenticated_at, shown_sha256, consented=consented is not None, intends=intends)
    request.check_may_sign(asked, user.actor, ready)
    assert consented is not None, "or it was not ready"
    signature = Signature(
        asked.id, user.actor, asked.sha256, mark, now, ip_address, consented.text_version, user.language
    )
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


async def register(resources: Resources, visitor: Visitor, token: str, password: str, language: str = "en") -> None:
    """Use an invitation; requests that wait for this registration are delivered (SPEC S5).

    Each is knocked at before and after: the first knock makes its workflow look again for a while, so that it finds
    the account even if this process dies before the second. A new account has the language of the page that made it.
    """
    purse = throttle.REGISTRATIONS.of(visitor.network)
    await throttle.spend(resources.database, purse)
    practice, client_id = await account.invited_for(resources.database, token)
    for one in await _waiting_for(resources, practice, client_id):
        with suppress(NotInThisState):  # an operator has ended its workflow
            await engine.signal(resources, one, ShareToSign.registered)
    await account.register(resources.database, token, password, visitor, language)
    await throttle.give_back(resources.database, purse)
    # read again: another may have begun to wait meanwhile
    for one in await _waiting_for(resources, practice, client_id):
        with suppress(Refusal):
            await engine.signal(resources, one, ShareToSign.registered)


async def _waiting_for(resources: Resources, practice: PracticeId, client_id: ClientId) -> list[Request]:
    async with resources.database.practice(practice) as transaction:
        return await request.awaiting_registration(transaction, client_id)
