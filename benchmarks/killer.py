"""`kill -9` for the parts of the whole, at moments and in an order that a seed decides.

The supervisor of `./sts up` gives everything up when a part dies more than five times within a minute, which is right:
such a part is broken. It stays as it is here; the killer counts deaths as the supervisor does, those included that
follow from another part's (a worker that starts while its engine stays away ends), and waits near the limit.
"""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.usage import usage

PARTS = ("worker", "api", "temporal", "postgres", "mail")

WITHIN = 62.0
"""Seconds for which a death counts: the supervisor's minute, and a bit."""
MOST_BEFORE_A_KILL = 2
"""Deaths of a part in that time after which it is left alone; five are allowed."""
MOST_OF_ANY = 4
"""Nobody is killed while one part has died this often: its next deaths may follow from somebody else's."""


class Ended(Exception):
    """`./sts up` has ended in the middle of the run."""


@dataclass(frozen=True)
class Kill:
    at: float
    part: str


@dataclass
class Killer:
    run_file: Path
    plan: list[str]
    """Whom to kill, in this order unless somebody's turn has to wait."""
    chance: random.Random
    kills: list[Kill] = field(default_factory=list)
    most_memory: int = 0
    """Bytes of all processes together, at the worst moment seen."""
    _deaths: dict[tuple[str, int], float] = field(default_factory=dict)
    _pids: dict[str, int] = field(default_factory=dict)

    @property
    def followed(self) -> Counter[str]:
        """Deaths that were nobody's kill."""
        return Counter(part for part, _ in self._deaths) - Counter(kill.part for kill in self.kills)

    async def kill_all(self) -> None:
        """Carry out the plan."""
        left = deque(self.plan)
        watching = asyncio.create_task(self._watch())
        try:
            while left:
                await self._nap(self._pause())
                while (part := self._next(left)) is None:
                    await self._nap(0.2)
                if self._kill(part):
                    left.remove(part)
        finally:
            watching.cancel()

    def _pause(self) -> float:
        """Two at once, one right after another, or with time to recover between them."""
        kind = self.chance.random()
        if kind < 0.2:
            return 0.0
        return self.chance.uniform(0.2, 1.5) if kind < 0.4 else self.chance.uniform(2, 7)

    async def _nap(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._look()

    def _next(self, left: deque[str]) -> str | None:
        """The first in the plan that runs and may die now."""
        since = time.monotonic() - WITHIN
        died = {part: sum(at > since for (of, _), at in self._deaths.items() if of == part) for part in PARTS}
        if max(died.values()) >= MOST_OF_ANY:
            return None
        return next((part for part in left if died[part] <= MOST_BEFORE_A_KILL and self._runs(part)), None)

    def _runs(self, part: str) -> bool:
        pid = self._pids.get(part)
        return pid is not None and (part, pid) not in self._deaths

    def _kill(self, part: str) -> bool:
        pid, now = self._pids[part], time.monotonic()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it has just died by itself, which will be seen
            return False
        self._deaths[part, pid] = now
        self.kills.append(Kill(now, part))
        return True

    async def _watch(self) -> None:
        while True:
            self._look()
            self.measure()
            await asyncio.sleep(0.5)

    def _look(self) -> None:
        """Who runs now; a part with a new number has died since the last look."""
        now = self.facts()
        for part, pid in self._pids.items():
            if now.get(part) != pid:
                self._deaths.setdefault((part, pid), time.monotonic())
        self._pids = {part: now[part] for part in PARTS if part in now}

    def measure(self) -> int:
        """Bytes that the whole takes now."""
        try:
            taken = usage(psutil.Process(self.facts()["sts"])).rss
        except psutil.NoSuchProcess:
            raise Ended from None
        self.most_memory = max(self.most_memory, taken)
        return taken

    def facts(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self.run_file.read_text())["pids"]
        except FileNotFoundError:
            raise Ended from None
        return found


def plan(kills: int, chance: random.Random) -> list[str]:
    """Every part about as often as every other, in any order: the same one twice in a row too."""
    drawn = list(_round_robin(kills, chance))
    chance.shuffle(drawn)
    return drawn


def _round_robin(kills: int, chance: random.Random) -> Iterator[str]:
    order = list(PARTS)
    chance.shuffle(order)
    for number in range(kills):
        yield order[number % len(order)]
