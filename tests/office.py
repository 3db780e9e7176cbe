"""A practice as tests need it: staff, clients, a portal account, documents, an API key."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from uuid import uuid4

import asyncpg

import pdf
from chart import audit, client, document, request
from chart.audit import Actor
from chart.document import Document, Kind
from chart.ids import AccountId, ClientId, PracticeId, StaffId
from chart.lifecycle import Order, Seat
from gateways.postgres import Database, Transaction
from gateways.storage import Storage
from identity import account, api_key
from identity.caller import Right, Role, Surface
from settings import Settings
from tests.papers import paper
from tests.sign_ins import PASSWORD as PASSWORD  # noqa: PLC0414 - many tests look for it here
from tests.sign_ins import enrol


@dataclass(frozen=True)
class Office:
    practice: PracticeId
    provider_email: str
    auditor_email: str
    client: ClientId
    """Registered for the portal."""
    client_email: str
    account: AccountId
    unregistered: ClientId
    key: str
    """An API key with every scope."""
    note: Document
    superbill: Document
    psychotherapy_note: Document
    notes_of_unregistered: Document

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    @property
    def party(self) -> Actor:
        """The registered client as a signer."""
        return request.party_of(self.account)

    def order(self, *, lasts: timedelta = timedelta(days=60)) -> Order:
        """What a Share to Sign of the note asks for."""
        return Order(
            practice=self.practice,
            client=self.client,
            document=self.note.id,
            version=self.note.version_id,
            sha256=self.note.sha256,
            seats=(Seat(self.party),),
            requested_by=audit.SERVICE,
            asked_at=datetime.now(UTC),
            expires_at=datetime.now(UTC) + lasts,
        )


async def open_office(configured: Settings, database: Database, storage: Storage, *, mail: str = "jordan") -> Office:
    """A new practice, whose addresses nobody else has."""
    assert configured.database_owner_url is not None
    owner = await asyncpg.connect(configured.database_owner_url.get_secret_value())
    practice: PracticeId = await owner.fetchval(
        "insert into practice (name, timezone) values ('Canary Practice', 'America/Chicago') returning id"
    )
    await owner.close()
    unique = uuid4().hex[:12]
    provider, auditor, person = (f"{name}-{unique}@demo.example" for name in ("provider", "auditor", mail))
    async with database.practice(practice) as transaction:
        for email, role in ((provider, Role.PROVIDER), (auditor, Role.AUDITOR)):
            await add_staff(transaction, configured, practice, email=email, name="Maya Chen", role=role)
        registered = await client.add(
            transaction,
            practice,
            given_name="Jordan",
            family_name="Canaryname",
            birth_date=date(1988, 5, 17),
            external_id=None,
        )
        unregistered = await client.add(
            transaction,
            practice,
            given_name="Priya",
            family_name="Natarajan",
            birth_date=date(1979, 8, 30),
            external_id="ehr-17",
        )
        invitation = await account.invite(
            transaction, practice, registered.id, email=person, name="Jordan Canaryname", relationship="self"
        )
        key = await api_key.make(transaction, practice, "test", frozenset(Right), lasts=timedelta(days=1))
    account_id = await account.register(database, invitation.token, PASSWORD)

    async def file(owner_id: ClientId, kind: Kind, note_name: str | None = None) -> Document:
        return await add_document(database, storage, practice, owner_id, kind, note_name)

    return Office(
        practice=practice,
        provider_email=provider,
        auditor_email=auditor,
        client=registered.id,
        client_email=person,
        account=account_id,
        unregistered=unregistered.id,
        key=key,
        note=await file(registered.id, Kind.CLINICAL_NOTE, "Progress Note"),
        superbill=await file(registered.id, Kind.DOCUMENT),
        psychotherapy_note=await file(registered.id, Kind.PSYCHOTHERAPY_NOTE),
        notes_of_unregistered=await file(unregistered.id, Kind.CLINICAL_NOTE, "Progress Note"),
    )


async def add_staff(
    transaction: Transaction, configured: Settings, practice: PracticeId, *, email: str, name: str, role: Role
) -> StaffId:
    """Somebody who can sign in (`tests.sign_ins.sign_in_staff`)."""
    added = await account.add_staff(transaction, practice, email=email, name=name, role=role, password=PASSWORD)
    await enrol(transaction, configured, Surface.CHART.party(added))
    return added


async def add_document(
    database: Database, storage: Storage, practice: PracticeId, client_id: ClientId, kind: Kind, note_name: str | None
) -> Document:
    """A stored document; every one has other bytes."""
    inspected = await asyncio.to_thread(_inspected)
    content = re.sub(b"<[0-9a-f]{32}>", b"<%s>" % uuid4().hex.encode(), inspected.data)
    sha256 = await storage.put(content)
    async with database.practice(practice) as transaction:
        return await document.add(
            transaction,
            practice,
            client_id,
            kind=kind,
            note_name=note_name,
            service_on=date(2026, 11, 2),
            sha256=sha256,
            upload_sha256=sha256,
            size=len(content),
            pages=inspected.pages,
            stamp_plan=inspected.plan.to_json(),
        )


@cache
def _inspected() -> pdf.Inspected:
    """Papers that differ in their /ID alone (ISO 32000-2 14.4) are found the same, so one is looked at for all."""
    return pdf.inspect(paper("Canarytext"))
