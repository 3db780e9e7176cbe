"""What happens to parts: they start in order, are started again, are given up, and never outlive the whole."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.__main__ import explained
from local.supervisor import Part, PartFailed, Supervisor
from tests.whole import alive

CLONE = Path(__file__).parent.parent.parent
STAYS = "import time; time.sleep(60)"


def part(name: str, program: str, *, stops_within: float = 5.0) -> Part:
    return Part(name=name, command=[sys.executable, "-c", program], environment=os.environ, stops_within=stops_within)


def noted(name: str, diary: Path) -> Part:
    """A part that writes into `diary` when it starts and when it is told to stop."""
    program = f"""
import signal, sys, time
def note(what): open({str(diary)!r}, "a").write(what + "\\n")
signal.signal(signal.SIGTERM, lambda *_: (note("{name} stops"), sys.exit()))
note("{name} runs")
time.sleep(60)
"""

    async def ready() -> bool:
        return f"{name} runs" in read(diary)

    return Part(name=name, command=[sys.executable, "-c", program], environment=os.environ, ready=ready)


async def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:  # noqa: ASYNC110 – other processes make it true
        await asyncio.sleep(0.02)
    return true()


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def test_parts_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    async with Supervisor(tmp_path) as parts:
        for name in ("first", "second", "third"):
            await parts.keep(noted(name, diary))
    runs = ["first runs", "second runs", "third runs"]
    assert diary.read_text().splitlines() == [*runs, "third stops", "second stops", "first stops"]


async def test_what_a_part_says_carries_its_name_and_goes_to_its_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Supervisor(tmp_path) as parts:
        await parts.run(part("talker", "print('good day'); print('x' * 200_000)"))
    assert "talker   │ good day\n" in capsys.readouterr().out
    assert (tmp_path / "talker.log").read_text() == "good day\n" + "x" * 200_000 + "\n"


async def test_a_quiet_part_speaks_to_its_log_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Part(name="quiet", command=[sys.executable, "-c", "print('hush')"], environment=os.environ, quiet=True)
    async with Supervisor(tmp_path) as parts:
        await parts.run(quiet)
    assert "hush" not in capsys.readouterr().out
    assert (tmp_path / "quiet.log").read_text() == "hush\n"


async def test_a_part_that_dies_is_said_by_name_and_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    async with Supervisor(tmp_path, changed=lambda pids: seen.append(pids["mortal"])) as parts:
        await parts.keep(part("mortal", STAYS))
        os.kill(seen[0], signal.SIGKILL)
        assert await until(lambda: len(seen) > 1)
        assert alive(seen[1])
    assert "mortal died (signal SIGKILL)" in capsys.readouterr().out


async def test_a_part_that_dies_too_often_ends_the_whole(tmp_path: Path) -> None:
    seen: list[dict[str, int]] = []

    async def story() -> None:
        async with Supervisor(tmp_path, changed=seen.append) as parts:
            parts.deaths_allowed = 2
            await parts.keep(part("steady", STAYS))
            await parts.keep(part("hopeless", "raise SystemExit(7)"))
            await parts.watch()

    with pytest.raises(PartFailed, match=r"hopeless died 3 times .* exit code 7.* Its log: .*hopeless\.log"):
        await story()
    assert await until(lambda: not alive(seen[0]["steady"]))


async def test_a_part_that_is_not_there_ends_the_whole(tmp_path: Path) -> None:
    async def story() -> None:
        async with Supervisor(tmp_path) as parts:
            await parts.keep(Part(name="missing", command=["/nowhere/at-all"], environment={}))

    with pytest.raises(PartFailed, match=r"missing cannot be started: .*/nowhere/at-all"):
        await story()


async def test_deaths_long_ago_do_not_count(tmp_path: Path) -> None:
    seen: list[int] = []
    async with Supervisor(tmp_path, changed=lambda pids: seen.append(pids["mortal"])) as parts:
        parts.deaths_allowed, parts.deaths_forgotten_after = 1, 0.0
        parts.begin(part("mortal", "pass"))
        assert await until(lambda: len(seen) > 3)


async def test_a_part_that_fails_at_its_only_task_ends_the_whole(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as parts:
        with pytest.raises(PartFailed, match=r"migrate failed \(exit code 3\)"):
            await parts.run(part("migrate", "raise SystemExit(3)"))


async def test_a_part_that_never_gets_ready_ends_the_whole(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    slow = Part(name="slow", command=[sys.executable, "-c", STAYS], environment=os.environ, ready=never)
    async with Supervisor(tmp_path) as parts:
        parts.ready_within = 0.2
        with pytest.raises(PartFailed, match="slow was not ready within"):
            await parts.keep(slow)


async def test_a_part_that_does_not_stop_is_killed_with_what_it_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pids = tmp_path / "pids"
    stubborn = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", {STAYS!r}])
open({str(pids)!r}, "w").write(str(child.pid))
print("up", flush=True)
time.sleep(60)
"""
    async with Supervisor(tmp_path) as parts:
        await parts.keep(part("stubborn", stubborn, stops_within=0.2))
        assert await until(lambda: read(pids) != "")
    assert await until(lambda: not alive(int(read(pids))))
    assert "stubborn did not stop within 0 s and is killed" in capsys.readouterr().out


async def test_kill_9_of_the_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = f"""
import asyncio, os, sys
from pathlib import Path
from local.supervisor import Part, Supervisor
async def main():
    async with Supervisor(Path({str(tmp_path)!r})) as parts:
        for name in "ab":
            await parts.keep(Part(name=name, command=[sys.executable, "-c", {STAYS!r}], environment=os.environ))
        Path({str(pids)!r}).write_text(" ".join(str(running.process.pid) for running in parts._running.values()))
        await parts.watch()
asyncio.run(main())
"""
    whole = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=CLONE)
    assert await until(lambda: len(read(pids).split()) > 1)
    of_parts = [int(word) for word in read(pids).split()]
    assert all(alive(pid) for pid in of_parts)
    whole.kill()
    await whole.wait()
    assert await until(lambda: not any(alive(pid) for pid in of_parts))


def test_a_failure_is_one_sentence_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        raise PartFailed("api died 6 times.")

    assert explained(story()) == 1
    assert capsys.readouterr().err == "sts up: api died 6 times.\n"


def test_being_told_to_stop_is_exit_code_0() -> None:
    async def story() -> None:
        raise asyncio.CancelledError

    assert explained(story()) == 0
