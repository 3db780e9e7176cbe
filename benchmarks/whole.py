"""`./sts up` for the length of a benchmark: with a data folder of its own, on free ports."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

CLONE = Path(__file__).resolve().parent.parent
READY_WITHIN = 120.0
"""Seconds."""


@dataclass(frozen=True)
class Whole:
    """What `run.json` says of a whole that is ready."""

    data: Path
    addresses: dict[str, str]
    pids: dict[str, int]
    api_key: str


@asynccontextmanager
async def running() -> AsyncIterator[Whole]:
    """Start it, wait until it is ready, stop it in the end; its data goes with it."""
    with tempfile.TemporaryDirectory(prefix="sts-bench-") as folder:
        data = Path(folder)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "local", "up", "--data", folder, "--port-base", "0"),
            cwd=CLONE,
            env=environment(),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(READY_WITHIN), httpx2.AsyncClient() as client:
                while (facts := _facts(data)) is None or not await _ready(client, facts["addresses"]["api"]):
                    if process.returncode is not None:
                        raise SystemExit(f"./sts up ended with exit code {process.returncode}.")
                    await asyncio.sleep(0.1)
            yield Whole(data, facts["addresses"], facts["pids"], facts["api_key"])
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def environment() -> dict[str, str]:
    """Ours without any setting: a benchmark never touches a database that somebody's shell names."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STS_")}
    return {**inherited, "PYTHONPATH": str(CLONE)}


def _facts(data: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads((data / "run.json").read_text())
    except FileNotFoundError:
        return None
    return facts


async def _ready(client: httpx2.AsyncClient, api: str) -> bool:
    try:
        return (await client.get(f"{api}/readyz")).is_success
    except httpx2.HTTPError:
        return False  # it does not listen yet
