"""A document of a chart: its page, images and files, Share, its versions."""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, File, Request, Response, UploadFile

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.chart import show_documents
from api.pages.forms import Typed
from api.pages.rendering import WIDTHS, Notification, nearest_width, see_other
from api.stories import charts, sharing
from api.v1 import MOST_UPLOAD, pdf_response
from chart.document import HideException
from chart.ids import ClientId, DocumentId
from chart.refusals import ClientNotRegistered, NotFound, Refusal, Unacceptable
from chart.text import N_
from identity.policy import Operation
from pdf import Unfit

router = APIRouter(include_in_schema=False)


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}")
@does(Operation.READ_DOCUMENT)
async def view(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    return await _show(request, res, staff, client_id, document_id)


async def _show(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    document = await charts.find_document(res, staff, document_id)
    chart = await charts.open_chart(res, staff, client_id)
    versions = await charts.versions(res, staff, document_id)
    shown = {"problem": None, "problem_of": None, "typed_reason": "", "typed_exception": "", **context}
    return await desk.page(
        request,
        res,
        staff,
        "chart/document.html",
        status,
        chart=chart,
        document=document,
        versions=versions,
        exceptions=list(HideException),
        **shown,
    )


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.webp")
@does(Operation.READ_DOCUMENT)
async def page_image(
    res: Res, staff: StaffPage, document_id: DocumentId, number: int, width: int = WIDTHS[0]
) -> Response:
    shown = await charts.page_image(res, staff, document_id, number - 1, nearest_width(width))
    return Response(shown.webp, media_type="image/webp")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.txt")
@does(Operation.READ_DOCUMENT)
async def page_text(res: Res, staff: StaffPage, document_id: DocumentId, number: int) -> Response:
    shown = await charts.page_image(res, staff, document_id, number - 1, WIDTHS[0])
    return Response(shown.text, media_type="text/plain")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/file")
@does(Operation.READ_DOCUMENT)
async def download(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await charts.download(res, staff, document_id, signed=False))


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/signed")
@does(Operation.READ_DOCUMENT)
async def download_signed(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await charts.download(res, staff, document_id, signed=True))


# -- sharing


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/share")
@does(Operation.SHARE)
async def share(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    try:
        await sharing.share(res, staff, document_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _not_shared(request, res, staff, client_id, refusal)
    return see_other(f"/charts/{client_id}/documents?done=shared")


async def _not_shared(request: Request, res: Res, staff: StaffPage, client_id: ClientId, refusal: Refusal) -> Response:
    notification = Notification(str(refusal), good=False)
    if isinstance(refusal, ClientNotRegistered):
        notification = Notification(
            "Not shared: this client is not registered for the Client Portal. "
            "Invite the client first, and share again when the client has registered.",
            good=False,
            remedy=(f"/charts/{client_id}#invite", N_("Invite to the Client Portal")),
        )
    return await show_documents(request, res, staff, client_id, forms.status(refusal), notification=notification)


# -- its versions


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/versions/{number:int}/{which}")
@does(Operation.READ_DOCUMENT)
async def download_version(
    res: Res, staff: StaffPage, document_id: DocumentId, number: int, which: Literal["file", "signed"]
) -> Response:
    return pdf_response(await charts.download(res, staff, document_id, signed=which == "signed", number=number))


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/versions", max_body_size=MOST_UPLOAD)
@does(Operation.UPLOAD)
async def upload_version(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    file: Annotated[UploadFile | None, File()] = None,
    reason: Typed = "",
) -> Response:
    content = await file.read() if file else b""
    try:
        if not content:
            raise Unacceptable("Choose a PDF file.")
        uploaded = await charts.upload_version(res, staff, document_id, content=content, reason=reason.strip())
    except NotFound:
        raise
    except Unfit as refusal:
        return await _with_problem(
            request, res, staff, client_id, document_id, "version", forms.unfit(refusal), reason, 422
        )
    except Refusal as refusal:
        status = forms.status(refusal)
        return await _with_problem(request, res, staff, client_id, document_id, "version", str(refusal), reason, status)
    return desk.uploaded_to(f"/charts/{client_id}/documents/{document_id}", "version", uploaded.notes)


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/hide")
@does(Operation.SHARE)
async def hide(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    exception: Typed = "",
    reason: Typed = "",
) -> Response:
    try:
        chosen = HideException(forms.one_of(tuple(HideException), exception, N_("the exception")))
        await sharing.hide(res, staff, document_id, chosen, reason.strip())
    except NotFound:
        raise
    except Refusal as refusal:
        status = forms.status(refusal)
        return await _with_problem(
            request, res, staff, client_id, document_id, "hide", str(refusal), reason, status, exception
        )
    return see_other(f"/charts/{client_id}/documents/{document_id}?done=hidden")


async def _with_problem(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    document_id: DocumentId,
    of: str,
    problem: str,
    reason: str,
    status: int,
    exception: str = "",
) -> Response:
    return await _show(
        request,
        res,
        staff,
        client_id,
        document_id,
        status,
        problem=problem,
        problem_of=of,
        typed_reason=reason,
        typed_exception=exception,
    )
