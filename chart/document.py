"""Documents, their versions, and sharing: what may be shared, what is frozen, what the Share Status says."""

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from chart import audit
from chart.audit import Action, Actor
from chart.ids import AccountId, ClientId, DocumentId, PracticeId, RequestId, VersionId
from chart.lifecycle import RequestState, SeatState
from chart.refusals import KindRefused, NotFound, NotInThisState, Unacceptable
from chart.relationship import Relationship
from chart.request import BARRED, LATE, MY_TURN, hold, label
from chart.text import N_, Sentence, Typed
from gateways.postgres import SQL, Record, Transaction


class Kind(StrEnum):
    CLINICAL_NOTE = "clinical_note"
    TREATMENT_PLAN = "treatment_plan"
    CHEMICAL_DEPENDENCY_TREATMENT_PLAN = "chemical_dependency_treatment_plan"
    DOCUMENT = "document"
    """A superbill or an invoice."""
    PSYCHOTHERAPY_NOTE = "psychotherapy_note"
    """45 CFR 164.501, 164.508(a)(2): kept apart from the record, never shared (SPEC S8)."""


SIGNABLE = frozenset({Kind.CLINICAL_NOTE, Kind.TREATMENT_PLAN, Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN})

NOTE_NAMES = (
    "Progress Note",
    "Complete Evaluation",
    "Initial Assessment",
    "Group Note",
    "Medication Management",
    "Discharge Summary",
)
"""Offered at upload; a practice may use any name of its own."""


class HideException(StrEnum):
    """45 CFR 171 subpart B: why information may be withheld from whoever asks for it, and nothing else is a reason."""

    PREVENTING_HARM = "preventing_harm"
    """171.201"""
    PRIVACY = "privacy"
    """171.202"""
    SECURITY = "security"
    """171.203"""
    INFEASIBILITY = "infeasibility"
    """171.204"""
    HEALTH_IT_PERFORMANCE = "health_it_performance"
    """171.205"""
    PROTECTING_CARE_ACCESS = "protecting_care_access"
    """171.206"""

    @property
    def label(self) -> str:
        """With its section, and when it is the right one."""
        return _HIDE_LABELS[self]


_HIDE_LABELS: dict[HideException, Sentence] = {
    HideException.PREVENTING_HARM: "Preventing harm (171.201): reading it would endanger the client or somebody else",
    HideException.PRIVACY: "Privacy (171.202): the law or the client’s own wish forbids it, or it is another person’s",
    HideException.SECURITY: "Security (171.203): showing it would endanger the security of records",
    HideException.INFEASIBILITY: "Infeasibility (171.204): it cannot be shown, or not apart from what may not be",
    HideException.HEALTH_IT_PERFORMANCE: "Health IT performance (171.205): the system is being maintained",
    HideException.PROTECTING_CARE_ACCESS: "Protecting care access (171.206): lawful care would be exposed to action",
}


class ShareStatus(StrEnum):
    """The three labels of the Share Status column, to the letter of the help article."""

    NOT_SHARED = "Not Shared"
    SHARED = "Shared"
    SHARED_AND_SIGNED = "Shared and Signed"


class PortalTag(StrEnum):
    """What the client sees beside a document that was shared for signature."""

    PENDING_REVIEW = "Pending Review"
    SIGNED = "Signed"


@dataclass(frozen=True)
class Document:
    """A document with its newest uploaded version and the newest request on that version."""

    id: DocumentId
    client_id: ClientId
    kind: Kind
    note_name: str | None = field(repr=False)
    service_on: date = field(repr=False)
    created_at: datetime
    version_id: VersionId
    version_number: int
    """Counted with the signed copies."""
    sha256: str
    size: int
    pages: int
    shared: bool
    request_id: RequestId | None
    request_state: RequestState | None
    attention: str | None
    viewed: bool
    correction: bool
    seats: int
    """Signatures that the request asks for."""
    signed_seats: int
    expires_at: datetime | None
    signed_sha256: str | None
    signed_pages: int | None
    """Of the signed copy, with its certificate."""
    my_seat: SeatState | None = None
    """What the portal account that looks has answered; None for whoever is not asked."""
    my_turn: bool = False
    late: bool = False
    """The last moment of the request has passed, and the engine has not ended it yet."""
    barred: bool = False
    """The request asks somebody who cannot sign any more."""
    relationship: Relationship | None = None
    """As what the portal account that looks acts for the client."""
    client_name: str | None = field(default=None, repr=False)
    """For whoever looks for somebody else: whose it is. None of their own."""
    consent_id: UUID | None = None
    """The consent without which it might not look (42 CFR Part 2); then the notice goes with the document."""

    @property
    def type(self) -> str:
        """As in the Type column."""
        return type_label(self.kind, self.note_name)

    @property
    def share_status(self) -> ShareStatus:
        if not self.shared:
            return ShareStatus.NOT_SHARED
        return ShareStatus.SHARED_AND_SIGNED if self.request_state is RequestState.SIGNED else ShareStatus.SHARED

    @property
    def waits_for(self) -> str | None:
        """What stands beside the Share Status, not instead of it (SPEC S2)."""
        if self.request_state is None or self.request_state is RequestState.SIGNED:
            return None
        return label(
            self.request_state,
            attention=self.attention is not None,
            viewed=self.viewed,
            correction=self.correction,
            signed=self.signed_seats,
            seats=self.seats,
            late=self.late,
        )

    @property
    def tag(self) -> PortalTag | None:
        if self.request_state is RequestState.SIGNED or (
            # a signature on a request that ended otherwise is not used
            self.my_seat is SeatState.SIGNED and self.request_state and not self.request_state.ended
        ):
            return PortalTag.SIGNED
        return PortalTag.PENDING_REVIEW if self.my_turn else None

    @property
    def part_2(self) -> bool:
        """A substance use disorder record (42 CFR 2.11); `chart.disclosure` says to whom it may go."""
        return self.kind is Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN

    @property
    def may_be_shared(self) -> bool:
        return self.kind is not Kind.PSYCHOTHERAPY_NOTE

    @property
    def open(self) -> bool:
        """A request on this version waits for somebody."""
        return self.request_state is not None and not self.request_state.ended

    @property
    def ends_by_itself(self) -> datetime | None:
        """When the request expires; None without one, once everybody has signed, and when it is too late."""
        to_come = self.open and not self.late and self.request_state is not RequestState.SEALING
        return self.expires_at if to_come else None

    @property
    def may_be_asked(self) -> bool:
        """Share to Sign is possible now."""
        return self.may_be_signed and not self.open and not self.over

    @property
    def over(self) -> bool:
        """It is signed; another signature takes a new version."""
        return self.request_state in {RequestState.SIGNED, RequestState.SIGNED_ON_PAPER}

    @property
    def may_be_signed(self) -> bool:
        return self.kind in SIGNABLE


def type_label(kind: Kind, note_name: str | None) -> str:
    """The label of the Type column: Document, Treatment Plan, or the note's name."""
    match kind:
        case Kind.CLINICAL_NOTE:
            return Typed(note_name) if note_name else N_("Clinical Note")
        case Kind.TREATMENT_PLAN | Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN:
            return N_("Treatment Plan")
        case Kind.DOCUMENT:
            return N_("Document")
        case Kind.PSYCHOTHERAPY_NOTE:
            return N_("Psychotherapy Note")


def file_name(document_id: DocumentId, *, signed: bool) -> str:
    """Name of a downloaded file; carries no personal data (SPEC D6)."""
    return f"document-{str(document_id)[-12:]}{'-signed' if signed else ''}.pdf"


def check_named(kind: Kind, note_name: str | None) -> None:
    """A clinical note has a name of 1 to 80 characters, and nothing else has one."""
    if (kind is Kind.CLINICAL_NOTE) != (note_name is not None):
        raise Unacceptable("A clinical note needs its note name (such as Progress Note); other kinds have none.")
    if note_name and (len(note_name) > 80 or not note_name.isprintable()):
        raise Unacceptable("A note name has 80 characters at most.")


def check_may_be_shared(document: Document) -> None:
    """45 CFR 164.508(a)(2): psychotherapy notes go nowhere without an authorisation of their own, and we take none.

    The one rule of all paths; a trigger of the database holds it a second time.
    """
    if not document.may_be_shared:
        raise KindRefused("Psychotherapy notes are kept apart from the record and cannot be shared (45 CFR 164.501).")


def check_may_be_signed(document: Document) -> None:
    check_may_be_shared(document)
    if not document.may_be_signed:
        raise KindRefused(
            "Only clinical notes and treatment plans can be shared for signature. Use Share for this document."
        )


def check_signed_on(found: Document, signed_on: date) -> None:
    """Raise `Unacceptable` for paper from before the date of service, which is mostly a mistyped day.

    Not always: a plan may be signed before it begins, and a consent before the session. Then it is to be confirmed.
    """
    if signed_on < found.service_on:
        raise Unacceptable(
            "This day is before the date of service. Check it. "
            "If it is right, confirm that it was signed before the date of service."
        )


def check_reason(reason: str) -> None:
    """Whoever takes back or replaces says why, in 1 to 500 characters."""
    if not reason.strip():
        raise Unacceptable("Say why, in at most 500 characters.")
    check_words(reason)


def check_words(text: str) -> None:
    """Free text of at most 500 characters that any program can keep: no control characters but tabs and line ends."""
    if len(text) > 500 or any(unicodedata.category(one) in {"Cc", "Cs"} and one not in "\t\r\n" for one in text):
        raise Unacceptable("Say it in at most 500 characters, without control characters.")


async def add(
    transaction: Transaction,
    practice: PracticeId,
    client_id: ClientId,
    *,
    kind: Kind,
    note_name: str | None,
    service_on: date,
    sha256: str,
    upload_sha256: str,
    size: int,
    pages: int,
    stamp_plan: str | None = None,
) -> Document:
    """File a document whose bytes are stored and inspected, as version 1. `stamp_plan` is JSON."""
    check_named(kind, note_name)
    document_id = await transaction.fetchval(ADD, practice, client_id, kind, note_name, service_on)
    await transaction.execute(ADD_VERSION, practice, document_id, sha256, upload_sha256, size, pages, stamp_plan)
    return await find(transaction, document_id)


async def add_version(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, document_id: DocumentId, version: "NewVersion"
) -> None:
    """File a new version behind the ones that are there, with its audit entry; once, however often (SPEC S7).

    It is not shared, and the unsigned version before is no more; what was signed before stays as it is.
    """
    await hold(transaction, document_id)
    added = await transaction.fetchval(
        ADD_NEXT_VERSION,
        version.id,
        practice,
        document_id,
        version.sha256,
        version.upload_sha256,
        version.size,
        version.pages,
        version.reason,
        version.added_by,
        version.stamp_plan,
    )
    if added is None:
        return  # it may have been shared since then
    await transaction.execute(HIDE_UNSIGNED, document_id, version.added_by)
    await audit.record(
        transaction,
        practice,
        version.added_by,
        Action.ADDED_VERSION,
        chart=client_id,
        document=document_id,
        sha256=version.sha256,
        upload_sha256=version.upload_sha256,
    )


async def check_is_another(transaction: Transaction, found: Document, version: "NewVersion") -> None:
    """Raise `Unacceptable` for the file that stands there already: as it was uploaded, or as it was kept.

    What was signed is taken once more: there is no other way to ask for another signature on it.
    """
    if not found.over and await transaction.fetchval(
        SAME_FILE, found.version_id, [version.sha256, version.upload_sha256]
    ):
        raise Unacceptable(
            "This is the same file as the version in the chart, so it was not taken. Choose the corrected file. "
            "To ask anew for a signature on this one, recall the request if it is open, and share it again."
        )


@dataclass(frozen=True)
class NewVersion:
    """Stored and inspected bytes that take the place of a document's present version."""

    id: VersionId
    sha256: str
    upload_sha256: str
    size: int
    pages: int
    reason: str = field(repr=False)
    added_by: Actor
    stamp_plan: str | None = field(default=None, repr=False)
    """JSON."""


@dataclass(frozen=True)
class Version:
    """One of a document's versions with its signed copy, if there is one."""

    id: VersionId
    number: int
    created_at: datetime
    reason: str | None = field(repr=False)
    sha256: str
    shared: bool
    signed_sha256: str | None
    signed_at: datetime | None


async def new_version_id(transaction: Transaction) -> VersionId:
    """An id for a version that is about to be filed."""
    return VersionId(await transaction.fetchval(NEW_ID))


async def stamp_plan(transaction: Transaction, version_id: VersionId) -> str | None:
    """How the version can be signed, as it was found when it was uploaded: JSON."""
    found: str | None = await transaction.fetchval(STAMP_PLAN, version_id)
    return found


async def has_version(transaction: Transaction, version_id: VersionId) -> bool:
    return await transaction.fetchval(HAS_VERSION, version_id) is not None


async def versions(transaction: Transaction, document_id: DocumentId) -> list[Version]:
    """All that stands in the chart, newest first; each stays retrievable for ever."""
    return [Version(**row) for row in await transaction.fetch(VERSIONS, document_id)]


async def find(transaction: Transaction, document_id: DocumentId) -> Document:
    row = await transaction.fetchrow(FIND, document_id)
    if row is None:
        raise NotFound("There is no such document in this practice.")
    return _document(row)


async def of_chart(transaction: Transaction, client_id: ClientId) -> list[Document]:
    """All documents of a chart, newest first."""
    return [_document(row) for row in await transaction.fetch(OF_CHART, client_id)]


async def of_account(transaction: Transaction, account_id: AccountId) -> list[Document]:
    """What is shared with the charts for which this account acts today and not kept from it, newest share first."""
    return [_document(row) for row in await transaction.fetch(OF_ACCOUNT, account_id)]


async def find_for_account(transaction: Transaction, account_id: AccountId, document_id: DocumentId) -> Document:
    """A shared document, or `NotFound`: whether it exists is none of a stranger's business."""
    row = await transaction.fetchrow(FIND_FOR_ACCOUNT, account_id, document_id)
    if row is None:
        raise NotFound("There is no such document, or it is not shared with you.")
    return _document(row)


async def share(transaction: Transaction, practice: PracticeId, version_id: VersionId, by: Actor) -> bool:
    """Give the client's portal access to a version; False if it was shared already."""
    return await transaction.fetchval(SHARE, practice, version_id, by) is not None


async def hide(transaction: Transaction, found: Document, by: Actor, exception: HideException, reason: str) -> bool:
    """Take a plain share out of the portal (SPEC S6); False if it was not shared."""
    if found.request_state is RequestState.SIGNED:
        raise NotInThisState("A signed copy is never taken away from the client.")
    if found.request_state is not None and not found.request_state.ended:
        raise NotInThisState("A signature is asked for. Recall the request first, then take the document back.")
    return await transaction.fetchval(HIDE, found.version_id, by, exception, reason) is not None


async def add_signed_version(
    transaction: Transaction, practice: PracticeId, request_id: RequestId, *, sha256: str, size: int, pages: int
) -> bool:
    """File the signed copy beside the version it was made from; False if this request has one: the first wins."""
    return await transaction.fetchval(ADD_SIGNED_VERSION, practice, request_id, sha256, size, pages) is not None


@dataclass(frozen=True)
class SignedVersion:
    """What the records say of a signed file."""

    practice_id: PracticeId
    client_id: ClientId
    request_id: RequestId
    sha256: str
    """As it was sealed, before any time stamp."""
    shared_sha256: str
    """Of the version that was shared, which is the one that was signed (SPEC S3)."""


async def signed_version(transaction: Transaction, sha256: str) -> SignedVersion | None:
    """Of any practice, if these very bytes are one; no stranger is told whose (SPEC D4)."""
    row = await transaction.fetchrow(SIGNED_VERSION, sha256)
    return SignedVersion(**row) if row else None


def _document(row: Record) -> Document:
    state, seat, relationship = row["request_state"], row.get("my_seat"), row.get("relationship")
    known = {
        "relationship": Relationship(relationship) if relationship else None,
        "kind": Kind(row["kind"]),
        "request_state": RequestState(state) if state else None,
        "my_seat": SeatState(seat) if seat else None,
    }
    return Document(**{**row, **known})


_COLUMNS = (
    """
select d.id, d.client_id, d.kind, d.note_name, d.service_on, d.created_at,
    v.id as version_id, v.number as version_number, v.sha256, v.size, v.pages,
    s.id is not null and s.hidden_at is null as shared,
    q.id as request_id, q.state as request_state, q.attention, q.expires_at,
    coalesce(q.correction, false) as correction, coalesce("""
    + LATE
    + """, false) as late,
    coalesce(signers.barred, false) as barred,
    coalesce(signers.viewed, false) as viewed, coalesce(signers.seats, 0) as seats,
    coalesce(signers.signed, 0) as signed_seats, signed.sha256 as signed_sha256, signed.pages as signed_pages
"""
)

_REQUEST = (
    """
left join share s on s.version_id = v.id
left join lateral (
    -- by the document too, since that has the index
    select * from signature_request where document_id = d.id and version_id = v.id order by created_at desc limit 1
) q on true
left join lateral (
    select bool_or(viewed_at is not null and account_id is not null) as viewed, count(*)::int as seats,
        (count(*) filter (where state = 'signed'))::int as signed, bool_or(("""
    + BARRED
    + """) is not null) as barred
    from signer s where s.request_id = q.id
) signers on q.id is not null
left join signed_copy signed on signed.signed_by_request = q.id
"""
)

_SELECT = (
    _COLUMNS
    + """
from document d
join lateral (
    select * from version where document_id = d.id and signed_by_request is null order by number desc limit 1
) v on true
"""
    + _REQUEST
)

CLIENT_NAME = """(
    select c.given_name || ' ' || c.family_name from client c where c.id = reaches.client_id and reaches.kind <> 'self'
)"""

# a client sees the newest version that is shared; a newer one may be in the chart already
_SELECT_FOR_ACCOUNT = (
    _COLUMNS
    + ", mine.state as my_seat, reaches.kind as relationship, reaches.consent_id, "
    + CLIENT_NAME
    + " as client_name, "
    + MY_TURN
    + """ as my_turn
from document d
join reaches on reaches.document_id = d.id and reaches.account_id = $1
join lateral (
    select shared.* from version shared join share on share.version_id = shared.id and share.hidden_at is null
    where shared.document_id = d.id and shared.signed_by_request is null order by shared.number desc limit 1
) v on true
"""
    + _REQUEST
    + """
left join signer mine on mine.request_id = q.id and mine.account_id = $1
"""
)

ADD = SQL("""
insert into document (practice_id, client_id, kind, note_name, service_on) values ($1, $2, $3, $4, $5) returning id
""")

ADD_VERSION = SQL("""
insert into version (practice_id, document_id, number, sha256, upload_sha256, size, pages, stamp_plan)
values ($1, $2, 1, $3, $4, $5, $6, $7::jsonb)
""")

ADD_NEXT_VERSION = SQL("""
insert into version
(id, practice_id, document_id, number, sha256, upload_sha256, size, pages, reason, added_by, stamp_plan)
select $1, $2, $3, max(number) + 1, $4, $5, $6, $7, $8, $9, $10::jsonb from version where document_id = $3
on conflict (id) do nothing returning id
""")

SAME_FILE = SQL("""
select true from version where id = $1 and (sha256 = any($2::text[]) or upload_sha256 = any($2::text[]))
""")

HIDE_UNSIGNED = SQL("""
update share set hidden_at = now(), hidden_by = $2, hide_reason = 'Replaced by a new version.'
from version v where v.id = share.version_id and v.document_id = $1 and share.hidden_at is null
and not exists (select from signature_request q where q.version_id = v.id and q.state = 'signed')
""")

NEW_ID = SQL("select uuidv7()")

STAMP_PLAN = SQL("select stamp_plan from version where id = $1")

HAS_VERSION = SQL("select true from version where id = $1")

VERSIONS = SQL("""
select v.id, v.number, v.created_at, v.reason, v.sha256, s.id is not null and s.hidden_at is null as shared,
    signed.sha256 as signed_sha256, q.signed_at
from version v left join share s on s.version_id = v.id
left join signature_request q on q.version_id = v.id and q.state = 'signed'
left join signed_copy signed on signed.signed_by_request = q.id
where v.document_id = $1 and v.signed_by_request is null order by v.number desc
""")

FIND = SQL(_SELECT + "where d.id = $1")

OF_CHART = SQL(_SELECT + "where d.client_id = $1 order by d.service_on desc, d.id desc")

_SHARED_WITH = """
where not exists (select from document_block b where b.document_id = d.id and b.account_id = $1)
"""

OF_ACCOUNT = SQL(_SELECT_FOR_ACCOUNT + _SHARED_WITH + "order by s.created_at desc")

FIND_FOR_ACCOUNT = SQL(_SELECT_FOR_ACCOUNT + _SHARED_WITH + "and d.id = $2")

SHARE = SQL("""
insert into share (practice_id, version_id, shared_by) values ($1, $2, $3)
on conflict (version_id) do update
set hidden_at = null, hidden_by = null, hide_exception = null, hide_reason = null, shared_by = excluded.shared_by,
    created_at = now()
where share.hidden_at is not null returning id
""")

HIDE = SQL("""
update share set hidden_at = now(), hidden_by = $2, hide_exception = $3, hide_reason = $4
where version_id = $1 and hidden_at is null returning id
""")

SIGNED_VERSION = SQL("select * from signed_version($1)")

# the number follows the newest version of the document; two signed copies of one request cannot both be inserted
ADD_SIGNED_VERSION = SQL("""
insert into version (practice_id, document_id, number, sha256, size, pages, signed_by_request)
select $1, q.document_id, (select max(number) + 1 from version where document_id = q.document_id), $3, $4, $5, q.id
from signature_request q where q.id = $2
on conflict (signed_by_request) do nothing returning id
""")
