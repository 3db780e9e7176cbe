"""A mark as it is drawn on paper: strokes as vector curves, a typed name as real text."""

import math
from collections.abc import Iterator, Sequence

from pdf.shaping import fitted, width, wrapped
from pdf.sheet import Colour, Curve, Place, Sheet
from pdf.signature import Drawing, Mark, Point, TypedName
from pdf.typeface import Style, shown

WIDTH, HEIGHT = 208.0, 44.0
"""Points of the box that every mark is fitted into."""

COLOUR = (0.05, 0.1, 0.45)
"""The dark blue of a pen: a reader sees that it was not printed with the text."""

LARGEST_SCALE = 0.8
"""Points for a CSS pixel, so that a small drawing is not blown up to something its signer never saw."""

TYPED_SIZE = 24.0
LEAST_IN_ONE_LINE = 12.0
SIZES_OF_LINES = (14.0, 12.0, 10.0, 8.0, 7.0, 6.0)
LEADING = 1.2
"""Of a typed name: sizes in points, and from line to line as a multiple of them."""

PAPER = (1.0, 1.0, 1.0)
"""Of the outline that lets ink show on dark ground; on white paper nobody sees it."""

OUTLINE = 2.0
"""Points around what is drawn."""


def draw(sheet: Sheet, mark: Mark, *, outlined: bool) -> None:
    """Into the box from (0, 0) to (`WIDTH`, `HEIGHT`)."""
    if isinstance(mark, TypedName):
        lines, size = _lines(shown(mark.name))
        lowest = 12.0 if len(lines) == 1 else 0.3 * size
        places = [lowest + LEADING * size * below for below in reversed(range(len(lines)))]
        if outlined:
            for y, line in zip(places, lines, strict=True):
                back(sheet, 2, y, line, Style.ITALIC, size)
        for y, line in zip(places, lines, strict=True):
            sheet.text(2, y, line, Style.ITALIC, size, COLOUR)
        return
    if outlined:
        _trace(sheet, mark, PAPER, OUTLINE)
    _trace(sheet, mark, COLOUR, 0)


def _lines(name: str) -> tuple[Sequence[str], float]:
    """What is too long for one line has several, as large as the box lets them: nothing of a signature is cut off."""
    room = WIDTH - 8
    line, size = fitted(name, Style.ITALIC, TYPED_SIZE, room, least=LEAST_IN_ONE_LINE)
    if line == name:
        return (line,), size
    for size in SIZES_OF_LINES:
        lines = wrapped(name, Style.ITALIC, size, room)
        if len(lines) * LEADING * size <= HEIGHT:
            return lines, size
    line, size = fitted(name, Style.ITALIC, SIZES_OF_LINES[-1], room, least=SIZES_OF_LINES[-1])
    return (line,), size


def back(sheet: Sheet, x: float, y: float, text: str, style: Style, size: float) -> None:
    """Paper under a line of text. Letters outlined would be there twice for whoever searches or copies them."""
    box = x - OUTLINE, y - 0.3 * size, x + width(text, style, size) + OUTLINE, y + 1.1 * size
    sheet.fill(box, PAPER)


def _trace(sheet: Sheet, drawing: Drawing, colour: Colour, around: float) -> None:
    pen = 1.3
    scale, left, lower = _fit(drawing, pen)
    top = max(point.y for stroke in drawing.strokes for point in stroke)
    for stroke in drawing.strokes:
        # the pad counts downwards, paper counts upwards
        places = _thinned([(left + point.x * scale, lower + (top - point.y) * scale) for point in stroke])
        thickness = pen * (0.6 + 0.8 * _pressure(stroke))
        if len(places) == 1:
            sheet.dot(places[0], thickness * 0.6 + around, colour)
        elif places:
            sheet.curve(places[0], _bezier(places), thickness + 2 * around, colour)


def _fit(drawing: Drawing, pen: float) -> tuple[float, float, float]:
    """Scale, and what is added to x and y, so that what was drawn (not the pad) lies in the box, at its left."""
    xs = [point.x for stroke in drawing.strokes for point in stroke]
    ys = [point.y for stroke in drawing.strokes for point in stroke]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    room_x, room_y = WIDTH - 2 * pen, HEIGHT - 2 * pen
    scale = min(LARGEST_SCALE, room_x / width if width else math.inf, room_y / height if height else math.inf)
    return scale, 2 * pen - min(xs) * scale, pen + min(6.0, (room_y - height * scale) / 2)


def _pressure(stroke: Sequence[Point]) -> float:
    return math.fsum(point.pressure for point in stroke) / max(1, len(stroke))


def _thinned(places: list[Place], nearest: float = 0.2) -> list[Place]:
    """Without points that no printer could tell from their neighbour; `nearest` in points (1/72 inch)."""
    kept = places[:1]
    for place in places[1:]:
        if math.dist(place, kept[-1]) >= nearest:
            kept.append(place)
    return kept


def _bezier(places: list[Place]) -> Iterator[Curve]:
    """A Catmull-Rom spline through all places, as cubic Bézier segments."""
    befores, afters = [places[0], *places], [*places[2:], places[-1]]
    for (bx, by), (sx, sy), (ex, ey), (ax, ay) in zip(befores, places, places[1:], afters, strict=False):
        yield sx + (ex - bx) / 6, sy + (ey - by) / 6, ex - (ax - sx) / 6, ey - (ay - sy) / 6, ex, ey
