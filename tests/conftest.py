"""The real parts that tests run against: Postgres, Temporal, SMTP, the API over HTTP, a worker."""

import asyncio
import os
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from email import message_from_string, policy
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx2
import pytest
import uvicorn
from aiosmtpd.controller import Controller
from argon2 import PasswordHasher
from opentelemetry.trace import Tracer
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from api.__main__ import server_config
from chart.migrate import migrate
from gateways import postgres as gateway
from gateways import temporal
from gateways.postgres import Database
from gateways.storage import Storage
from identity import password
from local.postgres import APPLICATION, OWNER, Cluster, cluster
from pdf import Seal, make_demo_seal
from settings import Settings
from tests.office import Office, open_office
from worker import make_worker

SCRIPTS = Path(sysconfig.get_path("scripts"))
KEY = "test:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
OPERATOR = "maya"
OPERATOR_TOKEN = "a-token-of-thirty-two-characters"
TEMPORAL_UI = "https://temporal.example.org"
PATIENCE = 60.0
"""Seconds for an answer: what a busy machine may take says nothing of what is tested."""


@pytest.fixture(scope="session", autouse=True)
def dear_passwords() -> Iterator[PasswordHasher]:
    """What hashes the service's passwords; here a guess costs next to nothing, since hundreds of people have one."""
    dear = password._hasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password, "_hasher", cheap := PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.setattr(password, "_NOBODY", cheap.hash("the password of nobody"))
        yield dear


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of this test session."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[Cluster]:
    """A Postgres of our own, migrated; every test makes practices of its own in it."""
    ours = cluster(folder)
    environment = dict(os.environ)
    subprocess.run(ours.creation(environment).command, check=True, capture_output=True)
    ours.settle()
    server = subprocess.Popen(ours.server(environment).command, stderr=subprocess.DEVNULL)
    try:
        asyncio.run(_prepare(ours))
        yield ours
    finally:
        server.send_signal(2)
        server.wait(20)


async def _prepare(ours: Cluster) -> None:
    for _ in range(200):
        try:
            await ours.make_database()
            break
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
    await migrate(ours.dsn(OWNER), ours.dsn(APPLICATION))


@asynccontextmanager
async def owner(postgres: Cluster) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as whom row-level security and triggers do not bind."""
    connection = await asyncpg.connect(postgres.dsn(OWNER))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def seal_files(folder: Path) -> tuple[Path, Path]:
    """Key and certificate of a demo seal."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key_pem, certificate_pem = make_demo_seal("Test practice")
    key.write_bytes(key_pem)
    certificate.write_bytes(certificate_pem)
    return key, certificate


@pytest.fixture(scope="session")
def seal(seal_files: tuple[Path, Path]) -> Seal:
    return Seal.load(seal_files[0].read_bytes(), seal_files[1].read_bytes())


class Mailbox:
    """A mail server on loopback that keeps what it gets, and refuses or falters when told to."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []
        self.falters = 0

    async def handle_RCPT(self, _server: object, _session: object, envelope: object, address: str, _o: object) -> str:
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)  # type: ignore[attr-defined]
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:
        if self.falters:
            self.falters -= 1
            return "451 4.3.0 try again later"
        for address in envelope.rcpt_tos:  # type: ignore[attr-defined]
            self.mails.append((address, envelope.content.decode()))  # type: ignore[attr-defined]
        return "250 OK"

    def to(self, address: str) -> list[str]:
        return [text for received_by, text in self.mails if received_by == address]

    def token(self, address: str) -> str:
        """In the link of the newest mail, as a mail program reads it."""
        body = message_from_string(self.to(address)[-1], policy=policy.default).get_content()
        return str(body).split("#")[1].split()[0]


@pytest.fixture(scope="session")
def smtp() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield mailbox, controller.port
    controller.stop()


@pytest.fixture
def mailbox(smtp: tuple[Mailbox, int]) -> Iterator[Mailbox]:
    """Mail of the whole session; whatever a test has let fail works again behind it."""
    yield smtp[0]
    smtp[0].falters = 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def configured(postgres: Cluster, folder: Path, smtp: tuple[Mailbox, int], seal_files: tuple[Path, Path]) -> Settings:
    """Settings of everything under test."""
    port = free_port()
    return Settings(
        database_url=SecretStr(postgres.dsn(APPLICATION)),
        database_owner_url=SecretStr(postgres.dsn(OWNER)),
        temporal_address=f"127.0.0.1:{free_port()}",
        payload_keys=SecretStr(KEY),
        account_keys=SecretStr(KEY),
        codec_tokens=SecretStr(f"{OPERATOR}:{OPERATOR_TOKEN}"),
        temporal_ui_origins=TEMPORAL_UI,
        storage_folder=folder / "documents",
        storage_keys=SecretStr(KEY),
        smtp_host="127.0.0.1",
        smtp_port=smtp[1],
        smtp_security="none",
        mail_from="no-reply@portal.localhost",
        api_port=port,
        chart_url=f"http://chart.localhost:{port}",
        portal_url=f"http://portal.localhost:{port}",
        seal_key_file=seal_files[0],
        seal_certificate_file=seal_files[1],
    )


@pytest.fixture(scope="session")
async def database(configured: Settings) -> AsyncIterator[Database]:
    """As the application: without rights to bypass row-level security."""
    async with gateway.connect(configured.database_url.get_secret_value()) as connected:
        yield connected


@pytest.fixture
def storage(configured: Settings) -> Storage:
    return Storage.of(configured)


@pytest.fixture
async def office(configured: Settings, database: Database, storage: Storage) -> Office:
    """A practice with staff, a registered and an unregistered client, and documents."""
    return await open_office(configured, database, storage)


@pytest.fixture
async def other_office(configured: Settings, database: Database, storage: Storage) -> Office:
    """Somebody else's practice."""
    return await open_office(configured, database, storage)


ENGINE = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    # whoever wants it lets the time of one workflow run ahead (`temporalio.testing.TimeSkipper`), timer by timer
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "frontend.WorkflowTimeSkippingMaxSkipPerSession": "100000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
}
"""Dynamic configuration of the server."""


@pytest.fixture(scope="session")
async def engine(configured: Settings) -> AsyncIterator[Client]:
    """A real Temporal server and a client with our converter."""
    async with await WorkflowEnvironment.start_local(
        ip="127.0.0.1",
        port=int(configured.temporal_address.split(":")[1]),
        dev_server_existing_path=str(SCRIPTS / "temporal"),
        dev_server_log_level="error",
        dev_server_extra_args=[
            word for name, value in ENGINE.items() for word in ("--dynamic-config-value", f"{name}={value}")
        ],
    ):
        client = await temporal.connect(configured)
        await temporal.register_search_attributes(client)
        yield client


WorkerMaker: TypeAlias = Callable[[], Worker]


@pytest.fixture
def make_one_worker(configured: Settings, engine: Client, database: Database) -> WorkerMaker:
    """For tests that say when a worker is up."""
    return lambda: make_worker(configured, engine, database)


@pytest.fixture
async def worker(make_one_worker: WorkerMaker) -> AsyncIterator[None]:
    """A worker that runs for the length of the test."""
    async with make_one_worker():
        yield


@pytest.fixture
async def clock(configured: Settings) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server whose time runs ahead while nothing happens."""
    keys = temporal.payload_keys(configured.payload_keys.get_secret_value())
    async with skipping_time(temporal.data_converter(keys)) as environment:
        yield environment


@asynccontextmanager
async def skipping_time(converter: DataConverter, identity: str | None = None) -> AsyncIterator[WorkflowEnvironment]:
    """The server behind `clock`, for those who say what it writes into histories and under which name."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(SCRIPTS / "temporal-test-server"), data_converter=converter, identity=identity
    ) as environment:
        await temporal.register_search_attributes(environment.client)
        yield environment


@pytest.fixture
async def skipping(
    clock: WorkflowEnvironment, configured: Settings, database: Database
) -> AsyncIterator[WorkflowEnvironment]:
    """The same, with a worker."""
    async with make_worker(configured, clock.client, database):
        yield clock


LONG = {
    *("test_barriers.py", "test_benchmarks.py", "test_canaries.py", "test_contract.py", "test_end_to_end.py"),
    *("test_faults.py", "test_tampering.py", "test_two_of_each.py", "test_up.py", "test_whole_life.py"),
}
"""Files of half a minute and more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: `./sts test` hands them out file by file, and at the end nobody waits for one alone."""
    items.sort(key=lambda one: one.path.name not in LONG)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sequences", type=int, default=100, help="random lives of requests in test_whole_life.py")
    parser.addoption("--examples", type=int, default=FEW, help="requests for each operation in test_contract.py")


FEW = 4
"""The same ones each time; more are others each time."""


@pytest.fixture(scope="session")
async def api(configured: Settings, engine: Client) -> AsyncIterator[httpx2.AsyncClient]:
    """The API over real HTTP; calls carry no credentials of their own."""
    base = f"http://127.0.0.1:{configured.api_port}"
    async with serving(configured), httpx2.AsyncClient(base_url=base, timeout=PATIENCE) as client:
        yield client


@asynccontextmanager
async def serving(configured: Settings, tracer: Tracer | None = None) -> AsyncIterator[None]:
    """The app behind a real server in this loop."""
    server = uvicorn.Server(server_config(configured, tracer))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serve = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        await serve
