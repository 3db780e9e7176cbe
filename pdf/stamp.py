"""From an original and its signatures to the signed copy: stamp, certificate, seal, in one appended revision."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pypdf import apply_configuration

from pdf.addition import enter, structure
from pdf.certificate import STAMP_WIDTH, Certificate, describe, lay_out, stamp_height
from pdf.field import PREFIX, Sealed, SignatureField
from pdf.page import open_last_page, paint
from pdf.placement import Geometry, Placement, place
from pdf.reader import Content
from pdf.seal import Seal
from pdf.update import READING, UNREADABLE, CannotUpdate, Update
from pdf.verify import NotAsSealed, check_sealed, verify_here


class CannotStamp(Exception):
    """This document cannot carry a signature; upload it again. `reason` is for an operator."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class SignedCopy:
    """A stamped, certified and sealed document; the original is the unchanged beginning of `data`."""

    data: bytes = field(repr=False)
    pages: int


@dataclass(frozen=True)
class Revision:
    """What goes behind an original to make the signed copy of it."""

    section: bytes = field(repr=False)
    pages: int
    """Of the signed copy."""

    original_sha256: str
    """Of the original as it was read: compare it with what it should be, instead of reading it once more."""

    sha256: str
    """Of the signed copy."""


def revise(original: Content, certificate: Certificate, seal: Seal, hashed: "hashlib._Hash | None" = None) -> Revision:
    """As `stamp`, for storage that writes the original and what is appended one after the other.

    The original may be a mapped file (`mmap.ACCESS_READ`), which is read once and never copied; not even that for
    whoever has fed it to `hashed`, a SHA-256, already. Raises `CannotStamp`.
    """
    return Draft.of(original, certificate, seal).revision(hashed)


def check_revision(
    original: Content, revision: tuple[int, bytes], request_id: str, seal: Seal, hashed: "hashlib._Hash"
) -> Revision:
    """Pages and section of a revision that `revise` made, looked at anew.

    Raises `CannotStamp` if this seal did not make it, or not of this original, or not for this request.
    """
    pages, section = revision
    return _checked(Sealed(original, section, hashed, PREFIX + request_id), seal, pages)


def _checked(sealed: Sealed, seal: Seal, pages: int) -> Revision:
    try:
        with apply_configuration(READING):
            check_sealed(sealed, seal, pages)
    except NotAsSealed as error:
        raise CannotStamp(str(error)) from error
    whole = sealed.hashed.copy()
    whole.update(sealed.section)
    return Revision(sealed.section, pages, sealed.hashed.hexdigest(), whole.hexdigest())


def stamp(original: bytes, certificate: Certificate, seal: Seal) -> SignedCopy:
    """Stamp the last page, append the certificate and seal the file (SPEC D1 to D3). Raises `CannotStamp`.

    Two runs give different bytes (time and identifiers), each stamped once from the original. What is returned has
    been checked (`pdf.verify.check_sealed`). Blocks; not for an event loop.
    """
    revision = revise(original, certificate, seal)
    return SignedCopy(b"".join((original, revision.section)), revision.pages)


@dataclass(frozen=True)
class Draft:
    """A document with everything in it but the seal."""

    original: Content = field(repr=False)
    seal: Seal
    field: SignatureField
    page: Geometry
    """Of the page that is stamped."""

    placement: Placement
    pages: int

    @classmethod
    def of(cls, original: Content, certificate: Certificate, seal: Seal) -> "Draft":
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
    def _drafted(cls, original: Content, certificate: Certificate, seal: Seal) -> "Draft":
        update = Update(original)
        last = open_last_page(update)
        size = last.geometry.seen_width, last.geometry.seen_height
        placement = place(last.geometry, STAMP_WIDTH, stamp_height(certificate))
        added = enter(update, lay_out(certificate, *size), last)
        paint(update, last, added.picture, placement.matrix)
        field = SignatureField(
            update,
            last,
            placement.rectangle,
            request_id=certificate.request_id,
            description=describe(certificate),
            organisation=seal.organisation,
            at=datetime.now(UTC),
            room=seal.room,
        )
        structure(update, added, last, placement, field.widget)
        count = update.root["/Pages"]["/Count"]  # type: ignore[index]
        return cls(original, seal, field, last.geometry, placement, int(count) + len(added.layout.pages))

    def revision(self, hashed: "hashlib._Hash | None" = None) -> Revision:
        """Seal, and check what came out. `hashed` is fed with the original already. Raises `CannotStamp`."""
        try:
            with apply_configuration(READING):
                sealed = self.field.seal(self.seal, hashed)
        except CannotUpdate as error:
            raise CannotStamp(str(error)) from error
        return _checked(sealed, self.seal, self.pages)

    def sealed(self) -> SignedCopy:
        """For trial, at intake: as one piece, and verified as strangers' files are. Raises `CannotStamp`.

        What a later seal of the same document is not asked again: whether pyHanko reads the document as pypdf does.
        """
        revision = self.revision()
        data = b"".join((self.original, revision.section))
        found = verify_here(data, self.seal.chain_pem)
        if not found.valid or found.original_sha256 != revision.original_sha256:
            raise CannotStamp(f"the sealed file does not verify: {found}")
        return SignedCopy(data, revision.pages)
