"""A list as a PDF of its own: whatever a name is written in, on as many pages as it takes."""

import io

from pypdf import PdfReader

import pdf


def test_a_list_holds_every_line_in_every_script_on_as_many_pages_as_it_takes() -> None:
    names = ("Zoë Müller-Łukaszewicz", "王小明", "Δημήτρης", "a" * 400)
    made = PdfReader(io.BytesIO(pdf.listing("Audit log", "Of one chart.", [(f"{n}", *names) for n in range(60)])))
    text = "\n".join(page.extract_text() for page in made.pages)
    assert len(made.pages) > 3
    assert text.count("王小明") == text.count("Δημήτρης") == 60
    assert text.count("a") > 60 * 400
    assert f"page {len(made.pages)}" in text


def test_an_empty_list_is_one_page_that_says_of_what() -> None:
    (page,) = PdfReader(io.BytesIO(pdf.listing("Disclosures", "None so far.", []))).pages
    assert "None so far." in page.extract_text()


def test_a_screen_reader_is_told_the_structure() -> None:
    root = PdfReader(io.BytesIO(pdf.listing("Audit log", "Of one chart.", [("1 · viewed", "by: Ana")]))).trailer[
        "/Root"
    ]
    assert "/StructTreeRoot" in root  # type: ignore[operator]
