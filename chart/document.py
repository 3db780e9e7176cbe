"""Documents, their versions, and sharing: what may be shared, what is frozen, what the Share Status says."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chart.audit import Actor
from chart.ids import AccountId, ClientId, DocumentId, PracticeId, RequestId, VersionId
from chart.refusals import KindRefused, NotFound, Unacceptable
from chart.request import RequestState
from gateways.postgres import SQL, Record, Transaction


class Kind(StrEnum):
    CLINICAL_NOTE = "clinical_note"
    TREATMENT_PLAN = "treatment_plan"
    CHEMICAL_DEPENDENCY_TREATMENT_PLAN = "chemical_dependency_treatment_plan"
    DOCUMENT = "document"
    """A superbill or an invoice."""
    PSYCHOTHERAPY_NOTE = "psychotherapy_note"
    """45 CFR 164.501: kept apart from the record, never shared (SPEC S8)."""


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
    note_name: str | None
    service_on: date
    created_at: datetime
    version_id: VersionId
    sha256: str
    size: int
    pages: int
    shared: bool
    request_id: RequestId | None
    request_state: RequestState | None
    attention: str | None
    viewed: bool
    expires_at: datetime | None
    signed_sha256: str | None
    signed_pages: int | None
    """Of the signed copy, with its certificate."""

    @property
    def type(self) -> str:
        """The label of the Type column: Document, Treatment Plan, or the note's name."""
        match self.kind:
            case Kind.CLINICAL_NOTE:
                return self.note_name or "Clinical Note"
            case Kind.TREATMENT_PLAN | Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN:
                return "Treatment Plan"
            case Kind.DOCUMENT:
                return "Document"
            case Kind.PSYCHOTHERAPY_NOTE:
                return "Psychotherapy Note"

    @property
    def share_status(self) -> ShareStatus:
        if not self.shared:
            return ShareStatus.NOT_SHARED
        return ShareStatus.SHARED_AND_SIGNED if self.request_state is RequestState.SIGNED else ShareStatus.SHARED

    @property
    def waits_for(self) -> str | None:
        """What stands beside the Share Status, not instead of it (SPEC S2)."""
        match self.request_state:
            case RequestState.PENDING:
                return "Viewed" if self.viewed else "Pending signature"
            case RequestState.NEEDS_ATTENTION:
                return "Needs attention"
            case RequestState.EXPIRED:
                return "Expired"
            case RequestState.SIGNED | None:
                return None

    @property
    def tag(self) -> PortalTag | None:
        match self.request_state:
            case RequestState.SIGNED:
                return PortalTag.SIGNED
            case RequestState.PENDING | RequestState.NEEDS_ATTENTION:
                return PortalTag.PENDING_REVIEW
            case RequestState.EXPIRED | None:
                return None

    @property
    def may_be_shared(self) -> bool:
        return self.kind is not Kind.PSYCHOTHERAPY_NOTE

    @property
    def may_be_signed(self) -> bool:
        return self.kind in SIGNABLE


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
    if not document.may_be_shared:
        raise KindRefused("Psychotherapy notes are kept apart from the record and cannot be shared (45 CFR 164.501).")


def check_may_be_signed(document: Document) -> None:
    check_may_be_shared(document)
    if not document.may_be_signed:
        raise KindRefused(
            "Only clinical notes and treatment plans can be shared for signature. Use Share for this document."
        )


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
) -> Document:
    """File a document whose bytes are stored and inspected, as version 1."""
    check_named(kind, note_name)
    document_id = await transaction.fetchval(ADD, practice, client_id, kind, note_name, service_on)
    await transaction.execute(ADD_VERSION, practice, document_id, sha256, upload_sha256, size, pages)
    return await find(transaction, document_id)


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


async def add_signed_version(
    transaction: Transaction, practice: PracticeId, request_id: RequestId, *, sha256: str, size: int, pages: int
) -> bool:
    """File the signed copy beside the version it was made from; False if this request has one: the first wins."""
    return await transaction.fetchval(ADD_SIGNED_VERSION, practice, request_id, sha256, size, pages) is not None


async def is_signed_version(transaction: Transaction, sha256: str) -> bool:
    """Whether these very bytes are a signed version of any practice; yes or no, for strangers too (SPEC D4)."""
    return bool(await transaction.fetchval(IS_SIGNED_VERSION, sha256))


def _document(row: Record) -> Document:
    state = row["request_state"]
    return Document(**{**row, "kind": Kind(row["kind"]), "request_state": RequestState(state) if state else None})


_SELECT = """
select d.id, d.client_id, d.kind, d.note_name, d.service_on, d.created_at,
    v.id as version_id, v.sha256, v.size, v.pages, s.id is not null as shared,
    q.id as request_id, q.state as request_state, q.attention, q.viewed_at is not null as viewed, q.expires_at,
    signed.sha256 as signed_sha256, signed.pages as signed_pages
from document d
join lateral (
    select * from version where document_id = d.id and signed_by_request is null order by number desc limit 1
) v on true
left join share s on s.version_id = v.id
left join lateral (
    select * from signature_request where version_id = v.id order by created_at desc limit 1
) q on true
left join version signed on signed.signed_by_request = q.id
"""

ADD = SQL("""
insert into document (practice_id, client_id, kind, note_name, service_on) values ($1, $2, $3, $4, $5) returning id
""")

ADD_VERSION = SQL("""
insert into version (practice_id, document_id, number, sha256, upload_sha256, size, pages)
values ($1, $2, 1, $3, $4, $5, $6)
""")

FIND = SQL(_SELECT + "where d.id = $1")

OF_CHART = SQL(_SELECT + "where d.client_id = $1 order by d.service_on desc, d.id desc")

_SHARED_WITH = """
where s.id is not null and d.kind <> 'psychotherapy_note'
and exists (select from acting where acting.account_id = $1 and acting.client_id = d.client_id)
and not exists (select from document_block b where b.document_id = d.id and b.account_id = $1)
"""

OF_ACCOUNT = SQL(_SELECT + _SHARED_WITH + "order by s.created_at desc")

FIND_FOR_ACCOUNT = SQL(_SELECT + _SHARED_WITH + "and d.id = $2")

SHARE = SQL("""
insert into share (practice_id, version_id, shared_by) values ($1, $2, $3)
on conflict (version_id) do nothing returning id
""")

IS_SIGNED_VERSION = SQL("select is_signed_version($1)")

# the number follows the newest version of the document; two signed copies of one request cannot both be inserted
ADD_SIGNED_VERSION = SQL("""
insert into version (practice_id, document_id, number, sha256, size, pages, signed_by_request)
select $1, q.document_id, (select max(number) + 1 from version where document_id = q.document_id), $3, $4, $5, q.id
from signature_request q where q.id = $2
on conflict (signed_by_request) do nothing returning id
""")
