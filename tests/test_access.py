"""SPEC A: who may, and who may not."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from chart import practice
from chart.ids import PracticeId, StaffId
from chart.refusals import NotAllowed
from gateways import postgres
from gateways.postgres import Database
from identity import account, policy
from identity.caller import Integration, Right, Role, StaffMember
from identity.policy import Operation, When
from settings import Settings
from tests.office import PASSWORD, Office
from tests.test_signing import portal

PRACTICE = PracticeId(uuid4())
RIGHTS = [one for one in Operation if isinstance(one.who, Right)]


@pytest.mark.parametrize("operation", RIGHTS)
def test_an_auditor_reads_and_does_nothing_else(operation: Operation) -> None:
    auditor = StaffMember(PRACTICE, StaffId(uuid4()), Role.AUDITOR, datetime.now(UTC), "Lee")
    if operation.who in {Right.READ_CHARTS, Right.READ_AUDIT}:
        policy.check(auditor, operation)
        return
    with pytest.raises(NotAllowed):
        policy.check(auditor, operation)


@pytest.mark.parametrize("operation", RIGHTS)
def test_an_api_key_does_what_its_scopes_say_and_nothing_that_takes_a_person(operation: Operation) -> None:
    def key(*scopes: Right) -> Integration:
        return Integration(PRACTICE, uuid4(), frozenset(scopes))

    assert isinstance(operation.who, Right)
    if When.IN_PERSON not in operation.when:
        policy.check(key(operation.who), operation)
    else:
        with pytest.raises(NotAllowed, match="takes a person"):
            policy.check(key(*Right), operation)
    with pytest.raises(NotAllowed):
        policy.check(key(*(set(Right) - {operation.who})), operation)


async def test_sign_in_answers_alike_whether_the_account_exists(api: httpx2.AsyncClient, office: Office) -> None:
    path = "/api/v1/portal/sessions"
    wrong = await api.post(path, json={"email": office.client_email, "password": "not the password"})
    unknown = await api.post(path, json={"email": f"{uuid4()}@demo.example", "password": "not the password"})
    assert wrong.status_code == unknown.status_code == HTTPStatus.FORBIDDEN
    assert wrong.json() == unknown.json()


async def test_a_text_that_cannot_be_stored_is_refused(api: httpx2.AsyncClient, office: Office) -> None:
    nul = await api.post("/api/v1/portal/sessions", json={"email": "a\u0000b@demo.example", "password": "x"})
    assert nul.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    path = f"/api/v1/clients/{office.client}/invitations"
    for email in ("a@[1.2.3.4", '"a b"@demo.example', "a@b@c", "name", "ü@demo.example"):
        refused = await api.post(path, json={"email": email, "name": "A"}, headers=office.bearer)
        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/unacceptable"), email


async def test_a_session_ends_with_sign_out_and_after_idle_minutes(
    api: httpx2.AsyncClient, office: Office, database: Database
) -> None:
    bearer = await portal(api, office)
    assert (await api.get("/api/v1/portal/messages", headers=bearer)).status_code == HTTPStatus.OK
    assert (await api.delete("/api/v1/portal/session", headers=bearer)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get("/api/v1/portal/messages", headers=bearer)).status_code == HTTPStatus.UNAUTHORIZED

    idle = await portal(api, office)
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update session set seen_at = now() - interval '16 minutes'")
    assert (await api.get("/api/v1/portal/messages", headers=idle)).status_code == HTTPStatus.UNAUTHORIZED


async def test_an_invitation_works_once(api: httpx2.AsyncClient, office: Office, database: Database) -> None:
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email=f"{uuid4().hex}@demo.example",
            name="Priya Natarajan",
            relationship="self",
        )
    body = {"token": invitation.token, "password": PASSWORD}
    short = await api.post("/api/v1/portal/registrations", json=body | {"password": "short"})
    assert short.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await api.post("/api/v1/portal/registrations", json=body)).status_code == HTTPStatus.CREATED
    assert (await api.post("/api/v1/portal/registrations", json=body)).status_code == HTTPStatus.GONE


async def test_of_two_invitations_of_one_person_that_are_used_at_once_one_makes_the_account(
    configured: Settings, office: Office
) -> None:
    """With one connection for everything: whoever registers waits for no second one while holding the first."""
    async with postgres.connect(configured.database_url.get_secret_value(), most=1) as narrow:
        async with narrow.practice(office.practice) as transaction:
            address = f"{uuid4().hex}@demo.example"
            invitations = [
                await account.invite(
                    transaction, office.practice, one, email=address, name="Priya Natarajan", relationship="other"
                )
                for one in (office.client, office.unregistered)
            ]
        told = await asyncio.gather(
            *(account.register(narrow, one.token, PASSWORD) for one in invitations), return_exceptions=True
        )
        assert [type(one) for one in told if isinstance(one, Exception)] == [account.AccountExists]
        late = next(one for one, what in zip(invitations, told, strict=True) if isinstance(what, Exception))
        await account.register(narrow, late.token, PASSWORD)


async def test_of_two_who_change_the_practice_at_once_neither_undoes_the_other(
    database: Database, office: Office
) -> None:
    async def other() -> None:
        async with database.practice(office.practice) as second:
            await practice.change(second, {"language": "es"})

    async with database.practice(office.practice) as first:
        await practice.change(first, {"request_days": 31})
        waits = asyncio.create_task(other())
        await asyncio.wait({waits}, timeout=0.2)
        await practice.change(first, {"majority_age": 19})
    await waits
    async with database.practice(office.practice) as transaction:
        stands = await practice.current(transaction)
    assert (stands.request_days, stands.majority_age, stands.language) == (31, 19, "es")


async def test_the_database_shows_a_practice_its_own_rows_only(
    database: Database, office: Office, other_office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        for table in ("client", "document", "version", "staff", "portal_account", "relationship", "api_key"):
            practices = await transaction.fetch(f"select distinct practice_id from {table}")
            assert [row["practice_id"] for row in practices] == [office.practice], table
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await transaction.execute(
                "insert into client (practice_id, given_name, family_name, birth_date) values ($1, 'a', 'b', now())",
                other_office.practice,
            )


async def test_without_a_practice_the_database_shows_nothing(database: Database, office: Office) -> None:
    async with database.anyone() as transaction:
        assert await transaction.fetchval("select count(*) from client") == 0
        assert await transaction.fetchval("select count(*) from session") == 0


PASSING = {
    *("session", "device", "throttle", "passkey_challenge", "sign_on"),
    *("authenticator", "passkey", "recovery_code"),
    *("document_block", "care_team"),
}
"""Tables whose rows come and go: who is signed in and how, and what holds today only. The log tells what they held."""


async def test_what_has_to_be_kept_cannot_be_deleted(database: Database) -> None:
    """45 CFR 164.316(b)(2)(i) asks for six years, and states ask for more: the application has no right to delete."""
    async with database.anyone() as transaction:
        rows = await transaction.fetch("""
            select relname, has_table_privilege(oid, 'delete') as deletes,
                has_table_privilege(oid, 'truncate') as empties
            from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
        """)
    assert {row["relname"] for row in rows if row["deletes"]} == PASSING
    assert not any(row["empties"] for row in rows)
    assert {"document", "version", "signature_request", "audit", "consent_text"} <= {row["relname"] for row in rows}


@pytest.mark.parametrize("statement", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
async def test_the_application_cannot_change_the_audit_log(database: Database, office: Office, statement: str) -> None:
    async with database.practice(office.practice) as transaction:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await transaction.execute(statement)


async def test_the_audit_log_is_a_chain(api: httpx2.AsyncClient, database: Database, office: Office) -> None:
    for _ in range(3):
        await api.get(f"/api/v1/clients/{office.client}", headers=office.bearer)
    async with database.practice(office.practice) as transaction:
        entries = await transaction.fetch(
            "select number, previous, hash, audit_hash(audit) as again from audit where chart_id = $1 order by number",
            office.client,
        )
    assert len(entries) >= 3
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    assert all(entry["hash"] == entry["again"] for entry in entries)
    assert all(after["previous"] == before["hash"] for before, after in pairwise(entries))
