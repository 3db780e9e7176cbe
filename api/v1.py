"""`/api/v1` for the practice's side: what a health-record system calls."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, File, Form, Path, Response, UploadFile
from pydantic import ConfigDict, Field, model_validator

from activities.order import Terms
from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import access, charts, requests, restricting, roster, settings, sharing
from api.stories.charts import Uploaded
from api.stories.requests import Steered
from api.stories.sharing import Asked, Invitee
from chart import schedule
from chart.audit import Action, Actor
from chart.block import Block
from chart.care import Restriction
from chart.client import Client
from chart.document import Document, HideException, Kind, ShareStatus, Version
from chart.ids import AccountId, ClientId, DocumentId, RequestId, StaffId
from chart.lifecycle import Act, OnDecline, RequestState, SeatState
from chart.relationship import Relationship, Standing
from chart.request import Barred, Request
from chart.waiting import Filter
from identity.caller import Role
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["practice"])

MOST_UPLOAD = 52_000_000
"""Bytes of an upload with its form; the PDF itself is limited by `pdf.Limits`."""

PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class In(Body):
    """What comes in: a field that is not asked for is an error (SPEC G4)."""

    model_config = ConfigDict(extra="forbid")


Words = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class ReasonIn(In):
    reason: Words


class HideIn(ReasonIn):
    exception: HideException = Field(description="Of 45 CFR 171 subpart B.")


class NewClient(In):
    given_name: Name
    family_name: Name
    birth_date: date
    external_id: Name | None = None


class ClientOut(Body):
    id: UUID
    given_name: str
    family_name: str
    birth_date: date
    external_id: str | None
    created_at: datetime
    registered: bool = Field(description="Somebody can act for this client in the Client Portal.")
    waiting: int = Field(description="Signature requests that wait for a signature.")
    restricted: bool = Field(description="Only its care team opens the chart.")
    closed: bool = Field(description="It is restricted and not open to you; then nothing of it is told.")

    @classmethod
    def of(cls, found: Client) -> "ClientOut":
        return cls.model_validate(found, from_attributes=True)


class RestrictionIn(ReasonIn):
    care_team: Annotated[list[UUID], Field(min_length=1, max_length=500, description="Ids of staff.")]


class RestrictionOut(Body):
    restricted_at: datetime | None = Field(description="Null: every staff member opens the chart.")
    reason: str | None
    care_team: list[UUID]

    @classmethod
    def of(cls, found: Restriction | None) -> "RestrictionOut":
        if found is None:
            return cls(restricted_at=None, reason=None, care_team=[])
        return cls(restricted_at=found.restricted_at, reason=found.reason, care_team=sorted(found.care_team))


class Search(In):
    words: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Every one stands in the name or the external id; none: all clients."
    )
    after: UUID | None = Field(default=None, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class ClientPage(Body):
    clients: list[ClientOut]
    next: UUID | None = Field(description="Send it as `after` to read on; null at the end.")


class InviteeIn(In):
    email: Annotated[str, Field(max_length=254)] = Field(description="Where the invitation goes; an ASCII address.")
    name: Name
    relationship: Relationship = Relationship.SELF

    def of(self) -> Invitee:
        return Invitee(self.email, self.name, self.relationship)


class InvitationOut(Body):
    name: str
    email: str
    relationship: Relationship
    created_at: datetime
    expires_at: datetime
    mail: str | None = Field(description="What became of the email: `sent`, `delayed`, `refused`, `failed`, or null.")


class RelationOut(Body):
    account_id: UUID
    name: str
    email: str
    relationship: Relationship
    starts_on: date
    ends_on: date | None = Field(description="The first day on which it no longer holds.")
    end_reason: str | None
    majority_on: date | None = Field(description="When the client comes of age, where that ends the relationship.")
    standing: Standing = Field(description="Whether it holds today, and if not, why.")


class AccessOut(Body):
    access: list[RelationOut]


class BlockIn(In):
    account_id: UUID = Field(description="Of somebody who has, or had, to do with the client.")
    reason: Words


class BlockOut(Body):
    document_id: UUID
    account_id: UUID
    name: str
    reason: str
    created_at: datetime

    @classmethod
    def of(cls, found: Block) -> "BlockOut":
        return cls.model_validate(found, from_attributes=True)


class Blocks(Body):
    blocks: list[BlockOut]


class Invitations(Body):
    invitations: list[InvitationOut]


class DocumentOut(Body):
    id: UUID
    client_id: UUID
    kind: Kind
    type: str = Field(description="As in the Type column of the chart.")
    note_name: str | None
    service_on: date
    created_at: datetime
    sha256: str
    size: int
    pages: int
    share_status: ShareStatus
    waits_for: str | None = Field(description="What stands beside the Share Status, such as `Pending signature`.")
    request_id: UUID | None
    signed_sha256: str | None

    @classmethod
    def of(cls, found: Document) -> "DocumentOut":
        return cls.model_validate(found, from_attributes=True)


class UploadedOut(DocumentOut):
    changes: list[str] = Field(description="What was taken out or mended, in plain words; the pages show the same.")
    notes: list[str] = Field(description="How the signature will look, where not as usual (in a file signed before).")

    @classmethod
    def told(cls, uploaded: Uploaded, **more: int) -> Self:
        known = DocumentOut.of(uploaded.document).model_dump()
        return cls.model_validate({**known, "changes": uploaded.changes, "notes": uploaded.notes, **more})


class Documents(Body):
    documents: list[DocumentOut]


class NewVersionOut(UploadedOut):
    version_number: int


class VersionOut(Body):
    number: int
    created_at: datetime
    reason: str | None = Field(description="Why it took the place of the version before; null of the first.")
    sha256: str
    shared: bool
    signed_sha256: str | None
    signed_at: datetime | None

    @classmethod
    def of(cls, found: Version) -> "VersionOut":
        return cls.model_validate(found, from_attributes=True)


class Versions(Body):
    versions: list[VersionOut]


class SignerIn(In):
    """Either an account that acts for the client, or staff for a counter-signature."""

    account_id: UUID | None = None
    staff_id: UUID | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "SignerIn":
        if (self.account_id is None) == (self.staff_id is None):
            raise ValueError("name either account_id or staff_id")
        return self

    @property
    def party(self) -> Actor:
        return Actor(f"account:{self.account_id}" if self.account_id else f"staff:{self.staff_id}")


Days = Annotated[list[Annotated[int, Field(ge=1, le=365)]], Field(max_length=schedule.MOST_REMINDERS)]


class TermsIn(In):
    days: int | None = Field(
        default=None, ge=1, le=365, description="Until it expires; the practice's default if null."
    )
    signers: Annotated[list[SignerIn], Field(max_length=10)] = Field(
        default=[], description="Who must sign; the client, or who acts for them, if empty."
    )
    in_order: bool = Field(default=False, description="Each is asked when everybody before has signed.")
    on_decline: OnDecline = Field(default=OnDecline.ENDS, description="What one signer's decline does to the request.")
    reminder_days: Days | None = Field(
        default=None, description="Days after delivery on which a reminder goes out; the practice's if null."
    )
    when_registered: bool = Field(
        default=False, description="Of a client who is not registered: wait durably until somebody registers."
    )
    invite: InviteeIn | None = Field(default=None, description="Invite this person too; implies `when_registered`.")

    def of(self) -> Terms:
        return Terms(
            days=self.days,
            signers=tuple(signer.party for signer in self.signers),
            in_order=self.in_order,
            on_decline=self.on_decline,
            reminder_days=None if self.reminder_days is None else tuple(self.reminder_days),
            when_registered=self.when_registered or self.invite is not None,
        )


class PracticeIn(In):
    timezone: Annotated[str, Field(max_length=100)] | None = None
    request_days: int | None = Field(default=None, ge=1, le=365)
    reminder_days: Days | None = None
    majority_age: int | None = Field(default=None, ge=16, le=25)
    language: Literal["en", "es"] | None = None
    paper_option: Words | None = Field(
        default=None, description="How clients come to paper instead. Whoever agreed to other words is asked anew."
    )
    reminders_optional: bool | None = Field(default=None, description="Clients may choose to get no reminders.")
    paper_option_es: Words | None = Field(
        default=None, description="The same in Spanish; without it, readers of Spanish find `paper_option`."
    )


class PracticeOut(Body):
    id: UUID
    name: str
    timezone: str = Field(description="IANA name.")
    request_days: int = Field(description="Until a request expires, if it does not say itself.")
    reminder_days: list[int] = Field(description="Days after delivery on which a reminder goes out.")
    majority_age: int = Field(description="Years; parents and legal guardians act for a client until then.")
    language: str = Field(description="Of certificates and invitations: `en` or `es`.")
    paper_option: str = Field(description="How clients come to paper instead; part of the consent text.")
    paper_option_es: str | None = Field(description="The same in Spanish.")
    reminders_optional: bool = Field(description="Clients may choose to get no reminders; never no requests.")


class ColleagueOut(Body):
    id: UUID
    name: str
    role: Role


class StaffOut(Body):
    staff: list[ColleagueOut]


class TimezoneIn(In):
    timezone: Annotated[str, Field(max_length=100)] | None = Field(description="IANA name; null: the practice's.")


class AskedOut(Body):
    request_id: UUID
    delivered: bool = Field(description="False: the engine holds it for sure, and it stands in the chart soon.")


class SignerOut(Body):
    position: int
    party: str | None = Field(description="`account:<id>` or `staff:<id>`; null until somebody registers.")
    name: str | None
    relationship: str | None
    state: SeatState
    viewed_at: datetime | None
    answered_at: datetime | None
    reason: str | None = Field(description="Of a decline.")
    correction: bool = Field(description="Declined with the wish for a correction.")
    notice: str | None = Field(description="What became of the latest email: `sent`, `delayed`, `refused`, `failed`.")
    barred: Barred | None = Field(description="Why this signer cannot sign any more: recall it and share again.")


class RequestOut(Body):
    id: UUID
    document_id: UUID
    client_id: UUID
    state: RequestState
    label: str = Field(description="As it stands beside the Share Status.")
    attention: str | None = Field(description="Why it needs attention.")
    offers: list[Act] = Field(description="What the practice may do now.")
    in_order: bool
    on_decline: OnDecline
    created_at: datetime
    expires_at: datetime
    reminders: list[datetime]
    reminded_at: datetime | None
    signed_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    correction: bool = Field(description="Declined with the wish for a correction.")
    record: dict[str, Any] | None = Field(description="Attempts and dates that staff has recorded.")
    sha256: str = Field(description="Of the version that is shared and signed.")
    signed_sha256: str | None = Field(description="Of the signed copy; another one from when it is time-stamped.")
    time_stamped_at: datetime | None = Field(description="By the clock of the authority that has stamped the copy.")
    time_stamp_waits: str | None = Field(description="Why the signed copy is not time-stamped yet.")
    notice: str | None = Field(description="The worst of the signers' `notice`; null so far.")
    signers: list[SignerOut]

    @classmethod
    def of(cls, found: Request) -> "RequestOut":
        made = cls.model_validate(found, from_attributes=True)
        return made.model_copy(update={"offers": sorted(found.offers)})


class EntryOut(Body):
    at: datetime
    actor: str
    name: str | None = Field(description="Of the actor.")
    action: Action
    detail: dict[str, str | int | None]


class TimelineOut(Body):
    request: RequestOut
    entries: list[EntryOut] = Field(description="What happened, oldest first.")


class WaitingOut(Body):
    request_id: UUID
    document_id: UUID
    client_id: UUID
    client_name: str
    type: str
    label: str
    created_at: datetime
    expires_at: datetime
    next_reminder_at: datetime | None
    overdue: bool
    attention: str | None
    barred: bool = Field(description="A signer has no access any more and cannot sign.")


class QueueOut(Body):
    requests: list[WaitingOut]


class UntilIn(In):
    until: date = Field(description="The last day on which it can be signed, in the practice's time zone.")


class RemindersIn(In):
    days: Days = Field(description="Days after delivery; those that have passed are not made up. Empty: none.")


class Attempt(In):
    on: date
    how: Words


class UnableIn(In):
    """SPEC G7: what was tried before giving up."""

    reason: Words
    attempts: Annotated[list[Attempt], Field(min_length=1, max_length=20)]


class PaperIn(In):
    reason: Words = Field(description="Why on paper, and where the paper is kept.")
    signed_on: date


@router.get("/practice")
@does(Operation.READ_PRACTICE)
async def read_practice(res: Res, caller: PracticeCaller) -> PracticeOut:
    """How the practice works."""
    return PracticeOut.model_validate(await settings.read_practice(res, caller), from_attributes=True)


@router.patch("/practice")
@does(Operation.CHANGE_PRACTICE)
async def change_practice(res: Res, caller: PracticeCaller, changes: PracticeIn) -> PracticeOut:
    """Change what is named; open requests stay as they were asked."""
    wanted = changes.model_dump(exclude_none=True)
    if "reminder_days" in wanted:
        wanted["reminder_days"] = tuple(wanted["reminder_days"])
    return PracticeOut.model_validate(await settings.change_practice(res, caller, wanted), from_attributes=True)


@router.get("/staff")
@does(Operation.LIST_STAFF)
async def list_staff(res: Res, caller: PracticeCaller) -> StaffOut:
    """Who works in the practice, by name: their ids name them in appointments, care teams and counter-signatures."""
    found = await roster.colleagues(res, caller)
    return StaffOut(staff=[ColleagueOut.model_validate(one, from_attributes=True) for one in found])


@router.put("/clients/{client_id}/timezone", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.SET_TIMEZONE)
async def set_timezone(res: Res, caller: PracticeCaller, client_id: UUID, where: TimezoneIn) -> None:
    """Where the client lives: reminders keep to the daytime there."""
    await settings.set_client_timezone(res, caller, ClientId(client_id), where.timezone)


@router.post("/clients", status_code=HTTPStatus.CREATED)
@does(Operation.ADD_CLIENT)
async def create_client(res: Res, caller: PracticeCaller, new: NewClient) -> ClientOut:
    """Open a chart."""
    return ClientOut.of(await charts.add_client(res, caller, **new.model_dump()))


@router.post("/clients/search")
@does(Operation.FIND_CLIENTS)
async def search_clients(res: Res, caller: PracticeCaller, search: Search) -> ClientPage:
    """Clients by family name. A POST, so that no name stands in an address or its log."""
    after = ClientId(search.after) if search.after else None
    found = await charts.search_clients(res, caller, search.words, after=after, limit=search.limit + 1)
    page = found[: search.limit]
    more = len(found) > search.limit
    return ClientPage(clients=[ClientOut.of(one) for one in page], next=page[-1].id if more else None)


@router.get("/clients/{client_id}")
@does(Operation.OPEN_CHART)
async def read_client(res: Res, caller: PracticeCaller, client_id: UUID) -> ClientOut:
    return ClientOut.of((await charts.open_chart(res, caller, ClientId(client_id))).client)


@router.get("/clients/{client_id}/restriction")
@does(Operation.SEE_RESTRICTION)
async def read_restriction(res: Res, caller: PracticeCaller, client_id: UUID) -> RestrictionOut:
    """Whether only a care team opens the chart."""
    return RestrictionOut.of((await restricting.team(res, caller, ClientId(client_id))).restriction)


@router.put("/clients/{client_id}/restriction")
@does(Operation.RESTRICT)
async def restrict(res: Res, caller: PracticeCaller, client_id: UUID, wanted: RestrictionIn) -> RestrictionOut:
    """Let only this care team open the chart, or change the team of a restricted one."""
    care_team = [StaffId(one) for one in wanted.care_team]
    changed = await restricting.restrict(res, caller, ClientId(client_id), care_team, wanted.reason)
    return RestrictionOut.of(changed.restriction)


@router.delete("/clients/{client_id}/restriction", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.RESTRICT)
async def lift_restriction(res: Res, caller: PracticeCaller, client_id: UUID) -> None:
    """Let every staff member open the chart again. Repeating changes nothing."""
    await restricting.lift(res, caller, ClientId(client_id))


@router.post("/clients/{client_id}/invitations", status_code=HTTPStatus.ACCEPTED)
@does(Operation.INVITE)
async def invite(res: Res, caller: PracticeCaller, client_id: UUID, invitee: InviteeIn) -> Response:
    """Invite somebody to act for the client in the Client Portal: a mail with a link that is good for seven days."""
    await sharing.invite(res, caller, ClientId(client_id), invitee.of())
    return Response(status_code=HTTPStatus.ACCEPTED)


@router.get("/clients/{client_id}/invitations")
@does(Operation.OPEN_CHART)
async def list_invitations(res: Res, caller: PracticeCaller, client_id: UUID) -> Invitations:
    """Who is invited and has not registered yet, newest first."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return Invitations(
        invitations=[InvitationOut.model_validate(one, from_attributes=True) for one in chart.invitations]
    )


@router.get("/clients/{client_id}/access")
@does(Operation.OPEN_CHART)
async def list_access(res: Res, caller: PracticeCaller, client_id: UUID) -> AccessOut:
    """Who acts for the client in the Client Portal, who will, who did, and why not today."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return AccessOut(access=[RelationOut.model_validate(one, from_attributes=True) for one in chart.relations])


@router.post("/clients/{client_id}/access/{account_id}/end", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.END_ACCESS)
async def end_access(res: Res, caller: PracticeCaller, client_id: UUID, account_id: UUID, why: ReasonIn) -> None:
    """End an access today, for a reason. What the account signed stays signed; an open request says who cannot sign."""
    await access.end(res, caller, ClientId(client_id), AccountId(account_id), why.reason)


@router.get("/clients/{client_id}/documents")
@does(Operation.OPEN_CHART)
async def list_documents(res: Res, caller: PracticeCaller, client_id: UUID) -> Documents:
    """The chart's Documents, newest first."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return Documents(documents=[DocumentOut.of(one) for one in chart.documents])


@router.post("/clients/{client_id}/documents", status_code=HTTPStatus.CREATED, max_body_size=MOST_UPLOAD)
@does(Operation.UPLOAD)
async def upload_document(
    res: Res,
    caller: PracticeCaller,
    client_id: UUID,
    file: Annotated[UploadFile, File(description="The PDF, 50 MB at most.")],
    kind: Annotated[Kind, Form()],
    service_on: Annotated[date | None, Form(description="Date of service; today if absent.")] = None,
    note_name: Annotated[str | None, Form(max_length=80, description="Of a clinical note, e.g. Progress Note.")] = None,
) -> UploadedOut:
    """Inspect a PDF and file it in the chart. A file that could not be signed later is refused now, with the reason."""
    uploaded = await charts.upload(
        res,
        caller,
        ClientId(client_id),
        kind=kind,
        note_name=note_name,
        service_on=service_on,
        content=await file.read(),
    )
    return UploadedOut.told(uploaded)


@router.get("/documents/{document_id}")
@does(Operation.READ_DOCUMENT)
async def read_document(res: Res, caller: PracticeCaller, document_id: UUID) -> DocumentOut:
    return DocumentOut.of(await charts.find_document(res, caller, DocumentId(document_id)))


@router.get(
    "/documents/{document_id}/file", response_class=Response, responses={200: {"content": {"application/pdf": {}}}}
)
@does(Operation.READ_DOCUMENT)
async def download(res: Res, caller: PracticeCaller, document_id: UUID) -> Response:
    """The PDF as it is shared."""
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=False))


@router.get("/documents/{document_id}/signed", response_class=Response, responses=PDF)
@does(Operation.READ_DOCUMENT)
async def download_signed(res: Res, caller: PracticeCaller, document_id: UUID) -> Response:
    """The stamped and sealed PDF; 404 until it is signed."""
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=True))


@router.post("/documents/{document_id}/share")
@does(Operation.SHARE)
async def share(res: Res, caller: PracticeCaller, document_id: UUID) -> DocumentOut:
    """Share: the client can download it in the portal at once; no signature is asked for. Repeating changes nothing."""
    return DocumentOut.of(await sharing.share(res, caller, DocumentId(document_id)))


@router.post("/documents/{document_id}/hide")
@does(Operation.SHARE)
async def hide(res: Res, caller: PracticeCaller, document_id: UUID, why: HideIn) -> DocumentOut:
    """Take a plain share out of the portal: under which exception, and why. A signed copy is never taken away."""
    return DocumentOut.of(await sharing.hide(res, caller, DocumentId(document_id), why.exception, why.reason))


@router.get("/documents/{document_id}/blocks")
@does(Operation.READ_DOCUMENT)
async def list_blocks(res: Res, caller: PracticeCaller, document_id: UUID) -> Blocks:
    """From whom the document is kept."""
    found = await access.blocks(res, caller, DocumentId(document_id))
    return Blocks(blocks=[BlockOut.of(one) for one in found])


@router.post("/documents/{document_id}/blocks", status_code=HTTPStatus.CREATED)
@does(Operation.BLOCK)
async def block(res: Res, caller: PracticeCaller, document_id: UUID, who: BlockIn) -> BlockOut:
    """Keep this document from one account, for a reason, whatever its relationship. Repeating changes nothing."""
    account_id = AccountId(who.account_id)
    return BlockOut.of(await access.block_document(res, caller, DocumentId(document_id), account_id, who.reason))


@router.delete("/documents/{document_id}/blocks/{account_id}", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.BLOCK)
async def unblock(res: Res, caller: PracticeCaller, document_id: UUID, account_id: UUID) -> None:
    """Let the account see the document again, as far as it acts for the client. Repeating changes nothing."""
    await access.unblock_document(res, caller, DocumentId(document_id), AccountId(account_id))


@router.post("/documents/{document_id}/versions", status_code=HTTPStatus.CREATED, max_body_size=MOST_UPLOAD)
@does(Operation.UPLOAD)
async def upload_version(
    res: Res,
    caller: PracticeCaller,
    document_id: UUID,
    file: Annotated[UploadFile, File(description="The PDF, 50 MB at most.")],
    reason: Annotated[str, Form(max_length=500, description="Why it takes the place of the version before.")],
) -> NewVersionOut:
    """A new version: it is not shared yet, and voids a request that is open on the version before."""
    uploaded = await charts.upload_version(
        res, caller, DocumentId(document_id), content=await file.read(), reason=reason
    )
    return NewVersionOut.told(uploaded, version_number=uploaded.document.version_number)


@router.get("/documents/{document_id}/versions")
@does(Operation.READ_DOCUMENT)
async def list_versions(res: Res, caller: PracticeCaller, document_id: UUID) -> Versions:
    """All versions with their signed copies, newest first."""
    found = await charts.versions(res, caller, DocumentId(document_id))
    return Versions(versions=[VersionOut.of(one) for one in found])


@router.get("/documents/{document_id}/versions/{number}/file", response_class=Response, responses=PDF)
@does(Operation.READ_DOCUMENT)
async def download_version(
    res: Res, caller: PracticeCaller, document_id: UUID, number: Annotated[int, Path(ge=1, le=100_000)]
) -> Response:
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=False, number=number))


@router.get("/documents/{document_id}/versions/{number}/signed", response_class=Response, responses=PDF)
@does(Operation.READ_DOCUMENT)
async def download_signed_version(
    res: Res, caller: PracticeCaller, document_id: UUID, number: Annotated[int, Path(ge=1, le=100_000)]
) -> Response:
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=True, number=number))


@router.post("/documents/{document_id}/share-to-sign", status_code=HTTPStatus.ACCEPTED)
@does(Operation.SHARE_TO_SIGN)
async def share_to_sign(
    res: Res, caller: PracticeCaller, document_id: UUID, response: Response, terms: TermsIn | None = None
) -> AskedOut:
    """Share to Sign: start the durable request. Repeating it while one is open answers with that one.

    409 where the open one asks others than the terms say, or in another way.
    """
    invite_too = terms.invite.of() if terms and terms.invite else None
    asked = await sharing.share_to_sign(
        res, caller, DocumentId(document_id), terms.of() if terms and terms.model_fields_set else None, invite_too
    )
    return _asked(asked, response)


def _asked(asked: Asked, response: Response) -> AskedOut:
    response.headers["location"] = f"/api/v1/requests/{asked.request_id}"
    return AskedOut.model_validate(asked, from_attributes=True)


@router.get("/requests")
@does(Operation.LIST_REQUESTS)
async def read_queue(res: Res, caller: PracticeCaller, show: Filter = Filter.ALL) -> QueueOut:
    """Requests that wait for somebody: what needs attention first, then what expires first; 200 at most."""
    found = await requests.queue(res, caller, show)
    return QueueOut(requests=[WaitingOut.model_validate(one, from_attributes=True) for one in found])


@router.get("/requests/{request_id}")
@does(Operation.READ_REQUEST)
async def read_request(res: Res, caller: PracticeCaller, request_id: UUID) -> RequestOut:
    return RequestOut.of(await requests.find_request(res, caller, RequestId(request_id)))


@router.get("/requests/{request_id}/timeline")
@does(Operation.READ_REQUEST)
async def read_timeline(res: Res, caller: PracticeCaller, request_id: UUID) -> TimelineOut:
    """What happened to a request, from the audit log."""
    found = await requests.timeline(res, caller, RequestId(request_id))
    return TimelineOut(
        request=RequestOut.of(found.request),
        entries=[
            EntryOut(
                at=entry.at,
                actor=entry.actor,
                name=found.names.get(entry.actor),
                action=entry.action,
                detail=entry.detail,
            )
            for entry in found.entries
        ],
    )


@router.post("/requests/{request_id}/recall")
@does(Operation.STEER_REQUEST)
async def recall(res: Res, caller: PracticeCaller, request_id: UUID, why: ReasonIn, response: Response) -> RequestOut:
    """Take a request back until it is signed. 409 says what came first."""
    return _steered(await requests.recall(res, caller, RequestId(request_id), why.reason), response)


@router.post("/requests/{request_id}/extend")
@does(Operation.STEER_REQUEST)
async def extend(res: Res, caller: PracticeCaller, request_id: UUID, term: UntilIn, response: Response) -> RequestOut:
    """Move the expiry of an open request."""
    return _steered(await requests.extend(res, caller, RequestId(request_id), term.until), response)


@router.post("/requests/{request_id}/reminders")
@does(Operation.STEER_REQUEST)
async def reschedule(
    res: Res, caller: PracticeCaller, request_id: UUID, reminders: RemindersIn, response: Response
) -> RequestOut:
    """Change the days of the reminders of an open request."""
    return _steered(await requests.reschedule(res, caller, RequestId(request_id), reminders.days), response)


@router.post("/requests/{request_id}/remind")
@does(Operation.STEER_REQUEST)
async def remind(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Send a reminder now; not more often than every five minutes."""
    return _steered(await requests.remind(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/unable-to-obtain")
@does(Operation.STEER_REQUEST)
async def unable_to_obtain(
    res: Res, caller: PracticeCaller, request_id: UUID, tried: UnableIn, response: Response
) -> RequestOut:
    """Record that the signature could not be obtained, with what was tried."""
    dates = tried.model_dump(mode="json", include={"attempts"})
    return _steered(
        await requests.record(res, caller, RequestId(request_id), Act.RECORD_UNABLE, tried.reason, dates), response
    )


@router.post("/requests/{request_id}/signed-on-paper")
@does(Operation.STEER_REQUEST)
async def signed_on_paper(
    res: Res, caller: PracticeCaller, request_id: UUID, paper: PaperIn, response: Response
) -> RequestOut:
    """Record that the document was signed on paper."""
    dates = paper.model_dump(mode="json", include={"signed_on"})
    return _steered(
        await requests.record(res, caller, RequestId(request_id), Act.RECORD_PAPER, paper.reason, dates), response
    )


@router.post("/requests/{request_id}/resume")
@does(Operation.STEER_REQUEST)
async def resume(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Try again at once what needs attention."""
    return _steered(await requests.resume(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/skip")
@does(Operation.STEER_REQUEST)
async def skip(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> RequestOut:
    """Leave out the step that needs attention, where `offers` says so."""
    return _steered(await requests.skip(res, caller, RequestId(request_id)), response)


@router.post("/requests/{request_id}/reissue", status_code=HTTPStatus.ACCEPTED)
@does(Operation.STEER_REQUEST)
async def reissue(res: Res, caller: PracticeCaller, request_id: UUID, response: Response) -> AskedOut:
    """Ask for the same once more: of a request that has ended, or instead of one that cannot go on."""
    return _asked(await requests.reissue(res, caller, RequestId(request_id)), response)


def _steered(steered: Steered, response: Response) -> RequestOut:
    """202 while the engine holds it and nobody has decided yet."""
    if not steered.decided:
        response.status_code = HTTPStatus.ACCEPTED
    return RequestOut.of(steered.request)


def pdf_response(download: charts.Download) -> Response:
    """As an attachment: a PDF is never shown inside our pages' origin."""
    return Response(
        download.content,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{download.file_name}"'},
    )
