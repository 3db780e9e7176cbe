"""Kills parts at random while real lifecycles run, and then looks whether anything was lost, doubled or stuck.

`./sts faults --lifecycles 300 --kills 60`: the whole product in a folder of its own, driven over HTTP as people do who
try again when something does not answer. `kill -9` hits worker, API, Temporal server, Postgres and mail catcher, one
or two at once. The supervisor gives a part up that dies more than five times in a minute, as it should; so no part is
killed oftener than four times in one. What is left in the end is looked at from outside: SQL as the owner, the engine,
the files.

Not failures: a mail that comes twice with the same Message-ID after a kill between its sending and its record (SPEC
N3), and a version that nobody asks to sign, from an upload whose answer was lost.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
from temporalio.client import Client

import pdf
from benchmarks import whole as product
from benchmarks.real import DRAWING, PASSWORD, Mails, Person, note, register
from benchmarks.whole import Whole
from local.postgres import OWNER, cluster

PARTS = ("worker", "api", "temporal", "postgres", "mail")
MOST_IN_A_MINUTE = 4
SECONDS_A_KILL = 2.5
"""On average; the lifecycles are spread over the same time."""
PATIENCE = 120.0
"""Seconds that a person of ours keeps trying."""
SETTLES_WITHIN = 240.0
"""Seconds; a request that needs attention tries again by itself after one minute, two, …"""
NEAR = 5.0
"""Seconds around a kill in which a signature counts as made under it."""

ENDINGS = {"signed": 70, "declined": 10, "recalled": 10, "replaced": 10}
"""The mix, in percent."""

AUDITED = {
    "signed": "signed",
    "declined": "declined",
    "recalled": "recalled",
    "replaced": "replaced by a new version",
}


@dataclass
class Lifecycle:
    """One document from its upload to its ending, and what was acknowledged on the way."""

    ending: str
    document_id: str = ""
    sha256: str = ""
    request_id: str | None = None
    signed_at: float | None = None
    """When the signature was acknowledged, by this process's clock."""
    took: float | None = None
    """Seconds from Sign Document to Signed, where it was one answer."""


@dataclass
class Run:
    """What a fault run has to tell."""

    lifecycles: list[Lifecycle] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    repeated_mails: int = 0
    settled_after: float = 0.0
    """Seconds from the last kill until everything had ended."""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck)


class Later(Exception):
    """Not now; a person tries again."""


async def patiently(call: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
    """As somebody who tries again when nothing or a 5xx comes back."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            answer = await call()
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer
            said = f"{answer.status_code} {answer.text[:200]}"
        except httpx2.HTTPError as error:
            said = type(error).__name__
        if time.monotonic() > until:
            raise Later(said)
        await asyncio.sleep(0.3)


@dataclass(frozen=True)
class Practice:
    """Staff and clients over HTTP."""

    staff: httpx2.AsyncClient
    people: list[Person]

    async def live(self, one: Lifecycle, person: Person) -> None:
        """One lifecycle, from the upload to the acknowledged ending."""
        filed = await patiently(lambda: self._upload(person, f"/clients/{person.client_id}/documents", NOTE))
        _expect(filed, HTTPStatus.CREATED)
        one.document_id, one.sha256 = filed.json()["id"], filed.json()["sha256"]
        asked = await patiently(lambda: self.staff.post(f"/documents/{one.document_id}/share-to-sign"))
        _expect(asked, HTTPStatus.ACCEPTED)
        one.request_id = asked.json()["request_id"]
        await getattr(self, one.ending)(one, person)

    async def _upload(self, person: Person, path: str, words: dict[str, str]) -> httpx2.Response:
        return await self.staff.post(path, files={"file": ("note.pdf", note(), "application/pdf")}, data=words)

    async def signed(self, one: Lifecycle, person: Person) -> None:
        path = f"/documents/{one.document_id}"
        body = {"sha256": one.sha256, "drawing": DRAWING, "intends": True}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            review = await patiently(lambda: person.portal.get(path))
            if review.status_code == HTTPStatus.NOT_FOUND:  # not delivered yet
                await asyncio.sleep(0.2)
                continue
            _expect(review, HTTPStatus.OK)
            if review.json()["document"]["tag"] == "Signed":
                one.signed_at = one.signed_at or time.monotonic()
                return
            began = time.monotonic()
            answer = await patiently(lambda: person.portal.post(f"{path}/signature", json=body))
            if answer.is_success:
                one.signed_at = time.monotonic()
                one.took = one.signed_at - began if answer.json()["outcome"] == "signed" else None
                return
            if answer.status_code == HTTPStatus.FORBIDDEN:
                await self._fresh(person)
            await asyncio.sleep(0.2)
        raise Later("not signed")

    async def _fresh(self, person: Person) -> None:
        await patiently(lambda: person.portal.post("/session/authentication", json={"password": PASSWORD}))

    async def declined(self, one: Lifecycle, person: Person) -> None:
        body = {"reason": "Not mine."}
        await self._until_ended(one, lambda: person.portal.post(f"/documents/{one.document_id}/decline", json=body))

    async def recalled(self, one: Lifecycle, _person: Person) -> None:
        body = {"reason": "By mistake."}
        await self._until_ended(one, lambda: self.staff.post(f"/requests/{one.request_id}/recall", json=body))

    async def replaced(self, one: Lifecycle, person: Person) -> None:
        path, words = f"/documents/{one.document_id}/versions", {"reason": "Corrected."}
        await self._until_ended(one, lambda: self._upload(person, path, words))

    async def _until_ended(self, one: Lifecycle, call: Callable[[], Awaitable[httpx2.Response]]) -> None:
        """A 409 or 404 says that it is not delivered yet, or has happened already: the request says which."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = await patiently(lambda: self.staff.get(f"/requests/{one.request_id}"))
            if found.is_success and found.json()["state"] == one.ending:
                return
            if found.is_success:
                await patiently(call)
            await asyncio.sleep(0.2)
        raise Later(f"not {one.ending}")


NOTE = {"kind": "clinical_note", "note_name": "Progress Note"}


def _expect(answer: httpx2.Response, status: HTTPStatus) -> None:
    if answer.status_code != status:
        raise Later(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:200]}")


async def _kill(whole: Whole, run: Run, chance: random.Random, kills: int) -> None:
    """Spread over the run; now and then two at once, or one part twice in quick succession."""
    lately: defaultdict[str, deque[float]] = defaultdict(deque)
    while len(run.kills) < kills:
        await asyncio.sleep(chance.expovariate(1 / SECONDS_A_KILL))
        for _ in range(min(chance.choice((1, 1, 1, 2)), kills - len(run.kills))):
            now = time.monotonic()
            for times in lately.values():
                while times and times[0] < now - 61:
                    times.popleft()
            part = chance.choice([part for part in PARTS if len(lately[part]) < MOST_IN_A_MINUTE] or [""])
            if part and _killed(whole, part):
                lately[part].append(now)
                run.kills.append((now, part))


def _killed(whole: Whole, part: str) -> bool:
    pid = json.loads((whole.data / "run.json").read_text())["pids"].get(part)
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, TypeError):  # it is being started again
        return False
    return True


async def _drive(practice: Practice, run: Run, chance: random.Random, asked: argparse.Namespace) -> None:
    spread = asked.kills * SECONDS_A_KILL
    at_once = asyncio.Semaphore(asked.in_flight)
    endings = chance.choices(list(ENDINGS), list(ENDINGS.values()), k=asked.lifecycles)

    async def live(number: int, one: Lifecycle) -> None:
        await asyncio.sleep(spread * number / asked.lifecycles)
        async with at_once:
            try:
                await practice.live(one, practice.people[number % len(practice.people)])
            except Later as why:
                run.stuck.append(f"{one.ending} of {one.document_id or 'a document'} was not to be had: {why}")

    async with asyncio.TaskGroup() as all_of_them:
        for number, ending in enumerate(endings):
            one = Lifecycle(ending)
            run.lifecycles.append(one)
            all_of_them.create_task(live(number, one))


async def _settle(whole: Whole, run: Run) -> None:
    """Wait until nothing is in flight any more."""
    began = time.monotonic()
    open_ones = -1
    while time.monotonic() - began < SETTLES_WITHIN:
        try:
            engine = await Client.connect(whole.addresses["temporal"])
            open_ones = (await engine.count_workflows('ExecutionStatus = "Running"')).count
        except RuntimeError:  # the engine is on its way back
            open_ones = -1
        if open_ones == 0:
            break
        await asyncio.sleep(0.5)
    else:
        run.stuck.append(f"{open_ones} workflows are still open")
    last = run.kills[-1][0] if run.kills else began
    run.settled_after = time.monotonic() - last


async def look(owner: str, data: Path, trusted: bytes, run: Run) -> None:
    """Whether anything was lost or doubled, or is stuck: what the chart and the store hold for each lifecycle."""
    connection = await asyncpg.connect(owner)
    try:
        for one in run.lifecycles:
            if one.request_id:
                await _look_at(connection, data, trusted, one, run)
        broken = await connection.fetchval(BROKEN_CHAINS)
        if broken:
            run.lost.append(f"{broken} audit entries do not fit their chain")
    finally:
        await connection.close()
    mails = [path.read_text(errors="replace") for path in (data / "mail").glob("*.eml")]
    ids = Counter(line for mail in mails for line in mail.splitlines() if line.lower().startswith("message-id:"))
    run.repeated_mails = sum(ids.values()) - len(ids)


async def _look_at(
    connection: "asyncpg.Connection[asyncpg.Record]", data: Path, trusted: bytes, one: Lifecycle, run: Run
) -> None:
    name = f"{one.ending} of {one.document_id}"
    requests = await connection.fetch(REQUESTS, UUID(one.document_id))
    if [str(row["id"]) for row in requests] != [one.request_id]:
        (run.doubled if len(requests) > 1 else run.lost).append(f"{name}: {len(requests)} requests")
        return
    (row,) = requests
    if row["ended_at"] is None or row["attention"]:
        run.stuck.append(f"{name}: {row['state']}, {row['attention']}")
    elif row["state"] != one.ending:
        run.lost.append(f"{name}: ended as {row['state']}")
    for what, count in (
        ("messages", row["messages"]),
        ("audit entries of the ending", row["actions"].count(AUDITED[one.ending])),
        ("audit entries of the request", row["actions"].count("asked to sign")),
    ):
        if count != 1:
            (run.doubled if count > 1 else run.lost).append(f"{name}: {count} {what}")
    if row["mailed_twice"]:
        run.doubled.append(f"{name}: a mail is recorded {row['mailed_twice']} times")
    copies = list(row["signed"] or ())
    if len(copies) != (one.ending == "signed"):
        (run.doubled if len(copies) > 1 else run.lost).append(f"{name}: {len(copies)} signed versions")
    for sha256 in copies:
        _look_into(data, trusted, sha256, one.sha256, name, run)


def _look_into(data: Path, trusted: bytes, signed: str, original: str, name: str, run: Run) -> None:
    try:
        content, before = ((data / "documents" / one[:2] / one).read_bytes() for one in (signed, original))
    except FileNotFoundError:
        run.lost.append(f"{name}: a stored file is missing")
        return
    if not content.startswith(before) or not pdf.verify(content, trusted).valid:
        run.lost.append(f"{name}: the signed file is not what was signed")


REQUESTS = """
select q.id, q.state, q.attention, q.ended_at,
    (select count(*) from message m where m.request_id = q.id and m.about = 'record_request') as messages,
    (select array_agg(a.action) from audit a where a.request_id = q.id) as actions,
    (
        select max(times) from (
            select count(*) as times from audit a where a.request_id = q.id and a.action = 'mailed'
            group by a.detail->>'to', a.detail->>'about', a.detail->>'occasion' having count(*) > 1
        ) twice
    ) as mailed_twice,
    (select array_agg(v.sha256) from version v where v.document_id = q.document_id and v.signed_by_request is not null)
        as signed
from signature_request q where q.document_id = $1
"""

BROKEN_CHAINS = """
select count(*) from (
    select hash <> audit_hash(a) or previous <> coalesce(lag(hash) over chain, '\\x'::bytea)
        or number <> coalesce(lag(number) over chain, 0) + 1 as broken
    from audit a window chain as (partition by chart_id order by number)
) entries where broken
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lifecycles", type=int, default=300)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--in-flight", type=int, default=8, help="lifecycles at once")
    parser.add_argument("--people", type=int, default=6, help="clients; each has many documents")
    parser.add_argument("--seed", type=int, default=None, help="of the kills and the endings; drawn if absent")
    parser.add_argument("--json", type=Path, default=None, help="write the figures there")


def run(asked: argparse.Namespace) -> int:
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    done = asyncio.run(_run(asked, random.Random(seed)))  # noqa: S311 - of a test
    print(table(done, seed))
    if asked.json:
        asked.json.write_text(json.dumps(figures(done, seed), indent=1) + "\n")
    return 0 if done.good else 1


async def _run(asked: argparse.Namespace, chance: random.Random) -> Run:
    began, done = time.monotonic(), Run()
    async with product.running() as whole, AsyncExitStack() as open_clients:

        async def connection(base_url: str) -> httpx2.AsyncClient:
            return await open_clients.enter_async_context(httpx2.AsyncClient(base_url=base_url, timeout=20))

        api = whole.addresses["api"] + "/api/v1"
        staff = await connection(api)
        staff.headers["authorization"] = f"Bearer {whole.api_key}"
        mails = Mails(whole.data / "mail")
        people = [await register(staff, await connection(f"{api}/portal"), mails) for _ in range(asked.people)]
        killing = asyncio.create_task(_kill(whole, done, chance, asked.kills))
        await _drive(Practice(staff, people), done, chance, asked)
        await killing
        await _settle(whole, done)
        trusted = (whole.data / "seal" / "certificate.pem").read_bytes()
        await look(cluster(whole.data).dsn(OWNER), whole.data, trusted, done)
    done.seconds = time.monotonic() - began
    return done


def figures(done: Run, seed: int) -> dict[str, Any]:
    near, far = _by_kills(done)
    return {
        "seed": seed,
        "lifecycles": dict(Counter(one.ending for one in done.lifecycles)),
        "kills": dict(Counter(part for _, part in done.kills)),
        "lost": done.lost,
        "doubled": done.doubled,
        "stuck": done.stuck,
        "repeated_mails": done.repeated_mails,
        "settled_after_seconds": round(done.settled_after, 1),
        "sign_to_signed_ms": {"near a kill": _percentiles(near), "else": _percentiles(far)},
        "seconds": round(done.seconds),
    }


def _by_kills(done: Run) -> tuple[list[float], list[float]]:
    near: list[float] = []
    far: list[float] = []
    for one in done.lifecycles:
        if one.took is not None and one.signed_at is not None:
            at = one.signed_at
            (near if any(abs(at - killed) < NEAR for killed, _ in done.kills) else far).append(one.took)
    return near, far


def _percentiles(seconds: list[float]) -> dict[str, float] | None:
    if len(seconds) < 2:
        return None
    cuts = quantiles(seconds, n=20, method="inclusive")
    return {"n": len(seconds), "p50": round(cuts[9] * 1000), "p95": round(cuts[18] * 1000)}


def table(done: Run, seed: int) -> str:
    told = figures(done, seed)
    lines = [
        f"seed {seed}, {told['seconds']} s",
        "lifecycles          " + ", ".join(f"{count} {name}" for name, count in told["lifecycles"].items()),
        "kills               " + ", ".join(f"{count} {name}" for name, count in told["kills"].items()),
        f"lost                {len(done.lost)}",
        f"doubled             {len(done.doubled)}",
        f"stuck               {len(done.stuck)}",
        f"mails repeated      {done.repeated_mails} (same Message-ID)",
        f"all ended           {told['settled_after_seconds']} s after the last kill",
    ]
    for where, timed in told["sign_to_signed_ms"].items():
        if timed:
            lines.append(f"sign → Signed, {where}: p50 {timed['p50']} ms, p95 {timed['p95']} ms ({timed['n']})")
    lines += [f"  LOST {one}" for one in done.lost]
    lines += [f"  DOUBLED {one}" for one in done.doubled]
    lines += [f"  STUCK {one}" for one in done.stuck]
    return "\n".join(lines)


if __name__ == "__main__":
    words = argparse.ArgumentParser(prog="./sts faults", description=__doc__)
    options(words)
    raise SystemExit(run(words.parse_args()))
