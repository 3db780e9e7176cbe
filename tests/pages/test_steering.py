"""The practice's pages for the life of a request: asking with options, who may see, and what cannot go on."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from playwright.async_api import expect

from activities.order import Terms
from api.stories.sharing import Invitee, Possible
from chart import disclosure
from chart.document import Kind
from chart.ids import AccountId, DocumentId
from chart.lifecycle import OnDecline, RequestState, SeatState
from chart.refusals import ClientNotRegistered, NotInThisState, NotReachable, Unacceptable
from chart.relationship import Relationship, Standing
from chart.request import Barred
from identity.caller import Role
from tests.browsers import chromium, visitor
from tests.pages import records
from tests.pages.records import (
    ACCOUNT,
    CLIENT,
    CLIENT_PARTY,
    COLLEAGUE_PARTY,
    NOTE_OF_UNREGISTERED,
    NOW,
    PARENT,
    PARENT_PARTY,
    PENDING,
    PLAN,
    REQUEST,
    SIGNED,
    STAFF_PARTY,
    SUPERBILL,
    UNREGISTERED,
    a_block,
    a_relation,
    a_signer,
)
from tests.pages.served import served
from tests.pages.stage import Stage
from tests.pages.test_pages import browser, on_stage, text

__all__ = ["browser", "on_stage"]  # fixtures

CHART = f"/charts/{CLIENT}"
ASK = f"{CHART}/documents/{PLAN.id}/share-to-sign"
ASK_UNREGISTERED = f"/charts/{UNREGISTERED}/documents/{NOTE_OF_UNREGISTERED.id}/share-to-sign"
PAGE = f"{CHART}/requests/{REQUEST}"

OPTIONS: dict[str, Any] = {
    "options": "yes",
    "parties": [CLIENT_PARTY, PARENT_PARTY, COLLEAGUE_PARTY],
    "turns": ["2", "1", "3"],
    "signers": [CLIENT_PARTY, PARENT_PARTY, COLLEAGUE_PARTY],
    "order": "in-order",
    "on_decline": "continues",
    "days": "30",
    "reminder_days": "2, 5",
}
INVITING: dict[str, Any] = {
    "options": "yes",
    "unregistered": "invite",
    "name": "Priya Natarajan",
    "email": "priya@example.org",
    "relationship": "self",
    "days": "60",
    "reminder_days": "3, 7, 14",
}


def asked_for(on_stage: Stage) -> tuple[Terms | None, Invitee | None]:
    (what, given), *_ = on_stage.done
    assert what == "share to sign"
    return given["terms"], given["invite"]


# -- asking with options (SPEC S5, G8, G9)


def test_one_click_asks_in_the_practices_way(browser: TestClient, on_stage: Stage) -> None:
    assert browser.post(ASK).headers["location"] == f"{CHART}/documents?done=shared-for-signature"
    assert asked_for(on_stage) == (None, None)


def test_the_options_are_asked_for_as_they_were_chosen(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(ASK, data=OPTIONS)
    assert answer.headers["location"] == f"{PAGE}?done=shared-for-signature"
    terms = Terms(
        days=30,
        signers=(PARENT_PARTY, CLIENT_PARTY, COLLEAGUE_PARTY),
        in_order=True,
        on_decline=OnDecline.CONTINUES,
        reminder_days=(2, 5),
    )
    assert asked_for(on_stage) == (terms, None)


def test_all_at_once_leaves_the_turns_alone_and_no_days_means_no_reminders(
    browser: TestClient, on_stage: Stage
) -> None:
    browser.post(ASK, data=OPTIONS | {"order": "together", "turns": ["", "x", ""], "reminder_days": ""})
    terms, _ = asked_for(on_stage)
    assert terms is not None
    assert (terms.signers, terms.reminder_days) == ((CLIENT_PARTY, PARENT_PARTY, COLLEAGUE_PARTY), ())


def test_the_page_of_options_starts_with_what_one_click_asks_for(browser: TestClient) -> None:
    html = browser.get(ASK).text
    ticked = re.findall(r'name="signers" value="([^"]+)" checked', html)
    assert ticked == [CLIENT_PARTY]
    assert 'value="60"' in html
    assert 'value="3, 7, 14"' in html
    assert "A new message is available for you in the Client Portal." in text(html)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"signers": []}, "Choose who signs."),
        ({"signers": ["account:1"], "parties": ["account:1"], "turns": ["1"]}, "has changed in the meantime"),
        ({"turns": ["", "2", "3"]}, "Give each signer a turn"),
        ({"days": "366"}, "from 1 to 365"),
        ({"days": "soon"}, "from 1 to 365"),
        ({"reminder_days": "often"}, "Give days as numbers"),
        ({"on_decline": "shrug"}, "Choose what a decline does."),
        ({"unregistered": "wait"}, "has registered in the meantime"),
    ],
)
def test_an_option_that_does_not_fit_is_said_and_the_rest_is_kept(
    browser: TestClient, on_stage: Stage, changed: dict[str, Any], says: str
) -> None:
    answer = browser.post(ASK, data=OPTIONS | changed)
    assert answer.status_code == 422
    assert says in text(answer.text)
    assert re.search(r'value="in-order" checked', answer.text)
    assert on_stage.done == []


def test_what_share_to_sign_refuses_is_said_on_the_page_of_options(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = Unacceptable("Give at most 10 days.")
    answer = browser.post(ASK, data=OPTIONS)
    assert answer.status_code == 422
    assert "Give at most 10 days." in answer.text
    assert 'name="options"' in answer.text


def test_who_may_not_sign_stands_there_with_the_reason(browser: TestClient, on_stage: Stage) -> None:
    on_stage.possible = [Possible(PARENT_PARTY, "Rosa Rivera", "Parent", "This document is kept from this person.")]
    html = browser.get(ASK).text
    assert re.search(rf'value="{PARENT_PARTY}" disabled', html)
    assert "This document is kept from this person." in html


async def test_the_days_until_the_end_are_told_as_a_day() -> None:
    with served(Stage()) as address:
        async with chromium() as browser, visitor(browser) as page:
            await page.goto(address + ASK)
            day = page.get_by_text("It can be signed until")
            for days, told in (("1", 1), ("365", 365)):
                await page.get_by_label("Days until it expires").fill(days)
                until = datetime.fromisoformat(str(await day.locator("time").get_attribute("datetime")))
                assert abs(until - datetime.now(UTC) - timedelta(days=told)) < timedelta(minutes=5)
            assert re.search(r"until \w{3} \d{1,2}, 20\d\d\.$", await day.inner_text())
            await page.get_by_label("Days until it expires").fill("366")
            await expect(day).to_be_hidden()


def test_a_document_that_is_asked_for_leads_to_its_request(browser: TestClient) -> None:
    for document in (PENDING, SIGNED):
        answer = browser.get(f"{CHART}/documents/{document.id}/share-to-sign")
        assert answer.headers["location"] == PAGE
    assert browser.get(f"/charts/{UNREGISTERED}/documents/{PLAN.id}/share-to-sign").status_code == 404


def test_sharing_with_nobody_offers_to_invite_and_share_or_to_wait(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = ClientNotRegistered("POST /api/v1/clients/{id}/invitations")
    answer = browser.post(ASK_UNREGISTERED)
    assert answer.status_code == 409
    assert "Invite and share" in text(answer.text)
    assert "Share when registered" in text(answer.text)
    assert "/api/" not in answer.text


def test_invite_and_share(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(ASK_UNREGISTERED, data=INVITING)
    assert answer.headers["location"].endswith(f"/requests/{REQUEST}?done=shared-and-invited")
    terms, invitee = asked_for(on_stage)
    assert terms is not None
    assert terms.when_registered
    assert invitee == Invitee("priya@example.org", "Priya Natarajan", Relationship.SELF)


def test_share_when_registered_invites_nobody(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(ASK_UNREGISTERED, data=INVITING | {"unregistered": "wait", "email": ""})
    assert answer.headers["location"].endswith("?done=parked")
    terms, invitee = asked_for(on_stage)
    assert terms is not None
    assert terms.when_registered
    assert invitee is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"email": ""}, "Enter the email address"),
        ({"name": " "}, "Enter the name"),
        ({"relationship": "neighbour"}, "not known"),
        ({"unregistered": ""}, "Choose Invite and share"),
    ],
)
def test_an_invitation_that_lacks_something_is_not_sent(
    browser: TestClient, on_stage: Stage, changed: dict[str, str], says: str
) -> None:
    answer = browser.post(ASK_UNREGISTERED, data=INVITING | changed)
    assert answer.status_code == 422
    assert says in text(answer.text)
    assert on_stage.done == []


# -- the page of a request


@pytest.mark.parametrize(
    ("signers", "says"),
    [
        ((a_signer(0, CLIENT_PARTY),), "Waits for Jordan Rivera to sign."),
        ((a_signer(0, CLIENT_PARTY), a_signer(1, STAFF_PARTY)), "Waits for Jordan Rivera and Dr. Maya Chen to sign."),
        ((a_signer(0, CLIENT_PARTY, SeatState.SIGNED), a_signer(1, STAFF_PARTY)), "Waits for Dr. Maya Chen to sign."),
    ],
)
def test_the_request_says_whom_it_waits_for(
    browser: TestClient, on_stage: Stage, signers: tuple[Any, ...], says: str
) -> None:
    on_stage.barred = signers
    assert says in text(browser.get(PAGE).text)


def test_a_request_in_order_says_that_the_next_comes_after(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [replace(PENDING, seats=2, my_turn=False)]
    assert "the next is asked after that" in text(browser.get(PAGE).text)


def test_a_signed_request_says_that_it_waits_for_its_time_stamp_and_when_it_has_one(
    browser: TestClient, on_stage: Stage
) -> None:
    page = f"{CHART}/requests/{SIGNED.request_id}"
    on_stage.documents = [SIGNED]
    on_stage.since_signed = {"ended_at": NOW, "time_stamp_waits": "tsa.example.org: no answer within 10 seconds."}
    assert "Sealed; waits for its time stamp" in text(browser.get(page).text)
    assert "no answer within 10 seconds." in text(browser.get(page).text)
    on_stage.since_signed = {"ended_at": NOW, "time_stamped_at": NOW}
    assert "An independent authority stamped the time: " in text(browser.get(page).text)
    assert "waits for its time stamp" not in text(browser.get(page).text).split("Timeline")[0]


@pytest.mark.parametrize("why", Barred)
def test_a_signer_without_access_is_shown_with_the_remedy(browser: TestClient, on_stage: Stage, why: Barred) -> None:
    on_stage.barred = (a_signer(0, CLIENT_PARTY, barred=why),)
    on_stage.documents = [replace(PENDING, barred=True)]
    for address in (CHART, f"{CHART}/documents/{PENDING.id}"):
        assert "A signer cannot sign any more." in text(browser.get(address).text)
    html = browser.get(PAGE).text
    assert "Cannot sign" in text(html)
    assert "A signer cannot sign any more" in text(html)
    assert ">A signer cannot sign any more.</textarea>" in html
    assert "A signer cannot sign any more" in text(browser.get("/requests").text)
    # where it can be mended
    assert (f'<a href="{CHART}/consents">Consents</a>' in html) == (why is Barred.NO_CONSENT)


def test_the_day_of_the_expiry_is_the_practices(browser: TestClient, on_stage: Stage) -> None:
    """The end of 22 January in Chicago is a moment of the 23rd in UTC."""
    ends = NOW.replace(hour=6, minute=0) + timedelta(days=61)
    on_stage.documents = [replace(PENDING, expires_at=ends)]
    assert 'name="until" type="date" required value="2027-01-22"' in browser.get(PAGE).text


@pytest.mark.parametrize(
    ("raised", "status"), [(NotInThisState("This document has been signed."), 409), (NotReachable("Try again."), 503)]
)
def test_what_came_first_is_said_even_where_the_form_is_gone(
    browser: TestClient, on_stage: Stage, raised: Exception, status: int
) -> None:
    on_stage.documents = [replace(SIGNED, request_id=REQUEST)]
    on_stage.raises = raised
    answer = browser.post(f"{PAGE}/recall", data={"reason": "By mistake."})
    assert answer.status_code == status
    assert str(raised) in text(answer.text)


def test_what_no_worker_has_taken_yet_is_not_said_to_be_done(browser: TestClient, on_stage: Stage) -> None:
    on_stage.decided = False
    answer = browser.post(f"{PAGE}/recall", data={"reason": "By mistake."})
    said = text(browser.get(answer.headers["location"]).text)
    assert "Received. It happens as soon as the service has caught up." in said
    assert "The request is recalled" not in said
    on_stage.delivered = False
    assert browser.post(f"{PAGE}/reissue").headers["location"] == f"{CHART}/documents?done=received"


def test_asking_again_of_someone_without_access_leads_to_the_choice(browser: TestClient, on_stage: Stage) -> None:
    ended = records.a_document("Group Note", **records.asked(RequestState.RECALLED))
    on_stage.documents = [ended]
    on_stage.raises = Unacceptable("A signer has no access to this client's portal.")
    answer = browser.post(f"{PAGE}/reissue")
    assert f'href="{CHART}/documents/{ended.id}/share-to-sign">Share to Sign with options' in answer.text
    on_stage.raises = ClientNotRegistered("POST /api/v1/clients/{id}/invitations")
    assert "/api/" not in browser.post(f"{PAGE}/reissue").text


# -- portal access on the Chart Face (SPEC G8)


def test_the_chart_face_says_who_acts_from_when_until_when_and_why_not(browser: TestClient, on_stage: Stage) -> None:
    on_stage.relations = [
        a_relation(),
        a_relation(PARENT, majority_on=date(2030, 5, 17)),
        a_relation(AccountId(records.number("a")), standing=Standing.MAJORITY, majority_on=date(2024, 5, 17)),
        a_relation(AccountId(records.number("b")), standing=Standing.NOT_YET, starts_on=date(2027, 1, 1)),
        a_relation(
            AccountId(records.number("c")),
            standing=Standing.ENDED,
            ends_on=date(2026, 11, 20),
            ended_by=STAFF_PARTY,
            end_reason="The court has decided.",
        ),
    ]
    html = text(browser.get(CHART).text)
    for said in (
        "From Nov 2, 2026 until the client comes of age on May 17, 2030",
        "The client is of age",
        "Not yet",
        "From Nov 2, 2026 until Nov 20, 2026",
        "Ended by Dr. Maya Chen: “The court has decided.”",
    ):
        assert said in html


def test_access_is_ended_with_a_reason(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(f"{CHART}/access/{PARENT}/end", data={"reason": " The court has decided. "})
    assert answer.headers["location"] == f"{CHART}?done=access-ended"
    assert on_stage.done == [("end", {"account": PARENT, "reason": "The court has decided."})]


def test_a_document_is_kept_from_a_person_and_seen_again(browser: TestClient, on_stage: Stage) -> None:
    on_stage.relations = [a_relation(), a_relation(PARENT)]
    form = {"document": str(PLAN.id), "reason": "It concerns the parents."}
    assert browser.post(f"{CHART}/access/{PARENT}/block", data=form).status_code == 303
    on_stage.blocks = [a_block(PLAN)]
    html = browser.get(CHART).text
    assert "Kept from this person" in html
    of_parent = html.split(f'id="block-{PARENT}-document"')[1].split("</select>")[0]
    assert str(PLAN.id) not in of_parent
    assert str(records.PSYCHOTHERAPY.id) not in of_parent
    assert str(SUPERBILL.id) in of_parent
    assert browser.post(f"{CHART}/access/{PARENT}/unblock", data={"document": str(PLAN.id)}).status_code == 303
    assert [what for what, _ in on_stage.done] == ["block", "unblock"]


@pytest.mark.parametrize("way", ["end", "block"])
def test_a_refusal_stands_beside_its_form_with_what_was_typed(browser: TestClient, on_stage: Stage, way: str) -> None:
    on_stage.raises = Unacceptable("Give the reason, in one line.")
    answer = browser.post(f"{CHART}/access/{ACCOUNT}/{way}", data={"reason": "x y", "document": str(PLAN.id)})
    assert answer.status_code == 422
    assert answer.text.count("Give the reason, in one line.") == 1
    assert 'value="x y"' in answer.text


def test_a_document_of_another_chart_cannot_be_named(browser: TestClient, on_stage: Stage) -> None:
    form = {"document": str(NOTE_OF_UNREGISTERED.id), "reason": "Why not."}
    answer = browser.post(f"{CHART}/access/{ACCOUNT}/block", data=form)
    assert "Choose the document." in text(answer.text)
    assert on_stage.done == []


def test_who_only_reads_sees_who_acts_and_changes_nothing(browser: TestClient, on_stage: Stage) -> None:
    on_stage.role = Role.AUDITOR
    on_stage.blocks = [a_block(PLAN, ACCOUNT)]
    html = browser.get(CHART).text
    assert "Kept from this person" in html
    assert "/access/" not in html


def test_who_waits_for_one_who_may_sign_is_offered_to_invite(browser: TestClient, on_stage: Stage) -> None:
    on_stage.possible = [Possible(PARENT_PARTY, "Rosa Rivera", "Parent", "Only under a recorded consent.")]
    html = text(browser.get(ASK).text)
    assert "Nobody who may sign this is registered" in html
    assert "Only under a recorded consent." in html
    assert browser.post(ASK, data=INVITING).status_code == 303


def test_who_lacks_a_consent_is_shown_with_the_way_to_record_one(browser: TestClient, on_stage: Stage) -> None:
    on_stage.possible = [Possible(PARENT_PARTY, "Rosa Rivera", "Parent", disclosure.NEEDS_CONSENT)]
    assert f'<a href="{CHART}/consents">Consents</a></p>' in browser.get(ASK).text
    on_stage.possible = [Possible(PARENT_PARTY, "Rosa Rivera", "Parent", "This document is kept from this person.")]
    assert f'<a href="{CHART}/consents">Consents</a></p>' not in browser.get(ASK).text


def test_a_chemical_dependency_plan_can_be_told_from_others(browser: TestClient, on_stage: Stage) -> None:
    addresses = (CHART, f"{CHART}/documents", f"{CHART}/documents/{PENDING.id}", ASK)
    on_stage.documents = [PENDING]
    assert not any("Chemical dependency</span>" in browser.get(address).text for address in addresses)
    on_stage.documents = [replace(PENDING, kind=Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN)]
    for address in addresses[:3]:
        assert "Chemical dependency</span>" in browser.get(address).text, address


def test_the_days_that_are_offered_are_those_that_are_taken(browser: TestClient, on_stage: Stage) -> None:
    zone = ZoneInfo("America/Chicago")
    asked_on = NOW.astimezone(zone).date()
    first = max(datetime.now(zone).date(), asked_on + timedelta(days=1))
    assert f'min="{first}" max="{asked_on + timedelta(days=364)}"' in browser.get(PAGE).text


def test_a_chart_face_stays_a_summary_where_much_waits(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [replace(PENDING, id=DocumentId(uuid4())) for _ in range(12)]
    html = browser.get(CHART).text
    assert html.count(">Signature request</a>") == 10
    assert f'<a href="{CHART}/documents?show=waiting">2 more, in Documents</a>' in html


# -- what the page of a request does not say


def test_a_request_that_everybody_has_signed_waits_for_nobody(browser: TestClient, on_stage: Stage) -> None:
    """Also while the seal needs attention: the last answer is written with the signed copy."""
    stuck = records.asked(RequestState.SEALING, attention="The seal's key service is away.")
    on_stage.documents = [replace(PENDING, **stuck)]
    said = text(browser.get(PAGE).text)
    assert "Everybody has signed." in said
    for wrong in ("It can be signed until", "Viewed", "Expires if it is not signed"):
        assert wrong not in said
    for address in (f"{CHART}/documents/{PENDING.id}", CHART):
        said = text(browser.get(address).text)
        assert ("The seal's key service is away." in said, "xpires" in said) == (True, False)


def test_no_reminder_is_announced_while_it_waits_for_colleagues_alone(browser: TestClient, on_stage: Stage) -> None:
    ahead = datetime.now(UTC) + timedelta(days=3)
    on_stage.since_signed = {"reminders": (ahead,)}
    assert "To come: Reminder" in text(browser.get(PAGE).text)
    on_stage.since_signed = {"reminders": (records.asked(RequestState.PENDING)["expires_at"] + timedelta(days=1),)}
    assert "To come: Reminder" not in text(browser.get(PAGE).text)  # nor behind the end
    on_stage.since_signed = {"reminders": (ahead,)}
    on_stage.barred = (a_signer(0, CLIENT_PARTY, SeatState.SIGNED), a_signer(1, STAFF_PARTY))
    html = browser.get(PAGE).text
    assert "To come: Reminder" not in text(html)
    assert "To come: Expires" in text(html)


def test_a_refused_address_is_told_with_the_way_out(browser: TestClient, on_stage: Stage) -> None:
    on_stage.barred = (a_signer(0, CLIENT_PARTY, notice="refused"),)
    html = browser.get(PAGE).text
    assert "end the access, invite with the right one, and share again." in text(html)
    assert f'href="{CHART}#invite"' in html
    on_stage.barred = (a_signer(0, CLIENT_PARTY, SeatState.SIGNED, notice="sent"), a_signer(1, STAFF_PARTY))
    on_stage.documents = [PENDING]
    assert "Email sent." not in text(browser.get(PAGE).text)


def test_who_is_invited_stands_with_a_request_that_waits_for_a_registration(
    browser: TestClient, on_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC N3: a refused address shows on the request."""
    on_stage.barred = (replace(a_signer(0, CLIENT_PARTY), party=None, name=None),)
    html = browser.get(PAGE).text
    assert "Rosa Rivera, rosa@example.org: The email address was refused. Correct it and invite again." in text(html)
    assert f'href="{CHART}#invite"' in html
    opened = on_stage.open_chart

    async def uninviting(*given: Any) -> Any:
        return replace(await opened(*given), invitations=[])

    monkeypatch.setattr("api.stories.charts.open_chart", uninviting)
    assert "Nobody is invited now." in text(browser.get(PAGE).text)
    # in order it comes first
    on_stage.documents = [replace(PENDING, my_turn=False)]
    assert "Comes later" not in text(browser.get(PAGE).text)
    assert "Whoever registers signs first." in text(browser.get(ASK_UNREGISTERED).text)


def test_what_was_written_for_a_request_that_ended_meanwhile_is_shown(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [replace(PENDING, **records.asked(RequestState.SIGNED))]
    on_stage.raises = NotInThisState("This document has been signed.")
    answer = browser.post(f"{PAGE}/recall", data={"reason": "A typing error."})
    assert answer.status_code == 409
    assert "What you were writing: A typing error." in text(answer.text)


def test_the_signed_copy_is_at_hand_where_the_request_says_that_it_is_there(
    browser: TestClient, on_stage: Stage
) -> None:
    on_stage.documents = [SIGNED]
    assert f'href="{CHART}/documents/{SIGNED.id}/signed"' in browser.get(PAGE).text


def test_another_person_is_not_taken_for_the_client(browser: TestClient) -> None:
    """Whoever signs as *Self* signs as the client."""
    chosen = r'<option value="self" selected>'
    assert not re.search(chosen, browser.get(CHART).text)
    assert re.search(chosen, browser.get(f"/charts/{UNREGISTERED}").text)


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (RequestState.PENDING, True),
        (RequestState.DECLINED, True),
        (RequestState.EXPIRED, True),
        (RequestState.SIGNED_ON_PAPER, False),
        (RequestState.RECALLED, False),
    ],
)
def test_what_the_practice_has_ended_waits_for_nothing(
    browser: TestClient, on_stage: Stage, state: RequestState, waits: bool
) -> None:
    on_stage.documents = [replace(PENDING, **records.asked(state))]
    assert ("Nothing waits for a signature." not in browser.get(CHART).text) == waits
