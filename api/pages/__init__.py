"""The pages: the practice's chart and the Client Portal, rendered on the server, with a little script of our own."""

from fastapi import APIRouter

from api.access import portal_page, staff_page
from api.pages import (
    account,
    appointments,
    ask,
    audit,
    bulk,
    chart,
    consents,
    counter_sign,
    document,
    door,
    keys,
    portal,
    portal_access,
    practice,
    request,
    restricted,
    room,
    staff,
    static,
    verify,
)
from api.pages.door import Door
from api.pages.problem import render_problem
from chart.text import N_
from identity.caller import Surface

DOORS = (
    Door(Surface.CHART, N_("Chart Room"), prefix="", home="/charts", signed_in=staff_page),
    Door(Surface.PORTAL, N_("Client Portal"), prefix="/portal", home="/portal/inbox", signed_in=portal_page),
)

PARTS = (
    static.router,
    *(pages.routes(one) for one in DOORS for pages in (door, account)),
    room.router,
    appointments.router,
    chart.router,
    portal_access.router,
    restricted.router,
    consents.router,
    audit.router,
    bulk.router,
    document.router,
    ask.router,
    counter_sign.router,
    request.router,
    keys.router,
    staff.router,
    practice.router,
    portal.router,
    verify.router,
)

router = APIRouter(include_in_schema=False)
for part in PARTS:
    router.include_router(part)

__all__ = ["PARTS", "render_problem", "router"]
