"""Staff: invited, given another role, helped after losing every second factor, and gone at once when access ends."""

import asyncio
import re
from dataclasses import dataclass
from email import message_from_string
from email.header import decode_header, make_header
from http import HTTPStatus
from typing import Any

import httpx2
import pytest

from chart.audit import Action
from chart.ids import StaffId
from gateways.postgres import Database
from identity.caller import Role, Surface
from settings import Settings
from tests.conftest import Mailbox
from tests.office import PASSWORD, Office
from tests.sign_ins import code_of, cookie_of, has_app, sign_in_staff
from tests.test_audit import log
from tests.test_counter_sign import staff_id
from tests.test_endings import ask, read, soon
from tests.test_portal import shown
from tests.test_restricted import colleague

pytestmark = pytest.mark.usefixtures("worker")

HTML = {"accept": "text/html"}
WHY = {"reason": "Seen in person this morning."}
NEW_PASSWORD = "linen-harbor-quartz-otter"


@dataclass(frozen=True)
class Desk:
    """An administrator at work."""

    office: Office
    admin: dict[str, str]
    provider: StaffId

    @property
    def page(self) -> str:
        return f"/staff/{self.provider}"


@pytest.fixture
async def desk(api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office) -> Desk:
    _, email = await colleague(database, configured, office, Role.ADMIN)
    provider = await staff_id(database, office, office.provider_email)
    return Desk(office, HTML | await sign_in_staff(api, email), provider)


def subject_of(mail: str) -> str:
    return str(make_header(decode_header(message_from_string(mail)["subject"])))


async def link_to(mailbox: Mailbox, email: str, subject: str) -> str:
    """The token in the newest mail about this."""

    def found() -> list[str]:
        return [one for one in mailbox.to(email) if subject_of(one) == subject]

    assert await soon(found), mailbox.to(email)
    body = message_from_string(found()[-1]).get_payload(decode=True)
    assert isinstance(body, bytes)
    (token,) = re.findall(r"#([\w-]{43})", body.decode())
    return str(token)


async def first_step(api: httpx2.AsyncClient, email: str, password: str = PASSWORD) -> httpx2.Response:
    return await api.post("/sign-in", data={"email": email, "password": password}, headers=HTML)


async def enrol(api: httpx2.AsyncClient, email: str, half: dict[str, str]) -> httpx2.Response:
    """Add an authenticator app as the page asks for it."""
    page = await api.get("/sign-in/enrol", headers=HTML | half)
    key = re.search(r'<code class="key">([^<]+)</code>', page.text)
    assert key, page.text
    has_app(email, key[1])
    return await api.post("/sign-in/enrol", data={"code": await code_of(email)}, headers=HTML | half)


async def choose_password(api: httpx2.AsyncClient, token: str) -> httpx2.Response:
    used = await api.post("/sign-in/reset", data={"token": token}, headers=HTML)
    if used.status_code != HTTPStatus.SEE_OTHER:
        return used
    half = cookie_of(used, Surface.CHART)
    return await api.post("/sign-in/new-password", data={"new_password": NEW_PASSWORD}, headers=HTML | half)


# -- inviting


async def test_an_invited_colleague_chooses_a_password_adds_a_factor_and_is_in(
    api: httpx2.AsyncClient, database: Database, desk: Desk, mailbox: Mailbox
) -> None:
    email = f"new-{desk.office.practice.hex}@demo.example"
    form = {"name": "Sam Ortiz", "email": email, "role": "supervisor"}
    for wrong, says in (
        ({"name": ""}, "Enter the name"),
        ({"email": "sam@"}, "This is not an email address."),
        ({"email": f"{'s' * 250}@demo.example"}, "This is not an email address."),
        ({"role": "owner"}, "Choose the role"),
        ({"email": desk.office.provider_email.upper()}, "A colleague has this email address already."),
    ):
        refused = await api.post("/staff", data=form | wrong, headers=desk.admin)
        assert (refused.status_code, says in refused.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True), wrong
    invited = await api.post("/staff", data=form, headers=desk.admin)
    assert "Invitation sent." in await shown(api, invited.headers["location"], desk.admin)
    assert "Invited, has not signed in yet" in await shown(api, "/staff", desk.admin)

    old = await link_to(mailbox, email, "Your access to the Chart Room")
    page = f"/staff/{await staff_id(database, desk.office, email)}"
    before = len(mailbox.to(email))
    assert (await api.post(f"{page}/invitation", headers=desk.admin)).headers["location"].endswith("colleague-invited")
    assert await soon(lambda: len(mailbox.to(email)) > before)
    assert (await choose_password(api, old)).status_code == HTTPStatus.CONFLICT
    token = await link_to(mailbox, email, "Your access to the Chart Room")
    async with database.practice(desk.office.practice) as transaction:
        assert token not in str(await transaction.fetch("select * from password_reset"))
    assert (await choose_password(api, token)).headers["location"] == "/sign-in?done=new-password"
    half = await first_step(api, email, NEW_PASSWORD)
    assert half.headers["location"].startswith("/sign-in/enrol")
    inside = await enrol(api, email, cookie_of(half, Surface.CHART))
    assert (await api.get("/charts", headers=HTML | cookie_of(inside, Surface.CHART))).status_code == HTTPStatus.OK
    again = await api.post(f"{page}/invitation", headers=desk.admin)
    assert (again.status_code, "has signed in already" in again.text) == (HTTPStatus.CONFLICT, True)
    assert "Active" in await shown(api, page, desk.admin)
    actions = [line.action for line in await log(database, desk.office)]
    assert actions.count(Action.INVITED_COLLEAGUE) == 2


async def test_staff_is_listed_for_integrations_without_addresses(api: httpx2.AsyncClient, desk: Desk) -> None:
    listed = (await api.get("/api/v1/staff", headers=desk.office.bearer)).json()["staff"]
    assert {one["role"] for one in listed} == {"provider", "auditor", "admin"}
    assert "@" not in str(listed)


# -- who may


async def test_nobody_but_an_administrator_looks_after_staff(
    api: httpx2.AsyncClient, database: Database, desk: Desk, other_office: Office
) -> None:
    auditor = await staff_id(database, desk.office, desk.office.auditor_email)
    new = {"name": "Sam", "email": "sam@demo.example", "role": "admin"}
    posts: list[tuple[str, dict[str, str]]] = [
        ("/staff", new),
        (f"/staff/{auditor}/invitation", {}),
        (f"/staff/{auditor}/role", {"role": "admin"}),
        (f"/staff/{auditor}/end", WHY),
        (f"/staff/{auditor}/remove-factors", WHY),
    ]
    provider = HTML | await sign_in_staff(api, desk.office.provider_email)
    assert 'href="/staff"' not in (await api.get("/charts", headers=provider)).text
    for path in ("/staff", f"/staff/{auditor}"):
        assert (await api.get(path, headers=provider)).status_code == HTTPStatus.FORBIDDEN
    for path, body in posts:
        assert (await api.post(path, data=body, headers=provider)).status_code == HTTPStatus.FORBIDDEN, path
        key = await api.post(path, data=body, headers=desk.office.bearer)
        assert key.headers["location"].startswith("/sign-in"), path  # pages know no keys
    theirs = await staff_id(database, other_office, other_office.provider_email)
    for path, body in posts[1:]:
        foreign = path.replace(str(auditor), str(theirs))
        assert (await api.post(foreign, data=body, headers=desk.admin)).status_code == HTTPStatus.NOT_FOUND, path
    async with database.practice(desk.office.practice) as transaction:
        assert await transaction.fetchval("select count(*) from staff where role = 'admin'") == 1


async def test_nobody_changes_ends_or_helps_themself(api: httpx2.AsyncClient, database: Database, desk: Desk) -> None:
    async with database.practice(desk.office.practice) as transaction:
        me = await transaction.fetchval("select id from staff where role = 'admin'")
    assert "This is you." in await shown(api, f"/staff/{me}", desk.admin)
    for path, body in (("role", {"role": "auditor"}), ("end", WHY), ("remove-factors", WHY)):
        refused = await api.post(f"/staff/{me}/{path}", data=body, headers=desk.admin)
        assert (refused.status_code, "This is you" in refused.text) == (HTTPStatus.CONFLICT, True), path


async def test_an_old_sign_in_is_shown_again_before_rights_or_factors_change(
    api: httpx2.AsyncClient, database: Database, desk: Desk
) -> None:
    async with database.practice(desk.office.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    for path, body in (("role", {"role": "auditor"}), ("remove-factors", WHY), ("invitation", {})):
        asked = await api.post(f"{desk.page}/{path}", data=body, headers=desk.admin)
        assert asked.headers["location"] == f"/account/again?next={desk.page}%3Fdone%3Dagain", path
    ended = await api.post(f"{desk.page}/end", data=WHY, headers=desk.admin)
    assert ended.headers["location"] == f"{desk.page}?done=colleague-ended"


# -- role and end


async def test_another_role_signs_out_and_holds_from_the_next_sign_in(
    api: httpx2.AsyncClient, database: Database, desk: Desk
) -> None:
    provider = HTML | await sign_in_staff(api, desk.office.provider_email)
    odd = await api.post(f"{desk.page}/role", data={"role": "king"}, headers=desk.admin)
    assert odd.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    for _ in range(2):
        done = await api.post(f"{desk.page}/role", data={"role": "auditor"}, headers=desk.admin)
        assert done.headers["location"] == f"{desk.page}?done=role"
    assert (await api.get("/charts", headers=provider)).headers["location"].startswith("/sign-in")
    auditor = HTML | await sign_in_staff(api, desk.office.provider_email)
    share = await api.post(f"/charts/{desk.office.client}/documents/{desk.office.superbill.id}/share", headers=auditor)
    assert share.status_code == HTTPStatus.FORBIDDEN
    changed = [line for line in await log(database, desk.office) if line.action == Action.CHANGED_ROLE]
    assert [(line.detail["before"], line.detail["role"]) for line in changed] == [("provider", "auditor")]


async def test_ended_access_is_gone_at_once_and_comes_back_as_at_the_first_time(
    api: httpx2.AsyncClient, database: Database, desk: Desk, mailbox: Mailbox
) -> None:
    office, email = desk.office, desk.office.provider_email
    seats = [{"account_id": str(office.account)}, {"staff_id": str(desk.provider)}]
    request = await ask(api, office, signers=seats)
    provider = HTML | await sign_in_staff(api, email)
    half = cookie_of(await first_step(api, email), Surface.CHART)
    no_reason = await api.post(f"{desk.page}/end", data={"reason": " "}, headers=desk.admin)
    assert (no_reason.status_code, "Say why" in no_reason.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    for _ in range(2):
        assert (await api.post(f"{desk.page}/end", data=WHY, headers=desk.admin)).is_redirect
    assert (await api.get("/charts", headers=provider)).headers["location"].startswith("/sign-in")
    code = await api.post("/sign-in/second-factor", data={"code": await code_of(email)}, headers=HTML | half)
    assert "This took too long" in code.text
    assert (await first_step(api, email)).status_code == HTTPStatus.FORBIDDEN
    before = len(mailbox.to(email))
    await api.post("/sign-in/forgotten", data={"email": email}, headers=HTML)
    for path, body in (("role", {"role": "admin"}), ("remove-factors", WHY)):
        refused = await api.post(f"{desk.page}/{path}", data=body, headers=desk.admin)
        assert (refused.status_code, "access has ended" in refused.text) == (HTTPStatus.CONFLICT, True), path

    # who is gone is offered nowhere, and a request that waits for them says so
    listed = (await api.get("/api/v1/staff", headers=office.bearer)).json()["staff"]
    assert str(desk.provider) not in str(listed)
    found = await read(api, office, request["id"])
    assert [one["barred"] for one in found["signers"]] == [None, "left"]
    page = await shown(api, f"/charts/{office.client}/requests/{request['id']}", desk.admin)
    assert "Is no longer on the staff of the practice" in page
    assert len(mailbox.to(email)) == before

    taken = {"name": "Maya Chen", "email": email, "role": "provider"}
    refused = await api.post("/staff", data=taken, headers=desk.admin)
    assert "whose access has ended has this email address" in refused.text
    await api.post(f"{desk.page}/invitation", headers=desk.admin)
    token = await link_to(mailbox, email, "Your access to the Chart Room")
    assert (await first_step(api, email)).status_code == HTTPStatus.FORBIDDEN  # the old password is no more
    assert (await choose_password(api, token)).is_redirect
    again = await first_step(api, email, NEW_PASSWORD)
    assert again.headers["location"].startswith("/sign-in/enrol")  # nor is the old factor
    actions = [line.action for line in await log(database, office)]
    assert (actions.count(Action.ENDED_COLLEAGUE), actions.count(Action.READMITTED_COLLEAGUE)) == (1, 1)


# -- every second factor lost


async def test_who_has_lost_every_factor_comes_in_by_password_and_mailed_link_and_by_neither_alone(
    api: httpx2.AsyncClient, database: Database, desk: Desk, mailbox: Mailbox
) -> None:
    email = desk.office.provider_email
    provider = HTML | await sign_in_staff(api, email)
    # a link to a new password that lies in the mailbox already
    await api.post("/sign-in/forgotten", data={"email": email}, headers=HTML)
    reset_link = await link_to(mailbox, email, "Choose a new password")
    no_reason = await api.post(f"{desk.page}/remove-factors", data={"reason": ""}, headers=desk.admin)
    assert (no_reason.status_code, "Say why" in no_reason.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    done = await api.post(f"{desk.page}/remove-factors", data=WHY, headers=desk.admin)
    assert "The second factors are removed." in await shown(api, done.headers["location"], desk.admin)
    assert (await api.get("/charts", headers=provider)).headers["location"].startswith("/sign-in")
    assert "Has to add a new second factor" in await shown(api, "/staff", desk.admin)

    link = await link_to(mailbox, email, "Your second factor was removed")
    # the mailbox alone: neither the link nor a new password leads in
    alone = await choose_password(api, reset_link)
    assert (alone.status_code, "First sign in with your present password" in alone.text) == (HTTPStatus.CONFLICT, True)
    assert "Sign in with your password first" in await shown(api, "/sign-in/link", HTML)
    assert "This took too long" in (await api.post("/sign-in/link", data={"token": link}, headers=HTML)).text
    # the password alone: no way to a new factor
    first = await first_step(api, email)
    assert first.headers["location"].startswith("/sign-in/link")
    half = HTML | cookie_of(first, Surface.CHART)
    for path in ("/sign-in/enrol", "/charts"):
        assert 'class="key"' not in (await api.get(path, headers=half)).text
    refused = await api.post("/sign-in/enrol/passkey/question", headers=half | {"accept": "application/json"})
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    wrong = await api.post("/sign-in/link", data={"token": "x" * 43}, headers=half)
    assert (wrong.status_code, "Ask your practice" in wrong.text) == (HTTPStatus.FORBIDDEN, True)

    through = await api.post("/sign-in/link", data={"token": link}, headers=half)
    assert through.headers["location"] == "/sign-in/enrol"
    inside = await enrol(api, email, cookie_of(through, Surface.CHART))
    assert (await api.get("/charts", headers=HTML | cookie_of(inside, Surface.CHART))).status_code == HTTPStatus.OK
    # it worked once: the next sign-in asks for the new factor, and the link is nothing
    later = await first_step(api, email)
    assert later.headers["location"].startswith("/sign-in/second-factor")
    taken = [line for line in await log(database, desk.office) if line.action == Action.TOOK_FACTORS]
    assert [line.detail["reason"] for line in taken] == [WHY["reason"]]
    assert link not in str(await log(database, desk.office))


async def test_a_link_to_new_factors_ends_after_a_day_and_with_the_next_one(
    api: httpx2.AsyncClient, database: Database, desk: Desk, mailbox: Mailbox
) -> None:
    email = desk.office.provider_email
    too_early = await api.post(f"{desk.page}/remove-factors", data=WHY, headers=desk.admin)
    assert (too_early.status_code, "has never signed in" in too_early.text) == (HTTPStatus.CONFLICT, True)
    await sign_in_staff(api, email)
    await api.post(f"{desk.page}/remove-factors", data=WHY, headers=desk.admin)
    old = await link_to(mailbox, email, "Your second factor was removed")
    before = len(mailbox.to(email))
    await api.post(f"{desk.page}/remove-factors", data=WHY, headers=desk.admin)
    assert await soon(lambda: len(mailbox.to(email)) > before)
    new = await link_to(mailbox, email, "Your second factor was removed")
    half = HTML | cookie_of(await first_step(api, email), Surface.CHART)
    assert (await api.post("/sign-in/link", data={"token": old}, headers=half)).status_code == HTTPStatus.FORBIDDEN
    async with database.practice(desk.office.practice) as transaction:
        await transaction.execute("update staff set enrol_until = now() where enrol_until is not null")
    assert (await api.post("/sign-in/link", data={"token": new}, headers=half)).status_code == HTTPStatus.FORBIDDEN


async def test_two_administrators_who_take_each_others_role_leave_one(
    api: httpx2.AsyncClient, configured: Settings, database: Database, desk: Desk
) -> None:
    other, email = await colleague(database, configured, desk.office, Role.ADMIN)
    second = HTML | await sign_in_staff(api, email)
    async with database.practice(desk.office.practice) as transaction:
        first = await transaction.fetchval("select id from staff where role = 'admin' and id <> $1", other)

    async def demote(whom: Any, by: dict[str, str]) -> int:
        answer = await api.post(f"/staff/{whom}/role", data={"role": "provider"}, headers=by)
        return answer.status_code

    answers = await asyncio.gather(demote(other, desk.admin), demote(first, second))
    assert HTTPStatus.SEE_OTHER in answers
    async with database.practice(desk.office.practice) as transaction:
        assert await transaction.fetchval("select count(*) from staff where role = 'admin'") == 1
