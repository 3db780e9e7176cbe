"""The certificate page (SPEC D2), in English and Spanish, with the notice of 42 CFR part 2 (SPEC S9)."""

import dataclasses
import io
import re
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

import pytest
from pypdf import PdfReader
from pypdf.generic import FloatObject, NumberObject

from pdf import Certificate, Signer, TypedName, stamp
from tests.pdf.paper import REQUEST_ID, box, certificate, changed, paper, seal, seen, signer, text_of


def text_of_the_pages(made: Certificate) -> str:
    """Of all certificate pages, as a reader's search finds it."""
    pages = PdfReader(io.BytesIO(stamp(paper(), made, seal()).data)).pages[1:]
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def certificate_text(*signers: Signer) -> str:
    return text_of_the_pages(certificate(*signers))


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


def test_in_spanish_every_label_and_date_is_spanish() -> None:
    text = text_of_the_pages(dataclasses.replace(certificate(), language="es"))
    for value in (
        "Certificado de firma",
        "Nombre en letra de imprenta",
        "23 de noviembre de 2026, 14:03:22 UTC",
        "23 de noviembre de 2026, 09:03:22 (UTC-05:00, America/New_York)",
        "Dibujada a mano",
        "Página 1 del certificado",
    ):
        assert value in text
    assert not re.search(r"Signature|Printed|November|Method|Request|SHA-256 of|page", text)
    stamped = text_of(stamp(paper(), dataclasses.replace(certificate(), language="es"), seal()).data, 0)
    assert "Firmado el 23 de noviembre de 2026, 14:03:22 UTC" in stamped


def test_the_redisclosure_notice_is_printed_where_it_is_asked_for() -> None:
    notice = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    noticed = dataclasses.replace(certificate(), redisclosure_notice=True)
    assert notice in text_of_the_pages(noticed)
    assert "Part 2" not in certificate_text()
    assert "CFR" not in certificate_text()
    spanish = text_of_the_pages(dataclasses.replace(noticed, language="es"))
    assert notice in spanish, "the regulation's own words, whatever the language"
    assert "prohíbe el uso o la divulgación no autorizados de estos registros" in spanish


def test_it_is_the_last_page_of_the_signed_copy() -> None:
    signed = stamp(paper(2), certificate(), seal())
    assert signed.pages == 3
    assert "Signature certificate" in text_of(signed.data, 2)


def test_it_shows_the_mark_again() -> None:
    signed = stamp(paper(), certificate(signer(TypedName("Typed Mark"), "Printed Name")), seal())
    assert "Typed Mark" in text_of(signed.data, 1)
    assert "Typed name" in text_of(signed.data, 1)
    drawn = seen(stamp(paper(), certificate(), seal()).data, 1)
    box_of_the_mark = drawn.crop((62, 228, 270, 284))
    assert sum(box_of_the_mark.histogram()[:120]) > 200, "dark pixels"


def test_every_signer_has_a_block_and_the_pages_go_on() -> None:
    text = certificate_text(*(signer(name=f"Person Number{n}") for n in range(1, 8)))
    for n in range(1, 8):
        assert f"Signature {n} of 7" in text
        assert f"Person Number{n}" in text
    assert "Certificate page 4" in text
    assert text.count("Signature certificate, continued") == 3


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
    signed = stamp(paper(size=size), dataclasses.replace(certificate(long), audit_head="0123456789" * 30), seal()).data
    for page in range(1, len(PdfReader(io.BytesIO(signed)).pages)):
        image = seen(signed, page)
        ink = image.point(lambda value: 255 if value < 200 else 0).getbbox()
        assert ink
        assert ink[0] >= 30
        assert ink[1] >= 30
        assert ink[2] <= image.width - 30
        assert ink[3] <= image.height - 20


def test_a_time_without_a_zone_and_an_unknown_zone_are_refused_before_anything_is_stamped() -> None:
    with pytest.raises(ValueError, match="aware"):
        dataclasses.replace(signer(), signed_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ZoneInfoNotFoundError):
        signer(timezone="Mars/Olympus_Mons")
