"""Every request is timed, and is where its trace begins (SPEC O4)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateways import metrics

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
NO_ROUTE = "(none)"


class Observed:
    """Plain ASGI. Knows the route as it is declared, and not the address that was asked for, which holds ids and words.

    A trace that the caller began is not gone on with: strangers have no say in what we record.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer | None) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "other"
        with self._span(method) as span:

            async def send_observed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _observe(span, method, _route(scope), message["status"], time.perf_counter() - began)
                await send(message)

            await self._app(scope, receive, send_observed)

    @contextmanager
    def _span(self, method: str) -> Iterator[Span]:
        if self._tracer is None:
            yield INVALID_SPAN
            return
        with self._tracer.start_as_current_span(method, kind=SpanKind.SERVER) as span:
            yield span


def _observe(span: Span, method: str, route: str, status: int, seconds: float) -> None:
    metrics.HTTP.labels(method, route, status).observe(seconds)
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path_format", NO_ROUTE))
