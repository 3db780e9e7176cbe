"""Starts parts in order, says by name which one died and starts it again, stops all in reverse order."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_COLOURS = (36, 35, 33, 34, 32, 96, 95)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A program that `./sts up` runs."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] | None = None
    """Whether it can be used; asked until it says yes. Without it a part is ready once it runs."""
    folder: Path | None = None
    quiet: bool = False
    """Whether what it says is for its log alone."""
    stop: signal.Signals = signal.SIGTERM
    stops_within: float = 10.0
    """Seconds from the stop signal to the kill."""


@dataclass(frozen=True)
class _Running:
    process: asyncio.subprocess.Process
    output: asyncio.Task[None]


class PartFailed(Exception):
    """A part cannot be had; its text names the part and its log, for whoever ran the command."""


class Supervisor:
    """Use as a context manager; leaving it stops every part, the last started first.

    `run` is for a part that does its work and ends, `keep` for one that stays (`begin` and `ready` where
    something can be done meanwhile); `watch` waits for as long as all goes well. Once a kept part has died
    too often, whatever is awaited inside is cancelled and leaving raises `PartFailed`.
    """

    ready_within = 60.0
    deaths_allowed = 5
    deaths_forgotten_after = 60.0

    def __init__(self, logs: Path, *, changed: Callable[[dict[str, int]], None] = lambda _pids: None) -> None:
        self._logs = logs
        self._changed = changed
        self._kept: list[tuple[Part, asyncio.Task[None]]] = []
        self._running: dict[str, _Running] = {}
        self._failure: PartFailed | None = None
        self._story: asyncio.Task[object] | None = None

    async def __aenter__(self) -> "Supervisor":
        self._logs.mkdir(parents=True, exist_ok=True)
        self._story = asyncio.current_task()
        return self

    async def __aexit__(self, *_: object) -> None:
        story, self._story = self._story, None
        if story and self._failure:
            story.uncancel()  # it was we who cancelled
        self.say("Stopping.")
        for part, keeper in reversed(self._kept):
            keeper.cancel()  # first, so that the end asked for is not taken for a death
            await asyncio.wait([keeper])
            await self._end(part)
        if self._failure:
            raise self._failure

    async def run(self, part: Part) -> None:
        """Run `part` to its end; raises `PartFailed` unless that is a good one."""
        process = await self._start(part)
        try:
            code = await process.wait()
        finally:
            await self._end(part)
        if code != 0:
            raise PartFailed(f"{part.name} failed ({_ending(code)}). {self._see(part)}")

    def begin(self, part: Part) -> None:
        """Start `part` and keep it alive from now on, without waiting for it."""
        self._kept.append((part, asyncio.create_task(self._keep_alive(part))))

    async def ready(self, part: Part) -> None:
        """Wait until `part`, which was begun, can be used."""
        deadline = time.monotonic() + self.ready_within
        while part.name not in self._running or (part.ready and not await part.ready()):
            if time.monotonic() > deadline:
                raise PartFailed(f"{part.name} was not ready within {self.ready_within:.0f} s. {self._see(part)}")
            await asyncio.sleep(0.05)
        self.say(f"{part.name} is ready.")

    async def keep(self, part: Part) -> None:
        """Start `part`, keep it alive from now on, return once it is ready."""
        self.begin(part)
        await self.ready(part)

    async def watch(self) -> None:
        """Wait until cancelled, from outside or because a part was given up."""
        await asyncio.get_running_loop().create_future()

    async def _keep_alive(self, part: Part) -> None:
        deaths: deque[float] = deque()
        while True:
            try:
                process = await self._start(part)
            except OSError as error:
                self._give_up(f"{part.name} cannot be started: {error}")
                return
            self._changed({name: running.process.pid for name, running in self._running.items()})
            code = await process.wait()
            await self._end(part)
            deaths.append(time.monotonic())
            while deaths[0] < deaths[-1] - self.deaths_forgotten_after:
                deaths.popleft()
            if len(deaths) > self.deaths_allowed:
                often = f"{len(deaths)} times within {self.deaths_forgotten_after:.0f} s"
                self._give_up(f"{part.name} died {often}, the last time with {_ending(code)}. {self._see(part)}")
                return
            pause = 0.1 * 2 ** len(deaths)
            self.say(f"{part.name} died ({_ending(code)}). It is started again in {pause:.1f} s.")
            await asyncio.sleep(pause)

    def _give_up(self, why: str) -> None:
        self._failure = PartFailed(why)
        if self._story:
            self._story.cancel()

    async def _start(self, part: Part) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *part.command,
            env=part.environment,
            cwd=part.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Each part leads a group of its own: Ctrl-C reaches the supervisor alone, which keeps the order,
            # and what a part has started can be ended with it.
            process_group=0,
            preexec_fn=partial(_die_with, os.getpid()),
        )
        assert process.stdout
        self._running[part.name] = _Running(process, asyncio.create_task(self._relay(part, process.stdout)))
        return process

    async def _end(self, part: Part) -> None:
        """Stop `part` if it runs, and whatever it has left behind."""
        running = self._running.pop(part.name, None)
        if running is None:
            return
        process = running.process
        if process.returncode is None:
            process.send_signal(part.stop)
            try:
                await asyncio.wait_for(process.wait(), part.stops_within)
            except TimeoutError:
                self.say(f"{part.name} did not stop within {part.stops_within:.0f} s and is killed.")
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.wait([running.output], timeout=1)

    async def _relay(self, part: Part, output: asyncio.StreamReader) -> None:
        """Copy what a part says to its log and, unless it is quiet or all are stopping, to the terminal."""
        with self._log(part).open("ab") as log:
            unfinished = b""
            while chunk := await output.read(65536):
                log.write(chunk)
                log.flush()
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                for line in lines:
                    if not part.quiet and self._story:
                        self.say(line.decode(errors="replace"), of=part.name)

    def say(self, line: str, *, of: str = "sts") -> None:
        """Print a line with the name of the part it comes from before it."""
        name = f"{of:<9}│"
        if sys.stdout.isatty():
            name = f"\x1b[{_COLOURS[sum(of.encode()) % len(_COLOURS)]}m{name}\x1b[0m"
        self.tell(f"{name} {line}")

    def tell(self, text: str) -> None:
        """Print `text`; a terminal that went away must not end what it watched."""
        with suppress(OSError):
            print(text, flush=True)

    def _log(self, part: Part) -> Path:
        return self._logs / f"{part.name}.log"

    def _see(self, part: Part) -> str:
        return f"Its log: {self._log(part)}"


def _die_with(parent: int) -> None:
    """In the child before it becomes the part: be killed when the supervisor is, even by kill -9 (Linux only)."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed just before
            os._exit(1)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
