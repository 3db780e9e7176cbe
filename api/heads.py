"""HEAD is GET without its content (RFC 9110, 9.3.2): who checks the link of a mail must not take it for broken.

Where somebody is signed in it stays refused: a look that showed nothing must not be recorded as one.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class Heads:
    """Plain ASGI, around all that looks at the method. The server that is asked sends no content with HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or _says_who(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send)
        finally:
            scope["route"] = as_get.get("route")  # for what observes it


def _says_who(headers: Headers) -> bool:
    return "cookie" in headers or "authorization" in headers
