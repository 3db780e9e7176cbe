"""`./sts migrate`: bring the database to this release (as its owner), and make the application's role.

Migrations are plain numbered SQL files; each runs once, in its own transaction, and its checksum is kept.
"""

import asyncio
import hashlib
import logging
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from gateways.telemetry import log_to_stderr
from settings import settings

FOLDER = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 5_714_001
"""Key of the advisory lock that keeps two migrations apart."""

logger = logging.getLogger(__name__)


class DatabaseNewerThanCode(Exception):
    """The database has migrations that this release does not know: start the newer release instead."""


class MigrationChanged(Exception):
    """A migration that has already run was edited: restore the file and write a new one."""


def migrations() -> list[tuple[int, str, str]]:
    """All migrations as (number, file name, SQL), in order."""
    return [(int(path.name[:4]), path.name, path.read_text()) for path in sorted(FOLDER.glob("[0-9]*.sql"))]


async def migrate(owner_dsn: str, application_dsn: str) -> list[str]:
    """Run what has not run yet; returns the names of the files that ran."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        # polled, not awaited: a waiting pg_advisory_lock deadlocks with CREATE INDEX CONCURRENTLY
        while not await connection.fetchval("select pg_try_advisory_lock($1)", _ONE_AT_A_TIME):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await _make_role(connection, application_dsn)
        return await _run_new(connection)
    finally:
        await connection.close()


async def _run_new(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    await connection.execute(
        "create table if not exists migration (number int primary key, name text not null, sha256 text not null,"
        " ran_at timestamptz not null default now())"
    )
    ran: dict[int, str] = {
        row["number"]: row["sha256"] for row in await connection.fetch("select number, sha256 from migration")
    }
    known = migrations()
    if unknown := ran.keys() - {number for number, _, _ in known}:
        raise DatabaseNewerThanCode(f"migration {max(unknown):04} is unknown to this release")
    new: list[str] = []
    for number, name, sql in known:
        sha256 = hashlib.sha256(sql.encode()).hexdigest()
        if number not in ran:
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute(
                    "insert into migration (number, name, sha256) values ($1, $2, $3)", number, name, sha256
                )
            new.append(name)
        elif ran[number] != sha256:
            raise MigrationChanged(name)
    return new


async def _make_role(connection: "asyncpg.Connection[asyncpg.Record]", application_dsn: str) -> None:
    """Make the role of the application's DSN if it is missing, with its password and no rights but the group's."""
    parts = urlsplit(application_dsn)
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise ValueError("STS_DATABASE_URL must name the application's role in plain lower-case letters")
    if name == await connection.fetchval("select current_user"):
        raise ValueError("STS_DATABASE_URL names the owner; give the application a role of its own, which is made here")
    if await connection.fetchval("select rolsuper or rolbypassrls from pg_roles where rolname = $1", name):
        raise ValueError("STS_DATABASE_URL names a role that can bypass row-level security; name one that cannot")
    await connection.execute(_MAKE_ROLES)
    # CREATE ROLE takes no parameters; quote_ident and quote_literal make them safe
    statement = await connection.fetchval(
        # only a superuser may say again what a role may not, and the owner need not be one
        "select format(case when exists (select from pg_roles where rolname = $1::text) then 'alter role %I login' "
        "else 'create role %I login nosuperuser nobypassrls nocreaterole nocreatedb' end, $1::text) || "
        "case when $2::text = '' then '' else format(' password %L', $2::text) end",
        name,
        password,
    )
    await connection.execute(statement)
    await connection.execute(
        await connection.fetchval("select format('grant share_to_sign_application to %I', $1::text)", name)
    )


_MAKE_ROLES = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'share_to_sign_application') then
        create role share_to_sign_application nologin;
    end if;
end $$
"""


async def _main() -> None:
    configured = settings()
    log_to_stderr(configured.log_level)
    if configured.database_owner_url is None:
        raise SystemExit("migrate: set STS_DATABASE_OWNER_URL to a DSN of the database's owner")
    ran = await migrate(configured.database_owner_url.get_secret_value(), configured.database_url.get_secret_value())
    logger.info("migrations that ran: %s", ", ".join(ran) or "none, the database is up to date")


if __name__ == "__main__":
    asyncio.run(_main())
