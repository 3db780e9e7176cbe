"""Fonts as part of a PDF: the glyphs that were used, with a map back to text (ISO 32000-2 9.7, 9.10.3).

A code stands for a glyph *and* for what it says there, so that the same glyph may stand for different text, as the
dotless skeletons of Arabic do. HarfBuzz cuts the subset, in less than a millisecond.
"""

import functools
import hashlib
import zlib
from collections.abc import Iterator

import uharfbuzz
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NumberObject, StreamObject, TextStringObject

from pdf.shaping import Glyph, Run
from pdf.typeface import Face
from pdf.update import Update, dictionary, name, numbers, stream

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


class Fonts:
    """The faces and glyphs that some sheets use."""

    def __init__(self) -> None:
        self._used: dict[Face, _Used] = {}

    def codes(self, run: Run) -> tuple[str, list[int]]:
        """The font's label in a page's resources, and a code for each glyph of `run`."""
        used = self._used.get(run.face)
        if used is None:
            used = self._used[run.face] = _Used(run.face, f"F{len(self._used) + 1}")
        return used.label, [used.code(glyph) for glyph in run.glyphs]

    def add_to(self, update: Update) -> DictionaryObject:
        """The fonts of a resource dictionary; each is added to `update`."""
        return DictionaryObject({name(f"/{used.label}"): used.add_to(update) for used in self._used.values()})


class _Used:
    def __init__(self, face: Face, label: str) -> None:
        self.face, self.label = face, label
        self._codes: dict[tuple[int, str], int] = {}

    def code(self, glyph: Glyph) -> int:
        """CFF fonts take the glyph's own number; TrueType fonts count, and map to the glyph."""
        key = glyph.number, glyph.text
        if key not in self._codes:
            self._codes[key] = glyph.number if self.face.compact else len(self._codes) + 1
        return self._codes[key]

    def add_to(self, update: Update) -> IndirectObject:
        face = self.face
        glyphs = {code: number for (number, _), code in self._codes.items()}
        program, new_numbers = _subset(face, frozenset(glyphs.values()))
        tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(program).digest()[:6])
        full_name = name(f"/{tag}+{face.name}")
        made = dictionary(
            Type=name("/Font"),
            Subtype=name("/CIDFontType0" if face.compact else "/CIDFontType2"),
            BaseFont=full_name,
            CIDSystemInfo=dictionary(
                Registry=TextStringObject("Adobe"), Ordering=TextStringObject("Identity"), Supplement=NumberObject(0)
            ),
            FontDescriptor=update.add(_descriptor(update, face, full_name, program, glyphs)),
            W=_widths(face, glyphs),
        )
        if not face.compact:
            rows = bytearray(2 * (max(glyphs) + 1))
            for code, number in glyphs.items():
                rows[2 * code : 2 * code + 2] = new_numbers[number].to_bytes(2, "big")
            made[name("/CIDToGIDMap")] = update.add(_packed(bytes(rows)))
        return update.add(
            dictionary(
                Type=name("/Font"),
                Subtype=name("/Type0"),
                BaseFont=full_name,
                Encoding=name("/Identity-H"),
                DescendantFonts=ArrayObject([update.add(made)]),
                ToUnicode=update.add(_packed(b"".join(self._map()))),
            )
        )

    def _map(self) -> Iterator[bytes]:
        """From codes to text; a code that says nothing of its own still needs one that is not seen."""
        texts = [(code, text or ZERO_WIDTH_SPACE) for (_, text), code in self._codes.items()]
        yield _MAP_HEAD
        for start in range(0, len(texts), 100):
            rows = texts[start : start + 100]
            yield b"%d beginbfchar\n" % len(rows)
            for code, text in rows:
                yield b"<%04X> <%s>\n" % (code, text.encode("utf-16-be").hex().upper().encode())
            yield b"endbfchar\n"
        yield _MAP_TAIL


@functools.lru_cache(maxsize=64)
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


def _descriptor(update: Update, face: Face, full_name: str, program: bytes, glyphs: dict[int, int]) -> DictionaryObject:
    scale = 1000 / face.units
    file = _packed(program)
    if face.compact:
        file[name("/Subtype")] = name("/CIDFontType0C")
    else:
        file[name("/Length1")] = NumberObject(len(program))
    present = bytearray(max(glyphs) // 8 + 1)  # PDF/A-1 6.3.5 asks subsets to tell their CIDs
    for code in (0, *glyphs):
        present[code // 8] |= 0x80 >> code % 8
    return DictionaryObject(
        {
            **dictionary(
                Type=name("/FontDescriptor"),
                FontName=name(full_name),
                Flags=NumberObject(_SYMBOLIC | (_ITALIC if face.italic else 0)),
                FontBBox=numbers([side * scale for side in face.box]),
                ItalicAngle=NumberObject(-12 if face.italic else 0),
                Ascent=numbers([face.ascent * scale])[0],
                Descent=numbers([face.descent * scale])[0],
                CapHeight=NumberObject(714),
                StemV=NumberObject(80),
                CIDSet=update.add(_packed(bytes(present))),
            ),
            name("/FontFile3" if face.compact else "/FontFile2"): update.add(file),
        }
    )


def _widths(face: Face, glyphs: dict[int, int]) -> ArrayObject:
    """ISO 32000-2 9.7.4.3."""
    made = ArrayObject()
    for code, number in sorted(glyphs.items()):
        made.append(NumberObject(code))
        made.append(numbers([face.advance(number) * 1000 / face.units]))
    return made


def _packed(content: bytes) -> StreamObject:
    return stream(zlib.compress(content), Filter=name("/FlateDecode"))
