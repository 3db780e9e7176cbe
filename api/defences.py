"""The web's defences, around every response: headers, and no writing from other sites (SPEC A3, FACTS-web)."""

from collections.abc import Mapping, Set
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.pages.rendering import render_problem
from api.problems import is_page
from chart.text import N_

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    # counts over secure connections only; what else is below the domain is not ours to say
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}


class Defences:
    """Plain ASGI, so that event streams pass through untouched."""

    def __init__(self, app: ASGIApp, guests: Mapping[str, Set[str]]) -> None:
        self._app = app
        self._guests = guests
        """Path of ours to the other origins whose pages may write there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                # records of care stay out of every cache; static files say for themselves
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        too_large = False

        async def send_with_problem(message: Message) -> None:
            # the framework's body limit answers in plain text, past the handlers of errors
            nonlocal too_large
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                too_large = True
                await _too_large(scope)(scope, receive, send_guarded)
            elif not too_large:
                await send_guarded(message)

        if _is_forged(scope, self._guests):
            await FORGED(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_with_problem)


def _problem(status: HTTPStatus, slug: str, title: str, detail: str) -> JSONResponse:
    details = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    return JSONResponse(details, status, media_type="application/problem+json")


FORGED = _problem(
    HTTPStatus.FORBIDDEN, "cross-site", "Sent from another site", "Open the page itself and send it from there."
)
TOO_LARGE = _problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-large",
    "Too large",
    "A PDF may have 50 MB, what the Temporal UI sends 16 MB, all else 2 MB.",
)


def _too_large(scope: Scope) -> Response:
    """As a page where a person sent it."""
    request = Request(scope)
    if not is_page(request):
        return TOO_LARGE
    return render_problem(
        request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, N_("Too large"), N_("A PDF may have 50 MB at most.")
    )


def _is_forged(scope: Scope, guests: Mapping[str, Set[str]]) -> bool:
    """Whether a browser sends a changing request with its cookies on behalf of another site.

    Programs that show a bearer token instead of cookies cannot be made to do so.
    """
    headers = Headers(scope=scope)
    if scope["method"] in {"GET", "HEAD", "OPTIONS"} or ("authorization" in headers and "cookie" not in headers):
        return False
    if headers.get("origin") in guests.get(scope["path"], ()):
        return False
    if site := headers.get("sec-fetch-site"):
        return site not in {"same-origin", "none"}
    if origin := headers.get("origin"):
        return urlsplit(origin).netloc != headers.get("host")
    return False
