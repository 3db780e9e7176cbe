"""SPEC O4: metrics and traces, which tell of the service and of nobody in it (SPEC A7)."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from uuid import uuid4

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families as families
from temporalio.client import Client

from chart import counts
from gateways import metrics, temporal, traces
from gateways.postgres import Database
from settings import Settings
from tests.conftest import PATIENCE, Mailbox, free_port, serving
from tests.office import Office
from tests.test_endings import soon
from tests.test_signing import portal, reviewed, signature
from worker import make_worker, watching

CANARIES = ("Canary", "Jordan", "Maya Chen", "jordan-", "Progress", "strokes", "demo.example")


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def traced(
    configured: Settings, engine: Client, database: Database, spans: InMemorySpanExporter
) -> AsyncIterator[httpx2.AsyncClient]:
    """An API and a worker whose traces end up in `spans`."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(traces.Silent(spans)))
    tracer = provider.get_tracer("test")
    port = free_port()
    own = configured.model_copy(update={"api_port": port})
    client = await temporal.connect(own, tracer=tracer)
    async with (
        make_worker(own, client, database),
        serving(own, tracer),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as api,
    ):
        yield api


def trace_of(spans: InMemorySpanExporter, name: str) -> dict[str, ReadableSpan]:
    """The spans of the trace that has one of that name, by their names."""
    found = spans.get_finished_spans()
    trace = next(span.context.trace_id for span in found if span.name == name and span.context)
    return {span.name: span for span in found if span.context and span.context.trace_id == trace}


async def test_a_trace_leads_from_the_request_through_the_workflow_to_each_step(
    traced: httpx2.AsyncClient, office: Office, spans: InMemorySpanExporter
) -> None:
    path, client = await reviewed(traced, office)
    signed = await traced.post(f"{path}/signature", json=signature(office), headers=client)
    assert signed.json() == {"outcome": "signed"}
    asked = "POST /api/v1/documents/{document_id}/share-to-sign"
    assert await soon(lambda: "RunActivity:file" in trace_of(spans, asked))
    steps = {"RunActivity:deliver", "RunActivity:stamp", "RunActivity:file"}
    assert {"StartWorkflow:ShareToSign", "RunWorkflow:ShareToSign", *steps} <= trace_of(spans, asked).keys()
    answered = "POST /api/v1/portal/documents/{document_id}/signature"
    assert await soon(lambda: answered in {span.name for span in spans.get_finished_spans()})
    assert "SignalWorkflow:sign" in trace_of(spans, answered)


async def test_a_trace_tells_of_nobody(traced: httpx2.AsyncClient, office: Office, spans: InMemorySpanExporter) -> None:
    path, client = await reviewed(traced, office)
    await traced.post(f"{path}/signature", json=signature(office), headers=client)
    await traced.get("/api/v1/clients?words=Canaryname", headers={**office.bearer, "user-agent": "Canaryagent"})
    stranger = {"traceparent": "00-" + "c" * 32 + "-" + "d" * 16 + "-01", "baggage": "who=Canaryname"}
    await traced.get("/api/v1/clients/Canaryname", headers=stranger)
    await traced.get("/Canaryname/Canarynote", headers={"accept": "text/html"})
    finished = spans.get_finished_spans()
    assert len(finished) > 10
    for span in finished:
        for canary in (*CANARIES, "127.0.0.1"):
            assert canary not in span.to_json()
        assert (span.attributes or {}).keys() <= traces.ATTRIBUTES
        assert span.context
        assert f"{span.context.trace_id:032x}" != "c" * 32, "strangers have no say in our traces"


def test_of_an_error_a_trace_tells_the_class_alone(spans: InMemorySpanExporter) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(traces.Silent(spans)))
    tracer = provider.get_tracer("test")

    def step() -> None:
        with tracer.start_as_current_span("step") as span:
            span.set_attribute("email", "canary@demo.example")
            raise ValueError("Canaryname is taken")

    with pytest.raises(ValueError, match="Canaryname"):
        step()
    (told,) = spans.get_finished_spans()
    assert told.events[0].attributes == {"exception.type": "ValueError"}
    assert not told.status.is_ok
    assert "anary" not in told.to_json()


def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with traces.tracing("api") as tracer:
        assert tracer is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with traces.tracing("api") as tracer:
        assert tracer is None


def value(name: str, **labels: object) -> float:
    return REGISTRY.get_sample_value(name, {label: str(word) for label, word in labels.items()}) or 0.0


@pytest.mark.usefixtures("worker")
async def test_what_happens_is_counted_and_timed(api: httpx2.AsyncClient, office: Office, mailbox: Mailbox) -> None:
    steps = {step: value("sts_step_seconds_count", step=step, outcome="done") for step in ("stamp", "file")}
    signed, mails = value("sts_signed_seconds_count"), value("sts_mails_total", outcome="sent")
    route = "/api/v1/portal/documents/{document_id}/signature"
    answers = value("sts_http_request_seconds_count", method="POST", route=route, status=200)
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert await soon(lambda: mailbox.to(office.client_email))
    assert value("sts_http_request_seconds_count", method="POST", route=route, status=200) == answers + 1
    for step, before in steps.items():  # the chart shows what a step has done before the step is over
        assert await soon(
            lambda step=step, before=before: value("sts_step_seconds_count", step=step, outcome="done") > before
        )
    assert await soon(lambda: value("sts_signed_seconds_count") > signed)
    assert await soon(lambda: value("sts_mails_total", outcome="sent") > mails)


@pytest.mark.usefixtures("worker")
async def test_requests_and_tasks_are_shown_by_state(
    api: httpx2.AsyncClient, configured: Settings, engine: Client, database: Database, office: Office
) -> None:
    await reviewed(api, office)
    found = await counts.requests(database)
    assert found["pending"] >= 1, "over all practices, which no query of the application sees"
    async with watching(configured, engine, database):
        assert await soon(lambda: value("sts_requests", state="pending") >= 1)
    for kind in ("workflow", "activity"):
        assert REGISTRY.get_sample_value("sts_backlog_tasks", {"kind": kind}) is not None


async def test_metrics_are_fetched_at_an_address_of_their_own_and_not_from_the_api(api: httpx2.AsyncClient) -> None:
    address = f"127.0.0.1:{free_port()}"
    with metrics.served(address):
        async with httpx2.AsyncClient() as prometheus:
            fetched = await prometheus.get(f"http://{address}/metrics")
    assert {"sts_http_request_seconds", "sts_requests"} <= {family.name for family in families(fetched.text)}
    assert (await api.get("/metrics")).status_code == HTTPStatus.NOT_FOUND


LABELS = {
    "method": r"[A-Z]+|other",
    "route": r"\(none\)|/[a-z0-9_./{}-]*(\{\w+(:path)?\}[a-z0-9_./{}-]*)*",
    "status": r"\d{3}",
    "step": r"[a-z_]+",
    "outcome": r"[a-z]+",
    "state": r"[a-z_]+",
    "kind": r"[a-z]+",
    "le": r"[0-9.e+]+|\+Inf",
}
"""What a label of ours may hold."""


@pytest.mark.usefixtures("worker")
async def test_no_label_tells_of_anybody(api: httpx2.AsyncClient, office: Office) -> None:
    await portal(api, office)
    for path in (f"/api/v1/clients/{office.client}", f"/api/v1/clients/{uuid4()}", "/Canaryname", "/static/Canary.js"):
        await api.get(path, headers=office.bearer)
    await api.request("CANARY", "/api/v1/clients")
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name.startswith("sts_"):
                for label, word in sample.labels.items():
                    assert re.fullmatch(LABELS[label], word), (sample.name, label, word)
                    assert not re.search(r"[0-9a-f]{8}-", word), "an id"
