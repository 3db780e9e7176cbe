"""Our own incremental updater: what changes is appended, the original bytes stay as they are (ISO 32000-2 7.5.6).

pypdf reads, lazily, and models the objects; this module numbers, collects and writes the new ones. It costs what
is added, not what is there. pypdf's own incremental writer clones and hashes every object, and writes a
cross-reference stream even after a classic table, which upsets some readers.
"""

import functools
import io
import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypdf import Configuration
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NumberObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from pdf.reader import Content, Reader, References

# what pypdf and pyHanko find odd they log in the document's own words, which are nobody's business (SPEC A7)
for _parser in ("pypdf", "pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_parser).setLevel(logging.CRITICAL)

HIGHEST_OBJECT_NUMBER = 8_388_607
"""What common readers can hold (ISO 32000-1 annex C)."""

READING = Configuration().with_overwrites(
    maximum_declared_stream_length=50_000_000,
    zlib_maximum_output_length=75_000_000,
    lzw_maximum_output_length=20_000_000,
    run_length_maximum_output_length=20_000_000,
    array_based_stream_maximum_output_length=75_000_000,
    page_tree_maximum_entries=5_000,
    page_tree_maximum_depth=50,
    stream_filters_maximum_length=4,
    jbig2dec_binary=None,
)
"""pypdf's limits while it reads what came from outside; apply with `pypdf.apply_configuration`."""

UNREADABLE = (
    PyPdfError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    zlib.error,
)
"""What pypdf raises on a damaged file; the parser's plain errors are as much its verdict as its own classes."""

SEPARATOR = b"\n"
"""Starts each update; not part of the original, whose length is therefore one less than our first object's offset."""


class CannotUpdate(Exception):
    """Nothing can be appended to this file without changing it; `str()` says why, for an operator."""


class Verbatim(PdfObject):
    """A value that is written as these bytes; its place in the section is remembered, to be filled in."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.offset = -1

    def write_to_stream(self, stream: Any) -> None:
        self.offset = stream.tell()
        stream.write(self.text)


class Written(PdfObject):
    """A value whose bytes are ready, the same in every file that it is written to."""

    def __init__(self, value: PdfObject) -> None:
        made = io.BytesIO()
        write_value(made, value)
        self.text = made.getvalue()

    def write_to_stream(self, stream: Any) -> None:
        stream.write(self.text)


class _Name(NameObject):
    """pypdf encodes a name letter by letter each time that it is written; ours are few, and come again and again."""

    def __new__(cls, text: str) -> "_Name":
        made = str.__new__(cls, text)
        made.encoded = _encoded(text)
        return made

    encoded: bytes

    def renumber(self) -> bytes:
        return self.encoded


@functools.lru_cache(maxsize=2048)
def _encoded(text: str) -> bytes:
    return NameObject(text).renumber()


@functools.lru_cache(maxsize=2048)
def name(text: str) -> NameObject:
    return _Name(text)


class _Text(TextStringObject):
    """pypdf looks up each letter when a text is made, and writes it letter by letter."""

    def __new__(cls, value: str) -> "_Text":
        return str.__new__(cls, value)

    def write_to_stream(self, stream: Any, *_: object) -> None:
        if self.isascii() and self.isprintable():
            stream.write(b"(%b)" % re.sub(r"([\\()])", r"\\\1", self).encode())
        else:
            stream.write(b"<FEFF%b>" % self.encode("utf-16-be").hex().upper().encode())


def text(value: str) -> TextStringObject:
    """ISO 32000-2 7.9.2.2."""
    return _Text(value)


class _Float(FloatObject):
    def write_to_stream(self, stream: Any, *_: object) -> None:
        stream.write(f"{self:.5f}".rstrip("0").rstrip(".").encode())


def numbers(values: Sequence[float]) -> ArrayObject:
    """Written with 5 digits: fine enough for a page of 200 inches, and never in scientific notation."""
    return ArrayObject(map(_Float, values))


def dictionary(**entries: PdfObject) -> DictionaryObject:
    made = DictionaryObject()
    dict.update(made, zip(map(_key, entries), entries.values(), strict=True))
    return made


@functools.lru_cache(maxsize=256)
def _key(word: str) -> NameObject:
    return name(f"/{word}")


def write_value(out: io.BytesIO, value: Any) -> None:
    """The same bytes as `value.write_to_stream(out)`; pypdf asks each value, and encodes each name anew."""
    kind = type(value)
    if kind is IndirectObject:
        out.write(b"%d %d R" % (value.idnum, value.generation))
    elif kind is _Name or kind is NameObject:
        out.write(_encoded(value))
    elif kind is NumberObject:
        out.write(b"%d" % value)
    elif kind is DictionaryObject:
        _write_dictionary(out, value)
    elif kind is ArrayObject:
        out.write(b"[")
        for each in list.__iter__(value):
            out.write(b" ")
            write_value(out, each)
        out.write(b" ]")
    elif kind is StreamObject:
        content = value._data
        value[name("/Length")] = NumberObject(len(content))
        _write_dictionary(out, value)
        del value["/Length"]
        out.write(b"\nstream\n%b\nendstream" % content)
    else:
        value.write_to_stream(out)


def _write_dictionary(out: io.BytesIO, value: DictionaryObject) -> None:
    write = out.write
    write(b"<<\n")
    for key, each in dict.items(value):
        if type(key) is _Name:
            label = key.encoded
        elif len(key) > 2 and key[1] == "%" and key[-1] == "%":
            continue  # pypdf's own notes
        else:
            label = _encoded(key)
        kind = type(each)
        if kind is IndirectObject:
            write(b"%b %d %d R\n" % (label, each.idnum, each.generation))
        elif kind is _Name:
            write(b"%b %b\n" % (label, each.encoded))
        elif kind is NumberObject:
            write(b"%b %d\n" % (label, each))
        else:
            write(b"%b " % label)
            write_value(out, each)
            write(b"\n")
    write(b">>")


def stream(content: bytes, **entries: PdfObject) -> StreamObject:
    made = StreamObject()
    made.set_data(content)
    made.update(dictionary(**entries))
    return made


def copied(source: DictionaryObject) -> DictionaryObject:
    """A dictionary of our own with the same entries, references unresolved."""
    return DictionaryObject({key: source.raw_get(key) for key in source})


def _has_point(value: PdfObject) -> bool:
    """It is a number that pypdf would write with eight digits, or something that holds one."""
    if isinstance(value, DictionaryObject):
        return any(_has_point(value.raw_get(key)) for key in value)
    if isinstance(value, ArrayObject):
        return any(map(_has_point, list.__iter__(value)))
    return isinstance(value, FloatObject)


def entries_of(array: object) -> list[PdfObject]:
    """The elements of an array, references unresolved; nothing for what is no array."""
    array = resolved(array)
    if isinstance(array, References):
        array = array.filled()
    return list(list.__iter__(array)) if isinstance(array, ArrayObject) else []


def resolved(value: object) -> object:
    return value.get_object() if isinstance(value, IndirectObject) else value


def dictionary_at(holder: DictionaryObject, key: str) -> DictionaryObject:
    """A copy of the dictionary under `key`; an empty one where there is none."""
    found = resolved(holder.raw_get(key)) if key in holder else None
    return copied(found) if isinstance(found, DictionaryObject) else DictionaryObject()


class _Ours:
    """Stands for the document in references to objects that we add."""


@dataclass(frozen=True)
class Appended:
    """An update section, to be written behind `base` bytes of original."""

    base: int
    section: bytearray = field(repr=False)


class Update:
    """Changes to a PDF, collected until `write`. Raises `CannotUpdate` where appending would be unsafe."""

    def __init__(self, original: Content) -> None:
        self.original = original
        self.previous, self.has_table = _last_section(original)
        try:
            self.reader = Reader(original)
            self.trailer = self.reader.trailer
            root_reference, size = self.trailer.raw_get("/Root"), int(self.trailer["/Size"])  # type: ignore[call-overload]
            root = resolved(root_reference)
        except UNREADABLE as error:
            raise CannotUpdate(f"pypdf in strict mode: {type(error).__name__}: {error}") from error
        if self.reader.is_encrypted:
            raise CannotUpdate("encrypted")
        if not isinstance(root_reference, IndirectObject) or not isinstance(root, DictionaryObject):
            raise CannotUpdate("the catalog is not an indirect dictionary")
        self.root_reference, self.root = root_reference, root
        # numbers outside a lying /Size are hidden from some readers, and must not come alive by being extended over
        self._next = max([size, *(1 + max(used) for used in self.reader.xref.values() if used)])
        self._next = max([self._next, *(1 + number for number in self.reader.xref_objStm)])
        self.identifier = os.urandom(16)
        """Of this revision (ISO 32000-2 14.4)."""
        self._changed: dict[tuple[int, int], PdfObject] = {}

    def add(self, value: PdfObject) -> IndirectObject:
        """A new object."""
        if self._next >= HIGHEST_OBJECT_NUMBER:
            raise CannotUpdate("no object numbers left")
        reference = IndirectObject(self._next, 0, _Ours)
        self._next += 1
        self._changed[reference.idnum, 0] = value
        return reference

    def replace(self, reference: IndirectObject, value: PdfObject) -> None:
        self._changed[reference.idnum, reference.generation] = value

    def current(self, reference: IndirectObject) -> PdfObject | None:
        """The object as this update leaves it."""
        key = reference.idnum, reference.generation
        return self._changed[key] if key in self._changed else reference.get_object()

    def copied_exactly(self, reference: IndirectObject, source: DictionaryObject) -> DictionaryObject:
        """As `copied`, with every number as it is written: a validator takes less digits for a change.

        What holds a number with a point cannot be read from the copy, only written and replaced.
        """
        made = copied(source)
        rounded = {key for key in source if _has_point(source.raw_get(key))}
        written = self.reader.as_written(reference) if rounded else {}
        made.update({name(key): Verbatim(written[key]) for key in rounded & set(written)})
        return made

    def catalog(self) -> DictionaryObject:
        """Our own copy of the catalog, to be changed; what is in it, `root` says."""
        known = self._changed.get((self.root_reference.idnum, self.root_reference.generation))
        if not isinstance(known, DictionaryObject):
            known = self.copied_exactly(self.root_reference, self.root)
            self.replace(self.root_reference, known)
        return known

    def write(self) -> Appended:
        """The update section, in the style of the original's own cross-reference section."""
        base, out = len(self.original), io.BytesIO()
        out.write(SEPARATOR)
        places: dict[int, tuple[int, int]] = {}
        for (number, generation), value in sorted(self._changed.items(), key=lambda item: item[0]):
            places[number] = (base + out.tell(), generation)
            out.write(b"%d %d obj\n" % (number, generation))
            write_value(out, value)
            out.write(b"\nendobj\n")
        at = base + out.tell()
        if self.has_table:
            self._write_table(out, places)
        else:
            self._write_stream(out, places)
        out.write(b"startxref\n%d\n%%%%EOF\n" % at)
        return Appended(base, bytearray(out.getbuffer()))

    def _new_trailer(self, size: int) -> DictionaryObject:
        made = DictionaryObject(
            {name(key): self.trailer.raw_get(key) for key in ("/Root", "/Info") if key in self.trailer}
        )
        # the first identifier stays, the second names this revision (ISO 32000-2 14.4)
        known = entries_of(self.trailer.raw_get("/ID")) if "/ID" in self.trailer else []
        first = resolved(known[0]) if known else os.urandom(16)
        if isinstance(first, TextStringObject):
            first = first.original_bytes
        fresh = ByteStringObject(self.identifier)
        made[name("/ID")] = ArrayObject([ByteStringObject(first) if isinstance(first, bytes) else fresh, fresh])
        made[name("/Prev")] = NumberObject(self.previous)
        made[name("/Size")] = NumberObject(size)
        return made

    def _write_table(self, out: io.BytesIO, places: dict[int, tuple[int, int]]) -> None:
        out.write(b"xref\n")
        for run in _runs(sorted(places)):
            out.write(b"%d %d\n" % (run.start, len(run)))
            for number in run:
                out.write(b"%010d %05d n \n" % places[number])
        out.write(b"trailer\n")
        write_value(out, self._new_trailer(self._next))
        out.write(b"\n")

    def _write_stream(self, out: io.BytesIO, places: dict[int, tuple[int, int]]) -> None:
        own, at = self._next, len(self.original) + out.tell()
        places = {**places, own: (at, 0)}
        index = [NumberObject(value) for run in _runs(sorted(places)) for value in (run.start, len(run))]
        rows = b"".join(struct.pack(">BQH", 1, *places[number]) for number in sorted(places))
        section = stream(rows, Type=name("/XRef"), W=ArrayObject(map(NumberObject, (1, 8, 2))))
        section[name("/Index")] = ArrayObject(index)
        section.update(self._new_trailer(own + 1))
        out.write(b"%d 0 obj\n" % own)
        write_value(out, section)
        out.write(b"\nendobj\n")


def _last_section(original: Content) -> tuple[int, bool]:
    """Offset of the newest cross-reference section, and whether it is a classic table."""
    if original[:5] != b"%PDF-":
        raise CannotUpdate("something precedes the header")
    found = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", original[-1100:])
    if not found:
        raise CannotUpdate("it does not end with startxref and an end-of-file marker")
    offset = int(found[1])
    section = original[offset : offset + 40]
    if section.startswith(b"xref"):
        return offset, True
    if re.match(rb"\d+\s+\d+\s+obj\b", section):
        return offset, False
    raise CannotUpdate("startxref does not lead to a cross-reference section")


def _runs(ordered: list[int]) -> Iterator[range]:
    """Consecutive numbers together."""
    start = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or ordered[end] != ordered[end - 1] + 1:
            yield range(ordered[start], ordered[end - 1] + 1)
            start = end
