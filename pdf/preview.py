"""A page as a picture and as text, for the review page: PDFium in a confined process."""

import io
from dataclasses import dataclass, field

import pypdfium2

from pdf.confine import Facts, GaveUp, Limits, confined

LIMITS = Limits(cpu_seconds=10, wall_seconds=20.0, memory=2**30)

NARROWEST, WIDEST = 16, 4096
"""Pixels that may be asked for."""

TALLEST = 16_383
"""Pixels: what WebP can hold."""

MOST_PIXELS = 25_000_000

QUALITY = 80
"""Of WebP: letters stay sharp."""

MOST_TEXT = 100_000
"""Characters of one page."""


@dataclass(frozen=True)
class Preview:
    """`webp` is `width` × `height` pixels; `text` is what the page says, for a screen reader."""

    webp: bytes = field(repr=False)
    width: int
    height: int
    text: str = field(repr=False)


class NoSuchPage(IndexError):
    """The document has fewer pages."""


class Unrenderable(Exception):
    """PDFium cannot show this page within the limits; offer the download instead."""


def render(data: bytes, page: int, width: int) -> Preview:
    """Page `page`, counted from 0, `width` pixels wide; narrower where it would be too tall. Blocks.

    Raises `NoSuchPage`, `Unrenderable`, and ValueError for a width that no screen asks for.
    """
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(f"a preview is {NARROWEST} to {WIDEST} pixels wide")
    try:
        facts, webp = confined(_render, data, page, width, limits=LIMITS)
    except GaveUp as error:
        raise Unrenderable("the page takes too much time or memory to show") from error
    if "pages" in facts:
        raise NoSuchPage(f"page {page} of {facts['pages']}, counted from 0")
    if "error" in facts:
        raise Unrenderable(str(facts["error"]))
    return Preview(webp, int(facts["width"]), int(facts["height"]), str(facts["text"]))


def rehearse() -> None:
    """Load PDFium and its fonts, so that no confined process has to."""
    with pypdfium2.PdfDocument.new() as document:
        document.new_page(100, 100)
        made = io.BytesIO()
        document.save(made)
    _render(made.getvalue(), 0, 100)


def _render(data: bytes, page: int, width: int) -> tuple[Facts, bytes]:
    try:
        with pypdfium2.PdfDocument(data) as document:
            document.init_forms()
            if not 0 <= page < len(document):
                return {"pages": len(document)}, b""
            found = document[page]
            seen_width, seen_height = (max(1.0, side) for side in found.get_size())
            scale = min(width / seen_width, TALLEST / seen_height, (MOST_PIXELS / (seen_width * seen_height)) ** 0.5)
            image = found.render(scale=scale).to_pil()
            made = io.BytesIO()
            image.save(made, "WEBP", quality=QUALITY, method=2)
            text = found.get_textpage().get_text_bounded()[:MOST_TEXT]
            return {"width": image.width, "height": image.height, "text": text}, made.getvalue()
    except (pypdfium2.PdfiumError, ValueError, OSError) as error:
        return {"error": f"{type(error).__name__}: {error}"}, b""
