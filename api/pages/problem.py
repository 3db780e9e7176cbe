"""An error as a page of the surface on which it happened; clients who are signed in keep the bar with their ways."""

from contextlib import suppress
from http import HTTPStatus

from fastapi import Request, Response

from api.access import PORTAL_COOKIE, resources
from api.pages import portal_frame, rendering
from gateways import postgres
from identity import session


async def render_problem(request: Request, status: int, title: str, detail: str) -> Response:
    portal = request.url.path.startswith("/portal")
    home = "/portal" if portal else "/charts"
    context: dict[str, object] = {"title": title, "detail": detail, "home": home, "missing": status == 404}
    if request.method != "GET":
        context["other_languages"] = []  # there may be nothing to read at this address
    cookie = request.cookies.get(PORTAL_COOKIE)
    if portal and cookie and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        with suppress(*postgres.LOST):
            if user := await session.portal_user(resources(request).database, cookie):
                return await portal_frame.page(
                    request, resources(request), user, "problem.html", status, frame="portal/frame.html", **context
                )
    return rendering.page(request, "problem.html", status, frame="base.html", **context)
