"""HEAD as it is asked of mailed links: by scanners and link checkers, which are signed in nowhere (SPEC N2).

They get what GET would answer, without its body: a link that answers 405 passes for a dead one. Whoever is signed in
sends no HEAD, so what GET records of them is not recorded here.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Answers HEAD like GET where nobody is signed in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or _shows_who(Headers(scope=scope)):
            return await self.app(scope, receive, send)

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        return await self.app({**scope, "method": "GET"}, receive, without_body)


def _shows_who(headers: Headers) -> bool:
    return "cookie" in headers or "authorization" in headers
