"""The practice: whose chart it is, its time zone and its schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from chart import schedule
from chart.ids import PracticeId
from chart.refusals import Unacceptable
from gateways.postgres import SQL, Transaction

LANGUAGES = ("en", "es")


@dataclass(frozen=True)
class Practice:
    id: PracticeId
    name: str = field(repr=False)
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
    paper_option: str
    """How clients come to paper instead, in a sentence or two; part of the consent to electronic records."""
    reminders_optional: bool = True
    """Whoever is asked may choose to get no reminders; the request itself is always told of."""
    paper_option_es: str | None = None
    """The same for whoever reads the consent in Spanish; None: our words if the English ones are ours, else those."""


async def current(transaction: Transaction) -> Practice:
    """The practice that this transaction speaks for."""
    row = await transaction.fetchrow(CURRENT)
    assert row is not None, "a transaction of a practice sees its own row"
    return Practice(**{**row, "reminder_days": tuple(row["reminder_days"])})


def check(wanted: Practice) -> None:
    """Raise `Unacceptable` unless a practice can work in this way."""
    schedule.check_zone(wanted.timezone)
    schedule.check_days(wanted.reminder_days)
    if not 1 <= wanted.request_days <= 365:
        raise Unacceptable("A request waits 1 to 365 days.")
    if not 16 <= wanted.majority_age <= 25:
        raise Unacceptable("The age of majority is between 16 and 25 years.")
    if wanted.language not in LANGUAGES:
        raise Unacceptable("The languages are en and es.")
    for paper in (wanted.paper_option, wanted.paper_option_es):
        if paper is not None and (not paper.strip() or len(paper) > 500 or not paper.isprintable()):
            raise Unacceptable("Say how clients come to paper instead, in one line of at most 500 characters.")


async def change(transaction: Transaction, changes: Mapping[str, Any]) -> Practice:
    """Set how the practice works from now on; requests that are open keep what they were asked with.

    Of two who change it at once neither undoes what the other has changed.
    """
    await transaction.execute(HOLD)
    wanted = replace(await current(transaction), **changes)
    check(wanted)
    await transaction.execute(
        CHANGE,
        wanted.timezone,
        wanted.request_days,
        wanted.reminder_days,
        wanted.majority_age,
        wanted.language,
        wanted.paper_option,
        wanted.reminders_optional,
        wanted.paper_option_es,
    )
    return await current(transaction)


async def today(transaction: Transaction) -> date:
    """The day on the practice's wall calendar."""
    day: date = await transaction.fetchval(TODAY)
    return day


CURRENT = SQL("""
select id, name, timezone, request_days, reminder_days, majority_age, language, paper_option, paper_option_es,
    reminders_optional
from practice where id = current_practice()
""")

HOLD = SQL("select id from practice where id = current_practice() for no key update")

CHANGE = SQL("""
update practice set timezone = $1, request_days = $2, reminder_days = $3, majority_age = $4, language = $5,
    paper_option = $6, reminders_optional = $7, paper_option_es = $8
where id = current_practice()
""")

TODAY = SQL("select practice_today()")
