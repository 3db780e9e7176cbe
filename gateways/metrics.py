"""What is counted and timed, for Prometheus to fetch (SPEC O4).

Labels are words of the code: routes as they are declared, names of steps, states. None is somebody's (SPEC A7).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, start_http_server
from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

HTTP = Histogram(
    "sts_http_request_seconds", "Until an answer begins, by route and status.", ("method", "route", "status")
)
STEP = Histogram("sts_step_seconds", "Each try of a step of the workflows.", ("step", "outcome"))
MAILS = Counter("sts_mails", "Tries to hand a mail to the relay, by what became of it.", ("outcome",))
UNKNOWN_KEYS = Counter(
    "sts_unknown_keys",
    "Bearer tokens refused that are no practice's: with the prefix of a key, or other.",
    ("kind",),
)
SIGNED = Histogram(
    "sts_signed_seconds", "From the last signature's arrival to the signed version in the chart.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)  # fmt: skip
REQUESTS = Gauge("sts_requests", "Requests by state, over all practices; each worker says the same.", ("state",))
BACKLOG = Gauge("sts_backlog_tasks", "Tasks that wait for a worker; each worker says the same.", ("kind",))
BACKLOG_AGE = Gauge("sts_backlog_seconds", "How long the oldest of them has waited.", ("kind",))


@contextmanager
def served(address: str) -> Iterator[None]:
    """Answer with the metrics of this process at `address`, `host:port`; empty: nowhere."""
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    server, thread = start_http_server(int(port), host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Steps(Interceptor):
    """Times each try of an activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Timed(next)


class _Timed(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        began, outcome = time.perf_counter(), "failed"
        try:
            done = await super().execute_activity(input)
            outcome = "done"
            return done
        finally:
            STEP.labels(activity.info().activity_type, outcome).observe(time.perf_counter() - began)


def show(requests: Mapping[str, int], backlog: Mapping[str, tuple[int, float]]) -> None:
    """Set what is looked up from time to time: requests by state; tasks and seconds of the oldest, by kind."""
    for state, many in requests.items():
        REQUESTS.labels(state).set(many)
    for kind, (tasks, seconds) in backlog.items():
        BACKLOG.labels(kind).set(tasks)
        BACKLOG_AGE.labels(kind).set(seconds)
