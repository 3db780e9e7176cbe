"""HEAD is GET without its content (RFC 9110, 9.3.2): who checks the link of a mail must not take it for broken."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Heads:
    """Plain ASGI, around all that looks at the method. The server that is asked sends no content with HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
