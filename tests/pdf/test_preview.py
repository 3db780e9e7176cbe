"""Pages as pictures and as text, for the review page."""

import contextlib
import io

import pytest
from PIL import Image
from pypdf.generic import NumberObject

from pdf import NoSuchPage, Unrenderable, render
from tests.pdf.paper import box, changed, corpus, paper


def test_a_page_is_a_webp_picture_of_the_width_asked_for_with_its_text() -> None:
    preview = render(paper(2), 1, 800)
    image = Image.open(io.BytesIO(preview.webp))
    assert image.format == "WEBP"
    assert image.size == (preview.width, preview.height) == (800, 1036)
    assert "Page 2, line 3 of a progress note." in preview.text
    assert "Page 1" not in preview.text


def test_a_turned_page_is_shown_as_a_reader_shows_it() -> None:
    preview = render(changed(paper(), Rotate=NumberObject(90)), 0, 792)
    assert (preview.width, preview.height) == (792, 612)


def test_a_page_that_is_too_tall_is_made_narrower() -> None:
    preview = render(changed(paper(), MediaBox=box(0, 0, 30, 14000)), 0, 800)
    assert preview.height <= 16383
    assert preview.width < 800


@pytest.mark.parametrize("page", [-1, 2, 10**6])
def test_a_page_that_is_not_there_is_told(page: int) -> None:
    with pytest.raises(NoSuchPage):
        render(paper(2), page, 800)


@pytest.mark.parametrize("width", [0, -5, 10**6])
def test_a_width_that_no_screen_asks_for_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="wide"):
        render(paper(), 0, width)


def test_what_cannot_be_shown_is_told() -> None:
    with pytest.raises(Unrenderable):
        render(b"nothing", 0, 800)


def test_hostile_files_are_answered_in_time() -> None:
    for path in corpus("synth__bomb_nested", "synth__bomb_pages", "synth__bomb_contents"):
        with contextlib.suppress(Unrenderable, NoSuchPage):
            assert render(path.read_bytes(), 0, 400).text == ""
