"""The life of a request: real ones against a no-op workflow of the same shape, on the same server in the same run.

The whole of `./sts up` runs on a folder of its own. In each round both arms run, in an order that changes from round
to round: first N lifecycles under load (a bounded number at once), then N/2 one at a time. Machines drift, so
nothing here is worth more than its ratio to the control: ratios are taken round by round, and their median is said.
Under load all N are shared, then all N are signed, with a pause between that is not counted, as there is one at a
time. In life hours are there; a signal that overtakes the end of `notify` makes the engine repeat the workflow task
in which the stamp runs (`UnhandledCommand`), which is another story. How many tasks were repeated is in the table.

- **real**: Share to Sign over the API → delivered → the mail is in the catcher → review → the signature over the
  portal's API → stamped, sealed, filed. Each place has a client, so a chart, of its own. Registering
  clients and uploading notes (of one page) happens before and is not measured.
- **no-op**: `benchmarks.noop`, started and signalled by a client of the engine, worked on by a process of its own.

**Sign → Signed** is what the signer waits for: from sending `POST …/signature` to its answer 200 `signed`. That is
before the workflow has closed: the API answers when the chart says `Signed`, which a NOTIFY of the step `file` makes it
look at. So the control's time ends with a hint from its own step `file`, and begins when its signal is sent. Neither
asks for the workflow's result: that long poll would measure itself. The difference between the arms is the HTTP edge,
checking the session and the request, and the steps themselves.

**Lifecycles per second**: from the first start to the last mail, and from the first signature to the last signer's
answer. **CPU** counts from before the first start until no workflow is open, so what comes after the answer counts
too; each process with its children; in an arm, the worker is its own. What an idle process does meanwhile is in its
row (api, postgres and mail under no-op). The driver is this program: it makes the HTTP calls and takes cores from
those it measures, in the real arm more than in the other.

**Events and actions** are counted from the history of the last lifecycle told one at a time (`benchmarks.actions`).
"""

import argparse
import asyncio
import base64
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from benchmarks.actions import actions, event_names
from benchmarks.arm import PATIENCE, Arm, Told
from benchmarks.control import control
from benchmarks.real import real
from benchmarks.report import NOOP, PARTS, REAL, Figures, OneAtATime, Report, UnderLoad
from benchmarks.usage import Usages, own_cpu, usages
from benchmarks.whole import running
from gateways.temporal import data_converter, payload_keys

PAUSE = 0.2
"""Seconds between the last mail and the first signature."""

Half = TypeVar("Half")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lifecycles", type=int, default=48, metavar="N", help="under load, of each arm in each round")
    parser.add_argument("--in-flight", type=int, default=8, metavar="N", help="of them at once")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, and the plot beside it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot there (.svg, .png)")


def run(words: argparse.Namespace) -> None:
    """Measure, print the table, write what was asked for."""
    report = asyncio.run(measure(words.lifecycles, words.in_flight, words.rounds))
    print(report.table())
    if words.json:
        words.json.parent.mkdir(parents=True, exist_ok=True)
        words.json.write_text(report.json())
    if plot := words.plot or (words.json and words.json.with_suffix(".svg")):
        plot.parent.mkdir(parents=True, exist_ok=True)
        report.plot(plot)


async def measure(lifecycles: int, in_flight: int, rounds: int) -> Report:
    in_flight = min(in_flight, lifecycles)
    keys = "benchmark:" + base64.b64encode(os.urandom(32)).decode()
    async with AsyncExitStack() as parts:
        say("Starting ./sts up …")
        whole = await parts.enter_async_context(running())
        address = whole.addresses["temporal"]
        engine = await Client.connect(address, data_converter=data_converter(payload_keys(keys)))
        say(f"Registering {in_flight} clients …")
        arms: list[Arm] = [
            await parts.enter_async_context(real(whole, in_flight)),
            noop := await parts.enter_async_context(control(engine, address, keys)),
        ]
        pids = {name: whole.pids[name] for name in PARTS}
        bench = _Bench(engine, {REAL: pids, NOOP: {**pids, "worker": noop.pid}}, in_flight)
        for arm in arms:
            await bench.under_load(arm, in_flight)  # warm
        before = bench.memory()
        measured = []
        for number in range(rounds):
            say(f"Round {number + 1} of {rounds} …")
            order = arms if number % 2 == 0 else arms[::-1]
            loaded = {arm.name: await bench.under_load(arm, lifecycles) for arm in order}
            alone = {arm.name: await bench.one_at_a_time(arm, max(lifecycles // 2, 1)) for arm in order}
            measured.append({name: Figures(loaded[name], alone[name]) for name in (REAL, NOOP)})
        return Report(lifecycles, in_flight, measured, before, bench.memory())


@dataclass(frozen=True)
class _Bench:
    engine: Client
    pids: dict[str, dict[str, int]]
    """Of the processes that belong to each arm."""
    in_flight: int

    async def under_load(self, arm: Arm, count: int) -> UnderLoad:
        """`count` lifecycles, `in_flight` of them at any time."""
        places = [len(range(place, count, self.in_flight)) for place in range(self.in_flight)]
        await arm.prepare(places)
        used, driven = usages(self.pids[arm.name]), own_cpu()
        _, sharing = await _in_all_places(arm.share, places)
        await asyncio.sleep(PAUSE)
        told, signing = await _in_all_places(arm.sign, places)
        await self._settled(arm)
        cpu = {name: now.cpu - used[name].cpu for name, now in usages(self.pids[arm.name]).items()}
        return UnderLoad(
            per_second=count / (sharing + signing),
            cpu_ms={name: 1000 * spent / count for name, spent in cpu.items()},
            driver_cpu_ms=1000 * (own_cpu() - driven) / count,
            repeated_tasks=sum([await self._repeated_tasks(one) for one in told]),
            sign_to_signed_ms=[1000 * one.sign_to_signed for one in told],
            received=sum(not one.signed for one in told),
        )

    async def one_at_a_time(self, arm: Arm, count: int) -> OneAtATime:
        """`count` lifecycles, each begun when the one before has closed."""
        places = [len(range(place, count, self.in_flight)) for place in range(self.in_flight)]
        await arm.prepare(places)
        told = []
        for number in range(count):
            await arm.share(number % self.in_flight)
            await asyncio.sleep(PAUSE)
            told.append(await arm.sign(number % self.in_flight))
            await self._settled(arm)
        history = await self._history(told[-1])
        return OneAtATime(
            sign_to_signed_ms=[1000 * one.sign_to_signed for one in told],
            received=sum(not one.signed for one in told),
            events=event_names(history),
            actions=actions(history),
        )

    async def _history(self, told: Told) -> Sequence[HistoryEvent]:
        return (await self.engine.get_workflow_handle(told.workflow_id).fetch_history()).events

    async def _repeated_tasks(self, told: Told) -> int:
        names = event_names(await self._history(told))
        return names.count("workflow_task_failed") + names.count("workflow_task_timed_out")

    def memory(self) -> dict[str, Usages]:
        return {name: usages(pids) for name, pids in self.pids.items()}

    async def _settled(self, arm: Arm) -> None:
        """Wait until no workflow of the arm is open; both arms pay alike for the asking."""
        running_ones = f"WorkflowType = '{arm.workflow_type}' and ExecutionStatus = 'Running'"
        async with asyncio.timeout(PATIENCE):
            while (await self.engine.count_workflows(running_ones)).count:  # noqa: ASYNC110 – nothing tells it
                await asyncio.sleep(0.02)


async def _in_all_places(half: Callable[[int], Awaitable[Half]], places: list[int]) -> tuple[list[Half], float]:
    """Run `half` of `places[place]` lifecycles in each place; returns what it returned, and the seconds it all took."""

    async def one_after_the_other(place: int) -> list[Half]:
        return [await half(place) for _ in range(places[place])]

    began = time.perf_counter()
    done = await asyncio.gather(*(one_after_the_other(place) for place in range(len(places))))
    return [one for of_place in done for one in of_place], time.perf_counter() - began


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
