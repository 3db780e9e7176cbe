"""Time stamps behind signed versions (SPEC D3): the version stays, and its time-stamped bytes are what is given out."""

from dataclasses import dataclass
from datetime import datetime

from chart.ids import PracticeId, RequestId, VersionId
from gateways.postgres import SQL, Transaction


@dataclass(frozen=True)
class Unstamped:
    """A signed version without a time stamp."""

    id: VersionId
    sha256: str


async def unstamped(transaction: Transaction, request_id: RequestId) -> Unstamped | None:
    """The signed version of a request; None if it has its time stamp already."""
    row = await transaction.fetchrow(UNSTAMPED, request_id)
    return Unstamped(**row) if row else None


async def add(
    transaction: Transaction,
    practice: PracticeId,
    version_id: VersionId,
    *,
    sha256: str,
    size: int,
    at: datetime,
    authority: str,
) -> bool:
    """File the bytes with the time stamp; False if the version has one: the first wins."""
    return await transaction.fetchval(ADD, practice, version_id, sha256, size, at, authority) is not None


async def note_waiting(transaction: Transaction, practice: PracticeId, version_id: VersionId, why: str) -> bool:
    """Say why there is no time stamp yet; False if that stands there, or the time stamp itself."""
    return await transaction.fetchval(NOTE_WAITING, practice, version_id, why) is not None


async def stop_waiting(transaction: Transaction, version_id: VersionId) -> None:
    """It stays without one."""
    await transaction.execute(STOP_WAITING, version_id)


UNSTAMPED = SQL("""
select v.id, v.sha256 from version v left join time_stamp t on t.version_id = v.id
where v.signed_by_request = $1 and t.sha256 is null
""")

ADD = SQL("""
insert into time_stamp (practice_id, version_id, sha256, size, at, authority) values ($1, $2, $3, $4, $5, $6)
on conflict (version_id) do update
set waits_because = null, sha256 = excluded.sha256, size = excluded.size, at = excluded.at,
    authority = excluded.authority
where time_stamp.sha256 is null returning version_id
""")

NOTE_WAITING = SQL("""
insert into time_stamp (practice_id, version_id, waits_because) values ($1, $2, $3)
on conflict (version_id) do update set waits_because = excluded.waits_because
where time_stamp.sha256 is null and time_stamp.waits_because is distinct from excluded.waits_because
returning version_id
""")

STOP_WAITING = SQL("update time_stamp set waits_because = null where version_id = $1")
