"""The signature field: a blank widget over the stamp, and the dictionary that the seal is written into.

ISO 32000-2 12.7.5.5 (signature fields), 12.8.1 (signature dictionaries), 12.8.2.2 (DocMDP).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NumberObject,
    TextStringObject,
)

from pdf.page import LastPage, annotate
from pdf.placement import Rectangle
from pdf.reader import Content
from pdf.seal import Seal
from pdf.update import (
    CannotUpdate,
    Update,
    Verbatim,
    dictionary,
    dictionary_at,
    entries_of,
    name,
    numbers,
    resolved,
    stream,
)

PREFIX = "ShareToSign-"
"""Of the field's name; the request's id follows."""

NO_CHANGES = 1
"""DocMDP P 1: any later change breaks the certification (ISO 32000-2 table 257)."""

PRINTED_AND_LOCKED = 4 + 128
EXISTING_AND_APPEND_ONLY = 1 + 2


@dataclass(frozen=True)
class Sealed:
    """An original, and the sealed section that belongs behind it."""

    original: Content = field(repr=False)
    section: bytes = field(repr=False)
    hashed: "hashlib._Hash"
    """SHA-256, fed with the original: whoever hashes what begins with it copies this, and need not read it again."""

    field_name: str


class SignatureField:
    """A certifying signature field of an update, sealed by `seal` when everything else is in the update."""

    def __init__(
        self,
        update: Update,
        last: LastPage,
        rectangle: Rectangle,
        *,
        request_id: str,
        description: str,
        organisation: str,
        at: datetime,
        room: int,
    ) -> None:
        """`room` is the bytes kept for the CMS; `at` the time that the seal claims, aware and in UTC."""
        self.name = PREFIX + request_id
        self._update = update
        self._byte_range = Verbatim(b"[0 0000000000 0000000000 0000000000]")
        self._contents = Verbatim(b"<" + b"00" * room + b">")
        value = update.add(self._signature(organisation, at))
        blank = stream(b"", Type=name("/XObject"), Subtype=name("/Form"), BBox=numbers((0, 0, 1, 1)))
        blank[name("/Resources")] = DictionaryObject()
        widget = update.add(
            dictionary(
                Type=name("/Annot"),
                Subtype=name("/Widget"),
                FT=name("/Sig"),
                T=TextStringObject(self.name),
                TU=TextStringObject(description),
                V=value,
                F=NumberObject(PRINTED_AND_LOCKED),
                Rect=numbers((rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)),
                P=last.reference,
                AP=dictionary(N=update.add(blank)),
            )
        )
        self.widget = widget
        annotate(last, widget)
        _enter(update, widget)
        update.catalog()[name("/Perms")] = dictionary(DocMDP=value)

    def _signature(self, organisation: str, at: datetime) -> DictionaryObject:
        parameters = dictionary(Type=name("/TransformParams"), V=name("/1.2"), P=NumberObject(NO_CHANGES))
        certified = dictionary(Type=name("/SigRef"), TransformMethod=name("/DocMDP"), TransformParams=parameters)
        return dictionary(
            Type=name("/Sig"),
            Filter=name("/Adobe.PPKLite"),
            SubFilter=name("/ETSI.CAdES.detached"),
            M=TextStringObject(f"{at:D:%Y%m%d%H%M%S}Z"),
            Name=TextStringObject(organisation),
            Reference=ArrayObject([certified]),
            ByteRange=self._byte_range,
            Contents=self._contents,
        )

    def seal(self, seal: Seal, hashed: "hashlib._Hash | None" = None) -> "Sealed":
        """Write the update, and the seal over all of the file but itself. `hashed` is fed with the original already."""
        original = self._update.original
        appended = self._update.write()
        base, section = appended.base, appended.section
        start, end = self._contents.offset, self._contents.offset + len(self._contents.text)
        byte_range = b"[0 %d %d %d]" % (base + start, base + end, len(section) - end)
        room = len(self._byte_range.text)
        _fill(section, self._byte_range.offset, byte_range.ljust(room))
        hashed = hashed or hashlib.sha256(original)
        covered = hashed.copy()
        with memoryview(section) as view:
            covered.update(view[:start])
            covered.update(view[end:])
        cms = seal.sign(covered.digest()).hex().encode()
        if len(cms) > len(self._contents.text) - 2:
            raise CannotUpdate("the seal does not fit into the room that was kept for it")
        _fill(section, start + 1, cms)
        return Sealed(original, bytes(section), hashed, self.name)


def _fill(section: bytearray, at: int, content: bytes) -> None:
    section[at : at + len(content)] = content


def _enter(update: Update, widget: IndirectObject) -> None:
    """Make the widget a field of the document's form, which is made where there is none."""
    catalog = update.catalog()
    form = dictionary_at(catalog, "/AcroForm")
    fields = entries_of(form.raw_get("/Fields")) if "/Fields" in form else []
    form[name("/Fields")] = ArrayObject([*fields, widget])
    flags = resolved(form.raw_get("/SigFlags")) if "/SigFlags" in form else 0
    form[name("/SigFlags")] = NumberObject((flags if isinstance(flags, int) else 0) | EXISTING_AND_APPEND_ONLY)
    known = catalog.raw_get("/AcroForm") if "/AcroForm" in catalog else None
    if isinstance(known, IndirectObject):
        update.replace(known, form)
    else:
        catalog[name("/AcroForm")] = update.add(form)
