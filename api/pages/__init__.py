"""The pages: the practice's chart and the Client Portal, rendered on the server, with a little script of our own."""

from fastapi import APIRouter

from api.pages import (
    ask,
    audit,
    chart,
    consents,
    counter_sign,
    document,
    portal,
    portal_access,
    request,
    restricted,
    room,
    static,
    verify,
)
from api.pages.rendering import render_problem

router = APIRouter(include_in_schema=False)
for part in (
    static.router,
    room.router,
    chart.router,
    portal_access.router,
    restricted.router,
    consents.router,
    audit.router,
    document.router,
    ask.router,
    counter_sign.router,
    request.router,
    portal.router,
    verify.router,
):
    router.include_router(part)

__all__ = ["render_problem", "router"]
