"""What in a PDF does something, is something else, or speaks for somebody: found by reading every object.

ISO 32000-2 12.6 (actions), 7.11 (embedded files), 12.8 (signatures, usage rights), 12.7.8 (XFA, deprecated). These are
the rules; `pdf.sanitise` takes out what they name with another parser (qpdf) than the one (pypdf) that looks here.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from pdf.update import UNREADABLE, resolved

ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ResetForm",
        "/ImportData",
        "/GoToR",
        "/GoToE",
        "/Thread",
        "/Hide",
        "/SetOCGState",
        "/Rendition",
        "/RichMediaExecute",
        "/Movie",
        "/Sound",
        "/GoTo3DView",
    }
)
"""Run something, send something, open something outside the document, or change what it shows; others move in it."""

ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})

ENTRIES = frozenset({"/JS", "/AA", "/EF", "/XFA", "/RichMediaContent", "/Collection"})
"""Scripts, triggers, embedded files, dynamic forms, portfolios."""

USAGE_RIGHTS = ("/UR", "/UR3")
"""Signatures of a publisher that switch on functions of a reader; they speak for nobody (ISO 32000-1 12.8.2.3)."""

WEB = ("http://", "https://", "mailto:", "tel:")

RESOURCES = frozenset({"/Font", "/XObject", "/ExtGState", "/Pattern"})
"""What may be called /AA or /JS in a page's resources, and is neither."""


class Finding(StrEnum):
    ACTIVE = "active"
    SIGNED = "signed"
    AMBIGUOUS = "ambiguous"
    """It refers to an object that was deleted; some readers bring it back, pypdf among them (ISO 32000-2 7.5.4)."""


def findings(reader: PdfReader, most_objects: int) -> frozenset[Finding]:
    """What the file holds. Raises `TooManyObjects`, and what pypdf raises on damaged objects in use."""
    found, in_use = set(), set[int]()
    for each in _dictionaries(reader, in_use, most_objects):
        if "/ByteRange" in each and "/Contents" in each:
            found.add(Finding.SIGNED)
        elif is_active(each):
            found.add(Finding.ACTIVE)
    if in_use & _deleted(reader):
        found.add(Finding.AMBIGUOUS)
    return frozenset(found)


def _deleted(reader: PdfReader) -> set[int]:
    """Numbers that are free in a later generation than that of the object they name."""
    return {
        number
        for freed, entries in reader.xref_free_entry.items()
        for number, is_free in entries.items()
        if is_free and any(number in used for generation, used in reader.xref.items() if generation < freed)
    }


class TooManyObjects(Exception):
    """There is more in the file than the limits allow."""


def is_active(found: DictionaryObject) -> bool:
    if any(key in found and not _is_resource(found, key) for key in ENTRIES):
        return True
    if _plain(found, "/Subtype") in ANNOTATIONS or _grants_usage_rights(found):
        return True
    kind = _plain(found, "/S")
    if _plain(found, "/Type") not in {None, "/Action"}:
        return False  # /S names other things too: a structure element's role, a transition's style
    if kind == "/URI":
        return not (_plain(found, "/URI") or "").strip().lower().startswith(WEB)
    return kind in ACTIONS


def _is_resource(found: DictionaryObject, key: str) -> bool:
    value = resolved(found.raw_get(key))
    return key in {"/AA", "/JS"} and isinstance(value, DictionaryObject) and _plain(value, "/Type") in RESOURCES


def _grants_usage_rights(found: DictionaryObject) -> bool:
    permissions = resolved(found.raw_get("/Perms")) if "/Perms" in found else None
    return isinstance(permissions, DictionaryObject) and any(key in permissions for key in USAGE_RIGHTS)


def _plain(found: DictionaryObject, key: str) -> str | None:
    value = resolved(found.raw_get(key)) if key in found else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _dictionaries(reader: PdfReader, seen: set[int], most_objects: int) -> Iterator[DictionaryObject]:
    """Every dictionary, streams' included, but usage rights. Numbers of objects in use are added to `seen`."""
    yield from _reachable(reader.trailer["/Root"], seen, most_objects)
    # what nothing refers to a reader does not show, but the next rewrite of the file might bring it back
    for number in {number for used in reader.xref.values() for number in used} | set(reader.xref_objStm):
        if number not in seen:
            try:
                left_over = reader.get_object(number)
            except UNREADABLE:
                continue
            if isinstance(left_over, DictionaryObject) and "/ByteRange" not in left_over:
                yield left_over


def _reachable(root: Any, seen: set[int], most_objects: int) -> Iterator[DictionaryObject]:
    waiting: list[Any] = [root]
    while waiting:  # no recursion, which a file could exhaust
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
            waiting.extend(value.raw_get(key) for key in value if key not in USAGE_RIGHTS)
        elif isinstance(value, ArrayObject):
            waiting.extend(list.__iter__(value))
