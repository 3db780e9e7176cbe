"""A restricted chart is its care team's; others break the glass, in person, for an hour, and it is known (SPEC A5)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from chart import message
from chart.audit import Action
from chart.document import Kind
from chart.ids import StaffId
from chart.message import About
from gateways.postgres import Database
from gateways.storage import Storage
from identity import api_key
from identity.caller import Right, Role
from local.postgres import Cluster
from settings import Settings
from tests.conftest import owner
from tests.office import Office, add_document, add_staff
from tests.test_audit import log, staff
from tests.test_bulk import finished
from tests.test_counter_sign import staff_id
from tests.test_endings import WHY
from tests.test_law import terms
from tests.test_portal import shown
from tests.test_signing import portal

Json = dict[str, Any]
JSON = {"accept": "application/json"}


@dataclass(frozen=True)
class Restricted:
    """The office with its client's chart restricted to the provider."""

    office: Office
    provider: dict[str, str]
    outsider: dict[str, str]
    """A supervisor who is not on the care team."""
    admin: dict[str, str]
    """Not on it either."""
    supervisor: StaffId

    @property
    def chart(self) -> str:
        return f"/api/v1/clients/{self.office.client}"


async def colleague(database: Database, configured: Settings, office: Office, role: Role) -> tuple[StaffId, str]:
    email = f"{role}-{uuid4().hex[:12]}@demo.example"
    async with database.practice(office.practice) as transaction:
        made = await add_staff(transaction, configured, office.practice, email=email, name="Omar Haddad", role=role)
    return made, email


@pytest.fixture
async def restricted(api: httpx2.AsyncClient, database: Database, configured: Settings, office: Office) -> Restricted:
    provider = await staff_id(database, office, office.provider_email)
    supervisor, supervisor_email = await colleague(database, configured, office, Role.SUPERVISOR)
    _, admin_email = await colleague(database, configured, office, Role.ADMIN)
    made = Restricted(
        office,
        await staff(api, office.provider_email) | JSON,
        await staff(api, supervisor_email) | JSON,
        await staff(api, admin_email) | JSON,
        supervisor,
    )
    body = WHY | {"care_team": [str(provider)]}
    done = await api.put(f"{made.chart}/restriction", json=body, headers=made.admin)
    assert done.status_code == HTTPStatus.OK, done.text
    return made


def bodies(restricted: Restricted) -> dict[str, Any]:
    """Of every operation that writes to a chart, by the end of its path; None for no body."""
    someone = {"email": "a@demo.example", "name": "Ana"}
    return {
        "/timezone": {"timezone": "America/Chicago"},
        "/invitations": someone,
        "/invitations/{invitation_id}": None,
        "/new-factors": WHY,
        "/end": WHY,
        "/documents": None,
        "/share": None,
        "/hide": WHY | {"exception": "privacy"},
        "/blocks": WHY | {"account_id": str(restricted.office.account)},
        "/blocks/{account_id}": None,
        "/versions": None,
        "/share-to-sign": None,
        "/recall": WHY,
        "/extend": {"until": "2027-01-01"},
        "/reminders": {"days": [3]},
        "/remind": None,
        "/unable-to-obtain": WHY | {"attempts": [{"on": "2026-11-01", "how": "Called."}]},
        "/signed-on-paper": WHY | {"signed_on": "2026-11-01"},
        "/resume": None,
        "/skip": None,
        "/reissue": None,
        "/counter-signature": {"sha256": "a" * 64, "typed_name": "Omar", "intends": True},
        "/disclosure-consents": terms(recipient="County"),
        "/revoke": WHY,
        "/disclosures": {"consent_id": str(uuid4())},
    }


OPEN_TO_ALL = ("/restriction", "/break-glass")
"""They open nothing; who may is tested below."""


@pytest.mark.usefixtures("worker")
async def test_no_operation_opens_a_closed_chart(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    """Every operation of the API that names a client, document or request; a new one without a body here fails."""
    office, tried = restricted.office, 0
    asked = (await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=restricted.provider)).json()
    ids = {
        "client_id": office.client,
        "document_id": office.note.id,
        "request_id": asked["request_id"],
        "account_id": office.account,
        "number": 1,
        "form": "csv",
    }
    paths = (await api.get("/api/v1/openapi.json")).json()["paths"]
    for method, path in ((method, path) for path, methods in paths.items() for method in methods):
        if "/portal/" in path or not re.search(r"\{(client|document|request)_id\}", path) or path.endswith(OPEN_TO_ALL):
            continue
        if "/audit/" in path:  # auditors read the log of every chart
            continue
        where = re.sub(r"\{(\w+)\}", lambda found: str(ids.get(found[1], uuid4())), path)
        more: Json = {}
        if method != "get":
            end = next(end for end in sorted(bodies(restricted), key=len, reverse=True) if path.endswith(end))
            more = {"json": bodies(restricted)[end]} if bodies(restricted)[end] else {}
            if end in {"/documents", "/versions"}:
                more = {"files": {"file": ("a.pdf", b"%PDF")}, "data": {"kind": "document", "reason": "Why not."}}
        for who in (restricted.outsider, restricted.admin, office.bearer):
            answer = await api.request(method, where, headers=who, **more)
            allowed = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
            assert answer.status_code in allowed, (method, path, answer.status_code, answer.text)
            assert "Canary" not in answer.text
            tried += 1
    assert tried > 100
    for path in (f"/api/v1/clients/{office.client}", f"/api/v1/documents/{office.note.id}"):
        assert (await api.get(path, headers=restricted.provider)).status_code == HTTPStatus.OK


@pytest.mark.usefixtures("worker")
async def test_lists_tell_nothing_of_a_closed_chart_but_its_name(
    api: httpx2.AsyncClient, restricted: Restricted
) -> None:
    office = restricted.office
    await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=restricted.provider)
    for who, open_ in ((restricted.provider, True), (restricted.outsider, False), (office.bearer, False)):
        found = (await api.post("/api/v1/clients/search", json={"words": "Canaryname"}, headers=who)).json()["clients"]
        assert [(one["restricted"], one["closed"]) for one in found] == [(True, not open_)]
        assert (found[0]["waiting"], found[0]["registered"]) == ((1, True) if open_ else (0, False))
        queue = (await api.get("/api/v1/requests", headers=who)).json()["requests"]
        assert len(queue) == (1 if open_ else 0)
    assert "Restricted" in await shown(api, "/charts", restricted.outsider)


async def test_notices_tell_nobody_of_a_closed_chart(
    api: httpx2.AsyncClient, database: Database, restricted: Restricted
) -> None:
    office = restricted.office
    async with database.practice(office.practice) as transaction:
        await message.tell_of_chart(transaction, office.practice, office.client, About.INVITATION_REFUSED)
    for who, told in ((restricted.provider, True), (restricted.outsider, False), (restricted.admin, False)):
        page = await shown(api, "/calendar", who | {"accept": "text/html"})
        assert ("The email address of an invitation was refused" in page) is told


@pytest.mark.usefixtures("worker")
async def test_nothing_of_a_closed_chart_is_shared_in_bulk(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    office = restricted.office
    body = {"act": "share", "documents": [str(office.superbill.id), str(office.notes_of_unregistered.id)]}
    started = await api.post("/api/v1/bulk-shares", json=body, headers=restricted.outsider)
    items = await finished(api, office, started)
    assert [item["outcome"] for item in items] == ["refused", "refused"]
    assert "There is no such document" in items[0]["reason"]

    of_kind = {"act": "share", "kind": "clinical_note", "clients": [str(office.client), str(office.unregistered)]}
    begun = await api.post("/api/v1/bulk-shares", json=of_kind, headers=restricted.outsider)
    told = await shown(api, f"/bulk/{begun.json()['id']}", restricted.outsider | {"accept": "text/html"})
    assert ("Priya" in told, "Nothing to share: 1" in told, "Canaryname" in told) == (True, True, False)


@pytest.mark.usefixtures("worker")
async def test_the_client_and_the_service_go_on_as_before(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    office = restricted.office
    asked = await api.post(f"/api/v1/documents/{office.note.id}/share-to-sign", headers=restricted.provider)
    assert asked.json()["delivered"] is True
    me = await portal(api, office)
    assert (await api.get(f"/api/v1/portal/documents/{office.note.id}/file", headers=me)).status_code == HTTPStatus.OK


async def test_breaking_the_glass_opens_the_chart_for_an_hour_is_recorded_and_told_to_the_admins(
    api: httpx2.AsyncClient, database: Database, postgres: Cluster, restricted: Restricted
) -> None:
    office, chart = restricted.office, restricted.chart
    closed = await api.get(chart, headers=restricted.outsider)
    assert (closed.status_code, closed.json()["type"]) == (HTTPStatus.FORBIDDEN, "/problems/chart-restricted")
    no_reason = await api.post(f"{chart}/break-glass", json={"reason": " "}, headers=restricted.outsider)
    assert no_reason.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    broken = await api.post(f"{chart}/break-glass", json=WHY, headers=restricted.outsider)
    assert broken.status_code == HTTPStatus.CREATED, broken.text
    assert (await api.get(chart, headers=restricted.outsider)).status_code == HTTPStatus.OK
    assert (await api.get(f"/api/v1/documents/{office.note.id}", headers=restricted.outsider)).is_success
    assert (await api.get(chart, headers=restricted.admin)).status_code == HTTPStatus.FORBIDDEN
    again = await api.post(f"{chart}/break-glass", json=WHY, headers=restricted.outsider)
    assert again.status_code == HTTPStatus.CONFLICT
    actions = [line.action for line in await log(database, office) if line.chart == office.client]
    assert actions.count(Action.BROKE_GLASS) == 1
    assert Action.REFUSED in actions

    told = "A restricted chart was opened in an emergency"
    assert f"{told} Jordan Canaryname, Omar Haddad" in await shown(api, "/charts", restricted.admin)
    for who in (restricted.provider, restricted.outsider):
        assert told not in await shown(api, "/charts", who)

    async with database.practice(office.practice) as transaction:
        lasts = await transaction.fetchrow("select until - at as lasts, reason from broken_glass")
        assert lasts
        assert (lasts["lasts"].total_seconds(), lasts["reason"]) == (3600, WHY["reason"])
    await let_an_hour_pass(database, postgres, office)
    assert (await api.get(chart, headers=restricted.outsider)).status_code == HTTPStatus.FORBIDDEN


async def let_an_hour_pass(database: Database, postgres: Cluster, office: Office) -> None:
    """As the owner: the application may not change it."""
    async with database.practice(office.practice) as transaction:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with transaction.transaction():
                await transaction.execute("update broken_glass set until = now()")
    async with owner(postgres) as connection:
        await connection.execute(
            "update broken_glass set until = now() - interval '1 second' where practice_id = $1", office.practice
        )


async def test_an_api_key_breaks_no_glass(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    refused = await api.post(f"{restricted.chart}/break-glass", json=WHY, headers=restricted.office.bearer)
    assert (refused.status_code, "takes a person" in refused.json()["detail"]) == (HTTPStatus.FORBIDDEN, True)
    assert (await api.get(restricted.chart, headers=restricted.office.bearer)).status_code == HTTPStatus.FORBIDDEN


async def test_a_chart_that_is_open_has_no_glass(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    other = f"/api/v1/clients/{restricted.office.unregistered}/break-glass"
    for path, who in ((other, restricted.outsider), (f"{restricted.chart}/break-glass", restricted.provider)):
        assert (await api.post(path, json=WHY, headers=who)).status_code == HTTPStatus.CONFLICT


async def test_who_restricts_and_who_finds_nothing_to_restrict(
    api: httpx2.AsyncClient, database: Database, restricted: Restricted, other_office: Office
) -> None:
    body = WHY | {"care_team": [str(restricted.supervisor)]}
    async with database.practice(restricted.office.practice) as transaction:
        scopes = frozenset(Right) - {Right.RESTRICT_CHARTS}
        key = await api_key.make(transaction, restricted.office.practice, "weak", scopes, lasts=timedelta(days=1))
    auditor = await staff(api, restricted.office.auditor_email) | JSON
    weak = {"authorization": f"Bearer {key}"}
    for who, status in (
        (restricted.provider, HTTPStatus.FORBIDDEN),
        (restricted.outsider, HTTPStatus.FORBIDDEN),
        (auditor, HTTPStatus.FORBIDDEN),
        (weak, HTTPStatus.FORBIDDEN),
        (other_office.bearer, HTTPStatus.NOT_FOUND),
    ):
        path = f"{restricted.chart}/restriction"
        assert (await api.get(path, headers=who)).status_code == status
        assert (await api.put(path, json=body, headers=who)).status_code == status
        assert (await api.delete(path, headers=who)).status_code == status
    broken = await api.post(f"/api/v1/clients/{other_office.client}/break-glass", json=WHY, headers=restricted.outsider)
    assert broken.status_code == HTTPStatus.NOT_FOUND


async def test_the_team_is_changed_and_the_restriction_lifted_and_both_are_recorded(
    api: httpx2.AsyncClient, database: Database, restricted: Restricted, other_office: Office
) -> None:
    path = f"{restricted.chart}/restriction"
    for wrong in ([], [str(uuid4())], [str(await staff_id(database, other_office, other_office.provider_email))]):
        refused = await api.put(path, json=WHY | {"care_team": wrong}, headers=restricted.admin)
        assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await api.get(restricted.chart, headers=restricted.provider)).status_code == HTTPStatus.OK
    body = WHY | {"care_team": [str(restricted.supervisor)]}
    assert (await api.put(path, json=body, headers=restricted.admin)).json()["care_team"] == body["care_team"]
    assert (await api.get(restricted.chart, headers=restricted.provider)).status_code == HTTPStatus.FORBIDDEN
    assert (await api.get(restricted.chart, headers=restricted.outsider)).status_code == HTTPStatus.OK
    for _ in range(2):
        assert (await api.delete(path, headers=restricted.admin)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get(restricted.chart, headers=restricted.provider)).status_code == HTTPStatus.OK
    assert (await api.get(path, headers=restricted.admin)).json()["restricted_at"] is None
    actions = [line.action for line in await log(database, restricted.office)]
    assert (actions.count(Action.RESTRICTED), actions.count(Action.LIFTED_RESTRICTION)) == (2, 1)


async def test_a_counter_signature_is_asked_of_the_care_team_only(
    api: httpx2.AsyncClient, restricted: Restricted
) -> None:
    office = restricted.office
    signers = [{"account_id": str(office.account)}, {"staff_id": str(restricted.supervisor)}]
    path = f"/api/v1/documents/{office.note.id}/share-to-sign"
    refused = await api.post(path, json={"signers": signers}, headers=restricted.provider)
    assert (refused.status_code, "care team" in refused.json()["detail"]) == (422, True)
    options = f"/charts/{office.client}/documents/{office.note.id}/share-to-sign"
    assert "not on its care team" in await shown(api, options, restricted.provider)


async def test_the_log_of_a_restricted_chart_is_read_by_the_auditor(
    api: httpx2.AsyncClient, restricted: Restricted
) -> None:
    auditor = await staff(api, restricted.office.auditor_email)
    assert (await api.get(f"/audit?chart={restricted.office.client}", headers=auditor)).status_code == HTTPStatus.OK
    chart = await api.get(f"/charts/{restricted.office.client}", headers=auditor)
    assert chart.status_code == HTTPStatus.FORBIDDEN


async def test_the_database_itself_hides_what_stands_in_a_closed_chart(
    database: Database, storage: Storage, restricted: Restricted
) -> None:
    office = restricted.office
    tables = ("document", "relationship")
    for actor, seen in ((f"staff:{restricted.supervisor}", False), (f"key:{uuid4()}", False), ("", True)):
        async with database.practice(office.practice, actor) as transaction:
            for table in tables:
                count = await transaction.fetchval(f"select count(*) from {table} where client_id = $1", office.client)
                assert bool(count) is seen, (actor, table)
    assert await add_document(database, storage, office.practice, office.client, Kind.DOCUMENT, None)


async def test_the_pages_restrict_close_and_open(api: httpx2.AsyncClient, restricted: Restricted) -> None:
    chart = f"/charts/{restricted.office.client}"
    admin, outsider = (who | {"accept": "text/html"} for who in (restricted.admin, restricted.outsider))
    closed = await api.get(chart, headers=outsider)
    assert closed.status_code == HTTPStatus.FORBIDDEN
    assert "Open it in an emergency" in closed.text
    assert "Canaryname" not in closed.text
    assert (await api.get(f"{chart}/documents", headers=outsider)).status_code == HTTPStatus.FORBIDDEN
    empty = await api.post(f"{chart}/break-glass", data={"reason": ""}, headers=outsider)
    assert (empty.status_code, "Say why" in empty.text) == (HTTPStatus.UNPROCESSABLE_ENTITY, True)
    broken = await api.post(f"{chart}/break-glass", data=WHY, headers=outsider)
    assert broken.headers["location"] == f"{chart}?done=glass-broken"
    assert (await api.get(chart, headers=outsider)).status_code == HTTPStatus.OK

    assert "Only its care team opens this chart" in await shown(api, f"{chart}/restriction", admin)
    assert (await api.get(f"{chart}/restriction", headers=outsider)).status_code == HTTPStatus.FORBIDDEN
    nobody = await api.post(f"{chart}/restriction", data=WHY, headers=admin)
    assert nobody.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    odd = await api.post(f"{chart}/restriction", data=WHY | {"care_team": ["x"]}, headers=admin)
    assert odd.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    team = WHY | {"care_team": [str(restricted.supervisor)]}
    assert (await api.post(f"{chart}/restriction", data=team, headers=admin)).status_code == HTTPStatus.SEE_OTHER
    assert (await api.get(chart, headers=restricted.provider)).status_code == HTTPStatus.FORBIDDEN
    assert (await api.post(f"{chart}/restriction/lift", headers=admin)).status_code == HTTPStatus.SEE_OTHER
    assert (await api.get(chart, headers=restricted.provider)).status_code == HTTPStatus.OK
