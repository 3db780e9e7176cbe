"""The letters of stamp and certificate: Bitstream Vera, embedded as a subset, and what is shown for the rest.

Vera covers the languages of western Europe and a part of central Europe's. Every other character is shown as its
code point, `[U+674E U+5C0F]`: never dropped, never a look-alike. Shaped scripts need a shaper and more fonts.
"""

import functools
import itertools
import threading
import unicodedata

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD, ITALIC = "Vera", "VeraBd", "VeraIt"

layout = threading.Lock()
"""Held while something is laid out: reportlab's fonts collect their subsets in shared state."""


@functools.cache
def covered() -> frozenset[int]:
    """Code points that all faces can show; loads the faces."""
    coverage = []
    for face in (REGULAR, BOLD, ITALIC):
        font = TTFont(face, f"{face}.ttf")
        pdfmetrics.registerFont(font)
        coverage.append({point for point in font.face.charToGlyph if point >= 0x20})
    return frozenset(set.intersection(*coverage) - {0x7F})


def shown(text: str) -> str:
    """`text` as these faces can show it; line breaks and tabs become spaces."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    runs = itertools.groupby(composed, key=lambda character: ord(character) in covered())
    return "".join("".join(run) if known else _code_points("".join(run)) for known, run in runs)


def _code_points(run: str) -> str:
    return "[" + " ".join(f"U+{ord(character):04X}" for character in run) + "]"


def width(text: str, face: str, size: float) -> float:
    """Points."""
    return float(pdfmetrics.stringWidth(text, face, size))


def fitted(text: str, face: str, size: float, room: float, *, least: float) -> tuple[str, float]:
    """The text and a size, not under `least`, at which it fits into `room` points; shortened where it must be."""
    needed = width(text, face, size)
    if needed > room:
        size = max(least, size * room / needed)
    if width(text, face, size) > room + 0.01:
        while text and width(text + "…", face, size) > room:
            text = text[:-1]
        text += "…"
    return text, size


def wrapped(text: str, face: str, size: float, room: float) -> list[str]:
    """Lines of at most `room` points; a word that is longer than a line is broken where the line ends."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width(longer, face, size) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        while width(word, face, size) > room:
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or width(word[:n], face, size) <= room)
            lines.append(word[:fits])
            word = word[fits:]  # noqa: PLW2901 – what is left of it
        line = word
    return [*lines, line]
