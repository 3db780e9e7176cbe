"""A document of a chart: its page, images and files, Share and Share to Sign, and the steering of its request."""

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage
from api.pages import desk, forms
from api.pages.chart import show_documents, show_face
from api.pages.rendering import WIDTHS, Notification, nearest_width, see_other
from api.stories import charts, requests, sharing
from api.v1 import pdf_response
from chart.document import Document
from chart.ids import ClientId, DocumentId, RequestId
from chart.refusals import ClientNotRegistered, NotFound, Refusal

router = APIRouter(include_in_schema=False)


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}")
async def view(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    document = await _of_chart(res, staff, client_id, document_id)
    chart = await charts.open_chart(res, staff, client_id)
    return await desk.page(request, res, staff, "chart/document.html", chart=chart, document=document)


async def _of_chart(res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Document:
    found = await charts.find_document(res, staff, document_id)
    if found.client_id != client_id:
        raise NotFound("There is no such document in this chart.")
    return found


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.webp")
async def page_image(
    res: Res, staff: StaffPage, document_id: DocumentId, number: int, width: int = WIDTHS[0]
) -> Response:
    shown = await charts.page_image(res, staff, document_id, number - 1, nearest_width(width))
    return Response(shown.webp, media_type="image/webp")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.txt")
async def page_text(res: Res, staff: StaffPage, document_id: DocumentId, number: int) -> Response:
    shown = await charts.page_image(res, staff, document_id, number - 1, WIDTHS[0])
    return Response(shown.text, media_type="text/plain")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/file")
async def download(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await charts.download(res, staff, document_id, signed=False))


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/signed")
async def download_signed(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await charts.download(res, staff, document_id, signed=True))


# -- sharing


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/share")
async def share(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    try:
        await sharing.share(res, staff, document_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _not_shared(request, res, staff, client_id, refusal)
    return see_other(f"/charts/{client_id}/documents?done=shared")


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/share-to-sign")
async def share_to_sign(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId
) -> Response:
    try:
        asked = await sharing.share_to_sign(res, staff, document_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _not_shared(request, res, staff, client_id, refusal)
    return see_other(f"/charts/{client_id}/documents?done={'shared-for-signature' if asked.delivered else 'received'}")


async def _not_shared(request: Request, res: Res, staff: StaffPage, client_id: ClientId, refusal: Refusal) -> Response:
    notification = Notification(str(refusal), good=False)
    if isinstance(refusal, ClientNotRegistered):
        notification = Notification(
            "Not shared: this client is not registered for the Client Portal. "
            "Invite the client first, and share again when the client has registered.",
            good=False,
            remedy=(f"/charts/{client_id}#invite", "Invite to the Client Portal"),
        )
    return await show_documents(request, res, staff, client_id, forms.status(refusal), notification=notification)


# -- its request


@router.post("/charts/{client_id:uuid}/requests/{request_id:uuid}/resume")
async def resume(request: Request, res: Res, staff: StaffPage, client_id: ClientId, request_id: RequestId) -> Response:
    try:
        await requests.resume(res, staff, request_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await show_face(
            request, res, staff, client_id, forms.status(refusal), notification=Notification(str(refusal), good=False)
        )
    return see_other(f"/charts/{client_id}?done=resumed")
