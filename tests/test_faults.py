"""SPEC O3: parts are killed at random and nothing is lost, doubled or stuck; and the run would say so if it were."""

import asyncio
import json
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from temporalio.client import Client

from activities.ask import WORKFLOW, workflow_id
from benchmarks import faults, patient
from benchmarks.__main__ import main as benchmark
from benchmarks.inspection import Inspection, Kind, Places, inspect, settle
from benchmarks.killer import PARTS, Killer, plan
from benchmarks.patient import SIGNED, Lifecycle
from benchmarks.whole import Whole, running
from chart.ids import DocumentId
from tests.office import Office
from tests.whole import store_of


def test_a_small_run_loses_doubles_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "out" / "figures.json"
    code = benchmark(["faults", "--lifecycles", "12", "--kills", "6", "--seed", "4", "--json", str(file)])
    told = capsys.readouterr().out
    assert code == 0, told
    found = json.loads(file.read_text())
    assert sum(found["lifecycles"].values()) == 12
    assert set(found["lifecycles"]) == {"signed", "declined", "recalled", "replaced"}
    assert sum(found["kills"].values()) == 6
    assert set(found["kills"]) == set(PARTS)
    assert (found["lost"], found["doubled"], found["stuck"]) == ([], [], [])
    assert found["verified"] == found["lifecycles"]["signed"]
    assert sum(map(len, found["sign_to_signed_s"].values())) == found["lifecycles"]["signed"]
    assert found["settled_after_s"] is not None
    for row in ("lost", "doubled", "stuck", "all at rest", "memory of all parts", "seed 4"):
        assert row in told


def test_every_part_has_its_turn_and_the_seed_decides_the_order() -> None:
    one, same, other = (plan(60, random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert Counter(one) == dict.fromkeys(PARTS, 12)
    assert any(before == after for before, after in pairwise(one)), "one twice in a row"


async def test_a_database_that_dies_while_a_connection_is_given_back_is_away_and_no_surprise(
    api: httpx2.AsyncClient, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_: object, **__: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    monkeypatch.setattr(asyncpg.Connection, "reset", die)
    answer = await api.get("/api/v1/requests", headers=office.bearer)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["type"] == "/problems/not-reachable"


# -- the check itself finds what is wrong: each tampering has a lifecycle of its own


@dataclass(frozen=True)
class Chart:
    """A whole in which lifecycles were told that all ended well."""

    whole: Whole
    places: Places
    owner: "asyncpg.Connection[asyncpg.Record]"

    async def do(self, statement: str, one: Lifecycle) -> None:
        assert one.document
        await self.owner.execute(statement, UUID(one.document["id"]))

    async def signed_file(self, one: Lifecycle) -> Path:
        assert one.document
        sha256: str = await self.owner.fetchval(
            "select sha256 from version where document_id = $1 and signed_by_request is not null",
            UUID(one.document["id"]),
        )
        return store_of(self.whole.data).path(sha256)

    async def mail(self, one: Lifecycle) -> Path:
        assert one.document
        message = await self.owner.fetchval(
            "select m.id from message m join signature_request q on q.id = m.request_id where q.document_id = $1",
            UUID(one.document["id"]),
        )
        return next(file for file in self.places.mail.glob("*.eml") if f"/inbox/{message}" in file.read_text())


async def second_message(chart: Chart, one: Lifecycle) -> None:
    await chart.owner.execute("alter table message drop constraint if exists message_request_id_account_id_about_key")
    await chart.do(
        "insert into message (practice_id, account_id, request_id) select m.practice_id, account_id, request_id"
        " from message m join signature_request q on q.id = m.request_id where q.document_id = $1",
        one,
    )


async def second_ending(chart: Chart, one: Lifecycle) -> None:
    await chart.do(
        "insert into audit (practice_id, chart_id, actor, action, document_id, request_id, detail) select practice_id,"
        " chart_id, actor, action, document_id, request_id, detail from audit"
        " where document_id = $1 and action = 'signed'",
        one,
    )


async def second_entry_of_a_mail(chart: Chart, one: Lifecycle) -> None:
    await chart.do(
        "insert into audit (practice_id, chart_id, actor, action, document_id, request_id, detail) select practice_id,"
        " chart_id, actor, action, document_id, request_id, detail from audit"
        " where document_id = $1 and action = 'mailed'",
        one,
    )


async def another_mail(chart: Chart, one: Lifecycle) -> None:
    mail = await chart.mail(one)
    other = mail.read_text().replace("Message-ID: <", "Message-ID: <other-")
    mail.with_name("another.eml").write_text(other)


async def missing_mail(chart: Chart, one: Lifecycle) -> None:
    (await chart.mail(one)).unlink()


async def missing_file(chart: Chart, one: Lifecycle) -> None:
    (await chart.signed_file(one)).unlink()


async def changed_file(chart: Chart, one: Lifecycle) -> None:
    """Under the hash of what it is now, as somebody would who can write to both store and chart."""
    assert one.document
    original = one.document["sha256"]
    await chart.do(
        f"update version set sha256 = '{original}' where document_id = $1 and signed_by_request is not null", one
    )


async def missing_version(chart: Chart, one: Lifecycle) -> None:
    await chart.do("delete from version where document_id = $1 and signed_by_request is not null", one)


async def flipped_audit_entry(chart: Chart, one: Lifecycle) -> None:
    await chart.do("update audit set actor = 'service' where document_id = $1 and action = 'viewed'", one)


async def open_row(chart: Chart, one: Lifecycle) -> None:
    await chart.do("update signature_request set ended_at = null, state = 'sealing' where document_id = $1", one)


async def needs_attention(chart: Chart, one: Lifecycle) -> None:
    await chart.do("update signature_request set attention = 'It hurts.' where document_id = $1", one)


async def another_ending(chart: Chart, one: Lifecycle) -> None:
    await chart.do("update signature_request set state = 'recalled' where document_id = $1", one)


async def open_workflow(chart: Chart, one: Lifecycle) -> None:
    assert one.document
    engine = await Client.connect(chart.places.engine)
    await engine.start_workflow(WORKFLOW, id=workflow_id(DocumentId(one.document["id"])), task_queue="nobody-polls")


async def two_answers(_: Chart, one: Lifecycle) -> None:
    one.request_ids.add(str(uuid4()))


async def another_request(_: Chart, one: Lifecycle) -> None:
    one.request_ids.clear()
    one.request_ids.add(str(uuid4()))


TAMPERINGS: dict[Callable[[Chart, Lifecycle], Awaitable[None]], tuple[Kind, str]] = {
    second_message: (Kind.DOUBLED, "record requests in inboxes: 2 instead of 1"),
    second_ending: (Kind.DOUBLED, "entries of its ending: 2 instead of 1"),
    second_entry_of_a_mail: (Kind.DOUBLED, "several entries for one mail"),
    another_mail: (Kind.DOUBLED, "2 different mails for message"),
    two_answers: (Kind.DOUBLED, "answered with 2 requests"),
    missing_mail: (Kind.LOST, "is noted as sent and never came"),
    missing_file: (Kind.LOST, "its files answer 200 and 503"),
    changed_file: (Kind.LOST, "the signed file is not what was signed"),
    missing_version: (Kind.LOST, "signed versions: 0 instead of 1"),
    flipped_audit_entry: (Kind.LOST, "breaks its chain"),
    another_ending: (Kind.LOST, "was acknowledged and ended as recalled"),
    another_request: (Kind.LOST, "its request is another than was acknowledged"),
    open_row: (Kind.STUCK, "is sealing, open"),
    needs_attention: (Kind.STUCK, "is signed, It hurts."),
    open_workflow: (Kind.STUCK, "its workflow is running"),
}


@dataclass(frozen=True)
class Looks:
    """What was found in the same whole before and after the tamperings."""

    before: Inspection
    after: Inspection


@pytest.fixture(scope="module")
async def looks() -> AsyncIterator[Looks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patient, "THOUGHT", 0.0)
        async with running() as whole, faults.people(whole, 3) as everybody:
            lifecycles = [Lifecycle(SIGNED, random.Random(number)) for number in range(len(TAMPERINGS) + 1)]
            nobody = Killer(whole.data / "run.json", [], random.Random(0))
            await faults.tell(everybody, lifecycles, nobody)
            places = faults.places_of(whole, everybody.staff)
            assert await settle(places, 30)
            before = await inspect(places, lifecycles)
            owner = await asyncpg.connect(places.owner_dsn)
            chart = Chart(whole, places, owner)
            for one, tamper in zip(lifecycles, TAMPERINGS, strict=False):
                await tamper(chart, one)
            again = await chart.mail(lifecycles[-1])
            shutil.copy(again, again.with_name("again.eml"))
            await owner.close()
            await asyncio.sleep(1)  # until the engine lists the workflow
            yield Looks(before, await inspect(places, lifecycles))


def test_where_all_is_well_nothing_is_found(looks: Looks) -> None:
    assert looks.before == Inspection([], repeated_mails=0, verified=len(TAMPERINGS) + 1)


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.__name__)
def test_what_is_wrong_is_found(looks: Looks, tampering: Callable[[Chart, Lifecycle], Awaitable[None]]) -> None:
    kind, said = TAMPERINGS[tampering]
    assert any(finding.kind is kind and said in finding.what for finding in looks.after.findings)


def test_a_mail_that_comes_again_is_counted_and_no_failure(looks: Looks) -> None:
    assert looks.after.repeated_mails == 1
