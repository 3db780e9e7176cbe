"""The bare address, the Chart Room, and the form that opens a new chart."""

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import charts
from chart.refusals import Refusal
from chart.text import N_
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

MOST_SHOWN = 100
"""Clients in the Chart Room at once; more words find the others."""


@router.get("/")
@does(Operation.LOOK_AROUND)
async def start(request: Request, res: Res) -> Response:
    """Each surface has a host of its own; the bare address leads to the right one."""
    portal = res.settings.portal_url.split("://")[-1]
    chart = res.settings.chart_url.split("://")[-1]
    return see_other("/portal" if request.headers.get("host") == portal != chart else "/charts")


# -- Chart Room


@router.get("/charts")
@does(Operation.FIND_CLIENTS)
async def chart_room(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _chart_room(request, res, staff, "")


@router.post("/charts")
@does(Operation.FIND_CLIENTS)
async def search(request: Request, res: Res, staff: StaffPage, search: Typed = "") -> Response:
    """Posted, so that no client's name stands in an address, a history or a log (SPEC A7)."""
    return await _chart_room(request, res, staff, search)


async def _chart_room(request: Request, res: Res, staff: StaffPage, words: str) -> Response:
    clients = await charts.search_clients(res, staff, words, limit=MOST_SHOWN + 1)
    return await desk.page(
        request,
        res,
        staff,
        "chart/room.html",
        clients=clients[:MOST_SHOWN],
        more=len(clients) > MOST_SHOWN,
        search=words,
        recent=[] if words else await charts.recent_charts(res, staff),
    )


# -- a new client


@router.get("/charts/new")
@does(Operation.ADD_CLIENT)
async def new_client_form(request: Request, res: Res, staff: StaffPage) -> Response:
    return await desk.page(request, res, staff, "chart/new_client.html", typed=_NO_CLIENT, problem=None)


_NO_CLIENT = {"given_name": "", "family_name": "", "birth_date": "", "external_id": ""}


@router.post("/charts/new")
@does(Operation.ADD_CLIENT)
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
        added = await charts.add_client(
            res,
            staff,
            given_name=forms.name(typed["given_name"], N_("the given name")),
            family_name=forms.name(typed["family_name"], N_("the family name")),
            birth_date=forms.calendar_day(birth_date, N_("the date of birth")),
            external_id=forms.name(typed["external_id"], N_("the id")) if external_id.strip() else None,
        )
    except Refusal as refusal:
        return await desk.page(
            request, res, staff, "chart/new_client.html", forms.status(refusal), typed=typed, problem=str(refusal)
        )
    return see_other(f"/charts/{added.id}?done=added")
