"""`./sts up` as a user starts it, on free ports and a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from gateways.keys import read_keys
from gateways.storage import Storage

CLONE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Whole:
    data: Path
    process: "subprocess.Popen[bytes]"

    def facts(self) -> dict[str, Any]:
        """What `run.json` says now."""
        facts: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return facts

    def address(self, part: str) -> str:
        return str(self.facts()["addresses"][part])

    def pid(self, part: str) -> int:
        return int(self.facts()["pids"][part])

    def kill(self, part: str, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid(part), how)

    def sign_in(self, side: str, who: str) -> dict[str, str]:
        """The demo's sign-in of `who`, among `staff` or `clients`."""
        found: dict[str, str] = next(one for one in self.facts()[side] if who in one["who"])
        return found

    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """What the mail catcher has for `address`, read over HTTP."""
        mails: list[dict[str, Any]] = httpx2.get(self.address("mail") + "/api/messages").json()
        return [mail for mail in mails if address in str(mail["to"])]

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in (self.data / "logs").iterdir())

    def ready(self) -> bool:
        try:
            return httpx2.get(self.address("api") + "/readyz").status_code == 200
        except (OSError, httpx2.HTTPError):
            return False


def store_of(data: Path) -> Storage:
    """The store that the parts of a whole use."""
    secrets = dict(line.split("=", 1) for line in (data / "secrets.env").read_text().splitlines())
    return Storage(data / "documents", read_keys(secrets["STS_STORAGE_KEYS"], "STS_STORAGE_KEYS"))


@contextmanager
def running(data: Path, **variables: str) -> Iterator[Whole]:
    """Start, wait until ready, and stop it in the end with SIGTERM; `variables` are added to its environment."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "up", "--data", str(data), "--port-base", "0"],
        cwd=CLONE,
        env={name: value for name, value in os.environ.items() if not name.startswith("STS_")}
        | {"PYTHONPATH": str(CLONE), **variables},
        stdout=subprocess.DEVNULL,
    )
    whole = Whole(data, process)
    try:
        assert soon(whole.ready, 60), "./sts up is not ready after a minute"
        yield whole
    finally:
        process.terminate()
        assert process.wait(30) == 0


def soon(true: Callable[[], object], seconds: float = 20) -> bool:
    """Whether `true()` becomes true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    """Whether the process runs; not if it waits to be reaped."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
