"""What happens to a PDF once, at upload: it is inspected, normalised if need be, and stamped for trial.

Everything that parses runs in a confined process (`pdf.confine`). What is accepted here can be stamped (SPEC D5).
"""

import hashlib
import io
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pypdf import PdfReader, PdfWriter, apply_configuration
from pypdf.generic import BooleanObject, DictionaryObject, NumberObject

from pdf import confine, trial
from pdf.active import Finding, TooManyObjects, findings
from pdf.cms import DAMAGED
from pdf.confine import Facts, Failed, GaveUp, confined
from pdf.earlier import Integrity, certification_holds, is_certified, judged
from pdf.likeness import Unviewable, differs, page_count, view, views
from pdf.page import count_pages, last_geometry
from pdf.plan import UNPLANNED, Plan, Way
from pdf.sanitise import UNWRITABLE, Change, OnlyDynamic, OnlyFiles, Protected, pages_only, sanitised, without_loops
from pdf.stamp import CannotStamp
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
    SIGNING_FORBIDDEN = "signing_forbidden"
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
    Reason.ALREADY_SIGNED: "This PDF carries a digital signature, and has to be repaired or cleaned of active "
    "content, which would break it. Upload the document without the signature.",
    Reason.SIGNING_FORBIDDEN: "This PDF carries a digital signature that forbids another one, or would not stay valid "
    "with it. Upload the document without the signature.",
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
        self.named = {"megabytes": limits.bytes // 1_000_000, "pages": limits.pages}
        self.message = MESSAGES[reason].format(**self.named)
        super().__init__(self.message)


class Note(StrEnum):
    """How the signature of a file will look, where that is not the usual way, for the person who uploaded it."""

    SIGNED_BEFORE = (
        "The file carries a digital signature already, which will stay valid. So nothing but a signature field will "
        "be added, on the last page: it shows the signature with name, time and all evidence; no certificate page "
        "follows."
    )
    BROKEN_BEFORE = (
        "The file carries a digital signature that does not hold: what it signed was changed, or the signature itself "
        "is damaged. It stays as it is, and nothing but a signature field will be added, on the last page: it shows "
        "the new signature with name, time and all evidence; no certificate page follows."
    )
    ON_CERTIFICATE = "The last page cannot show a signature. The certificate page that will be added shows it instead."
    IN_FIELD = "No page can be added to this file. A field on the last page will show the signature with all evidence."


@dataclass(frozen=True)
class Inspected:
    """Bytes that are fit to be shared and signed. They are the upload's, unless it had to be repaired."""

    data: bytes = field(repr=False)
    sha256: str
    pages: int
    upload_sha256: str
    changes: tuple[str, ...] = ()
    """What was done to the upload: sentences for the person who uploaded it."""

    plan: Plan = UNPLANNED
    """For `stamp`, to be kept with the bytes."""

    notes: tuple[Note, ...] = ()
    """How the signature will look, if not as usual."""


DEFAULT_LIMITS = Limits()

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
    plan = Plan.from_json(facts["plan"])
    return Inspected(data, sha256, int(facts["pages"]), upload_sha256, tuple(facts["changes"]), plan, _notes(facts))


def _notes(facts: Facts) -> tuple[Note, ...]:
    if facts["note"]:
        return (Note(facts["note"]),)
    of_ways = {Way.CERTIFICATE: Note.ON_CERTIFICATE, Way.WIDGET: Note.IN_FIELD}
    return tuple(note for way, note in of_ways.items() if way is Plan.from_json(facts["plan"]).way)


# -- in the confined process


@dataclass(frozen=True)
class Fit:
    """What can be signed, and how."""

    pages: int
    plan: Plan
    note: Note | None = None
    """Of signatures that others have made."""

    def facts(self, changes: list[str]) -> Facts:
        return {"pages": self.pages, "note": self.note, "plan": self.plan.to_json(), "changes": changes}


def _examine(upload: bytes, limits: Limits) -> tuple[Facts, bytes]:
    """What was found, and the bytes where they are others than the upload's; or the reason why not."""
    try:
        with apply_configuration(READING):
            return _accepted(upload, limits)
    except Unfit as unfit:
        return {"reason": unfit.reason}, b""
    except MemoryError:
        return {"reason": Reason.TOOK_TOO_LONG}, b""


def _accepted(upload: bytes, limits: Limits) -> tuple[Facts, bytes]:
    """A mark on the page is worth writing the file anew; only where that does not help, it goes elsewhere."""
    try:
        return _accepted_by(upload, limits, (Way.PAGE,))
    except Unfit as unfit:
        if unfit.reason is not Reason.CANNOT_BE_STAMPED:
            raise
    return _accepted_by(upload, limits, (Way.CERTIFICATE, Way.WIDGET))


def _accepted_by(upload: bytes, limits: Limits, ways: tuple[Way, ...]) -> tuple[Facts, bytes]:
    fit, why_not = _as_it_is(upload, limits, ways)
    if fit and (fit.note or not _asks_readers_to_draw(upload)):
        return fit.facts([]), b""
    try:
        return _normalised(upload, limits, ways, (True,) if fit else (True, False))
    except Unfit as unfit:
        if fit:
            return fit.facts([]), b""
        if unfit.reason in {Reason.DAMAGED, Reason.ALREADY_SIGNED} and why_not is Reason.CANNOT_BE_STAMPED:
            raise Unfit(why_not, limits) from unfit  # it is neither damaged nor unclean
        raise


def _as_it_is(upload: bytes, limits: Limits, ways: tuple[Way, ...]) -> tuple[Fit | None, Reason | None]:
    """Nothing has to be done to it; or why something has. Raises `Unfit` where nothing can be done."""
    try:
        return _fit(upload, limits, ways), None
    except Unfit as unfit:
        if unfit.reason not in CURABLE:
            raise
        return None, unfit.reason
    except (CannotUpdate, CannotStamp, *UNREADABLE):
        return None, None


def _asks_readers_to_draw(upload: bytes) -> bool:
    """What a form's fields hold: some readers do not, some then call a sealed file changed."""
    root = Update(upload).root
    form = resolved(root.raw_get("/AcroForm")) if "/AcroForm" in root else None
    return isinstance(form, DictionaryObject) and form.get("/NeedAppearances") == BooleanObject(True)


def _normalised(upload: bytes, limits: Limits, ways: tuple[Way, ...], drawing: tuple[bool, ...]) -> tuple[Facts, bytes]:
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
                fit = _fit(made, limits, ways, anew=True)
                if _shows_the_same(upload, made, fit.pages):
                    return fit.facts(_told(upload, changes)), made
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


def _fit(data: bytes, limits: Limits, ways: tuple[Way, ...], *, anew: bool = False) -> Fit:
    """Of a file that opens strictly. Raises `Unfit`; and where a repair may help, the others.

    One that was written anew holds no valid signature any more: what looks like one was one.
    """
    update = Update(data)
    _check_objects(update.reader, limits)
    pages = count_pages(update.root, limits.pages)
    if not pages:
        raise Unfit(Reason.NO_PAGES, limits)
    if pages > limits.pages:
        raise Unfit(Reason.TOO_MANY_PAGES, limits)
    try:
        found = findings(update.reader, limits.objects)
    except TooManyObjects as error:
        raise Unfit(Reason.TOO_MANY_OBJECTS, limits) from error
    signed = Finding.SIGNED in found
    if signed and (anew or found != {Finding.SIGNED}):
        raise Unfit(Reason.ALREADY_SIGNED, limits)
    if Finding.AMBIGUOUS in found:
        raise CannotUpdate("it refers to a deleted object")
    if Finding.ACTIVE in found:
        raise Unfit(Reason.ACTIVE_CONTENT, limits)
    if signed:
        return _beside_others(data, update, pages, limits)
    for way in ways:
        if plan := trial.plan(data, pages, last_geometry(update), way):
            return Fit(pages, plan)
    raise Unfit(Reason.CANNOT_BE_STAMPED, limits)


def _beside_others(data: bytes, update: Update, pages: int, limits: Limits) -> Fit:
    """A field in a file that others have signed, whose signatures may not be worse for it."""
    try:
        were = judged(data)
    except DAMAGED as error:
        raise Unfit(Reason.SIGNING_FORBIDDEN, limits) from error
    if is_certified(update) and certification_holds(were):
        raise Unfit(Reason.SIGNING_FORBIDDEN, limits)
    try:
        plan = trial.plan(data, pages, last_geometry(update), Way.WIDGET)
    except CannotStamp as error:  # no repair may help
        raise Unfit(Reason.SIGNING_FORBIDDEN, limits) from error
    if not plan:
        raise Unfit(Reason.CANNOT_BE_STAMPED, limits)
    for kept in (plan, replace(plan, metadata=False)):
        if trial.keeps_signatures(data, were, kept):
            hold = all(each.integrity is Integrity.INTACT for each in were)
            return Fit(pages, kept, Note.SIGNED_BEFORE if hold else Note.BROKEN_BEFORE)
    raise Unfit(Reason.SIGNING_FORBIDDEN, limits)


def _check_objects(reader: PdfReader, limits: Limits) -> None:
    if sum(map(len, reader.xref.values())) + len(reader.xref_objStm) > limits.objects:
        raise Unfit(Reason.TOO_MANY_OBJECTS, limits)


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
        some = sorted({0, pages // 2, pages - 2, pages - 1} & set(range(pages)))
        (said, before), (_, after) = views(upload, some), views(made, some)
    except Unviewable:
        return False
    return _ends_after(upload, said, pages) and not any(map(differs, before, after))


def _ends_after(document: bytes, said: int, pages: int) -> bool:
    """Whether it shows so many pages and no more, whatever it says that it has."""
    if said <= pages:
        return said == pages
    try:
        view(document, pages)
    except Unviewable:
        return True
    return False


def rehearse() -> None:
    """Once through everything with a page of our own, so that no confined process has to load it anew."""
    trial.rehearse()
    for document in (trial.blank(), trial.blank() + b"damage"):
        facts, _ = _examine(document, DEFAULT_LIMITS)
        assert facts["pages"] == 1, facts
