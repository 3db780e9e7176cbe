"""Where a stamp goes so that a reader sees it upright and inside the page, whatever the page's geometry is.

Pure: boxes and numbers in, a matrix out. Lengths are in *points as seen* (1/72 inch on the visible page) or in
the page's user space units; the two differ by /Rotate, /CropBox, the boxes' origin and /UserUnit
(ISO 32000-2 8.3.2.3, 14.11.2).
"""

import math
from dataclasses import dataclass

MARGIN = 24.0
"""Points between the stamp and the edges of the visible page; less on a page that is too small for it."""

SMALLEST_BOX = 1.0
"""User space units; a page box with a shorter side shows nothing, and readers pass over it."""

LETTER = (0.0, 0.0, 612.0, 792.0)

Numbers4 = tuple[float, float, float, float]


@dataclass(frozen=True)
class Rectangle:
    """Left, bottom, right, top; normalised, in any one frame."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, corners: Numbers4) -> "Rectangle":
        """From any two opposite corners (ISO 32000-2 7.9.5)."""
        x0, y0, x1, y1 = corners
        return cls(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def within(self, other: "Rectangle") -> "Rectangle":
        """What both have in common; `other` alone where that is too little to show anything."""
        left, bottom = max(self.left, other.left), max(self.bottom, other.bottom)
        right, top = min(self.right, other.right), min(self.top, other.top)
        common = Rectangle(left, bottom, right, top)
        return other if common.is_empty else common

    @property
    def is_empty(self) -> bool:
        return self.width < SMALLEST_BOX or self.height < SMALLEST_BOX


@dataclass(frozen=True)
class Matrix:
    """`x' = a·x + c·y + e`, `y' = b·x + d·y + f` (ISO 32000-2 8.3.3)."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def apply(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def bounds(self, width: float, height: float) -> Rectangle:
        """Of a box of that size at the origin, transformed."""
        corners = [self.apply(x, y) for x in (0.0, width) for y in (0.0, height)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return Rectangle(min(xs), min(ys), max(xs), max(ys))

    @property
    def turning(self) -> "Matrix":
        """What of it turns; without what moves and scales."""
        scale = math.hypot(self.a, self.b)
        return Matrix(self.a / scale, self.b / scale, self.c / scale, self.d / scale, 0, 0)

    @property
    def numbers(self) -> tuple[float, ...]:
        return self.a, self.b, self.c, self.d, self.e, self.f


@dataclass(frozen=True)
class Geometry:
    """A page as its dictionary says it, inherited values included."""

    media_box: Numbers4 = LETTER
    crop_box: Numbers4 | None = None
    rotate: int = 0
    user_unit: float = 1.0

    @property
    def visible(self) -> Rectangle:
        """The part of user space that a reader shows: /CropBox within /MediaBox."""
        media = Rectangle.around(self.media_box)
        if media.is_empty:
            media = Rectangle.around(LETTER)
        return media if self.crop_box is None else Rectangle.around(self.crop_box).within(media)

    @property
    def turn(self) -> int:
        """Clockwise, one of 0, 90, 180, 270; what is no multiple of 90 is not a rotation (ISO 32000-2 table 31)."""
        return self.rotate % 360 if self.rotate % 90 == 0 else 0

    @property
    def unit(self) -> float:
        """Points that one user space unit measures."""
        return self.user_unit if self.user_unit > 0 else 1.0

    @property
    def seen_width(self) -> float:
        """Points, as the reader sees the page."""
        return (self.visible.width if self.turn in {0, 180} else self.visible.height) * self.unit

    @property
    def seen_height(self) -> float:
        return (self.visible.height if self.turn in {0, 180} else self.visible.width) * self.unit


@dataclass(frozen=True)
class Placement:
    """`matrix` takes the stamp's own space to the page's user space; `seen` is where it shows.

    `seen` is in points from the lower left corner of the page as the reader sees it; `rectangle` is the same box
    in user space, as an annotation's /Rect wants it.
    """

    matrix: Matrix
    rectangle: Rectangle
    seen: Rectangle


def place(page: Geometry, width: float, height: float, most: float = 1.0) -> Placement:
    """A box of `width` × `height` points at the lower right of the visible page, shrunk where it would not fit.

    `most` is its largest scale.
    """
    room_x, room_y = page.seen_width, page.seen_height
    scale = min(most, 0.9 * room_x / width, 0.9 * room_y / height)
    left = room_x - min(MARGIN, (room_x - width * scale) / 2) - width * scale
    return place_at(page, width, height, left, min(MARGIN, (room_y - height * scale) / 2), scale)


def place_at(page: Geometry, width: float, height: float, left: float, bottom: float, scale: float) -> Placement:
    """A box of `width` × `height` points, scaled, with its lower left corner there, in points as seen."""
    matrix = _to_user_space(page, left, bottom, scale)
    seen = Rectangle(left, bottom, left + width * scale, bottom + height * scale)
    return Placement(matrix, matrix.bounds(width, height), seen)


def _to_user_space(page: Geometry, seen_x: float, seen_y: float, scale: float) -> Matrix:
    box, q = page.visible, scale / page.unit
    x, y = seen_x / page.unit, seen_y / page.unit
    match page.turn:
        case 90:
            return Matrix(0, q, -q, 0, box.right - y, box.bottom + x)
        case 180:
            return Matrix(-q, 0, 0, -q, box.right - x, box.top - y)
        case 270:
            return Matrix(0, -q, q, 0, box.left + y, box.top - x)
        case _:
            return Matrix(q, 0, 0, q, box.left + x, box.bottom + y)
