"""From an original and its signatures to the signed copy: stamp, certificate, seal, in one appended revision."""

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime

from pypdf import PageObject, PdfReader, apply_configuration
from pypdf.generic import DictionaryObject, IndirectObject

from pdf.certificate import STAMP_WIDTH, Certificate, lay_out, stamp_height
from pdf.field import SignatureField
from pdf.page import append_page, open_last_page, paint
from pdf.placement import Geometry, Placement, place
from pdf.seal import Seal
from pdf.update import READING, UNREADABLE, CannotUpdate, Update, copied, name, numbers
from pdf.verify import verify_here


class CannotStamp(Exception):
    """This document cannot carry a signature; upload it again. `reason` is for an operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SignedCopy:
    """A stamped, certified and sealed document; the original is the unchanged beginning of `data`."""

    data: bytes
    pages: int


def stamp(original: bytes, certificate: Certificate, seal: Seal) -> SignedCopy:
    """Stamp the last page, append the certificate and seal the file (SPEC D1 to D3). Raises `CannotStamp`.

    Two runs give different bytes (time and identifiers), each stamped once from the original. What is returned has
    been verified. Blocks; not for an event loop.
    """
    return Draft.of(original, certificate, seal).sealed()


@dataclass(frozen=True)
class Draft:
    """A document with everything in it but the seal."""

    original: bytes
    seal: Seal
    field: SignatureField
    page: Geometry
    """Of the page that is stamped."""

    placement: Placement
    pages: int

    @classmethod
    def of(cls, original: bytes, certificate: Certificate, seal: Seal) -> "Draft":
        """Raises `CannotStamp`."""
        if not certificate.signers:
            raise ValueError("a certificate without a signer")
        try:
            with apply_configuration(READING):
                return cls._drafted(original, certificate, seal)
        except CannotUpdate as error:
            raise CannotStamp(str(error)) from error
        except UNREADABLE as error:
            raise CannotStamp(f"{type(error).__name__}: {error}") from error

    @classmethod
    def _drafted(cls, original: bytes, certificate: Certificate, seal: Seal) -> "Draft":
        update = Update(original)
        last = open_last_page(update)
        size = last.geometry.seen_width, last.geometry.seen_height
        picture, *pages = PdfReader(io.BytesIO(lay_out(certificate, *size))).pages
        height = stamp_height(certificate)
        placement = place(last.geometry, STAMP_WIDTH, height)
        bring = update.importer()
        paint(update, last, _form(update, bring(_essence(picture)), STAMP_WIDTH, height), placement.matrix)
        for page in pages:
            append_page(update, bring(_essence(page)))
        field = SignatureField(
            update,
            last,
            placement.rectangle,
            request_id=certificate.request_id,
            description="Signature of " + ", ".join(signer.printed_name for signer in certificate.signers),
            organisation=seal.organisation,
            at=datetime.now(UTC),
            room=seal.room,
        )
        count = update.root["/Pages"]["/Count"]  # type: ignore[index]
        return cls(original, seal, field, last.geometry, placement, int(count) + len(pages))

    def sealed(self) -> SignedCopy:
        """Seal, and verify what came out. Raises `CannotStamp`."""
        try:
            data = self.field.seal(self.seal)
        except CannotUpdate as error:
            raise CannotStamp(str(error)) from error
        found = verify_here(data, self.seal.chain_pem)
        if not found.valid or found.original_sha256 != hashlib.sha256(self.original).hexdigest():
            raise CannotStamp(f"the sealed file does not verify: {found}")
        return SignedCopy(data, self.pages)


def _essence(page: PageObject) -> DictionaryObject:
    """What of a page of our own is worth bringing; nothing of it may be inherited from the document it joins."""
    made = DictionaryObject({name(key): page.raw_get(key) for key in ("/Type", "/MediaBox", "/Resources", "/Contents")})
    made[name("/CropBox")] = made["/MediaBox"]
    made[name("/Rotate")] = numbers((0,))[0]
    return made


def _form(update: Update, page: DictionaryObject, width: float, height: float) -> IndirectObject:
    """A page's content as a form XObject (ISO 32000-2 8.10)."""
    content = update.current(page.raw_get("/Contents"))
    form = content  # brought for us alone, so it may become the form itself
    assert isinstance(form, DictionaryObject)
    form[name("/Type")], form[name("/Subtype")] = name("/XObject"), name("/Form")
    form[name("/BBox")] = numbers((0, 0, width, height))
    form[name("/Resources")] = copied(page.raw_get("/Resources"))
    reference: IndirectObject = page.raw_get("/Contents")
    return reference
