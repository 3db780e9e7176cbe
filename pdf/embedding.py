"""Fonts as part of a PDF: the glyphs that were used, with a map back to text (ISO 32000-2 9.7, 9.10.3).

A code stands for a glyph *and* for what it says there, so that the same glyph may stand for different text, as the
dotless skeletons of Arabic do. HarfBuzz cuts the subset, in less than a millisecond.
"""

import functools
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import uharfbuzz
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
)

from pdf.shaping import Run, shaped
from pdf.typeface import Face, Style
from pdf.typeface import face as face_of
from pdf.update import Update, Written, dictionary, name, numbers, stream, text

_NEEDED = {"glyf", "loca", "head", "hhea", "hmtx", "maxp", "cvt ", "CFF "}
"""Tables of an embedded font (ISO 32000-2 9.9.1)."""

_OF_WEIGHTS = {"gvar", "fvar", "avar", "HVAR"}
"""From these HarfBuzz makes the outlines and widths of one weight; they are not in what it returns."""

ZERO_WIDTH_SPACE = "\u200b"

_SYMBOLIC, _ITALIC = 1 << 2, 1 << 6
"""Font flags: no Latin encoding of its own; slanted (ISO 32000-2 table 121)."""

_MAP_HEAD = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""
_MAP_TAIL = b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"


COMMON = "".join(map(chr, range(0x20, 0x7F))) + "¡¿ÁÉÍÑÓÚÜáéíñóúü–’…"
JOINING = ("ff", "fi", "fl", "ffi", "ffl")
"""What is said in the languages of the certificate: embedded whole where nothing else is, and made ready once.

It makes a file some 9 kB larger than its own letters would, and takes a millisecond from every signature.
"""

Row = tuple[int, int, str]
"""A code, the glyph that it stands for, and what it says."""


class Fonts:
    """The faces and glyphs that some sheets use."""

    def __init__(self) -> None:
        self._used: dict[Face, _Used] = {}

    def codes(self, run: Run) -> tuple[str, list[int] | None]:
        """The font's label in a page's resources, and a code for each glyph of `run`; None: their own numbers."""
        used = self._used.get(run.face)
        if used is None:
            used = self._used[run.face] = _Used(run.face, f"F{len(self._used) + 1}")
        return used.label, used.codes(run)

    def add_to(self, update: Update) -> DictionaryObject:
        """The fonts of a resource dictionary; each is added to `update`."""
        return DictionaryObject({name(f"/{used.label}"): used.add_to(update) for used in self._used.values()})


class _Used:
    """A glyph's code is its own number in the face; if it says something else, too, that has a code behind them all."""

    def __init__(self, face: Face, label: str) -> None:
        self.face, self.label = face, label
        self._common = _common(face)
        self._runs: list[Run] = []
        """Those that say nothing but what is common."""
        self._says: dict[int, str] = dict(self._common.says) if self._common else {}
        self._own: set[tuple[int, str]] = set()
        """What else is said under a glyph's own number."""
        self._others: dict[tuple[int, str], int] = {}

    def codes(self, run: Run) -> list[int] | None:
        if self._common and _is_common(run):
            self._runs.append(run)
            return None
        new = run.says - self._own
        others = [(number, said) for number, said in sorted(new) if self._says.setdefault(number, said) != said]
        self._own |= new.difference(others)
        if not others or self.face.compact:
            return None
        for key in others:
            self._others.setdefault(key, self.face.glyphs + len(self._others))
        return [self._others.get((glyph.number, glyph.text), glyph.number) for glyph in run.glyphs]

    def add_to(self, update: Update) -> IndirectObject:
        if self._common and not self._others and not self._own:
            return self._common.add_to(update)
        rows = {(number, number, text) for number, text in self._own.union(*(run.says for run in self._runs))}
        rows |= {(code, number, text) for (number, text), code in self._others.items()}
        return _cut(self.face, frozenset(rows)).add_to(update)


@dataclass(frozen=True)
class _Cut:
    """Some glyphs of a face, ready to be embedded: all but the references between its objects."""

    face: Face
    says: frozenset[tuple[int, str]] = field(repr=False)
    """Glyphs, and what is said by their own numbers."""
    name: NameObject
    program: Written
    glyphs_of_codes: Written | None
    """For TrueType; the codes of CFF are its glyphs' numbers."""
    widths: Written
    present: Written
    """PDF/A-1 6.3.5 asks subsets to tell their CIDs."""
    to_unicode: Written

    @classmethod
    def of(cls, face: Face, rows: frozenset[Row]) -> "_Cut":
        glyphs = {code: number for code, number, _ in rows}
        program, new_numbers = _subset(face, frozenset(glyphs.values()))
        tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(program).digest()[:6])
        file = _packed(program)
        if face.compact:
            file[name("/Subtype")] = name("/CIDFontType0C")
        else:
            file[name("/Length1")] = NumberObject(len(program))
        present = bytearray(max(glyphs) // 8 + 1)
        for code in (0, *glyphs):
            present[code // 8] |= 0x80 >> code % 8
        return cls(
            face,
            frozenset((number, text) for code, number, text in rows if code == number),
            name(f"/{tag}+{face.name}"),
            Written(file),
            None if face.compact else Written(_packed(_map_of_glyphs(glyphs, new_numbers))),
            Written(_widths(face, glyphs)),
            Written(_packed(bytes(present))),
            Written(_packed(b"".join(_map_to_text(rows)))),
        )

    def add_to(self, update: Update) -> IndirectObject:
        """ISO 32000-2 9.7.6."""
        compact = self.face.compact
        made = dictionary(
            Type=name("/Font"),
            Subtype=name("/CIDFontType0" if compact else "/CIDFontType2"),
            BaseFont=self.name,
            CIDSystemInfo=_IDENTITY,
            FontDescriptor=update.add(self._descriptor(update)),
            W=self.widths,
        )
        if self.glyphs_of_codes:
            made[name("/CIDToGIDMap")] = update.add(self.glyphs_of_codes)
        return update.add(
            dictionary(
                Type=name("/Font"),
                Subtype=name("/Type0"),
                BaseFont=self.name,
                Encoding=name("/Identity-H"),
                DescendantFonts=ArrayObject([update.add(made)]),
                ToUnicode=update.add(self.to_unicode),
            )
        )

    def _descriptor(self, update: Update) -> DictionaryObject:
        made = dictionary(FontName=self.name, CIDSet=update.add(self.present), **_measures(self.face))
        made[name("/FontFile3" if self.face.compact else "/FontFile2")] = update.add(self.program)
        return made


@functools.cache
def _measures(face: Face) -> dict[str, PdfObject]:
    """What a font descriptor says of a face (ISO 32000-2 9.8)."""
    scale = 1000 / face.units
    return {
        "Type": name("/FontDescriptor"),
        "Flags": NumberObject(_SYMBOLIC | (_ITALIC if face.italic else 0)),
        "FontBBox": Written(numbers([side * scale for side in face.box])),
        "ItalicAngle": NumberObject(-12 if face.italic else 0),
        "Ascent": numbers([face.ascent * scale])[0],
        "Descent": numbers([face.descent * scale])[0],
        "CapHeight": NumberObject(714),
        "StemV": NumberObject(80),
    }


_IDENTITY = Written(dictionary(Registry=text("Adobe"), Ordering=text("Identity"), Supplement=NumberObject(0)))


@functools.lru_cache(maxsize=64)
def _cut(face: Face, rows: frozenset[Row]) -> _Cut:
    return _Cut.of(face, rows)


@functools.cache
def _common(face: Face) -> _Cut | None:
    """Of the characters in `COMMON`, each alone and those that join; None of a face that is for another script."""
    style = next((style for style in Style if face is face_of(style)), None)
    if style is None:
        return None
    runs = (run for text in (*COMMON, *JOINING) for run in shaped(text, style))
    rows = {(number, number, text) for run in runs if run.face is face for number, text in run.says}
    return _Cut.of(face, frozenset(rows))


@functools.lru_cache(maxsize=4096)
def _is_common(run: Run) -> bool:
    common = _common(run.face)
    return common is not None and run.says <= common.says


def _map_of_glyphs(glyphs: dict[int, int], new_numbers: dict[int, int]) -> bytes:
    rows = bytearray(2 * (max(glyphs) + 1))
    for code, number in glyphs.items():
        rows[2 * code : 2 * code + 2] = new_numbers[number].to_bytes(2, "big")
    return bytes(rows)


def _map_to_text(rows: Iterable[Row]) -> Iterator[bytes]:
    """From codes to text; a code that says nothing of its own still needs one that is not seen."""
    texts = sorted((code, text or ZERO_WIDTH_SPACE) for code, _, text in rows)
    yield _MAP_HEAD
    for start in range(0, len(texts), 100):
        part = texts[start : start + 100]
        yield b"%d beginbfchar\n" % len(part)
        for code, said in part:
            yield b"<%04X> <%s>\n" % (code, said.encode("utf-16-be").hex().upper().encode())
        yield b"endbfchar\n"
    yield _MAP_TAIL


def _subset(face: Face, glyphs: frozenset[int]) -> tuple[bytes, dict[int, int]]:
    """The font program with these glyphs alone, and their numbers in it."""
    wanted = uharfbuzz.SubsetInput()
    wanted.sets(uharfbuzz.SubsetInputSets.GLYPH_INDEX).update(glyphs)
    superfluous = set(face.source.table_tags) - _NEEDED - _OF_WEIGHTS
    wanted.sets(uharfbuzz.SubsetInputSets.DROP_TABLE_TAG).update(int.from_bytes(tag.encode()) for tag in superfluous)
    flags = uharfbuzz.SubsetFlags
    wanted.flags = flags.NO_HINTING | flags.NO_LAYOUT_CLOSURE | flags.NOTDEF_OUTLINE
    if face.weight is not None:
        wanted.pin_axis_location(face.source, "wght", face.weight)
    plan = uharfbuzz.SubsetPlan(face.source, wanted)
    cut = plan.execute()
    program = cut.reference_table("CFF ").data if face.compact else cut.blob.data
    return bytes(program), dict(plan.old_to_new_glyph_mapping)


def _widths(face: Face, glyphs: dict[int, int]) -> ArrayObject:
    """ISO 32000-2 9.7.4.3: codes that follow each other together."""
    made, last = ArrayObject(), -2
    for code, number in sorted(glyphs.items()):
        if code != last + 1:
            made += [NumberObject(code), ArrayObject()]
        made[-1].append(numbers([face.advance(number) * 1000 / face.units])[0])
        last = code
    return made


def _packed(content: bytes) -> StreamObject:
    return stream(zlib.compress(content), Filter=name("/FlateDecode"))
