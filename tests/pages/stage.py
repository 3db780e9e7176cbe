"""The pages on a stage: the real routers and templates, with hand-made records in place of chart and engine."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, get_args
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import Response

import pdf
from activities.order import Terms
from api import access, codec, pages
from api.access import PortalPage, StaffPage
from api.pages import words
from api.pages.door import Door
from api.stories import access as access_stories
from api.stories import (
    accounts,
    appointments,
    auditing,
    bulk,
    charts,
    disclosing,
    keys,
    portal,
    requests,
    restricting,
    roster,
    settings,
    sharing,
    signing,
)
from chart.appointment import Appointment, AppointmentId, AppointmentKind
from chart.audit import Action, Actor, Entry, Line
from chart.block import Block
from chart.bulk import Bulk, BulkAct, BulkId, Concerned, Item, ItemOutcome
from chart.care import Restriction
from chart.client import Client, OpenInvitation, PortalAccess
from chart.consent import Given, worded
from chart.disclosure import Consent, ConsentId, Disclosure, Holds, SignedHow
from chart.disclosure import Terms as ConsentTerms
from chart.document import Document, Kind, Version
from chart.ids import (
    AccountId,
    ClientId,
    DocumentId,
    InvitationId,
    MessageId,
    PracticeId,
    RequestId,
    StaffId,
    VersionId,
)
from chart.lifecycle import OnDecline, RequestState, SeatState
from chart.message import About, Message, MessageAbout, StaffNotice
from chart.practice import Practice
from chart.refusals import NotFound, Refusal
from chart.relationship import Relation, Relationship, Standing
from chart.request import Request as SignatureRequest
from chart.request import Signer
from chart.waiting import Filter, Waiting
from identity import second_factor, session
from identity.account import Preferences, check_address
from identity.api_key import ApiKey
from identity.caller import PortalUser, Role, StaffMember, Surface
from identity.operator import Operators
from identity.passkey import Passkey
from identity.person import Person
from identity.roster import Member, State
from identity.second_factor import Factors, Offered
from identity.session import Awaits, HalfWay, Left, Session
from identity.staff import Colleague
from pdf import Note
from tests.papers import paper

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)


def number(name: str) -> UUID:
    """The id that belongs to a name, the same in every run."""
    return uuid5(UUID(int=0), name)


PRACTICE = PracticeId(number("practice"))
CLIENT = ClientId(number("client"))
UNREGISTERED = ClientId(number("unregistered"))
ACCOUNT = AccountId(number("account"))
MESSAGE = MessageId(number("message"))
REQUEST = RequestId(number("request"))


class Empty:
    """A database of which nobody on the stage asks anything."""

    @asynccontextmanager
    async def practice(self, *_: object) -> AsyncIterator[None]:
        yield None


NOTHING = SimpleNamespace(
    database=Empty(),
    sign_on=None,
    operators=Operators({"maya": "a-token-of-thirty-two-characters"}),
    settings=SimpleNamespace(chart_url="http://chart.localhost:1", portal_url="http://portal.localhost:1"),
)
"""Resources that hold nothing but addresses."""

PAPER = paper("Progress Note", pages=3)
"""What every document is."""


@functools.cache
def rendered(page: int, width: int) -> pdf.Preview:
    return pdf.render(PAPER, page, width)


ACTS = {
    charts: (
        "search_clients",
        "recent_charts",
        "add_client",
        "open_chart",
        "upload",
        "find_document",
        "staff_notices",
        "versions",
        "page_image",
    ),
    sharing: ("share", "share_to_sign", "invite", "choices"),
    requests: ("resume", "queue", "timeline", "recall", "reissue", "find_request"),
    access_stories: ("end", "block_document", "unblock_document"),
    settings: ("preferences", "read_practice", "change_practice"),
    auditing: ("read",),
    disclosing: ("consents", "ledger"),
    restricting: ("team",),
    roster: ("members", "find"),
    appointments: ("look", "form", "today", "make", "move_form", "move", "cancel"),
    keys: ("list_keys",),
    portal: (
        "electronic_records",
        "inbox",
        "open_message",
        "shared_documents",
        "review",
        "signed_copies",
        "decline",
        "page_image",
    ),
    signing: ("note_viewed", "is_received"),
    accounts: ("overview", "is_fresh", "offer_authenticator", "make_recovery_codes"),
}
"""The functions of `api.stories` that a `Stage` plays."""


def a_document(name: str, kind: Kind = Kind.CLINICAL_NOTE, **different: Any) -> Document:
    as_ever = Document(
        id=DocumentId(number(name)),
        client_id=CLIENT,
        kind=kind,
        note_name=name if kind is Kind.CLINICAL_NOTE else None,
        service_on=date(2026, 11, 2),
        created_at=NOW,
        version_id=VersionId(number(name + " version")),
        sha256="a" * 64,
        size=20_000,
        pages=2,
        shared=False,
        request_id=None,
        request_state=None,
        attention=None,
        viewed=False,
        correction=False,
        seats=0,
        signed_seats=0,
        version_number=1,
        expires_at=None,
        signed_sha256=None,
        signed_pages=None,
    )
    return replace(as_ever, **different)


def asked(state: RequestState = RequestState.PENDING, **different: Any) -> dict[str, Any]:
    """What a document shows of its request."""
    return {
        "shared": True,
        "request_id": REQUEST,
        "request_state": state,
        "expires_at": NOW + timedelta(days=60),
        "seats": 1,
        "my_seat": SeatState.SIGNED if state is RequestState.SIGNED else SeatState.WAITING,
        "my_turn": state is RequestState.PENDING,
        **different,
    }


PENDING = a_document("Progress Note", **asked())
SIGNED = a_document("Complete Evaluation", **asked(RequestState.SIGNED, signed_sha256="b" * 64, signed_pages=3))
PLAN = a_document("plan", Kind.TREATMENT_PLAN)
SUPERBILL = a_document("superbill", Kind.DOCUMENT, shared=True)
PSYCHOTHERAPY = a_document("psychotherapy", Kind.PSYCHOTHERAPY_NOTE)
STUCK = a_document(
    "Group Note",
    **asked(
        attention="The shared version is missing from the store. Restore it, then resume.",
        request_id=RequestId(number("stuck request")),
    ),
)


NOTE_OF_UNREGISTERED = a_document("Progress Note", id=DocumentId(number("unregistered note")), client_id=UNREGISTERED)


def a_client(client_id: ClientId = CLIENT, **different: Any) -> Client:
    return replace(
        Client(client_id, "Jordan", "Rivera", date(1988, 5, 17), "ehr-17", NOW, registered=True, waiting=1), **different
    )


CLIENT_PARTY = Actor(f"account:{ACCOUNT}")
STAFF_PARTY = Actor(f"staff:{number('staff')}")


def a_signer(position: int, party: Actor, state: SeatState = SeatState.WAITING, **different: Any) -> Signer:
    client = party.startswith("account:")
    as_ever = Signer(
        position=position,
        party=party,
        name="Jordan Rivera" if client else "Dr. Maya Chen",
        relationship="self" if client else "provider",
        state=state,
        viewed_at=NOW,
        answered_at=None if state is SeatState.WAITING else NOW,
        reason=None,
        correction=False,
        notice=None,
    )
    return replace(as_ever, **different)


PARENT = AccountId(number("parent"))
PARENT_PARTY = Actor(f"account:{PARENT}")
COLLEAGUE_PARTY = Actor(f"staff:{number('supervisor')}")


def a_relation(account: AccountId = ACCOUNT, **different: Any) -> Relation:
    as_ever = Relation(
        account_id=account,
        name="Jordan Rivera" if account == ACCOUNT else "Rosa Rivera",
        email="jordan@example.org" if account == ACCOUNT else "rosa@example.org",
        relationship=Relationship.SELF if account == ACCOUNT else Relationship.PARENT,
        starts_on=date(2026, 11, 2),
        ends_on=None,
        ended_by=None,
        end_reason=None,
        majority_on=None,
        standing=Standing.HOLDS,
    )
    return replace(as_ever, **different)


def a_block(document: Document, account: AccountId = PARENT) -> Block:
    return Block(document.id, account, "Rosa Rivera", STAFF_PARTY, "It concerns the parents.", NOW)


ZONE = ZoneInfo("America/Chicago")


def an_appointment(**different: Any) -> Appointment:
    as_ever = Appointment(
        id=AppointmentId(number("appointment")),
        client_id=CLIENT,
        client_name="Jordan Rivera",
        staff_id=StaffId(number("staff")),
        staff_name="Dr. Maya Chen",
        starts_at=NOW,
        minutes=50,
        kind=AppointmentKind.INDIVIDUAL,
        waiting=1,
        cancelled_at=None,
    )
    return replace(as_ever, **different)


INVITATION = OpenInvitation(
    InvitationId(number("invitation")),
    "Rosa Rivera",
    "rosa@example.org",
    Relationship.PARTNER,
    NOW,
    NOW + timedelta(days=7),
    "refused",
)


@dataclass
class Stage:
    """What the pages find. Tests put their own things in; `raises` is what the next act ends with."""

    clients: list[Client] = field(
        default_factory=lambda: [
            a_client(),
            a_client(UNREGISTERED, given_name="Priya", family_name="Natarajan", registered=False, waiting=0),
        ]
    )
    documents: list[Document] = field(default_factory=lambda: [PENDING, SIGNED, PLAN, SUPERBILL, PSYCHOTHERAPY, STUCK])
    role: Role = Role.PROVIDER
    language: str = "en"
    """Of whoever is signed in."""
    relations: list[Relation] = field(default_factory=lambda: [a_relation()])
    blocks: list[Block] = field(default_factory=list)
    notes: tuple[Note, ...] = ()
    """Of uploads."""
    planned: list[Appointment] = field(default_factory=lambda: [an_appointment()])
    colleagues: list[Colleague] = field(
        default_factory=lambda: [
            Colleague(StaffId(number("staff")), "Dr. Maya Chen", Role.PROVIDER),
            Colleague(StaffId(number("supervisor")), "Sam Ortiz", Role.SUPERVISOR),
        ]
    )
    possible: list[sharing.Possible] = field(
        default_factory=lambda: [
            sharing.Possible(CLIENT_PARTY, "Jordan Rivera", "Self", None),
            sharing.Possible(PARENT_PARTY, "Rosa Rivera", "Parent", None),
        ]
    )
    consented: bool = False
    received: bool = False
    declining: bool = False
    about: MessageAbout = MessageAbout.RECORD_REQUEST
    copies: list[Version] = field(default_factory=list)
    signers: tuple[Signer, ...] = field(default_factory=lambda: (a_signer(0, CLIENT_PARTY), a_signer(1, STAFF_PARTY)))
    bulk_works: bool = True
    """A bulk share is not finished yet."""
    barred: tuple[Signer, ...] = ()
    """Signers of the request page in place of those of the document."""
    left: Left | None = field(default_factory=lambda: Left(STAFF_PARTY, timedelta(minutes=15), timedelta(hours=12)))
    """Of the session; nothing once it has ended."""
    since_signed: dict[str, Any] = field(default_factory=dict)
    """What the request page shows of what came after the signature."""
    fresh: bool = True
    factors: Factors = field(
        default_factory=lambda: Factors(
            authenticator=True, passkeys=(Passkey(b"id", "Chrome on Linux", NOW, NOW),), recovery_codes=9
        )
    )
    sessions: list[Session] = field(
        default_factory=lambda: [
            Session(number("session"), "Firefox on Linux", NOW, NOW, this=True),
            Session(number("other session"), "Safari on iPhone", NOW, NOW, this=False),
        ]
    )
    delivered: bool = True
    decided: bool = True
    raises: Exception | None = None
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def staff(self) -> StaffMember:
        return StaffMember(
            PRACTICE, StaffId(number("staff")), self.role, NOW, "Dr. Maya Chen", self.language, "America/Chicago"
        )

    def user(self) -> PortalUser:
        return PortalUser(PRACTICE, ACCOUNT, NOW, "Jordan Rivera", self.language, "America/Chicago")

    # -- the practice's side

    async def search_clients(self, _r: object, _c: object, words: str, *, limit: int) -> list[Client]:
        return [one for one in self.clients if words.lower() in one.name.lower()][:limit]

    async def recent_charts(self, _r: object, _c: object) -> list[Client]:
        return self.clients[:1]

    async def add_client(self, _r: object, _c: object, **given: Any) -> Client:
        self._act("add client", **given)
        return a_client()

    async def open_chart(self, _r: object, _c: object, client_id: ClientId) -> charts.Chart:
        client = next(one for one in self.clients if one.id == client_id)
        own = PortalAccess(ACCOUNT, client.name, "jordan@example.org", Relationship.SELF)
        return charts.Chart(
            client=client,
            access=[own] if client.registered else [],
            relations=self.relations if client.registered else [],
            blocks=self.blocks if client.registered else [],
            names={STAFF_PARTY: "Dr. Maya Chen"},
            invitations=[INVITATION] if client_id == CLIENT else [],
            documents=self.documents if client_id == CLIENT else [NOTE_OF_UNREGISTERED],
            appointments=[an_appointment()] if client_id == CLIENT else [],
            zone=ZONE,
        )

    async def today(self, _r: object, _c: object) -> date:
        return NOW.date()

    async def look(
        self, _r: object, _c: object, first: date | None, days: int, *, of: StaffId | None
    ) -> appointments.Days:
        first = first or NOW.date()
        among = [one for one in self.planned if first <= one.starts_at.date() < first + timedelta(days=days)]
        return appointments.Days(ZONE, NOW.date(), first, days, among, self.colleagues)

    async def form(self, _r: object, _c: object, _client: ClientId) -> appointments.Form:
        return appointments.Form(ZONE, NOW.date(), self.colleagues)

    async def make(self, _r: object, _c: object, _client: ClientId, _s: StaffId, **given: Any) -> Any:
        self._act("make appointment", **given)
        return appointments.MadeAppointment(an_appointment(), new=True)

    async def move_form(self, _r: object, _c: object, _client: ClientId, _one: AppointmentId) -> appointments.MoveForm:
        return appointments.MoveForm(appointments.Form(ZONE, NOW.date(), self.colleagues), an_appointment())

    async def move(self, _r: object, _c: object, one: AppointmentId, **given: Any) -> Appointment:
        self._act("move appointment", appointment=one, **given)
        return an_appointment()

    async def cancel(self, _r: object, _c: object, one: AppointmentId, **_: Any) -> Appointment:
        self._act("cancel appointment", appointment=one)
        return an_appointment()

    async def upload(self, _r: object, _c: object, _client: ClientId, **given: Any) -> charts.Uploaded:
        self._act("upload", **given)
        return charts.Uploaded(PLAN, (), self.notes)

    async def find_document(self, _r: object, _c: object, document_id: DocumentId) -> Document:
        return self._document(document_id)

    async def share(self, _r: object, _c: object, document_id: DocumentId) -> Document:
        self._act("share", document=document_id)
        return self._document(document_id)

    async def share_to_sign(
        self,
        _r: object,
        _c: object,
        document_id: DocumentId,
        terms: Terms | None = None,
        invite_too: sharing.Invitee | None = None,
    ) -> sharing.Asked:
        self._act("share to sign", document=document_id, terms=terms, invite=invite_too)
        return sharing.Asked(REQUEST, self.delivered)

    async def choices(self, _r: object, _c: object, document_id: DocumentId) -> sharing.Choices:
        registered = document_id != NOTE_OF_UNREGISTERED.id
        colleague = sharing.Possible(COLLEAGUE_PARTY, "Sam Ortiz", "Supervisor", None)
        practice = await self.read_practice(None, None)
        return sharing.Choices(self.possible if registered else [], [colleague], practice)

    async def read_practice(self, _r: object, _c: object) -> Practice:
        return Practice(PRACTICE, "Harbor Counseling", "America/Chicago", 60, (3, 7, 14), 18, "en", "Ask for paper.")

    async def preferences(self, _r: object, _u: object) -> Preferences:
        return Preferences("en", reminders=True, reminders_optional=True)

    async def change_practice(self, _r: object, _c: object, changes: dict[str, Any]) -> Practice:
        self._act("change practice", **changes)
        return await self.read_practice(None, None)

    async def read(self, _r: object, _c: object, _wanted: object, *, after: object) -> auditing.Read:
        lines = [
            Line(PRACTICE, chart, number, NOW, STAFF_PARTY, action, None, None, {"problem": "not found"}, "", "e" * 64)
            for chart, number, action in ((CLIENT, 2, Action.VIEWED_CHART), (PRACTICE, 1, Action.NOT_FOUND))
        ]
        who: dict[str, str] = {STAFF_PARTY: "Dr. Maya Chen"}
        return auditing.Read(lines, lines[-1].place, who, {CLIENT: self.clients[0].name}, who)

    async def consents(self, _r: object, _c: object, _client: ClientId) -> list[Consent]:
        day = NOW.date()
        terms = ConsentTerms(
            None, "County Office", None, "The plan.", "Care.", day, None, "It ends.", day, SignedHow.ON_PAPER
        )
        consent_id = ConsentId(number("consent"))
        return [Consent(consent_id, CLIENT, terms, "County Office", STAFF_PARTY, NOW, None, None, None, Holds.HOLDS)]

    async def ledger(self, _r: object, _c: object, _client: ClientId) -> list[Disclosure]:
        consent_id = ConsentId(number("consent"))
        kind = Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN
        return [
            Disclosure(NOW, PLAN.id, kind, None, act, "Rosa Rivera", "partner", consent_id, "Care.", "a" * 64)
            for act in ("viewed", "downloaded", "disclosed")
        ]

    async def look_at_bulk(self, _r: object, _c: object, bulk_id: BulkId) -> bulk.Looked:
        outcomes = [one for one in ItemOutcome if self.bulk_works or one is not ItemOutcome.WAITING]
        documents = [PENDING, SIGNED, PLAN, SUPERBILL, PSYCHOTHERAPY]
        items = tuple(
            Item(document.id, outcome, "Nobody is registered." if outcome is ItemOutcome.REFUSED else None, None)
            for document, outcome in zip(documents, outcomes, strict=False)
        )
        about = {one.id: Concerned(CLIENT, "Jordan Rivera", one.type, one.service_on) for one in documents[1:]}
        return bulk.Looked(Bulk(bulk_id, BulkAct.SHARE_TO_SIGN, NOW, items), about)

    async def possible_clients(self, _r: object, _c: object, words: str, *_: object) -> bulk.Possible:
        found = [one for one in self.clients if words.lower() in one.name.lower()]
        return bulk.Possible(found, CLIENT, {UNREGISTERED: "Priya Natarajan"} if words else {})

    async def team(self, _r: object, _c: object, _client: ClientId) -> restricting.Team:
        me = StaffId(number("staff"))
        restriction = Restriction(NOW, STAFF_PARTY, "A colleague of ours.", frozenset({me}))
        return restricting.Team(restriction, [Colleague(me, "Dr. Maya Chen", Role.PROVIDER)])

    async def members(self, _r: object, _c: object) -> list[Member]:
        return [
            Member(
                StaffId(number("staff")), "Dr. Maya Chen", "maya@example.org", self.role, State.ACTIVE, NOW, None, None
            ),
            *(
                Member(
                    StaffId(number(state)),
                    "Sam Ortiz",
                    "sam.ortiz@example.org",
                    Role.SUPERVISOR,
                    state,
                    None if state is State.INVITED else NOW,
                    NOW if state is State.ENDED else None,
                    "Moved away." if state is State.ENDED else None,
                )
                for state in State
            ),
        ]

    async def find(self, _r: object, _c: object, staff_id: StaffId) -> Member:
        return next(one for one in await self.members(None, None) if one.id == staff_id)

    async def end(self, _r: object, _c: object, _client: ClientId, account: AccountId, reason: str) -> None:
        self._act("end", account=account, reason=reason)

    async def block_document(
        self, _r: object, _c: object, document: DocumentId, account: AccountId, reason: str
    ) -> None:
        self._act("block", document=document, account=account, reason=reason)

    async def unblock_document(self, _r: object, _c: object, document: DocumentId, account: AccountId) -> None:
        self._act("unblock", document=document, account=account)

    async def recall(self, _r: object, _c: object, request_id: RequestId, reason: str) -> requests.Steered:
        self._act("recall", request=request_id, reason=reason)
        return requests.Steered(await self.find_request(None, None, request_id), self.decided)

    async def reissue(self, _r: object, _c: object, request_id: RequestId) -> sharing.Asked:
        self._act("reissue", request=request_id)
        return sharing.Asked(REQUEST, self.delivered)

    async def find_request(self, _r: object, _c: object, request_id: RequestId) -> SignatureRequest:
        return request_of(next(one for one in self.documents if one.request_id == request_id))

    async def invite(self, _r: object, _c: object, client_id: ClientId, invitee: sharing.Invitee) -> None:
        check_address(invitee.email)
        self._act("invite", client=client_id, **vars(invitee))

    async def resume(self, _r: object, _c: object, request_id: RequestId) -> None:
        self._act("resume", request=request_id)

    async def queue(self, _r: object, _c: object, chosen: Filter) -> list[Waiting]:
        late = chosen is Filter.NEEDS_ATTENTION
        return [
            Waiting(
                request_id=REQUEST,
                document_id=one.id,
                client_id=CLIENT,
                client_name="Jordan Rivera",
                type=one.type,
                label=one.waits_for or "",
                created_at=NOW,
                expires_at=NOW + timedelta(days=60),
                next_reminder_at=None if one.attention else NOW + timedelta(days=3),
                overdue=one.attention is not None,
                attention=one.attention,
                barred=any(signer.barred for signer in self.barred),
            )
            for one in self.documents
            if one.open and (one.attention or not late)
        ]

    async def timeline(self, _r: object, _c: object, request_id: RequestId) -> requests.Timeline:
        document = next(one for one in self.documents if one.request_id == request_id)
        entries = tuple(Entry(NOW, Actor("staff:maya"), action, {}) for action in words.HAPPENED)
        asked = request_of(document)
        asked = replace(asked, signers=self.barred or asked.signers, **self.since_signed)
        return requests.Timeline(asked, entries, {"staff:maya": "Dr. Maya Chen"}, ZoneInfo("America/Chicago"))

    async def versions(self, _r: object, _c: object, document_id: DocumentId) -> list[Version]:
        found = self._document(document_id)
        return [
            Version(found.version_id, 2, NOW, "The date was wrong.", found.sha256, found.shared, None, None),
            Version(found.version_id, 1, NOW, None, "c" * 64, shared=True, signed_sha256="d" * 64, signed_at=NOW),
        ]

    async def staff_notices(self, _r: object, _c: object) -> list[StaffNotice]:
        return [StaffNotice(REQUEST, SIGNED.id, CLIENT, "Jordan Rivera", SIGNED.type, about, NOW) for about in About]

    async def list_keys(self, _r: object, _c: object) -> keys.Keys:
        ends = NOW + timedelta(days=36_500)
        key = ApiKey(number("key"), "Health record", ("read charts", "share"), STAFF_PARTY, NOW, ends, NOW, None)
        old = replace(key, id=number("old key"), name="Old importer", revoked_at=NOW, last_used_at=None)
        return keys.Keys([key, old], {STAFF_PARTY: "Dr. Maya Chen"})

    async def page_image(self, _r: object, _c: object, _d: object, page: int, width: int) -> pdf.Preview:
        return await asyncio.to_thread(rendered, page, width)

    # -- the client's side

    async def inbox(self, _r: object, _u: object) -> list[Message]:
        of = next((one for one in self.documents if one.id == PENDING.id), None)
        if of is None:
            return []
        return [
            Message(
                id=MESSAGE,
                about=self.about,
                request_id=REQUEST,
                document_id=of.id,
                practice_name="Harbor Counseling",
                created_at=NOW,
                read_at=None,
                request_state=of.request_state or RequestState.PENDING,
                my_seat=of.my_seat,
                my_turn=of.my_turn,
            )
        ]

    async def electronic_records(self, _r: object, _u: object) -> portal.ElectronicRecords:
        text = worded("Ask for paper.", self.language)
        return portal.ElectronicRecords(text, Given(text.version, NOW) if self.consented else None)

    async def open_message(self, _r: object, _u: object, _m: MessageId) -> portal.OpenedMessage:
        (message,) = await self.inbox(None, None)
        document = self._document(PENDING.id)
        shared = document if document.shared else None
        return portal.OpenedMessage(message, request_of(document), document.type, document.service_on, shared)

    async def shared_documents(self, _r: object, _u: object) -> list[Document]:
        return [one for one in self.documents if one.shared]

    async def review(self, _r: object, _u: object, document_id: DocumentId) -> portal.Review:
        document = self._document(document_id)
        request = request_of(document) if document.request_state else None
        return portal.Review(
            document,
            request,
            self.consented,
            worded("Ask for paper.", self.language),
            self.received,
            self.declining,
            self.fresh,
        )

    async def signed_copies(self, _r: object, _u: object, _d: object) -> list[Version]:
        return self.copies

    async def decline(
        self, _r: object, _u: object, document_id: DocumentId, *, reason: str | None, correction: bool
    ) -> None:
        self._act("decline", document=document_id, reason=reason, correction=correction)

    # -- the counter-signature

    async def note_viewed(self, _r: object, _s: object, document_id: DocumentId) -> SignatureRequest | None:
        document = self._document(document_id)
        return replace(request_of(document), signers=self.signers) if document.request_state else None

    async def is_received(self, _r: object, _s: object, _a: object) -> bool:
        return self.received

    # -- the way in

    async def half_way(self, asked: Request, _r: object) -> HalfWay:
        awaits = {"enrol": Awaits.ENROLMENT, "link": Awaits.LINK}.get(asked.url.path.split("/")[-1], Awaits.FACTOR)
        return HalfWay(PRACTICE, STAFF_PARTY, awaits)

    async def of(self, _transaction: object, _actor: object) -> Factors:
        return self.factors

    async def left_of(self, _database: object, surface: Surface, _token: str) -> Left | None:
        return self.left and replace(self.left, party=STAFF_PARTY if surface is Surface.CHART else CLIENT_PARTY)

    # -- one's own account

    async def overview(self, _r: object, who: Any, _token: str) -> accounts.Account:
        whose = Person(
            who.actor,
            PRACTICE,
            "maya@example.org",
            who.name,
            "Harbor Counseling",
            "",
            password_alone=True,
            language="en",
        )
        return accounts.Account(whose, self.factors, self.sessions, self.fresh)

    async def factors_of(self, _r: object, _w: object) -> Factors:
        return self.factors

    def is_fresh(self, _who: object) -> bool:
        return self.fresh

    async def offer_authenticator(self, _r: object, _w: object) -> Offered:
        return Offered("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    async def make_recovery_codes(self, _r: object, _w: object) -> list[str]:
        return [f"{number}abc-defg-hjkm" for number in range(10)]

    def _document(self, document_id: DocumentId) -> Document:
        found = next((one for one in self.documents if one.id == document_id), None)
        if found is None:
            raise NotFound("There is no such document.")
        return found

    def _act(self, what: str, **given: Any) -> None:
        if self.raises:
            raise self.raises
        self.done.append((what, given))

    def app(self, patch: Any) -> FastAPI:
        """The pages over this stage; `patch(module, name, function)` puts a function into a module of `api.stories`."""
        for module, acts in ACTS.items():
            for act in acts:
                patch(module, act, getattr(self, act))
        patch(accounts, "factors", self.factors_of)
        patch(bulk, "look", self.look_at_bulk)
        patch(bulk, "possible_clients", self.possible_clients)
        patch(second_factor, "of", self.of)
        patch(session, "left", self.left_of)
        patch(Door, "half_way", self.half_way)
        app = FastAPI()
        app.include_router(pages.router)
        app.include_router(codec.router)
        app.dependency_overrides = {
            access.resources: lambda: NOTHING,
            dependency_of(StaffPage): self.staff,
            dependency_of(PortalPage): self.user,
        }

        @app.exception_handler(Refusal)
        async def refused(request: Request, refusal: Refusal) -> Response:
            return pages.render_problem(request, 404, "Not found", str(refusal))

        @app.exception_handler(access.SignInNeeded)
        async def signed_out(request: Request, needed: access.SignInNeeded) -> Response:
            return pages.render_problem(request, 401, "Sign in", str(needed))

        return app


def dependency_of(alias: Any) -> Any:
    """The function behind an annotation such as `StaffPage`."""
    return get_args(alias)[1].dependency


def request_of(document: Document) -> SignatureRequest:
    """The request that a document shows."""
    assert document.request_id
    assert document.request_state
    assert document.expires_at
    return SignatureRequest(
        id=document.request_id,
        practice_id=PRACTICE,
        client_id=CLIENT,
        document_id=document.id,
        version_id=document.version_id,
        state=document.request_state,
        attention=document.attention,
        attention_skippable=False,
        in_order=document.my_seat is SeatState.WAITING and not document.my_turn,
        on_decline=OnDecline.ENDS,
        requested_by=Actor("service"),
        created_at=NOW,
        delivered_at=NOW,
        expires_at=document.expires_at,
        reminder_days=(3, 7, 14),
        reminders=(),
        reminded_at=None,
        signed_at=NOW if document.signed_sha256 else None,
        ended_at=None,
        ended_by=None,
        end_reason=None,
        correction=document.correction,
        record=None,
        sha256=document.sha256,
        signed_sha256=document.signed_sha256,
        signers=_signers(document),
    )


def _signers(document: Document) -> tuple[Signer, ...]:
    """The reader of the portal in the last seat, and as many others before as the document says."""
    own = [document.my_seat] if document.my_seat else []
    others = document.seats - len(own)
    signed = document.signed_seats - (document.my_seat is SeatState.SIGNED)
    states = [SeatState.SIGNED if n < signed else SeatState.WAITING for n in range(others)]
    parties = [Actor(f"staff:{number(str(n))}") for n in range(others)] + [Actor(f"account:{ACCOUNT}")] * len(own)
    return tuple(
        a_signer(n, party, state, correction=document.correction and state is SeatState.DECLINED)
        for n, (party, state) in enumerate(zip(parties, [*states, *own], strict=True))
    )
