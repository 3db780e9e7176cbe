"""How a client is written to: in which language, and with or without reminders (SPEC G9, N5)."""

from http import HTTPStatus
from uuid import UUID

import httpx2
import pytest

from chart import message
from chart.audit import Action
from chart.ids import RequestId
from chart.message import MessageAbout
from gateways.postgres import Database
from tests.office import Office
from tests.test_audit import log, staff
from tests.test_counter_sign import next_reminder
from tests.test_endings import ask
from tests.test_portal import shown, sign_in
from tests.test_signing import portal

pytestmark = pytest.mark.usefixtures("worker")

PAGE = "/portal/preferences"


async def told(database: Database, office: Office, request_id: str, occasion: str) -> int:
    """How many would get an email on this occasion."""
    async with database.practice(office.practice) as transaction:
        of = RequestId(UUID(request_id))
        found = await message.letters(transaction, of, MessageAbout.RECORD_REQUEST, occasion, [office.party])
        return len(found)


async def test_a_client_stops_the_reminders_and_never_the_request(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = await sign_in(api, office.client_email)
    assert "We remind you by email" in await shown(api, PAGE, me)
    off = await api.post(f"{PAGE}/reminders", data={"reminders": "off"}, headers=me)
    assert "You get no more reminders." in await shown(api, off.headers["location"], me)
    request = await ask(api, office)
    assert [await told(database, office, request["id"], one) for one in ("first", "reminder-1")] == [1, 0]
    refused = await api.post(f"/api/v1/requests/{request['id']}/remind", headers=office.bearer)
    assert (refused.status_code, "no reminders" in refused.json()["detail"]) == (HTTPStatus.CONFLICT, True)

    page, desk = f"/charts/{office.client}/requests/{request['id']}", await staff(api, office.provider_email)
    assert "To come: Reminder" not in await shown(api, page, desk)
    assert not await next_reminder(api, office)

    # the practice that reminds everybody reminds this client too
    await api.patch("/api/v1/practice", json={"reminders_optional": False}, headers=office.bearer)
    assert await told(database, office, request["id"], "reminder-1") == 1
    assert "To come: Reminder" in await shown(api, page, desk)
    assert await next_reminder(api, office)
    on = await api.post(f"{PAGE}/reminders", data={"reminders": "on"}, headers=me)
    assert on.headers["location"] == f"{PAGE}?done=reminders-on"
    refused = await api.post(f"{PAGE}/reminders", data={"reminders": "off"}, headers=me)
    assert (refused.status_code, "Your practice reminds everybody." in refused.text) == (422, True)
    assert "Stop the reminders" not in (await api.get(PAGE, headers=me)).text
    await api.post(f"{PAGE}/reminders", data={"reminders": "on"}, headers=me)  # as it is: nothing to write down
    changed = [line for line in await log(database, office) if line.action == Action.CHANGED_REMINDERS]
    assert [line.detail["wanted"] for line in changed] == [0, 1]


async def test_an_app_reads_and_sets_preferences(api: httpx2.AsyncClient, office: Office) -> None:
    bearer = await portal(api, office)
    preferences = (await api.get("/api/v1/portal/preferences", headers=bearer)).json()
    assert preferences == {"language": "en", "reminders": True, "reminders_optional": True}
    silent = await api.put("/api/v1/portal/reminders", json={"reminders": False}, headers=bearer)
    assert silent.status_code == HTTPStatus.NO_CONTENT
    assert (await api.get("/api/v1/portal/preferences", headers=bearer)).json()["reminders"] is False


async def test_preferences_lead_to_what_keeps_the_account_safe(api: httpx2.AsyncClient, office: Office) -> None:
    me = await sign_in(api, office.client_email)
    page = (await api.get(PAGE, headers=me)).text
    for link in (
        "/portal/account/password",
        "/portal/account#language-title",
        "/portal/account#factors-title",
        "/portal/account#sessions-title",
    ):
        assert f'href="{link}"' in page
    assert "Not in use" in page
    assert (await api.get(PAGE)).headers["location"].startswith("/portal/sign-in")
