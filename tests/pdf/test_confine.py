"""Confined processes: limited, without secrets, and gone when nobody waits for them any more."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pdf import confine
from pdf.confine import Facts, Failed, GaveUp, Limits, confined

ENOUGH = Limits(cpu_seconds=5, wall_seconds=10.0, memory=2**30)


def echo(value: int) -> tuple[Facts, bytes]:
    return {"value": value}, bytes(value)


def spin() -> tuple[Facts, bytes]:
    while True:
        pass


def sleep() -> tuple[Facts, bytes]:
    time.sleep(600)
    return {}, b""


def eat() -> tuple[Facts, bytes]:
    hoard = []
    while True:
        hoard.append(bytearray(50_000_000))


def crash() -> tuple[Facts, bytes]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}, b""


def fail() -> tuple[Facts, bytes]:
    raise LookupError("words of a document")


def look_around() -> tuple[Facts, bytes]:
    return {"environment": sorted(os.environ), "files": len(os.listdir("/proc/self/fd"))}, b""


def write_a_file(path: str) -> tuple[Facts, bytes]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        Path(path).write_bytes(b"x" * 100_000)
    except OSError:
        return {"written": False}, b""
    return {"written": True}, b""


def answer_without_end(said: bytes) -> tuple[Facts, bytes]:
    """As one that was taken over: it speaks on the connection itself, and its alarm clock is stopped."""
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    for descriptor in range(3, 20):
        with contextlib.suppress(OSError):
            os.write(descriptor, said)
    time.sleep(600)
    return {}, b""


def test_an_answer_comes_back() -> None:
    assert confined(echo, 3, limits=ENOUGH) == ({"value": 3}, b"\0\0\0")


@pytest.mark.parametrize("function", [spin, sleep, eat, crash])
def test_over_a_limit_or_crashed_there_is_no_answer(function: object) -> None:
    with pytest.raises(GaveUp):
        confined(function, limits=Limits(cpu_seconds=1, wall_seconds=2.0, memory=2**29))  # type: ignore[arg-type]


@pytest.mark.parametrize("said", [b"\0\0\0\x10{", b"\xff\xff\xff\xff\0\1" + bytes(6), b"\0\0\0\2{}\0"])
def test_an_answer_that_does_not_end_or_is_larger_than_can_be_is_none(said: bytes) -> None:
    with pytest.raises(GaveUp):
        confined(answer_without_end, said, limits=Limits(cpu_seconds=1, wall_seconds=0.5, memory=2**29))


def test_what_a_parser_raises_is_named_without_its_words() -> None:
    with pytest.raises(Failed) as failed:
        confined(fail, limits=ENOUGH)
    assert "LookupError" in str(failed.value)
    assert "words" not in str(failed.value)


def test_our_secrets_and_files_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_A_TEST", "x")
    confine._server.end()
    facts, _ = confined(look_around, limits=ENOUGH)
    assert "SECRET_OF_A_TEST" not in facts["environment"]
    assert facts["files"] < 8


def test_no_file_can_be_written(tmp_path: Path) -> None:
    assert confined(write_a_file, str(tmp_path / "x"), limits=ENOUGH)[0] == {"written": False}


def test_a_server_that_was_killed_is_replaced() -> None:
    confined(echo, 1, limits=ENOUGH)
    process = confine._server._process
    assert process
    os.kill(process.pid, signal.SIGKILL)
    assert confined(echo, 1, limits=ENOUGH)[0] == {"value": 1}


CALLER = """
import contextlib, sys, threading, time
from pdf import confine
from tests.pdf.test_confine import sleep
limits = confine.Limits(cpu_seconds=60, wall_seconds=60.0, memory=2**30)
def ask():
    with contextlib.suppress(Exception):  # the answer does not come any more, which it may live to see or not
        confine.confined(sleep, limits=limits)
threading.Thread(target=ask, daemon=True).start()
while confine._server._process is None:
    time.sleep(0.01)
print(confine._server._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc: NOT tested on this system")
@pytest.mark.parametrize("ending", ["killed", "ended"])
def test_server_and_children_end_with_the_calling_process(ending: str) -> None:
    command = [sys.executable, "-W", "error", "-c", CALLER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as caller:
        assert caller.stdout
        assert caller.stderr
        server = int(caller.stdout.readline())
        deadline = time.monotonic() + 30
        while not (children := _children(server)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(children) == 1
        if ending == "killed":
            caller.kill()
        _, errors = caller.communicate(timeout=10)
        assert not errors
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{process}").exists() for process in (server, *children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [process for process in (server, *children) if Path(f"/proc/{process}").exists()]


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
