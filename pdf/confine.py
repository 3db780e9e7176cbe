"""Run a function over hostile bytes in a process of its own that the kernel ends when it asks for too much.

A small server process is started at first use. It holds the parsers already imported and nothing else: no
environment, no files, no memory of ours. For each call it forks a child (a few milliseconds instead of the 350 of
a fresh interpreter). The child sets its limits before it sees the first byte. What it answers is JSON and bytes,
never a pickle, because a parser may have been taken over by what it read.

Safe to call from several threads and beside any event loop: nothing here relies on SIGCHLD, on `fork` of the
calling process or on its main module. Server and children end when the calling process ends, however it ends.
"""

import atexit
import contextlib
import ctypes
import importlib
import json
import logging
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, NoReturn

REHEARSED = ("pdf.intake", "pdf.preview")
"""Modules whose `rehearse` the server runs once: what they import, load and cache, its children find ready."""

GRACE = 2.0
"""Seconds that a child may take longer than its own alarm clock before it is killed from outside."""

UNEXPECTED = "unexpected"
"""Key under which a child says what it raised: type and place, not the message, which may quote the document."""

Facts = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True)
class Limits:
    """Of one child: seconds of CPU, seconds by the clock, bytes of address space."""

    cpu_seconds: int
    wall_seconds: float
    memory: int


class NoServer(RuntimeError):
    """Our own server of confined processes does not start; what it printed says why. Nothing is said of the input."""


class GaveUp(Exception):
    """The child ended without an answer: it was over a limit, or its parser crashed. Do not try again."""


class Failed(GaveUp):
    """What ran in the child raised something that it does not expect; `str()` is type and place, for an operator."""


def confined(function: Callable[..., tuple[Facts, bytes]], *arguments: object, limits: Limits) -> tuple[Facts, bytes]:
    """Call `function(*arguments)` in a child; it must be importable.

    Raises `GaveUp` (or `Failed`) and `NoServer`. Blocks for `limits.wall_seconds` and a little more at most.
    """
    question = pickle.dumps((limits, function, arguments), protocol=pickle.HIGHEST_PROTOCOL)
    ours, child = _server.fork()
    # whoever has taken it over may have stopped its clock, and may begin an answer that does not end
    killer = threading.Timer(limits.wall_seconds + GRACE, _kill, (child,))
    with ours:
        killer.start()
        try:
            ours.send_bytes(question)
            facts, data = json.loads(ours.recv_bytes(limits.memory)), ours.recv_bytes(limits.memory)
        except (EOFError, OSError, ValueError, RecursionError) as error:
            raise GaveUp(f"{function.__qualname__} ended without an answer") from error
        finally:
            killer.cancel()
    if UNEXPECTED in facts:
        raise Failed(f"{function.__qualname__}: {facts[UNEXPECTED]}")
    return facts, data


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


class _Server:
    """The process that forks the children; one for the calling process, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def fork(self) -> tuple[Connection, int]:
        """A new child: our end of the connection to it, and its process id."""
        for _ in range(2):
            ours, theirs = Pipe()
            with theirs, self._lock:
                control = self._started()
                with contextlib.suppress(OSError):
                    socket.send_fds(control, [b"+"], [theirs.fileno()])
            try:
                return ours, int.from_bytes(ours.recv_bytes(8), "big")
            except (EOFError, OSError):  # somebody killed the server
                ours.close()
                self._replace(control)
        raise NoServer("the server of confined processes does not start")

    def _started(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            self._end()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 – our own interpreter and module
                    [sys.executable, "-c", f"from pdf.confine import serve; serve({theirs.fileno()})"],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    # passwords and keys in our environment are none of a parser's business
                    env={"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path), "LANG": "C.UTF-8"},
                )
            self._control = ours
        return self._control

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _replace(self, control: socket.socket) -> None:
        with self._lock:
            if self._control is control:  # and no other thread has replaced it already
                self._end()

    def end(self) -> None:
        with self._lock:
            self._end()


_server = _Server()
atexit.register(_server.end)


def warm_up() -> None:
    """Start the server now, so that the first upload does not wait for it."""
    confined(_nothing, limits=Limits(cpu_seconds=10, wall_seconds=20.0, memory=2**30))


def _nothing() -> tuple[Facts, bytes]:
    return {}, b""


def serve(control_fd: int) -> None:
    """Main loop of the server process: a child for each connection that arrives; ends with the calling process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the calling process, which then closes the socket
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for module in REHEARSED:
        importlib.import_module(module).rehearse()
    with socket.socket(fileno=control_fd) as control:
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            if os.fork() == 0:
                control.close()
                _answer(Connection(descriptors[0]))
            os.close(descriptors[0])


def _answer(connection: Connection) -> NoReturn:
    try:
        _die_with_parent()
        logging.disable(logging.CRITICAL)  # parsers complain about what they read, in words of what they read
        connection.send_bytes(os.getpid().to_bytes(8, "big"))
        limits, function, arguments = pickle.loads(connection.recv_bytes())  # noqa: S301 – from the calling process
        _limit(limits)
        try:
            facts, data = function(*arguments)
        except Exception as error:  # a parser over foreign bytes may raise anything
            *_, frame = traceback.extract_tb(error.__traceback__)
            facts, data = {UNEXPECTED: f"{type(error).__name__} at {frame.filename}:{frame.lineno}"}, b""
        connection.send_bytes(json.dumps(facts).encode())
        connection.send_bytes(data)
    finally:
        os._exit(0)


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)  # SIGALRM ends the process


def _die_with_parent() -> None:
    """For the children only: the signal follows the *thread* that forked, and the server has but one."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
