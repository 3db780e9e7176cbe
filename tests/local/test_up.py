"""`./sts up` as a whole: the real Postgres, Temporal and mail catcher, with stand-ins for our own parts."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import asyncpg
import pytest

import gateways.temporal
from identity.operator import operators
from local.environment import environment
from local.ports import Ports, choose
from local.run_file import RunFile, banner
from local.up import SEARCH_ATTRIBUTES
from settings import Settings
from tests.whole import alive, soon

CLONE = Path(__file__).parent.parent.parent
STAND_INS = Path(__file__).with_name("stand_ins.py")


class Whole:
    """A `./sts up` that was started; `run_file` is what it wrote when it was ready."""

    def __init__(self, data: Path, port_base: int = 0) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, str(STAND_INS), str(data), str(port_base)],
            cwd=CLONE,
            env={**os.environ, "PYTHONPATH": str(CLONE)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_file(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return facts

    def wait_until_ready(self) -> None:
        assert soon(self._has_written, 30)
        ready = self.run_file()["addresses"]["api"] + "/readyz"
        assert soon(lambda: answers(ready), 30)

    def _has_written(self) -> bool:
        # one that was killed leaves its file to the next
        return (self.data / "run.json").exists() and self.run_file()["pids"]["sts"] == self.process.pid

    def pids(self) -> list[int]:
        return list(self.run_file()["pids"].values())

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextmanager
def running(data: Path, port_base: int = 0) -> Iterator[Whole]:
    whole = Whole(data, port_base)
    try:
        whole.wait_until_ready()
        yield whole
    finally:
        if whole.process.poll() is None:
            whole.end(signal.SIGKILL)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that has a seal already: making one is tested where it is made."""
    folder = tmp_path / "data"
    (folder / "seal").mkdir(parents=True)
    for name in ("key.pem", "certificate.pem"):
        (folder / "seal" / name).touch()
    return folder


def test_a_life_of_starts_and_stops(data: Path) -> None:
    with running(data) as whole:
        first = whole.run_file()
        assert first["addresses"].keys() == {
            *(
                "api",
                "chart",
                "portal",
                "temporal",
                "temporal_ui",
                "codec",
                "smtp",
                "mail",
                "api_metrics",
                "worker_metrics",
            ),
        }
        assert first["pids"].keys() == {"sts", "postgres", "temporal", "mail", "worker", "api"}
        assert first["api_key"] == "key"
        assert first["operator_token"]
        assert (data / "run.json").stat().st_mode & 0o777 == 0o600
        assert answers(first["addresses"]["mail"])
        assert soon(lambda: answers(first["addresses"]["temporal_ui"]))
        asyncio.run(write(data))

        refused = subprocess.run(
            [sys.executable, str(STAND_INS), str(data), "0"],
            env={**os.environ, "PYTHONPATH": str(CLONE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 1
        assert "is in use by another `./sts up`" in refused.stderr

        os.kill(first["pids"]["worker"], signal.SIGKILL)
        assert soon(lambda: whole.run_file()["pids"]["worker"] != first["pids"]["worker"])

        pids = whole.pids()
        assert whole.end(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in pids)
    assert not (data / "run.json").exists()
    secrets = (data / "secrets.env").read_text()

    with running(data) as whole:
        assert asyncio.run(read(data)) == "kept"
        pids = whole.pids()
        whole.end(signal.SIGKILL)
        assert soon(lambda: not any(alive(pid) for pid in pids))

    with running(data) as whole:
        assert asyncio.run(read(data)) == "kept"
        pids = whole.pids()
        assert whole.end(signal.SIGTERM) == 0
    assert not any(alive(pid) for pid in pids)
    assert (data / "secrets.env").read_text() == secrets


def test_the_banner_says_where_to_go_who_may_sign_in_and_what_to_click(data: Path) -> None:
    run_file = RunFile(data / "run.json", Ports(8080))
    staff = [{"who": "Kim", "email": "kim@example.org", "password": "pass word"}]
    run_file.demo_is(
        {"staff": [*staff, {"who": "Al", "email": "al@x.org", "password": "p"}], "clients": [], "click": ["Go."]},
        "operator-token",
    )
    lines = banner(run_file.facts(), data).splitlines()
    assert "  Chart (staff)       http://chart.localhost:8080" in lines
    assert "  Staff sign-in       Kim   kim@example.org   pass word" in lines
    assert "                      Al    al@x.org          p" in lines
    assert "  1. Go." in lines
    assert "operator-token" not in "\n".join(lines)


def test_temporal_knows_the_search_attributes_from_the_start() -> None:
    kinds = {str: "Keyword", datetime: "Datetime"}
    assert {key.name: kinds[key.value_type] for key in gateways.temporal.SEARCH_ATTRIBUTES} == SEARCH_ATTRIBUTES


def test_a_taken_port_is_named(data: Path) -> None:
    ports = choose(0)
    with socket.create_server(("127.0.0.1", ports.smtp)):
        output, _ = (whole := Whole(data, ports.api)).process.communicate(timeout=30)
    assert whole.process.returncode == 1
    assert f"Port {ports.smtp} is taken" in output
    assert "--port-base" in output


def test_one_dsn_of_two_is_not_enough(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STS_DATABASE_URL", "postgresql://app@elsewhere/share_to_sign")
    output, _ = (whole := Whole(data)).process.communicate(timeout=30)
    assert whole.process.returncode == 1
    assert "set both STS_DATABASE_URL and STS_DATABASE_OWNER_URL" in output


def test_the_parts_are_told_every_setting_they_need(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STS_")]:
        monkeypatch.delenv(name)
    told = environment(data, Ports(8080), owner_url="postgresql://o@/d", application_url="postgresql://a@/d")
    ours = {name.removeprefix("STS_").lower() for name in told if name.startswith("STS_")}
    assert ours <= Settings.model_fields.keys()
    assert {name for name, field in Settings.model_fields.items() if field.is_required()} <= ours
    assert told == environment(data, Ports(8080), owner_url="postgresql://o@/d", application_url="postgresql://a@/d")
    assert (data / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_a_secret_of_a_later_release_joins_those_of_the_first_start(data: Path) -> None:
    (data / "secrets.env").write_text("STS_PAYLOAD_KEYS=demo-1:kept\n")
    told = environment(data, Ports(8080), owner_url="postgresql://o@/d", application_url="postgresql://a@/d")
    assert told["STS_PAYLOAD_KEYS"] == "demo-1:kept"
    assert operators(told["STS_CODEC_TOKENS"])


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


async def write(data: Path) -> None:
    connection = await asyncpg.connect(f"postgresql://postgres@/share_to_sign?host={data}/socket")
    await connection.execute("create table word (text text)")
    await connection.execute("insert into word values ('kept')")
    await connection.close()


async def read(data: Path) -> object:
    connection = await asyncpg.connect(f"postgresql://postgres@/share_to_sign?host={data}/socket")
    found: object = await connection.fetchval("select text from word")
    await connection.close()
    return found
