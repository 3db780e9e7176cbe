"""Whether two PDFs show the same, seen through PDFium. For confined processes: PDFium reads hostile bytes here."""

import math
from collections.abc import Iterable

import pypdfium2
from PIL import Image, ImageChops, ImageFilter, ImageStat

from pdf.placement import Rectangle

LONGEST_SIDE = 640
"""Pixels of the images that are compared."""

BARELY_VISIBLE = 8
"""Of 255: differences below are rounding."""

DRAWN, UNDRAWN = 90, 20
"""Of 255, of ink on a picture: what counts as the line, and what as the paper beside it."""


class Unviewable(Exception):
    """PDFium cannot show this."""


def page_count(data: bytes) -> int:
    try:
        with pypdfium2.PdfDocument(data) as document:
            return len(document)
    except pypdfium2.PdfiumError as error:
        raise Unviewable(str(error)) from error


def view(data: bytes, page: int, longest_side: int = LONGEST_SIDE) -> Image.Image:
    """A page in grey, so many pixels large, with annotations and form fields. Raises `Unviewable`."""
    _, (image,) = views(data, [page], longest_side)
    return image


def views(data: bytes, pages: Iterable[int], longest_side: int = LONGEST_SIDE) -> tuple[int, list[Image.Image]]:
    """How many pages it says that it has, and some of them as `view` shows them. Opened once: that may take long."""
    try:
        with pypdfium2.PdfDocument(data) as document:
            document.init_forms()
            return len(document), [drawn(document[page], longest_side) for page in pages]
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Unviewable(str(error)) from error


def drawn(page: pypdfium2.PdfPage, longest_side: int = LONGEST_SIDE) -> Image.Image:
    scale = longest_side / max(1.0, *page.get_size())
    image: Image.Image = page.render(scale=scale, grayscale=True).to_pil()
    return image.copy()  # its pixels belong to PDFium


def differs(one: Image.Image, other: Image.Image) -> bool:
    return one.size != other.size or _changes(one, other).getbbox() is not None


def differs_only_within(before: Image.Image, after: Image.Image, part: Rectangle) -> bool:
    """Nothing changed but in `part`, which is in shares of the page, from below."""
    if before.size != after.size:
        return False
    changes = _changes(before, after)
    left, upper, right, lower = pixels(before, part)
    changes.paste(0, (max(0, left - 2), max(0, upper - 2), right + 2, lower + 2))
    return changes.getbbox() is None


def added(before: Image.Image, after: Image.Image, part: Rectangle) -> Image.Image:
    """How much lighter or darker each pixel of `part` has become."""
    return ImageChops.difference(before, after).crop(pixels(before, part))


def contrast(shown: Image.Image, ink: Image.Image) -> float:
    """How much darker, of 255, it is where `ink`, scaled to fit, says that something is drawn, than close by."""
    fitting = ink.resize(shown.size)
    drawn = fitting.point(lambda value: 255 if value > DRAWN else 0)
    near = ImageChops.subtract(
        drawn.filter(ImageFilter.MaxFilter(5)), fitting.point(lambda value: 255 if value > UNDRAWN else 0)
    )
    if not (drawn.getbbox() and near.getbbox()):
        return 0.0
    return float(ImageStat.Stat(shown, near).mean[0] - ImageStat.Stat(shown, drawn).mean[0])


def pixels(image: Image.Image, part: Rectangle) -> tuple[int, int, int, int]:
    """Left, upper, right, lower; at least one pixel."""
    width, height = image.size
    left, upper = int(part.left * width), int((1 - part.top) * height)
    return (
        left,
        upper,
        max(left + 1, math.ceil(part.right * width)),
        max(upper + 1, math.ceil((1 - part.bottom) * height)),
    )


def _changes(one: Image.Image, other: Image.Image) -> Image.Image:
    return ImageChops.difference(one, other).point(lambda value: 255 if value > BARELY_VISIBLE else 0)
