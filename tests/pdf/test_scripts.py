"""Names in any script (SPEC D2): shown as they are written, copied as they are read, honest where no face has them."""

import functools
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops
from pypdf import PdfReader

from pdf import TypedName, stamp
from pdf.embedding import Fonts
from pdf.shaping import Run, _run, fitted, runs_backwards, shaped, width, wrapped
from pdf.typeface import Style, face, faces, shown
from tests.pdf.paper import certificate, paper, seal, seen, signer
from tests.pdf.strangers import demand, said

NAMES = {
    "Latin": "Zoë Müller-Łukaszewicz",
    "Vietnamese": "Nguyễn Thị Hồng Nhung",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Наталья Щербакова",
    "Arabic": "محمد بن عبد الله الأحمد",
    "Persian": "علی‌رضا",
    "Hebrew": "שרה כהן",
    "Devanagari": "प्रियंका श्रीवास्तव क्षत्रिय",
    "Bengali": "তাসনিম রহমান",
    "Tamil": "கார்த்திகேயன்",
    "Thai": "สมชาย ใจดี",
    "Chinese": "李小龙 歐陽娜娜",
    "Japanese": "髙橋 さくら カタカナ",
    "Korean": "김철수",
    "Georgian": "ქეთევან",
    "Armenian": "Արամ",
    "Ethiopic": "ሰላም",
}

POINTS = r"\[U\+"


@functools.cache
def signed(name: str) -> bytes:
    return stamp(paper(), certificate(signer(TypedName(name), name)), seal()).data


def pixels(text: str) -> Image.Image:
    """The line that the mark of someone with this typed name shows, on the certificate."""
    return seen(signed(text), 1, 3.0).crop((3 * 56, 3 * 228, 3 * 276, 3 * 282))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_copied_in_the_order_in_which_it_is_read(name: str) -> None:
    text = unicodedata.normalize("NFC", PdfReader(io.BytesIO(signed(name))).pages[1].extract_text())
    assert text.count(unicodedata.normalize("NFC", name)) == 2, "as typed mark and as printed name"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_poppler_copies_it_so_too(name: str, tmp_path: Path) -> None:
    demand("pdftotext", "poppler-utils")
    file = tmp_path / "signed.pdf"
    file.write_bytes(signed(name))
    text = said("pdftotext", "-f", "2", file, "-").stdout
    plain = re.sub("[\u202a-\u202e]", "", unicodedata.normalize("NFC", text))
    assert plain.count(unicodedata.normalize("NFC", name)) == 2


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_each_of_its_letters_has_a_glyph_and_shows(name: str) -> None:
    assert shown(name) == unicodedata.normalize("NFC", name), "no code points"
    for run in shaped(shown(name), Style.ITALIC):
        assert all(glyph.number for glyph in run.glyphs), "glyph 0 is the box that stands for a missing one"
    ink = pixels(name).point(lambda value: 255 if value < 160 else 0).getbbox()
    assert ink
    assert ink[2] - ink[0] > 60


@pytest.mark.parametrize("name", ["李小龙", "김철수", "שרה", "محمد", "क्षत्रिय", "สมชาย"])
def test_it_does_not_look_like_boxes(name: str) -> None:
    """Every letter differs from the next: boxes do not."""
    one, other = name[0], name[1]
    assert one != other
    assert ImageChops.difference(pixels(one), pixels(other)).getbbox()


def test_arabic_letters_join_and_run_from_right_to_left() -> None:
    (run,) = shaped("محمد", Style.REGULAR, backwards=True)
    said = [glyph.text for glyph in run.glyphs if glyph.text]
    assert said == list(reversed("محمد")), "the first letter is at the right"
    alone = {glyph.number for letter in "محمد" for part in shaped(letter, Style.REGULAR) for glyph in part.glyphs}
    assert alone.isdisjoint(glyph.number for glyph in run.glyphs if glyph.text in {"م", "ح"}), "joined forms"


def test_devanagari_makes_conjuncts_and_reorders_vowels() -> None:
    (run,) = shaped("क्षि", Style.REGULAR)
    assert len(run.glyphs) < len("क्षि")
    letters = {part.glyphs[0].number for letter in "कष" for part in shaped(letter, Style.REGULAR)}
    assert letters.isdisjoint(glyph.number for glyph in run.glyphs)


def test_a_persian_name_keeps_its_joiner() -> None:
    assert shown("علی‌رضا") == "علی‌رضا"
    assert shown("Al\u200cice") == "Al[U+200C]ice", "where nothing joins it hides"


def test_a_japanese_name_keeps_its_variant_of_a_character() -> None:
    (plain,), (variant,) = (shaped(text, Style.REGULAR) for text in ("葛", "葛\U000e0100"))
    assert plain.glyphs[0].number != variant.glyphs[0].number
    assert shown("A\U000e0100") == "A[U+E0100]"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Maria שרה Bo", "Maria הרש Bo"),
        ("Maria (שרה) Bo", "Maria (הרש) Bo"),
        ("Maria (שרה) כהן", "Maria (הרש) ןהכ"),
        ("שרה (Sarah) כהן", "ןהכ (Sarah) הרש"),
        ("שרה 12", "12 הרש"),
        ("Dr. שרה כהן, MD", "Dr. ןהכ הרש, MD"),
    ],
)
def test_names_of_mixed_direction_are_laid_out_as_they_are_read(text: str, order: str) -> None:
    runs = shaped(text, Style.REGULAR, backwards=runs_backwards(text))
    assert "".join(glyph.text for run in runs for glyph in run.glyphs).replace(")Sarah(", "(Sarah)") == order


def test_mixed_scripts_take_each_its_face_and_spaces_stay_with_their_word() -> None:
    used = faces("Anna Жуков 李小龙 x", Style.REGULAR)
    assert [found.name.split("-")[0] for found in dict.fromkeys(used) if found] == ["NotoSans", "NotoSansCJKjp"]
    assert None not in used
    name = "Anna Жуков 李小龙 محمد"
    assert PdfReader(io.BytesIO(signed(name))).pages[1].extract_text().count("Anna Жуков 李小龙") == 2


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Zoe\u0308", "Zoë"),
        ("𓀀 Anna", "[U+13000] Anna"),
        ("Anna 𓀀𓁀. Bo", "Anna [U+13000 U+13040]. Bo"),
        ("\u202eevil", "[U+202E]evil"),
        ("in\u200bvisible", "in[U+200B]visible"),
        ("\ue000", "[U+E000]"),
        ("a\tb\nc", "a b c"),
    ],
)
def test_what_no_face_has_or_would_hide_is_shown_as_its_code_point(name: str, printed: str) -> None:
    assert shown(name) == printed
    text = PdfReader(io.BytesIO(signed(name))).pages[1].extract_text()
    assert text.count(printed) == 2, "as printed name and as typed mark"


@settings(deadline=None)  # whoever is first opens a font
@given(st.text(min_size=1, max_size=30))
def test_no_text_is_too_odd_to_be_laid_out_and_said_in_full(text: str) -> None:
    line = shown(text)
    runs = shaped(line, Style.ITALIC, backwards=runs_backwards(line))
    assert sorted("".join(glyph.text for run in runs for glyph in run.glyphs)) == sorted(line)
    assert all(glyph.number for run in runs for glyph in run.glyphs)


def test_latin_names_open_no_other_face() -> None:
    for letter in "áéíóúüñÁÉÍÓÚÜÑ¿¡àèìòùâêîôûçäöüßåøæ'’-.ŁłŽžĐđőŞşğ":
        assert face(Style.REGULAR).has(letter)
        assert face(Style.ITALIC).has(letter)


@pytest.mark.parametrize("name", ["Donaudampfschifffahrtsgesellschaftskapitänswitwe", "محمد بن عبد الله الأحمد" * 3])
def test_a_long_name_is_made_smaller_and_a_very_long_one_shortened_visibly(name: str) -> None:
    text, size = fitted(name, Style.BOLD, 8, 200, least=5)
    assert size < 8
    assert width(text, Style.BOLD, size) <= 200.01
    cut, least = fitted(name * 10, Style.BOLD, 8, 200, least=5)
    assert least == 5
    assert cut.endswith("…")
    assert width(cut, Style.BOLD, least) <= 200.01


@pytest.mark.parametrize("word", ["x", "م", "क्षि", "李"])
def test_wrapped_lines_fit_and_lose_nothing(word: str) -> None:
    text = f"short words {word} and one Donaudampfschifffahrtsgesellschaftskapitänswitwe between " + word * 200
    lines = wrapped(text, Style.REGULAR, 8.5, 120)
    assert all(width(line.rstrip(), Style.REGULAR, 8.5) <= 120 for line in lines)
    assert "".join(lines) == text
    assert not any(unicodedata.category(line[0])[0] == "M" for line in lines), "no mark is torn off its letter"


def test_the_fonts_are_embedded_as_subsets_with_a_map_to_text() -> None:
    reader = PdfReader(io.BytesIO(signed("Anna 李小龙 محمد")))
    fonts = [font.get_object() for font in reader.pages[1]["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert len(fonts) == 5
    for font in fonts:
        descendant = font["/DescendantFonts"][0].get_object()
        descriptor = descendant["/FontDescriptor"]
        assert re.match(r"/[A-Z]{6}\+NotoSans", font["/BaseFont"])
        assert "/ToUnicode" in font
        assert "/CIDSet" in descriptor, "PDF/A-1 6.3.5"
        assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
    assert len(signed("Anna 李小龙 محمد")) - len(paper()) < 60_000


@settings(deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40))
def test_words_that_are_shaped_apart_are_as_if_shaped_together(line: str) -> None:
    for style in Style:
        (run,) = shaped(line, style)
        assert run.glyphs == _run(line, face(style), backwards=False).glyphs


def test_the_same_glyph_may_say_different_things() -> None:
    """A code of its own for each, or one would be copied as the other."""
    fonts, (run,) = Fonts(), shaped("aa", Style.REGULAR)
    first, second = run.glyphs
    other = Run(run.face, (first, second._replace(text="b"), second._replace(text="b")))
    assert fonts.codes(run) == ("F1", None), "each glyph's own number"
    label, codes = fonts.codes(other)
    assert label == "F1"
    assert codes
    assert codes[0] == first.number
    assert codes[1] == codes[2] >= run.face.glyphs
