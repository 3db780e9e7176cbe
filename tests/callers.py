"""Two practices for the access matrix, and everybody who calls: made in the database, without a sign-in."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import get_args
from uuid import uuid4

import asyncpg

from activities.deliver import put_into_inboxes
from api import access
from api.access import COOKIE
from chart import appointment, block, bulk, care, client, disclosure, document, request
from chart import relationship as relationships
from chart.appointment import AppointmentKind
from chart.audit import SERVICE, Actor
from chart.bulk import BulkAct, BulkId
from chart.disclosure import SignedHow, Terms
from chart.document import Kind
from chart.ids import AccountId, ClientId, PracticeId, RequestId, StaffId
from chart.lifecycle import Life, Order, RequestState, Seat
from chart.relationship import Relationship
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account, api_key, session
from identity.caller import Right, Role, Surface
from identity.policy import MAY
from identity.visitor import UNKNOWN
from settings import Settings
from tests.office import PASSWORD, add_document
from tests.papers import paper


class Door(Enum):
    """Whose credentials a route takes."""

    STAFF_OR_KEY = access.PracticeCaller
    STAFF_PAGE = access.StaffPage
    PORTAL = access.PortalCaller
    PORTAL_PAGE = access.PortalPage

    @property
    def dependency(self) -> object:
        return get_args(self.value)[1].dependency

    @property
    def is_page(self) -> bool:
        return self in {Door.STAFF_PAGE, Door.PORTAL_PAGE}


Ids = dict[str, object]


@dataclass(frozen=True)
class Caller:
    name: str
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    practice: PracticeId | None = None
    actor: Actor | None = None
    rights: frozenset[str] = frozenset()
    doors: frozenset[Door] = frozenset()
    """Through which the credentials lead."""
    reads: frozenset[str] = frozenset()
    """Whose charts are open to them, of `Stage.charts`."""
    is_key: bool = False


@dataclass
class Stage:
    """Everything the matrix plays with."""

    own: PracticeId
    foreign: PracticeId
    charts: dict[str, Ids]
    """`own`, `closed` (to its care team) and `foreign` (of the other practice), as ids of their objects."""
    callers: list[Caller]

    def named(self, name: str) -> Caller:
        return next(one for one in self.callers if one.name == name)


PRACTICE_DOORS = frozenset({Door.STAFF_OR_KEY, Door.STAFF_PAGE})
PORTAL_DOORS = frozenset({Door.PORTAL, Door.PORTAL_PAGE})


async def set_stage(configured: Settings, database: Database) -> Stage:
    storage = Storage.of(configured)
    own, foreign = await _practice(configured), await _practice(configured)
    charts, owner = {}, await _staff(database, own, Role.PROVIDER)
    colleagues = {own: owner, foreign: await _staff(database, foreign, Role.PROVIDER)}
    clients, accounts = {}, {}
    for name, practice in (("own", own), ("closed", own), ("foreign", foreign)):
        clients[name] = await _client(database, practice)
        accounts[name] = await _account(database, practice, clients[name], Relationship.SELF)
        charts[name] = await _chart(database, storage, practice, clients[name], accounts[name], colleagues[practice])
    async with database.practice(own) as transaction:
        await care.restrict(transaction, own, clients["closed"], [owner], reason="A colleague.", by=SERVICE)

    callers = [Caller("anonymous")]
    for role in Role:
        staff = owner if role is Role.PROVIDER else await _staff(database, own, role)
        reads = frozenset({"own", "closed"} if staff == owner else {"own"})
        callers.append(await _signed_in_staff(database, own, staff, role, role.value, reads))
    outsider = await _staff(database, foreign, Role.ADMIN)
    callers.append(
        await _signed_in_staff(database, foreign, outsider, Role.ADMIN, "staff elsewhere", frozenset({"foreign"}))
    )
    keys: list[tuple[str, PracticeId, set[Right]]] = [(f"key with {scope}", own, {scope}) for scope in Right]
    keys += [
        ("key without scopes", own, set()),
        ("key with all", own, set(Right)),
        ("key elsewhere", foreign, set(Right)),
    ]
    for name, practice, scopes in keys:
        callers.append(await _key(database, name, practice, scopes))

    people = {"client": accounts["own"], "client elsewhere": accounts["foreign"], "another client": accounts["closed"]}
    for name in ("representative", "blocked", "ended"):
        people[name] = await _account(database, own, clients["own"], Relationship.PERSONAL_REPRESENTATIVE)
    async with database.practice(own) as transaction:
        note = charts["own"]["document_id"]
        await block.block(transaction, note, people["blocked"], reason="It is about them.", by=SERVICE)  # type: ignore[arg-type]
        await relationships.end(transaction, people["ended"], clients["own"], reason="Over.", by=SERVICE)
    reads_of = {
        "client": {"own"},
        "representative": {"own"},
        "client elsewhere": {"foreign"},
        "another client": {"closed"},
    }
    for name, person in people.items():
        reads = frozenset(reads_of.get(name, set()))
        callers.append(await _signed_in_client(database, foreign if "else" in name else own, person, name, reads))
    callers.append(await _half_way(database, own, owner))
    return Stage(own, foreign, charts, callers)


async def _practice(configured: Settings) -> PracticeId:
    assert configured.database_owner_url
    owner = await asyncpg.connect(configured.database_owner_url.get_secret_value())
    made: PracticeId = await owner.fetchval(
        "insert into practice (name, timezone) values ('Matrix', 'America/Chicago') returning id"
    )
    await owner.close()
    return made


async def _staff(database: Database, practice: PracticeId, role: Role) -> StaffId:
    async with database.practice(practice) as transaction:
        return await account.add_staff(
            transaction, practice, email=f"{uuid4().hex}@demo.example", name="Maya", role=role, password=PASSWORD
        )


async def _client(database: Database, practice: PracticeId) -> ClientId:
    async with database.practice(practice) as transaction:
        made = await client.add(
            transaction, practice, given_name="Ana", family_name="Ruiz", birth_date=date(1988, 5, 17), external_id=None
        )
        return made.id


async def _account(
    database: Database, practice: PracticeId, client_id: ClientId, relationship: Relationship
) -> AccountId:
    email = f"{uuid4().hex}@demo.example"
    async with database.practice(practice) as transaction:
        invited = await account.invite(
            transaction, practice, client_id, email=email, name="Ana", relationship=relationship
        )
    return await account.register(database, invited.token, PASSWORD)


async def _chart(
    database: Database,
    storage: Storage,
    practice: PracticeId,
    client_id: ClientId,
    signer: AccountId,
    colleague: StaffId,
) -> Ids:
    """A note that its client has signed, and one of everything else that has an id."""
    note = await add_document(database, storage, practice, client_id, Kind.CLINICAL_NOTE, "Progress Note")
    signed, request_id, bulk_id = paper(f"Signed {uuid4()}"), RequestId(uuid4()), BulkId(uuid4())
    seat, now = Seat(request.party_of(signer)), datetime.now(UTC)
    order = Order(
        practice, client_id, note.id, note.version_id, note.sha256, (seat,), SERVICE, now, now.replace(year=2099)
    )
    async with database.practice(practice) as transaction:
        await request.open_request(transaction, request_id, order, Life.of(order), (), ())
        await document.share(transaction, practice, note.version_id, SERVICE)
        await put_into_inboxes(transaction, order, request_id, (request.party_of(signer),))
        await request.end(
            transaction, order, request_id, RequestState.SIGNED, by=request.party_of(signer), signed_at=now
        )
        await document.add_signed_version(
            transaction, practice, request_id, sha256=await storage.put(signed), size=len(signed), pages=1
        )
        day, how = (now - timedelta(days=2)).date(), SignedHow.ON_PAPER
        terms = Terms(None, "County", None, "The plan.", "A case.", day, None, "It ends.", day, how)
        consent = await disclosure.record(transaction, practice, client_id, terms, SERVICE)
        planned = await appointment.add(
            transaction,
            practice,
            client_id,
            colleague,
            starts_at=now.replace(second=0, microsecond=0),
            minutes=50,
            kind=AppointmentKind.INDIVIDUAL,
            by=SERVICE,
            today=now.date(),
        )
        invitation = await account.invite(
            transaction, practice, client_id, email="ana@demo.example", name="Ana", relationship="partner"
        )
        await bulk.open_bulk(transaction, practice, bulk_id, BulkAct.SHARE, SERVICE, [note.id])
        await api_key.make(transaction, practice, "another", {Right.SHARE}, lasts=api_key.LONGEST)
        message_id = await transaction.fetchval("select id from message where request_id = $1", request_id)
        key_id = await transaction.fetchval("select id from api_key order by created_at limit 1")
    return {
        "client_id": client_id,
        "document_id": note.id,
        "request_id": request_id,
        "message_id": message_id,
        "account_id": signer,
        "consent_id": consent.id,
        "bulk_id": bulk_id,
        "key_id": key_id,
        "session_id": uuid4(),
        "appointment_id": planned.id,
        "invitation_id": invitation.id,
        "staff_id": colleague,
    }


async def session_cookie(database: Database, practice: PracticeId, actor: Actor) -> dict[str, str]:
    """Of a new session."""
    surface = Surface.CHART if Surface.CHART.has(actor) else Surface.PORTAL
    async with database.practice(practice) as transaction:
        signed_in = await session.whole(transaction, UNKNOWN, practice, actor, "matrix")
    return {"cookie": f"{COOKIE[surface]}={signed_in.token}"}


async def _signed_in_staff(
    database: Database, practice: PracticeId, staff: StaffId, role: Role, name: str, reads: frozenset[str]
) -> Caller:
    actor = Surface.CHART.party(staff)
    cookie = await session_cookie(database, practice, actor)
    return Caller(name, cookie, practice, actor, frozenset(MAY[role]), PRACTICE_DOORS, reads)


async def _key(database: Database, name: str, practice: PracticeId, scopes: set[Right]) -> Caller:
    async with database.practice(practice) as transaction:
        key = await api_key.make(transaction, practice, name, scopes, lasts=api_key.LONGEST)
        key_id = await transaction.fetchval("select id from api_key where name = $1", name)
    reads = frozenset({"foreign" if "elsewhere" in name else "own"})
    bearer = {"authorization": f"Bearer {key}"}
    doors = frozenset({Door.STAFF_OR_KEY})
    return Caller(name, bearer, practice, Actor(f"key:{key_id}"), frozenset(scopes), doors, reads, is_key=True)


async def _signed_in_client(
    database: Database, practice: PracticeId, person: AccountId, name: str, reads: frozenset[str]
) -> Caller:
    actor = Surface.PORTAL.party(person)
    cookie = await session_cookie(database, practice, actor)
    return Caller(name, cookie, practice, actor, frozenset(), PORTAL_DOORS, reads)


async def _half_way(database: Database, practice: PracticeId, staff: StaffId) -> Caller:
    async with database.practice(practice) as transaction:
        half = await session.half(transaction, practice, Surface.CHART.party(staff), session.Awaits.FACTOR)
    return Caller("half way", {"cookie": f"{COOKIE[Surface.CHART]}={half.token}"})
