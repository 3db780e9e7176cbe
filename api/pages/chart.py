"""The practice's pages: Chart Room, Chart Face, Documents."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, File, Form, Request, Response, UploadFile

from api import stories
from api.access import STAFF_COOKIE, Res, StaffPage, end_session, safe_next, start_staff_session
from api.pages.rendering import WIDTHS, Notification, nearest_width, page, see_other
from api.v1 import MOST_UPLOAD, pdf_response
from chart.document import NOTE_NAMES, Document, Kind
from chart.ids import ClientId, DocumentId, RequestId
from chart.refusals import ClientNotRegistered, KindRefused, NotAllowed, NotFound, Refusal, Unacceptable
from identity import policy, session
from pdf import Unfit

router = APIRouter(include_in_schema=False)

Typed = Annotated[str, Form(max_length=1000)]
"""A form field as it was typed; empty when it was left out, so that the page can say so itself."""

MOST_SHOWN = 100
"""Clients in the Chart Room at once; more words find the others."""

RELATIONSHIPS = ("self", "parent", "legal guardian", "partner", "personal representative")

KINDS = {
    Kind.CLINICAL_NOTE: "Clinical note",
    Kind.TREATMENT_PLAN: "Treatment Plan",
    Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN: "Treatment Plan, chemical dependency",
    Kind.DOCUMENT: "Document (superbill, invoice)",
    Kind.PSYCHOTHERAPY_NOTE: "Psychotherapy note (never shared)",
}

DONE = {
    "added": "The chart is open. Invite the client to the Client Portal to share documents.",
    "invited": "Invitation sent. The link in it works for seven days.",
    "uploaded": "The document is in the chart.",
    "uploaded-mended": "The document is in the chart. What could not stay in the file, such as scripts or damage, "
    "was taken out or mended; its pages show the same.",
    "shared": "Shared. The client can download it in the Client Portal now.",
    "shared-for-signature": "Successfully shared for signature.",
    "received": "Received. It will be shared for signature as soon as the service has caught up.",
    "resumed": "The request is being tried again.",
}
"""What a notification says; its name travels in the address, its text does not."""


async def _page(
    request: Request, res: Res, staff: StaffPage, name: str, status: int = HTTPStatus.OK, **context: object
) -> Response:
    done = DONE.get(request.query_params.get("done", "")) if request.method == "GET" else None
    return page(
        request,
        name,
        status,
        **{
            "staff": staff,
            "may": policy.MAY[staff.role],
            "notices": await stories.staff_notices(res, staff),
            "notification": Notification(done) if done else None,
            **context,
        },
    )


def _status(refusal: Refusal) -> HTTPStatus:
    if isinstance(refusal, KindRefused | Unacceptable):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.FORBIDDEN if isinstance(refusal, NotAllowed) else HTTPStatus.CONFLICT


# -- who is at the desk


@router.get("/")
async def start(request: Request, res: Res) -> Response:
    """Each surface has a host of its own; the bare address leads to the right one."""
    portal = res.settings.portal_url.split("://")[-1]
    chart = res.settings.chart_url.split("://")[-1]
    return see_other("/portal" if request.headers.get("host") == portal != chart else "/charts")


@router.get("/sign-in")
async def sign_in_form(request: Request, next: str = "") -> Response:
    return page(request, "chart/sign_in.html", following=safe_next(next, ""), email="", problem=None)


@router.post("/sign-in")
async def sign_in(request: Request, res: Res, email: Typed = "", password: Typed = "", next: Typed = "") -> Response:
    try:
        token = await session.sign_in_staff(res.database, email, password)
    except session.SignInFailed as refusal:
        return page(
            request,
            "chart/sign_in.html",
            HTTPStatus.FORBIDDEN,
            following=safe_next(next, ""),
            email=email,
            problem=str(refusal),
        )
    response = see_other(safe_next(next, "/charts"))
    start_staff_session(response, token)
    return response


@router.post("/sign-out")
async def sign_out(res: Res, staff: StaffPage, token: Annotated[str, Cookie(alias=STAFF_COOKIE)] = "") -> Response:
    await session.end(res.database, staff, token)
    response = see_other("/sign-in")
    end_session(response)
    return response


# -- Chart Room


@router.get("/charts")
async def chart_room(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _chart_room(request, res, staff, "")


@router.post("/charts")
async def search(request: Request, res: Res, staff: StaffPage, search: Typed = "") -> Response:
    """Posted, so that no client's name stands in an address, a history or a log (SPEC A7)."""
    return await _chart_room(request, res, staff, search)


async def _chart_room(request: Request, res: Res, staff: StaffPage, words: str) -> Response:
    clients = await stories.search_clients(res, staff, words, limit=MOST_SHOWN + 1)
    return await _page(
        request,
        res,
        staff,
        "chart/room.html",
        clients=clients[:MOST_SHOWN],
        more=len(clients) > MOST_SHOWN,
        search=words,
    )


@router.get("/charts/new")
async def new_client_form(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _page(request, res, staff, "chart/new_client.html", typed=_NO_CLIENT, problem=None)


_NO_CLIENT = {"given_name": "", "family_name": "", "birth_date": "", "external_id": ""}


@router.post("/charts/new")
async def new_client(
    request: Request,
    res: Res,
    staff: StaffPage,
    given_name: Typed = "",
    family_name: Typed = "",
    birth_date: Typed = "",
    external_id: Typed = "",
) -> Response:
    typed = {
        "given_name": given_name.strip(),
        "family_name": family_name.strip(),
        "birth_date": birth_date,
        "external_id": external_id.strip(),
    }
    try:
        added = await stories.add_client(
            res,
            staff,
            given_name=_name(typed["given_name"], "the given name"),
            family_name=_name(typed["family_name"], "the family name"),
            birth_date=_date(birth_date, "the date of birth"),
            external_id=typed["external_id"] or None,
        )
    except Refusal as refusal:
        return await _page(
            request, res, staff, "chart/new_client.html", _status(refusal), typed=typed, problem=str(refusal)
        )
    return see_other(f"/charts/{added.id}?done=added")


def _name(typed: str, what: str) -> str:
    if not 1 <= len(typed) <= 100 or not typed.isprintable():
        raise Unacceptable(f"Enter {what}, 100 characters at most.")
    return typed


def _date(typed: str, what: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Unacceptable(f"Enter {what} as year-month-day, such as 1990-03-24.") from None


# -- Chart Face


@router.get("/charts/{client_id:uuid}")
async def chart_face(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await _chart_face(request, res, staff, client_id)


async def _chart_face(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    chart = await stories.open_chart(res, staff, client_id)
    return await _page(
        request,
        res,
        staff,
        "chart/face.html",
        status,
        **{
            "chart": chart,
            "waiting": [one for one in chart.documents if one.waits_for],
            "signed": [one for one in chart.documents if one.signed_sha256],
            "relationships": RELATIONSHIPS,
            "typed": {"name": chart.client.name, "email": "", "relationship": "self"},
            "problem": None,
            **context,
        },
    )


@router.post("/charts/{client_id:uuid}/invitation")
async def invite(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    name: Typed = "",
    email: Typed = "",
    relationship: Typed = "self",
) -> Response:
    typed = {"name": name.strip(), "email": email.strip(), "relationship": relationship}
    try:
        await stories.invite(
            res,
            staff,
            client_id,
            email=typed["email"],
            name=_name(typed["name"], "the name"),
            relationship=_one_of(RELATIONSHIPS, relationship, "the relationship"),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return await _chart_face(request, res, staff, client_id, _status(refusal), typed=typed, problem=str(refusal))
    return see_other(f"/charts/{client_id}?done=invited")


def _one_of(choices: tuple[str, ...], typed: str, what: str) -> str:
    if typed not in choices:
        raise Unacceptable(f"Choose {what}.")
    return typed


@router.post("/charts/{client_id:uuid}/requests/{request_id:uuid}/resume")
async def resume(request: Request, res: Res, staff: StaffPage, client_id: ClientId, request_id: RequestId) -> Response:
    try:
        await stories.resume(res, staff, request_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _chart_face(
            request, res, staff, client_id, _status(refusal), notification=Notification(str(refusal), good=False)
        )
    return see_other(f"/charts/{client_id}?done=resumed")


# -- Documents


@router.get("/charts/{client_id:uuid}/documents")
async def documents(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await _documents(request, res, staff, client_id)


async def _documents(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    chart = await stories.open_chart(res, staff, client_id)
    return await _page(request, res, staff, "chart/documents.html", status, chart=chart, **context)


@router.get("/charts/{client_id:uuid}/documents/new")
async def upload_form(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await _upload_form(
        request,
        res,
        staff,
        client_id,
        typed={"kind": Kind.CLINICAL_NOTE, "note_name": "", "service_on": ""},
        problem=None,
    )


async def _upload_form(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    chart = await stories.open_chart(res, staff, client_id)
    return await _page(
        request,
        res,
        staff,
        "chart/upload.html",
        status,
        chart=chart,
        kinds=KINDS,
        note_names=NOTE_NAMES,
        **context,
    )


@router.post("/charts/{client_id:uuid}/documents/new", max_body_size=MOST_UPLOAD)
async def upload(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    file: Annotated[UploadFile | None, File()] = None,
    kind: Typed = "",
    note_name: Typed = "",
    service_on: Typed = "",
) -> Response:
    try:
        chosen = Kind(_one_of(tuple(Kind), kind, "the type of the document"))
        uploaded = await stories.upload(
            res,
            staff,
            client_id,
            kind=chosen,
            note_name=note_name if chosen is Kind.CLINICAL_NOTE else None,
            service_on=_date(service_on, "the date of service"),
            content=await _content(file),
        )
    except NotFound:
        raise
    except (Refusal, Unfit) as refusal:
        return await _upload_form(
            request,
            res,
            staff,
            client_id,
            HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(refusal, Unfit) else _status(refusal),
            typed={"kind": kind, "note_name": note_name, "service_on": service_on},
            problem=refusal.message if isinstance(refusal, Unfit) else str(refusal),
        )
    done = "uploaded-mended" if uploaded.changes else "uploaded"
    return see_other(f"/charts/{client_id}/documents?done={done}")


async def _content(file: UploadFile | None) -> bytes:
    if not file or not file.filename:
        raise Unacceptable("Choose a PDF file.")
    return await file.read()


@router.post("/charts/{client_id:uuid}/documents/{document_id:uuid}/share")
async def share(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    try:
        await stories.share(res, staff, document_id)
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
        asked = await stories.share_to_sign(res, staff, document_id)
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
    return await _documents(request, res, staff, client_id, _status(refusal), notification=notification)


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}")
async def view(request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Response:
    document = await _of_chart(res, staff, client_id, document_id)
    chart = await stories.open_chart(res, staff, client_id)
    return await _page(request, res, staff, "chart/document.html", chart=chart, document=document)


async def _of_chart(res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId) -> Document:
    found = await stories.find_document(res, staff, document_id)
    if found.client_id != client_id:
        raise NotFound("There is no such document in this chart.")
    return found


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.webp")
async def page_image(
    res: Res, staff: StaffPage, document_id: DocumentId, number: int, width: int = WIDTHS[0]
) -> Response:
    shown = await stories.page_image(res, staff, document_id, number - 1, nearest_width(width))
    return Response(shown.webp, media_type="image/webp")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/pages/{number:int}.txt")
async def page_text(res: Res, staff: StaffPage, document_id: DocumentId, number: int) -> Response:
    shown = await stories.page_image(res, staff, document_id, number - 1, WIDTHS[0])
    return Response(shown.text, media_type="text/plain")


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/file")
async def download(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await stories.download(res, staff, document_id, signed=False))


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/signed")
async def download_signed(res: Res, staff: StaffPage, document_id: DocumentId) -> Response:
    return pdf_response(await stories.download(res, staff, document_id, signed=True))
