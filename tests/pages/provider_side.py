"""The stories of the practice, played with records made by hand."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from activities.order import Terms
from api.pages import words
from api.stories import (
    access,
    appointments,
    auditing,
    bulk,
    charts,
    disclosing,
    keys,
    requests,
    restricting,
    roster,
    settings,
    sharing,
    signing,
)
from chart.appointment import Appointment, AppointmentId
from chart.audit import Action, Actor, Entry, Line
from chart.block import Block
from chart.bulk import Bulk, BulkAct, BulkId, Concerned, Item, ItemOutcome
from chart.care import Restriction
from chart.client import Client, PortalAccess
from chart.disclosure import Consent, ConsentId, Disclosure, Holds, SignedHow
from chart.disclosure import Terms as ConsentTerms
from chart.document import Document, Kind, Version, check_reason
from chart.ids import AccountId, ClientId, DocumentId, RequestId, StaffId
from chart.message import About, StaffNotice
from chart.practice import Practice
from chart.refusals import NotFound
from chart.relationship import Relation, Relationship
from chart.request import Request as SignatureRequest
from chart.request import Signer
from chart.waiting import Filter, Waiting
from identity.account import check_address
from identity.api_key import ApiKey
from identity.caller import Role
from identity.roster import Member, State
from identity.staff import Colleague
from pdf import Note
from tests.pages.play import Play
from tests.pages.records import (
    ACCOUNT,
    CLIENT,
    CLIENT_PARTY,
    COLLEAGUE_PARTY,
    INVITATION,
    NOTE_OF_UNREGISTERED,
    NOW,
    PARENT_PARTY,
    PENDING,
    PLAN,
    PRACTICE,
    PSYCHOTHERAPY,
    REQUEST,
    SIGNED,
    STAFF_PARTY,
    SUPERBILL,
    UNREGISTERED,
    ZONE,
    a_client,
    a_relation,
    a_signer,
    an_appointment,
    number,
    request_of,
)

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
    requests: ("resume", "queue", "need_attention", "timeline", "recall", "reissue", "find_request"),
    access: ("end", "block_document", "unblock_document", "second_factors"),
    settings: ("read_practice", "change_practice"),
    auditing: ("read",),
    disclosing: ("of_opened",),
    restricting: ("team",),
    roster: ("members", "find"),
    appointments: ("look", "form", "move_form", "today", "make", "move", "cancel"),
    bulk: ("possible_clients",),
    keys: ("list_keys",),
    signing: ("note_viewed", "is_received"),
}
"""The functions of `api.stories` that this plays."""


@dataclass
class ProviderSide(Play):
    """What staff finds and does."""

    clients: list[Client] = field(
        default_factory=lambda: [
            a_client(),
            a_client(UNREGISTERED, given_name="Priya", family_name="Natarajan", registered=False, waiting=0),
        ]
    )
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
    signers: tuple[Signer, ...] = field(default_factory=lambda: (a_signer(0, CLIENT_PARTY), a_signer(1, STAFF_PARTY)))
    bulk_works: bool = True
    """A bulk share is not finished yet."""
    barred: tuple[Signer, ...] = ()
    """Signers of the request page in place of those of the document."""
    since_signed: dict[str, Any] = field(default_factory=dict)
    """What the request page shows of what came after the signature."""
    delivered: bool = True
    decided: bool = True

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
            lapsed=[],
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

    async def move_form(self, _r: object, _c: object, _client: ClientId, one: AppointmentId) -> appointments.MoveForm:
        if one != an_appointment().id:
            raise NotFound("There is no such appointment in this chart.")
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

    async def of_opened(self, _r: object, _c: object, _client: ClientId) -> tuple[list[Consent], list[Disclosure]]:
        day = NOW.date()
        terms = ConsentTerms(
            None, "County Office", None, "The plan.", "Care.", day, None, "It ends.", day, SignedHow.ON_PAPER
        )
        consent_id = ConsentId(number("consent"))
        consent = Consent(consent_id, CLIENT, terms, "County Office", STAFF_PARTY, NOW, None, None, None, Holds.HOLDS)
        kind = Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN
        return [consent], [
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
        nothing_of = {UNREGISTERED: "Priya Natarajan"}
        shared = Bulk(bulk_id, BulkAct.SHARE_TO_SIGN, NOW, items, (*nothing_of, ClientId(number("closed"))))
        return bulk.Looked(shared, about, nothing_of)

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

    async def second_factors(self, _r: object, _c: object, _client: ClientId) -> dict[AccountId, datetime | None]:
        return {ACCOUNT: None}

    async def recall(self, _r: object, _c: object, request_id: RequestId, reason: str) -> requests.Steered:
        check_reason(reason)
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

    async def need_attention(self, _r: object, _c: object) -> int:
        return len((await self.queue(_r, _c, Filter.NEEDS_ATTENTION)).waiting)

    async def queue(self, _r: object, _c: object, chosen: Filter, **_: object) -> requests.Queue:
        late = chosen is Filter.NEEDS_ATTENTION
        waiting = [
            Waiting(
                request_id=REQUEST,
                document_id=one.id,
                client_id=CLIENT,
                client_name="Jordan Rivera",
                type=one.type,
                service_on=one.service_on,
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
        return requests.Queue(waiting, waiting[-1].spot if waiting else None)

    async def timeline(self, _r: object, _c: object, request_id: RequestId) -> requests.Timeline:
        document = next(one for one in self.documents if one.request_id == request_id)
        entries = tuple(Entry(NOW, Actor("staff:maya"), action, {}) for action in words.HAPPENED)
        asked = request_of(document)
        asked = replace(asked, signers=self.barred or asked.signers, **self.since_signed)
        names, zone = {"staff:maya": "Dr. Maya Chen"}, ZoneInfo("America/Chicago")
        return requests.Timeline(asked, entries, names, zone, bool(asked.can_be_reminded))

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

    async def note_viewed(self, _r: object, _s: object, document_id: DocumentId) -> SignatureRequest | None:
        document = self._document(document_id)
        return replace(request_of(document), signers=self.signers) if document.request_state else None

    async def is_received(self, _r: object, _s: object, _a: object) -> bool:
        return self.received
