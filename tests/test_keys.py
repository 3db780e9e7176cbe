"""API keys: made by an administrator in person, shown once, with scopes and an end."""

import re
from http import HTTPStatus

import httpx2
import pytest

from gateways.postgres import Database
from identity.caller import Role
from settings import Settings
from tests.office import Office, add_staff
from tests.sign_ins import sign_in_staff

KEYS = "/api/v1/keys"
WANTED = {"name": "Health record", "scopes": ["charts:read"], "days": 30}


@pytest.fixture
async def admin(api: httpx2.AsyncClient, configured: Settings, database: Database, office: Office) -> dict[str, str]:
    email = f"admin-{office.practice}@demo.example"
    async with database.practice(office.practice) as transaction:
        await add_staff(transaction, configured, office.practice, email=email, name="Ada Byron", role=Role.ADMIN)
    return await sign_in_staff(api, email)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_key_does_what_it_was_made_for_until_it_is_revoked(
    api: httpx2.AsyncClient, office: Office, admin: dict[str, str], database: Database
) -> None:
    made = await api.post(KEYS, json=WANTED, headers=admin)
    key = made.json()["key"]
    chart = f"/api/v1/clients/{office.client}"
    assert (await api.get(chart, headers=bearer(key))).status_code == HTTPStatus.OK
    share = await api.post(f"/api/v1/documents/{office.note.id}/share", headers=bearer(key))
    assert share.status_code == HTTPStatus.FORBIDDEN
    listed = (await api.get(KEYS, headers=admin)).json()["keys"]
    mine = next(one for one in listed if one["name"] == "Health record")
    assert mine["last_used_at"]
    assert key not in str(listed)
    for _ in range(2):
        assert (await api.delete(f"{KEYS}/{mine['id']}", headers=admin)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get(chart, headers=bearer(key))).status_code == HTTPStatus.UNAUTHORIZED
    async with database.practice(office.practice) as transaction:
        assert key not in str(await transaction.fetch("select * from api_key"))
        entries = await transaction.fetch(
            "select actor, action, detail from audit where chart_id = $1 order by number", office.practice
        )
    about = [entry for entry in entries if mine["id"] in entry["detail"]]
    told = [(entry["actor"], entry["action"]) for entry in about]
    by_admin = [(mine["made_by"], act) for act in ("made an API key", "revoked an API key")]
    assert told == [*by_admin, ("stranger", "sign-in refused")]
    assert key not in str(entries)


async def test_a_key_ends_by_itself(
    api: httpx2.AsyncClient, office: Office, admin: dict[str, str], database: Database
) -> None:
    key = (await api.post(KEYS, json=WANTED, headers=admin)).json()["key"]
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update api_key set expires_at = now() where name = 'Health record'")
    answer = await api.get(f"/api/v1/clients/{office.client}", headers=bearer(key))
    assert answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_nobody_but_an_administrator_in_person_looks_after_keys(
    api: httpx2.AsyncClient, office: Office, other_office: Office, admin: dict[str, str]
) -> None:
    provider = await sign_in_staff(api, office.provider_email)
    (theirs, *_) = (await api.get(KEYS, headers=admin)).json()["keys"]
    for credentials in (provider, office.bearer, other_office.bearer):
        assert (await api.get(KEYS, headers=credentials)).status_code == HTTPStatus.FORBIDDEN
        assert (await api.post(KEYS, json=WANTED, headers=credentials)).status_code == HTTPStatus.FORBIDDEN
        refused = await api.delete(f"{KEYS}/{theirs['id']}", headers=credentials)
        assert refused.status_code == HTTPStatus.FORBIDDEN
    assert "API keys" not in (await api.get("/charts", headers=provider)).text


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": []}, {"scopes": ["keys:manage"]}, {"scopes": ["everything"]}, {"days": 0}, {"days": 367}, {"name": ""}],
)
async def test_what_a_key_cannot_be_is_refused(
    api: httpx2.AsyncClient, admin: dict[str, str], wrong: dict[str, object]
) -> None:
    refused = await api.post(KEYS, json=WANTED | wrong, headers=admin)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_a_key_needs_a_fresh_sign_in(
    api: httpx2.AsyncClient, office: Office, admin: dict[str, str], database: Database
) -> None:
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
    refused = await api.post(KEYS, json=WANTED, headers=admin)
    assert refused.json()["type"] == "/problems/fresh-sign-in-needed"
    page = await api.post("/keys", data=WANTED, headers=admin)
    assert page.headers["location"] == "/account/again?next=/keys%3Fdone%3Dagain"


async def test_the_page_shows_a_key_once(api: httpx2.AsyncClient, office: Office, admin: dict[str, str]) -> None:
    html = {"accept": "text/html"} | admin
    wrong = await api.post("/keys", data=WANTED | {"days": "soon"}, headers=html)
    assert "Give the days for which the key works as a number." in wrong.text
    assert 'value="Health record"' in wrong.text
    made = await api.post("/keys", data=WANTED, headers=html)
    key = re.search(r"<code class=\"key\">(sts_[\w-]+)</code>", made.text)
    assert key
    assert (await api.get(f"/api/v1/clients/{office.client}", headers=bearer(key[1]))).status_code == HTTPStatus.OK
    later = await api.get("/keys", headers=html)
    assert key[1] not in later.text
    assert ", Ada Byron" in later.text
    revoke = re.findall(r'action="(/keys/[0-9a-f-]{36}/revoke)"', later.text)[0]
    assert (await api.post(revoke, headers=html)).headers["location"] == "/keys?done=key-revoked"
