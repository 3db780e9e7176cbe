"""What the pages show and what they keep: what is offered, escaped output, forms that forget nothing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api import codec, pages
from api.pages import room, words
from api.pages.static import FOLDER, VERSION, static_url
from api.stories import portal as portal_stories
from chart import consent
from chart.document import Document, Kind
from chart.lifecycle import BY, Act, RequestState, Side
from chart.refusals import ClientNotRegistered, KindRefused, Refusal, Unacceptable
from identity import reset, session, throttle
from identity.account import InvitationEnded
from identity.caller import Role
from identity.reset import ResetEnded
from identity.session import SignedIn, SignInFailed, Token
from pdf import Limits, Note, Reason, Unfit
from tests.pages import records
from tests.pages.addresses import CHART, DOCUMENTS, EVERY_PAGE, REVIEW
from tests.pages.records import MESSAGE, PENDING, PLAN, SIGNED, STUCK, SUPERBILL, UNREGISTERED, a_client
from tests.pages.stage import Stage


@pytest.fixture
def on_stage() -> Stage:
    return Stage()


@pytest.fixture
def browser(on_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    app = on_stage.app(monkeypatch.setattr)
    with TestClient(app, follow_redirects=False) as client:
        yield client


def text(html: str) -> str:
    """What a reader sees of a page, without tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def menu_of(html: str, document: Document) -> list[str]:
    """The three-dot menu of a document."""
    menu = html.split(f'id="menu-{document.id}"')[1].split("</form>", maxsplit=1)[0]
    return [item.strip() for item in re.findall(r'role="menuitem"[^>]*>([^<]+)<', menu)]


# -- what is offered


def test_share_to_sign_is_offered_for_notes_and_plans_only(browser: TestClient) -> None:
    html = browser.get(DOCUMENTS).text
    assert menu_of(html, PLAN) == ["Share", "Share to Sign", "Share to Sign with options…", "View", "Download"]
    assert menu_of(html, SUPERBILL) == ["View", "Download"]
    assert menu_of(html, records.PSYCHOTHERAPY) == ["View", "Download"]
    assert menu_of(html, PENDING) == ["Signature request", "View", "Download"]
    assert menu_of(html, SIGNED) == ["Signature request", "View", "Download", "Download signed"]


def test_an_expired_request_can_be_made_again(browser: TestClient, on_stage: Stage) -> None:
    expired = records.a_document("Group Note", **records.asked(RequestState.EXPIRED))
    on_stage.documents = [expired]
    html = browser.get(DOCUMENTS).text
    assert "Share to Sign" in menu_of(html, expired)
    assert "Expired" in text(html)


def test_whoever_may_only_read_is_offered_only_reading(browser: TestClient, on_stage: Stage) -> None:
    on_stage.role = Role.AUDITOR
    assert menu_of(browser.get(DOCUMENTS).text, PLAN) == ["View", "Download"]
    for address in (CHART, f"/charts/{UNREGISTERED}", DOCUMENTS, "/charts"):
        assert not re.search("Add document|New client|Send invitation|Try again", text(browser.get(address).text))


def test_the_sub_state_stands_beside_the_share_status(browser: TestClient) -> None:
    shown = text(browser.get(DOCUMENTS).text)
    assert "Shared Pending signature" in shown
    assert "Shared Needs attention" in shown


# -- sharing


@pytest.mark.parametrize(
    ("act", "says"),
    [
        ("share", "Shared. The client can download it in the Client Portal now."),
        ("share-to-sign", "Successfully shared for signature."),
    ],
)
def test_sharing_is_confirmed_after_a_redirect(browser: TestClient, act: str, says: str) -> None:
    answer = browser.post(f"{DOCUMENTS}/{PLAN.id}/{act}")
    assert answer.status_code == 303
    assert says in text(browser.get(answer.headers["location"]).text)


def test_a_request_that_is_not_delivered_yet_is_said_to_be_received(browser: TestClient, on_stage: Stage) -> None:
    on_stage.delivered = False
    answer = browser.post(f"{DOCUMENTS}/{PLAN.id}/share-to-sign")
    shown = text(browser.get(answer.headers["location"]).text)
    assert "Received. It will be shared for signature as soon as the service has caught up." in shown


def test_sharing_with_nobody_names_the_remedy_and_leads_to_it(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = ClientNotRegistered("POST /api/v1/clients/{id}/invitations")
    answer = browser.post(f"{DOCUMENTS}/{PLAN.id}/share")
    assert answer.status_code == 409
    assert f'href="{CHART}#invite">Invite to the Client Portal' in answer.text
    assert "/api/" not in answer.text


def test_a_refused_kind_says_why(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = KindRefused("Only clinical notes and treatment plans can be shared for signature.")
    answer = browser.post(f"{DOCUMENTS}/{SUPERBILL.id}/share-to-sign")
    assert answer.status_code == 422
    assert "Only clinical notes and treatment plans can be shared for signature." in text(answer.text)


@pytest.mark.parametrize("address", ["/charts/nonsense", f"{DOCUMENTS}/nonsense", "/portal/documents/nonsense"])
def test_what_is_no_id_is_not_found(browser: TestClient, address: str) -> None:
    assert browser.get(address).status_code == 404


def test_what_needs_attention_says_why_and_can_be_tried_again(browser: TestClient, on_stage: Stage) -> None:
    page = f"{CHART}/requests/{STUCK.request_id}"
    for address in (CHART, f"{DOCUMENTS}/{STUCK.id}"):
        html = browser.get(address).text
        assert "The shared version is missing from the store." in html
        assert f'href="{page}"' in html
    assert f'action="{page}/resume"' in browser.get(page).text
    assert browser.post(f"{page}/resume").status_code == 303
    assert on_stage.done == [("resume", {"request": STUCK.request_id})]


def test_the_request_page_offers_what_the_state_takes_and_nothing_else(browser: TestClient, on_stage: Stage) -> None:
    for shown, ways in (
        (PENDING, {"remind", "extend", "reminders", "recall", "unable-to-obtain", "signed-on-paper"}),
        (SIGNED, set()),
    ):
        on_stage.documents = [shown]
        html = browser.get(f"{CHART}/requests/{shown.request_id}").text
        assert set(re.findall(r'action="/charts/[^"]+/requests/[^/"]+/([a-z-]+)"', html)) == ways
    on_stage.role = Role.AUDITOR
    on_stage.documents = [PENDING]
    assert "What you can do" not in browser.get(f"{CHART}/requests/{PENDING.request_id}").text


def test_every_act_of_the_practice_has_its_button_and_every_action_its_words() -> None:
    elsewhere = {Act.REPLACE}  # from the document's own page
    assert set(words.DO) == {act for act, side in BY.items() if side is Side.PRACTICE} - elsewhere


def test_the_queue_shows_what_needs_attention_and_its_count_stands_in_the_frame(browser: TestClient) -> None:
    html = browser.get("/requests").text
    assert html.index("The shared version is missing from the store.") > 0
    assert "Requests 1 needs attention" in text(html)
    assert "Overdue" in browser.get("/requests?show=needs_attention").text
    assert 'aria-current="page">All</a>' in browser.get("/requests?show=nonsense").text


def test_the_timeline_says_what_happened_by_whom_and_what_is_to_come(browser: TestClient) -> None:
    html = text(browser.get(f"{CHART}/requests/{PENDING.request_id}").text)
    for said in words.HAPPENED.values():
        assert said in html
    assert "Dr. Maya Chen" in html
    assert "Expires if it is not signed" in html


@pytest.mark.parametrize("way", ["recall", "unable-to-obtain", "signed-on-paper"])
def test_what_ends_a_request_needs_a_reason_and_keeps_what_was_typed(
    browser: TestClient, on_stage: Stage, way: str
) -> None:
    answer = browser.post(
        f"{CHART}/requests/{PENDING.request_id}/{way}", data={"reason": " ", "on": "2026-11-20", "how": "Called."}
    )
    assert answer.status_code == 422
    assert "Say why" in text(answer.text)
    assert on_stage.done == []


# -- forms


def test_a_new_client_that_is_refused_keeps_what_was_typed(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = Unacceptable("Another client has this id.")
    typed = {"given_name": "Ana", "family_name": "O'Neill", "birth_date": "1990-03-24", "external_id": "x-1"}
    answer = browser.post("/charts/new", data=typed)
    assert answer.status_code == 422
    assert "Another client has this id." in text(answer.text)
    assert all(f'value="{value}"' in answer.text.replace("&#39;", "'") for value in typed.values())


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"given_name": "  "}, "Enter the given name"),
        ({"family_name": ""}, "Enter the family name"),
        ({"birth_date": "24.3.1990"}, "Enter the date of birth"),
        ({"external_id": "x" * 101}, "Enter the id, 100 characters at most."),
    ],
)
def test_a_missing_field_is_named_in_words(browser: TestClient, changed: dict[str, str], says: str) -> None:
    typed = {"given_name": "Ana", "family_name": "Neill", "birth_date": "1990-03-24", **changed}
    answer = browser.post("/charts/new", data=typed)
    assert (answer.status_code, says in text(answer.text)) == (422, True)


def test_an_unfit_file_says_why_and_keeps_the_rest(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = Unfit(Reason.ENCRYPTED, Limits())
    answer = browser.post(
        f"{DOCUMENTS}/new",
        data={"kind": "clinical_note", "note_name": "Intake & Plan", "service_on": "2026-11-02"},
        files={"file": ("note.pdf", b"%PDF-", "application/pdf")},
    )
    assert answer.status_code == 422
    assert on_stage.raises.message in text(answer.text)
    assert 'value="Intake &amp; Plan"' in answer.text
    assert 'value="2026-11-02"' in answer.text


def test_a_missing_file_is_asked_for(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(
        f"{DOCUMENTS}/new",
        data={"kind": "treatment_plan", "service_on": "2026-11-02"},
        files={"file": ("", b"", "application/octet-stream")},
    )
    assert (answer.status_code, "Choose a PDF file." in text(answer.text)) == (422, True)
    assert on_stage.done == []


def test_an_upload_goes_to_the_chart(browser: TestClient, on_stage: Stage) -> None:
    answer = browser.post(
        f"{DOCUMENTS}/new",
        data={"kind": "treatment_plan", "note_name": "left over", "service_on": "2026-11-02"},
        files={"file": ("plan.pdf", b"%PDF-", "application/pdf")},
    )
    assert answer.headers["location"] == f"{DOCUMENTS}?done=uploaded"
    ((_, given),) = on_stage.done
    assert (given["kind"], given["note_name"], given["content"]) == (Kind.TREATMENT_PLAN, None, b"%PDF-")


@pytest.mark.parametrize("note", Note)
def test_how_an_uploaded_file_will_be_signed_is_told(browser: TestClient, on_stage: Stage, note: Note) -> None:
    on_stage.notes = (note,)
    answer = browser.post(
        f"{DOCUMENTS}/new",
        data={"kind": "treatment_plan", "service_on": "2026-11-02"},
        files={"file": ("plan.pdf", b"%PDF-", "application/pdf")},
    )
    page = text(browser.get(answer.headers["location"]).text)
    assert f"The document is in the chart. {note}" in page


def test_an_invitation_needs_an_email_address(browser: TestClient, on_stage: Stage) -> None:
    typed = {"name": "Rosa Rivera", "email": "rosa@", "relationship": "parent"}
    answer = browser.post(f"{CHART}/invitation", data=typed)
    assert (answer.status_code, "This is not an email address." in text(answer.text)) == (422, True)
    assert 'value="rosa@"' in answer.text
    assert '<option value="parent" selected>Parent</option>' in answer.text
    assert browser.post(f"{CHART}/invitation", data={**typed, "email": "rosa@example.org"}).status_code == 303
    assert on_stage.done[0][1]["relationship"] == "parent"


@pytest.mark.parametrize("surface", ["", "/portal"])
def test_a_failed_sign_in_keeps_the_address_and_never_the_password(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch, surface: str
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise SignInFailed

    monkeypatch.setattr(session, "sign_in", fails)
    typed = {"email": "ann@example.org", "password": "not-the-right-one", "next": "/portal/inbox"}
    answer = browser.post(f"{surface}/sign-in", data=typed)
    assert answer.status_code == 403
    assert "The email address or the password is wrong." in text(answer.text)
    assert 'value="ann@example.org"' in answer.text
    assert 'value="/portal/inbox"' in answer.text
    assert "not-the-right-one" not in answer.text


def test_sign_in_leads_to_the_page_that_was_asked_for_and_to_no_other_site(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def works(*_: object, **__: object) -> SignedIn:
        return SignedIn(Token("token"), "device")

    monkeypatch.setattr(session, "sign_in", works)
    for following, leads in ((f"/portal/inbox/{MESSAGE}",) * 2, ("//evil.example", "/portal/inbox")):
        answer = browser.post("/portal/sign-in", data={"email": "a", "password": "b", "next": following})
        assert answer.headers["location"] == leads
        assert answer.headers["set-cookie"].startswith("__Host-")


def test_a_refused_registration_keeps_the_invitation(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(*_: object) -> None:
        raise Refusal("Choose another.")

    monkeypatch.setattr(portal_stories, "register", refuses)
    answer = browser.post("/portal/register", data={"token": "t0ken", "new_password": "a short walk by the sea"})
    assert answer.status_code == 409
    assert "Choose another." in text(answer.text)
    assert 'value="t0ken"' in answer.text
    assert "a short walk" not in answer.text


def test_an_invitation_that_has_ended_leads_to_the_sign_in(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: object) -> None:
        raise InvitationEnded

    monkeypatch.setattr(portal_stories, "register", ended)
    answer = browser.post("/portal/register", data={"token": "t0ken", "new_password": "a short walk by the sea"})
    assert answer.status_code == 409
    assert "This invitation has ended." in text(answer.text)
    assert "If you have used it, you are registered and can sign in." in text(answer.text)
    assert "<form" not in answer.text
    assert 'href="/portal/sign-in"' in answer.text


def test_registration_takes_the_password_of_an_account_beside_a_second_factor(browser: TestClient) -> None:
    """It may have eight characters, so it is for the server to say what is too short."""
    assert "minlength" not in browser.get("/portal/register").text


def test_a_reset_link_that_has_ended_offers_a_new_one(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None:
        return None

    async def ended(*_: object) -> None:
        raise ResetEnded

    monkeypatch.setattr(throttle, "spend", nothing)
    monkeypatch.setattr(reset, "use", ended)
    answer = browser.post("/portal/sign-in/reset", data={"token": "t0ken"})
    assert "This link has ended" in text(answer.text)
    assert "<form" not in answer.text
    assert 'href="/portal/sign-in/forgotten"' in answer.text


def test_links_of_lists_tell_messages_and_documents_apart(browser: TestClient) -> None:
    for path, name in (
        ("inbox", "Record request Progress Note Nov 2, 2026"),
        ("documents", "Progress Note Nov 2, 2026"),
    ):
        links = re.findall('<a class="stretched"(.*?</a>)', browser.get(f"/portal/{path}").text, re.DOTALL)
        assert text(f"<a{links[0]}").strip() == name


def test_who_is_signed_out_is_told_so(browser: TestClient) -> None:
    assert "You are signed out." in text(browser.get("/portal/sign-in?done=signed-out").text)


def test_who_has_a_second_factor_and_no_recovery_codes_is_told_what_that_means(
    browser: TestClient, on_stage: Stage
) -> None:
    assert "9 recovery codes are left." in text(browser.get("/portal/account").text)
    on_stage.factors = replace(on_stage.factors, recovery_codes=0)
    assert "You have no recovery codes. Without them," in text(browser.get("/portal/account").text)


def test_each_host_leads_to_its_own_surface(browser: TestClient) -> None:
    for host, leads in (
        ("chart.localhost:1", "/charts"),
        ("portal.localhost:1", "/portal"),
        ("127.0.0.1:1", "/charts"),
    ):
        assert browser.get("/", headers={"host": host}).headers["location"] == leads


# -- Chart Room


def test_the_search_finds_by_words_that_stay_out_of_the_address(browser: TestClient) -> None:
    answer = browser.post("/charts", data={"search": "priya"})
    shown = text(answer.text)
    assert "Natarajan, Priya" in shown
    assert "Rivera, Jordan" not in shown
    assert '<form class="search" role="search" method="post"' in answer.text


def test_a_long_list_says_that_there_is_more(browser: TestClient, on_stage: Stage) -> None:
    on_stage.clients = [a_client()] * (room.MOST_SHOWN + 1)
    html = browser.get("/charts").text
    assert html.count("Rivera, Jordan") == room.MOST_SHOWN
    assert "There are more clients than fit here." in html


# -- the portal


def test_my_documents_can_be_narrowed(browser: TestClient) -> None:
    signed = browser.get("/portal/documents?show=signed").text
    assert "Complete Evaluation" in signed
    assert "Progress Note" not in signed
    assert 'href="/portal/documents?show=signed" aria-current="page"' in signed
    assert "Progress Note" in browser.get("/portal/documents?show=to-be-signed").text
    assert browser.get("/portal/documents?show=nonsense").status_code == 200


def test_the_message_leads_to_the_document(browser: TestClient) -> None:
    assert f'href="/portal/inbox/{MESSAGE}"' in browser.get("/portal/inbox").text
    assert f'href="{REVIEW}"' in browser.get(f"/portal/inbox/{MESSAGE}").text


def test_review_offers_image_text_and_file_of_every_page(browser: TestClient) -> None:
    html = browser.get(REVIEW).text
    for number in (1, 2):
        assert f"{REVIEW}/pages/{number}.webp?width=800" in html
        assert f'href="{REVIEW}/pages/{number}.txt"' in html
    assert "1600w" in html
    assert f'href="{REVIEW}/file"' in html


def test_review_tells_the_script_what_still_stands_before_the_signature(browser: TestClient, on_stage: Stage) -> None:
    assert 'data-consented="false" data-fresh="true"' in browser.get(REVIEW).text
    for paragraph in consent.worded("Ask for paper.").paragraphs:
        assert f"<p>{paragraph}</p>" in browser.get(REVIEW).text
    on_stage.consented, on_stage.fresh = True, False
    assert 'data-consented="true" data-fresh="false"' in browser.get(REVIEW).text


def test_a_signature_that_is_being_sealed_is_said_to_be_received(browser: TestClient, on_stage: Stage) -> None:
    on_stage.received = True
    html = browser.get(REVIEW).text
    says = "Received. We are sealing your document; it will show as Signed here in a moment."
    assert says in text(html)
    assert "Add Signature" not in html


def test_a_signed_document_is_not_signed_again(browser: TestClient) -> None:
    html = browser.get(f"/portal/documents/{SIGNED.id}").text
    assert "Add Signature" not in html
    assert "the document is signed" in text(html)


def test_who_is_not_the_signer_reads_and_does_not_sign(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [records.a_document("Progress Note", **records.asked(my_seat=None, my_turn=False))]
    html = browser.get(REVIEW).text
    assert "Add Signature" not in html
    assert "waits for another person’s signature" in html


def test_an_expired_request_says_what_to_do(browser: TestClient, on_stage: Stage) -> None:
    on_stage.documents = [records.a_document("Progress Note", **records.asked(RequestState.EXPIRED))]
    for address in (REVIEW, f"/portal/inbox/{MESSAGE}"):
        assert "Ask the practice to share it again" in text(browser.get(address).text)


# -- what holds for every page


@pytest.mark.parametrize("address", EVERY_PAGE)
def test_a_page_is_whole_and_fits_the_content_security_policy(browser: TestClient, address: str) -> None:
    answer = browser.get(address)
    html = answer.text
    assert answer.status_code == 200
    assert '<html lang="en-US">' in html
    assert html.count("<h1") == 1
    assert html.count("aria-live") == 1
    assert 'class="skip" href="#main"' in html
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)
    # a dialog of another kind wants a look at its barriers (test_barriers.py)
    assert set(re.findall(r'<dialog id="([^"]+)"', html)) <= {"signing", "staying"}
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for pointed in re.findall(r'\s(?:for|aria-labelledby|aria-describedby|popovertarget|list)="([^"]+)"', html):
        assert pointed in ids
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        assert browser.get(asset).status_code == 200


@pytest.mark.parametrize("address", EVERY_PAGE)
def test_links_of_a_page_lead_somewhere(browser: TestClient, address: str) -> None:
    elsewhere = {"/live", "/portal/live"}
    known = [route.path_regex for route in _routes()]
    html = browser.get(address).text
    for target in re.findall(r'(?:href|action|formaction)="(/[^"#?]*)', html):
        assert target in elsewhere or any(pattern.match(target) for pattern in known), target


def _routes() -> list[APIRoute]:
    return [one for part in (*pages.PARTS, codec.router) for one in part.routes if isinstance(one, APIRoute)]


def test_names_are_escaped_wherever_they_stand(browser: TestClient, on_stage: Stage) -> None:
    hostile = '"><script>alert(1)</script>'
    on_stage.clients = [a_client(given_name=hostile, family_name=hostile, external_id=hostile)]
    note = records.a_document("note", note_name=hostile, **records.asked(attention=hostile))
    on_stage.documents = [note, PENDING]
    for address in ("/charts", CHART, DOCUMENTS, f"{DOCUMENTS}/{note.id}", f"/portal/documents/{note.id}"):
        html = browser.get(address).text
        assert "&lt;script&gt;" in html
        assert "<script>" not in html
    assert "<script>" not in browser.post("/charts", data={"search": hostile}).text


def test_a_notification_says_only_what_we_wrote(browser: TestClient) -> None:
    html = browser.get(f"{CHART}?done=<b>Wire+money</b>").text
    assert "Wire" not in html
    assert "data-notification" not in html


def test_a_problem_is_a_page_of_its_surface(browser: TestClient) -> None:
    assert 'href="/charts"' in browser.get(f"/charts/{UNREGISTERED}/documents/{PENDING.id}").text


# -- static files


def test_static_files_are_kept_for_ever_under_their_version_only(browser: TestClient) -> None:
    assert "immutable" in browser.get(static_url("page.js")).headers["cache-control"]
    assert "immutable" not in browser.get("/static/another/page.js").headers["cache-control"]
    assert browser.get(f"/static/{VERSION}/..%2F__init__.py").status_code == 404
    with pytest.raises(LookupError):
        static_url("no-such-file.js")


def test_every_colour_has_one_for_the_dark_or_is_the_same_there_on_purpose() -> None:
    light, dark = ((FOLDER / name).read_text() for name in ("pages.css", "dark.css"))
    colours = set(re.findall(r"(--[a-z-]+): (?:#|rgb|0 )", light))
    assert colours - set(re.findall(r"(--[a-z-]+):", dark)) == {"--paper-line", "--pen"}
    # beside the tokens, no rule names a colour of its own
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", light.split("/* -- elements */")[1])


def test_static_files_are_compressed_and_pages_never(browser: TestClient) -> None:
    """A page holds what is personal beside what others have put there, and its length would tell (BREACH)."""
    asked = {"accept-encoding": "gzip"}
    for name in ("pages.css", "sign.js"):
        small, plain = (browser.get(static_url(name), headers=one) for one in (asked, {"accept-encoding": "identity"}))
        assert small.headers["content-encoding"] == "gzip"
        assert small.headers["vary"] == "accept-encoding"
        assert small.content == plain.content
        assert "content-encoding" not in plain.headers
        assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    for address in EVERY_PAGE:
        assert "content-encoding" not in browser.get(address, headers=asked).headers
