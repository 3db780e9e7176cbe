"""Restricted charts: only the care team opens them; in an emergency others break the glass (45 CFR 164.312(a)(2)(ii)).

What is closed to whom is said once, by `closed_charts` of migration 0032: row-level security hides what stands in such
a chart from whoever acts in the transaction, and `chart.client.find` refuses the chart itself.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chart.audit import Actor
from chart.document import check_reason
from chart.ids import ClientId, PracticeId, StaffId
from chart.refusals import NotFound, NotInThisState, Unacceptable
from chart.text import Sentence
from gateways.postgres import SQL, Transaction

GLASS_LASTS = timedelta(hours=1)


@dataclass(frozen=True)
class Restriction:
    """Since when, by whom and why a chart is restricted, and to whom."""

    restricted_at: datetime
    restricted_by: Actor
    reason: str = field(repr=False)
    care_team: frozenset[StaffId]


async def restriction(transaction: Transaction, client_id: ClientId) -> Restriction | None:
    """None if every staff member of the practice may open the chart."""
    row = await transaction.fetchrow(FIND, client_id)
    if row is None:
        raise NotFound("There is no such client in this practice.")
    if row["restricted_at"] is None:
        return None
    team = frozenset(StaffId(one) for one in row["care_team"])
    return Restriction(row["restricted_at"], Actor(row["restricted_by"]), row["restrict_reason"], team)


NOT_ON_THE_TEAM: Sentence = (
    "This chart is restricted, and this colleague is not on its care team, so cannot open it to sign."
)


async def opens(transaction: Transaction, client_id: ClientId, staff_id: StaffId) -> bool:
    """Whether a colleague opens the chart without breaking the glass."""
    found = await restriction(transaction, client_id)
    return found is None or staff_id in found.care_team


async def restrict(
    transaction: Transaction,
    practice: PracticeId,
    client_id: ClientId,
    care_team: Collection[StaffId],
    *,
    reason: str,
    by: Actor,
) -> None:
    """Restrict the chart to this care team, or change the team of a restricted one."""
    check_reason(reason)
    if not care_team:
        raise Unacceptable("Name at least one colleague of the care team, or nobody opens this chart.")
    if await transaction.fetchval(RESTRICT, client_id, by, reason) is None:
        raise NotFound("There is no such client in this practice.")
    await transaction.execute(DISMISS, client_id)
    placed = await transaction.fetch(PLACE, practice, client_id, list(set(care_team)))
    if len(placed) < len(set(care_team)):
        raise Unacceptable("The care team is of this practice's own staff. Choose again.")


async def lift(transaction: Transaction, client_id: ClientId) -> bool:
    """Let every staff member open the chart again; False if it was not restricted."""
    if await restriction(transaction, client_id) is None:
        return False
    await transaction.execute(LIFT, client_id)
    await transaction.execute(DISMISS, client_id)
    return True


async def break_glass(
    transaction: Transaction, practice: PracticeId, client_id: ClientId, staff_id: StaffId, reason: str
) -> datetime:
    """Open a closed chart to one colleague for `GLASS_LASTS`; until when."""
    check_reason(reason)
    await restriction(transaction, client_id)
    if await transaction.fetchval(CLOSED, client_id) is None:
        raise NotInThisState("This chart is open to you already.")
    until: datetime = await transaction.fetchval(BREAK, practice, client_id, staff_id, reason, GLASS_LASTS)
    return until


FIND = SQL("""
select restricted_at, restricted_by, restrict_reason,
    array(select staff_id from care_team t where t.client_id = c.id) as care_team
from client c where c.id = $1
""")

RESTRICT = SQL("""
update client set restricted_at = coalesce(restricted_at, now()), restricted_by = $2, restrict_reason = $3
where id = $1 returning id
""")

LIFT = SQL("update client set restricted_at = null, restricted_by = null, restrict_reason = null where id = $1")

DISMISS = SQL("delete from care_team where client_id = $1")

PLACE = SQL("""
insert into care_team (practice_id, client_id, staff_id)
select $1, $2, id from staff where id = any($3::uuid[]) returning staff_id
""")

CLOSED = SQL("select true from closed_charts() where client_id = $1")

BREAK = SQL("""
insert into broken_glass (practice_id, client_id, staff_id, reason, until)
values ($1, $2, $3, $4, now() + $5::interval) returning until
""")
