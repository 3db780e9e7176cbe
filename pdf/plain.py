"""Objects in the form in which most files write them, read in one go.

pypdf reads letter by letter, through a stream. Whatever is not in the plainest form (escapes in strings and names,
comments, streams, keys that are there twice) is left to it, and what is read here is the same (a test compares).
"""

import mmap
import re
from typing import Any

from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NullObject,
    NumberObject,
    PdfObject,
)
from pypdf.generic import create_string_object as string_object

MOST_PARTS, DEEPEST = 1000, 20
"""Of an object that is read here; pypdf has limits of its own."""

_HEADER = re.compile(rb"(\d{1,10})[ \r\n]+(\d{1,5})[ \r\n]+obj(?![a-z])")

_PART = re.compile(
    rb"[ \t\r\n]*+(?:"
    rb"/(?P<name>[A-Za-z0-9+,.:_-]{1,100})(?=[ \t\r\n()<>\[\]/])"
    rb"|(?P<number>\d{1,10})[ \r\n]+(?P<reference>\d{1,5})[ \r\n]+R(?=[ \t\r\n/>\]])"
    rb"|(?P<integer>[+-]?\d{1,10})(?=[ \t\r\n/>\]<(\[])"
    rb"|(?P<real>[+-]?(?:\d{1,10}\.\d{0,10}|\.\d{1,10}))(?=[ \t\r\n/>\]<(\[])"
    rb"|(?P<opens><<|\[)"
    rb"|(?P<closes>>>|\])"
    rb"|\((?P<string>[^()\\\r\n]{0,2000}+)\)"
    rb"|<(?P<hex>(?:[0-9A-Fa-f]{2}){0,2000}+)>"
    rb"|(?P<word>true|false|null)(?=[ \t\r\n/>\]<(\[])"
    rb")"
)
_END = re.compile(rb"[ \t\r\n]*+endobj(?![a-z])")


def plain_object(content: "bytes | bytearray | mmap.mmap", at: int, key: tuple[int, int], reader: Any) -> Any:
    """A dictionary or array that is an object of its own; None where it has to be left to pypdf.

    `key` is its number and generation, which have to stand there.
    """
    header = _HEADER.match(content, at)
    if not header or (int(header[1]), int(header[2])) != key:
        return None
    found = plain_value(content, header.end(), reader)
    if found is None or not _END.match(content, found[1]):
        return None
    return found[0]


def plain_value(content: "bytes | bytearray | mmap.mmap", at: int, reader: Any) -> tuple[PdfObject, int] | None:
    """A dictionary or array, and where it ends; None where it has to be left to pypdf."""
    opened: list[tuple[bytes, list[Any]]] = []
    for _ in range(MOST_PARTS):
        part = _PART.match(content, at)
        if not part:
            return None
        at, kind = part.end(), part.lastgroup
        if kind == "opens":
            if len(opened) == DEEPEST:
                return None
            opened.append((bytes(part["opens"]), []))
            continue
        if not opened:
            return None
        value: Any
        if kind == "closes":
            value = _closed(*opened.pop(), bytes(part["closes"]))
            if value is None:
                return None
            if not opened:
                return value, at
        else:
            value = _read(kind, part, reader)
        opened[-1][1].append(value)
    return None


def _read(kind: str | None, part: "re.Match[bytes]", reader: Any) -> PdfObject:
    match kind:
        case "name":
            return NameObject("/" + part["name"].decode())
        case "reference":
            return IndirectObject(int(part["number"]), int(part["reference"]), reader)
        case "integer":
            return NumberObject(part["integer"])
        case "real":
            return FloatObject(part["real"])
        case "string" | "hex":
            text = bytes(part["string"]) if kind == "string" else bytes.fromhex(part["hex"].decode())
            return string_object(text)
        case _:
            return {b"true": BooleanObject(True), b"false": BooleanObject(False)}.get(bytes(part["word"]), NullObject())


def _closed(opened: bytes, values: list[Any], closed: bytes) -> PdfObject | None:
    if opened == b"[":
        return ArrayObject(values) if closed == b"]" else None
    keys = values[::2]
    if closed != b">>" or len(values) % 2 or len(set(keys)) < len(keys):
        return None
    if not all(type(key) is NameObject for key in keys):
        return None
    made = DictionaryObject()
    dict.update(made, zip(keys, values[1::2], strict=True))
    return made
