"""Kills parts at random while real lifecycles run, then looks from outside for what was lost, doubled or stuck.

The whole of `./sts up` runs on a folder of its own. People who try again (`benchmarks.patient`) tell lifecycles over
HTTP: upload, Share to Sign, review, and then about 70 % sign, 10 % decline, 10 % are recalled and 10 % replaced by a
new version. Meanwhile `kill -9` hits worker, API, Temporal server, Postgres and mail catcher in an order that the seed
decides, two at once and one right after another too (`benchmarks.killer`). When nobody does anything any more, the
run waits until nothing is in flight, and then every lifecycle is looked at (`benchmarks.inspection`).

Exit code 1 if anything was lost, doubled or stuck. Not failures: a mail that comes again with the same Message-ID after
a kill between its sending and its record (SPEC N3), and a document that nobody uses, of an upload without an answer.

**Sign → Signed** is from selecting Sign Document until the client sees it signed, however often the call has to be
repeated; a kill is nearby if it falls into that time or the three seconds before.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.inspection import Finding, Inspection, Kind, Places, inspect, settle
from benchmarks.killer import Ended, Kill, Killer, plan
from benchmarks.patient import MIX, Lifecycle, People
from benchmarks.real import Mails, register
from benchmarks.report import percentile
from benchmarks.whole import Whole, running
from local.postgres import OWNER, cluster

ANSWER_WITHIN = 20.0
"""Seconds; the API answers sooner, or not at all."""
SETTLES_WITHIN = 240.0
"""Seconds; a request that needs attention tries again by itself after one minute, then after two."""
AFTERMATH = 3.0
"""Seconds after a kill in which a signature still meets its consequences."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lifecycles", type=int, default=300, metavar="N")
    parser.add_argument("--kills", type=int, default=60, metavar="N", help="spread over the lifecycles")
    parser.add_argument("--in-flight", type=int, default=8, metavar="N", help="lifecycles at once, a client for each")
    parser.add_argument("--seed", type=int, metavar="N", help="of endings, pauses and kills; drawn if not given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures and findings there")


def run(words: argparse.Namespace) -> int:
    """Do it, print the table, write what was asked for."""
    seed = random.SystemRandom().randrange(1_000_000) if words.seed is None else words.seed
    try:
        report = asyncio.run(fault_run(words.lifecycles, words.kills, words.in_flight, seed))
    except* Ended:
        raise SystemExit(f"./sts up has ended in the middle of the run; it says why above (seed {seed}).") from None
    print(report.table())
    if words.json:
        words.json.parent.mkdir(parents=True, exist_ok=True)
        words.json.write_text(report.json())
    return 1 if report.inspection.findings else 0


@dataclass(frozen=True)
class Report:
    seed: int
    lifecycles: Sequence[Lifecycle]
    kills: Sequence[Kill]
    followed: Counter[str]
    """Parts that died because another one was away."""
    inspection: Inspection
    answers: Counter[str]
    """What people got instead of an answer."""
    surprises: Counter[str]
    """Errors that the API has answered with 500, by class and place."""
    seconds: float
    settled_after: float | None
    """Seconds from the last kill until nothing was in flight, lifecycles that were still to be told included.

    None: that never came.
    """
    memory_before: int
    most_memory: int
    """Bytes of all parts together: once ready, and at the worst moment."""

    def of(self, kind: Kind) -> list[Finding]:
        return [finding for finding in self.inspection.findings if finding.kind is kind]

    def sign_to_signed(self) -> dict[str, list[float]]:
        """Seconds, with and without a kill nearby."""
        found: dict[str, list[float]] = {"with a kill nearby": [], "without": []}
        for one in self.lifecycles:
            if one.sign_pressed is not None and one.signed_seen is not None:
                near = any(one.sign_pressed - AFTERMATH < kill.at < one.signed_seen for kill in self.kills)
                found["with a kill nearby" if near else "without"].append(one.signed_seen - one.sign_pressed)
        return found

    def table(self) -> str:
        at_once = sum(after.at - before.at < 0.1 for before, after in pairwise(self.kills))
        rows = [
            ("lifecycles", _counted(Counter(one.ending for one in self.lifecycles))),
            ("kill -9", f"{_counted(Counter(kill.part for kill in self.kills))}; {at_once} with another at once"),
            ("died because another did", _counted(self.followed) or "0"),
            *((kind, str(len(self.of(kind)))) for kind in Kind),
            ("signed files that verify", str(self.inspection.verified)),
            ("mails that came again", f"{self.inspection.repeated_mails} (same Message-ID)"),
            ("no answer, or 5xx", _counted(self.answers) or "0"),
            ("all at rest", f"{self.settled_after:.1f} s after the last kill" if self.settled_after else "never"),
            *self._waits(),
            ("memory of all parts", f"{_megabytes(self.memory_before)}, at most {_megabytes(self.most_memory)}"),
            ("time", f"{self.seconds:.0f} s (seed {self.seed})"),
        ]
        lines = [f"{what:<34}{value}" for what, value in rows]
        lines += [f"{'500':<34}{count} {error}" for error, count in self.surprises.items()]
        for finding in self.inspection.findings:
            lines += ["", f"{finding.kind.upper()} {finding.what}", *(f"  {line}" for line in finding.evidence)]
        return "\n".join(lines)

    def _waits(self) -> Iterator[tuple[str, str]]:
        for where, seconds in self.sign_to_signed().items():
            if seconds:
                half, most = (1000 * percentile(seconds, percent) for percent in (50, 95))
                yield f"Sign → Signed {where}", f"p50 {half:.0f} ms, p95 {most:.0f} ms ({len(seconds)})"

    def json(self) -> str:
        figures: dict[str, Any] = {
            "seed": self.seed,
            "lifecycles": Counter(one.ending for one in self.lifecycles),
            "kills": Counter(kill.part for kill in self.kills),
            "followed": self.followed,
            **{kind: [asdict(finding) for finding in self.of(kind)] for kind in Kind},
            "verified": self.inspection.verified,
            "repeated_mails": self.inspection.repeated_mails,
            "answers": self.answers,
            "surprises": self.surprises,
            "seconds": self.seconds,
            "settled_after_s": self.settled_after,
            "sign_to_signed_s": self.sign_to_signed(),
            "memory_before": self.memory_before,
            "most_memory": self.most_memory,
        }
        return json.dumps(figures, indent=1) + "\n"


async def fault_run(lifecycles: int, kills: int, in_flight: int, seed: int) -> Report:
    began = time.monotonic()
    say("Starting ./sts up …")
    async with running() as whole, people(whole, min(in_flight, lifecycles)) as everybody:
        killer = Killer(whole.data / "run.json", plan(kills, random.Random(seed)), random.Random(seed))  # noqa: S311
        before = killer.measure()
        say(f"{lifecycles} lifecycles, {kills} kills, seed {seed} …")
        told = await tell(everybody, made(lifecycles, seed), killer)
        say("Waiting until nothing is in flight …")
        last = max((kill.at for kill in killer.kills), default=time.monotonic())
        settled = await settle(places := places_of(whole, everybody.staff), SETTLES_WITHIN)
        rested = time.monotonic() - last
        return Report(
            seed=seed,
            lifecycles=told,
            kills=killer.kills,
            followed=killer.followed,
            inspection=await inspect(places, told),
            answers=everybody.answers,
            surprises=surprises(whole.data / "logs" / "api.log"),
            seconds=time.monotonic() - began,
            settled_after=rested if settled else None,
            memory_before=before,
            most_memory=killer.most_memory,
        )


def made(lifecycles: int, seed: int) -> list[Lifecycle]:
    """So many lifecycles, each with chances of its own: how fast others are does not change what it does."""
    endings = [MIX[number % len(MIX)] for number in range(lifecycles)]
    random.Random(seed).shuffle(endings)  # noqa: S311 – the same each time is what is wanted
    return [Lifecycle(ending, random.Random(f"{seed}/{number}")) for number, ending in enumerate(endings)]  # noqa: S311


async def tell(everybody: People, lifecycles: list[Lifecycle], killer: Killer) -> list[Lifecycle]:
    """Tell all lifecycles, each client's one after the other, spread over the kills; the last after the last kill."""
    kills = len(killer.plan)

    async def one_after_the_other(place: int) -> None:
        for number in range(place, len(lifecycles), len(everybody.clients)):
            # told out one kill after the other, so that neither is over before the other
            while len(killer.kills) < number * kills // len(lifecycles) - 1:  # noqa: ASYNC110 – nothing tells it
                await asyncio.sleep(0.1)
            await lifecycles[number].think()
            await everybody.live(lifecycles[number], everybody.clients[place])

    async with asyncio.TaskGroup() as all_of_them:
        all_of_them.create_task(killer.kill_all())
        for place in range(len(everybody.clients)):
            all_of_them.create_task(one_after_the_other(place))
    return lifecycles


@asynccontextmanager
async def people(whole: Whole, clients: int) -> AsyncIterator[People]:
    """Staff with the API key, and so many clients who are registered, signed in and have consented."""
    api = whole.addresses["api"] + "/api/v1"
    async with AsyncExitStack() as connections:

        async def connection(base_url: str) -> httpx2.AsyncClient:
            return await connections.enter_async_context(httpx2.AsyncClient(base_url=base_url, timeout=ANSWER_WITHIN))

        staff = await connection(api)
        staff.headers["authorization"] = f"Bearer {whole.api_key}"
        mails = Mails(whole.data / "mail")
        yield People(staff, [await register(staff, await connection(f"{api}/portal"), mails) for _ in range(clients)])


def surprises(log: Path) -> Counter[str]:
    """What the API has logged as unexpected; a log holds no texts of errors, since those may quote values."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{") and "unexpected error at" in line:
            error, *_ = json.loads(line)["error"]
            found[f"{error['class']} at {error['at'][-1] if error['at'] else '?'}"] += 1
    return found


def places_of(whole: Whole, staff: httpx2.AsyncClient) -> Places:
    return Places(
        owner_dsn=cluster(whole.data).dsn(OWNER),
        engine=whole.addresses["temporal"],
        staff=staff,
        mail=whole.data / "mail",
        trusted=(whole.data / "seal" / "certificate.pem").read_bytes(),
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
