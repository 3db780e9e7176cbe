"""Whether two PDFs show the same, seen through PDFium. For confined processes: PDFium reads hostile bytes here."""

import pypdfium2
from PIL import Image, ImageChops

from pdf.placement import Rectangle

LONGEST_SIDE = 640
"""Pixels of the images that are compared."""

BARELY_VISIBLE = 8
"""Of 255: differences below are rounding."""


class Unviewable(Exception):
    """PDFium cannot show this."""


def page_count(data: bytes) -> int:
    try:
        with pypdfium2.PdfDocument(data) as document:
            return len(document)
    except pypdfium2.PdfiumError as error:
        raise Unviewable(str(error)) from error


def view(data: bytes, page: int) -> Image.Image:
    """A page in grey, as large as `LONGEST_SIDE`, with annotations and form fields. Raises `Unviewable`."""
    try:
        with pypdfium2.PdfDocument(data) as document:
            document.init_forms()
            found = document[page]
            scale = LONGEST_SIDE / max(1.0, *found.get_size())
            image: Image.Image = found.render(scale=scale, grayscale=True).to_pil()
            return image.copy()  # its pixels belong to PDFium
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Unviewable(str(error)) from error


def differs(one: Image.Image, other: Image.Image) -> bool:
    return one.size != other.size or _changes(one, other).getbbox() is not None


def differs_only_within(before: Image.Image, after: Image.Image, part: Rectangle) -> bool:
    """Something shows in `part`, and nothing changed elsewhere; `part` is in shares of the page, from below."""
    if before.size != after.size:
        return False
    changes = _changes(before, after)
    width, height = changes.size
    box = (
        max(0, int(part.left * width) - 2),
        max(0, int((1 - part.top) * height) - 2),
        min(width, int(part.right * width) + 3),
        min(height, int((1 - part.bottom) * height) + 3),
    )
    shows = changes.crop(box).getbbox() is not None
    changes.paste(0, box)
    return shows and changes.getbbox() is None


def _changes(one: Image.Image, other: Image.Image) -> Image.Image:
    return ImageChops.difference(one, other).point(lambda value: 255 if value > BARELY_VISIBLE else 0)
