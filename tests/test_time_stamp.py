"""SPEC D3: an authority stamps the time behind a sealed document, in its own time; nobody waits, nothing is faked."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

import pdf
import workflows.time_stamp
from activities.time_stamp import TimeStamping, TimeStamps
from chart import document
from chart.audit import Action
from chart.lifecycle import Order, RequestState
from chart.request import Request
from gateways.authority import MOST_REPLY, Authority, NoAnswer, ask_for_evidence, authorities, certificates
from gateways.keys import read_keys
from gateways.postgres import Database
from gateways.storage import Storage
from settings import Settings
from tests import authority
from tests.authority import Issuer, serving
from tests.conftest import KEY, free_port
from tests.engine import (
    Handle,
    delivered,
    happened,
    read,
    request_id,
    signature,
    start,
    timeline,
    until,
)
from tests.office import Office
from tests.papers import changed
from tests.test_bad_paths import in_the_chart
from worker import make_worker
from workflows.share_to_sign import ShareToSign
from workflows.time_stamp import TimeStamp

Clock = WorkflowEnvironment
NOBODY = f"http://127.0.0.1:{free_port()}"
"""Where no authority is."""


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer("Clock makers")


@pytest.fixture
def first(issuer: Issuer) -> Iterator[authority.Authority]:
    with serving(issuer) as server:
        yield server


@pytest.fixture
def second(issuer: Issuer) -> Iterator[authority.Authority]:
    with serving(issuer) as server:
        yield server


@pytest.fixture
def trusting(configured: Settings, issuer: Issuer, tmp_path: Path) -> Settings:
    """Settings that trust the authorities of these tests, and name none."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(issuer.pem)
    return configured.model_copy(update={"tsa_certificate_file": file, "tsa_seconds": 2.0})


def asking(settings: Settings, *urls: str) -> Settings:
    return settings.model_copy(update={"tsa_urls": SecretStr(",".join(urls))})


async def signed(environment: Clock, database: Database, office: Office) -> tuple[Order, Handle]:
    order = office.order()
    handle = await start(environment.client, order)
    await delivered(environment, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.SIGNED
    return order, handle


def stamping(client: Client, handle: Handle) -> WorkflowHandle[TimeStamp, None]:
    return client.get_workflow_handle_for(TimeStamp.run, f"time-stamp/{request_id(handle)}")


async def done(environment: Clock, handle: Handle) -> None:
    """Until nothing more is to be done about the time stamp; in real time for a moment, then by the engine's clock."""
    ours = stamping(environment.client, handle)
    for turn in range(100):
        if (await ours.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return
        if turn < 40:
            await asyncio.sleep(0.1)
        else:
            await environment.sleep(timedelta(hours=1))
    raise AssertionError("it goes on")


async def waits(environment: Clock, database: Database, order: Order, handle: Handle) -> Request:
    """Until the chart says that there is no time stamp yet."""

    async def said() -> bool:
        return (await read(database, order, handle)).time_stamp_waits is not None

    await until(environment, said)
    return await read(database, order, handle)


async def check_stamped(
    database: Database, storage: Storage, settings: Settings, order: Order, handle: Handle
) -> pdf.Verification:
    """What is given out is the sealed file with a time stamp behind it, valid and known, and so is the sealed one."""
    found = await read(database, order, handle)
    assert found.state is RequestState.SIGNED
    assert found.signed_sha256
    assert found.time_stamp_waits is None
    (entry,) = [one for one in await timeline(database, order, handle) if one.action is Action.TIME_STAMPED]
    sealed = await storage.get(str(entry.detail["signed_sha256"]))
    stamped = await storage.get(found.signed_sha256)
    assert stamped.startswith(sealed)
    assert len(stamped) > len(sealed)
    async with database.anyone() as transaction:
        for known in (sealed, stamped):
            assert await document.signed_version(transaction, sha256(known).hexdigest())
    assert settings.tsa_certificate_file
    trusted = settings.seal_certificate_file.read_bytes(), settings.tsa_certificate_file.read_bytes()
    verified = pdf.verify(stamped, *trusted)
    assert verified.valid
    assert verified.original_sha256 == order.sha256
    assert verified.proven_at == found.time_stamped_at
    return verified


async def test_a_signed_document_gets_its_time_stamp_and_nobody_has_waited_for_it(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, first: authority.Authority
) -> None:
    first.silent.set()
    settings = asking(trusting, first.url)
    async with make_worker(settings, clock.client, database):
        order, handle = await signed(clock, database, office)
        before = await read(database, order, handle)
        assert (before.state, before.time_stamped_at) == (RequestState.SIGNED, None)
        first.silent.clear()
        await done(clock, handle)
    verified = await check_stamped(database, storage, settings, order, handle)
    assert [stamp.authority for stamp in verified.time_stamps] == ["Clock"]
    assert (await read(database, order, handle)).signed_sha256 != before.signed_sha256
    assert first.asked == ["/"]


async def test_without_an_authority_nothing_is_started(skipping: Clock, database: Database, office: Office) -> None:
    _, handle = await signed(skipping, database, office)
    with pytest.raises(RPCError):
        await stamping(skipping.client, handle).describe()


@pytest.mark.parametrize("what", ["nobody", "down", "silent", "another question", "another file", "refused", "endless"])
async def test_the_next_authority_is_asked_where_one_is_away_or_lies(
    clock: Clock,
    database: Database,
    storage: Storage,
    trusting: Settings,
    office: Office,
    first: authority.Authority,
    second: authority.Authority,
    what: str,
) -> None:
    match what:
        case "down":
            first.status = 503
        case "silent":
            first.silent.set()
        case "another question":
            first.says = first.clock.to_another_question
        case "another file":
            first.says = first.clock.of_another_file
        case "refused":
            first.says = first.clock.refused
        case "endless":
            first.says = lambda _: bytes(MOST_REPLY + 1)
    settings = asking(trusting, NOBODY if what == "nobody" else first.url, second.url)
    async with make_worker(settings, clock.client, database):
        order, handle = await signed(clock, database, office)
        await done(clock, handle)
    await check_stamped(database, storage, settings, order, handle)
    assert (len(first.asked), len(second.asked)) == (0 if what in {"nobody", "silent"} else 1, 1)


async def test_the_first_authority_is_asked_first(
    clock: Clock,
    database: Database,
    trusting: Settings,
    office: Office,
    first: authority.Authority,
    second: authority.Authority,
) -> None:
    async with make_worker(asking(trusting, first.url, second.url), clock.client, database):
        _, handle = await signed(clock, database, office)
        await done(clock, handle)
    assert (len(first.asked), len(second.asked)) == (1, 0)


async def test_authorities_may_be_away_for_days_and_the_document_is_signed_all_the_while(
    clock: Clock,
    database: Database,
    storage: Storage,
    trusting: Settings,
    office: Office,
    first: authority.Authority,
    second: authority.Authority,
) -> None:
    first.status, second.says = 503, second.clock.of_yesterday
    settings = asking(trusting, first.url, second.url)
    async with make_worker(settings, clock.client, database):
        order, handle = await signed(clock, database, office)
        waiting = await waits(clock, database, order, handle)
        assert (waiting.state, waiting.label, waiting.attention) == (RequestState.SIGNED, "Signed", None)
        assert waiting.time_stamp_waits == (
            "No time-stamp authority has stamped the time. 127.0.0.1: it answers with status 503. "
            "127.0.0.1: its clock and ours are more than five minutes apart."
        )
        assert waiting.signed_sha256
        sealed = await storage.get(waiting.signed_sha256)
        assert pdf.verify(sealed, settings.seal_certificate_file.read_bytes()).valid
        for _ in range(2 * 24):  # in steps, since the engine's answer to a long sleep waits for every try in it
            await clock.sleep(timedelta(hours=1))
        still = await read(database, order, handle)
        assert (still.signed_sha256, still.time_stamped_at) == (waiting.signed_sha256, None)
        first.status = 200
        await done(clock, handle)
    await check_stamped(database, storage, settings, order, handle)
    told = [action for action in await happened(database, order, handle) if action.value.endswith("time stamp")]
    assert told == [Action.TIME_STAMP_WAITS]


async def test_resume_asks_at_once(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, first: authority.Authority
) -> None:
    first.status = 503
    settings = asking(trusting, first.url)
    async with make_worker(settings, clock.client, database):
        order, handle = await signed(clock, database, office)
        await waits(clock, database, order, handle)
        before = await clock.get_current_time()
        first.status = 200
        with clock.auto_time_skipping_disabled():
            await stamping(clock.client, handle).signal(TimeStamp.resume)
            await done(clock, handle)
        assert await clock.get_current_time() - before < timedelta(seconds=50)  # the next own try is a minute later
    await check_stamped(database, storage, settings, order, handle)


async def test_an_operator_can_let_a_document_be_without(
    clock: Clock, database: Database, trusting: Settings, office: Office
) -> None:
    async with make_worker(asking(trusting, NOBODY), clock.client, database):
        order, handle = await signed(clock, database, office)
        await waits(clock, database, order, handle)
        await stamping(clock.client, handle).cancel()
        await done(clock, handle)
    left = await read(database, order, handle)
    assert (left.state, left.time_stamp_waits, left.time_stamped_at) == (RequestState.SIGNED, None, None)
    assert (await happened(database, order, handle))[-1] is Action.TIME_STAMP_GIVEN_UP


async def test_time_stamping_twice_gives_one_stored_file(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, first: authority.Authority
) -> None:
    settings = asking(trusting, first.url)
    async with make_worker(settings, clock.client, database):
        order, handle = await signed(clock, database, office)
        await done(clock, handle)
    found = await read(database, order, handle)
    files = {path.name for path in settings.storage_folder.rglob("*")}
    chain = settings.seal_certificate_file.read_bytes()
    once_more = TimeStamps(database, storage, chain, authorities(settings), first.issuer.pem)
    await once_more.stamp(TimeStamping(order.practice, order.client, order.document, request_id(handle)))
    assert {path.name for path in settings.storage_folder.rglob("*")} == files
    assert (await read(database, order, handle)).signed_sha256 == found.signed_sha256
    assert len(first.asked) == 1
    await check_stamped(database, storage, settings, order, handle)


async def test_a_sealed_file_that_cannot_be_read_is_not_time_stamped_and_it_is_said_why(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, first: authority.Authority
) -> None:
    settings = asking(trusting, first.url)
    async with make_worker(asking(trusting, NOBODY), clock.client, database):
        order, handle = await signed(clock, database, office)
        waiting = await waits(clock, database, order, handle)
    of = TimeStamping(order.practice, order.client, order.document, request_id(handle))
    chain = settings.seal_certificate_file.read_bytes()

    async def refused(store: Storage) -> str:
        with pytest.raises(ApplicationError) as error:
            await TimeStamps(database, store, chain, authorities(settings), first.issuer.pem).stamp(of)
        return error.value.message

    keys = read_keys(KEY, "STS_STORAGE_KEYS")
    locked = Storage(settings.storage_folder, {"another": keys["test"]})
    assert await refused(locked) == "The signed version's key is not in STS_STORAGE_KEYS. Add it."
    assert waiting.signed_sha256
    path = storage.path(waiting.signed_sha256)
    whole = path.read_bytes()
    for spoiled in (changed(whole), None):
        path.unlink() if spoiled is None else path.write_bytes(spoiled)
        assert await refused(storage) == "The signed version is missing from the store, or was changed. Restore it."
    path.write_bytes(whole)
    assert first.asked == []
    await TimeStamps(database, storage, chain, authorities(settings), first.issuer.pem).stamp(of)
    await check_stamped(database, storage, settings, order, handle)


async def test_of_two_time_stamps_at_once_the_first_is_given_out(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, first: authority.Authority
) -> None:
    settings = asking(trusting, first.url)
    async with make_worker(asking(trusting, NOBODY), clock.client, database):
        order, handle = await signed(clock, database, office)
        await waits(clock, database, order, handle)
        of = TimeStamping(order.practice, order.client, order.document, request_id(handle))
        chain = settings.seal_certificate_file.read_bytes()
        stamps = TimeStamps(database, storage, chain, authorities(settings), first.issuer.pem)
        await asyncio.gather(stamps.stamp(of), stamps.stamp(of))
    await check_stamped(database, storage, settings, order, handle)


async def test_a_worker_that_dies_while_an_authority_is_asked_is_made_up_for(
    engine: Client,
    database: Database,
    storage: Storage,
    trusting: Settings,
    office: Office,
    first: authority.Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workflows.time_stamp, "AUTHORITIES_WITHIN", timedelta(seconds=8))
    first.silent.set()
    settings = asking(trusting.model_copy(update={"tsa_seconds": 20.0}), first.url)
    order = office.order()
    async with make_worker(settings, engine, database):
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
        await handle.signal(ShareToSign.sign, signature(handle, order))
        assert await handle.result() is RequestState.SIGNED
        while not first.open:  # noqa: ASYNC110 – a server in a thread
            await asyncio.sleep(0.02)
    assert (await read(database, order, handle)).time_stamped_at is None
    first.silent.clear()
    async with make_worker(settings, engine, database):
        await stamping(engine, handle).result()
    await check_stamped(database, storage, settings, order, handle)


async def test_where_certificates_say_whom_to_ask_the_file_shows_for_itself_that_none_was_revoked(
    clock: Clock, database: Database, storage: Storage, trusting: Settings, office: Office, tmp_path: Path
) -> None:
    everything = Issuer("Everything")
    with serving(everything, evidence=True) as server:
        key, chain = everything.seal(at=server.url)
        server.know(chain)
        files = {"key": key, "certificate": chain, "authorities": everything.pem}
        for name, content in files.items():
            (tmp_path / f"{name}.pem").write_bytes(content)
        settings = asking(trusting, server.url).model_copy(
            update={
                "seal_key_file": tmp_path / "key.pem",
                "seal_certificate_file": tmp_path / "certificate.pem",
                "tsa_certificate_file": tmp_path / "authorities.pem",
            }
        )
        async with make_worker(settings, clock.client, database):
            order, handle = await signed(clock, database, office)
            await done(clock, handle)
            assert server.asked == ["/", "/ocsp", "/ocsp", "/"]  # the first tells whose certificate it is
    assert (await check_stamped(database, storage, settings, order, handle)).long_term


# -- the server at the other end


async def test_what_an_authority_may_send_and_how_long_it_may_take_is_bounded(first: authority.Authority) -> None:
    ours = Authority(first.url, seconds=0.3)
    first.says = lambda _: bytes(MOST_REPLY)
    assert len(await ours.ask(b"?")) == MOST_REPLY
    first.says = lambda _: bytes(MOST_REPLY + 1)
    with pytest.raises(NoAnswer, match="more than 65536 bytes"):
        await ours.ask(b"?")
    with pytest.raises(NoAnswer, match="something else"):
        await ask_for_evidence(first.url, b"?")
    first.status = 302
    with pytest.raises(NoAnswer, match="status 302"):
        await ours.ask(b"?")
    first.silent.set()
    with pytest.raises(NoAnswer, match=r"no answer within 0\.3 seconds"):
        await ours.ask(b"?")
    with pytest.raises(NoAnswer, match="cannot be reached"):
        await replace(ours, url=NOBODY).ask(b"?")


async def test_an_authority_that_is_silent_holds_up_nothing_else(first: authority.Authority) -> None:
    first.silent.set()
    asked = asyncio.create_task(Authority(first.url, seconds=20).ask(b"?"))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert not asked.done()
    asked.cancel()


def test_a_url_that_is_none_is_refused_without_showing_it(trusting: Settings) -> None:
    names = [one.name for one in authorities(asking(trusting, "https://me:secret@tsa.example.org/x", " http://b "))]
    assert names == ["tsa.example.org", "b"]
    assert authorities(trusting) == ()
    assert "secret" not in repr(authorities(asking(trusting, "https://me:secret@tsa.example.org/x")))
    with pytest.raises(ValueError, match="entry 2") as refused:
        authorities(asking(trusting, "https://a", "ftp://me:secret@b"))
    assert "secret" not in str(refused.value)


def test_a_file_without_certificates_is_found_at_the_start(
    trusting: Settings, database: Database, storage: Storage
) -> None:
    assert trusting.tsa_certificate_file
    for content in (b"", b"no certificates"):
        trusting.tsa_certificate_file.write_bytes(content)
        with pytest.raises(ValueError, match=r"empty|PEM"):
            TimeStamps(database, storage, b"", (), certificates(trusting))
