"""The practice's charts: find, open, upload, look at, download."""

import asyncio
from dataclasses import dataclass
from datetime import date

import pdf
from api.resources import Resources
from chart import audit, client, document, message
from chart.audit import Action
from chart.client import Client, PortalAccess
from chart.document import Document, Kind
from chart.ids import ClientId, DocumentId
from chart.message import StaffNotice
from chart.refusals import NotFound
from identity import policy
from identity.caller import PracticeSide, Right


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


async def page_image(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, page: int, width: int
) -> pdf.Preview:
    """A page of the uploaded version as an image, counted from 0."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        found = await document.find(transaction, document_id)
    return await asyncio.to_thread(pdf.render, await resources.storage.get(found.sha256), page, width)


async def staff_notices(resources: Resources, caller: PracticeSide) -> list[StaffNotice]:
    """What happened lately to the practice's requests."""
    policy.check(caller, Right.READ_CHARTS)
    async with resources.database.practice(caller.practice) as transaction:
        return await message.staff_notices(transaction)
