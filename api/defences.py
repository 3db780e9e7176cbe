"""The web's defences, around every response: headers, and no writing from other sites (SPEC A3, FACTS-web)."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import languages
from api.pages import render_problem
from api.problems import is_for_people
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
                await (await _answer(TOO_LARGE, scope))(scope, receive, send_guarded)
            elif not too_large:
                await send_guarded(message)

        if _is_forged(scope, self._guests):
            await (await _answer(FORGED, scope))(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_with_problem)


@dataclass(frozen=True)
class Turned:
    """Away, before anything of ours has looked at it."""

    status: HTTPStatus
    slug: str
    title: str
    detail: str


async def _answer(turned: Turned, scope: Scope) -> Response:
    request = Request(scope)
    if turned is TOO_LARGE and is_for_people(request):
        return await render_problem(request, turned.status, turned.title, N_("A PDF may have 50 MB at most."))
    language = languages.of(request)
    details = {
        "type": f"/problems/{turned.slug}",
        "title": languages.said(turned.title, language),
        "status": turned.status,
        "detail": languages.said(turned.detail, language),
    }
    headers = {"content-language": languages.tag(language)}
    return JSONResponse(details, turned.status, headers, media_type="application/problem+json")


FORGED = Turned(
    HTTPStatus.FORBIDDEN,
    "cross-site",
    N_("Sent from another site"),
    N_("Open the page itself and send it from there."),
)
TOO_LARGE = Turned(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too-large",
    N_("Too large"),
    N_("A PDF may have 50 MB, what the Temporal UI sends 16 MB, all else 2 MB."),
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
        return origin.partition("://")[2] != headers.get("host")
    return False
