"""A list as a PDF of its own: whatever a name is written in, on as many pages as it takes."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

import pdf
from pdf.shaping import wrapped
from pdf.typeface import Style, shown


def test_a_list_holds_every_line_in_every_script_on_as_many_pages_as_it_takes() -> None:
    names = ("Zoë Müller-Łukaszewicz", "王小明", "Δημήτρης", "a" * 400)
    made = PdfReader(io.BytesIO(pdf.listing("Audit log", "Of one chart.", [(f"{n}", *names) for n in range(60)])))
    text = "\n".join(page.extract_text() for page in made.pages)
    assert len(made.pages) > 3
    assert text.count("王小明") == text.count("Δημήτρης") == 60
    assert text.count("a") > 60 * 400
    assert f"page {len(made.pages)}" in text


def test_the_name_of_an_entry_does_not_stand_alone_at_the_foot_of_a_page() -> None:
    for lines in range(1, 8):
        entries = [(f"entry {n}", *("line" for _ in range(lines))) for n in range(60)]
        made = PdfReader(io.BytesIO(pdf.listing("Audit log", "Of one chart.", entries)))
        for page in made.pages:
            *_, last, foot = page.extract_text().splitlines()
            assert (last, "page" in foot) == ("line", True)


def test_an_empty_list_is_one_page_that_says_of_what() -> None:
    (page,) = PdfReader(io.BytesIO(pdf.listing("Disclosures", "None so far.", []))).pages
    assert "None so far." in page.extract_text()


def test_a_screen_reader_is_told_the_structure() -> None:
    root = PdfReader(io.BytesIO(pdf.listing("Audit log", "Of one chart.", [("1 · viewed", "by: Ana")]))).trailer[
        "/Root"
    ]
    assert "/StructTreeRoot" in root  # type: ignore[operator]


RANGES = ((0x20, 0x7F), (0x300, 0x370), (0x590, 0x700), (0x900, 0xE80), (0x2000, 0x2100), (0xFE00, 0xFE10))
ANY_SCRIPT = st.one_of(*(st.integers(*ends).map(chr) for ends in (*RANGES, (0x4E00, 0x4E80), (0x1F300, 0x1F650))))


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.text(ANY_SCRIPT, min_size=1, max_size=40))
def test_no_text_is_too_strange_to_be_printed(text: str) -> None:
    """Marks and joiners that hang on what no face has, and words broken before them."""
    for style in Style:
        assert "".join(wrapped(shown(text), style, 9, 60)) == shown(text)
