"""A document time stamp behind a sealed file: one more revision, whose value an authority gives (SPEC D3).

ISO 32000-2 12.8.5 (document time-stamp dictionaries), 12.8.4.3 (document security store); ETSI EN 319 142-1 5.4.
The sealed file is the unchanged beginning of the time-stamped one. A certification that permits no changes permits
this revision all the same (ISO 32000-2 12.8.2.2), and `is_as_written` tells it from any other.
"""

import hashlib
import re
from itertools import chain as joined
from typing import Any

from asn1crypto.parser import peek
from pypdf import apply_configuration
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from pdf.authority import MOST_TOKEN
from pdf.evidence import NONE, Evidence
from pdf.field import PREFIX, PRINTED_AND_LOCKED, Gap, enter
from pdf.reader import Content, Joined, Reader
from pdf.update import (
    READING,
    UNREADABLE,
    CannotUpdate,
    Update,
    copied,
    dictionary,
    dictionary_at,
    entries_of,
    name,
    numbers,
    resolved,
    stream,
)

NOWHERE = -9999
"""Where a field lies that nobody is to see: without size, and off every page, so that no structure need name it."""

STORED = {"/Certs": "certificates", "/OCSPs": "ocsps", "/CRLs": "crls"}
"""Keys of the document security store, and what `Evidence` calls them."""


class TimeStampDraft:
    """A sealed file with all that belongs behind it but the authority's token."""

    def __init__(self, sealed: Content, evidence: Evidence = NONE, *, identifier: bytes | None = None) -> None:
        """`identifier` is that of the revision, for one that is written again. Raises `CannotUpdate`."""
        try:
            with apply_configuration(READING):
                self._update = Update(sealed)
                self._update.identifier = identifier or self._update.identifier
                self._gap = Gap(MOST_TOKEN)
                seal = _seal_field(self._update.root)
                if evidence != NONE:
                    self._store(evidence)
                self._declare()
                self._enter_field(seal)
                self._appended = self._update.write()
        except UNREADABLE as error:
            raise CannotUpdate(f"{type(error).__name__}: {error}") from error
        self.digest = self._gap.around(self._appended, hashlib.sha256(sealed))
        """SHA-256 of what the token is to be about."""

    def with_token(self, token: bytes) -> bytes:
        """What is to be written behind the sealed file."""
        self._gap.fill(self._appended, token)
        return bytes(self._appended.section)

    def _store(self, evidence: Evidence) -> None:
        """Before the time stamp and in its revision, so that it covers the evidence too."""
        catalog, update = self._update.catalog(), self._update
        known = catalog.raw_get("/DSS") if "/DSS" in catalog else None
        store = dictionary_at(catalog, "/DSS")
        for key, kind in STORED.items():
            # not compressed: written again, it must be the same bytes, wherever that is
            added = [update.add(stream(der)) for der in getattr(evidence, kind)]
            if added:
                store[name(key)] = ArrayObject([*_entries(store, key), *added])
        if isinstance(known, IndirectObject):
            update.replace(known, store)
        else:
            catalog[name("/DSS")] = update.add(store)

    def _declare(self) -> None:
        """The extension to PDF 1.7 that brought time stamps and stores (ETSI TS 102 778-4 annex A)."""
        catalog = self._update.catalog()
        extensions = dictionary_at(catalog, "/Extensions")
        if "/ESIC" not in extensions:
            extensions[name("/ESIC")] = dictionary(BaseVersion=name("/1.7"), ExtensionLevel=NumberObject(5))
            catalog[name("/Extensions")] = extensions

    def _enter_field(self, seal: DictionaryObject) -> None:
        """On the page of the seal, where readers look for fields."""
        update = self._update
        value = dictionary(
            Type=name("/DocTimeStamp"),
            Filter=name("/Adobe.PPKLite"),
            SubFilter=name("/ETSI.RFC3161"),
            ByteRange=self._gap.byte_range,
            Contents=self._gap.contents,
        )
        page = seal.raw_get("/P")
        widget = dictionary(
            Type=name("/Annot"),
            Subtype=name("/Widget"),
            FT=name("/Sig"),
            T=TextStringObject("TimeStamp-" + str(seal["/T"]).removeprefix(PREFIX)),
            TU=TextStringObject("Time stamp"),
            V=update.add(value),
            F=NumberObject(PRINTED_AND_LOCKED),
            Rect=numbers((NOWHERE,) * 4),
            P=page,
        )
        if _is_blank(seal):
            # PDF/A-1 wants one of every widget (ISO 19005-1 6.9); a new one would be a change to some validators
            widget[name("/AP")] = dictionary_at(seal, "/AP")
        reference = update.add(widget)
        holder = resolved(page)
        if not isinstance(page, IndirectObject) or not isinstance(holder, DictionaryObject):
            raise CannotUpdate("the seal is on no page")
        changed = copied(holder)
        changed[name("/Annots")] = ArrayObject([*_entries(holder, "/Annots"), reference])
        update.replace(page, changed)
        enter(update, reference)


def _entries(holder: DictionaryObject, key: str) -> list[Any]:
    return entries_of(holder.raw_get(key)) if key in holder else []


def _seal_field(root: DictionaryObject) -> DictionaryObject:
    for reference in reversed(_entries(dictionary_at(root, "/AcroForm"), "/Fields")):
        field = resolved(reference)
        if isinstance(field, DictionaryObject) and str(field.get("/T", "")).startswith(PREFIX):
            return field
    raise CannotUpdate("it carries no seal of ours")


def _is_blank(field: DictionaryObject) -> bool:
    appearance = resolved(dictionary_at(field, "/AP").get("/N"))
    return isinstance(appearance, StreamObject) and not appearance.get_data()


def is_as_written(sealed: bytes, section: bytes) -> bool:
    """Whether a section behind a sealed file is, to the last byte, what `TimeStampDraft` writes around its token.

    So it changes nothing that anybody sees, and brings nothing to life that the sealed file points at in vain.
    """
    try:
        with apply_configuration(READING):
            before, after = Reader(sealed), Reader(Joined(sealed, section))
            root: Any = after.trailer["/Root"]
            trailer: Any = after.trailer
            field: Any = resolved(_entries(root["/AcroForm"], "/Fields")[-1])
            token, identifier = _bytes(field["/V"]["/Contents"]), _bytes(trailer["/ID"][1])
            store = dictionary_at(root, "/DSS")
            added = {key: [one for one in _entries(store, key) if not _has(before, one)] for key in STORED}
            evidence = Evidence(**{STORED[key]: tuple(map(_content, streams)) for key, streams in added.items()})
            again = TimeStampDraft(sealed, evidence, identifier=identifier)
            if again.with_token(token[: peek(token)]) != section:
                return False
            stored = {one.idnum for streams in added.values() for one in streams}
            return not stored or not _points_at(sealed, before, stored)
    except (CannotUpdate, *UNREADABLE):
        return False


def _content(reference: Any) -> bytes:
    return bytes(reference.get_object().get_data())


def _bytes(string: object) -> bytes:
    if isinstance(string, TextStringObject):
        return string.original_bytes
    return bytes(string) if isinstance(string, ByteStringObject) else b""


def _has(reader: Reader, reference: Any) -> bool:
    number = reference.idnum
    return number in reader.xref_objStm or any(number in used for used in reader.xref.values())


def _points_at(sealed: bytes, reader: Reader, objects: set[int]) -> bool:
    """Whether there is a reference to one of these objects in the file; in doubt there is.

    They hold bytes that the file's writer does not choose, such as somebody's certificates.
    """
    packed = {container for container, _ in reader.xref_objStm.values()}
    streams: Any = (IndirectObject(number, 0, reader).get_object() for number in packed)
    return any(
        refers_to(content, one) for content in joined([sealed], (one.get_data() for one in streams)) for one in objects
    )


_WHITE = rb"(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])+"
_DIGITS_AT_END = re.compile(rb"\d+\Z")
_REST_OF_REFERENCE = re.compile(_WHITE + rb"0+" + _WHITE + rb"R")


def refers_to(content: bytes, number: int) -> bool:
    """Whether there is a reference to the object (ISO 32000-2 7.3.10), of generation 0."""
    digits = b"%d" % number
    at = content.find(digits)
    while at >= 0:
        end = at + len(digits)
        if _REST_OF_REFERENCE.match(content, end):
            before = _DIGITS_AT_END.search(content[max(at - 10, 0) : at])
            if before is None or int(before[0]) == 0:
                return True
        at = content.find(digits, end)
    return False
