"""What the portal says of a request in each of its states, and the counter-signature's page."""

import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from activities.end import SIGNERS_ARE_TOLD
from activities.stamp import COUNTER_MEANING, MEANING
from api.pages import standing
from api.pages.portal import MOST_REASON
from api.pages.standing import SAID, SAID_TO, TITLES, Part, Standing
from chart.document import Version
from chart.ids import VersionId
from chart.lifecycle import STATES, OnDecline, RequestState, Row, SeatState
from chart.message import MessageAbout
from chart.refusals import NotInThisState, NotReachable
from tests.pages import portal_side, records
from tests.pages.addresses import DOCUMENTS, REVIEW
from tests.pages.records import CLIENT, CLIENT_PARTY, MESSAGE, NOW, PENDING, STAFF_PARTY, a_document, a_signer, asked
from tests.pages.stage import Stage
from tests.pages.test_pages import browser, on_stage, text

__all__ = ["browser", "on_stage"]  # fixtures

WAITING, SIGNED, DECLINED = SeatState.WAITING, SeatState.SIGNED, SeatState.DECLINED
SIGN = f"{DOCUMENTS}/{PENDING.id}/sign"


# -- the words


@pytest.mark.parametrize("state", RequestState)
def test_every_state_has_its_words(state: RequestState) -> None:
    for part in Part:
        words = Standing(state, part).words
        assert words.brief
        assert words.lead
        assert words.lead.endswith(".")
        assert words.more.endswith(".")
        # what operators and staff read is not for clients
        shown = f"{words.brief} {words.lead} {words.more}".lower()
        assert not re.search("attention|workflow|retry|error|failed|recalled|unable to obtain", shown)


def test_nothing_is_said_of_a_state_and_part_that_cannot_be_together() -> None:
    assert all(state in SAID for state, _ in SAID_TO)
    assert set(TITLES) == set(MessageAbout)
    for state, part in SAID_TO:
        row: Row = STATES[state]
        assert part is not Part.MY_TURN or not row.ended


@pytest.mark.parametrize(
    "state", [state for state, row in STATES.items() if row.ended and state is not RequestState.SIGNED]
)
def test_a_signature_of_a_request_that_ended_otherwise_is_said_not_to_be_used(state: RequestState) -> None:
    assert "your signature is not used" in Standing(state, Part.SIGNED).words.also


# -- each state on the pages of the portal

CASES: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "my turn": (asked(), "Please read this document.", "Pending Review"),
    "others first": (asked(seats=2, my_turn=False), "You will be told when it is your turn.", None),
    "others still": (
        asked(seats=2, signed_seats=1, my_seat=SIGNED, my_turn=False),
        "Thank you, you have signed. Others still have to sign.",
        "Signed",
    ),
    "too late": (asked(my_turn=False, late=True), "The time to sign this document has passed.", None),
    "being sealed": (
        asked(RequestState.SEALING, my_seat=SIGNED, signed_seats=1),
        "We are sealing your document; it will show as Signed here in a moment.",
        "Signed",
    ),
    "needs attention": (
        asked(RequestState.SEALING, my_seat=SIGNED, signed_seats=1, attention="The stored file is missing."),
        "We are sealing your document; it will show as Signed here in a moment.",
        "Signed",
    ),
    "signed": (
        asked(RequestState.SIGNED, signed_seats=1, signed_sha256="b" * 64, signed_pages=3),
        "Thank you, the document is signed. You can download it.",
        "Signed",
    ),
    "declined by me": (
        asked(RequestState.DECLINED, my_seat=DECLINED),
        "You have declined to sign this document. The practice has been told.",
        None,
    ),
    "a correction": (
        asked(RequestState.DECLINED, my_seat=DECLINED, correction=True),
        "You have asked for a correction. The practice has been told.",
        None,
    ),
    "declined by another": (
        asked(RequestState.DECLINED, seats=2),
        "Somebody who was asked to sign it has declined or asked for a correction.",
        None,
    ),
    "declined, and others go on": (
        asked(seats=2, my_seat=DECLINED, my_turn=False),
        "The practice has been told. Others can still sign it.",
        None,
    ),
    "recalled": (asked(RequestState.RECALLED), "The practice has taken its request back.", None),
    "expired": (asked(RequestState.EXPIRED), "The time to sign this document has passed.", None),
    "replaced": (asked(RequestState.REPLACED), "replaced this document by a new version.", None),
    "unable to obtain": (asked(RequestState.UNABLE_TO_OBTAIN), "closed its request without a signature.", None),
    "on paper": (asked(RequestState.SIGNED_ON_PAPER), "This document was signed on paper.", None),
    "not asked": (asked(my_seat=None, my_turn=False), "This document waits for another person’s signature.", None),
}


@pytest.mark.parametrize("case", CASES)
def test_each_state_is_said_on_every_page_alike(browser: TestClient, on_stage: Stage, case: str) -> None:
    facts, says, tag = CASES[case]
    on_stage.documents = [a_document("Progress Note", **facts)]
    review = browser.get(REVIEW)
    assert review.status_code == 200
    shown = text(review.text)
    assert says in shown
    assert ("Add Signature" in shown) is (case == "my turn")
    assert (f'href="{REVIEW}/decline"' in review.text) is (case == "my turn")
    assert "stored file" not in shown
    message = text(browser.get(f"/portal/inbox/{MESSAGE}").text)
    assert ("asks you to read this document and sign it" if case == "my turn" else says) in message
    for address in ("/portal/documents", REVIEW):
        assert re.findall(r'class="tag [a-z]+">.*?</svg>([^<]+)<', browser.get(address).text, re.S) == (
            [tag] if tag else []
        )


@pytest.mark.parametrize(
    ("about", "title"),
    [(MessageAbout.RECALLED, "No signature needed"), (MessageAbout.REPLACED, "Replaced by a new version")],
)
def test_a_message_that_takes_a_request_back_has_words_of_its_own(
    browser: TestClient, on_stage: Stage, about: MessageAbout, title: str
) -> None:
    state = RequestState(about.value)
    on_stage.about = about
    on_stage.documents = [a_document("Progress Note", **asked(state, shared=about is MessageAbout.RECALLED))]
    inbox, message = (text(browser.get(address).text) for address in ("/portal/inbox", f"/portal/inbox/{MESSAGE}"))
    assert title in inbox
    assert SAID[state].lead in inbox
    assert "asks for your signature" not in inbox
    assert f"{title} From Harbor Counseling" in message
    assert SAID[state].more in message


def test_a_request_that_was_answered_is_no_news_though_its_message_was_not_opened(
    browser: TestClient, on_stage: Stage
) -> None:
    new = re.compile(r'class="tag wait">New<')
    on_stage.documents = [a_document("Progress Note", **asked())]
    assert new.search(browser.get("/portal/inbox").text)
    on_stage.documents = [a_document("Progress Note", **CASES["others still"][0])]
    page = browser.get("/portal/inbox").text
    assert not new.search(page)
    assert 'class="count"' not in page


@pytest.mark.parametrize("state", [one for one in SIGNERS_ARE_TOLD if WAITING in SIGNERS_ARE_TOLD[one][1]])
def test_of_a_request_that_was_taken_back_its_later_message_alone_is_new(
    browser: TestClient, on_stage: Stage, state: RequestState
) -> None:
    new = re.compile(r'class="tag wait">New<')
    on_stage.documents = [a_document("Progress Note", **asked(state))]
    assert not new.search(browser.get("/portal/inbox").text)
    on_stage.about = SIGNERS_ARE_TOLD[state][0]
    assert new.search(browser.get("/portal/inbox").text)


def test_an_answer_on_its_way_is_not_asked_for_again(browser: TestClient, on_stage: Stage) -> None:
    on_stage.declining = True
    shown = text(browser.get(REVIEW).text)
    assert "We are telling the practice; it will show here in a moment." in shown
    assert "Add Signature" not in shown
    on_stage.declining, on_stage.received = False, True
    assert 'data-outcome="received"' in browser.get(REVIEW).text
    on_stage.documents = [a_document("Progress Note", **asked(seats=2))]
    assert "Your signature is kept; it will show as Signed here in a moment." in text(browser.get(REVIEW).text)


def test_the_script_learns_that_a_signature_is_taken(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [a_document("Progress Note", **CASES["others still"][0])]
    assert 'data-outcome="taken"' in browser.get(REVIEW).text


def test_earlier_signed_copies_are_listed_with_their_downloads(browser: TestClient, on_stage: Stage) -> None:
    assert "igned copies" not in browser.get(REVIEW).text
    copy = Version(VersionId(records.number("v1")), 1, NOW, None, "c" * 64, True, "d" * 64, NOW)
    on_stage.copies = [copy]
    html = browser.get(REVIEW).text
    assert "Signed copies" in text(html)
    assert f'href="{REVIEW}/signed/1" download' in html
    # the copy of the shown version has its own button
    signed = a_document("Progress Note", **asked(RequestState.SIGNED, signed_sha256="d" * 64, signed_pages=3))
    on_stage.documents = [signed]
    assert "igned copies" not in browser.get(REVIEW).text
    on_stage.copies = [replace(copy, number=3), replace(copy, signed_sha256="e" * 64)]
    html = browser.get(REVIEW).text
    assert "Earlier signed copies" in text(html)
    assert re.findall(r"/signed/(\d)", html) == ["1"]


# -- decline

TYPED = {"choice": "decline", "reason": "I do not agree\r\nwith <b>this</b>."}


def test_declining_is_chosen_checked_and_sent(browser: TestClient, on_stage: Stage) -> None:
    form = browser.get(f"{REVIEW}/decline").text
    assert "Ask for a correction" in form
    assert "Decline to sign" in form
    assert f'maxlength="{MOST_REASON}"' in form
    check = browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "check"}).text
    assert "You decline to sign" in text(check)
    assert "&lt;b&gt;this" in check
    assert on_stage.done == []
    change = browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "change"}).text
    assert re.search(r'value="decline" required checked', change)
    assert "I do not agree\nwith &lt;b&gt;" in change
    sent = browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "send"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{REVIEW}/declined")
    ((_, given),) = on_stage.done
    assert (given["reason"], given["correction"]) == ("I do not agree\nwith <b>this</b>.", False)


def test_a_reason_may_be_left_out(browser: TestClient, on_stage: Stage) -> None:
    browser.post(f"{REVIEW}/decline", data={"choice": "correction", "reason": " ", "step": "send"})
    ((_, given),) = on_stage.done
    assert (given["reason"], given["correction"]) == (None, True)


@pytest.mark.parametrize("step", ["check", "send", ""])
@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"choice": "", "reason": "Why?"}, "Choose what you want to tell the practice."),
        ({"choice": "decline", "reason": "x" * (MOST_REASON + 1)}, "it is 501 now"),
    ],
)
def test_what_cannot_be_sent_is_said_and_kept(
    browser: TestClient, on_stage: Stage, typed: dict[str, str], says: str, step: str
) -> None:
    answer = browser.post(f"{REVIEW}/decline", data=typed | {"step": step})
    assert (answer.status_code, says in text(answer.text)) == (422, True)
    assert typed["reason"] in answer.text
    assert on_stage.done == []


@pytest.mark.parametrize(
    ("ends", "seats", "words"),
    [
        (OnDecline.ENDS, 2, "Nobody signs it then, and what was signed already is not used."),
        (OnDecline.CONTINUES, 2, "Others are asked to sign it too, and still can."),
        (OnDecline.ENDS, 1, ""),
    ],
)
def test_who_declines_is_told_before_what_it_means_for_the_others(
    browser: TestClient, on_stage: Stage, monkeypatch: pytest.MonkeyPatch, ends: OnDecline, seats: int, words: str
) -> None:
    on_stage.documents = [replace(PENDING, seats=seats)]
    monkeypatch.setattr(portal_side, "request_of", lambda one: replace(records.request_of(one), on_decline=ends))
    check = text(browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "check"}).text)
    assert ("Others are asked" in check, words in check) == (seats > 1, True)


def test_and_after_it_that_they_can_still_sign(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [replace(PENDING, **asked(seats=2, my_seat=DECLINED, my_turn=False))]
    assert "Others can still sign it." in text(browser.get(f"{REVIEW}/declined").text)
    on_stage.documents = [replace(PENDING, **asked(RequestState.DECLINED, seats=2, my_seat=DECLINED, my_turn=False))]
    assert "Others can still sign it." not in text(browser.get(f"{REVIEW}/declined").text)


def test_a_decline_that_cannot_reach_the_engine_can_be_sent_again(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = NotReachable("Try again in a moment.")
    answer = browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "send"})
    assert "Try again in a moment." in text(answer.text)
    assert 'name="step" value="send"' in answer.text
    assert "I do not agree" in answer.text


def test_a_late_decline_says_what_came_first(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = NotInThisState("The practice has recalled this request.")
    answer = browser.post(f"{REVIEW}/decline", data=TYPED | {"step": "send"})
    assert answer.status_code == 409
    assert "The practice has recalled this request." in text(answer.text)
    assert "What you wrote was not sent" in text(answer.text)
    assert "I do not agree" in answer.text
    assert 'value="send"' not in answer.text


@pytest.mark.parametrize(
    ("correction", "says"), [(True, "You have asked for a correction of this document."), (False, "You have declined")]
)
def test_after_a_decline_a_page_says_what_happens_next(
    browser: TestClient, on_stage: Stage, correction: bool, says: str
) -> None:
    declined = asked(RequestState.DECLINED, my_seat=DECLINED, correction=correction)
    on_stage.documents = [a_document("Progress Note", **declined)]
    shown = text(browser.get(f"{REVIEW}/declined").text)
    assert "The practice has been told." in shown
    assert says in shown
    # whoever comes to the form again is led to the document
    assert browser.get(f"{REVIEW}/decline").headers["location"] == REVIEW


# -- the counter-signature


def test_the_counter_signature_is_asked_of_the_named_one_with_its_own_meaning(
    browser: TestClient, on_stage: Stage
) -> None:
    html = browser.get(SIGN).text
    assert COUNTER_MEANING in text(html)
    assert MEANING not in html
    assert f'data-signature="/api/v1/documents/{PENDING.id}/counter-signature"' in html
    assert 'data-consented="true"' in html
    assert 'data-step="consent"' not in html
    assert "Jordan Rivera" in text(html)
    assert f'data-signature="/api/v1{REVIEW}/signature"' in browser.get(REVIEW).text
    on_stage.signers = on_stage.signers[:1]
    assert browser.get(SIGN).status_code == 404
    assert browser.get(f"{DOCUMENTS}/{records.PLAN.id}/sign").status_code == 404
    assert browser.get(SIGN.replace(str(CLIENT), str(records.UNREGISTERED))).status_code == 404


@pytest.mark.parametrize(
    ("state", "mine", "says", "outcome"),
    [
        (RequestState.PENDING, SIGNED, "Thank you, you have signed.", "taken"),
        (RequestState.SEALING, SIGNED, "the document is being sealed", "taken"),
        (RequestState.SIGNED, SIGNED, "The document is signed and sealed.", "signed"),
        *((state, WAITING, row.too_late, "") for state, row in STATES.items() if row.ended and row.label != "Signed"),
    ],
)
def test_the_counter_signature_page_says_where_the_request_stands(
    browser: TestClient, on_stage: Stage, state: RequestState, mine: SeatState, says: str, outcome: str
) -> None:
    on_stage.documents = [a_document("Progress Note", **asked(state))]
    on_stage.signers = (a_signer(0, CLIENT_PARTY), a_signer(1, STAFF_PARTY, mine))
    html = browser.get(SIGN).text
    assert says in text(html)
    assert f'data-outcome="{outcome}"' in html
    assert "Add Signature" not in html


def test_standing_is_the_same_from_a_list_and_from_a_request() -> None:
    for facts, *_ in CASES.values():
        line = a_document("Progress Note", **facts)
        listed = standing.of_listed(line)
        found = standing.of_request(records.request_of(line), CLIENT_PARTY)
        assert listed is not None
        assert listed.state is found.state
        assert listed.part is found.part or {listed.part, found.part} == {Part.DECLINED, Part.CORRECTION}
