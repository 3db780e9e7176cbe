"""The signature field: a widget where the stamp is, and the dictionary that the seal is written into.

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
    StreamObject,
)

from pdf.page import OpenPage, annotate
from pdf.placement import Rectangle
from pdf.reader import Content, Reader
from pdf.seal import Seal
from pdf.update import (
    Appended,
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
    text,
)

PREFIX = "ShareToSign-"
"""Of the field's name; the request's id follows."""

NO_CHANGES = 1
"""DocMDP P 1: any later change breaks the certification (ISO 32000-2 table 257)."""

PRINTED_AND_LOCKED = 4 + 128
EXISTING_AND_APPEND_ONLY = 1 + 2


class Gap:
    """The place of a value that covers all of its file but itself (ISO 32000-2 12.8.1)."""

    def __init__(self, room: int) -> None:
        """`room` is the bytes kept for the value."""
        self.byte_range = Verbatim(b"[0 0000000000 0000000000 0000000000]")
        self.contents = Verbatim(b"<" + b"00" * room + b">")

    def around(self, appended: Appended, hashed: "hashlib._Hash") -> bytes:
        """Write what is covered into the section; the SHA-256 of that, `hashed` being fed with the original."""
        section, base = appended.section, appended.base
        start, end = self.contents.offset, self.contents.offset + len(self.contents.text)
        byte_range = b"[0 %d %d %d]" % (base + start, base + end, len(section) - end)
        _fill(section, self.byte_range.offset, byte_range.ljust(len(self.byte_range.text)))
        covered = hashed.copy()
        with memoryview(section) as view:
            covered.update(view[:start])
            covered.update(view[end:])
        return covered.digest()

    def fill(self, appended: Appended, value: bytes) -> None:
        """Raises `CannotUpdate`."""
        digits = value.hex().encode()
        if len(digits) > len(self.contents.text) - 2:
            raise CannotUpdate("the seal or time stamp does not fit into the room that was kept for it")
        _fill(appended.section, self.contents.offset + 1, digits)


@dataclass(frozen=True)
class Sealed:
    """An original, and the sealed section that belongs behind it."""

    original: Content = field(repr=False)
    reader: Reader = field(repr=False)
    """Of the original."""

    section: bytes = field(repr=False)
    hashed: "hashlib._Hash"
    """SHA-256, fed with the original: whoever hashes what begins with it copies this, and need not read it again."""

    field_name: str
    certifies: bool


@dataclass(frozen=True)
class Appearance:
    """What the widget shows, if the page does not show it already; and all that it says, in words."""

    picture: IndirectObject
    words: str = field(repr=False)


class SignatureField:
    """A signature field of an update, sealed by `seal` when everything else is in the update.

    It certifies the document, unless signatures of others are in it (`approves`): these would forbid the one, and
    be broken by more than an entry in the form's list of fields.
    """

    def __init__(
        self,
        update: Update,
        page: OpenPage,
        rectangle: Rectangle,
        *,
        request_id: str,
        description: str,
        organisation: str,
        at: datetime,
        room: int,
        appearance: Appearance | None = None,
        approves: bool = False,
    ) -> None:
        """`room` is the bytes kept for the CMS; `at` the time that the seal claims, aware and in UTC."""
        self.name = PREFIX + request_id
        self._update = update
        self._certifies = not approves
        self._gap = Gap(room)
        value = update.add(self._signature(organisation, at))
        widget = dictionary(
            Type=name("/Annot"),
            Subtype=name("/Widget"),
            FT=name("/Sig"),
            T=text(self.name),
            TU=text(description),
            V=value,
            F=NumberObject(PRINTED_AND_LOCKED),
            Rect=numbers((rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)),
            P=page.reference,
            AP=dictionary(N=appearance.picture if appearance else update.add(_blank())),
        )
        if appearance:
            widget[name("/Contents")] = text(appearance.words)
        self.widget = update.add(widget)
        annotate(page, self.widget)
        enter(update, self.widget, first=self._certifies)
        if self._certifies:
            update.catalog()[name("/Perms")] = dictionary(DocMDP=value)

    def _signature(self, organisation: str, at: datetime) -> DictionaryObject:
        made = dictionary(
            Type=name("/Sig"),
            Filter=name("/Adobe.PPKLite"),
            SubFilter=name("/ETSI.CAdES.detached"),
            M=text(f"{at:D:%Y%m%d%H%M%S}Z"),
            Name=text(organisation),
            ByteRange=self._gap.byte_range,
            Contents=self._gap.contents,
        )
        if self._certifies:
            parameters = dictionary(Type=name("/TransformParams"), V=name("/1.2"), P=NumberObject(NO_CHANGES))
            certified = dictionary(Type=name("/SigRef"), TransformMethod=name("/DocMDP"), TransformParams=parameters)
            made[name("/Reference")] = ArrayObject([certified])
        return made

    def seal(self, seal: Seal, hashed: "hashlib._Hash | None" = None) -> "Sealed":
        """Write the update, and the seal over all of the file but itself. `hashed` is fed with the original already."""
        appended = self._update.write()
        hashed = hashed or hashlib.sha256(self._update.original)
        self._gap.fill(appended, seal.sign(self._gap.around(appended, hashed)))
        update = self._update
        return Sealed(update.original, update.reader, bytes(appended.section), hashed, self.name, self._certifies)


def _fill(section: bytearray, at: int, content: bytes) -> None:
    section[at : at + len(content)] = content


def _blank() -> StreamObject:
    made = stream(b"", Type=name("/XObject"), Subtype=name("/Form"), BBox=numbers((0, 0, 1, 1)))
    made[name("/Resources")] = DictionaryObject()
    return made


def _new_form(update: Update) -> DictionaryObject:
    """With the letters that readers take where there is no form: some draw text annotations by them, or not at all."""
    helvetica = dictionary(
        Type=name("/Font"),
        Subtype=name("/Type1"),
        BaseFont=name("/Helvetica"),
        Encoding=name("/WinAnsiEncoding"),
    )
    resources = dictionary(Font=dictionary(Helv=update.add(helvetica)))
    return dictionary(DA=text("/Helv 12 Tf 0 g"), DR=resources)


def enter(update: Update, widget: IndirectObject, *, first: bool = False) -> None:
    """Make the widget a field of the document's form, which is made where there is none."""
    form = dictionary_at(update.root, "/AcroForm") if "/AcroForm" in update.root else _new_form(update)
    fields = entries_of(form.raw_get("/Fields")) if "/Fields" in form else []
    form[name("/Fields")] = ArrayObject([*fields, widget])
    if first:
        flags = resolved(form.raw_get("/SigFlags")) if "/SigFlags" in form else 0
        form[name("/SigFlags")] = NumberObject((flags if isinstance(flags, int) else 0) | EXISTING_AND_APPEND_ONLY)
    known = update.root.raw_get("/AcroForm") if "/AcroForm" in update.root else None
    if isinstance(known, IndirectObject):
        update.replace(known, form)
    else:
        update.catalog()[name("/AcroForm")] = update.add(form)
