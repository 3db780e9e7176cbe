"""Random lives of requests on a real engine whose time runs ahead, held against a plain model (`tests.lives`).

Each sequence is a request with one to three signers and what happens to it: answers, recalls, extensions, new versions,
registrations, reminders; hours and days that pass, while mail and stored files fail, answers of activities are lost
and workers restart. The nightly size: `./sts test tests/test_whole_life.py --sequences 2000`.

Time is skipped by the server itself, for each request by a clock of its own. The test server behind `clock` cannot do
this: its one clock counts what is under way, never forgets what an ended request or a stopped worker has left, and so
stops for ever.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from temporalio import activity
from temporalio.client import Client, Interceptor
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from activities.ask import tell_id
from activities.notify import is_reminder
from chart import client, document, request
from chart.audit import SERVICE, Actor
from chart.document import Kind, NewVersion
from chart.ids import ClientId, RequestId
from chart.lifecycle import Act, Order, RequestState, Seat
from chart.message import MessageAbout
from gateways.postgres import Database, Record, Transaction
from gateways.smtp import Relay
from gateways.storage import Storage
from identity import account
from settings import Settings
from tests.conftest import Mailbox
from tests.engine import Handle, request_id, signature, start
from tests.generated import drawn
from tests.lives import FORECASTS, NEARLY, STEPS, Event, Model, Script, scripts
from tests.office import PASSWORD, Office, open_office
from tests.test_bad_paths import provider
from worker import make_worker
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline, Extend, Recall, Remind, Replace, Reschedule, StaffRecord

Forecast: TypeAlias = dict[str, set[int]]
Taken: TypeAlias = dict[str, dict[str, datetime]]
"""The mails that the relay took: of which message, on which occasion, and when by the request's clock."""

BATCH = 25
"""Lives that share one weather."""

WITHIN = 120
"""Seconds in which whatever is to come has come, on a busy machine too."""


# -- what fails


@dataclass
class Weather:
    """What fails just now, for all lives of a batch alike."""

    mailbox: Mailbox
    stored: Path
    content: bytes
    forecast: Forecast = field(default_factory=dict)
    step: int = 0

    def __contains__(self, failure: str) -> bool:
        return self.step in self.forecast[failure]

    def turn(self, forecast: Forecast, step: int) -> None:
        self.forecast, self.step = forecast, step
        self.mailbox.falters = 1_000_000 if "no mail" in self else 0
        if "no file" in self:
            self.stored.unlink(missing_ok=True)
        else:
            self.stored.write_bytes(self.content)


class Forgetful(Interceptor, WorkerInterceptor):
    """In such weather the first answer of every activity is lost, after it has done its work."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return Forgetting(next, self.weather)


class Forgetting(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, weather: Weather) -> None:
        super().__init__(next)
        self.weather = weather

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        answer = await super().execute_activity(input)
        if "lost answers" in self.weather and activity.info().attempt == 1:
            raise ConnectionError("the answer is lost")
        return answer


# -- the real thing


@dataclass(frozen=True)
class Life:
    script: Script
    model: Model
    order: Order
    parties: tuple[Actor, ...]
    handle: Handle

    @property
    def id(self) -> RequestId:
        return request_id(self.handle)


@dataclass(frozen=True)
class World:
    engine: Client
    clock: TimeSkipper
    database: Database
    office: Office
    parties: tuple[Actor, ...]
    """Two portal accounts and a provider."""
    weather: Weather
    taken: Taken

    async def begin(self, script: Script) -> Life:
        office, now = self.office, datetime.now(UTC)
        parties = self.parties[: script.signers]
        async with self.database.practice(office.practice) as transaction:
            person = await client.add(
                transaction,
                office.practice,
                given_name="Random",
                family_name="Life",
                birth_date=date(1980, 1, 1),
                external_id=None,
            )
            await client.set_timezone(transaction, person.id, script.zone)
            # nobody sits in the first seat until somebody registers
            for party in parties[1:2] if script.parked else parties[:2]:
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
        model = Model(script, now)
        order = Order(
            practice=office.practice,
            client=person.id,
            document=note.id,
            version=note.version_id,
            sha256=note.sha256,
            seats=(Seat(None if script.parked else parties[0]), *map(Seat, parties[1:])),
            requested_by=SERVICE,
            asked_at=now,
            expires_at=model.expires_at,
            in_order=script.in_order,
            on_decline=script.on_decline,
            reminder_days=script.reminder_days,
        )
        life = Life(script, model, order, parties, await start(self.engine, order))
        await self.until(life, lambda found: found is not None)
        return life

    async def until(self, life: Life, true: Callable[[request.Request | None], bool]) -> None:
        for _ in range(WITHIN * 10):
            if true(await self.found(life)):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"it hangs: {life.script}")

    async def found(self, life: Life) -> request.Request | None:
        async with self.database.practice(life.order.practice) as transaction:
            return await request.newest_of(transaction, life.order.document)

    async def step(self, life: Life) -> None:
        """Some things happen, then time passes."""
        if life.model.open:
            life.model.now = await self.clock.get_current_time(life.handle)
        for event in life.script.steps[self.weather.step]:
            await self.happen(life, event)
        if hours := life.script.hours[self.weather.step]:
            await self.wait(life, timedelta(hours=hours, minutes=7))

    async def wait(self, life: Life, span: timedelta) -> None:
        if life.model.open:
            life.model.wait(life.model.now + span, mail_works="no mail" not in self.weather)
        with suppress(RPCError):  # it has ended
            await asyncio.wait_for(self.clock.fast_forward(life.handle, span), WITHIN)

    async def finish(self, life: Life) -> None:
        """What is open expires, what needs attention tries again, whoever is to be told of the end is told."""
        if life.model.open:
            life.model.wait(life.model.expires_at + timedelta(days=1), mail_works=True)
        told = (self.engine.get_workflow_handle(tell_id(life.id, about)) for about in MessageAbout)
        for handle in (life.handle, *told):
            with suppress(RPCError):  # it has ended, or there is none
                await asyncio.wait_for(self.clock.fast_forward(handle), WITHIN)

    async def happen(self, life: Life, event: Event) -> None:
        was_parked = life.model.state == "awaiting_registration"
        if was_parked and event.what in {"sign", "decline"}:  # nobody sees the document yet
            return
        # what cannot be sealed for want of its file may be replaced, or be sealed after all: both are right
        if life.model.state == "signed" and event.what == "replace":
            return
        life.model.apply(event)
        with suppress(RPCError):  # it has ended
            await getattr(self, f"_{event.what}")(life, event)
        if was_parked and event.what == "register":
            await self.until(
                life, lambda found: found is not None and found.state is not RequestState.AWAITING_REGISTRATION
            )

    async def _sign(self, life: Life, event: Event) -> None:
        signed = signature(life.handle, life.order, by=life.parties[event.who], at=life.model.now)
        await life.handle.signal(ShareToSign.sign, signed)

    async def _decline(self, life: Life, event: Event) -> None:
        declined = Decline(life.id, life.parties[event.who], life.model.now, "No.", correction=False)
        await life.handle.signal(ShareToSign.decline, declined)

    async def _recall(self, life: Life, _event: Event) -> None:
        await life.handle.signal(ShareToSign.recall, Recall(life.id, SERVICE, "Why."))

    async def _paper(self, life: Life, _event: Event) -> None:
        paper = StaffRecord(life.id, SERVICE, Act.RECORD_PAPER, "Why.", {"signed_on": "2026-11-20"})
        await life.handle.signal(ShareToSign.record, paper)

    async def _unable(self, life: Life, _event: Event) -> None:
        unable = StaffRecord(life.id, SERVICE, Act.RECORD_UNABLE, "Why.", {"attempts": []})
        await life.handle.signal(ShareToSign.record, unable)

    async def _replace(self, life: Life, _event: Event) -> None:
        async with self.database.practice(life.order.practice) as transaction:
            fresh = await document.new_version_id(transaction)
        version = NewVersion(fresh, uuid4().hex * 2, "d" * 64, 1000, 1, "Why.", SERVICE)
        await life.handle.signal(ShareToSign.replace, Replace(life.id, version))

    async def _remind(self, life: Life, _event: Event) -> None:
        await life.handle.signal(ShareToSign.remind, Remind(life.id, SERVICE))

    async def _reschedule(self, life: Life, _event: Event) -> None:
        other = Reschedule(life.id, SERVICE, life.model.days, tuple(life.model.reminders))
        await life.handle.signal(ShareToSign.reschedule, other)

    async def _extend(self, life: Life, _event: Event) -> None:
        await life.handle.signal(ShareToSign.extend, Extend(life.id, SERVICE, life.model.expires_at))

    async def _register(self, life: Life, _event: Event) -> None:
        async with self.database.practice(life.order.practice) as transaction:
            await relate(transaction, self.office, life.order.client, self.office.party)
        await life.handle.signal(ShareToSign.registered)


async def relate(transaction: Transaction, office: Office, client_id: ClientId, party: Actor) -> None:
    await transaction.execute(account.RELATE, office.practice, request.account_of(party), client_id, "partner")


async def live(
    world: World, scripts: list[Script], forecast: Forecast, renew: Callable[[], Awaitable[None]]
) -> list[Life]:
    world.weather.turn(forecast, 0)
    lives = await asyncio.gather(*(world.begin(script) for script in scripts))
    for step in range(STEPS):
        world.weather.turn(forecast, step)
        new_worker = [renew()] if "new worker" in world.weather else []
        await asyncio.gather(*new_worker, *(world.step(life) for life in lives))
    world.weather.turn(forecast, STEPS)
    await asyncio.gather(*(world.finish(life) for life in lives))
    return lives


# -- what has to hold


async def check(world: World, life: Life) -> None:
    """One ending, one signed version or none, every mail that is due and no other."""
    result = await asyncio.wait_for(life.handle.result(), WITHIN)
    found = await world.found(life)
    assert found is not None
    async with world.database.practice(life.order.practice) as transaction:
        versions = await document.versions(transaction, life.order.document)
        messages = await transaction.fetch(MESSAGES, found.id)
    expected, story = life.model, f"{life.script} {world.weather.forecast} {life.id}"
    assert result == found.state == expected.state, story
    assert found.expires_at == expected.expires_at, story
    assert found.attention is None, story
    if not (life.script.parked and found.signers[0].party is None):
        assert [signer.state.value for signer in found.signers] == expected.answers, story
    assert sum(one.signed_sha256 is not None for one in versions) == (expected.state == "signed"), story
    check_mails(life, [mail for row in messages for mail in mails_of(world, life, row)], story)


@dataclass(frozen=True)
class Mail:
    about: str
    to: int
    at: datetime


def mails_of(world: World, life: Life, message: Record) -> Iterator[Mail]:
    """Those that tell of this message."""
    to = life.parties.index(request.party_of(message["account_id"]))
    for occasion, at in world.taken[str(message["id"])].items():
        about = "reminder" if is_reminder(occasion) else "request"
        yield Mail(about if message["about"] == MessageAbout.RECORD_REQUEST else "end", to, at)


def check_mails(life: Life, mails: list[Mail], story: str) -> None:
    expected, zone = life.model, ZoneInfo(life.script.zone)
    sent = Counter((mail.about, mail.to) for mail in mails)
    assert expected.must <= sent <= expected.may, f"{expected.must} {sent} {expected.may} {story}"
    assert expected.ended_at is not None
    assert all(mail.at <= expected.ended_at + NEARLY for mail in mails if mail.about != "end"), story
    hours = [mail.at.astimezone(zone).time() for mail in mails if mail.about == "reminder"]
    assert sum(not time(9) <= hour <= time(18, 31) for hour in hours) <= expected.by_hand, story


MESSAGES = "select id, account_id, about from message where request_id = $1"

BROKEN_CHAINS = """
select count(*) from (
    select hash <> audit_hash(a) or previous <> coalesce(lag(hash) over chain, '\\x'::bytea) as broken
    from audit a window chain as (partition by chart_id order by number)
) entries where broken
"""


@asynccontextmanager
async def working(
    configured: Settings, engine: Client, database: Database
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A function that lets one worker end and another begin, which replays what the first has left."""
    workers = [make_worker(configured, engine, database)]
    running = [asyncio.create_task(workers[0].run())]

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


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    mails: Taken = defaultdict(dict)
    send = Relay.send

    async def send_and_note(relay: Relay, mail: EmailMessage) -> None:
        await send(relay, mail)
        message_id, occasion = mail["Message-ID"].strip("<").split("@")[0].split(".")
        mails[message_id].setdefault(occasion, activity.info().started_time)

    monkeypatch.setattr(Relay, "send", send_and_note)
    return mails


@pytest.fixture
async def world(
    engine: Client,
    configured: Settings,
    database: Database,
    storage: Storage,
    mailbox: Mailbox,
    taken: Taken,
) -> World:
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
    parties = (office.party, second, await provider(database, office))
    path = storage.path(office.note.sha256)
    weather = Weather(mailbox, path, path.read_bytes())
    return World(engine, TimeSkipper(engine), database, office, parties, weather, taken)


async def test_whatever_happens_chart_workflow_and_model_agree(
    world: World, configured: Settings, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="temporalio")  # so many failures are meant
    lives = drawn(scripts(), pytestconfig.getoption("--sequences"))
    batches = [lives[first : first + BATCH] for first in range(0, len(lives), BATCH)]
    known = world.engine.config()
    known["interceptors"] = [Forgetful(world.weather)]
    async with working(configured, Client(**known), world.database) as renew:
        for batch, forecast in zip(batches, drawn(FORECASTS, len(batches)), strict=True):
            for life in await live(world, batch, forecast, renew):
                await check(world, life)
    async with world.database.practice(world.office.practice) as transaction:
        assert await transaction.fetchval(BROKEN_CHAINS) == 0
