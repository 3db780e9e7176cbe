"""CPU and memory of processes, their children included."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import psutil


@dataclass(frozen=True)
class Usage:
    cpu: float
    """Seconds since its start. The system counts in steps of 10 ms."""
    rss: int
    """Bytes. Pages that processes share (Postgres' buffers) count in each of them."""


Usages: TypeAlias = dict[str, Usage]


def usages(pids: Mapping[str, int]) -> Usages:
    """What each process and its children have used."""
    return {name: usage(psutil.Process(pid)) for name, pid in pids.items()}


def usage(process: psutil.Process) -> Usage:
    cpu, rss = 0.0, 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended since it was listed: its parent has its time
            times = one.cpu_times()
            # of children that have ended; those that run are counted themselves
            cpu += times.user + times.system + times.children_user + times.children_system
            rss += one.memory_info().rss
    return Usage(cpu, rss)


def own_cpu() -> float:
    """Seconds that this process has used, without the children it started."""
    times = os.times()
    return times.user + times.system
