"""pypdf's reader, opened strictly, which reads at once what pypdf reads entry by entry, where it is as it should be.

Cross-reference tables and page trees are most of what must be read to append to a long document. Everything that is
not in the plainest form is left to pypdf, and what is read here is the same as what pypdf reads (a test compares).
"""

import functools
import io
import itertools
import mmap
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, cast

from pypdf import PdfReader
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    PdfObject,
    StreamObject,
    read_object,
)

from pdf.plain import plain_object, plain_value

Content = bytes | mmap.mmap
"""A whole file. Mapped, it is not copied to be read; nothing may change it meanwhile, and its position is moved."""


class Reader(PdfReader):
    """Raises what pypdf raises in strict mode."""

    def __init__(self, content: "Content | Joined", known: "Reader | None" = None) -> None:
        """`known` has read what `content` begins with: its cross-reference sections need not be read again."""
        self._content, self._known = content, known
        stream: object = content
        if isinstance(content, bytes):
            stream = _Unshared(content)
        elif isinstance(content, Joined):
            stream = io.BufferedReader(content)  # pypdf reads letter by letter
        self._is_open = False
        super().__init__(cast(BinaryIO, stream), strict=True)
        self._is_open = not self.is_encrypted

    def get_object(self, reference: int | IndirectObject) -> PdfObject | None:
        if self._is_open and isinstance(reference, IndirectObject) and (place := self._place(reference)):
            number, generation = reference.idnum, reference.generation
            value = plain_object(*place, (number, generation), self)
            if value is not None:
                return self.cache_indirect_object(generation, number, value)
        return super().get_object(reference)

    def _place(self, reference: IndirectObject) -> "tuple[Content | bytearray, int] | None":
        """Where an object begins that has not been read yet; None where it does not stand for itself."""
        number, generation = reference.idnum, reference.generation
        at = self.xref.get(generation, {}).get(number)
        elsewhere = (generation, number) in self.resolved_objects or number in self.xref_objStm
        if at is None or elsewhere or self.xref_free_entry.get(generation, {}).get(number):
            return None
        return self._part(at)

    def _part(self, at: int) -> "tuple[Content | bytearray, int]":
        return self._content.part(at) if isinstance(self._content, Joined) else (self._content, at)

    def _read_standard_xref_table(self, stream: Any) -> None:
        """pypdf's way to classic tables (ISO 32000-2 7.5.4); the stream is behind the first letter of `xref`."""
        start = stream.tell()
        sections = _sections(stream)
        if sections is None:
            stream.seek(start)
            super()._read_standard_xref_table(stream)
            return
        self.xref_index = sections[0].first or self.xref_index
        for section in sections:
            self._enter(section)

    def _read_xref(self, stream: Any) -> int | None:
        start = stream.tell()
        self._read_standard_xref_table(stream)
        trailer = plain_value(*self._part(stream.tell()), self)
        if trailer is None or not isinstance(trailer[0], DictionaryObject) or "/XRefStm" in trailer[0]:
            stream.seek(start)
            previous = super()._read_xref(stream)
        else:
            self.trailer.update({key: trailer[0].raw_get(key) for key in trailer[0] if key not in self.trailer})
            previous = cast(int | None, trailer[0].get("/Prev"))
        if self._known is None or previous != self._known._startxref:
            return previous
        self._enter_known(self._known)
        return None

    def _process_xref_stream(self, xrefstream: DictionaryObject) -> None:
        super()._process_xref_stream(xrefstream)
        if self._known is not None and xrefstream.get("/Prev") == self._known._startxref:
            self._enter_known(self._known)
            del xrefstream["/Prev"]

    def _enter_known(self, known: "Reader") -> None:
        """What newer sections say stays."""
        ours = self.xref.get(0, {})
        for tables, theirs in ((self.xref, known.xref), (self.xref_free_entry, known.xref_free_entry)):
            for generation, entries in theirs.items():
                tables[generation] = {**entries, **tables.get(generation, {})}
        packed = {number: at for number, at in known.xref_objStm.items() if number not in ours}
        self.xref_objStm = {**packed, **self.xref_objStm}
        self.xref_index = self.xref_index or known.xref_index

    def _enter(self, section: "_Section") -> None:
        """What a newer section says stays, as pypdf reads from the newest to the oldest."""
        first = section.first
        if section.free_generation is not None:
            used = self._used(section.free_generation)
            if first not in used:
                self.xref_free_entry.get(section.free_generation, {})[first] = True
                self.xref_free_entry.get(65535, {})[first] = True
            first += 1
        if section.offsets:
            entries = zip(range(first, first + len(section.offsets)), section.offsets, strict=True)
            used = self._used(0)
            new = {number: at for number, at in entries if number not in used} if used else dict(entries)
            used.update(new)
            for generation in (0, 65535):
                if generation in self.xref_free_entry:
                    self.xref_free_entry[generation].update(dict.fromkeys(new, False))

    def _used(self, generation: int) -> dict[Any, Any]:
        if generation not in self.xref:  # a cross-reference stream does not count what is free
            self.xref[generation], self.xref_free_entry[generation] = {}, {}
        return self.xref[generation]

    def _read_pdf15_xref_stream(self, stream: Any) -> StreamObject:
        """pypdf's way to cross-reference streams (ISO 32000-2 7.5.8); its `_read_xref_subsections` is put off."""
        read = super()._read_pdf15_xref_stream(stream)
        subsections, get_entry, used_before = self._put_off
        if not self._enter_rows(read, subsections):
            super()._read_xref_subsections(subsections, get_entry, used_before)
        return read

    def _read_xref_subsections(self, *put_off: Any) -> None:
        self._put_off = put_off

    def _enter_rows(self, section: StreamObject, subsections: list[int]) -> bool:
        """False, and nothing done, where rows are not of the common kinds."""
        widths = [int(width) for width in cast(ArrayObject, section["/W"])]
        if len(widths) != 3 or widths[0] != 1 or not all(0 <= width <= 8 for width in widths):
            return False
        stride, data = sum(widths), section.get_data()
        count = sum(subsections[1::2])
        kinds = data[0 : stride * count : stride]
        if len(data) < stride * count or kinds.translate(None, b"\0\1\2"):
            return False
        data = data[: stride * count]
        numbers = itertools.chain.from_iterable(
            range(first, first + size) for first, size in zip(subsections[::2], subsections[1::2], strict=True)
        )
        ones, others = _column(data, 1, widths[1], stride), _column(data, 1 + widths[1], widths[2], stride)
        packed = self.xref_objStm
        for number, kind, one, other in zip(numbers, kinds, ones, others, strict=True):
            if kind == 1:
                used = self.xref.setdefault(other, {})
                if number not in used and number not in packed:
                    used[number] = one
            elif kind == 2 and number not in packed and number not in self.xref.get(0, {}):
                packed[number] = (one, other)
        return True

    def as_written(self, reference: IndirectObject) -> dict[str, bytes]:
        """The text of each entry of a dictionary that is an object of its own."""
        stream = self._behind_header(reference)
        found: dict[str, bytes] = {}
        if _skip_space(stream) != b"<" or stream.read(2) != b"<<":
            return found
        while _skip_space(stream) == b"/":
            key = NameObject.read_from_stream(stream, self)
            _skip_space(stream)
            start = stream.tell()
            read_object(stream, self)
            end = stream.tell()
            stream.seek(start)
            found[key] = stream.read(end - start).strip()
        return found

    def _behind_header(self, reference: IndirectObject) -> Any:
        """A stream where the object begins: the file, or the object stream that it is packed into."""
        number, generation = reference.idnum, reference.generation
        if generation == 0 and number in self.xref_objStm:
            holder: Any = IndirectObject(self.xref_objStm[number][0], 0, self).get_object()
            data, first = holder.get_data(), int(holder["/First"])
            pairs = list(map(int, data[:first].split()))
            packed = io.BytesIO(data)
            packed.seek(first + dict(zip(pairs[::2], pairs[1::2], strict=False))[number])
            return packed
        self.stream.seek(self.xref[generation][number])
        while self.stream.read(1) not in {b"j", b""}:
            pass
        return self.stream

    def page_node(self, reference: IndirectObject) -> object:
        """The object, which is expected to be a node of the page tree, maybe with thousands of kids."""
        plain = self._plain_node(reference)
        if plain is not None:
            node, kids = plain
            node[NameObject("/Kids")] = kids
            self.cache_indirect_object(reference.generation, reference.idnum, node)
        return reference.get_object()

    def count_and_last(self, reference: IndirectObject) -> tuple[object, object]:
        """What a node of the page tree says how many pages are under it, and its last kid."""
        plain = self._plain_node(reference)
        if plain is not None:
            node, kids = plain
            return node["/Count"], kids.last().get_object()
        found: Any = reference.get_object()
        return found["/Count"], found["/Kids"][-1].get_object()

    def _plain_node(self, reference: IndirectObject) -> "tuple[DictionaryObject, References] | None":
        """A node but for its kids, and these; None where it must be left to pypdf."""
        place = self._place(reference) if self._is_open else None
        found = _NODE.match(*place) if place else None
        if not found or (int(found["number"]), int(found["generation"])) != (reference.idnum, reference.generation):
            return None
        if b"/Kids" in found["after"]:
            return None
        rest = plain_value(b"<<%b%b>>" % (found["before"], found["after"]), 0, self)
        return (cast(DictionaryObject, rest[0]), References(found["kids"], self)) if rest else None


def _skip_space(stream: Any) -> bytes:
    """The letter that follows, which is not read yet."""
    letter: bytes = stream.read(1)
    while letter in {b" ", b"\n", b"\r", b"\t", b"\f", b"\0"}:
        letter = stream.read(1)
    stream.seek(-1, io.SEEK_CUR)
    return letter


_NODE = re.compile(
    rb"(?P<number>\d{1,10})[ \r\n]+(?P<generation>\d{1,5})[ \r\n]+obj[ \r\n]*+<<"
    rb"(?P<before>[^<>()%\[\]#]*?)/Kids[ \r\n]*+\["
    rb"(?P<kids>(?:[ \r\n]*+\d{1,10}+[ \r\n]++\d{1,5}+[ \r\n]++R(?=[ \r\n\]]))++)[ \r\n]*+\]"
    rb"(?P<after>[^<>()%#]*+)>>[ \r\n]*+endobj"
)
"""A dictionary without strings, dictionaries, comments or escaped names in it, whose kids are references."""

_SECTION = re.compile(rb"[ \r\n]+(\d{1,10}) (\d{1,10}) ?(?:\r\n|\r|\n)(?=\d)")
_TRAILER = re.compile(rb"[ \r\n]*trailer")
_FREE = re.compile(rb"\d{10} (?P<generation>\d{5}) f(?: \r| \n|\r\n)")
_IN_USE = b" 00000 n"
_ROW_ENDS = (b" \n", b" \r", b"\r\n")
_ROW = 20


class _Section(NamedTuple):
    """Of a classic table: from object number `first` on, one that is free, if any, then those in use."""

    first: int
    free_generation: int | None
    offsets: list[int]


def _sections(stream: Any) -> list[_Section] | None:
    """Those of a table, the stream then being behind the word `trailer`; None where one is not of the plain kind."""
    found: list[_Section] = []
    if stream.read(3) != b"ref":
        return None
    while True:
        at = stream.tell()
        ahead = stream.read(64)
        if found and (end := _TRAILER.match(ahead)):
            stream.seek(at + end.end())
            return found
        begins = _SECTION.match(ahead if not found else b"\n" + ahead)
        if not begins:
            return None
        stream.seek(at + begins.end() - bool(found))
        rows = stream.read(_ROW * int(begins[2]))
        free = _FREE.match(rows)
        offsets = _offsets(rows[_ROW:] if free else rows)
        if offsets is None or len(rows) != _ROW * int(begins[2]):
            return None
        found.append(_Section(int(begins[1]), int(free["generation"]) if free else None, offsets))


def _offsets(rows: bytes) -> list[int] | None:
    """Of rows that are all in use, in generation 0, and end alike: letter by letter of all rows at once."""
    count = len(rows) // _ROW
    behind = rows[10:_ROW]
    if not behind.startswith(_IN_USE) or behind[len(_IN_USE) :] not in _ROW_ENDS:
        return None if rows else []
    alike = all(rows[at::_ROW] == rows[at : at + 1] * count for at in range(10, _ROW))
    if not alike or not all(rows[at::_ROW].isdigit() for at in range(10)):
        return None
    return list(map(int, struct.unpack("10s10x" * count, rows)))


def _column(data: bytes, start: int, width: int, stride: int) -> Sequence[int]:
    """Big-endian numbers of `width` bytes, one in each `stride` bytes; nothing reads as 0."""
    read: Sequence[int] = bytes(len(data) // stride)
    for at in range(start, start + width):
        read = [above << 8 | below for above, below in zip(read, data[at::stride], strict=True)]
    return read


class References(ArrayObject):
    """Nothing but references, of which a page tree may hold thousands: made into objects when they are asked for."""

    def __init__(self, text: bytes, reader: Reader) -> None:
        """As they are written in a file of the `reader`, without the brackets. Not to be changed."""
        super().__init__()
        self._text, self._reader = text, reader

    @functools.cached_property
    def _words(self) -> list[bytes]:
        """Number and generation of each."""
        return self._text.replace(b"R", b" ").split()

    def __iter__(self) -> Iterator[Any]:
        return super(ArrayObject, self.filled()).__iter__()

    def __len__(self) -> int:
        return len(self._words) // 2

    def __getitem__(self, index: Any) -> Any:
        return super(References, self.filled()).__getitem__(index)

    def filled(self) -> "References":
        if list.__len__(self) == 0:
            pairs = zip(map(int, self._words[::2]), map(int, self._words[1::2]), strict=True)
            self.extend(IndirectObject(number, generation, self._reader) for number, generation in pairs)
        return self

    def last(self) -> IndirectObject:
        number, generation, _ = self._text.rsplit(None, 3)[-3:]
        return IndirectObject(int(number), int(generation), self._reader)

    def has_last_once(self) -> bool:
        """Whether the last one stands nowhere else in it."""
        number = self._text.rsplit(None, 3)[-3]
        return self._text.count(number) == 1 or self._words[::2].count(number) == 1

    def and_one(self, reference: IndirectObject) -> "References":
        """Another array, with one behind."""
        return References(b"%b %d %d R" % (self._text, reference.idnum, reference.generation), self._reader)

    def write_to_stream(self, stream: Any, *_: object) -> None:
        stream.write(b"[%b ]" % self._text)


class Joined(io.RawIOBase):
    """An original and what is appended to it, as a stream, without a copy of either."""

    def __init__(self, original: Content, section: bytes | bytearray) -> None:
        super().__init__()
        self._original, self._section = original, section
        self._start, self._size = len(original), len(original) + len(section)
        self._at = 0

    def part(self, at: int) -> tuple[Content | bytearray, int]:
        """The part that holds the offset `at`, and where in the part that is."""
        return (self._original, at) if at < self._start else (self._section, at - self._start)

    def readinto(self, room: Any) -> int:
        """To the end of a part at most."""
        part, at = self.part(self._at)
        found = part[at : at + len(room)]
        room[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


class _Unshared(io.BytesIO):
    """Bytes as a stream that keeps sharing them: pypdf asks `getbuffer` for their length, which copies them all."""

    @property
    def getbuffer(self) -> Any:
        raise AttributeError
