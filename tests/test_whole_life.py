"""Random lives of requests on a real engine, held against a plain model.

Each sequence is a request with one to three signers and what happens to it: answers, recalls, extensions, new versions,
registrations, reminders, expiries, mail and files that fail for a while, workers that restart. Time comes by moving the
expiry or the reminder to now, not by the server that skips time: its clock stops for ever when a worker restarts under
it. The model is written apart from `chart.lifecycle`, and knows nothing of engine or database. The nightly size:
`./sts test tests/test_whole_life.py --sequences 2000`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from temporalio.client import Client
from temporalio.service import RPCError

from activities.ask import workflow_id
from chart import audit, client, document, lifecycle, request
from chart.audit import SERVICE, Action, Actor
from chart.document import Kind, NewVersion
from chart.ids import ClientId
from chart.lifecycle import Act, OnDecline, Order, RequestState, Seat
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account
from settings import Settings
from tests.conftest import Mailbox
from tests.engine import Handle, request_id, signature, start
from tests.office import PASSWORD, Office, open_office
from tests.test_bad_paths import provider
from worker import make_worker
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline, Extend, Recall, Remind, Replace, Reschedule, StaffRecord

BATCH = 25
"""Lives that share one weather."""
STEPS = 5


# -- what may happen


@dataclass(frozen=True)
class Event:
    what: str
    who: int = 0


EVENTS = st.one_of(
    st.builds(Event, st.sampled_from(["sign", "decline"]), who=st.integers(0, 2)),
    st.builds(Event, st.just("sign"), who=st.integers(0, 2)),
    st.builds(
        Event, st.sampled_from(["recall", "paper", "unable", "replace", "remind", "reschedule", "extend", "expire"])
    ),
    st.builds(Event, st.just("reschedule")),
    st.builds(Event, st.just("register")),
)


@dataclass(frozen=True)
class Script:
    signers: int
    in_order: bool
    on_decline: OnDecline
    parked: bool
    steps: dict[int, list[Event]]


SCRIPTS = st.builds(
    Script,
    signers=st.integers(1, 3),
    in_order=st.booleans(),
    on_decline=st.sampled_from(OnDecline),
    parked=st.sampled_from([False, False, False, True]),
    steps=st.dictionaries(st.integers(0, STEPS - 1), st.lists(EVENTS, min_size=1, max_size=3), max_size=4),
)

# mail, stored files and workers fail for all lives of a batch alike
WEATHER = st.fixed_dictionaries(
    {name: st.sets(st.integers(0, STEPS - 1), max_size=3) for name in ("no mail", "no file", "new worker")}
)


# -- the model


@dataclass
class Model:
    """What has to come out, in as few words as possible."""

    script: Script
    state: str = "pending"
    answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = "awaiting_registration" if self.script.parked else "pending"
        self.answers = ["waiting"] * self.script.signers

    @property
    def open(self) -> bool:
        return self.state in {"pending", "awaiting_registration"}

    def apply(self, event: Event) -> None:
        if not self.open:
            return
        match event.what:
            case "recall":
                self.state = "recalled"
            case "paper":
                self.state = "signed_on_paper"
            case "unable":
                self.state = "unable_to_obtain"
            case "replace":
                self.state = "replaced"
            case "expire":
                self.state = "expired"
            case "register" if self.state == "awaiting_registration":
                self.state = "pending"
            case "sign" | "decline" if self.state == "pending" and self._may_answer(event.who):
                self.answers[event.who] = "signed" if event.what == "sign" else "declined"
                self._count()

    def _may_answer(self, who: int) -> bool:
        if who >= len(self.answers) or self.answers[who] != "waiting":
            return False
        return not self.script.in_order or "waiting" not in self.answers[:who]

    def _count(self) -> None:
        if "declined" in self.answers and self.script.on_decline is OnDecline.ENDS:
            self.state = "declined"
        elif "waiting" not in self.answers:
            self.state = "signed" if "signed" in self.answers else "declined"


# -- the real thing


@dataclass
class Life:
    script: Script
    model: Model
    order: Order
    client: ClientId
    parties: tuple[Actor, ...]
    handle: Handle


@dataclass(frozen=True)
class World:
    engine: Client
    database: Database
    office: Office
    second: Actor
    staff: Actor

    async def begin(self, script: Script) -> Life:
        office, now = self.office, datetime.now(UTC)
        async with self.database.practice(office.practice) as transaction:
            person = await client.add(
                transaction,
                office.practice,
                given_name="Random",
                family_name="Life",
                birth_date=date(1980, 1, 1),
                external_id=None,
            )
            for party in (*(() if script.parked else (office.party,)), self.second):
                await relate(transaction, office, person.id, party)
            note = await document.add(
                transaction,
                office.practice,
                person.id,
                kind=Kind.TREATMENT_PLAN,
                note_name=None,
                service_on=date(2026, 11, 2),
                sha256=office.note.sha256,
                upload_sha256=office.note.sha256,
                size=office.note.size,
                pages=office.note.pages,
            )
            if script.parked:  # nobody acts for the client until somebody registers
                await transaction.execute("update relationship set ends_on = starts_on where client_id = $1", person.id)
        parties = (office.party, self.second, self.staff)[: script.signers]
        first: Actor | None = None if script.parked else parties[0]
        order = Order(
            practice=office.practice,
            client=person.id,
            document=note.id,
            version=note.version_id,
            sha256=note.sha256,
            seats=(Seat(first), *map(Seat, parties[1:])),
            requested_by=SERVICE,
            asked_at=now,
            expires_at=now + timedelta(days=60),
            in_order=script.in_order,
            on_decline=script.on_decline,
            reminder_days=(1, 3, 9),
        )
        handle = await start(self.engine, order)
        life = Life(script, Model(script), order, person.id, parties, handle)
        await self.until(life, lambda found: found is not None)
        return life

    async def until(self, life: Life, true: Callable[[request.Request | None], bool]) -> None:
        for _ in range(600):
            async with self.database.practice(life.order.practice) as transaction:
                found = await request.newest_of(transaction, life.order.document)
            if true(found):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it hangs: {life.script}")

    async def happen(self, life: Life, event: Event) -> None:
        was_parked = life.model.state == "awaiting_registration"
        if event.what == "expire" and not life.model.open:
            return
        if was_parked and event.what in {"sign", "decline"}:  # nobody sees the document yet
            return
        life.model.apply(event)
        with suppress(RPCError):  # it has ended
            await getattr(self, f"_{event.what}")(life, event)
        if event.what == "register" and was_parked:
            await self.until(
                life, lambda found: found is not None and found.state is not RequestState.AWAITING_REGISTRATION
            )
        if event.what == "expire":
            await self.until(life, lambda found: found is not None and found.state.ended)

    async def _sign(self, life: Life, event: Event) -> None:
        if event.who < len(life.parties):
            at = datetime.now(UTC)
            signed = signature(life.handle, life.order, by=life.parties[event.who], at=at)
            await self._now(life).signal(ShareToSign.sign, signed)

    async def _decline(self, life: Life, event: Event) -> None:
        if event.who < len(life.parties):
            at = datetime.now(UTC)
            by = life.parties[event.who]
            await self._now(life).signal(ShareToSign.decline, Decline(self._id(life), by, at, "No.", correction=False))

    async def _recall(self, life: Life, _event: Event) -> None:
        await self._now(life).signal(ShareToSign.recall, Recall(self._id(life), SERVICE, "Why."))

    async def _paper(self, life: Life, _event: Event) -> None:
        paper = StaffRecord(self._id(life), SERVICE, Act.RECORD_PAPER, "Why.", {"signed_on": "2026-11-20"})
        await self._now(life).signal(ShareToSign.record, paper)

    async def _unable(self, life: Life, _event: Event) -> None:
        unable = StaffRecord(self._id(life), SERVICE, Act.RECORD_UNABLE, "Why.", {"attempts": []})
        await self._now(life).signal(ShareToSign.record, unable)

    async def _replace(self, life: Life, _event: Event) -> None:
        async with self.database.practice(life.order.practice) as transaction:
            fresh = await document.new_version_id(transaction)
        version = NewVersion(fresh, uuid4().hex * 2, "d" * 64, 1000, 1, "Why.", SERVICE)
        await self._now(life).signal(ShareToSign.replace, Replace(self._id(life), version))

    async def _remind(self, life: Life, _event: Event) -> None:
        await self._now(life).signal(ShareToSign.remind, Remind(self._id(life), SERVICE))

    async def _reschedule(self, life: Life, _event: Event) -> None:
        """A reminder goes out now."""
        now = datetime.now(UTC)
        await self._now(life).signal(ShareToSign.reschedule, Reschedule(self._id(life), SERVICE, (2,), (now,)))

    async def _extend(self, life: Life, _event: Event) -> None:
        until = datetime.now(UTC) + timedelta(days=90)
        await self._now(life).signal(ShareToSign.extend, Extend(self._id(life), SERVICE, until))

    async def _expire(self, life: Life, _event: Event) -> None:
        await self._now(life).signal(ShareToSign.extend, Extend(self._id(life), SERVICE, datetime.now(UTC)))

    async def _register(self, life: Life, _event: Event) -> None:
        async with self.database.practice(life.order.practice) as transaction:
            await relate(transaction, self.office, life.client, self.office.party)
        await self._now(life).signal(ShareToSign.registered)

    def _now(self, life: Life) -> Any:
        return self.engine.get_workflow_handle(workflow_id(life.order.document))

    def _id(self, life: Life) -> Any:
        return request_id(life.handle)


async def relate(transaction: Any, office: Office, client_id: ClientId, party: Actor) -> None:
    await transaction.execute(account.RELATE, office.practice, request.account_of(party), client_id, "partner")


# -- what has to hold


async def finished(world: World, life: Life) -> Any:
    """The result; what waits for its own next try is told to try now."""
    result = asyncio.ensure_future(life.handle.result())
    for _ in range(120):
        done, _pending = await asyncio.wait({result}, timeout=0.5)
        if done:
            return result.result()
        with suppress(RPCError):
            await world._now(life).signal(ShareToSign.resume)
    raise AssertionError(f"it hangs: {life.script}")


async def check(world: World, life: Life) -> None:
    result = await finished(world, life)
    async with world.database.practice(life.order.practice) as transaction:
        found = await request.newest_of(transaction, life.order.document)
        assert found is not None
        copies = [one for one in await document.versions(transaction, life.order.document) if one.signed_sha256]
        entries = await audit.of_request(transaction, found.id)
        messages = await transaction.fetchval(MOST_MESSAGES, found.id)
    expected = life.model
    assert result == found.state == expected.state, life.script
    if not (expected.script.parked and found.signers[0].party is None):
        answered = [signer.state.value for signer in found.signers]
        assert answered == expected.answers, life.script
    assert len(copies) == (expected.state == "signed"), life.script
    assert found.attention is None
    assert messages <= 1, life.script
    # what the relay had in its hands when the request ended is noted a moment later, and nothing after that
    assert found.ended_at is not None
    for entry in entries:
        if entry.action is Action.MAILED and entry.detail["about"] == "record_request":
            assert entry.at < found.ended_at + timedelta(seconds=5), life.script


MOST_MESSAGES = """
select coalesce(max(times), 0) from (
    select count(*) as times from message where request_id = $1 group by account_id, about
) each
"""

BROKEN_CHAINS = """
select count(*) from (
    select hash <> audit_hash(a) or previous <> coalesce(lag(hash) over chain, '\\x'::bytea) as broken
    from audit a window chain as (partition by chart_id order by number)
) entries where broken
"""


@asynccontextmanager
async def working(configured: Settings, engine: Client, database: Database) -> AsyncIterator[Any]:
    """A function that lets one worker end and another begin, which replays what the first has left."""
    worker = make_worker(configured, engine, database)
    running = [asyncio.create_task(worker.run())]
    workers = [worker]

    async def renew() -> None:
        await workers[-1].shutdown()
        await running[-1]
        workers.append(make_worker(configured, engine, database))
        running.append(asyncio.create_task(workers[-1].run()))

    try:
        yield renew
    finally:
        await workers[-1].shutdown()
        await running[-1]


async def live(
    world: World, scripts: list[Script], weather: dict[str, set[int]], mailbox: Mailbox, storage: Any, renew: Any
) -> None:
    lives = await asyncio.gather(*(world.begin(script) for script in scripts))
    for step in range(STEPS):
        mailbox.falters = 1_000_000 if step in weather["no mail"] else 0
        if step in weather["no file"]:
            storage.lose()
        if step in weather["new worker"]:
            await renew()
        no_file = step in weather["no file"]
        await asyncio.gather(*(each_step(world, life, step, no_file=no_file) for life in lives))
        storage.restore()
    mailbox.falters = 0
    await asyncio.gather(*(world.happen(life, Event("expire")) for life in lives))
    for life in lives:
        await check(world, life)


async def each_step(world: World, life: Life, step: int, *, no_file: bool) -> None:
    for event in life.script.steps.get(step, ()):
        # what cannot be sealed for want of its file may be replaced, or be sealed after all: both are right
        if not (no_file and event.what == "replace" and life.model.state == "signed"):
            await world.happen(life, event)


@dataclass
class Store:
    """The stored file of all lives, which can be lost for a while."""

    path: Any
    content: bytes

    def lose(self) -> None:
        self.path.unlink(missing_ok=True)

    def restore(self) -> None:
        self.path.write_bytes(self.content)


@pytest.fixture
def sequences(request: pytest.FixtureRequest) -> int:
    wanted: int = request.config.getoption("--sequences")
    return wanted


async def test_whatever_happens_chart_workflow_and_model_agree(
    engine: Client,
    configured: Settings,
    database: Database,
    storage: Storage,
    mailbox: Mailbox,
    sequences: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # so that an expiry that is moved to now is now
    monkeypatch.setattr(lifecycle, "ON_ITS_WAY", timedelta(0))
    office = await open_office(configured, database, storage)
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.client,
            email=f"second-{office.client}@demo.example",
            name="Second",
            relationship="partner",
        )
    second = request.party_of(await account.register(database, invitation.token, PASSWORD))
    world = World(engine, database, office, second, await provider(database, office))
    path = storage.path(office.note.sha256)
    store = Store(path, path.read_bytes())

    batches: list[tuple[list[Script], dict[str, set[int]]]] = []

    @settings(
        max_examples=max(sequences // BATCH, 1),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(SCRIPTS, min_size=BATCH, max_size=BATCH), WEATHER)
    def collect(scripts: list[Script], weather: dict[str, set[int]]) -> None:
        batches.append((scripts, weather))

    collect()
    async with working(configured, engine, database) as renew:
        for scripts, weather in batches:
            await live(world, scripts, weather, mailbox, store, renew)
    async with database.practice(office.practice) as transaction:
        assert await transaction.fetchval(BROKEN_CHAINS) == 0
