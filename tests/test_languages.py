"""Languages: which one an answer has, and that catalogues are whole (SPEC N5)."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http import HTTPStatus
from inspect import signature
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx2
import pytest
from babel.messages.catalog import Message
from fastapi import Request
from jinja2 import Environment
from temporalio.exceptions import ApplicationError

from activities import stamp
from api import languages
from api.languages import extract
from api.pages import words
from api.problem_types import PROBLEMS
from chart import document
from chart.audit import SERVICE, Action, Line
from chart.document import Kind
from chart.ids import DocumentId
from chart.refusals import Refusal, Unacceptable
from chart.relationship import Relationship
from chart.text import Text
from identity.caller import Right
from identity.second_factor import WrongCode
from identity.session import SignInAgain, SignInFailed
from identity.staff import MAY_COUNTER_SIGN
from tests.pages.records import NOW, PRACTICE
from workflows.patience import reason

# -- which language


def asked(language: str = "", query: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", language.encode()), (b"cookie", f"{languages.COOKIE}={cookie}".encode())]
    return Request({"type": "http", "headers": headers, "query_string": query.encode(), "path": "/", "method": "GET"})


@pytest.mark.parametrize(
    ("browser", "expected"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("en-US,en;q=0.9,es;q=0.8", "en"),
        ("fr-CA,fr;q=0.9,es;q=0.5", "es"),
        ("en;q=0.2, es-419;q=0.7", "es"),
        ("es;q=0, fr", "en"),
        ("de", "en"),
        ("es;q=nonsense", "en"),
        ("*", "en"),
        (";,;q=,", "en"),
    ],
)
def test_a_browser_says_which_language_its_reader_wants(browser: str, expected: str) -> None:
    assert languages.of(asked(browser)) == expected


def test_an_account_goes_before_a_choice_and_a_choice_before_the_browser() -> None:
    assert languages.of(asked("en", cookie="es")) == "es"
    assert languages.of(asked("en", query="lang=es", cookie="en")) == "es"
    assert languages.of(asked("en", query="lang=xx", cookie="nonsense")) == "en"
    signed_in = asked("es", query="lang=es", cookie="es")
    languages.is_of(signed_in, "en")
    assert languages.of(signed_in) == "en"


# -- what is said


def test_a_refusal_knows_what_was_filled_in() -> None:
    refusal = Unacceptable("Enter {what}, 100 characters at most.", what="the name")
    assert str(refusal) == "Enter the name, 100 characters at most."
    assert languages.said(str(refusal), "en") == "Enter the name, 100 characters at most."
    # braces of a reader's own words are no fields
    assert str(Refusal("{nothing}")) == languages.said(str(Refusal("{nothing}")), "es") == "{nothing}"
    assert languages.said(Text("{these} and {last}", these="{last}", last="B"), "en") == "{last} and B"


def test_the_same_words_may_be_said_otherwise_elsewhere() -> None:
    assert languages.said(words.done(Action.SIGNED), "es") == "Firmó"
    assert languages.said("Signed", "es") == "Firmado"
    assert languages.said(words.done(Action.SIGNED), "en") == "Signed"


def test_what_somebody_has_typed_is_no_sentence_of_ours() -> None:
    note = document.type_label(Kind.CLINICAL_NOTE, "Document")
    assert languages.said(note, "es") == note == "Document"
    assert languages.said(Text("Enter {what} as a number.", what=note), "es") == "Escriba con números Document."
    assert languages.said(document.type_label(Kind.DOCUMENT, None), "es") == "Documento"


def test_a_sentence_that_was_kept_with_what_was_filled_in_is_still_said() -> None:
    kept = str(reason(ApplicationError("a value", type="OSError")))
    assert kept == languages.said(kept, "en") == "The step failed (OSError)."
    assert languages.said(kept, "es") == "El paso falló (OSError)."


def test_a_refusal_that_always_says_the_same_says_it_in_spanish() -> None:
    """Also where its words are the default of an argument."""
    refusals = [kind for kind in PROBLEMS if issubclass(kind, Refusal)]
    says = {kind: str(kind()) for kind in refusals if not _is_given(kind)}
    assert {SignInFailed, SignInAgain, WrongCode} <= set(says)
    assert [said for said in says.values() if languages.said(said, "es") == said] == []


def _is_given(refusal: type[Refusal]) -> bool:
    """Its words, where it is made."""
    return any(one.default is one.empty for one in signature(refusal).parameters.values())


def test_details_of_the_audit_log_are_said_where_they_are_words() -> None:
    detail: dict[str, str | int | None] = {"relationship": "legal_guardian", "sha256": "ab", "to": None}
    of = uuid4()
    line = Line(PRACTICE, of, 1, NOW, SERVICE, Action.VIEWED, DocumentId(of), None, detail, "", "")
    assert words.more(line, {}) == [f"document {of}", "relationship: Legal guardian", "sha256: ab"]
    said = [languages.said(one, "es") for one in words.more(line, {})]
    assert said == [f"documento {of}", "relación: Tutor legal", "sha256: ab"]


@pytest.mark.parametrize(
    ("name", "kept", "english", "spanish"),
    [
        ("problem", "Unprocessable Entity", "problem: A value cannot be used", "Hay un dato que no se puede usar"),
        ("problem", "kind-refused", "This kind of document cannot be shared", "Este tipo de documento no"),
        (
            "scopes",
            "audit:read share",
            "Read the audit log; Share, and Share to Sign",
            "Leer el registro de auditoría;",
        ),
    ],
)
def test_words_of_the_code_are_said_plainly_in_the_audit_log(name: str, kept: str, english: str, spanish: str) -> None:
    line = Line(PRACTICE, uuid4(), 1, NOW, SERVICE, Action.REFUSED, None, None, {name: kept}, "", "")
    (said,) = words.more(line, {})
    assert english in said
    assert spanish in languages.said(said, "es")


def test_every_right_of_a_key_has_words() -> None:
    assert set(words.RIGHTS) == set(Right)


def test_every_detail_of_the_audit_log_has_a_name() -> None:
    """Those that are written by name; what stands in `**detail` is beside it."""
    code = (path for room in extract.ROOMS for path in sorted((extract.ROOT / room).rglob("*.py")))
    calls = (node for path in code for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    writes = [one for one in calls if re.search(r"(^|\.)_?(record|note|audit)$", ast.unparse(one.func))]
    written = {one.arg for call in writes if "Action." in ast.unparse(call) for one in call.keywords if one.arg}
    places = {"chart", "document", "request"}
    named = {one.replace(" ", "_").lower() for one in words.KNOWN}
    assert len(written) > 20
    assert written - places <= named


def test_a_spanish_certificate_says_in_spanish_as_what_somebody_signed() -> None:
    for kept in (*Relationship, *sorted(MAY_COUNTER_SIGN)):
        of = stamp.capacity(kept, "en")
        assert "_" not in of
        assert stamp.CAPACITIES_IN_SPANISH[of] == stamp.capacity(kept, "es")


def test_days_and_times_are_written_as_the_language_writes_them() -> None:
    """The practice's zone, by its name there; the narrow space before AM is CLDR's."""
    chicago = ZoneInfo("America/Chicago")
    at = datetime(2026, 7, 4, 2, 30, tzinfo=UTC).astimezone(chicago)
    assert languages.day(date(2026, 11, 3), "en") == "Nov 3, 2026"
    assert languages.day(date(2026, 11, 3), "es") == "3 nov 2026"
    assert languages.weekday(date(2026, 11, 25), "en", year=True) == "Wed, Nov 25, 2026"
    assert languages.weekday(date(2026, 11, 25), "es") == "mié 25 nov"
    assert languages.moment(at, "en") == "Jul 3, 2026, 9:30\u202fPM CDT"
    assert languages.moment(at, "es") == "3 jul 2026, 9:30\u202fp.m. CDT"
    assert languages.moment(at, "en", named=False) == "Jul 3, 2026, 9:30\u202fPM"
    assert languages.moment(datetime(2026, 12, 4, tzinfo=chicago), "en").endswith("CST")


# -- the catalogues

TEMPLATES = sorted(extract.TEMPLATES.rglob("*.html"))


def outside_of_gettext(source: str) -> Iterator[str]:
    """Words of a template that no catalogue can reach: text, and attributes that are read out or shown."""
    inside, first = 0, True
    html: list[str] = []
    without_modules = re.sub(r"{% block (more_)?scripts %}.*{% endblock %}", "", source)
    for _, kind, value in Environment(extensions=["jinja2.ext.i18n"]).lex(without_modules):
        match kind:
            case "block_begin" | "variable_begin":
                first = True
                html.append("\0")
            case "name" if first:
                inside += {"trans": 1, "endtrans": -1}.get(value, 0)
                first = False
            case "data" if not inside:
                html.append(value)
    whole = "".join(html)
    yield from re.findall(r'\b(?:aria-label|alt|placeholder|data-title|data-label)="([^"\0]*[A-Za-z][^"]*)"', whole)
    text = re.sub(r'<[^<>]*>|[a-z-]+="[^"]*"', "\0", whole)  # attributes may stand in a block of their own
    yield from (part.strip() for part in re.split(r"[\n\0]", text) if re.search(r"[A-Za-z]{2}", part))


OWN_NAMES = {"Share to Sign"}
"""Of the product, where it is not the label of a button."""


@pytest.mark.parametrize("path", TEMPLATES, ids=[str(path.relative_to(extract.TEMPLATES)) for path in TEMPLATES])
def test_every_word_of_a_template_can_be_translated(path: Path) -> None:
    assert [*filter(lambda words: words not in OWN_NAMES, outside_of_gettext(path.read_text()))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=[str(path.relative_to(extract.TEMPLATES)) for path in TEMPLATES])
def test_only_literals_are_taken_for_our_own_html(path: Path) -> None:
    """What `_` says is not escaped, so it gets nothing but literals; what comes from elsewhere goes to `said`."""
    for called in re.findall(r"\b(?:_|[np]?gettext)\(\s*(.)", path.read_text()):
        assert called in "'\""


def entries(language: languages.Language) -> list[Message]:
    return [message for message in extract.read(language) if message.id]


def test_the_catalogues_hold_what_the_code_says() -> None:
    wanted = {(message.id, message.context) for message in extract.template() if message.id}
    assert wanted == {(message.id, message.context) for message in entries("es")}, "run ./sts words"


@pytest.mark.parametrize("path", [extract.TEMPLATE, languages.FOLDER / "es.po"], ids=["messages.pot", "es.po"])
def test_the_head_of_a_catalogue_has_no_blanks_to_fill_in(path: Path) -> None:
    head = path.read_text().split("\n\n", 1)[0]
    assert '"Project-Id-Version: Share to Sign' in head
    assert re.findall(r"EMAIL@ADDRESS|FULL NAME|LL@li|PROJECT|YEAR-MO", head) == []


def test_an_entry_is_whole_and_certain() -> None:
    for message in entries("es"):
        assert all(extract.strings(message)), f"not translated: {message.id}"
        assert not message.fuzzy, message.id


def test_a_translation_fills_in_what_the_original_does() -> None:
    for message in entries("es"):
        wanted = {field for text in message.id if isinstance(message.id, tuple) for field in extract.fields(text)}
        wanted |= extract.fields(message.id) if isinstance(message.id, str) else set()
        for text in extract.strings(message):
            assert extract.fields(text) <= wanted, message.id
        assert set().union(*map(extract.fields, extract.strings(message))) == wanted, message.id


def test_a_translation_has_the_html_of_the_original() -> None:
    """Links that lead to the same place, and no markup besides: what a catalogue says is not escaped."""
    for message in entries("es"):
        original = message.id if isinstance(message.id, str) else message.id[0]
        for text in extract.strings(message):
            assert sorted(re.findall(r"<[^>]*>", text)) == sorted(re.findall(r"<[^>]*>", original)), original


def test_a_time_at_the_end_of_a_spanish_sentence_brings_its_own_full_stop() -> None:
    """`9:20 a.m.`"""
    for message in entries("es"):
        assert not any(re.search(r"%\((?:time|until)\)s\.$", text) for text in extract.strings(message)), message.id


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/nothing/of/ours", HTTPStatus.NOT_FOUND, "No hay nada en esta dirección."),
        (
            f"/charts/{UUID(int=1)}/documents/{UUID(int=1)}/share",
            HTTPStatus.METHOD_NOT_ALLOWED,
            "se envían formularios",
        ),
    ],
)
async def test_what_asks_for_no_account_is_in_the_language_of_the_device(
    api: httpx2.AsyncClient, address: str, status: HTTPStatus, says: str
) -> None:
    answer = await api.get(address, headers={"accept": "text/html", "cookie": f"{languages.COOKIE}=es"})
    assert (answer.status_code, says in answer.text) == (status, True)
