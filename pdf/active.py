"""What in a PDF does something, is something else, or speaks for somebody: found by reading every object.

ISO 32000-2 12.6 (actions), 7.11 (embedded files), 12.8 (signatures, usage rights), 12.7.8 (XFA, deprecated). These are
the rules; `pdf.sanitise` takes out what they name with another parser (qpdf) than the one (pypdf) that looks here.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from pdf.update import UNREADABLE, entries_of, resolved

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

TRIGGERS = ("/A", "/PA", "/OpenAction", "/Next")
"""What starts an action: a click, the opening of the document, an action before it."""

USAGE_RIGHTS = ("/UR", "/UR3")
"""Signatures of a publisher that switch on functions of a reader; they speak for nobody (ISO 32000-1 12.8.2.3)."""

WEB = ("http://", "https://", "mailto:", "tel:")

RESOURCES = frozenset({"/Font", "/XObject", "/ExtGState", "/Pattern"})
"""What may be called /AA or /JS in a page's resources, and is neither."""


Number = tuple[int, int]
"""Of an object, and its generation: objects that share the one are told apart by the other (ISO 32000-2 7.3.10)."""


class Finding(StrEnum):
    ACTIVE = "active"
    SIGNED = "signed"
    AMBIGUOUS = "ambiguous"
    """It refers to an object that was deleted; some readers bring it back, pypdf among them (ISO 32000-2 7.5.4)."""


def findings(reader: PdfReader, most_objects: int) -> frozenset[Finding]:
    """What the file holds. Raises `TooManyObjects`, and what pypdf raises on damaged objects in use."""
    found, in_use = set(), set[Number]()
    for each in _dictionaries(reader, in_use, most_objects):
        if "/ByteRange" in each and "/Contents" in each:
            found.add(Finding.SIGNED)
        if is_active(each):
            found.add(Finding.ACTIVE)
    if {number for number, _ in in_use} & _deleted(reader):
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
    # readers do not ask the type of what is in the place of an action
    started = [found.raw_get(key) for key in TRIGGERS if key in found]
    if any(
        _acts(resolved(each)) for one_or_several in started for each in entries_of(one_or_several) or [one_or_several]
    ):
        return True
    # elsewhere /S names other things too: a structure element's role, a transition's style
    return _plain(found, "/Type") in {None, "/Action"} and _acts(found)


def _acts(value: object) -> bool:
    if not isinstance(value, DictionaryObject):
        return False
    kind = _plain(value, "/S")
    if kind == "/URI":
        return not (_plain(value, "/URI") or "").strip().lower().startswith(WEB)
    return kind in ACTIONS


def _is_resource(found: DictionaryObject, key: str) -> bool:
    value = resolved(found.raw_get(key))
    if key not in {"/AA", "/JS"} or not isinstance(value, DictionaryObject):
        return False
    return _plain(value, "/Type") in RESOURCES and not any(_acts(resolved(value.raw_get(each))) for each in value)


def _grants_usage_rights(found: DictionaryObject) -> bool:
    permissions = resolved(found.raw_get("/Perms")) if "/Perms" in found else None
    return isinstance(permissions, DictionaryObject) and any(key in permissions for key in USAGE_RIGHTS)


def _plain(found: DictionaryObject, key: str) -> str | None:
    value = resolved(found.raw_get(key)) if key in found else None
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _dictionaries(reader: PdfReader, seen: set[Number], most_objects: int) -> Iterator[DictionaryObject]:
    """Every dictionary, streams' included, but usage rights. Numbers of objects in use are added to `seen`."""
    yield from _reachable(reader.trailer["/Root"], seen, most_objects)
    # what nothing refers to a reader does not show, but the next rewrite of the file might bring it back
    stored = {(number, generation) for generation, used in reader.xref.items() for number in used}
    for number, generation in stored | {(number, 0) for number in reader.xref_objStm}:
        if (number, generation) not in seen:
            try:
                left_over = reader.get_object(IndirectObject(number, generation, reader))
            except UNREADABLE:
                continue
            if isinstance(left_over, DictionaryObject) and "/ByteRange" not in left_over:
                yield left_over


def _reachable(root: Any, seen: set[Number], most_objects: int) -> Iterator[DictionaryObject]:
    waiting: list[Any] = [root]
    while waiting:  # no recursion, which a file could exhaust
        value = waiting.pop()
        if isinstance(value, IndirectObject):
            number = value.idnum, value.generation
            if number in seen:
                continue
            seen.add(number)
            if len(seen) > most_objects:
                raise TooManyObjects
            value = value.get_object()
        if isinstance(value, DictionaryObject):
            yield value
            waiting.extend(value.raw_get(key) for key in value if key not in USAGE_RIGHTS)
        elif isinstance(value, ArrayObject):
            waiting.extend(list.__iter__(value))
