"""The certificate page (SPEC D2)."""

import dataclasses
import io
import re
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

import pytest
from pypdf import PdfReader
from pypdf.generic import FloatObject, NumberObject
from reportlab.pdfbase.pdfmetrics import stringWidth

from pdf import Signer, TypedName, stamp
from pdf.certificate import lay_out
from pdf.typeface import REGULAR, covered, shown, wrapped
from tests.pdf.paper import REQUEST_ID, box, certificate, changed, paper, seal, seen, signer, text_of


def certificate_text(*signers: Signer) -> str:
    """Of all certificate pages, as a reader's search finds it."""
    laid_out = PdfReader(io.BytesIO(lay_out(certificate(*signers), 612, 792)))
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in laid_out.pages[1:]))


def test_it_says_who_signed_what_when_and_how() -> None:
    text = certificate_text()
    for value in (
        "Zoë Müller-Łukaszewicz",
        "Legal guardian",
        "I have read this document and sign it.",
        "23 November 2026, 14:03:22 UTC",
        "23 November 2026, 09:03:22 (UTC-05:00, America/New_York)",
        "Drawn by hand",
        "2001:db8::17",
        REQUEST_ID,
        "ab12" * 16,
        "2026-01",
        "cd34" * 16,
    ):
        assert value in text


def test_it_is_the_last_page_of_the_signed_copy() -> None:
    signed = stamp(paper(2), certificate(), seal())
    assert signed.pages == 3
    assert "Signature certificate" in text_of(signed.data, 2)


def test_it_shows_the_mark_again() -> None:
    signed = stamp(paper(), certificate(signer(TypedName("Typed Mark"), "Printed Name")), seal())
    assert "Typed Mark" in text_of(signed.data, 1)
    assert "Typed name" in text_of(signed.data, 1)
    drawn = seen(stamp(paper(), certificate(), seal()).data, 1)
    box_of_the_mark = drawn.crop((62, 292, 270, 340))
    assert sum(box_of_the_mark.histogram()[:120]) > 200, "dark pixels"


def test_every_signer_has_a_block_and_the_pages_go_on() -> None:
    text = certificate_text(*(signer(name=f"Person Number{n}") for n in range(1, 8)))
    for n in range(1, 8):
        assert f"Signature {n} of 7" in text
        assert f"Person Number{n}" in text
    assert "Certificate page 3" in text


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({}, (612, 792)),
        ({"Rotate": NumberObject(90)}, (792, 612)),
        ({"UserUnit": FloatObject(2), "MediaBox": box(0, 0, 306, 396)}, (612, 792)),
        ({"MediaBox": box(0, 0, 30, 14400)}, (420, 1191)),
    ],
    ids=["letter", "turned", "scaled", "absurd"],
)
def test_it_is_as_large_as_the_last_page_is_seen_within_reason(
    page: dict[str, object], expected: tuple[int, int]
) -> None:
    signed = PdfReader(io.BytesIO(stamp(changed(paper(), **page), certificate(), seal()).data))
    added = signed.pages[-1]
    assert (round(added.mediabox.width), round(added.mediabox.height), added.rotation) == (*expected, 0)


@pytest.mark.parametrize("size", [(420, 595), (612, 792), (842, 595), (1191, 842)])
def test_values_of_any_length_stay_on_the_page(size: tuple[float, float]) -> None:
    long = signer(name="Extraordinarily " * 12 + "W" * 90)
    long = dataclasses.replace(long, meaning="because " * 60, ip_address="f" * 300)
    laid_out = lay_out(dataclasses.replace(certificate(long), audit_head="0123456789" * 30), *size)
    for page in range(1, len(PdfReader(io.BytesIO(laid_out)).pages)):
        image = seen(laid_out, page)
        ink = image.point(lambda value: 255 if value < 200 else 0).getbbox()
        assert ink
        assert ink[0] >= 30
        assert ink[1] >= 30
        assert ink[2] <= image.width - 30
        assert ink[3] <= image.height - 20


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Łukasz Žižka", "Łukasz Žižka"),
        ("Zoe\u0308", "Zoë"),
        ("李小龙", "[U+674E U+5C0F U+9F99]"),
        ("Anna Ж. Bo", "Anna [U+0416]. Bo"),
        ("\u202eevil", "[U+202E]evil"),
        ("a\tb\nc", "a b c"),
    ],
)
def test_a_character_without_a_glyph_is_shown_as_its_code_point(name: str, printed: str) -> None:
    assert shown(name) == printed
    text = certificate_text(signer(TypedName(name), name))
    assert text.count(printed) == 2, "as printed name and as typed mark"


def test_latin_names_need_no_code_points() -> None:
    assert set(map(ord, "áéíóúüñÁÉÍÓÚÜÑ¿¡àèìòùâêîôûçäöüßåøæ'’-.")) <= covered()


def test_wrapped_lines_fit_and_lose_nothing() -> None:
    text = "short words and one Donaudampfschifffahrtsgesellschaftskapitänswitwe in between " + "x" * 200
    lines = wrapped(text, REGULAR, 8.5, 120)
    assert all(stringWidth(line, REGULAR, 8.5) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_time_without_a_zone_and_an_unknown_zone_are_refused_before_anything_is_stamped() -> None:
    with pytest.raises(ValueError, match="aware"):
        dataclasses.replace(signer(), signed_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ZoneInfoNotFoundError):
        signer(timezone="Mars/Olympus_Mons")
