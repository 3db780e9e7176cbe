"""What in a PDF does something, is something else, or speaks for somebody: found by reading every reachable object.

ISO 32000-2 12.6 (actions), 7.11 (embedded files), 12.8 (signatures), 12.7.8 (XFA, deprecated).
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from pdf.update import resolved

ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/GoToR",
        "/GoToE",
        "/Rendition",
        "/RichMediaExecute",
        "/Movie",
        "/Sound",
        "/GoTo3DView",
    }
)
"""Run something, send something, or open something outside the document; the others move within it."""

ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})

ENTRIES = frozenset({"/JS", "/AA", "/EF", "/XFA", "/RichMediaContent", "/Collection"})
"""Scripts, triggers, embedded files, dynamic forms, portfolios."""

WEB = ("http://", "https://", "mailto:", "tel:")


class Finding(StrEnum):
    ACTIVE = "active"
    SIGNED = "signed"


def findings(reader: PdfReader, most_objects: int) -> frozenset[Finding]:
    """What is reachable from the catalog. Raises `TooManyObjects`, and what pypdf raises on damaged objects."""
    found = set()
    for each in _dictionaries(reader.trailer["/Root"], most_objects):
        if "/ByteRange" in each and "/Contents" in each:
            found.add(Finding.SIGNED)
        elif _is_active(each):
            found.add(Finding.ACTIVE)
    return frozenset(found)


class TooManyObjects(Exception):
    """There is more in the file than the limits allow."""


def _is_active(found: DictionaryObject) -> bool:
    if any(key in found for key in ENTRIES) or _plain(found, "/Subtype") in ANNOTATIONS:
        return True
    kind = _plain(found, "/S")
    if _plain(found, "/Type") not in {None, "/Action"}:
        return False  # /S names other things too: a structure element's role, a transition's style
    if kind == "/URI":
        return not str(_plain(found, "/URI")).strip().lower().startswith(WEB)
    return kind in ACTIONS


def _plain(found: DictionaryObject, key: str) -> object:
    value = resolved(found.raw_get(key)) if key in found else None
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _dictionaries(root: Any, most_objects: int) -> Iterator[DictionaryObject]:
    """Every dictionary that is reachable, streams' included; without recursion, which a file could exhaust."""
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, IndirectObject):
            if value.idnum in seen:
                continue
            seen.add(value.idnum)
            if len(seen) > most_objects:
                raise TooManyObjects
            value = value.get_object()
        if isinstance(value, DictionaryObject):
            yield value
            waiting.extend(value.raw_get(key) for key in value)
        elif isinstance(value, ArrayObject):
            waiting.extend(list.__iter__(value))
