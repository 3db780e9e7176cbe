"""How the practice works, and in which language it writes (SPEC G9, N5)."""

from email import message_from_string
from email.header import decode_header, make_header
from http import HTTPStatus

import httpx2
import pytest

from chart import consent
from chart.audit import Action
from gateways.postgres import Database
from identity import account
from identity.caller import Role
from settings import Settings
from tests.conftest import Mailbox
from tests.office import PASSWORD, Office, add_staff
from tests.sign_ins import sign_in_staff
from tests.test_audit import log
from tests.test_endings import ask, soon
from tests.test_portal import HTML, shown, sign_in
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


# -- pages in the language of the account


async def test_an_account_chooses_its_language_and_nobody_else_does(api: httpx2.AsyncClient, office: Office) -> None:
    for page, place, said in (
        (await sign_in(api, office.client_email), "/portal", "Bandeja de entrada"),
        (HTML | await sign_in_staff(api, office.provider_email), "", "Sala de expedientes"),
    ):
        refused = await api.post(f"{place}/account/language", data={"language": "xx"}, headers=page)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        stranger = await api.post(f"{place}/account/language", data={"language": "es"}, headers=HTML)
        assert (stranger.status_code, stranger.headers["location"]) == (303, f"{place}/sign-in?next={place}/account")
        chosen = await api.post(f"{place}/account/language", data={"language": "es"}, headers=page)
        assert chosen.headers["location"] == f"{place}/account?done=language"
        answer = await api.get(f"{place}/account", headers=page)
        assert said in answer.text
        assert answer.headers["content-language"] == "es-US"


async def test_a_problem_is_told_in_the_language_of_the_account_and_to_programs_in_english(
    api: httpx2.AsyncClient, office: Office
) -> None:
    me = await portal(api, office)
    await api.put("/api/v1/portal/language", json={"language": "es"}, headers=me)
    path = f"/api/v1/portal/documents/{office.note.id}"
    mine = await api.get(path, headers=me)
    assert mine.json()["detail"] == "Este documento no existe, o no está compartido con usted."
    assert (mine.json()["title"], mine.json()["type"]) == ("No se encontró", "/problems/not-found")
    assert mine.headers["content-language"] == "es-US"
    program = await api.get(f"/api/v1/documents/{office.client}", headers=office.bearer | {"accept-language": "es"})
    assert (program.json()["title"], program.headers["content-language"]) == ("Not found", "en-US")
    # labels are values
    await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=office.bearer)
    assert (await api.get(path, headers=me)).json()["document"]["tag"] == "Pending Review"


async def test_whoever_registers_on_a_spanish_page_has_a_spanish_account(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    email = f"ana-{office.unregistered}@demo.example"
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction, office.practice, office.unregistered, email=email, name="Ana", relationship="self"
        )
    typed = {"token": invitation.token, "new_password": "short"}
    refused = await api.post("/portal/register?lang=es", data=typed, headers=HTML)
    assert "Elija una contraseña de 15 a 256 caracteres." in refused.text
    kept = {"cookie": refused.headers["set-cookie"].split(";")[0]}
    done = await api.post("/portal/register", data=typed | {"new_password": PASSWORD}, headers=HTML | kept)
    assert done.status_code == HTTPStatus.SEE_OTHER
    assert '<html lang="es-US">' in (await api.get("/portal/inbox", headers=await sign_in(api, email))).text


async def test_the_consent_in_spanish_is_a_version_of_its_own_and_holds_in_english(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me = await portal(api, office)
    english = (await api.get("/api/v1/portal/consent", headers=me)).json()
    await api.put("/api/v1/portal/language", json={"language": "es"}, headers=me)
    spanish = (await api.get("/api/v1/portal/consent", headers=me)).json()
    assert spanish["version"].startswith(f"{consent.EDITION}-es.")
    assert "Pida al consultorio una copia en papel" in " ".join(spanish["paragraphs"])
    assert english["version"].startswith(f"{consent.EDITION}.")
    await api.post("/api/v1/portal/consent", json={"version": spanish["version"]}, headers=me)
    await api.put("/api/v1/portal/language", json={"language": "en"}, headers=me)
    held = (await api.get("/api/v1/portal/consent", headers=me)).json()
    assert held["given_at"] is not None
    async with database.practice(office.practice) as transaction:
        kept = await transaction.fetchrow("select * from consent_text")
        said = "select detail from audit where action = 'consented to electronic records'"
        assert spanish["version"] in await transaction.fetchval(said)
    assert kept
    assert (kept["version"], kept["text"]) == (spanish["version"], "\n\n".join(spanish["paragraphs"]))


async def test_a_practice_words_its_paper_option_in_each_language(api: httpx2.AsyncClient, office: Office) -> None:
    me = await portal(api, office)
    await api.put("/api/v1/portal/language", json={"language": "es"}, headers=me)

    async def read() -> str:
        return " ".join((await api.get("/api/v1/portal/consent", headers=me)).json()["paragraphs"])

    await api.patch("/api/v1/practice", json={"paper_option": "Call us."}, headers=office.bearer)
    assert "Call us." in await read()  # never words that the practice has not said
    changed = await api.patch("/api/v1/practice", json={"paper_option_es": "Llámenos."}, headers=office.bearer)
    assert changed.json()["paper_option_es"] == "Llámenos."
    assert "Llámenos." in await read()
    refused = await api.patch("/api/v1/practice", json={"paper_option_es": "a\nb"}, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    untouched = await api.patch("/api/v1/practice", json={"language": None, "request_days": 60}, headers=office.bearer)
    assert untouched.json()["paper_option_es"] == "Llámenos."
    cleared = await api.patch("/api/v1/practice", json={"paper_option_es": None}, headers=office.bearer)
    assert cleared.json()["paper_option_es"] is None
    assert "Call us." in await read()


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
    form = SETTINGS | {"paper_option": before["paper_option"].replace(" ", "\r\n")}  # a field of several lines
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
        refused = await api.get("/settings", headers=me)
        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert "Your role does not allow this." in refused.text
        assert 'href="/calendar"' in refused.text  # the bar with their ways stays
        missing = await api.get(f"/charts/{office.practice}", headers=me)
        assert (missing.status_code, 'href="/calendar"' in missing.text) == (HTTPStatus.NOT_FOUND, True)
        assert (await api.post("/settings", data=SETTINGS, headers=me)).status_code == HTTPStatus.FORBIDDEN
