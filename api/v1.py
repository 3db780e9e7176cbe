"""`/api/v1` for the practice's side: what a health-record system calls."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from api.access import PracticeCaller, Res
from api.stories import charts, requests, sharing
from chart.client import Client
from chart.document import Document, Kind, ShareStatus
from chart.ids import ClientId, DocumentId, RequestId
from chart.request import Request, RequestState

router = APIRouter(prefix="/api/v1", tags=["practice"])

MOST_UPLOAD = 52_000_000
"""Bytes of an upload with its form; the PDF itself is limited by `pdf.Limits`."""

PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class In(BaseModel):
    """What comes in: a field that is not asked for is an error (SPEC G4)."""

    model_config = ConfigDict(extra="forbid")


class NewClient(In):
    given_name: Name
    family_name: Name
    birth_date: date
    external_id: Name | None = None


class ClientOut(BaseModel):
    id: UUID
    given_name: str
    family_name: str
    birth_date: date
    external_id: str | None
    created_at: datetime
    registered: bool = Field(description="Somebody can act for this client in the Client Portal.")
    waiting: int = Field(description="Signature requests that wait for a signature.")

    @classmethod
    def of(cls, found: Client) -> "ClientOut":
        return cls.model_validate(found, from_attributes=True)


class Search(In):
    words: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Every one stands in the name or the external id; none: all clients."
    )
    after: UUID | None = Field(default=None, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class ClientPage(BaseModel):
    clients: list[ClientOut]
    next: UUID | None = Field(description="Send it as `after` to read on; null at the end.")


class Invitee(In):
    email: Annotated[str, Field(max_length=254)] = Field(description="Where the invitation goes; an ASCII address.")
    name: Name
    relationship: Name = "self"


class DocumentOut(BaseModel):
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


class Documents(BaseModel):
    documents: list[DocumentOut]


class Term(In):
    days: int | None = Field(
        default=None, ge=1, le=365, description="Until it expires; the practice's default if null."
    )


class AskedOut(BaseModel):
    request_id: UUID
    delivered: bool = Field(description="False: the engine holds it for sure, and the client's portal has it soon.")


class RequestOut(BaseModel):
    id: UUID
    document_id: UUID
    client_id: UUID
    state: RequestState
    attention: str | None = Field(description="Why it needs attention.")
    created_at: datetime
    expires_at: datetime
    viewed_at: datetime | None
    signed_at: datetime | None
    ended_at: datetime | None
    sha256: str = Field(description="Of the version that is shared and signed.")
    signed_sha256: str | None = Field(description="Of the signed copy.")
    notice: str | None = Field(description="What became of the client's email: `sent`, `refused`, or null so far.")

    @classmethod
    def of(cls, found: Request) -> "RequestOut":
        return cls.model_validate(found, from_attributes=True)


@router.post("/clients", status_code=HTTPStatus.CREATED)
async def create_client(res: Res, caller: PracticeCaller, new: NewClient) -> ClientOut:
    """Open a chart."""
    return ClientOut.of(await charts.add_client(res, caller, **new.model_dump()))


@router.post("/clients/search")
async def search_clients(res: Res, caller: PracticeCaller, search: Search) -> ClientPage:
    """Clients by family name. A POST, so that no name stands in an address or its log."""
    after = ClientId(search.after) if search.after else None
    found = await charts.search_clients(res, caller, search.words, after=after, limit=search.limit + 1)
    page = found[: search.limit]
    more = len(found) > search.limit
    return ClientPage(clients=[ClientOut.of(one) for one in page], next=page[-1].id if more else None)


@router.get("/clients/{client_id}")
async def read_client(res: Res, caller: PracticeCaller, client_id: UUID) -> ClientOut:
    return ClientOut.of((await charts.open_chart(res, caller, ClientId(client_id))).client)


@router.post("/clients/{client_id}/invitations", status_code=HTTPStatus.ACCEPTED)
async def invite(res: Res, caller: PracticeCaller, client_id: UUID, invitee: Invitee) -> Response:
    """Invite somebody to act for the client in the Client Portal: a mail with a link that is good for seven days."""
    await sharing.invite(res, caller, ClientId(client_id), **invitee.model_dump())
    return Response(status_code=HTTPStatus.ACCEPTED)


@router.get("/clients/{client_id}/documents")
async def list_documents(res: Res, caller: PracticeCaller, client_id: UUID) -> Documents:
    """The chart's Documents, newest first."""
    chart = await charts.open_chart(res, caller, ClientId(client_id))
    return Documents(documents=[DocumentOut.of(one) for one in chart.documents])


@router.post("/clients/{client_id}/documents", status_code=HTTPStatus.CREATED, max_body_size=MOST_UPLOAD)
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
        service_on=service_on or date.today(),  # noqa: DTZ011 - a day, not a moment
        content=await file.read(),
    )
    return UploadedOut.model_validate(
        {**DocumentOut.of(uploaded.document).model_dump(), "changes": list(uploaded.changes)}
    )


@router.get("/documents/{document_id}")
async def read_document(res: Res, caller: PracticeCaller, document_id: UUID) -> DocumentOut:
    return DocumentOut.of(await charts.find_document(res, caller, DocumentId(document_id)))


@router.get(
    "/documents/{document_id}/file", response_class=Response, responses={200: {"content": {"application/pdf": {}}}}
)
async def download(res: Res, caller: PracticeCaller, document_id: UUID) -> Response:
    """The PDF as it is shared."""
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=False))


@router.get("/documents/{document_id}/signed", response_class=Response, responses=PDF)
async def download_signed(res: Res, caller: PracticeCaller, document_id: UUID) -> Response:
    """The stamped and sealed PDF; 404 until it is signed."""
    return pdf_response(await charts.download(res, caller, DocumentId(document_id), signed=True))


@router.post("/documents/{document_id}/share")
async def share(res: Res, caller: PracticeCaller, document_id: UUID) -> DocumentOut:
    """Share: the client can download it in the portal at once; no signature is asked for. Repeating changes nothing."""
    return DocumentOut.of(await sharing.share(res, caller, DocumentId(document_id)))


@router.post("/documents/{document_id}/share-to-sign", status_code=HTTPStatus.ACCEPTED)
async def share_to_sign(
    res: Res, caller: PracticeCaller, document_id: UUID, response: Response, term: Term | None = None
) -> AskedOut:
    """Share to Sign: start the durable request. Repeating it while one is open answers with that one."""
    asked = await sharing.share_to_sign(res, caller, DocumentId(document_id), days=term.days if term else None)
    response.headers["location"] = f"/api/v1/requests/{asked.request_id}"
    return AskedOut.model_validate(asked, from_attributes=True)


@router.get("/requests/{request_id}")
async def read_request(res: Res, caller: PracticeCaller, request_id: UUID) -> RequestOut:
    return RequestOut.of(await requests.find_request(res, caller, RequestId(request_id)))


@router.post("/requests/{request_id}/resume", status_code=HTTPStatus.ACCEPTED)
async def resume(res: Res, caller: PracticeCaller, request_id: UUID) -> Response:
    """Try again at once what needs attention."""
    await requests.resume(res, caller, RequestId(request_id))
    return Response(status_code=HTTPStatus.ACCEPTED)


def pdf_response(download: charts.Download) -> Response:
    """As an attachment: a PDF is never shown inside our pages' origin."""
    return Response(
        download.content,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{download.file_name}"'},
    )
