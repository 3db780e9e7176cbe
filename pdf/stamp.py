"""From an original and its signatures to the signed copy: stamp, certificate, seal, in one appended revision."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pypdf import apply_configuration

from pdf import picture
from pdf.addition import enter, structure
from pdf.certificate import Certificate, describe
from pdf.earlier import carries_signatures, is_certified
from pdf.field import PREFIX, Appearance, Sealed, SignatureField
from pdf.layout import lay_out
from pdf.page import OpenPage, last_geometry, open_last_page, open_last_page_as_it_is, paint
from pdf.placement import Geometry, Rectangle
from pdf.plan import UNPLANNED, Ground, Plan, Way, arrange
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


def revise(
    original: Content,
    certificate: Certificate,
    seal: Seal,
    plan: Plan | None = None,
    hashed: "hashlib._Hash | None" = None,
) -> Revision:
    """As `stamp`, for storage that writes the original and what is appended one after the other.

    The original may be a mapped file (`mmap.ACCESS_READ`), which is read once and never copied; not even that for
    whoever has fed it to `hashed`, a SHA-256, already. Raises `CannotStamp`.
    """
    reasons = []
    opened = None if plan else _opened(original)
    for each in _plans(opened, plan and plan.with_signers(len(certificate.signers))):
        try:
            return Draft.of(original, certificate, seal, each, opened).revision(hashed)
        except CannotStamp as error:
            reasons.append(f"{each.way}: {error.reason}")
            opened = None  # it holds what the way that failed has changed
    raise CannotStamp("; ".join(reasons))


def check_revision(
    original: Content, revision: tuple[int, bytes], request_id: str, seal: Seal, hashed: "hashlib._Hash"
) -> Revision:
    """Pages and section of a revision that `revise` made, looked at anew.

    Raises `CannotStamp` if this seal did not make it, or not of this original, or not for this request.
    """
    pages, section = revision
    try:
        with apply_configuration(READING):
            update = Update(original)
            certifies = not carries_signatures(update)
    except (CannotUpdate, *UNREADABLE) as error:
        raise CannotStamp(f"{type(error).__name__}: {error}") from error
    return _checked(Sealed(original, update.reader, section, hashed, PREFIX + request_id, certifies), seal, pages)


def _checked(sealed: Sealed, seal: Seal, pages: int) -> Revision:
    try:
        with apply_configuration(READING):
            check_sealed(sealed, seal, pages)
    except NotAsSealed as error:
        raise CannotStamp(str(error)) from error
    whole = sealed.hashed.copy()
    whole.update(sealed.section)
    return Revision(sealed.section, pages, sealed.hashed.hexdigest(), whole.hexdigest())


def stamp(original: bytes, certificate: Certificate, seal: Seal, plan: Plan | None = None) -> SignedCopy:
    """Stamp the last page, append the certificate and seal the file (SPEC D1 to D3). Raises `CannotStamp`.

    `plan` is what `inspect` found for this original; where its way turns out to be impossible, the next one is gone.
    Two runs give different bytes (time and identifiers), each stamped once from the original. What is returned has
    been checked (`pdf.verify.check_sealed`). Blocks; not for an event loop.
    """
    revision = revise(original, certificate, seal, plan)
    return SignedCopy(b"".join((original, revision.section)), revision.pages)


def _opened(original: Content) -> Update | None:
    try:
        with apply_configuration(READING):
            return Update(original)
    except CannotUpdate:
        return None  # it cannot be stamped either, and that says why


def _plans(opened: Update | None, plan: Plan | None) -> Iterator[Plan]:
    """The plan, and what remains if it fails. Without one, signatures of others are looked for first."""
    if plan is None:
        plan = Plan(Way.WIDGET if opened and _is_signed(opened) else Way.PAGE)
    ways = list(Way)
    return (replace(plan, way=way) for way in ways[ways.index(plan.way) :])


def _is_signed(opened: Update) -> bool:
    """Raises `CannotStamp` where it is certified, too: whether that still holds, intake finds out."""
    try:
        with apply_configuration(READING):
            signed = carries_signatures(opened)
            forbidden = signed and is_certified(opened)
    except UNREADABLE:
        return False
    if forbidden:
        raise CannotStamp("it is certified by others, which forbids another signature")
    return signed


@dataclass(frozen=True)
class Draft:
    """A document with everything in it but the seal."""

    original: Content = field(repr=False)
    seal: Seal
    field: SignatureField
    page: Geometry
    """Of the page that shows the marks."""

    seen: Rectangle
    """Where it shows them, in points as the reader sees it."""

    ground: Ground
    pages: int

    @classmethod
    def of(
        cls,
        original: Content,
        certificate: Certificate,
        seal: Seal,
        plan: Plan = UNPLANNED,
        opened: Update | None = None,
    ) -> "Draft":
        """`opened` is the original, in which nothing has been changed yet. Raises `CannotStamp`."""
        if not certificate.signers:
            raise ValueError("a certificate without a signer")
        try:
            with apply_configuration(READING):
                update = opened or Update(original)
                match plan.way:
                    case Way.PAGE:
                        return cls._on_page(update, certificate, seal, plan)
                    case Way.CERTIFICATE:
                        return cls._on_certificate(update, certificate, seal)
                    case Way.WIDGET:
                        return cls._in_widget(update, certificate, seal, plan)
        except CannotUpdate as error:
            raise CannotStamp(str(error)) from error
        except UNREADABLE as error:
            raise CannotStamp(f"{type(error).__name__}: {error}") from error

    @classmethod
    def _on_page(cls, update: Update, certificate: Certificate, seal: Seal, plan: Plan) -> "Draft":
        last = open_last_page(update)
        stamp = arrange(last.geometry, plan, picture.sizes(certificate, evidence=False))
        at = stamp.placement
        layout = lay_out(certificate, plan.way, last.geometry.seen_width, last.geometry.seen_height, stamp)
        added = enter(update, layout, last.reference)
        assert added.picture
        paint(update, last, added.picture, at.matrix)
        field = _field(update, last, at.rectangle, certificate, seal)
        structure(update, added, last, at.rectangle, field.widget)
        return cls(
            update.original, seal, field, last.geometry, at.seen, stamp.ground, _count(update) + len(layout.pages)
        )

    @classmethod
    def _on_certificate(cls, update: Update, certificate: Certificate, seal: Seal) -> "Draft":
        geometry = last_geometry(update)
        layout = lay_out(certificate, Way.CERTIFICATE, geometry.seen_width, geometry.seen_height, None)
        added = enter(update, layout, None)
        page, box = added.page_of_first_mark()
        field = _field(update, page, box, certificate, seal)
        structure(update, added, page, box, field.widget)
        return cls(update.original, seal, field, page.geometry, box, Ground.LIGHT, _count(update) + len(layout.pages))

    @classmethod
    def _in_widget(cls, update: Update, certificate: Certificate, seal: Seal, plan: Plan) -> "Draft":
        last = open_last_page_as_it_is(update)
        stamp = arrange(last.geometry, plan, picture.sizes(certificate, evidence=True))
        at = stamp.placement
        layout = lay_out(certificate, plan.way, last.geometry.seen_width, last.geometry.seen_height, stamp)
        added = enter(update, layout, last.reference, at.matrix.turning)
        assert added.picture
        shown = Appearance(added.picture, picture.in_words(certificate))
        approves = carries_signatures(update)
        if not plan.metadata:
            update.catalog().pop("/Metadata", None)
        field = _field(update, last, at.rectangle, certificate, seal, shown, approves=approves)
        return cls(update.original, seal, field, last.geometry, at.seen, stamp.ground, _count(update))

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


def _field(
    update: Update,
    page: OpenPage,
    rectangle: Rectangle,
    certificate: Certificate,
    seal: Seal,
    appearance: Appearance | None = None,
    *,
    approves: bool = False,
) -> SignatureField:
    return SignatureField(
        update,
        page,
        rectangle,
        request_id=certificate.request_id,
        description=describe(certificate),
        organisation=seal.organisation,
        at=datetime.now(UTC),
        room=seal.room,
        appearance=appearance,
        approves=approves,
    )


def _count(update: Update) -> int:
    """Pages of the original."""
    return int(update.root["/Pages"]["/Count"])  # type: ignore[index]
