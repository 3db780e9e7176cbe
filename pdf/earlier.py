"""Signatures that a document carries already, and whether a change leaves them as good as they were.

pyHanko judges, before and after: ISO 32000-2 says what a later revision may do to a signed one (12.8.2.2, 12.8.2.4),
and leaves to validators how to tell.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pypdf.generic import DictionaryObject, IndirectObject

from pdf.cms import DAMAGED
from pdf.update import Update, dictionary_at, entries_of, resolved


def carries_signatures(update: Update) -> bool:
    """Whether a field of its form has been signed."""
    waiting = entries_of(dictionary_at(update.root, "/AcroForm").get("/Fields"))
    seen: set[tuple[int, int]] = set()
    while waiting:
        reference = waiting.pop()
        if isinstance(reference, IndirectObject):
            number = reference.idnum, reference.generation
            if number in seen:  # a form that is no tree would have more ways through it than anybody can go
                continue
            seen.add(number)
        field = resolved(reference)
        if not isinstance(field, DictionaryObject):
            continue
        value = resolved(field.raw_get("/V")) if "/V" in field else None
        if isinstance(value, DictionaryObject) and "/ByteRange" in value:
            return True
        if "/Kids" in field:
            waiting += entries_of(field.raw_get("/Kids"))
    return False


def is_certified(update: Update) -> bool:
    """Whoever certified it forbids new fields, if not everything (ISO 32000-2 table 257)."""
    return "/DocMDP" in dictionary_at(update.root, "/Perms")


class Integrity(StrEnum):
    INTACT = "intact"
    BROKEN = "broken"
    """What it covers is not what was signed. Nothing makes that worse, and it forbids nothing any more."""

    IN_DOUBT = "in doubt"


@dataclass(frozen=True)
class Judgement:
    """What a validator finds of a signature, but for trust, which nothing in the file changes."""

    field_name: str
    integrity: Integrity
    certifies: bool = False
    besides: tuple[str, ...] = ()


Judgements = Counter[Judgement]


def judged(document: bytes) -> Judgements:
    """May raise `DAMAGED`."""
    return Counter(_judged(document))


def are_kept(before: bytes, after: bytes) -> bool:
    """Every signature of `before` is in `after`, and a validator finds the same. May raise `DAMAGED`."""
    return not judged(before) - judged(after)


def certification_holds(found: Judgements) -> bool:
    """In doubt it does."""
    certifications = [each.integrity for each in found if each.certifies]
    return set(certifications) != {Integrity.BROKEN}


def _judged(document: bytes) -> Iterator[Judgement]:
    reader = PdfFileReader(io.BytesIO(document), strict=False)
    for field_name, _, field in enumerate_sig_fields(reader, filled_status=True):
        try:
            yield _judgement(EmbeddedPdfSignature(reader, field, field_name))
        except DAMAGED as error:
            yield Judgement(field_name, Integrity.IN_DOUBT, besides=(type(error).__name__,))


def _judgement(signature: EmbeddedPdfSignature) -> Judgement:
    nobody = ValidationContext(trust_roots=[], allow_fetching=False)
    is_timestamp = signature.sig_object_type == "/DocTimeStamp"
    status = (validate_pdf_timestamp if is_timestamp else validate_pdf_signature)(signature, nobody)
    level = status.modification_level
    certifies = signature.docmdp_level is not None
    if not status.intact:
        return Judgement(signature.field_name, Integrity.BROKEN, certifies)
    besides = (
        "whole" if status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION else "in part",
        "permitted" if level is not None and level <= ModificationLevel.FORM_FILLING else "changed",
        str(status.docmdp_ok),
    )
    return Judgement(signature.field_name, Integrity.INTACT if status.valid else Integrity.IN_DOUBT, certifies, besides)
