"""The practice: whose chart it is, its time zone and its schedule."""

from dataclasses import dataclass
from datetime import date

from chart.ids import PracticeId
from gateways.postgres import SQL, Transaction


@dataclass(frozen=True)
class Practice:
    id: PracticeId
    name: str
    timezone: str
    """IANA name, e.g. `America/Chicago`: the local time on certificates."""
    request_days: int
    """Days until a signature request expires, 1 to 365."""
    reminder_days: tuple[int, ...]
    """Days after delivery on which a reminder goes out, ascending; empty for none (`chart.schedule.check_days`)."""
    majority_age: int
    """Years; parents and legal guardians act for a client until then."""
    language: str
    """`en` or `es`."""


async def current(transaction: Transaction) -> Practice:
    """The practice that this transaction speaks for."""
    row = await transaction.fetchrow(CURRENT)
    assert row is not None, "a transaction of a practice sees its own row"
    return Practice(**{**row, "reminder_days": tuple(row["reminder_days"])})


async def today(transaction: Transaction) -> date:
    """The day on the practice's wall calendar."""
    day: date = await transaction.fetchval(TODAY)
    return day


CURRENT = SQL("""
select id, name, timezone, request_days, reminder_days, majority_age, language
from practice where id = current_practice()
""")

TODAY = SQL("select practice_today()")
