"""Traces from a request through the workflow to each step, where `OTEL_*` names who collects them (SPEC O4).

OpenTelemetry's own settings are read as its specification says. What leaves the process is on a list: names from the
code, opaque ids, numbers; of an error its class alone (SPEC A7).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, Tracer
from opentelemetry.util.types import Attributes, AttributeValue

ATTRIBUTES = frozenset(
    {
        "error.type",
        "exception.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "temporalActivityID",
        "temporalRunID",
        "temporalWorkflowID",
    }
)
"""All that a span may say beside its name and times."""


@contextmanager
def tracing(part: str) -> Iterator[Tracer | None]:
    """A tracer for this process, whose spans go out until the end; None if nobody collects them."""
    if not _is_wanted():
        yield None
        return
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"share-to-sign-{part}"} | _named()))
    provider.add_span_processor(BatchSpanProcessor(Silent(OTLPSpanExporter())))
    try:
        yield provider.get_tracer("share-to-sign")
    finally:
        provider.shutdown()


def _is_wanted() -> bool:
    told = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(os.environ.get(name) for name in told) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def _named() -> dict[str, str]:
    name = os.environ.get("OTEL_SERVICE_NAME")
    return {SERVICE_NAME: name} if name else {}


class Silent(SpanExporter):
    """Passes spans on without what is not on the list."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_silenced(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _silenced(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_listed(span.attributes),
        events=[Event(event.name, _listed(event.attributes), event.timestamp) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),  # its description quotes the error
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _listed(attributes: Attributes) -> dict[str, AttributeValue]:
    return {name: value for name, value in (attributes or {}).items() if name in ATTRIBUTES}
