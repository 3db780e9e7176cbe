"""How the practice works, and in which language it writes (SPEC G9, N5)."""

from email import message_from_string
from email.header import decode_header, make_header
from http import HTTPStatus

import httpx2
import pytest

from chart.audit import Action
from gateways.postgres import Database
from identity.caller import Role
from settings import Settings
from tests.conftest import Mailbox
from tests.office import Office, add_staff
from tests.sign_ins import sign_in_staff
from tests.test_audit import log
from tests.test_endings import ask, soon
from tests.test_portal import shown
from tests.test_signing import portal

pytestmark = pytest.mark.usefixtures("worker")


async def test_reminders_follow_the_practices_schedule(api: httpx2.AsyncClient, office: Office) -> None:
    changed = await api.patch(
        "/api/v1/practice", json={"reminder_days": [1, 2], "request_days": 30}, headers=office.bearer
    )
    assert (changed.status_code, changed.json()["reminder_days"]) == (HTTPStatus.OK, [1, 2])
    request = await ask(api, office)
    assert len(request["reminders"]) == 2


@pytest.mark.parametrize(
    "wrong", [{"reminder_days": [5, 3]}, {"timezone": "Mars/Olympus"}, {"request_days": 0}, {"name": "Other"}]
)
async def test_what_cannot_be_is_refused(api: httpx2.AsyncClient, office: Office, wrong: dict[str, object]) -> None:
    refused = await api.patch("/api/v1/practice", json=wrong, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_only_an_administrator_sets_the_practice(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office
) -> None:
    refused = await api.patch(
        "/api/v1/practice", json={"language": "es"}, headers=await sign_in_staff(api, office.provider_email)
    )
    assert refused.status_code == HTTPStatus.FORBIDDEN
    async with database.practice(office.practice) as transaction:
        email = f"admin-{office.practice}@demo.example"
        await add_staff(transaction, configured, office.practice, email=email, name="Ada", role=Role.ADMIN)
    admin = await sign_in_staff(api, email)
    allowed = await api.patch("/api/v1/practice", json={"language": "es"}, headers=admin)
    assert allowed.status_code == HTTPStatus.OK, allowed.text


async def test_mail_speaks_the_accounts_language(api: httpx2.AsyncClient, office: Office, mailbox: Mailbox) -> None:
    me = await portal(api, office)
    assert (await api.put("/api/v1/portal/language", json={"language": "es"}, headers=me)).status_code == 204
    await ask(api, office)
    assert await soon(lambda: mailbox.to(office.client_email))
    mail = message_from_string(mailbox.to(office.client_email)[0])
    assert str(make_header(decode_header(mail["subject"]))) == "Tiene un mensaje nuevo en el portal"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "Inicie sesión" in body.decode()


async def test_an_invitation_speaks_the_practices_language(
    api: httpx2.AsyncClient, office: Office, mailbox: Mailbox
) -> None:
    await api.patch("/api/v1/practice", json={"language": "es"}, headers=office.bearer)
    email = f"priya-{office.unregistered}@demo.example"
    path = f"/api/v1/clients/{office.unregistered}/invitations"
    await api.post(path, json={"email": email, "name": "Priya Natarajan"}, headers=office.bearer)
    assert await soon(lambda: mailbox.to(email))
    assert "Portal del Cliente" in str(make_header(decode_header(message_from_string(mailbox.to(email)[0])["subject"])))


async def test_a_clients_time_zone_moves_the_reminders(api: httpx2.AsyncClient, office: Office) -> None:
    there = f"/api/v1/clients/{office.client}/timezone"
    assert (await api.put(there, json={"timezone": "Nowhere/At All"}, headers=office.bearer)).status_code == 422
    assert (await api.put(there, json={"timezone": "Pacific/Auckland"}, headers=office.bearer)).status_code == 204
    assert (await ask(api, office))["reminders"]


# -- the page


SETTINGS = {
    "timezone": "America/Chicago",
    "language": "en",
    "request_days": "60",
    "reminder_days": "3, 7, 14",
    "reminders_optional": "yes",
    "majority_age": "18",
}


async def test_an_administrator_changes_the_settings_on_a_page_without_a_script(
    api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        email = f"admin-{office.practice}@demo.example"
        await add_staff(transaction, configured, office.practice, email=email, name="Ada", role=Role.ADMIN)
    admin = {"accept": "text/html"} | await sign_in_staff(api, email)
    before = (await api.get("/api/v1/practice", headers=admin)).json()
    form = SETTINGS | {"paper_option": before["paper_option"]}
    same = await api.post("/settings", data=form, headers=admin)
    assert "Nothing was changed." in await shown(api, same.headers["location"], admin)
    for wrong, says in (
        ({"timezone": "Mars/Olympus"}, "This is not a time zone."),
        ({"language": "de"}, "The languages are en and es."),
        ({"request_days": "many"}, "after how many days a request expires"),
        ({"request_days": "366"}, "A request waits 1 to 365 days."),
        ({"reminder_days": "soon"}, "Give days as numbers"),
        ({"reminder_days": "7, 3"}, "each later than the one before"),
        ({"majority_age": "30"}, "between 16 and 25"),
        ({"paper_option": " "}, "Say how clients come to paper"),
    ):
        refused = await api.post("/settings", data=form | {"request_days": "45"} | wrong, headers=admin)
        assert (refused.status_code, says in refused.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), wrong
    assert 'value="45"' in refused.text
    wanted = form | {"request_days": "45", "reminder_days": "", "timezone": "America/Denver", "language": "es"}
    del wanted["reminders_optional"]
    done = await api.post("/settings", data=wanted, headers=admin)
    assert "The settings are changed." in await shown(api, done.headers["location"], admin)
    after = (await api.get("/api/v1/practice", headers=admin)).json()
    assert after == before | {
        "request_days": 45,
        "reminder_days": [],
        "timezone": "America/Denver",
        "language": "es",
        "reminders_optional": False,
    }
    changed = [line.detail["changed"] for line in await log(database, office) if line.action == Action.CHANGED_PRACTICE]
    assert changed == ["language, reminder_days, reminders_optional, request_days, timezone"]


async def test_nobody_else_sees_the_settings_page(api: httpx2.AsyncClient, office: Office) -> None:
    for email in (office.provider_email, office.auditor_email):
        me = {"accept": "text/html"} | await sign_in_staff(api, email)
        assert 'href="/settings"' not in (await api.get("/charts", headers=me)).text
        assert (await api.get("/settings", headers=me)).status_code == HTTPStatus.FORBIDDEN
        assert (await api.post("/settings", data=SETTINGS, headers=me)).status_code == HTTPStatus.FORBIDDEN
