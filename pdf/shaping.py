"""From text to glyphs: which way each part runs (UAX #9), which face shows it, and how its letters join.

HarfBuzz shapes; the order of mixed scripts is python-bidi's. Widths are in points at size 1.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import uharfbuzz
from bidi import algorithm

from pdf.typeface import JOINERS, Face, Style, face, faces


class Glyph(NamedTuple):
    """`text` is what is copied for it; empty where other glyphs stand for all that is said. Lengths are in em.

    `advance` is to where the next glyph begins, `own` the font's width for this one; kerning sets them apart.
    """

    number: int
    text: str
    advance: float
    own: float
    dx: float
    dy: float

    def __repr__(self) -> str:
        return f"Glyph({self.number})"


@dataclass(frozen=True, eq=False)
class Run:
    """Glyphs of one face, from left to right. Equal to itself only, so that what is made of it is found again fast."""

    face: Face
    glyphs: tuple[Glyph, ...] = field(repr=False)

    @functools.cached_property
    def width(self) -> float:
        """Em."""
        return sum(glyph.advance for glyph in self.glyphs)

    @functools.cached_property
    def says(self) -> frozenset[tuple[int, str]]:
        """The glyphs that are in it, with what they say."""
        return frozenset((glyph.number, glyph.text) for glyph in self.glyphs)


def runs_backwards(text: str) -> bool:
    """Whether a paragraph is read from right to left: its first letter decides (UAX #9 P2)."""
    if text.isascii():
        return False
    first = next((kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL"}), "L")
    return first != "L"


@functools.lru_cache(maxsize=4096)
def shaped(text: str, style: Style, *, backwards: bool = False) -> tuple[Run, ...]:
    """One line, from left to right; `backwards` is the paragraph's direction."""
    if text.isascii() and text.isprintable() and not backwards:
        return (_of_words(text, style),) if text else ()
    levels = _levels(text, backwards)
    runs = [
        (levels[start], _run(text[start:end], face, levels[start] % 2 == 1))
        for start, end, face in _pieces(text, levels, style)
    ]
    return tuple(run for _, run in _in_order(runs))


def _of_words(text: str, style: Style) -> Run:
    """A line of ASCII, whose words come again in other lines; for the shaper, too, spaces keep them apart (a test)."""
    words = re.findall(" +|[^ ]+", text)
    return Run(face(style), tuple(itertools.chain.from_iterable(_word(word, style) for word in words)))


@functools.lru_cache(maxsize=4096)
def _word(word: str, style: Style) -> tuple[Glyph, ...]:
    return _run(word, face(style), backwards=False).glyphs


def width(text: str, style: Style, size: float) -> float:
    return size * _width(text, style)


@functools.lru_cache(maxsize=4096)
def _width(text: str, style: Style) -> float:
    return sum(run.width for run in shaped(text, style))


def _levels(text: str, backwards: bool) -> list[int]:
    """Of each character; odd ones run from right to left."""
    if not backwards and all(unicodedata.bidirectional(character) not in {"R", "AL", "AN"} for character in text):
        return [0] * len(text)
    # joiners, which UAX #9 X9 removes, go with the letter before them
    text = "".join(text[max(0, at - 1)] if character in JOINERS else character for at, character in enumerate(text))
    text = "".join(_with_strong_brackets(text, backwards))
    storage = algorithm.get_empty_storage()
    storage["base_level"], storage["base_dir"] = (1, "R") if backwards else (0, "L")
    algorithm.get_embedding_levels(text, storage)
    for step in (
        algorithm.explicit_embed_and_overrides,
        algorithm.resolve_weak_types,
        algorithm.resolve_neutral_types,
        algorithm.resolve_implicit_levels,
    ):
        step(storage, False)
    levels = [int(character["level"]) for character in storage["chars"]]
    assert len(levels) == len(text), "`shown` leaves no other formatting characters"
    return levels


_BRACKETS = {"(": ")", "[": "]", "{": "}", "（": "）", "「": "」"}
_STRENGTH = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}


def _with_strong_brackets(text: str, backwards: bool) -> list[str]:
    """Brackets replaced by a letter that runs as they must, which python-bidi does not know (UAX #9 N0)."""
    own, letters = "R" if backwards else "L", {"L": "a", "R": "א"}
    kinds = [_STRENGTH.get(unicodedata.bidirectional(character), "") for character in text]
    made, opened = list(text), list[tuple[int, str]]()
    for end, character in enumerate(text):
        if character in _BRACKETS:
            opened.append((end, _BRACKETS[character]))
            continue
        start = next((at for at, closing in reversed(opened) if closing == character), None)
        if start is None:
            continue
        opened = [pair for pair in opened if pair[0] < start]
        within = {kind for kind in kinds[start + 1 : end] if kind}
        if within:
            before = next((kind for kind in reversed(kinds[:start]) if kind), own)
            kind = own if own in within or before == own else before
            made[start] = made[end] = letters[kind]
    return made


def _pieces(text: str, levels: list[int], style: Style) -> Iterator[tuple[int, int, Face]]:
    """Start, end and face of what one call of the shaper can take."""
    known = faces(text, style)
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or known[end] is not known[start] or levels[end] != levels[start]:
            # what `shown` returns has a face; but a mark may lose it where a word is broken: a missing glyph then
            yield start, end, known[start] or face(style)
            start = end


def _in_order(runs: list[tuple[int, Run]]) -> list[tuple[int, Run]]:
    """From left to right: from the highest level down, whatever is at least as high is turned round (UAX #9 L2)."""
    for level in range(max((level for level, _ in runs), default=0), 0, -1):
        turned: list[tuple[int, Run]] = []
        pending: list[tuple[int, Run]] = []
        for run in runs:
            if run[0] >= level:
                pending.insert(0, run)
            else:
                turned += [*pending, run]
                pending = []
        runs = turned + pending
    return runs


def _run(text: str, face: Face, backwards: bool) -> Run:
    buffer = uharfbuzz.Buffer()
    buffer.add_codepoints([ord(character) for character in text])  # clusters then count characters
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if backwards else "ltr"
    uharfbuzz.shape(face.font, buffer)
    infos, positions = buffer.glyph_infos, buffer.glyph_positions
    clusters = [info.cluster for info in infos]
    if clusters == list(range(len(text))):  # a glyph a character, in their order, as most are
        said = list(text)
    else:
        said = _said(text, clusters, [position.x_advance for position in positions])
    glyphs = [
        _glyph(face, info.codepoint, part, position.x_advance, position.x_offset, position.y_offset)
        for info, position, part in zip(infos, positions, said, strict=True)
    ]
    return Run(face, tuple(glyphs))


@functools.lru_cache(maxsize=8192)
def _glyph(face: Face, number: int, text: str, advance: int, dx: int, dy: int) -> Glyph:
    """Lengths are in units of the face."""
    units = face.units
    return Glyph(number, text, advance / units, face.advance(number) / units, dx / units, dy / units)


def _said(text: str, clusters: list[int], advances: list[int]) -> list[str]:
    """What is copied for each glyph, given as its cluster and advance, so that all together say `text`.

    Within a cluster the glyphs that take room share its characters, in the order of the text; marks are silent.
    """
    members: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(index)
    said = [""] * len(clusters)
    starts = sorted(members)
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        room = [index for index in members[start] if advances[index] > 0] or members[start][:1]
        for at, index in enumerate(room, start):
            said[index] = text[at : end if index == room[-1] else min(at + 1, end)]
    return said


def fitted(text: str, style: Style, size: float, room: float, *, least: float) -> tuple[str, float]:
    """The text and a size, not under `least`, at which it fits into `room` points; shortened where it must be."""
    needed = width(text, style, size)
    if needed > room:
        size = max(least, size * room / needed)
    if width(text, style, size) > room + 0.01:
        letters = _graphemes(text)
        while letters and width("".join(letters) + "…", style, size) > room:
            letters.pop()
        text = "".join(letters) + "…"
    return text, size


def _graphemes(text: str) -> list[str]:
    """Characters with the marks and joiners that hang on them, so that none is torn off."""
    parts: list[str] = []
    for character in text:
        if parts and (unicodedata.category(character)[0] == "M" or character in JOINERS):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


@functools.lru_cache(maxsize=1024)
def wrapped(text: str, style: Style, size: float, room: float) -> tuple[str, ...]:
    """Lines of at most `room` points; a word that is longer than a line is broken where the line ends.

    Together they are `text`: the space at which a line was broken stays at its end, unseen, and is copied with it.
    """
    lines: list[str] = []
    line, taken = "", 0.0
    space = width(" ", style, size)
    for word in text.split(" "):
        more = width(word, style, size)
        if (taken + space if line else 0.0) + more <= room:
            line, taken = (f"{line} {word}", taken + space + more) if line else (word, more)
            continue
        if line:
            lines.append(line + " ")
        *broken, line = _broken(word, style, size, room)
        lines += broken
        taken = width(line, style, size)
    return (*lines, line)


def _broken(word: str, style: Style, size: float, room: float) -> Iterator[str]:
    """A word in pieces of at most `room` points, of one character at least."""
    rest = _graphemes(word)
    while len(rest) > 1 and width("".join(rest), style, size) > room:
        alone = itertools.accumulate(width(letter, style, size) for letter in rest)
        fits = max(1, sum(taken <= room for taken in alone))
        while fits > 1 and width("".join(rest[:fits]), style, size) > room:
            fits -= 1
        yield "".join(rest[:fits])
        rest = rest[fits:]
    yield "".join(rest)
