"""What follows a seal in its file: time stamps, and nothing that changes the document (ISO 32000-2 12.8.2.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from asn1crypto.cms import ContentInfo
from asn1crypto.parser import peek
from asn1crypto.x509 import Certificate
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DiffResult,
    DSSCompareRule,
    FormUpdatingRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    XrefStreamRule,
)
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from pdf.authority import check_form
from pdf.cms import are_as_issued, in_der, name_of
from pdf.timestamp import is_as_written


@dataclass(frozen=True)
class TimeStamp:
    """A document time stamp behind the seal (ISO 32000-2 12.8.5)."""

    at: datetime
    """By the clock of the authority."""

    authority: str
    """As its certificate names it."""

    intact: bool
    """It covers all that precedes it, as it was, and was not touched itself."""

    trusted: bool
    """The authority's certificate leads to one that is trusted for time stamps."""


Store = dict[str, list[bytes]]
"""What a file brings along to judge certificates by, in the words of `ValidationContext`."""


def store_of(reader: PdfFileReader) -> Store:
    """The document security store (ISO 32000-2 12.8.4.3)."""
    found: Store = {"other_certs": [], "ocsps": [], "crls": []}
    if "/DSS" in reader.root:
        store = reader.root["/DSS"]
        for key, word in {"/Certs": "other_certs", "/OCSPs": "ocsps", "/CRLs": "crls"}.items():
            found[word] += [one.get_object().data for one in store[key]] if key in store else []
    return found


@dataclass(frozen=True)
class Trust:
    """Whom one trusts (DER), by which evidence, and when: at `moment`, or now."""

    roots: list[bytes]
    store: Store = field(repr=False)
    moment: datetime | None = None

    def context(self, *, needs_evidence: bool = False) -> ValidationContext:
        """Nobody is asked. Evidence that a certificate was revoked counts; that it was not is missed only if needed."""
        return ValidationContext(
            trust_roots=[Certificate.load(der) for der in self.roots],
            other_certs=[Certificate.load(der) for der in self.store["other_certs"]],
            ocsps=self.store["ocsps"],
            crls=self.store["crls"],
            moment=self.moment,
            allow_fetching=False,
            revocation_mode="require" if needs_evidence else "soft-fail",
        )


def examined(data: bytes, stamp: EmbeddedPdfSignature, trust: Trust) -> TimeStamp:
    """Raises what pyHanko raises, also where it is no time stamp but a signature."""
    status = validate_pdf_timestamp(stamp, trust.context(), skip_diff=True)
    whole = stamp.evaluate_signature_coverage() >= SignatureCoverageLevel.ENTIRE_REVISION
    intact = status.intact and status.valid and whole and _untouched(data, stamp, trust)
    return TimeStamp(status.timestamp, name_of(status.signing_cert), intact, intact and status.trusted)


def is_long_term(
    seal: EmbeddedPdfSignature, roots: list[bytes], stamps: Sequence[EmbeddedPdfSignature], trust: Trust
) -> bool:
    """Whether the file alone shows that no certificate was revoked when the time was stamped (EN 319 142-1, B-LT)."""
    if not stamps or not (trust.store["ocsps"] or trust.store["crls"]):
        return False
    first = stamps[0]
    then = replace(trust, moment=validate_pdf_timestamp(first, trust.context(), skip_diff=True).timestamp)
    for_seal = replace(then, roots=roots).context(needs_evidence=True)
    return (
        validate_pdf_timestamp(first, then.context(needs_evidence=True), skip_diff=True).trusted
        and validate_pdf_signature(seal, for_seal, skip_diff=True).trusted
    )


def only_time_stamps(data: bytes, seal: EmbeddedPdfSignature, stamps: Sequence[EmbeddedPdfSignature]) -> bool:
    """Whether what is behind the seal changes nothing; it is known that the last stamp covers all of the file.

    Where it is as we write it, that is seen at once; else pyHanko reads all of the document, which takes seconds for
    thousands of pages.
    """
    if not stamps:
        return True
    if seal.evaluate_signature_coverage() != SignatureCoverageLevel.ENTIRE_REVISION:
        return False
    _, _, start, length = (int(number) for number in seal.byte_range)
    end = start + length
    return (len(stamps) == 1 and is_as_written(data[:end], data[end:])) or _nothing_else(seal)


def _nothing_else(seal: Any) -> bool:
    seal.compute_integrity_info(diff_policy=_policy())
    found = seal.diff_result
    return isinstance(found, DiffResult) and found.modification_level <= ModificationLevel.LTA_UPDATES


def _policy() -> StandardDiffPolicy:
    """pyHanko's for time stamps and their evidence, without what it lets pass besides.

    That is in title, author and other metadata, and in how a form has readers draw its fields: whoever says that draws.
    """
    of_catalog: Any = CatalogModificationRule
    of_fields: Any = SigFieldCreationRule
    rules = [XrefStreamRule(), ObjectStreamRule(), DSSCompareRule()]
    return StandardDiffPolicy(
        global_rules=[
            of_catalog(ignored_keys=frozenset({"/AcroForm", "/DSS", "/Extensions", "/Version"})),
            *(rule.as_qualified(ModificationLevel.LTA_UPDATES) for rule in rules),
        ],
        form_rule=FormUpdatingRule(
            field_rules=[of_fields(), SigFieldModificationRule()], ignored_acroform_keys={"/Fields"}
        ),
    )


def _untouched(data: bytes, stamp: EmbeddedPdfSignature, trust: Trust) -> bool:
    """Nothing is in the time stamp's gap but a time stamp, in a form that leaves no choice; see `verify._untouched`.

    What cannot be told offline is a change to a certificate whose issuer is neither in the file nor trusted.
    """
    token = value_in_gap(data, stamp, rb"<([0-9a-f]*|[0-9A-F]*)>")
    if token is None or token != in_der(token):
        return False
    signed = ContentInfo.load(token, strict=True)["content"]
    check_form(signed, stamp.signer_cert)
    sent = {one.dump() for one in signed["certificates"]}
    return are_as_issued(sent, {*trust.roots, *trust.store["other_certs"]})


def value_in_gap(data: bytes, signature: EmbeddedPdfSignature, digits: bytes) -> bytes | None:
    """What is in the gap that a signature leaves for itself; None where there is something behind it."""
    _, start, end, _ = (int(number) for number in signature.byte_range)
    gap = re.fullmatch(digits, data[start:end])
    if not gap:
        return None
    contents = bytes.fromhex(gap[1].decode())
    length = peek(contents)
    return None if contents[length:].strip(b"\0") else contents[:length]
