"""A surface to draw on: content with its marks for screen readers, in device-independent colours.

ISO 32000-2 8 (graphics), 9.4 (text), 14.6 (marked content), 14.8 (tagged PDF). No transparency, colours CalRGB: what
is drawn here keeps a PDF/A-1b document valid.
"""

import functools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from pdf.embedding import Fonts
from pdf.placement import Numbers4
from pdf.shaping import Run, runs_backwards, shaped
from pdf.typeface import Style
from pdf.update import Written, dictionary, name, numbers, stream

Colour = tuple[float, float, float]
Place = tuple[float, float]
Curve = tuple[float, float, float, float, float, float]
"""Two control points and the end of a cubic Bézier segment."""

SAME = 0.0005
"""Em: less than anybody sees."""

_CURVE = "%.2f %.2f %.2f %.2f %.2f %.2f c"

_ROUND = 0.5523
"""A quarter of a circle as a Bézier segment."""


@dataclass
class Element:
    """A piece of a document's logical structure (ISO 32000-2 14.7.2).

    `parts` are marked pieces of sheets, in reading order. `description` is read instead of what is drawn in `box`.
    """

    kind: str
    description: str = field(default="", repr=False)
    box: Numbers4 | None = None
    language: str | None = None
    parts: list[tuple["Sheet", int]] = field(default_factory=list)


class Sheet:
    """A page, or a picture that pages show. Lengths are points, from the lower left corner."""

    def __init__(self, width: float, height: float, fonts: Fonts, *, marked: bool = True) -> None:
        """An annotation's appearance is not marked: the annotation itself says what is read (ISO 14289-1 7.18)."""
        self.width, self.height = width, height
        self._marked = marked
        self.marks: list[Element] = []
        """The element of each marked piece, by its MCID."""
        self.shows: dict[str, Sheet] = {}
        self._fonts = fonts
        self._content: list[str] = []

    def _write(self, *operators: str) -> None:
        self._content += operators

    def part_of(self, element: Element) -> "_Between":
        """What is drawn meanwhile belongs to `element`."""
        if not self._marked:
            return _Between(self._content)
        number = len(self.marks)
        element.parts.append((self, number))
        self.marks.append(element)
        return _Between(self._content, f"/{element.kind} <</MCID {number}>> BDC", "EMC")

    def decoration(self) -> "_Between":
        """What is drawn meanwhile is not read out."""
        return _Between(self._content, "/Artifact BMC", "EMC") if self._marked else _Between(self._content)

    def moved(self, x: float, y: float, scale: float = 1.0) -> "_Between":
        return _Between(self._content, f"q {_n(scale)} 0 0 {_n(scale)} {_n(x)} {_n(y)} cm", "Q")

    def text(self, x: float, y: float, text: str, style: Style, size: float, colour: Colour) -> None:
        """One line, whose left end is at `x`. What `shown` returned, or a text of our own."""
        if line := _line(text, style, size, colour):
            label, codes = self._fonts.codes(line.run)
            if not codes:
                self._content.append(f"{line.start}{label}{line.middle}{_n(x)} {_n(y)}{line.end}")
                return
        self._write(f"/Colour cs {_colour(colour)} sc BT")
        for run in shaped(text, style, backwards=runs_backwards(text)):
            x += self._run(run, x, y, size)
        self._write("ET")

    def _run(self, run: Run, x: float, y: float, size: float) -> float:
        """Its width. Glyphs that say nothing of their own follow behind, so that no reader stumbles over them."""
        label, codes = self._fonts.codes(run)
        self._write(f"/{label} {_n(size)} Tf 1 0 0 1 {_n(x)} {_n(y)} Tm")
        if not codes and (level := _level(run)):
            self._write(level)
            return run.width * size
        codes = codes or [glyph.number for glyph in run.glyphs]
        pieces: list[str] = []
        silent: list[str] = []
        pen = cursor = rise = 0.0
        for glyph, code in zip(run.glyphs, codes, strict=True):
            place = pen + glyph.dx
            pen += glyph.advance
            if not glyph.text:
                silent.append(f"1 0 0 1 {_n(x + place * size)} {_n(y + glyph.dy * size)} Tm <{code:04X}> Tj")
                continue
            if abs(glyph.dy - rise) > SAME:
                rise = glyph.dy
                self._write(f"[{''.join(pieces)}] TJ {_n(rise * size)} Ts")
                pieces = []
            if abs(place - cursor) > SAME:
                pieces.append(_n(1000 * (cursor - place)))
            pieces.append(f"<{code:04X}>")
            cursor = place + glyph.own
        self._write(f"[{''.join(pieces).replace('><', '')}] TJ")
        if rise:
            self._write("0 Ts")
        if silent:
            self._write("/Span <</ActualText ()>> BDC", *silent, "EMC")
        return pen * size

    def line(self, from_: Place, to: Place, thickness: float, colour: Colour) -> None:
        self._write(f"/Colour CS {_colour(colour)} SC {_n(thickness)} w {_at(from_)} m {_at(to)} l S")

    def curve(self, start: Place, segments: Iterable[Curve], thickness: float, colour: Colour) -> None:
        """With round ends and joins, as a pen leaves them."""
        self._write(f"q /Colour CS {_colour(colour)} SC {_n(thickness)} w 1 J 1 j {_at(start)} m")
        self._write(*[_CURVE % segment for segment in segments], "S Q")

    def dot(self, centre: Place, radius: float, colour: Colour) -> None:
        x, y, r, k = *centre, radius, radius * _ROUND
        self._write(f"/Colour cs {_colour(colour)} sc {_at((x + r, y))} m")
        quarters = (
            (x + r, y + k, x + k, y + r, x, y + r),
            (x - k, y + r, x - r, y + k, x - r, y),
            (x - r, y - k, x - k, y - r, x, y - r),
            (x + k, y - r, x + r, y - k, x + r, y),
        )
        self._write(*[_CURVE % quarter for quarter in quarters], "f")

    def frame(self, box: Numbers4, thickness: float, colour: Colour) -> None:
        left, bottom, right, top = box
        self._write(f"/Colour CS {_colour(colour)} SC {_n(thickness)} w")
        self._write(f"{_at((left, bottom))} {_at((right - left, top - bottom))} re S")

    def fill(self, box: Numbers4, colour: Colour) -> None:
        left, bottom, right, top = box
        self._write(f"/Colour cs {_colour(colour)} sc {_at((left, bottom))} {_at((right - left, top - bottom))} re f")

    def show(self, label: str, picture: "Sheet") -> None:
        """Another sheet, unmarked, as part of this one."""
        self.shows[label] = picture
        self._write(f"/{label} Do")

    def content(self) -> StreamObject:
        packed = zlib.compress("\n".join(self._content).encode("ascii"), level=1)  # a third of the time, 10 % larger
        return stream(packed, Filter=name("/FlateDecode"))


class _Between:
    """What is drawn meanwhile stands between two operators, or is drawn as it is."""

    def __init__(self, content: list[str], before: str = "", after: str = "") -> None:
        self._content, self._before, self._after = content, before, after

    def __enter__(self) -> None:
        if self._before:
            self._content.append(self._before)

    def __exit__(self, *_: object) -> None:
        if self._after:
            self._content.append(self._after)


class _Line(NamedTuple):
    """A text of one run, with gaps for the font's label and the place: what a page says comes again in the next."""

    start: str
    middle: str
    end: str
    run: Run


@functools.lru_cache(maxsize=2048)
def _line(text: str, style: Style, size: float, colour: Colour) -> _Line | None:
    """None where glyphs need codes of their own, or places beside the line."""
    runs = shaped(text, style, backwards=runs_backwards(text))
    if len(runs) != 1 or not (level := _level(runs[0])):
        return None
    start, middle = f"/Colour cs {_colour(colour)} sc BT\n/", f" {_n(size)} Tf 1 0 0 1 "
    return _Line(start, middle, f" Tm\n{level}\nET", runs[0])


@functools.lru_cache(maxsize=1024)
def _level(run: Run) -> str:
    """Shows glyphs under their own numbers, the same at every place and size; nothing if not all are on the line."""
    pieces = []
    pen = cursor = 0.0
    for number, said, advance, own, dx, dy in run.glyphs:
        if dy or not said:
            return ""
        place = pen + dx
        if abs(place - cursor) > SAME:
            pieces.append(f">{_n(1000 * (cursor - place))}<")
        pieces.append("%04X" % number)  # noqa: UP031 – twice as fast, and of all that is said on a page
        pen, cursor = pen + advance, place + own
    return f"[<{''.join(pieces)}>] TJ"


_COLOURS = Written(
    dictionary(
        WhitePoint=numbers((0.9505, 1, 1.089)),
        Gamma=numbers((2.2, 2.2, 2.2)),
        Matrix=numbers((0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505)),
    )
)
"""sRGB's primaries without an output intent (ISO 32000-2 8.6.5.3)."""


def resources(fonts: DictionaryObject) -> DictionaryObject:
    """What every sheet needs: `fonts`, and a colour space."""
    return dictionary(Font=fonts, ColorSpace=dictionary(Colour=ArrayObject([name("/CalRGB"), _COLOURS])))


@functools.lru_cache(maxsize=8192)
def _n(value: float) -> str:
    """Six digits, at most three of them behind the point: no length here is long enough for an exponent."""
    return f"{round(value, 3):g}"


def _at(place: Place) -> str:
    return f"{_n(place[0])} {_n(place[1])}"


@functools.lru_cache(maxsize=64)
def _colour(colour: Colour) -> str:
    return " ".join(map(_n, colour))
