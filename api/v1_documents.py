"""`/api/v1/documents`: upload, versions, files, Share, and from whom a document is kept."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, File, Form, Path, Response, UploadFile
from pydantic import Field

from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import access, charts, sharing
from api.stories.charts import Uploaded
from api.v1 import MOST_UPLOAD, PDF, In, ReasonIn, Words, pdf_response
from chart.document import HideException, Kind, ShareStatus
from chart.ids import AccountId, ClientId, DocumentId
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["practice"])


class HideIn(ReasonIn):
    exception: HideException = Field(description="Of 45 CFR 171 subpart B.")


class BlockIn(In):
    account_id: UUID = Field(description="Of somebody who has, or had, to do with the client.")
    reason: Words


class BlockOut(Body):
    document_id: UUID
    account_id: UUID
    name: str
    reason: str
    created_at: datetime


class Blocks(Body):
    blocks: list[BlockOut]


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


class Versions(Body):
    versions: list[VersionOut]


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


@router.get("/documents/{document_id}/file", response_class=Response, responses=PDF)
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
    """A new version: it is not shared yet, and voids a request that is open on the version before.

    422 for the same file as that version, unless it was signed.
    """
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
