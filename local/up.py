"""The story of `./sts up`, from an empty folder to the addresses on the terminal."""

import asyncio
import fcntl
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import postgres
from local.environment import environment
from local.ports import LOOPBACK, Ports, choose
from local.run_file import RunFile, banner
from local.supervisor import Part, Supervisor

_CLONE = Path(__file__).resolve().parent.parent
_TEMPORAL = Path(sysconfig.get_path("scripts")) / "temporal"

SEARCH_ATTRIBUTES = {
    "StsWaitsFor": "Keyword",
    "StsEnding": "Keyword",
    "StsPractice": "Keyword",
    "StsExpires": "Datetime",
}
"""Those of `gateways.temporal`, to which a test holds them: importing it takes longer than starting Temporal.

The worker registers them wherever it runs. Here the API may be ready a moment before it, and able to start requests.
"""

_Probe = Callable[[], Awaitable[bool]]


class AlreadyRunning(Exception):
    """Another `./sts up` holds the data folder; its text says which."""


@dataclass(frozen=True)
class Programs:
    """The commands of our own parts; tests put small stand-ins in their place."""

    migrate: Sequence[str] = (sys.executable, "-m", "chart.migrate")
    demo: Sequence[str] = (sys.executable, "-m", "local.demo")
    api: Sequence[str] = (sys.executable, "-m", "api")
    worker: Sequence[str] = (sys.executable, "worker.py")
    worker_polls: bool = True
    """Whether the worker is ready only once Temporal sees it poll."""


async def up(folder: Path, port_base: int, programs: Programs | None = None) -> None:
    """Run everything until SIGINT or SIGTERM, which end it by cancelling; raises what its caller prints as one line."""
    programs = programs or Programs()
    _cancel_on_signal()
    os.umask(0o077)  # whatever the parts write is ours alone
    with _only_one(folder) as data:
        ports = choose(port_base)
        with RunFile(data / "run.json", ports) as run_file:
            async with Supervisor(data / "logs", changed=run_file.pids_are) as parts:
                told = await _start_database(parts, data, ports)
                parts.begin(temporal := _temporal(data, ports, told))
                parts.begin(mail := _mail(data, ports, told))
                await parts.run(_ours("migrate", programs.migrate, told))
                if not (demo := data / "demo.json").exists():
                    await parts.run(_ours("demo", [*programs.demo, "--out", str(demo)], told))
                operator_token = told["STS_CODEC_TOKENS"].split(",")[0].partition(":")[2]
                run_file.demo_is(json.loads(demo.read_text()), operator_token)  # so the file is there before the API is
                await parts.ready(temporal)
                await parts.ready(mail)
                parts.begin(worker := _worker(programs, ports, told))
                parts.begin(api := _api(programs, ports, told))
                await parts.ready(worker)
                await parts.ready(api)
                parts.tell(banner(run_file.facts(), data))
                await parts.watch()


async def _start_database(parts: Supervisor, data: Path, ports: Ports) -> dict[str, str]:
    """Use the Postgres that the environment names, or start our own; returns what every part is told."""
    application_url, owner_url = os.environ.get("STS_DATABASE_URL"), os.environ.get("STS_DATABASE_OWNER_URL")
    if application_url and owner_url:
        return environment(data, ports, owner_url=owner_url, application_url=application_url)
    if application_url or owner_url:
        raise postgres.NotHere("To use a Postgres of your own, set both STS_DATABASE_URL and STS_DATABASE_OWNER_URL.")
    cluster = postgres.cluster(data)
    told = environment(
        data,
        ports,
        owner_url=cluster.dsn(postgres.OWNER),
        application_url=cluster.dsn(postgres.APPLICATION),
    )
    if not cluster.exists:
        await parts.run(cluster.creation(os.environ))
        cluster.settle()
    await parts.keep(cluster.server(os.environ))
    await cluster.make_database()
    return told


def _ours(name: str, command: Sequence[str], told: Mapping[str, str], ready: _Probe | None = None) -> Part:
    """A part of our own code, run from the clone."""
    return Part(name=name, command=command, environment={**told, "PYTHONPATH": str(_CLONE)}, folder=_CLONE, ready=ready)


def _api(programs: Programs, ports: Ports, told: Mapping[str, str]) -> Part:
    told = {**told, "STS_METRICS_ADDRESS": f"{LOOPBACK}:{ports.api_metrics}"}
    return _ours("api", programs.api, told, _answers(ports.api, "/readyz"))


def _worker(programs: Programs, ports: Ports, told: Mapping[str, str]) -> Part:
    told = {**told, "STS_METRICS_ADDRESS": f"{LOOPBACK}:{ports.worker_metrics}"}
    return _ours("worker", programs.worker, told, _polled(ports, told) if programs.worker_polls else None)


def _temporal(data: Path, ports: Ports, told: Mapping[str, str]) -> Part:
    """The real Temporal server in one process, on a file database that outlives it."""
    options = {
        "ip": LOOPBACK,
        "port": ports.temporal,
        "ui-port": ports.temporal_ui,
        "db-filename": data / "temporal.db",
        "log-level": "error",
    }
    command = [str(_TEMPORAL), "server", "start-dev", "--ui-disable-news-fetch"]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):  # as shipped the file database halves throughput
        command += ["--sqlite-pragma", pragma]
    for queue in ("transfer", "timer"):  # as shipped every workflow task waits for a 50 ms grid
        command += ["--dynamic-config-value", f"history.{queue}ProcessorMaxPollRPS=2000"]
    for name, kind in SEARCH_ATTRIBUTES.items():
        command += ["--search-attribute", f"{name}={kind}"]
    return Part(
        name="temporal",
        command=command,
        environment={**told, "TEMPORAL_VERSION_CHECK_DISABLED": "1"},
        quiet=True,
        ready=lambda: _says("SERVING", "operator", "cluster", "health", "--address", f"{LOOPBACK}:{ports.temporal}"),
    )


def _mail(data: Path, ports: Ports, told: Mapping[str, str]) -> Part:
    words = {
        "folder": data / "mail",
        "smtp-port": ports.smtp,
        "page-port": ports.mail,
        "portal-url": told["STS_PORTAL_URL"],
        "chart-url": told["STS_CHART_URL"],
        "demo": data / "demo.json",
    }
    command = [sys.executable, "-m", "local.mailbox"]
    command += [word for name, value in words.items() for word in (f"--{name}", str(value))]
    return _ours("mail", command, told, _answers(ports.mail, "/api/messages"))


def _answers(port: int, path: str) -> _Probe:
    """Whether `GET path` is answered with 200."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
        except OSError:
            return False

    return probe


def _polled(ports: Ports, told: Mapping[str, str]) -> _Probe:
    """Whether a worker polls our task queue."""
    where = ["--address", f"{LOOPBACK}:{ports.temporal}", "--namespace", told["STS_TEMPORAL_NAMESPACE"]]
    where += ["--task-queue", told["STS_TEMPORAL_TASK_QUEUE"]]
    # the newer mode answers from what it knew up to five seconds ago
    return lambda: _says('"identity"', "task-queue", "describe", "--legacy-mode", "--output", "json", *where)


async def _says(answer: str, *words: str) -> bool:
    """Whether the `temporal` command, given `words`, prints `answer`."""
    process = await asyncio.create_subprocess_exec(
        _TEMPORAL, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    return answer in output.decode()


def _cancel_on_signal() -> None:
    """Let the first SIGINT, SIGTERM or SIGHUP cancel the current task; more of them change nothing."""
    task = asyncio.current_task()
    assert task
    asked = asyncio.Event()

    def stop() -> None:
        if not asked.is_set():
            asked.set()
            task.cancel()

    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if which != signal.SIGHUP or signal.getsignal(which) != signal.SIG_IGN:  # as under nohup
            asyncio.get_running_loop().add_signal_handler(which, stop)


@contextmanager
def _only_one(data: Path) -> Iterator[Path]:
    """Make the data folder and hold it; the system lets go of it however this process ends."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = data.resolve()
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"{data} is in use by another `./sts up`. Stop that one, or give this one its own with `--data`."
            ) from None
        yield data
