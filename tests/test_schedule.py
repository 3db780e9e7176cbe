"""SPEC G9: reminders in the client's daytime, never after an end; expiry within 1 to 365 days."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chart.refusals import NotInThisState, Unacceptable
from chart.schedule import (
    EVENING,
    MANUAL_PAUSE,
    MORNING,
    MOST_REMINDERS,
    check_days,
    check_expiry,
    check_zone,
    may_remind_now,
    reminders,
)

NEW_YORK = ZoneInfo("America/New_York")
APIA = ZoneInfo("Pacific/Apia")
FAR = datetime(2100, 1, 1, tzinfo=UTC)

ZONES = st.sampled_from(
    ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]
).map(ZoneInfo)
DELIVERIES = st.datetimes(datetime(2005, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
DAYS = st.lists(st.integers(1, 365), max_size=MOST_REMINDERS, unique=True).map(sorted)


def local(*days: int, at: datetime, zone: ZoneInfo = NEW_YORK, expires_at: datetime = FAR) -> list[str]:
    """The reminders on the client's wall calendar."""
    return [f"{one.astimezone(zone):%Y-%m-%d %H:%M %z}" for one in reminders(at, days, zone, expires_at)]


@given(DELIVERIES, DAYS, ZONES, st.timedeltas(timedelta(days=1), timedelta(days=365)))
def test_reminders_ascend_in_the_daytime_before_the_expiry_one_a_day(
    delivered_at: datetime, days: Sequence[int], zone: ZoneInfo, lasts: timedelta
) -> None:
    made = reminders(delivered_at, days, zone, delivered_at + lasts)
    assert len(made) <= MOST_REMINDERS
    assert all(earlier < later for earlier, later in pairwise(made))
    assert all(delivered_at < one < delivered_at + lasts and one.tzinfo is UTC for one in made)
    walls = [one.astimezone(zone) for one in made]
    assert all(MORNING <= one.time() <= EVENING for one in walls)
    assert len({one.date() for one in walls}) == len(made)


@given(DELIVERIES, st.integers(1, 365), ZONES)
def test_a_reminder_is_n_calendar_days_later_at_the_same_time_of_day_or_the_next_daytime(
    delivered_at: datetime, day: int, zone: ZoneInfo
) -> None:
    delivered = delivered_at.astimezone(zone)
    due = delivered.date() + timedelta(days=day)
    assume(zone is not APIA or due.isoformat() != "2011-12-30")  # this day was not; it has a test of its own below
    (made,) = reminders(delivered_at, [day], zone, FAR)
    wall = made.astimezone(zone)
    if delivered.time() < MORNING:
        assert (wall.date(), wall.time()) == (due, MORNING)
    elif delivered.time() <= EVENING:
        assert (wall.date(), wall.time()) == (due, delivered.time())
    else:
        assert wall.time() == MORNING
        assert wall.date() - due in {timedelta(days=1), timedelta(days=2)}


@given(DELIVERIES, DAYS, ZONES)
def test_without_an_expiry_in_the_way_every_day_has_its_reminder(
    delivered_at: datetime, days: Sequence[int], zone: ZoneInfo
) -> None:
    assume(zone is not APIA or delivered_at.year not in {2010, 2011})
    assert len(reminders(delivered_at, days, zone, FAR)) == len(days)


def test_the_time_of_day_stays_when_clocks_go_forward_and_back() -> None:
    spring = datetime(2026, 3, 6, 15, 30, tzinfo=UTC)
    assert local(1, 2, 3, at=spring) == ["2026-03-07 10:30 -0500", "2026-03-08 10:30 -0400", "2026-03-09 10:30 -0400"]
    autumn = datetime(2026, 10, 30, 14, 30, tzinfo=UTC)
    assert local(1, 2, 3, at=autumn) == ["2026-10-31 10:30 -0400", "2026-11-01 10:30 -0500", "2026-11-02 10:30 -0500"]


def test_half_an_hour_of_daylight_saving() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    at = datetime(2026, 10, 3, 0, 0, tzinfo=UTC)
    assert local(1, at=at, zone=zone) == ["2026-10-04 10:30 +1100"]


def test_a_night_delivery_waits_for_the_morning_and_an_evening_one_for_the_next() -> None:
    assert local(3, at=datetime(2026, 6, 1, 6, 15, tzinfo=UTC)) == ["2026-06-04 09:00 -0400"]
    assert local(3, at=datetime(2026, 6, 1, 22, 0, tzinfo=UTC)) == ["2026-06-04 18:00 -0400"]
    assert local(3, at=datetime(2026, 6, 1, 22, 1, tzinfo=UTC)) == ["2026-06-05 09:00 -0400"]
    # 02:30 does not exist on 8 March, nor does it matter: the reminder waits for the morning
    assert local(1, at=datetime(2026, 3, 7, 7, 30, tzinfo=UTC)) == ["2026-03-08 09:00 -0400"]


def test_a_day_that_does_not_exist_moves_forward_and_counts_once() -> None:
    """Samoa went from 29 to 31 December 2011."""
    at = datetime(2011, 12, 28, 20, 0, tzinfo=UTC)
    assert local(1, 2, 3, 4, at=at, zone=APIA) == [
        "2011-12-29 10:00 -1000",
        "2011-12-31 10:00 +1400",
        "2012-01-01 10:00 +1400",
    ]


@pytest.mark.parametrize(
    ("zone", "at", "wall"),
    [
        # clocks went from 00:00 back to 23:00 the day before, which leaves the daytime alone
        ("America/Havana", datetime(2026, 10, 31, 15, 0, tzinfo=UTC), "2026-11-01 11:00 -0500"),
        # Troll, Antarctica, jumps two hours at 01:00 UTC
        ("Antarctica/Troll", datetime(2026, 3, 28, 9, 0, tzinfo=UTC), "2026-03-29 09:00 +0200"),
        # Casey, Antarctica, jumped three hours at 02:00 on that day
        ("Antarctica/Casey", datetime(2009, 10, 17, 2, 0, tzinfo=UTC), "2009-10-18 10:00 +1100"),
    ],
)
def test_odd_zones(zone: str, at: datetime, wall: str) -> None:
    assert local(1, at=at, zone=ZoneInfo(zone)) == [wall]


def test_no_reminder_at_the_expiry_itself() -> None:
    at = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
    third = at + timedelta(days=3)
    assert reminders(at, [3, 7], NEW_YORK, third) == ()
    assert reminders(at, [3, 7], NEW_YORK, third + timedelta(microseconds=1)) == (third,)
    assert reminders(at, [], NEW_YORK, FAR) == ()


@pytest.mark.parametrize("days", [[], [3, 7, 14], [1], [365], list(range(1, 11))])
def test_a_schedule_that_fits(days: list[int]) -> None:
    check_days(days)


@pytest.mark.parametrize("days", [[0], [-1, 3], [366], [7, 3], [3, 3], list(range(1, 12))])
def test_a_schedule_that_does_not_fit_is_refused_with_an_example(days: list[int]) -> None:
    with pytest.raises(Unacceptable, match="such as 3, 7, 14"):
        check_days(days)


@pytest.mark.parametrize("name", ["America/New_York", "America/Argentina/Buenos_Aires", "UTC"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert check_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "America", "America/", "New York", "localtime", "/etc/localtime", "../etc/x", "posix/UTC", "right/UTC"),
        *("A/\0", "America/" + "x" * 5000),
    ],
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Unacceptable, match="America/Chicago"):
        check_zone(name)


def test_a_reminder_by_hand_waits_five_minutes_and_says_how_long() -> None:
    sent = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
    may_remind_now(None, sent)
    may_remind_now(sent, sent + MANUAL_PAUSE)
    with pytest.raises(NotInThisState, match="sent in 5 minutes"):
        may_remind_now(sent, sent)
    with pytest.raises(NotInThisState, match="sent in 1 minute\\."):
        may_remind_now(sent, sent + MANUAL_PAUSE - timedelta(seconds=1))


@given(st.timedeltas(timedelta(0), MANUAL_PAUSE))
def test_whoever_waits_as_long_as_told_may_remind(since: timedelta) -> None:
    sent = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
    try:
        may_remind_now(sent, sent + since)
    except NotInThisState as refusal:
        minutes = int(str(refusal).split(" in ")[1].split()[0])
        may_remind_now(sent, sent + since + timedelta(minutes=minutes))


def test_an_expiry_lies_ahead_and_within_a_year_of_the_request() -> None:
    made = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)
    later = made + timedelta(days=30)
    for fits in (timedelta(days=1), timedelta(days=60), timedelta(days=365)):
        check_expiry(made, made + fits, made)
    for unfit in (timedelta(hours=23), timedelta(days=365, seconds=1)):
        with pytest.raises(Unacceptable, match="1 to 365 days"):
            check_expiry(made, made + unfit, made)
    with pytest.raises(Unacceptable, match="in the future"):
        check_expiry(made, later, later)
