"""What a signer left on the pad: drawn strokes or a typed name, and whether it can stand for a signature.

Nothing here knows about PDF. The marks hold only floats, strings and tuples, so they travel in any payload.
"""

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

MOST_STROKES = 200
MOST_POINTS = 10_000
"""Of all strokes together: a minute and a half of a pen that reports 120 times a second."""

MOST_NAME_LENGTH = 100
"""Characters of a typed name."""

LARGEST_PAD = 10_000.0
"""CSS pixels; wider than any screen."""

LONGEST_TIME = 24 * 60 * 60 * 1000.0
"""Milliseconds: a pad that was left open for longer than a day is not one signature."""

SMALLEST_EXTENT = 12.0
"""CSS pixels of the longer side of what was drawn; a tap that slipped stays below."""

SHORTEST_PATH = 24.0
"""CSS pixels of all strokes together; a line as short as this is an accident, not a name."""


@dataclass(frozen=True)
class Point:
    """Where the pen was: `x`, `y` in CSS pixels of the pad from its upper left corner.

    `t` is milliseconds since the first point, `pressure` 0 to 1 (0.5 from a device that cannot tell).
    """

    x: float
    y: float
    t: float
    pressure: float


@dataclass(frozen=True)
class Drawing:
    """Strokes in the order in which they were drawn, on a pad of `width` × `height` CSS pixels."""

    width: float
    height: float
    strokes: tuple[tuple[Point, ...], ...] = field(repr=False)


@dataclass(frozen=True)
class TypedName:
    name: str = field(repr=False)


Mark = Drawing | TypedName


class MeaninglessMark(ValueError):
    """This cannot stand for a signature; ask the signer again with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(mark: Mark) -> None:
    """Refuse what nobody would take for a signature (SPEC G3), with `MeaninglessMark`."""
    if isinstance(mark, TypedName):
        _check_name(mark.name)
    else:
        _check_bounds(mark)
        _check_drawn(mark)


def _check_name(name: str) -> None:
    if not any(unicodedata.category(character)[0] in "LN" for character in name):
        raise MeaninglessMark("Type your name.")
    if len(name) > MOST_NAME_LENGTH:
        raise MeaninglessMark("Type your name with at most 100 characters.")
    # separators of lines and halves of surrogate pairs cannot be printed on one line
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise MeaninglessMark("Type your name on one line, without special control characters.")


def _check_bounds(drawing: Drawing) -> None:
    if len(drawing.strokes) > MOST_STROKES or sum(map(len, drawing.strokes)) > MOST_POINTS:
        raise MeaninglessMark("This drawing is too long. Clear it and draw your signature again.")
    damaged = MeaninglessMark("This drawing arrived damaged. Clear it and draw your signature again.")
    if not (0 < drawing.width <= LARGEST_PAD and 0 < drawing.height <= LARGEST_PAD):
        raise damaged
    for stroke in drawing.strokes:
        for point in stroke:
            # a pen may leave the pad and come back; comparisons with NaN are false, so this refuses it too
            on_or_near = abs(point.x) <= LARGEST_PAD and abs(point.y) <= LARGEST_PAD
            if not (on_or_near and 0 <= point.t <= LONGEST_TIME and 0 <= point.pressure <= 1):
                raise damaged


def _check_drawn(drawing: Drawing) -> None:
    points = [point for stroke in drawing.strokes for point in stroke]
    if not points:
        raise MeaninglessMark("Draw your signature first.")
    width = max(point.x for point in points) - min(point.x for point in points)
    height = max(point.y for point in points) - min(point.y for point in points)
    if max(width, height) < SMALLEST_EXTENT or math.fsum(_lengths(drawing)) < SHORTEST_PATH:
        raise MeaninglessMark("This is too small to be read as a signature. Clear it and draw your whole signature.")


def _lengths(drawing: Drawing) -> Iterator[float]:
    for stroke in drawing.strokes:
        for here, there in pairwise(stroke):
            yield math.hypot(there.x - here.x, there.y - here.y)
