"""The Calendar: appointments lead to charts, days are the practice's, and nobody sees whom they may not see."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx2
import pytest

from chart import appointment
from chart.appointment import AppointmentKind
from chart.audit import Action
from chart.refusals import Unacceptable
from gateways.postgres import Database
from identity import api_key
from identity.caller import Right
from settings import Settings
from tests.office import Office
from tests.test_audit import log, staff
from tests.test_counter_sign import staff_id
from tests.test_portal import shown
from tests.test_restricted import Restricted
from tests.test_restricted import restricted as restricted  # noqa: PLC0414 - a fixture

CHICAGO = ZoneInfo("America/Chicago")
PATH = "/api/v1/appointments"
Json = dict[str, Any]


# -- the practice's clock


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2027, 3, 13), 24), (date(2027, 3, 14), 23), (date(2027, 11, 7), 25), (date(2027, 7, 1), 24)],
)
def test_a_day_is_as_long_as_its_clock_says(day: date, hours: int) -> None:
    until = appointment.midnight(day + timedelta(days=1), CHICAGO)
    assert until - appointment.midnight(day, CHICAGO) == timedelta(hours=hours)


def test_a_wall_time_that_comes_twice_is_the_first_and_one_that_never_comes_is_refused() -> None:
    twice = appointment.at_wall_time(date(2027, 11, 7), time(1, 30), CHICAGO)
    assert twice == datetime(2027, 11, 7, 6, 30, tzinfo=UTC)
    with pytest.raises(Unacceptable, match="put forward"):
        appointment.at_wall_time(date(2027, 3, 14), time(2, 30), CHICAGO)
    usual = appointment.at_wall_time(date(2027, 3, 14), time(3, 0), CHICAGO)
    assert usual == datetime(2027, 3, 14, 8, 0, tzinfo=UTC)


# -- over the API


@dataclass(frozen=True)
class Plan:
    """An office, with whom its appointments are."""

    office: Office
    provider: str

    def body(self, **different: Any) -> Json:
        at = datetime.combine(today_there() + timedelta(days=1), time(10), CHICAGO)
        return {
            "client_id": str(self.office.client),
            "staff_id": self.provider,
            "starts_at": at.isoformat(),
            **different,
        }


def today_there() -> date:
    return datetime.now(CHICAGO).date()


@pytest.fixture
async def plan(database: Database, office: Office) -> Plan:
    return Plan(office, str(await staff_id(database, office, office.provider_email)))


async def test_an_appointment_that_is_sent_again_is_one(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    office = plan.office
    made = await api.post(PATH, json=plan.body(), headers=office.bearer)
    assert made.status_code == HTTPStatus.CREATED, made.text
    assert (made.json()["client_name"], made.json()["minutes"]) == ("Jordan Canaryname", 50)
    again = await api.post(PATH, json=plan.body(), headers=office.bearer)
    assert (again.status_code, again.json()) == (HTTPStatus.OK, made.json())
    other = await api.post(PATH, json=plan.body(minutes=90), headers=office.bearer)
    assert (other.status_code, "Cancel that one first" in other.json()["detail"]) == (HTTPStatus.CONFLICT, True)

    cancel = f"{PATH}/{made.json()['id']}/cancel"
    for _ in range(2):
        assert (await api.post(cancel, headers=office.bearer)).json()["cancelled_at"]
    anew = await api.post(PATH, json=plan.body(minutes=90), headers=office.bearer)
    assert anew.status_code == HTTPStatus.CREATED
    actions = [line.action for line in await log(database, office) if line.chart == office.client]
    assert (actions.count(Action.MADE_APPOINTMENT), actions.count(Action.CANCELLED_APPOINTMENT)) == (2, 1)


async def test_an_appointment_is_moved_once_and_its_log_keeps_where_it_was(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    office = plan.office
    made = (await api.post(PATH, json=plan.body(), headers=office.bearer)).json()
    other = (await api.post(PATH, json=plan.body(kind="group", **at(3)), headers=office.bearer)).json()
    move = f"{PATH}/{made['id']}/move"
    for _ in range(2):
        moved = await api.post(move, json=at(2), headers=office.bearer)
        assert moved.status_code == HTTPStatus.OK, moved.text
        begins = datetime.fromisoformat(moved.json()["starts_at"])
        assert begins == datetime.fromisoformat(at(2)["starts_at"])
        assert moved.json() | {"starts_at": 0, "ends_at": 0} == made | {"starts_at": 0, "ends_at": 0}
    longer = (await api.post(move, json=at(2) | {"minutes": 90, "kind": "family"}, headers=office.bearer)).json()
    assert (longer["minutes"], longer["kind"]) == (90, "family")

    taken = await api.post(move, json={"starts_at": other["starts_at"]}, headers=office.bearer)
    assert (taken.status_code, "another appointment" in taken.json()["detail"]) == (HTTPStatus.CONFLICT, True)
    for wrong in ({"minutes": 4}, {"kind": "party"}, {"staff_id": str(uuid4())}, {"client_id": str(office.client)}):
        refused = await api.post(move, json=at(4) | wrong, headers=office.bearer)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text
    await api.post(f"{PATH}/{made['id']}/cancel", headers=office.bearer)
    late = await api.post(move, json=at(5), headers=office.bearer)
    assert (late.status_code, "is cancelled" in late.json()["detail"]) == (HTTPStatus.CONFLICT, True)

    lines = [line for line in await log(database, office) if line.action == Action.MOVED_APPOINTMENT]
    assert [line.chart for line in lines] == [office.client] * 2
    first, second = lines
    assert str(first.detail["was"]).endswith(f"50, individual, {plan.provider}")
    assert first.detail["now"] == second.detail["was"] != second.detail["now"]


async def test_an_appointment_is_not_put_into_a_past_in_which_nobody_looks(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    bearer, long_ago = plan.office.bearer, at(-200)
    made = (await api.post(PATH, json=plan.body(), headers=bearer)).json()
    move = f"{PATH}/{made['id']}/move"
    for path, body in ((PATH, plan.body(**long_ago)), (move, long_ago)):
        refused = await api.post(path, json=body, headers=bearer)
        told = "This day is more than 90 days ago. Check the year."
        assert (refused.status_code, refused.json()["detail"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, told)
    assert (await api.post(move, json=at(-80), headers=bearer)).status_code == HTTPStatus.OK

    # one that is there already may be sent again, and be corrected
    async with database.practice(plan.office.practice) as transaction:
        begins = datetime.fromisoformat(long_ago["starts_at"])
        await transaction.execute(
            appointment.MOVE, UUID(made["id"]), begins, 50, AppointmentKind.INDIVIDUAL, UUID(plan.provider)
        )
    assert (await api.post(PATH, json=plan.body(**long_ago), headers=bearer)).status_code == HTTPStatus.OK
    assert (await api.post(move, json=long_ago | {"minutes": 90}, headers=bearer)).json()["minutes"] == 90


def at(days: int) -> Json:
    """Ten o'clock of a day to come, or of one before, as the body that names a time."""
    return {"starts_at": datetime.combine(today_there() + timedelta(days=days), time(10), CHICAGO).isoformat()}


async def test_of_two_who_move_to_one_time_at_once_one_is_told(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    bearer = plan.office.bearer
    two = [(await api.post(PATH, json=plan.body(**at(days)), headers=bearer)).json()["id"] for days in (1, 2)]
    answers = await asyncio.gather(*(api.post(f"{PATH}/{one}/move", json=at(6), headers=bearer) for one in two))
    assert sorted(one.status_code for one in answers) == [HTTPStatus.OK, HTTPStatus.CONFLICT]


async def test_days_are_those_of_the_practice_also_when_the_clocks_change(api: httpx2.AsyncClient, plan: Plan) -> None:
    bearer = plan.office.bearer
    # 7 November 2027 has 25 hours in Chicago: the last minute of it is 05:59 UTC of the next
    for at in ("2027-11-07T05:00:00Z", "2027-11-08T05:45:00Z", "2027-11-08T06:00:00Z", "2027-11-07T04:55:00Z"):
        made = await api.post(PATH, json=plan.body(starts_at=at, minutes=10), headers=bearer)
        assert made.status_code == HTTPStatus.CREATED, made.text
    day = (await api.get(f"{PATH}?since=2027-11-07", headers=bearer)).json()
    assert day["timezone"] == "America/Chicago"
    begins = [datetime.fromisoformat(one["starts_at"]) for one in day["appointments"]]
    assert begins == [datetime(2027, 11, 7, 5, tzinfo=UTC), datetime(2027, 11, 8, 5, 45, tzinfo=UTC)]
    week = (await api.get(f"{PATH}?since=2027-11-06&days=3", headers=bearer)).json()["appointments"]
    assert len(week) == 4
    other = (await api.get(f"{PATH}?since=2027-11-06&days=3&staff_id={uuid4()}", headers=bearer)).json()
    assert other["appointments"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 4},
        {"minutes": 721},
        {"kind": "party"},
        {"starts_at": "2027-11-07T05:00:00"},
        {"starts_at": "2027-11-07T05:00:30Z"},
        {"starts_at": "0001-01-01T00:00:00+14:00"},
        {"starts_at": "9999-12-31T23:59:00-14:00"},
        {"staff_id": str(uuid4())},
    ],
)
async def test_what_cannot_be_an_appointment_is_refused(api: httpx2.AsyncClient, plan: Plan, wrong: Json) -> None:
    refused = await api.post(PATH, json=plan.body(**wrong), headers=plan.office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, refused.text


async def test_an_appointment_is_with_a_provider_or_supervisor(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    auditor = str(await staff_id(database, plan.office, plan.office.auditor_email))
    refused = await api.post(PATH, json=plan.body(staff_id=auditor), headers=plan.office.bearer)
    assert (refused.status_code, "providers and supervisors" in refused.json()["detail"]) == (422, True)


async def test_who_may_not(api: httpx2.AsyncClient, database: Database, plan: Plan, other_office: Office) -> None:
    office = plan.office
    made = (await api.post(PATH, json=plan.body(), headers=office.bearer)).json()
    async with database.practice(office.practice) as transaction:
        only_reading = await api_key.make(
            transaction, office.practice, "weak", frozenset({Right.READ_CHARTS}), lasts=timedelta(days=1)
        )
        only_sharing = await api_key.make(
            transaction, office.practice, "odd", frozenset({Right.SHARE}), lasts=timedelta(days=1)
        )
    reading, sharing = ({"authorization": f"Bearer {one}"} for one in (only_reading, only_sharing))
    auditor = await staff(api, office.auditor_email) | {"accept": "application/json"}
    for who, reads, status in (
        (reading, HTTPStatus.OK, HTTPStatus.FORBIDDEN),
        (auditor, HTTPStatus.OK, HTTPStatus.FORBIDDEN),
        (sharing, HTTPStatus.FORBIDDEN, HTTPStatus.FORBIDDEN),
        (other_office.bearer, HTTPStatus.OK, HTTPStatus.NOT_FOUND),
    ):
        assert (await api.get(f"{PATH}?days=42", headers=who)).status_code == reads
        assert (await api.post(PATH, json=plan.body(), headers=who)).status_code == status
        assert (await api.post(f"{PATH}/{made['id']}/cancel", headers=who)).status_code == status
        assert (await api.post(f"{PATH}/{made['id']}/move", json=at(2), headers=who)).status_code == status
    assert (await api.get(f"{PATH}?days=42", headers=other_office.bearer)).json()["appointments"] == []


async def test_the_calendar_shows_nothing_of_a_closed_chart(
    api: httpx2.AsyncClient, database: Database, restricted: Restricted
) -> None:
    office = restricted.office
    plan = Plan(office, str(await staff_id(database, office, office.provider_email)))
    made = await api.post(PATH, json=plan.body(), headers=restricted.provider)
    assert made.status_code == HTTPStatus.CREATED, made.text
    week = f"/calendar?view=week&day={today_there() + timedelta(days=1)}&of=everybody"
    for who, open_ in ((restricted.provider, True), (restricted.outsider, False), (restricted.admin, False)):
        listed = (await api.get(f"{PATH}?days=3", headers=who)).json()["appointments"]
        assert bool(listed) is open_
        assert ("Canaryname" in await shown(api, week, who | {"accept": "text/html"})) is open_
    for who in (restricted.outsider, office.bearer):
        assert (await api.post(PATH, json=plan.body(), headers=who)).status_code == HTTPStatus.FORBIDDEN
        cancel = f"{PATH}/{made.json()['id']}/cancel"
        assert (await api.post(cancel, headers=who)).status_code == HTTPStatus.NOT_FOUND
        move = f"{PATH}/{made.json()['id']}/move"
        assert (await api.post(move, json=at(2), headers=who)).status_code == HTTPStatus.NOT_FOUND
        page = f"/charts/{office.client}/appointments/{made.json()['id']}"
        assert (await api.get(page, headers=who)).status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.SEE_OTHER}
        form = f"/charts/{office.client}/appointments/new"
        assert (await api.get(form, headers=who)).status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.SEE_OTHER}


async def test_the_database_changes_nothing_of_an_appointment_but_its_place_and_its_end(
    database: Database, plan: Plan
) -> None:
    async with database.practice(plan.office.practice) as transaction:
        for statement in ("update appointment set client_id = client_id", "delete from appointment"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with transaction.transaction():
                    await transaction.execute(statement)


# -- on the pages, without a script


async def test_the_chart_gets_an_appointment_and_the_calendar_leads_to_the_chart(
    api: httpx2.AsyncClient, database: Database, plan: Plan
) -> None:
    office = plan.office
    me, chart = await staff(api, office.provider_email), f"/charts/{office.client}"
    day = today_there() + timedelta(days=2)
    form = {"day": f"{day}", "at": "09:15", "minutes": "45", "kind": "intake", "colleague": plan.provider}
    for wrong, says in (
        ({"day": "soon"}, "Enter the day as year-month-day"),
        ({"at": "noon"}, "Enter the time as hour:minute"),
        ({"minutes": "long"}, "how many minutes"),
        ({"minutes": "0"}, "5 to 720 minutes"),
        ({"kind": "x"}, "Choose what it is"),
        ({"colleague": ""}, "Choose with whom"),
        ({"day": "2999-01-01"}, "within ten years"),
    ):
        refused = await api.post(f"{chart}/appointments/new", data=form | wrong, headers=me)
        assert (refused.status_code, says in refused.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), wrong
    assert 'value="09:15"' in refused.text
    made = await api.post(f"{chart}/appointments/new", data=form, headers=me)
    assert made.headers["location"] == f"{chart}?done=appointment-made"
    again = await api.post(f"{chart}/appointments/new", data=form, headers=me)
    assert again.headers["location"] == f"{chart}?done=appointment-there"

    calendar = await api.get(f"/calendar?day={day}", headers=me)
    assert re.search(rf'<a class="stretched" href="{chart}">Jordan Canaryname</a>', calendar.text)
    assert "9:15\u202fAM" in calendar.text
    assert f"day={day - timedelta(days=1)}" in calendar.text
    assert f"day={day + timedelta(days=1)}" in calendar.text
    assert Action.VIEWED_CALENDAR in {line.action for line in await log(database, office)}
    assert "Intake, 45 minutes with Maya Chen" in await shown(api, chart, me)

    page = re.findall(
        r'href="(/charts/[0-9a-f-]{36}/appointments/[0-9a-f-]{36})"', (await api.get(chart, headers=me)).text
    )
    assert f'value="{day}"' in (await api.get(page[0], headers=me)).text
    late = await api.post(page[0], data=form | {"at": "9"}, headers=me)
    assert (late.status_code, "hour:minute" in late.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    moved = await api.post(page[0], data=form | {"at": "16:00", "minutes": "30"}, headers=me)
    assert "The appointment is changed." in await shown(api, moved.headers["location"], me)
    assert "4:00\u202fPM" in (await api.get(f"/calendar?day={day}", headers=me)).text
    cancel = re.findall(rf'action="({page[0]}/cancel)"', (await api.get(page[0], headers=me)).text)
    elsewhere = cancel[0].replace(str(office.client), str(office.unregistered))
    assert (await api.post(elsewhere, headers=me)).status_code == HTTPStatus.NOT_FOUND
    done = await api.post(cancel[0], headers=me)
    assert "The appointment is cancelled." in await shown(api, done.headers["location"], me)
    assert "Canaryname" not in await shown(api, f"/calendar?day={day}", me)


async def test_whoever_may_only_read_is_offered_no_appointment(api: httpx2.AsyncClient, office: Office) -> None:
    auditor = await staff(api, office.auditor_email)
    chart = f"/charts/{office.client}"
    assert "New appointment" not in await shown(api, chart, auditor)
    assert (await api.get(f"{chart}/appointments/new", headers=auditor)).status_code == HTTPStatus.FORBIDDEN
    assert "Everybody’s" in await shown(api, "/calendar", auditor)
    assert "Mine" not in await shown(api, "/calendar", auditor)


async def test_a_calendar_that_is_asked_for_oddly_is_still_one(
    api: httpx2.AsyncClient, office: Office, configured: Settings
) -> None:
    me = await staff(api, office.provider_email)
    odd = await shown(api, "/calendar?view=year&day=never&of=nobody", me)
    assert "No appointments on this day." in odd
    assert (await api.get("/calendar?day=9999-12-31", headers=me)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "This week" in await shown(api, "/calendar?view=week", me)
    changed = await shown(api, "/calendar?view=week&day=2027-11-07", me)
    assert "The clocks are changed on this day." in changed


# -- the Chart Room


async def test_the_chart_room_shows_what_a_colleague_opened_lately_and_nothing_that_is_closed(
    api: httpx2.AsyncClient, restricted: Restricted
) -> None:
    office = restricted.office
    html = {"accept": "text/html"}
    provider, outsider = restricted.provider | html, restricted.outsider | html
    assert "Opened lately" not in await shown(api, "/charts", provider)
    for client_id in (office.client, office.unregistered, office.client):
        await api.get(f"/charts/{client_id}", headers=provider)
    listed = await shown(api, "/charts", provider)
    assert re.search("Opened lately Jordan Canaryname Priya Natarajan", listed)
    assert "Opened lately" not in await shown(api, "/charts", outsider)
    await api.post(f"/charts/{office.client}/break-glass", data={"reason": "An emergency."}, headers=outsider)
    await api.get(f"/charts/{office.client}", headers=outsider)
    assert "Opened lately Jordan Canaryname" in await shown(api, "/charts", outsider)
    body = {"reason": "Back again.", "care_team": [str(restricted.supervisor)]}
    done = await api.put(f"/api/v1/clients/{office.client}/restriction", json=body, headers=restricted.admin)
    assert done.status_code == HTTPStatus.OK
    assert "Opened lately Priya Natarajan" in await shown(api, "/charts", provider)
