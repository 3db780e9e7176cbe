"""The letters of stamp and certificate: which face shows a character, and what is shown where none does.

Noto Sans covers Latin, Greek and Cyrillic. Behind it stand one face for each of nineteen more scripts, and one for
Chinese, Japanese and Korean; each is opened when a character first needs it. A character that none has is shown as its
code point, `[U+13000]`: never dropped, never a look-alike.
"""

import functools
import itertools
import struct
import unicodedata
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any

import uharfbuzz


class Style(Enum):
    """File in the fonts' package, and weight. Only Noto Sans has them; other scripts are always upright."""

    REGULAR = "NotoSans[wght].ttf", 400
    BOLD = "NotoSans[wght].ttf", 700
    ITALIC = "NotoSans-Italic[wght].ttf", 400

    __hash__ = object.__hash__  # the enum's own is slow, and a style is part of many a cache's key


_CJK = "NotoSansCJKjp-Regular.otf"

_FURTHER = (
    *("Hebrew", "Arabic", "Devanagari", "Thai", "Armenian", "Georgian", "Ethiopic", "Bengali", "Gujarati", "Gurmukhi"),
    *("Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Symbols"),
)

_DEVANAGARI = ((0x0900, 0x097F), (0x1CD0, 0x1CFF), (0xA8E0, 0xA8FF))
"""Noto Sans has these too; the face that has only them has all of their conjuncts."""

JOINERS = "\u200c\u200d"
"""Zero width (non-)joiner: part of how Persian, Indic and Sinhala names are spelt."""

_SHORT = {Style.REGULAR: "Regular", Style.BOLD: "Bold", Style.ITALIC: "Italic"}


@dataclass(frozen=True, eq=False)
class Face:
    """A font at one weight. Lengths are in units of the face, `units` to the em."""

    name: str
    source: Any
    font: Any
    weight: int | None
    units: int
    box: tuple[int, int, int, int]
    ascent: int
    descent: int
    italic: bool
    glyphs: int
    """How many it has."""

    @property
    def compact(self) -> bool:
        """Outlines are CFF, not TrueType."""
        return self.weight is None

    def has(self, character: str) -> bool:
        point = ord(character)
        if self.name.startswith("NotoSans-") and any(first <= point <= last for first, last in _DEVANAGARI):
            return False
        return self.font.get_nominal_glyph(point) is not None

    def advance(self, glyph: int) -> int:
        return int(self.font.get_glyph_h_advance(glyph))


@functools.cache
def face(style: Style) -> Face:
    file, weight = style.value
    return _opened("manimgx_fonts", file, f"NotoSans-{_SHORT[style]}", weight)


@functools.cache
def _further(index: int) -> Face:
    """The faces behind Noto Sans, in the order in which they are asked."""
    if index == 0:
        return _opened("noto_cjk_sans_jp_regular", _CJK, "NotoSansCJKjp-Regular", None)
    script = _FURTHER[index - 1]
    return _opened("manimgx_fonts", f"NotoSans{script}[wght].ttf", f"NotoSans{script}-Regular", 400)


def _opened(package: str, file: str, name: str, weight: int | None) -> Face:
    source = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(files(package).joinpath(file))))
    font = uharfbuzz.Font(source)
    if weight is not None:
        font.set_variations({"wght": weight})
    head, hhea = (source.reference_table(table).data for table in ("head", "hhea"))
    ascent, descent = struct.unpack(">hh", hhea[4:8])
    return Face(
        name=name,
        source=source,
        font=font,
        weight=weight,
        units=int(source.upem),
        box=struct.unpack(">hhhh", head[36:44]),
        ascent=ascent,
        descent=descent,
        italic="Italic" in name,
        glyphs=int(source.glyph_count),
    )


@functools.lru_cache(maxsize=4096)
def _face_for(character: str, style: Style) -> Face | None:
    """The first face that has this character; None where it must not be shown as it is, or none has it."""
    if unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}:
        return None  # what cannot be seen, or turns its neighbours round, must not hide in a name
    behind = (_further(index) for index in range(len(_FURTHER) + 1))
    return next((found for found in itertools.chain((face(style),), behind) if found.has(character)), None)


def _stays(character: str, before: str, current: Face) -> bool:
    """Whether the face of what is before it shows this character too: marks must, spaces and points better do."""
    if character in JOINERS:
        return unicodedata.category(before)[0] in "LM" and not before.isascii() and current.has(character)
    if _is_variation(character):
        return current.font.get_variation_glyph(ord(before), ord(character)) is not None
    kind = unicodedata.category(character)
    return kind[0] in "MZPNS" and kind not in {"Zl", "Zp"} and current.has(character)


def _is_variation(character: str) -> bool:
    return 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF


def faces(text: str, style: Style) -> list[Face | None]:
    """For each character the face that shows it; None where it must be shown as its code point."""
    found: list[Face | None] = []
    for index, character in enumerate(text):
        before, current = (text[index - 1], found[-1]) if index else ("", None)
        if current is not None and _stays(character, before, current):
            found.append(current)
        elif _is_variation(character) or (current is not None and unicodedata.category(character) == "Mn"):
            found.append(None)  # it would hang on nothing
        else:
            found.append(_face_for(character, style))
    return found


@functools.lru_cache(maxsize=1024)
def shown(text: str) -> str:
    """`text` as these faces can show it; line breaks and tabs become spaces."""
    made = " ".join(unicodedata.normalize("NFC", text).split())
    if made.isascii() and made.isprintable():
        return made
    # again, until all has a face: what hung on a character that is not shown hangs on its code point now
    while not all(known := _have_faces(made)):
        runs = itertools.groupby(zip(made, known, strict=True), key=lambda item: item[1])
        made = "".join(_shown(has_face, "".join(character for character, _ in items)) for has_face, items in runs)
    return made


def _have_faces(text: str) -> list[bool]:
    """Of each character whether it can be shown, in whatever style."""
    return [None not in of_styles for of_styles in zip(*(faces(text, style) for style in Style), strict=True)]


def _shown(has_face: bool, run: str) -> str:
    return run if has_face else _code_points(run)


def _code_points(run: str) -> str:
    return "[" + " ".join(f"U+{ord(character):04X}" for character in run) + "]"
