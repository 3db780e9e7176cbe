"""When reminders go out and requests expire (SPEC G9). Pure: no clock, no database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from chart.refusals import NotInThisState, Unacceptable

MOST_REMINDERS = 10

MANUAL_PAUSE = timedelta(minutes=5)
"""Between two reminders that staff send by hand."""

MORNING, EVENING = time(9), time(18)
"""Between these two, in the client's zone, a reminder may arrive."""

LATE = time(18, 30)
"""A reminder that is planned for the evening may take until then."""

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=365)
"""How long a request may wait for its signatures."""


def reminders(
    delivered_at: datetime, days: Sequence[int], zone: ZoneInfo, expires_at: datetime
) -> tuple[datetime, ...]:
    """The instants of the reminders, ascending, in UTC.

    Each is so many calendar days of the client after the delivery, at the delivery's time of day if that is in the
    daytime; one a day at most, none at or after the expiry.
    """
    delivered = delivered_at.astimezone(zone)
    due: dict[date, datetime] = {}
    for day in sorted(days):
        at = _in_daytime(delivered.date() + timedelta(days=day), delivered.time(), zone)
        if at < expires_at:
            due.setdefault(at.date(), at)
    return tuple(at.astimezone(UTC) for at in due.values())[:MOST_REMINDERS]


def daytime(instant: datetime, zone: ZoneInfo) -> datetime:
    """The instant itself while a reminder may arrive in the zone, else the next morning there, in UTC."""
    there = instant.astimezone(zone)
    if MORNING <= there.time() <= LATE:
        return instant
    return _in_daytime(there.date(), there.time(), zone).astimezone(UTC)


def _in_daytime(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first instant at or after this wall time that exists and lies in the daytime."""
    if wall < MORNING:
        return _instant(day, MORNING, zone)
    if wall <= EVENING and (at := _instant(day, wall, zone)).time() <= EVENING:
        return at
    return _instant(day + timedelta(days=1), MORNING, zone)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The wall time in the zone; where clocks jump over it as much later as they jump, where it comes twice the first.

    Python counts both by the offset before the change (fold 0); going through UTC makes it a time that exists.
    """
    return datetime.combine(day, wall.replace(fold=0), zone).astimezone(UTC).astimezone(zone)


def check_days(days: Sequence[int]) -> None:
    """Raise `Unacceptable` unless this can be a practice's reminder schedule; an empty one means no reminders."""
    if (
        len(days) > MOST_REMINDERS
        or any(not 1 <= day <= 365 for day in days)
        or any(later <= earlier for earlier, later in pairwise(days))
    ):
        raise Unacceptable(
            "Give at most {most} days from 1 to 365 after delivery, each later than the one before, such as 3, 7, 14.",
            most=MOST_REMINDERS,
        )


def check_near(day: date, today: date) -> None:
    """Raise `Unacceptable` for days that no request can reach, before anything is computed with them."""
    if abs(day - today) > timedelta(days=800):
        raise Unacceptable("A request waits 1 to 365 days, counted from when it was made. Choose a day within them.")


def check_past(day: date, today: date) -> None:
    """Raise `Unacceptable` for what cannot have happened yet; it may be tomorrow already where the practice is."""
    if day > today + timedelta(days=1) or today - day > timedelta(days=3660):
        raise Unacceptable("Give the day on which it happened; it cannot lie in the future.")


def check_zone(name: str) -> ZoneInfo:
    """The time zone of this IANA name, or `Unacceptable`."""
    try:
        # the other names in the database are the server's own, or count leap seconds
        known = "/" in name and not name.startswith(("posix/", "right/"))
        return ZoneInfo(name if known or name == "UTC" else "")
    except (LookupError, ValueError, OSError):
        raise Unacceptable("This is not a time zone. Use an IANA name such as America/Chicago.") from None


def may_remind_now(last_sent_at: datetime | None, now: datetime) -> None:
    """Raise `NotInThisState` if the request or a reminder went out just now, whoever sent it."""
    if last_sent_at is None or now >= (again := last_sent_at + MANUAL_PAUSE):
        return
    minutes = -((now - again) // timedelta(minutes=1))  # rounded up: whoever waits so long is not refused again
    if minutes == 1:
        raise NotInThisState("The signers have just been sent an email. A reminder can be sent in 1 minute.")
    raise NotInThisState(
        "The signers have just been sent an email. A reminder can be sent in {minutes} minutes.", minutes=minutes
    )


def check_expiry(created_at: datetime, expires_at: datetime, now: datetime) -> None:
    """Raise `Unacceptable` unless a request made at `created_at` may expire then; also when it is extended."""
    if expires_at <= now:
        raise Unacceptable("This time has passed. Choose a day in the future.")
    if not SHORTEST <= expires_at - created_at <= LONGEST:
        raise Unacceptable(
            "A request waits 1 to 365 days, counted from when it was made. "
            "Choose a day within them, or share the document again."
        )
