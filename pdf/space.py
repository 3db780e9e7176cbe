"""Where the last page has room for a stamp, and whether it says where one belongs. For confined processes."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pypdfium2
from PIL import Image, ImageChops, ImageFilter
from pypdfium2 import raw

from pdf.likeness import Unviewable, drawn
from pdf.placement import Geometry, Rectangle, place
from pdf.plan import LEAST_SCALE, OVERLAY_SCALE, Ground, Plan, Room, Size, arrange

CELL = 4
"""Pixels of the page's picture, about five points, that are looked at together."""

EDGES = (16, 48)
"""Of 255, between neighbouring pixels: something is drawn there. The second is for scanned paper with its grain."""

LIGHTEST_DARK = 190
"""Of 255: ink is hard to see on what is darker."""

UNPRINTED = 18.0
"""Points along the sides that printers leave out."""

LABEL = re.compile(
    r"^[^\S\r\n]*(?:[\w./'’()]+[^\S\r\n]+){0,3}?"
    r"(?P<word>signature|sign here|firma|signed(?=(?:[^\S\r\n]+by)?[^\S\r\n]*[:_]))\b[^\r\n]{0,60}$",
    re.I | re.M,
)
"""A line that says where a signature belongs: the word, with little before it."""

OF_THE_CLIENT = re.compile(r"client|patient|parent|guardian|paciente|padre|madre|tutor", re.I)

LONGEST_TEXT = 50_000
"""Characters of a page that are searched for a label."""


def rooms_on(
    image: Image.Image, page: Geometry, sizes: Sequence[Sequence[Size]], near: tuple[float, float] | None
) -> tuple[Room, ...]:
    """The rooms of a page that looks like `image` which stamps of one signer, of two, and so on want to be in.

    `sizes` are theirs. Where there is none: the place where a stamp of one signer covers the least.
    """
    everywhere = Plan(rooms=tuple(_rooms(image, page, sizes[0])), near=near)
    if not everywhere.rooms:
        covering = _least_covering(image, page, sizes[0][0])
        return (covering,) if covering else ()
    wanted = (arrange(page, everywhere, of_each).room for of_each in sizes)
    return tuple(dict.fromkeys(room for room in wanted if room))


def _rooms(image: Image.Image, page: Geometry, sizes: Sequence[Size]) -> list[Room]:
    """As large as they go, overlapping; on dark ground where there are none on light."""
    light = image.reduce(CELL).point(lambda value: 255 if value < LIGHTEST_DARK else 0)
    for ground in (Ground.LIGHT, Ground.DARK):
        for edge in EDGES:
            taken = _drawn(image, edge)
            if ground is Ground.LIGHT:
                taken = ImageChops.lighter(taken, light)
            boxes = (_in_points(cells, image, page) for cells in _empty(taken.filter(ImageFilter.MaxFilter(3))))
            rooms = [Room(box, ground) for box in boxes if any(_holds(box, size) for size in sizes)]
            if rooms:
                return rooms
    return []


def _drawn(image: Image.Image, edge: int) -> Image.Image:
    """White for each cell in which one pixel differs from the next."""
    across = ImageChops.difference(image, ImageChops.offset(image, 1, 0))
    down = ImageChops.difference(image, ImageChops.offset(image, 0, 1))
    edges = ImageChops.lighter(across, down).point(lambda value: 255 if value > edge else 0)
    return edges.reduce(CELL).point(lambda value: 255 if value else 0)


Cells = tuple[int, int, int, int]
"""Left, upper, right, lower."""


def _empty(taken: Image.Image) -> Iterator[Cells]:
    """All rectangles of black cells that cannot be made larger to the left, to the right or downwards."""
    width = taken.width
    found: dict[tuple[int, int, int], int] = {}
    heights = [0] * width
    for row in range(taken.height):
        line = taken.crop((0, row, width, row + 1)).tobytes()
        heights = [0 if cell else height + 1 for cell, height in zip(line, heights, strict=True)]
        open_: list[tuple[int, int]] = []
        for right, height in enumerate([*heights, 0]):
            left = right
            while open_ and open_[-1][1] > height:
                left, higher = open_.pop()
                found[left, row + 1 - higher, right] = row + 1
            if height and (not open_ or open_[-1][1] < height):
                open_.append((left, height))
    return ((left, upper, right, lower) for (left, upper, right), lower in found.items())


def _in_points(cells: Cells, image: Image.Image, page: Geometry) -> Rectangle:
    """As seen, without what is not printed."""
    left, upper, right, lower = cells
    x, y = CELL * page.seen_width / image.width, CELL * page.seen_height / image.height
    inner = _printed(page)
    return Rectangle(
        max(inner.left, left * x),
        max(inner.bottom, page.seen_height - lower * y),
        min(inner.right, right * x),
        min(inner.top, page.seen_height - upper * y),
    )


def _printed(page: Geometry) -> Rectangle:
    x, y = min(UNPRINTED, page.seen_width / 20), min(UNPRINTED, page.seen_height / 20)
    return Rectangle(x, y, page.seen_width - x, page.seen_height - y)


def _holds(box: Rectangle, size: Size) -> bool:
    return box.width >= LEAST_SCALE * size[0] and box.height >= LEAST_SCALE * size[1]


def _least_covering(image: Image.Image, page: Geometry, size: Size) -> Room | None:
    """None where the page is too small to have a choice."""
    taken, inner = _drawn(image, EDGES[0]), _printed(page)
    width, height = size[0] * OVERLAY_SCALE, size[1] * OVERLAY_SCALE
    x, y = CELL * page.seen_width / image.width, CELL * page.seen_height / image.height
    across, down = round(width / x), round(height / y)
    if width > inner.width or height > inner.height or not (across and down):
        return None
    sums = _sums(taken)
    usual = place(page, *size, OVERLAY_SCALE).seen
    best = min(
        (
            sums[lower][left + across]
            - sums[lower][left]
            - sums[lower - down][left + across]
            + sums[lower - down][left],
            page.seen_height - lower * y + abs(left * x - usual.left),
            left,
            lower,
        )
        for lower in range(down, taken.height + 1)
        for left in range(taken.width - across + 1)
    )
    left, bottom = best[2] * x, page.seen_height - best[3] * y
    left = max(inner.left, min(left, inner.right - width))
    bottom = max(inner.bottom, min(bottom, inner.top - height))
    return Room(Rectangle(left, bottom, left + width, bottom + height), Ground.BUSY)


def covered(image: Image.Image, page: Geometry, box: Rectangle) -> float:
    """The share of the box, in points as seen, in which something is drawn."""
    taken = _drawn(image, EDGES[0])
    x, y = taken.width / page.seen_width, taken.height / page.seen_height
    left, right = int(box.left * x), max(int(box.left * x) + 1, round(box.right * x))
    upper, lower = int((page.seen_height - box.top) * y), round((page.seen_height - box.bottom) * y)
    cells = taken.crop((left, upper, right, max(upper + 1, lower))).tobytes()
    return sum(map(bool, cells)) / len(cells)


def _sums(taken: Image.Image) -> list[list[int]]:
    """How many cells above and to the left of each corner are white."""
    rows = [[0] * (taken.width + 1)]
    for row in range(taken.height):
        line = taken.crop((0, row, taken.width, row + 1)).tobytes()
        along = accumulate((1 if cell else 0 for cell in line), initial=0)
        rows.append([above + here for above, here in zip(rows[-1], along, strict=True)])
    return rows


def look(document: bytes, number: int, page: Geometry) -> tuple[Image.Image, tuple[float, float] | None]:
    """At a page, once: its picture, and where a line of it says that a signature belongs. Raises `Unviewable`.

    The place is the line's lower left corner, in points as seen.
    """
    try:
        with pypdfium2.PdfDocument(document) as opened:
            opened.init_forms()
            shown = opened[number]
            return drawn(shown), _label(shown, page)
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Unviewable(str(error)) from error


def _label(shown: pypdfium2.PdfPage, page: Geometry) -> tuple[float, float] | None:
    text = shown.get_textpage()
    said = text.get_text_range(0, min(LONGEST_TEXT, text.count_chars()))
    labels = list(LABEL.finditer(said))
    if not labels:
        return None
    chosen = next((each for each in labels if OF_THE_CLIENT.search(each[0])), labels[0])
    left, bottom, _, _ = text.get_charbox(chosen.start("word"))
    return _as_seen(shown, left, bottom, page)


def _as_seen(shown: pypdfium2.PdfPage, x: float, y: float, page: Geometry) -> tuple[float, float]:
    """PDFium counts pixels of a picture, here of so many that rounding does not matter, from its upper left corner."""
    side = 10_000
    across, down = raw.c_int(), raw.c_int()
    raw.FPDF_PageToDevice(shown, 0, 0, side, side, 0, x, y, across, down)
    return across.value * page.seen_width / side, (side - down.value) * page.seen_height / side
