"""The practice: whose chart it is, its time zone and its schedule."""

from dataclasses import dataclass

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


async def current(transaction: Transaction) -> Practice:
    """The practice that this transaction speaks for."""
    row = await transaction.fetchrow(CURRENT)
    assert row is not None, "a transaction of a practice sees its own row"
    return Practice(**row)


CURRENT = SQL("select id, name, timezone, request_days from practice where id = current_practice()")
