"""What happens to a PDF once, at upload: it is inspected, repaired if need be, and stamped for trial.

Everything that parses runs in a confined process (`pdf.confine`). What is accepted here can be stamped (SPEC D5).
"""

import functools
import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pypdf import PdfReader, PdfWriter, apply_configuration
from pypdf.generic import DictionaryObject, IndirectObject, NumberObject
from reportlab.pdfgen.canvas import Canvas

from pdf import confine
from pdf.active import Finding, TooManyObjects, findings
from pdf.certificate import Certificate, Signer
from pdf.confine import Facts, Failed, GaveUp, confined
from pdf.likeness import Unviewable, differs, differs_only_within, page_count, view
from pdf.placement import Rectangle
from pdf.seal import Seal, make_demo_seal
from pdf.signature import TypedName
from pdf.stamp import CannotStamp, Draft
from pdf.update import READING, UNREADABLE, CannotUpdate, Update, entries_of, name, resolved


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
    TOOK_TOO_LONG = "took_too_long"
    CANNOT_BE_STAMPED = "cannot_be_stamped"


MESSAGES = {
    Reason.EMPTY: "This file is empty. Choose the file again.",
    Reason.TOO_LARGE: "This file is larger than {megabytes} MB. Save it in a smaller size and upload that.",
    Reason.NOT_A_PDF: "This file is not a PDF. Save or print the document as a PDF and upload that.",
    Reason.DAMAGED: "This PDF is damaged and cannot be repaired. Create it again and upload the new file.",
    Reason.ENCRYPTED: "This PDF is protected with a password or against changes. "
    "Save a copy without protection and upload that.",
    Reason.NO_PAGES: "This PDF has no pages. Create it again and upload the new file.",
    Reason.TOO_MANY_PAGES: "This PDF has more than {pages} pages. Split it and upload the parts.",
    Reason.TOO_MANY_OBJECTS: "This PDF is too complex. Print it to a new PDF and upload that.",
    Reason.ALREADY_SIGNED: "This PDF carries a digital signature already, which another one could break. "
    "Upload the document without it.",
    Reason.ACTIVE_CONTENT: "This PDF contains scripts, attached files or other active content. "
    "Print it to a new PDF and upload that.",
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

    data: bytes
    sha256: str
    pages: int
    upload_sha256: str


DEFAULT_LIMITS = Limits()


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
        facts, repaired = confined(_examine, upload, limits, limits=cost)
    except Failed as error:
        raise Unfit(Reason.DAMAGED, limits) from error
    except GaveUp as error:
        raise Unfit(Reason.TOOK_TOO_LONG, limits) from error
    if "reason" in facts:
        raise Unfit(Reason(facts["reason"]), limits)
    upload_sha256 = hashlib.sha256(upload).hexdigest()
    data = repaired or upload
    sha256 = hashlib.sha256(repaired).hexdigest() if repaired else upload_sha256
    return Inspected(data, sha256, int(facts["pages"]), upload_sha256)


# -- in the confined process


def _examine(upload: bytes, limits: Limits) -> tuple[Facts, bytes]:
    """The number of pages and repaired bytes, if any; or the reason why not."""
    try:
        with apply_configuration(READING):
            try:
                return {"pages": _fit(upload, limits)}, b""
            except (CannotUpdate, CannotStamp, *UNREADABLE):
                repaired = _repaired(upload, limits)
            return {"pages": _fit(repaired, limits)}, repaired
    except Unfit as unfit:
        return {"reason": unfit.reason}, b""
    except CannotStamp:
        return {"reason": Reason.CANNOT_BE_STAMPED}, b""
    except (CannotUpdate, *UNREADABLE):
        return {"reason": Reason.DAMAGED}, b""
    except MemoryError:
        return {"reason": Reason.TOOK_TOO_LONG}, b""


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


def _repaired(upload: bytes, limits: Limits) -> bytes:
    """Rewritten by pypdf, if that shows the same; its first, middle and last page are compared."""
    try:
        reader = PdfReader(io.BytesIO(upload), strict=False)
    except NotImplementedError as error:  # protected in a way that pypdf does not know
        raise Unfit(Reason.ENCRYPTED, limits) from error
    if reader.is_encrypted:
        raise Unfit(Reason.ENCRYPTED, limits)
    _check_objects(reader, limits)
    writer = PdfWriter(clone_from=reader)
    tree = writer.root_object["/Pages"]
    if isinstance(tree, DictionaryObject):  # pypdf has made it flat, but believes what it says of itself
        tree[name("/Count")] = NumberObject(len(entries_of(tree.raw_get("/Kids"))))
    made = io.BytesIO()
    writer.write(made)
    repaired = made.getvalue()
    try:
        pages = page_count(repaired)
        same = _ends_after(upload, pages) and not any(
            differs(view(upload, page), view(repaired, page)) for page in {0, pages // 2, pages - 1} if pages
        )
    except Unviewable:
        same = False
    if not same:
        raise Unfit(Reason.DAMAGED, limits)
    return repaired


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
    """Stamp and seal for trial: does the stamp show, and the rest of the page stay? Raises `CannotStamp`."""
    draft = Draft.of(data, _trial(), _trial_seal())
    stamped = draft.sealed().data
    if _count_pages(Update(stamped).root, Limits(pages=pages + 10)) != draft.pages:
        return False
    try:
        before, after = view(data, pages - 1), view(stamped, pages - 1)
    except Unviewable:
        return False
    part, page = draft.placement.seen, draft.page
    shares = Rectangle(
        part.left / page.seen_width,
        part.bottom / page.seen_height,
        part.right / page.seen_width,
        part.top / page.seen_height,
    )
    return differs_only_within(before, after, shares)


def rehearse() -> None:
    """Once through everything with a page of our own, so that no confined process has to load it anew."""
    blank = io.BytesIO()
    canvas = Canvas(blank)
    canvas.showPage()
    canvas.save()
    facts, _ = _examine(blank.getvalue(), DEFAULT_LIMITS)
    assert facts == {"pages": 1}, facts


@functools.cache
def _trial_seal() -> Seal:
    return Seal.load(*make_demo_seal("Trial"))


def _trial() -> Certificate:
    at = datetime(2000, 1, 1, tzinfo=UTC)
    mark = TypedName("Trial Signature")
    signer = Signer(mark.name, "self", "trial", at, "UTC", "typed", mark, "::1")
    return Certificate("trial", "0" * 64, "trial", "0" * 64, (signer,))
