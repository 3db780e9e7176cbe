"""An error as a page of the surface on which it happened; whoever is signed in keeps the bar with their ways."""

from contextlib import suppress
from http import HTTPStatus

from fastapi import Request, Response

from api.access import COOKIE, resources
from api.pages import desk, portal_frame, rendering
from gateways import postgres
from identity import session
from identity.caller import Surface


async def render_problem(request: Request, status: int, title: str, detail: str) -> Response:
    portal = request.url.path.startswith("/portal")
    home = "/portal" if portal else "/charts"
    context: dict[str, object] = {"title": title, "detail": detail, "home": home, "missing": status == 404}
    if request.method != "GET":
        context["other_languages"] = []  # there may be nothing to read at this address
    cookie = request.cookies.get(COOKIE[Surface.PORTAL if portal else Surface.CHART])
    if cookie and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        with suppress(*postgres.LOST):
            if framed := await _framed(request, cookie, status, portal=portal, **context):
                return framed
    return rendering.page(request, "problem.html", status, frame="base.html", **context)


async def _framed(request: Request, cookie: str, status: int, *, portal: bool, **context: object) -> Response | None:
    """With the bar; None for whoever is not signed in any more."""
    res = resources(request)
    if portal:
        user = await session.portal_user(res.database, cookie)
        frame = {**context, "frame": "portal/frame.html"}
        return await portal_frame.page(request, res, user, "problem.html", status, **frame) if user else None
    staff = await session.staff_member(res.database, cookie)
    frame = {**context, "frame": "chart/frame.html"}
    return await desk.page(request, res, staff, "problem.html", status, **frame) if staff else None
