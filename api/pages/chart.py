"""A client's chart: Chart Face with its invitation, the Documents tab, upload."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Request, Response, UploadFile

from api.access import Res, StaffPage, does
from api.pages import desk, forms, words
from api.pages.arrangement import ORDER, SHOW, Arrangement, Part
from api.pages.forms import Typed
from api.pages.rendering import asked_page, see_other
from api.pages.restricted import closed_door
from api.stories import access, charts, sharing
from api.stories.sharing import Invitee
from api.v1 import MOST_UPLOAD
from chart.document import NOTE_NAMES, Kind
from chart.ids import ClientId
from chart.lifecycle import RequestState
from chart.refusals import ChartRestricted, NotFound, Refusal, Unacceptable
from chart.relationship import Relationship, named
from chart.text import N_, Sentence
from identity.policy import Operation
from pdf import Limits, Unfit

router = APIRouter(include_in_schema=False)

KINDS: dict[Kind, Sentence] = {
    Kind.CLINICAL_NOTE: "Clinical note",
    Kind.TREATMENT_PLAN: "Treatment Plan",
    Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN: "Treatment Plan, chemical dependency",
    Kind.DOCUMENT: "Document (superbill, invoice)",
    Kind.PSYCHOTHERAPY_NOTE: "Psychotherapy note (never shared)",
}


# -- Chart Face


@router.get("/charts/{client_id:uuid}")
@does(Operation.OPEN_CHART)
async def chart_face(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await show_face(request, res, staff, client_id)


async def show_face(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    try:
        chart = await charts.open_chart(res, staff, client_id)
    except ChartRestricted as refusal:
        return await closed_door(request, res, staff, client_id, refusal)
    return await desk.page(
        request,
        res,
        staff,
        "chart/face.html",
        status,
        **{
            "chart": chart,
            # for a signer, or for the practice to ask again
            "waiting": [one for one in chart.documents if one.open or one.request_state in _LOOKED_AFTER],
            "signed": [one for one in chart.documents if one.signed_sha256],
            "relationships": list(Relationship),
            "by_id": {one.id: one for one in chart.documents},
            "words": words,
            "kinds": words.APPOINTMENTS,
            # another person is somebody else than the client
            "typed": {"name": chart.client.name, "email": "", "relationship": "" if chart.access else "self"},
            "factors": await access.second_factors(res, staff, client_id),
            "problem": None,
            "access_problem": None,
            "access_problem_of": None,
            "access_typed": {},
            **context,
        },
    )


_LOOKED_AFTER = {RequestState.DECLINED, RequestState.EXPIRED}
"""Endings that the practice has not brought about itself."""


@router.post("/charts/{client_id:uuid}/invitation")
@does(Operation.INVITE)
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
        await sharing.invite(
            res,
            staff,
            client_id,
            Invitee(typed["email"], forms.name(typed["name"], N_("the name")), named(relationship)),
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return await show_face(request, res, staff, client_id, forms.status(refusal), typed=typed, problem=str(refusal))
    return see_other(f"/charts/{client_id}?done=invited")


# -- Documents


@router.get("/charts/{client_id:uuid}/documents")
@does(Operation.OPEN_CHART)
async def documents(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await show_documents(request, res, staff, client_id)


async def show_documents(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: object,
) -> Response:
    chart = await charts.open_chart(res, staff, client_id)
    asked = request.query_params if request.method == "GET" else {}
    arranged = Arrangement.read(asked.get("kind", ""), asked.get("show", ""), asked.get("order", ""))
    return await desk.page(
        request,
        res,
        staff,
        "chart/documents.html",
        status,
        chart=chart,
        part=Part.read(arranged.of(chart.documents), asked_page(request)),
        arranged=arranged,
        kinds=KINDS,
        shows=SHOW,
        orders=ORDER,
        # a refused Share shows this page too, and not that of the document, above whose address it was sent
        answers_form=f"/charts/{client_id}/documents" if request.method == "POST" else None,
        **context,
    )


# -- upload


@router.get("/charts/{client_id:uuid}/documents/new")
@does(Operation.UPLOAD)
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
    chart = await charts.open_chart(res, staff, client_id)
    return await desk.page(
        request,
        res,
        staff,
        "chart/upload.html",
        status,
        chart=chart,
        kinds=KINDS,
        note_names=NOTE_NAMES,
        most=Limits().bytes,
        **context,
    )


@router.post("/charts/{client_id:uuid}/documents/new", max_body_size=MOST_UPLOAD)
@does(Operation.UPLOAD)
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
        chosen = Kind(forms.one_of(tuple(Kind), kind, N_("the type of the document")))
        uploaded = await charts.upload(
            res,
            staff,
            client_id,
            kind=chosen,
            note_name=note_name if chosen is Kind.CLINICAL_NOTE else None,
            service_on=forms.calendar_day(service_on, N_("the date of service")),
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
            HTTPStatus.UNPROCESSABLE_ENTITY if isinstance(refusal, Unfit) else forms.status(refusal),
            typed={"kind": kind, "note_name": note_name, "service_on": service_on},
            problem=forms.unfit(refusal) if isinstance(refusal, Unfit) else str(refusal),
        )
    done = "uploaded-mended" if uploaded.changes else "uploaded"
    return desk.uploaded_to(f"/charts/{client_id}/documents", done, uploaded.notes)


async def _content(file: UploadFile | None) -> bytes:
    if not file or not file.filename:
        raise Unacceptable("Choose a PDF file.")
    return await file.read()
