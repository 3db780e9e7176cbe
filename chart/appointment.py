"""Appointments: who comes to whom, when, by the practice's wall clock."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from chart.audit import Actor
from chart.ids import ClientId, PracticeId, StaffId
from chart.refusals import NotFound, NotInThisState, Unacceptable
from gateways.postgres import SQL, TAKEN, Record, Transaction

AppointmentId = NewType("AppointmentId", UUID)

SHORTEST, LONGEST = 5, 720
"""Minutes."""

MOST_DAYS = 42
"""That are looked at together: a month with the weeks it begins and ends in."""

FARTHEST = timedelta(days=3660)
"""From today, in both directions: that are looked at, and ahead also planned."""

WRITTEN_DOWN_WITHIN = timedelta(days=90)
"""How long ago an appointment may begin that is only now put there; what is farther is a mistyped year."""


class AppointmentKind(StrEnum):
    INTAKE = "intake"
    INDIVIDUAL = "individual"
    FAMILY = "family"
    GROUP = "group"
    MEDICATION = "medication"
    OTHER = "other"


@dataclass(frozen=True)
class Appointment:
    id: AppointmentId
    client_id: ClientId
    client_name: str = field(repr=False)
    staff_id: StaffId
    staff_name: str = field(repr=False)
    starts_at: datetime
    minutes: int
    kind: AppointmentKind
    waiting: int
    """Signature requests in the client's chart that wait for a signature."""
    cancelled_at: datetime | None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day of the zone begins, in UTC; where clocks jump over midnight, the first instant behind it."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def at_wall_time(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """A wall time as an instant in UTC; of one that comes twice the first. One that never comes is `Unacceptable`."""
    instant = datetime.combine(day, wall, zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != datetime.combine(day, wall):
        raise Unacceptable("Clocks are put forward on this day, and this time is left out. Choose another one.")
    return instant


def week_of(day: date) -> date:
    """Its Monday."""
    return day - timedelta(days=day.weekday())


def check_day(day: date, today: date) -> None:
    """Raise `Unacceptable` for days with which nobody has an appointment, before anything is computed with them."""
    if abs(day - today) > FARTHEST:
        raise Unacceptable("Choose a day within ten years of today.")


def check(starts_at: datetime, minutes: int, today: date) -> None:
    """Raise `Unacceptable` unless there can be such an appointment."""
    if not SHORTEST <= minutes <= LONGEST:
        raise Unacceptable("An appointment takes {least} to {most} minutes.", least=SHORTEST, most=LONGEST)
    check_day(starts_at.date(), today)
    if starts_at.second or starts_at.microsecond:
        raise Unacceptable("An appointment begins at a full minute.")


def check_not_long_ago(starts_at: datetime, today: date) -> None:
    """Raise `Unacceptable` for a time at which nobody would look for what is planned or written down today."""
    if today - starts_at.date() > WRITTEN_DOWN_WITHIN:
        raise Unacceptable("This day is more than {days} days ago. Check the year.", days=WRITTEN_DOWN_WITHIN.days)


@dataclass(frozen=True)
class Made:
    id: AppointmentId
    new: bool
    """False if it was there already."""


async def add(
    transaction: Transaction,
    practice: PracticeId,
    client_id: ClientId,
    staff_id: StaffId,
    *,
    starts_at: datetime,
    minutes: int,
    kind: AppointmentKind,
    by: Actor,
    today: date,
) -> Made:
    """Make it; once, however often. With a colleague who has another one then, too: groups and supervisions do so."""
    added = await transaction.fetchval(ADD, practice, client_id, staff_id, starts_at, minutes, kind, by)
    if added is not None:
        # only now: what is there already may be sent again, however long ago it was
        check_not_long_ago(starts_at, today)
        return Made(AppointmentId(added), new=True)
    there = await transaction.fetchrow(SAME, client_id, staff_id, starts_at)
    if there is None:  # cancelled in this very moment
        raise NotInThisState("This appointment was being changed by somebody else. Send it again.")
    if (there["minutes"], there["kind"]) != (minutes, kind):
        raise NotInThisState(
            "This client has an appointment with this colleague then already, of another kind or length. "
            "Cancel that one first."
        )
    return Made(AppointmentId(there["id"]), new=False)


@dataclass(frozen=True)
class Place:
    """Where in the Calendar an appointment stands."""

    starts_at: datetime
    minutes: int
    kind: AppointmentKind
    staff_id: StaffId


async def move(transaction: Transaction, appointment_id: AppointmentId, to: Place, today: date) -> Place | None:
    """Where it was, None if it stands there already.

    `NotInThisState` if it is cancelled, or the client is with this colleague then. At its time it can be corrected
    however long ago that was.
    """
    row = await transaction.fetchrow(PLACE, appointment_id)
    if row is None:
        raise NotFound("There is no such appointment in this practice.")
    if row["cancelled_at"]:
        raise NotInThisState("This appointment is cancelled. Make a new one.")
    was = Place(row["starts_at"], row["minutes"], AppointmentKind(row["kind"]), row["staff_id"])
    if was == to:
        return None
    if was.starts_at != to.starts_at:
        check_not_long_ago(to.starts_at, today)
    try:
        await transaction.execute(MOVE, appointment_id, to.starts_at, to.minutes, to.kind, to.staff_id)
    except TAKEN:
        raise NotInThisState("This client has another appointment with this colleague then already.") from None
    return was


async def cancel(transaction: Transaction, appointment_id: AppointmentId, by: Actor) -> bool:
    """False if it was cancelled before."""
    return await transaction.fetchval(CANCEL, appointment_id, by) is not None


async def find(transaction: Transaction, appointment_id: AppointmentId) -> Appointment:
    row = await transaction.fetchrow(FIND, appointment_id)
    if row is None:
        raise NotFound("There is no such appointment in this practice.")
    return _appointment(row)


async def between(
    transaction: Transaction, since: datetime, until: datetime, staff_id: StaffId | None
) -> list[Appointment]:
    """Those that begin in this time, with this colleague or with anybody, in their order."""
    return [_appointment(row) for row in await transaction.fetch(BETWEEN, since, until, staff_id)]


async def coming(transaction: Transaction, client_id: ClientId, *, limit: int = 5) -> list[Appointment]:
    """Of a client: those that are not over yet, the next first."""
    return [_appointment(row) for row in await transaction.fetch(COMING, client_id, limit)]


def _appointment(row: Record) -> Appointment:
    return Appointment(**{**row, "kind": AppointmentKind(row["kind"])})


_SELECT = """
select a.id, a.client_id, c.given_name || ' ' || c.family_name as client_name, a.staff_id, t.name as staff_name,
    a.starts_at, a.minutes, a.kind, a.cancelled_at,
    (select count(*)::int from signature_request q where q.client_id = c.id and q.ended_at is null) as waiting
from appointment a join client c on c.id = a.client_id join staff t on t.id = a.staff_id
"""

ADD = SQL("""
insert into appointment (practice_id, client_id, staff_id, starts_at, minutes, kind, created_by)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (client_id, staff_id, starts_at) where cancelled_at is null do nothing returning id
""")

SAME = SQL("""
select id, minutes, kind from appointment
where client_id = $1 and staff_id = $2 and starts_at = $3 and cancelled_at is null
""")

# locked, so that of two who move it at once the second sees where the first has put it
PLACE = SQL("select starts_at, minutes, kind, staff_id, cancelled_at from appointment where id = $1 for update")

MOVE = SQL("update appointment set starts_at = $2, minutes = $3, kind = $4, staff_id = $5 where id = $1")

CANCEL = SQL("""
update appointment set cancelled_at = now(), cancelled_by = $2 where id = $1 and cancelled_at is null returning id
""")

FIND = SQL(_SELECT + "where a.id = $1")

BETWEEN = SQL(
    _SELECT
    + """
where a.starts_at >= $1 and a.starts_at < $2 and a.cancelled_at is null and ($3::uuid is null or a.staff_id = $3)
order by a.starts_at, lower(t.name), a.id
"""
)

COMING = SQL(
    _SELECT
    + """
where a.client_id = $1 and a.cancelled_at is null and a.starts_at + make_interval(mins => a.minutes) > now()
order by a.starts_at, a.id limit $2
"""
)
