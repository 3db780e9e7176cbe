"""SPEC G8, A3: staff ends an access and keeps a document from somebody; what becomes of a request that asks them."""

import re
from datetime import timedelta
from email import message_from_string, policy
from http import HTTPStatus
from typing import Any

import httpx2
import pytest

from activities.invite import SUBJECT
from chart import audit, message
from chart.document import Kind
from chart.ids import RequestId
from chart.message import MessageAbout
from chart.relationship import Relationship
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account, api_key
from identity.caller import Right
from local.postgres import Cluster
from tests.conftest import Mailbox, owner
from tests.office import PASSWORD, Office, add_document
from tests.test_audit import log, staff
from tests.test_counter_sign import staff_id
from tests.test_endings import ask, new_version, read, soon, steer
from tests.test_portal import shown, sign_in
from tests.test_signing import portal, reviewed, signature

WHY = {"reason": "The court has decided."}


async def second_account(api: httpx2.AsyncClient, database: Database, office: Office) -> str:
    """A partner's account, who acts for the client too."""
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.client,
            email=f"{office.account.hex}@demo.example",
            name="Rosa Rivera",
            relationship=Relationship.PARTNER,
        )
    await account.register(database, invitation.token, PASSWORD)
    (found,) = [one for one in await access_of(api, office) if one["relationship"] == "partner"]
    return str(found["account_id"])


async def access_of(api: httpx2.AsyncClient, office: Office) -> list[dict[str, Any]]:
    found = await api.get(f"/api/v1/clients/{office.client}/access", headers=office.bearer)
    assert found.status_code == HTTPStatus.OK, found.text
    listed: list[dict[str, Any]] = found.json()["access"]
    return listed


async def end(api: httpx2.AsyncClient, office: Office, body: object = None, **headers: Any) -> httpx2.Response:
    path = f"/api/v1/clients/{office.client}/access/{office.account}/end"
    return await api.post(path, json=body or WHY, headers=headers.get("headers", office.bearer))


async def test_who_is_signed_out_by_an_ended_access_is_told_so_and_keeps_the_ways_of_the_portal(
    api: httpx2.AsyncClient, office: Office
) -> None:
    me, path = await sign_in(api, office.client_email), f"/portal/documents/{office.note.id}"
    told = "You were signed out. That happens"
    assert told not in await shown(api, "/portal/sign-in", me)
    await end(api, office)
    # a form that was sent leads back to where it is filled in
    for sent, following in (
        (await api.get(path, headers=me), path),
        (await api.post(f"{path}/decline", headers=me), ""),
    ):
        led = sent.headers["location"]
        assert led == f"/portal/sign-in?next={following or f'{path}/decline'}"
        assert told in await shown(api, led, me)
    assert told not in await shown(api, f"/portal/sign-in?next={path}", {"accept": "text/html"})

    again = await sign_in(api, office.client_email)
    for address in (path, "/portal/nowhere"):
        missing = await api.get(address, headers=again)
        assert missing.status_code == HTTPStatus.NOT_FOUND
        assert 'href="/portal/preferences"' in missing.text
        assert "the practice may have taken it back or changed your access, or is correcting it" in missing.text
        stranger = await api.get("/portal/nowhere", headers={"accept": "text/html"})
        assert 'href="/portal/preferences"' not in stranger.text
        assert [page.text.count('<p class="brand large">Client Portal</p>') for page in (missing, stranger)] == [0, 1]


def blocks(office: Office) -> str:
    return f"/api/v1/documents/{office.note.id}/blocks"


async def block(api: httpx2.AsyncClient, office: Office, **headers: Any) -> httpx2.Response:
    body = {"account_id": str(office.account), **WHY}
    return await api.post(blocks(office), json=body, headers=headers.get("headers", office.bearer))


async def unblock(api: httpx2.AsyncClient, office: Office, **headers: Any) -> httpx2.Response:
    return await api.delete(f"{blocks(office)}/{office.account}", headers=headers.get("headers", office.bearer))


async def recorded(database: Database, office: Office, *actions: audit.Action) -> list[str]:
    """Those of the chart's audit entries that are about these actions, oldest first."""
    async with database.practice(office.practice) as transaction:
        rows = await transaction.fetch(
            "select action, detail from audit where chart_id = $1 and action = any($2::text[]) order by number",
            office.client,
            list(actions),
        )
    assert all(str(office.account) in row["detail"] for row in rows)
    return [row["action"] for row in rows]


# -- who may


@pytest.mark.parametrize(("act", "needed"), [(end, Right.INVITE), (block, Right.SHARE), (unblock, Right.SHARE)])
async def test_each_act_needs_its_right(
    api: httpx2.AsyncClient, database: Database, office: Office, act: Any, needed: Right
) -> None:
    async with database.practice(office.practice) as transaction:
        scopes = frozenset(Right) - {needed}
        key = await api_key.make(transaction, office.practice, "weak", scopes, lasts=timedelta(days=1))
    refused = await act(api, office, headers={"authorization": f"Bearer {key}"})
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert needed in refused.json()["detail"]
    assert (await access_of(api, office))[0]["standing"] == "holds"


@pytest.mark.parametrize("path", ["/api/v1/clients/{0.client}/access", "/api/v1/documents/{0.note.id}/blocks"])
async def test_reading_needs_the_right_to_read_charts(
    api: httpx2.AsyncClient, database: Database, office: Office, path: str
) -> None:
    async with database.practice(office.practice) as transaction:
        scopes = frozenset(Right) - {Right.READ_CHARTS}
        key = await api_key.make(transaction, office.practice, "blind", scopes, lasts=timedelta(days=1))
    answer = await api.get(path.format(office), headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == HTTPStatus.FORBIDDEN


async def test_another_practice_finds_nothing_to_end_or_block(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    for act in (end, block, unblock):
        assert (await act(api, office, headers=other_office.bearer)).status_code == HTTPStatus.NOT_FOUND
    for path in (f"/api/v1/clients/{office.client}/access", blocks(office)):
        assert (await api.get(path, headers=other_office.bearer)).status_code == HTTPStatus.NOT_FOUND
    assert (await access_of(api, office))[0]["standing"] == "holds"


# -- ending an access


async def test_an_ended_access_ends_the_session_and_is_recorded(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    client = await portal(api, office)
    assert (await api.get("/api/v1/portal/documents", headers=client)).status_code == HTTPStatus.OK
    assert (await end(api, office)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get("/api/v1/portal/documents", headers=client)).status_code == HTTPStatus.UNAUTHORIZED
    (found,) = await access_of(api, office)
    assert (found["standing"], found["end_reason"]) == ("ended", WHY["reason"])
    assert (await end(api, office)).status_code == HTTPStatus.CONFLICT
    assert await recorded(database, office, audit.Action.ENDED_ACCESS) == ["ended access"]


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501])
async def test_an_end_needs_a_reason(api: httpx2.AsyncClient, office: Office, reason: str) -> None:
    assert (await end(api, office, {"reason": reason})).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await access_of(api, office))[0]["standing"] == "holds"


# -- acting for somebody else


@pytest.mark.usefixtures("worker")
async def test_who_acts_for_somebody_else_is_told_whose_a_document_is(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    partner = await second_account(api, database, office)
    terms = {"signers": [{"account_id": str(office.account)}, {"account_id": partner}]}
    await ask(api, office, **terms)
    for email, told in ((f"{office.account.hex}@demo.example", True), (office.client_email, False)):
        me = await sign_in(api, email)
        for path in ("/portal/inbox", "/portal/documents", f"/portal/documents/{office.note.id}"):
            assert ("Jordan Canaryname Nov" in await shown(api, path, me)) is told, (email, path)
    # also where the document is not to be seen any more
    assert (await new_version(api, office)).status_code == HTTPStatus.CREATED
    for email, told in ((f"{office.account.hex}@demo.example", True), (office.client_email, False)):
        me = await sign_in(api, email)
        (first, *_) = re.findall(r"/portal/inbox/[0-9a-f-]{36}", (await api.get("/portal/inbox", headers=me)).text)
        about = "Progress Note of Nov 2, 2026" + " (Jordan Canaryname)" * told
        assert f"It is about: {about}." in await shown(api, first, me)


# -- keeping a document from somebody


async def test_a_block_is_made_once_lifted_once_and_recorded(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    first, again = await block(api, office), await block(api, office)
    assert (first.status_code, again.json()) == (HTTPStatus.CREATED, first.json())
    listed = (await api.get(blocks(office), headers=office.bearer)).json()["blocks"]
    assert [(one["account_id"], one["reason"]) for one in listed] == [(str(office.account), WHY["reason"])]
    for _ in range(2):
        assert (await unblock(api, office)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get(blocks(office), headers=office.bearer)).json() == {"blocks": []}
    acts = (audit.Action.BLOCKED, audit.Action.UNBLOCKED)
    assert await recorded(database, office, *acts) == ["blocked", "unblocked"]


@pytest.mark.usefixtures("worker")
async def test_a_signed_copy_is_not_kept_from_the_client(api: httpx2.AsyncClient, office: Office) -> None:
    path, client = await reviewed(api, office)
    await api.post(f"{path}/signature", json=signature(office), headers=client)
    refused = await block(api, office)
    assert refused.status_code == HTTPStatus.CONFLICT
    assert "never taken away" in refused.json()["detail"]


# -- what becomes of a request


@pytest.mark.usefixtures("worker")
async def test_a_request_whose_signer_is_blocked_says_so_until_the_block_is_lifted(
    api: httpx2.AsyncClient, office: Office
) -> None:
    path, client = await reviewed(api, office)
    (waiting,) = await queue(api, office)
    assert not waiting["barred"]
    assert await queue(api, office, "needs_attention") == []
    await block(api, office)
    (shown,) = await queue(api, office, "needs_attention")
    assert (shown["barred"], shown["attention"]) == (True, None)
    request = await read(api, office, shown["request_id"])
    assert [signer["barred"] for signer in request["signers"]] == ["blocked"]
    refused = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert refused.status_code == HTTPStatus.NOT_FOUND
    await unblock(api, office)
    assert await queue(api, office, "needs_attention") == []
    signed = await api.post(f"{path}/signature", json=signature(office), headers=client)
    assert signed.json() == {"outcome": "signed"}


@pytest.mark.usefixtures("worker")
async def test_a_request_whose_signer_lost_access_is_recalled_and_shared_again_with_another(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    partner = await second_account(api, database, office)
    request = await ask(api, office)
    await end(api, office)
    request = await read(api, office, request["id"])
    assert [signer["barred"] for signer in request["signers"]] == ["no access"]
    reminded = await steer(api, office, request, "remind")
    assert reminded.status_code == HTTPStatus.CONFLICT
    async with database.practice(office.practice) as transaction:
        of = RequestId(request["id"]), MessageAbout.RECORD_REQUEST, "reminder-1", [office.party]
        assert await message.letters(transaction, *of) == []
    recalled = (await steer(api, office, request, "recall", WHY)).json()
    assert recalled["state"] == "recalled"
    assert [signer["barred"] for signer in recalled["signers"]] == [None]
    assert (await steer(api, office, request, "reissue")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    again = await ask(api, office, signers=[{"account_id": partner}])
    assert [signer["barred"] for signer in again["signers"]] == [None]


async def queue(api: httpx2.AsyncClient, office: Office, show: str = "all") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"/api/v1/requests?show={show}", headers=office.bearer)).json()[
        "requests"
    ]
    return found


# -- asking for a client whom nobody represents


async def test_a_stranger_is_not_made_to_counter_sign_a_request_that_waits(
    api: httpx2.AsyncClient, office: Office, other_office: Office
) -> None:
    path = f"/api/v1/documents/{office.notes_of_unregistered.id}/share-to-sign"
    terms = {"when_registered": True, "signers": [{"staff_id": str(other_office.account)}]}
    refused = await api.post(path, json=terms, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "providers and supervisors" in refused.json()["detail"]


async def test_nobody_is_invited_to_a_record_that_may_not_go_to_them(
    api: httpx2.AsyncClient, database: Database, storage: Storage, office: Office
) -> None:
    kind = Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN
    plan = await add_document(database, storage, office.practice, office.unregistered, kind, None)
    invited = {"email": "rosa@demo.example", "name": "Rosa", "relationship": "partner"}
    path = f"/api/v1/documents/{plan.id}/share-to-sign"
    refused = await api.post(path, json={"invite": invited}, headers=office.bearer)
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "42 CFR Part 2" in refused.json()["detail"]
    listed = await api.get(f"/api/v1/clients/{office.unregistered}/invitations", headers=office.bearer)
    assert listed.json() == {"invitations": []}


@pytest.mark.usefixtures("worker")
async def test_nobody_is_said_to_be_reminded_where_colleagues_alone_are_waited_for(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    provider = await staff_id(database, office, office.provider_email)
    request = await ask(
        api, office, signers=[{"staff_id": str(provider)}, {"account_id": str(office.account)}], in_order=True
    )
    assert "remind" not in request["offers"]
    refused = await steer(api, office, request, "remind")
    assert refused.status_code == HTTPStatus.CONFLICT
    assert "counter-signature" in refused.json()["detail"]


# -- invitations


async def test_an_invitation_is_taken_back_and_its_link_works_no_more(
    api: httpx2.AsyncClient, database: Database, office: Office, other_office: Office
) -> None:
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email="wrong@demo.example",
            name="Priya Natarajan",
            relationship=Relationship.SELF,
        )
    path = f"/api/v1/clients/{office.unregistered}/invitations"
    (listed,) = (await api.get(path, headers=office.bearer)).json()["invitations"]
    assert listed["id"] == str(invitation.id)
    one = f"{path}/{listed['id']}"
    elsewhere = f"/api/v1/clients/{office.client}/invitations/{listed['id']}"
    for wrong, who in ((one, other_office.bearer), (elsewhere, office.bearer)):
        assert (await api.delete(wrong, headers=who)).status_code == HTTPStatus.NOT_FOUND
    for _ in range(2):
        assert (await api.delete(one, headers=office.bearer)).status_code == HTTPStatus.NO_CONTENT
    assert (await api.get(path, headers=office.bearer)).json()["invitations"] == []
    with pytest.raises(account.InvitationEnded):
        await account.register(database, invitation.token, PASSWORD)
    taken_back = [line for line in await log(database, office) if line.action == audit.Action.REVOKED_INVITATION]
    assert [line.chart for line in taken_back] == [office.unregistered]


async def test_an_invitation_is_sent_again_and_one_that_was_used_is_not_taken_back(
    api: httpx2.AsyncClient, database: Database, office: Office
) -> None:
    me, chart = await staff(api, office.provider_email), f"/charts/{office.unregistered}"
    form = {"name": "Priya Natarajan", "email": "priya@demo.example", "relationship": "self"}
    await api.post(f"{chart}/invitation", data=form, headers=me)
    (again,) = re.findall(rf'action="({chart}/invitations/[0-9a-f-]{{36}})/again"', await page_of(api, chart, me))
    sent = await api.post(f"{again}/again", headers=me)
    assert sent.headers["location"] == f"{chart}?done=invited"
    (anew,) = re.findall(rf'action="({chart}/invitations/[0-9a-f-]{{36}})/again"', await page_of(api, chart, me))
    assert anew != again
    assert (await api.post(f"{again}/again", headers=me)).status_code == HTTPStatus.NOT_FOUND
    done = await api.post(f"{anew}/revoke", headers=me)
    assert "Its link works no more" in await page_of(api, done.headers["location"], me)

    async with database.practice(office.practice) as transaction:
        used = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email="priya@demo.example",
            name="Priya Natarajan",
            relationship=Relationship.SELF,
        )
    await account.register(database, used.token, PASSWORD)
    late = await api.post(f"{chart}/invitations/{used.id}/revoke", headers=me)
    assert (late.status_code, "End the access instead" in late.text) == (HTTPStatus.CONFLICT, True)


async def test_an_invitation_that_nobody_used_in_time_is_shown_and_sent_again(
    api: httpx2.AsyncClient, postgres: Cluster, office: Office
) -> None:
    me, chart = await staff(api, office.provider_email), f"/charts/{office.unregistered}"
    form = {"name": "Priya Natarajan", "email": "late@demo.example", "relationship": "self"}
    await api.post(f"{chart}/invitation", data=form, headers=me)
    async with owner(postgres) as connection:
        lapse = "update invitation set expires_at = now() - interval '1 hour' where client_id = $1"
        await connection.execute(lapse, office.unregistered)
    page = await page_of(api, chart, me)
    assert "Did not register before the invitation ended" in page
    (late,) = re.findall(rf'action="({chart}/invitations/[0-9a-f-]{{36}})/again"', page)
    assert (
        await api.get(f"/api/v1{chart.replace('charts', 'clients')}/invitations", headers=office.bearer)
    ).json() == {"invitations": []}
    await api.post(f"{late}/again", headers=me)
    page = await page_of(api, chart, me)
    assert "Did not register" not in page
    assert "Take back" in page


async def page_of(api: httpx2.AsyncClient, address: str, me: dict[str, str]) -> str:
    found = await api.get(address, headers=me)
    assert found.status_code == HTTPStatus.OK, found.text
    return found.text


@pytest.mark.usefixtures("worker")
async def test_an_invitation_is_in_the_language_of_its_account_and_without_one_in_every_language(
    api: httpx2.AsyncClient, database: Database, office: Office, mailbox: Mailbox
) -> None:
    async with database.practice(office.practice) as transaction:
        await transaction.execute("update portal_account set language = 'es' where id = $1", office.account)
    path = f"/api/v1/clients/{office.unregistered}/invitations"
    newcomer = f"{office.practice.hex}@demo.example"
    english, spanish = "If you did not expect this email", "Si no esperaba este correo"
    for email, languages, says in (
        (office.client_email, "es", [spanish]),
        (newcomer, "en, es", [english, spanish]),
    ):
        invited = {"email": email, "name": "Rosa Rivera", "relationship": "partner"}
        assert (await api.post(path, json=invited, headers=office.bearer)).is_success
        assert await soon(lambda email=email: mailbox.to(email))
        (sent,) = mailbox.to(email)
        mail = message_from_string(sent, policy=policy.default)
        subject = " / ".join(SUBJECT[one] for one in languages.split(", "))
        assert (mail["Content-Language"], mail["Subject"]) == (languages, subject)
        text = mail.get_content()
        assert [one for one in (english, spanish) if one in text] == says
        assert len(set(re.findall(r"#\S{43}", text))) == 1
