"""What happens to a PDF once, at upload: it is inspected, normalised if need be, and stamped for trial.

Everything that parses runs in a confined process (`pdf.confine`). What is accepted here can be stamped (SPEC D5).
"""

import functools
import hashlib
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from PIL import Image
from pypdf import PdfReader, PdfWriter, apply_configuration
from pypdf.generic import BooleanObject, DictionaryObject, IndirectObject, NumberObject
from reportlab.pdfgen.canvas import Canvas

from pdf import confine
from pdf.active import Finding, TooManyObjects, findings
from pdf.certificate import Certificate, Signer
from pdf.confine import Facts, Failed, GaveUp, confined
from pdf.likeness import Unviewable, added, differs, differs_only_within, page_count, share_shown, view
from pdf.placement import Rectangle
from pdf.sanitise import UNWRITABLE, Change, OnlyDynamic, OnlyFiles, Protected, pages_only, sanitised, without_loops
from pdf.seal import Seal, make_demo_seal
from pdf.signature import Drawing, Point
from pdf.stamp import CannotStamp, Draft
from pdf.update import READING, UNREADABLE, CannotUpdate, Update, entries_of, name, resolved
from pdf.verify import verify_here


class Reason(StrEnum):
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_A_PDF = "not_a_pdf"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    NO_PAGES = "no_pages"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MANY_OBJECTS = "too_many_objects"
    ALREADY_SIGNED = "already_signed"
    ACTIVE_CONTENT = "active_content"
    DYNAMIC_FORM = "dynamic_form"
    PORTFOLIO = "portfolio"
    TOOK_TOO_LONG = "took_too_long"
    CANNOT_BE_STAMPED = "cannot_be_stamped"


MESSAGES = {
    Reason.EMPTY: "This file is empty. Choose the file again.",
    Reason.TOO_LARGE: "This file is larger than {megabytes} MB. Save it in a smaller size and upload that.",
    Reason.NOT_A_PDF: "This file is not a PDF. Save or print the document as a PDF and upload that.",
    Reason.DAMAGED: "This PDF is damaged and cannot be repaired. Create it again and upload the new file.",
    Reason.ENCRYPTED: "This PDF opens with a password only. Save a copy without protection and upload that.",
    Reason.NO_PAGES: "This PDF has no pages. Create it again and upload the new file.",
    Reason.TOO_MANY_PAGES: "This PDF has more than {pages} pages. Split it and upload the parts.",
    Reason.TOO_MANY_OBJECTS: "This PDF is too complex. Print it to a new PDF and upload that.",
    Reason.ALREADY_SIGNED: "This PDF carries a digital signature already, which another one could break. "
    "Upload the document without it.",
    Reason.ACTIVE_CONTENT: "This PDF contains scripts, attached files or other active content that cannot be removed. "
    "Print it to a new PDF and upload that.",
    Reason.DYNAMIC_FORM: "This PDF is a dynamic form (XFA), which most readers cannot show. "
    "Print it to a new PDF and upload that.",
    Reason.PORTFOLIO: "This PDF is a portfolio: a cover page for other files. Upload the files themselves.",
    Reason.TOOK_TOO_LONG: "This PDF takes too much time or memory to read. Print it to a new PDF and upload that.",
    Reason.CANNOT_BE_STAMPED: "A signature could not be placed in this PDF without changing what it shows. "
    "Print it to a new PDF and upload that.",
}


@dataclass(frozen=True)
class Limits:
    """What a file may be and may cost. `bytes` counts the upload, `memory` bytes of address space."""

    bytes: int = 50_000_000
    pages: int = 2000
    objects: int = 500_000
    cpu_seconds: int = 6
    wall_seconds: float = 20.0
    memory: int = 2**30


class Unfit(Exception):
    """This upload cannot be used; `message` tells the person who uploaded it why, and what to do."""

    def __init__(self, reason: Reason, limits: Limits) -> None:
        self.reason = reason
        self.message = MESSAGES[reason].format(megabytes=limits.bytes // 1_000_000, pages=limits.pages)
        super().__init__(self.message)


@dataclass(frozen=True)
class Inspected:
    """Bytes that are fit to be shared and signed. They are the upload's, unless it had to be repaired."""

    data: bytes = field(repr=False)
    sha256: str
    pages: int
    upload_sha256: str
    changes: tuple[str, ...] = ()
    """What was done to the upload: sentences for the person who uploaded it."""


DEFAULT_LIMITS = Limits()

SMALLEST_LEGIBLE = 24
"""Pixels of a stamp's shorter side, as compared here; below it is only looked whether something shows."""

LEAST_SHOWN = 0.35
"""Of the trial's ink: less where an annotation lies over it, or where the page is dark."""

CURABLE = frozenset({Reason.ACTIVE_CONTENT, Reason.CANNOT_BE_STAMPED, Reason.NO_PAGES, Reason.DAMAGED})
"""What may be otherwise in a file that is written anew."""


def inspect(upload: bytes, limits: Limits = DEFAULT_LIMITS) -> Inspected:
    """Refuse (`Unfit`) or return what to keep. Blocks; safe in several threads at once."""
    if not upload:
        raise Unfit(Reason.EMPTY, limits)
    if len(upload) > limits.bytes:
        raise Unfit(Reason.TOO_LARGE, limits)
    if b"%PDF-" not in upload[:1024]:
        raise Unfit(Reason.NOT_A_PDF, limits)
    cost = confine.Limits(limits.cpu_seconds, limits.wall_seconds, limits.memory)
    try:
        facts, made = confined(_examine, upload, limits, limits=cost)
    except Failed as error:
        raise Unfit(Reason.DAMAGED, limits) from error
    except GaveUp as error:
        raise Unfit(Reason.TOOK_TOO_LONG, limits) from error
    if "reason" in facts:
        raise Unfit(Reason(facts["reason"]), limits)
    upload_sha256 = hashlib.sha256(upload).hexdigest()
    data = made or upload
    sha256 = hashlib.sha256(made).hexdigest() if made else upload_sha256
    return Inspected(data, sha256, int(facts["pages"]), upload_sha256, tuple(facts["changes"]))


# -- in the confined process


def _examine(upload: bytes, limits: Limits) -> tuple[Facts, bytes]:
    """The number of pages, the bytes where they are others than the upload's, and why; or the reason why not."""
    try:
        with apply_configuration(READING):
            pages = _as_it_is(upload, limits)
            as_it_is: tuple[Facts, bytes] = {"pages": pages, "changes": []}, b""
            if pages is not None and not _asks_readers_to_draw(upload):
                return as_it_is
            try:
                return _normalised(upload, limits, (True,) if pages is not None else (True, False))
            except Unfit:
                if pages is None:
                    raise
                return as_it_is
    except Unfit as unfit:
        return {"reason": unfit.reason}, b""
    except MemoryError:
        return {"reason": Reason.TOOK_TOO_LONG}, b""


def _as_it_is(upload: bytes, limits: Limits) -> int | None:
    """Its pages, if nothing has to be done to it. Raises `Unfit` where nothing can be done."""
    try:
        return _fit(upload, limits)
    except Unfit as unfit:
        if unfit.reason not in CURABLE:
            raise
    except (CannotUpdate, CannotStamp, *UNREADABLE):
        pass
    return None


def _asks_readers_to_draw(upload: bytes) -> bool:
    """What a form's fields hold: some readers do not, some then call a sealed file changed."""
    root = Update(upload).root
    form = resolved(root.raw_get("/AcroForm")) if "/AcroForm" in root else None
    return isinstance(form, DictionaryObject) and form.get("/NeedAppearances") == BooleanObject(True)


def _normalised(upload: bytes, limits: Limits, drawing: tuple[bool, ...]) -> tuple[Facts, bytes]:
    """Written anew by qpdf; where that cannot read it, or shows something else, after a first repair by others.

    Raises `Unfit`, rather with another reason than damage.
    `drawing` says whether to draw what form fields hold; what is tried first comes first.
    """
    reasons: list[Reason] = []
    tried: set[bytes] = set()
    for readable in (_unchanged, _without_loops, _rewritten, _pages_only):
        for draw in drawing:
            try:
                base, before = readable(upload, limits)
                made, changes = sanitised(base, limits.objects, draw=draw)
                if made in tried:
                    continue
                tried.add(made)
                changes |= before
                pages = _fit(made, limits)
                if _shows_the_same(upload, made, pages):
                    return {"pages": pages, "changes": _told(upload, changes)}, made
                reasons.append(Reason.ENCRYPTED if Change.UNPROTECTED in changes else Reason.DAMAGED)
            except Protected:
                reasons.append(Reason.ENCRYPTED)
            except TooManyObjects as error:
                raise Unfit(Reason.TOO_MANY_OBJECTS, limits) from error
            except OnlyDynamic as error:
                raise Unfit(Reason.DYNAMIC_FORM, limits) from error
            except OnlyFiles as error:
                raise Unfit(Reason.PORTFOLIO, limits) from error
            except Unfit as unfit:
                if unfit.reason not in CURABLE:
                    raise
                reasons.append(unfit.reason)
            except CannotStamp:
                reasons.append(Reason.CANNOT_BE_STAMPED)
            except (CannotUpdate, Unviewable, *UNREADABLE, *UNWRITABLE):
                reasons.append(Reason.DAMAGED)
    raise Unfit(next((reason for reason in reasons if reason != Reason.DAMAGED), Reason.DAMAGED), limits)


def _told(upload: bytes, changes: frozenset[Change]) -> list[str]:
    """In the order of `Change`. Without any other change there was damage, or it would have been taken as it is."""
    try:
        Update(upload)
        damaged = not changes
    except (CannotUpdate, *UNREADABLE):
        damaged = not {Change.UNPROTECTED, Change.PAGES_ONLY} & changes
    return [change for change in Change if change in changes or (change is Change.REPAIRED and damaged)]


def _fit(data: bytes, limits: Limits) -> int:
    """The number of pages of a file that opens strictly. Raises `Unfit`; and where a repair may help, the others."""
    update = Update(data)
    _check_objects(update.reader, limits)
    pages = _count_pages(update.root, limits)
    if not pages:
        raise Unfit(Reason.NO_PAGES, limits)
    if pages > limits.pages:
        raise Unfit(Reason.TOO_MANY_PAGES, limits)
    try:
        found = findings(update.reader, limits.objects)
    except TooManyObjects as error:
        raise Unfit(Reason.TOO_MANY_OBJECTS, limits) from error
    if Finding.SIGNED in found:
        raise Unfit(Reason.ALREADY_SIGNED, limits)
    if Finding.AMBIGUOUS in found:
        raise CannotUpdate("it refers to a deleted object")
    if Finding.ACTIVE in found:
        raise Unfit(Reason.ACTIVE_CONTENT, limits)
    if not _stamps_well(data, pages):
        raise Unfit(Reason.CANNOT_BE_STAMPED, limits)
    return pages


def _check_objects(reader: PdfReader, limits: Limits) -> None:
    if sum(map(len, reader.xref.values())) + len(reader.xref_objStm) > limits.objects:
        raise Unfit(Reason.TOO_MANY_OBJECTS, limits)


def _count_pages(root: DictionaryObject, limits: Limits) -> int:
    """Leaves of the page tree, which must be a tree and count itself rightly; at most one more than the limit."""
    seen: set[int] = set()
    waiting, pages = [root.raw_get("/Pages")], 0
    while waiting and pages <= limits.pages:
        reference = waiting.pop()
        node = resolved(reference)
        if not isinstance(reference, IndirectObject) or not isinstance(node, DictionaryObject):
            raise CannotUpdate("the page tree holds something that is no indirect dictionary")
        if "/Kids" not in node:
            pages += 1
            continue
        if reference.idnum in seen:
            raise CannotUpdate("the page tree is no tree")
        seen.add(reference.idnum)
        kids = entries_of(node.raw_get("/Kids"))
        if not kids and len(seen) > 1:
            raise CannotUpdate("the page tree has a node without pages")
        waiting.extend(kids)
    if not waiting and resolved(root["/Pages"].raw_get("/Count")) != pages:  # type: ignore[attr-defined]
        raise CannotUpdate("the page tree counts wrongly")
    return pages


def _unchanged(upload: bytes, _: Limits) -> tuple[bytes, frozenset[Change]]:
    return upload, frozenset()


def _without_loops(upload: bytes, _: Limits) -> tuple[bytes, frozenset[Change]]:
    return without_loops(upload), frozenset()


def _rewritten(upload: bytes, limits: Limits) -> tuple[bytes, frozenset[Change]]:
    """By pypdf, which finds its way through other damage than qpdf."""
    try:
        reader = PdfReader(io.BytesIO(upload), strict=False)
    except NotImplementedError as error:  # protected in a way that pypdf does not know
        raise Protected from error
    if reader.is_encrypted and not reader.decrypt(""):
        raise Protected
    _check_objects(reader, limits)
    writer = PdfWriter(clone_from=reader)
    tree = writer.root_object["/Pages"]
    if isinstance(tree, DictionaryObject):  # pypdf has made it flat, but believes what it says of itself
        tree[name("/Count")] = NumberObject(len(entries_of(tree.raw_get("/Kids"))))
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue(), frozenset({Change.UNPROTECTED} if reader.is_encrypted else ())


def _pages_only(upload: bytes, limits: Limits) -> tuple[bytes, frozenset[Change]]:
    """By PDFium, which shows what the others cannot read; outline, form and structure are lost. Not if signed."""
    if b"/ByteRange" in upload:
        raise Unfit(Reason.ALREADY_SIGNED, limits)
    if page_count(upload) > limits.pages:
        raise Unfit(Reason.TOO_MANY_PAGES, limits)
    return pages_only(upload), frozenset({Change.PAGES_ONLY})


def _shows_the_same(upload: bytes, made: bytes, pages: int) -> bool:
    """On the first, a middle and the last two pages."""
    try:
        return _ends_after(upload, pages) and not any(
            differs(view(upload, page), view(made, page))
            for page in {0, pages // 2, pages - 2, pages - 1} & set(range(pages))
        )
    except Unviewable:
        return False


def _ends_after(document: bytes, pages: int) -> bool:
    """Whether it shows so many pages and no more, whatever it says that it has."""
    said = page_count(document)
    if said <= pages:
        return said == pages
    try:
        view(document, pages)
    except Unviewable:
        return True
    return False


def _stamps_well(data: bytes, pages: int) -> bool:
    """Stamp and seal for trial: is it valid, does the stamp show, and does the rest stay? Raises `CannotStamp`."""
    trial = _trial_seal()
    draft = Draft.of(data, _trial(), trial)
    stamped = draft.sealed().data
    if _count_pages(Update(stamped).root, Limits(pages=pages + 10)) != draft.pages:
        return False
    if not verify_here(stamped, trial.chain_pem).valid:
        raise CannotStamp("verifiers do not read the stamped file")  # though we do; a repair may help
    try:
        if any(differs(view(data, page), view(stamped, page)) for page in {0, pages - 2} & set(range(pages - 1))):
            return False
        before, after = view(data, pages - 1), view(stamped, pages - 1)
    except Unviewable:
        return False
    part = _part(draft)
    if not differs_only_within(before, after, part):
        return False
    ink = added(before, after, part)
    if min(ink.size) < SMALLEST_LEGIBLE:
        return ink.getbbox() is not None
    return share_shown(ink, _model()) >= LEAST_SHOWN


def _part(draft: Draft) -> Rectangle:
    """Of the page where the stamp is, in shares."""
    seen, page = draft.placement.seen, draft.page
    return Rectangle(
        seen.left / page.seen_width,
        seen.bottom / page.seen_height,
        seen.right / page.seen_width,
        seen.top / page.seen_height,
    )


def rehearse() -> None:
    """Once through everything with a page of our own, so that no confined process has to load it anew."""
    _model()
    for document in (_blank(), _blank() + b"damage"):
        facts, _ = _examine(document, DEFAULT_LIMITS)
        assert facts["pages"] == 1, facts


def _blank() -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made)
    canvas.showPage()
    canvas.save()
    return made.getvalue()


@functools.cache
def _model() -> Image.Image:
    """The trial's ink on a page that is blank."""
    draft = Draft.of(_blank(), _trial(), _trial_seal())
    return added(view(_blank(), 0), view(draft.sealed().data, 0), _part(draft))


@functools.cache
def _trial_seal() -> Seal:
    return Seal.load(*make_demo_seal("Trial"))


@functools.cache
def _trial() -> Certificate:
    at = datetime(2000, 1, 1, tzinfo=UTC)
    strokes = tuple(tuple(Point(x, y, 0.0, 0.9) for x in (10.0, 250.0, 490.0)) for y in range(10, 150, 3))
    signer = Signer("Trial Signature", "self", "trial", at, "UTC", "drawn", Drawing(500, 160, strokes), "::1")
    return Certificate("trial", "0" * 64, "trial", "0" * 64, (signer,))
