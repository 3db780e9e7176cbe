"""The practice's charts: find, open, upload, look at, download."""

import asyncio
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

import pdf
from api import engine
from api.resources import Resources
from chart import appointment, audit, block, client, document, message, practice, relationship, request
from chart.appointment import Appointment
from chart.audit import Action, Actor
from chart.block import Block
from chart.client import Client, OpenInvitation, PortalAccess
from chart.document import Document, Kind, NewVersion, Version
from chart.ids import ClientId, DocumentId
from chart.message import StaffNotice
from chart.refusals import NotFound, NotInThisState, NotReachable
from chart.relationship import Relation
from chart.request import Request
from gateways.postgres import Transaction
from identity.caller import PracticeSide, Role, StaffMember
from workflows.share_to_sign import ShareToSign
from workflows.signals import Replace


async def search_clients(
    resources: Resources, caller: PracticeSide, words: str, *, after: ClientId | None = None, limit: int = 50
) -> list[Client]:
    """The Chart Room: clients whose name holds all the words, which are nobody's business later."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await client.search(transaction, words, after=after, limit=limit)
        await audit.record(
            transaction, caller.practice, caller.actor, Action.VIEWED_CHART_ROOM, searched=int(bool(words.split()))
        )
        return found


MOST_RECENT = 6


async def recent_charts(resources: Resources, member: StaffMember) -> list[Client]:
    """Those that this colleague opened last."""
    async with resources.database.practice(member.practice, member.actor) as transaction:
        return await client.recent(transaction, member.actor, MOST_RECENT)


async def add_client(
    resources: Resources,
    caller: PracticeSide,
    *,
    given_name: str,
    family_name: str,
    birth_date: date,
    external_id: str | None = None,
) -> Client:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        client.check_birth_date(birth_date, await practice.today(transaction))
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
    relations: list[Relation]
    """Those who act today, who will, and who did."""
    blocks: list[Block]
    """Documents that are kept from somebody."""
    names: dict[str, str] = field(repr=False)
    """Of the staff who ended an access or made a block."""
    invitations: list[OpenInvitation]
    lapsed: list[OpenInvitation]
    """Invitations that nobody used in time."""
    documents: list[Document]
    appointments: list[Appointment]
    """That are to come."""
    zone: ZoneInfo
    """Of the practice, whose clock they follow."""


async def open_chart(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Chart:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await client.find(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_CHART, chart=client_id)
        relations = await relationship.of_client(transaction, client_id)
        blocks = await block.of_chart(transaction, client_id)
        actors = {Actor(one.ended_by) for one in relations if one.ended_by} | {Actor(one.blocked_by) for one in blocks}
        return Chart(
            client=found,
            access=await client.access(transaction, client_id),
            relations=relations,
            blocks=blocks,
            names=await audit.names(transaction, actors),
            invitations=await client.invitations(transaction, client_id),
            lapsed=await client.lapsed(transaction, client_id),
            documents=await document.of_chart(transaction, client_id),
            appointments=await appointment.coming(transaction, client_id),
            zone=ZoneInfo((await practice.current(transaction)).timezone),
        )


@dataclass(frozen=True)
class Uploaded:
    document: Document
    changes: tuple[str, ...]
    """What was taken out or mended so that it can be signed, in plain words; what the pages show is the same."""
    notes: tuple[pdf.Note, ...]
    """How the signature will look, where that is not the usual way, in plain words."""


async def upload(
    resources: Resources,
    caller: PracticeSide,
    client_id: ClientId,
    *,
    kind: Kind,
    note_name: str | None,
    service_on: date | None,
    content: bytes,
) -> Uploaded:
    """Inspect and store a PDF, and file it in the chart; `pdf.Unfit` says why not. Without a date: today there."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        today = await practice.today(transaction)
    note_name = (note_name or "").strip() or None
    document.check_named(kind, note_name)
    inspected, upload_sha256 = await _keep(resources, content)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        added = await document.add(
            transaction,
            caller.practice,
            client_id,
            kind=kind,
            note_name=note_name,
            service_on=service_on or today,
            sha256=inspected.sha256,
            upload_sha256=upload_sha256,
            size=len(inspected.data),
            pages=inspected.pages,
            stamp_plan=inspected.plan.to_json(),
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
        return Uploaded(added, inspected.changes, inspected.notes)


async def _keep(resources: Resources, content: bytes) -> tuple[pdf.Inspected, str]:
    """Inspect and store an upload; the inspected version, and the SHA-256 of the bytes as they came."""
    inspected = await asyncio.to_thread(pdf.inspect, content)
    await resources.storage.put(inspected.data)
    return inspected, await resources.storage.put(content)


async def upload_version(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, *, content: bytes, reason: str
) -> Uploaded:
    """A new version of a document, with the reason for it. It is not shared yet (SPEC S7).

    A request that is open on the version before is voided, and the workflow files the new version in the same
    transaction; so neither happens without the other, whatever dies.
    """
    document.check_reason(reason)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await document.find(transaction, document_id)
    inspected, upload_sha256 = await _keep(resources, content)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        version = NewVersion(
            id=await document.new_version_id(transaction),
            sha256=inspected.sha256,
            upload_sha256=upload_sha256,
            size=len(inspected.data),
            pages=inspected.pages,
            reason=reason,
            added_by=caller.actor,
            stamp_plan=inspected.plan.to_json(),
        )
    open_request = await _file_version(resources, caller, document_id, version)
    if open_request:
        await _replace(resources, caller, open_request, version)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        return Uploaded(found, inspected.changes, inspected.notes)


async def _file_version(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, version: NewVersion
) -> Request | None:
    """File it unless a request is open, which is then the answer: its workflow has to file it."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await request.hold(transaction, document_id)
        if await document.has_version(transaction, version.id):
            return None  # the workflow has filed it, and its answer was lost
        found = await document.find(transaction, document_id)
        await document.check_is_another(transaction, found, version)
        newest = await request.newest_of(transaction, document_id)
        if newest and not newest.state.ended:
            return newest
        await document.add_version(transaction, caller.practice, found.client_id, document_id, version)
        await request.announce_chart(transaction, caller.practice, found.client_id)
    return None


async def _replace(resources: Resources, caller: PracticeSide, asked: Request, version: NewVersion) -> None:
    """Hand the version to the request's workflow; if that has ended, file it here after all."""

    async def filed() -> bool:
        async with resources.database.practice(caller.practice, caller.actor) as transaction:
            return await document.has_version(transaction, version.id)

    try:
        await engine.steer(resources, caller, asked, ShareToSign.replace, Replace(asked.id, version))
    except NotInThisState:
        if await _file_version(resources, caller, asked.document_id, version) is None:
            return
        raise
    if not await resources.hub.wait_until(filed, asked.id, most=engine.MOST_WAIT):
        raise NotReachable(
            "The new version is received and kept. It stands in the chart in a moment; do not repeat it."
        )


async def versions(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> list[Version]:
    """All versions of a document with their signed copies, newest first."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await _view(transaction, caller, await document.find(transaction, document_id))
        return await document.versions(transaction, document_id)


async def find_document(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> Document:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        await _view(transaction, caller, found)
        return found


async def _view(transaction: Transaction, caller: PracticeSide, found: Document) -> None:
    await audit.view(transaction, caller.practice, caller.actor, found.client_id, found.id, sha256=found.sha256)


@dataclass(frozen=True)
class Download:
    content: bytes = field(repr=False)
    file_name: str


async def download(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, *, signed: bool, number: int | None = None
) -> Download:
    """The bytes of a version, or of its signed copy; of the newest one without a number."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        sha256 = await _which(transaction, found, signed=signed, number=number)
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


async def _which(transaction: Transaction, found: Document, *, signed: bool, number: int | None) -> str:
    if number is None:
        sha256 = found.signed_sha256 if signed else found.sha256
    else:
        version = next((one for one in await document.versions(transaction, found.id) if one.number == number), None)
        if version is None:
            raise NotFound("This document has no version of this number.")
        sha256 = version.signed_sha256 if signed else version.sha256
    if sha256 is None:
        raise NotFound("This version has no signed copy yet." if number else "This document has no signed version yet.")
    return sha256


async def page_image(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of the uploaded version as an image, counted from 0."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        await _view(transaction, caller, found)
    return await asyncio.to_thread(pdf.render, await resources.storage.get(found.sha256), page, width)


async def staff_notices(resources: Resources, caller: PracticeSide) -> list[StaffNotice]:
    """What happened lately to the practice's requests."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        administrator = isinstance(caller, StaffMember) and caller.role is Role.ADMIN
        return await message.staff_notices(transaction, administrator=administrator)
