"""Every page in Spanish: none of the catalogue's English is left on it (SPEC N5)."""

import re
from collections.abc import Iterator
from html import unescape
from itertools import product
from typing import Any

import pytest
from fastapi import Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api import languages, pages, problems
from api.languages import extract
from api.pages import rendering
from chart.document import Kind
from chart.lifecycle import RequestState
from chart.refusals import Unacceptable
from identity.caller import Role
from identity.second_factor import Factors
from tests.pages import records
from tests.pages.records import CLIENT, MESSAGE, NOTE_OF_UNREGISTERED, REQUEST, UNREGISTERED
from tests.pages.stage import Stage, new_app

NAMES = {"Share to Sign", "Progress Note", "Group Note", "Complete Evaluation"}
"""The product's, and those which the practice gave to its notes."""

NEED_MORE = {
    "/sign-in/second-factor",
    "/sign-in/enrol",
    "/sign-in/new-password",
    "/sign-in/sso",
    "/sign-in/sso/callback",
}
NEED_MORE |= {f"/portal{path}" for path in NEED_MORE} | {"/keys", "/account/session", "/portal/account/session"}
"""Read a database, or are no pages; the templates of the former stand in `BESIDES`."""

FILES = re.compile(
    r"\.(webp|txt|\{format\}|csv|json|pdf)$|/(file|signed|live)$|/signed/|/versions/|/static/|audit\.|/disclosures"
)


@pytest.fixture
def on_stage() -> Stage:
    return Stage(language="es", role=Role.ADMIN)


@pytest.fixture
def browser(on_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    app = on_stage.app(monkeypatch.setattr)
    with TestClient(
        app, follow_redirects=False, raise_server_exceptions=False, headers={"accept-language": "es-MX,es;q=0.9"}
    ) as client:
        yield client


def addresses(route: APIRoute) -> list[str]:
    """The route's address for everything that is on the stage."""
    on_stage = Stage()
    things: dict[str, list[Any]] = {
        "client_id": [CLIENT, UNREGISTERED],
        "document_id": [*(one.id for one in on_stage.documents), NOTE_OF_UNREGISTERED.id],
        "message_id": [MESSAGE],
        "request_id": [REQUEST, records.STUCK.request_id],
        "appointment_id": [records.number("appointment")],
        "bulk_id": [records.number("bulk")],
        "staff_id": [records.number(name) for name in ("staff", "active", "invited", "enrols anew", "ended")],
    }
    literal, *fields = re.split(r"\{(\w+)[^}]*\}", route.path)
    names, between = fields[::2], fields[1::2]
    return [
        literal + "".join(f"{value}{after}" for value, after in zip(chosen, between, strict=True))
        for chosen in product(*(things[name] for name in names))
    ]


ROUTES = [
    route
    for part in pages.PARTS
    for route in part.routes
    if isinstance(route, APIRoute)
    and "GET" in (route.methods or ())
    and route.path not in NEED_MORE
    and not FILES.search(route.path)
]


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


ENGLISH = [
    plain(message.id)
    for message in extract.read("es")
    if message.id and isinstance(message.id, str) and message.id != message.string and message.id not in NAMES
]
ALONE = {one for one in ENGLISH if len(one.split()) <= 2 and not extract.fields(one)}
"""Labels, which are told from other words only where they stand alone."""
ANYWHERE = [
    re.compile(".{1,80}?".join(map(re.escape, extract.FIELD.split(one))))
    for one in ENGLISH
    if len(extract.FIELD.sub("", one).split()) > 2
]


def parts(html: str) -> tuple[str, list[str]]:
    """What is between the tags, and what is read out or shown besides; a time is one with its zone."""
    html = TIME_AND_ZONE.sub(r"\1", html)
    body = html.split("</head>")[1] + html.split("<title>")[1].split("</title>", maxsplit=1)[0]
    shown = re.findall(r'\b(?:aria-label|alt|placeholder|title|data-announce|data-title|data-label)="([^"]*)"', body)
    return body, shown


def texts(html: str) -> set[str]:
    body, shown = parts(html)
    return {plain(part) for part in (*re.split(r"<[^>]*>", body), *shown)}


def left_in_english(html: str) -> list[str]:
    body, shown = parts(html)
    whole = " ".join((plain(body), *map(plain, shown)))
    return [*(texts(html) & ALONE), *(found[0] for one in ANYWHERE if (found := one.search(whole)))]


TIME_AND_ZONE = re.compile("<span data-zone>([^<]*)</span>")


ALIKE = [
    re.escape(plain(message.id))
    for message in extract.read("es")
    if isinstance(message.id, str) and message.id and message.id == message.string
]
DATA = re.compile(
    "|".join(
        (
            r"\S+@example\.org|(?:[A-Z2-7]{4} ?){4,}",  # addresses, and the key of an authenticator app
            "(?:Dr. )?Maya Chen|Sam Ortiz|Jordan Rivera|Rivera, Jordan|Rosa Rivera|Priya Natarajan|Natarajan, Priya",
            "County Office|Progress Note|Group Note|Complete Evaluation|Share to Sign",
            "“(?:The date was wrong|Moved away|A colleague of ours).”|Ask for paper.|Nobody is registered.",
            "CSV|JSON|English|Español",
            r"[A-Z]\w+(?:/[\w+-]+)+",  # time zones
            *ALIKE,
        )
    )
)
"""What people on the stage are called and have typed, and words that are the same in Spanish."""


def in_no_catalogue(spanish: str, english: str) -> list[str]:
    """What a page says in Spanish exactly as in English, so that no translator has ever seen it."""
    return [one for one in sorted(texts(spanish) & texts(english)) if re.search(r"[^\W\d_]{2}", DATA.sub("", one))]


@pytest.mark.parametrize("route", ROUTES, ids=[route.path for route in ROUTES])
def test_a_page_is_spanish_throughout(browser: TestClient, on_stage: Stage, route: APIRoute) -> None:
    on_stage.declining = route.path.endswith("/declined")
    seen = 0
    for address in addresses(route):
        on_stage.language = "es"
        answer = browser.get(address)
        if answer.status_code != 200 or "html" not in answer.headers["content-type"]:
            continue
        seen += 1
        assert '<html lang="es-US">' in answer.text
        assert answer.headers["content-language"] == "es-US"
        assert "Accept-Language" in answer.headers["vary"]
        assert left_in_english(answer.text) == [], address
        on_stage.language = "en"
        english = browser.get(address, headers={"accept-language": "en"})
        assert in_no_catalogue(answer.text, english.text) == [], address
    assert seen or route.path in {"/", "/portal"}, "no page was seen"


@pytest.mark.parametrize("state", RequestState)
def test_every_state_is_said_in_spanish(browser: TestClient, on_stage: Stage, state: RequestState) -> None:
    signed = {"signed_sha256": "b" * 64, "signed_pages": 3} if state is RequestState.SIGNED else {}
    on_stage.documents = [records.a_document("Progress Note", Kind.TREATMENT_PLAN, **records.asked(state, **signed))]
    document = on_stage.documents[0].id
    for address in (
        f"/portal/documents/{document}",
        "/portal/documents",
        f"/portal/inbox/{MESSAGE}",
        "/portal/inbox",
        f"/charts/{CLIENT}/documents",
        f"/charts/{CLIENT}/requests/{REQUEST}",
        f"/charts/{CLIENT}/documents/{document}/sign",
    ):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert left_in_english(answer.text) == [], address


@pytest.mark.parametrize("place", ["", "/portal"])
def test_what_was_done_is_said_in_spanish(browser: TestClient, place: str) -> None:
    answer = browser.get(f"{place}/account?done=password")
    assert "Se cambió su contraseña." in answer.text
    assert left_in_english(answer.text) == []


def test_a_refusal_is_said_in_spanish_with_what_was_filled_in(browser: TestClient, on_stage: Stage) -> None:
    on_stage.raises = Unacceptable(
        "Give at most {most} days from 1 to 365 after delivery, each later than the one before, such as 3, 7, 14.",
        most=5,
    )
    answer = browser.post(f"/charts/{CLIENT}/requests/{REQUEST}/recall", data={"reason": "Porque sí."})
    assert "Indique como máximo 5 días" in unescape(answer.text)
    typed = browser.post("/charts/new", data={"given_name": "", "family_name": "Rivera", "birth_date": "1990-03-24"})
    assert "Escriba el nombre, 100 caracteres como máximo." in typed.text
    assert left_in_english(typed.text) == []


def test_what_a_form_cannot_have_sent_is_refused_in_spanish(on_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a page; programs read which field it is."""
    app = on_stage.app(monkeypatch.setattr, new_app())
    problems.install(app)
    with TestClient(app, headers={"accept": "text/html", "accept-language": "es"}) as browser:
        answer = browser.get(f"/audit?actor={'x' * 201}")
    assert answer.status_code == 422
    assert "Algo de lo que se envió no se puede usar." in answer.text
    assert left_in_english(answer.text) == []


def test_days_and_times_are_spanish_and_the_practices(browser: TestClient) -> None:
    """Where no script turns them into the reader's own."""
    html = TIME_AND_ZONE.sub(r"\1", unescape(browser.get(f"/portal/inbox/{MESSAGE}").text))
    assert "23 nov 2026, 9:20\u202fa.m. CST" in html
    assert "2 nov 2026" in html


# -- what a stage has not


FACTORS = Factors(authenticator=True, passkeys=(), recovery_codes=1)
BESIDES: dict[str, dict[str, Any]] = {
    "door/second_factor.html": {"factors": FACTORS, "helped": True},
    "door/enrol.html": {"secret": "JBSWY3DPEHPK3PXP", "opens": "otpauth://totp/x", "picture": ""},
    "door/new_password.html": {"least": 15},
    "codec.html": {"found": None, "endpoint": ""},
    "problem.html": {
        "title": "Not found",
        "detail": "There is nothing at this address. Check it, or start from the first page.",
        "home": "/portal",
        "frame": "base.html",
        "missing": True,
    },
}


@pytest.mark.parametrize("name", BESIDES)
def test_a_page_that_needs_more_is_spanish_too(name: str) -> None:
    def rendered(language: bytes) -> str:
        headers = [(b"accept-language", language)]
        request = Request({"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": headers})
        context = {"door": pages.DOORS[1], "following": "", "problem": None, **BESIDES[name]}
        return bytes(rendering.page(request, name, **context).body).decode()

    spanish = rendered(b"es")
    assert left_in_english(spanish) == []
    assert in_no_catalogue(spanish, rendered(b"en")) == []


def test_what_no_translator_has_seen_is_found() -> None:
    page = "<head><title>{}</title></head><body><p>{}</p><p>Dr. Maya Chen</p>".format
    assert in_no_catalogue(page("Firmado", "Left behind"), page("Signed", "Left behind")) == ["Left behind"]


# -- the choice at the door


def test_a_guest_chooses_a_language_and_it_is_kept(browser: TestClient) -> None:
    english = browser.get("/portal/sign-in?lang=en&next=/portal/inbox")
    assert '<html lang="en-US">' in english.text
    kept = english.headers["set-cookie"]
    assert kept.startswith(f"{languages.COOKIE}=en;")
    assert "Secure" in kept
    assert "HttpOnly" in kept
    # from there one goes on to the same page
    assert "lang=es" in english.text
    assert "next=%2Fportal%2Finbox" in english.text
    assert "set-cookie" not in browser.get("/portal/sign-in?lang=xx").headers


def test_the_device_keeps_the_language_of_whoever_is_signed_in(browser: TestClient) -> None:
    kept = browser.get("/charts", headers={"accept-language": "en"}).headers["set-cookie"]
    assert kept.startswith(f"{languages.COOKIE}=es;")
    assert "set-cookie" not in browser.get("/charts", headers={"cookie": kept.split(";")[0]}).headers


def test_browsers_and_systems_are_named_in_spanish(browser: TestClient) -> None:
    page = browser.get("/portal/account").text
    assert "Firefox en Linux" in page
    assert "Llave de acceso, Chrome en Linux" in page


def test_whoever_is_signed_in_chooses_in_the_account(browser: TestClient, on_stage: Stage) -> None:
    on_stage.language = "en"
    answer = browser.get("/portal/inbox?lang=es", headers={"accept-language": "es"})
    assert '<html lang="en-US">' in answer.text
    assert "lang=" not in answer.text.split("<body")[1]
