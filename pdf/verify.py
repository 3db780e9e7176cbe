"""Whether a file is one that we sealed, unchanged (SPEC D4)."""

import hashlib
import io
import re
import zlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto.cms import ContentInfo
from asn1crypto.parser import peek
from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pypdf.generic import DictionaryObject

from pdf.confine import Facts, GaveUp, Limits, confined
from pdf.field import NO_CHANGES, PREFIX, Sealed
from pdf.reader import Joined, Reader
from pdf.seal import Seal
from pdf.update import SEPARATOR, UNREADABLE, entries_of, resolved

LIMITS = Limits(cpu_seconds=4, wall_seconds=10.0, memory=2**30)

DAMAGED = (
    PdfError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    zlib.error,
)
"""What pyHanko and the CMS parser under it raise on a damaged or foreign file; its own classes are ValueErrors."""


@dataclass(frozen=True)
class Verification:
    """What a file says about itself; `valid` is all of it together."""

    sealed: bool
    """There is a signature in a field of ours."""

    intact: bool = False
    """What the seal covers is what was sealed, and the seal itself was not touched."""

    trusted: bool = False
    """The seal's certificate leads to one of the trusted certificates."""

    covers_whole_file: bool = False
    """Nothing was put behind, or left out of, what the seal covers."""

    docmdp_ok: bool = False
    """No change that the certification forbids (ISO 32000-2 12.8.2.2)."""

    original_sha256: str | None = None
    """Of the file as it was before our revision was appended."""

    sealed_at: datetime | None = None
    """When the seal says it was made, by the service's clock."""

    @property
    def valid(self) -> bool:
        return self.sealed and self.intact and self.trusted and self.covers_whole_file and self.docmdp_ok


NOT_OURS = Verification(sealed=False)


def verify(data: bytes, trusted: bytes) -> Verification:
    """Verify a file from anywhere; `trusted` is PEM. Reads it in a confined process. Blocks."""
    try:
        facts, _ = confined(_examine, data, trusted, limits=LIMITS)
    except GaveUp:
        return NOT_OURS  # a file that cannot be read within the limits is none that we made
    at = facts.pop("sealed_at")
    return Verification(**facts, sealed_at=datetime.fromisoformat(at) if at else None)


def _examine(data: bytes, trusted: bytes) -> tuple[Facts, bytes]:
    found = verify_here(data, trusted)
    return {**asdict(found), "sealed_at": found.sealed_at.isoformat() if found.sealed_at else None}, b""


def verify_here(data: bytes, trusted: bytes) -> Verification:
    """Verify a file of our own making, in this process."""
    try:
        signature = _our_signature(PdfFileReader(io.BytesIO(data), strict=False))
    except DAMAGED:
        return NOT_OURS
    if signature is None:
        return NOT_OURS
    found = Verification(sealed=True)
    try:
        certificates = list(load_certs_from_pemder_data(trusted))
        status = _status(signature, certificates)
        return replace(
            found,
            intact=status.intact and status.valid and _untouched(data, signature, certificates),
            trusted=status.trusted,
            covers_whole_file=status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
            docmdp_ok=bool(status.docmdp_ok),
            original_sha256=hashlib.sha256(memoryview(data)[: _length_of_original(signature)]).hexdigest(),
            sealed_at=signature.self_reported_timestamp,
        )
    except DAMAGED:
        return found


class NotAsSealed(Exception):
    """What was written is not what it should be; `str()` says where, for an operator."""


def check_sealed(sealed: Sealed, seal: Seal, pages: int) -> None:
    """Read back what we have just written, and check all that `verify` checks. Raises `NotAsSealed`.

    The whole file is opened anew by pypdf, strictly, from its last line on: cross-reference sections, trailer,
    catalog, form, our field, its signature, the last page. What is trusted is only what cannot have changed: the
    original's bytes (not ours to write, and hashed when the seal was made), and pyHanko's judgement of the seal's
    pattern (`Seal.is_seal`). pyHanko's question whether a later revision is allowed answers itself, as the signature
    covers everything to the end of the file. That pyHanko can read such a document at all was found out at intake,
    where the trial went through all of `verify`. For a file from anywhere, this here does not suffice.
    """
    try:
        with_section = Reader(Joined(sealed.original, sealed.section))
        root: Any = with_section.trailer["/Root"]
        _check_signature(with_section, root, sealed, seal)
        count, last = with_section.count_and_last(root.raw_get("/Pages"))
        _require(count == pages, "the number of pages")
        _require(isinstance(last, DictionaryObject) and last.get("/Type") in {"/Page", "/Pages"}, "the last page")
    except (*UNREADABLE, AssertionError) as error:
        raise NotAsSealed(f"{type(error).__name__}: {error}") from error


def _require(what: object, otherwise: str) -> None:
    if not what:
        raise NotAsSealed(f"the sealed file is not as it should be: {otherwise}")


def _check_signature(reader: Reader, root: Any, sealed: Sealed, seal: Seal) -> None:
    base, section = len(sealed.original), sealed.section
    field: Any = resolved(entries_of(root["/AcroForm"].raw_get("/Fields"))[-1])
    _require((field["/FT"], field["/T"]) == ("/Sig", sealed.field_name), "our field is not the last of the form")
    reference = field.raw_get("/V")
    value, start, end = _signature_dictionary(reader, section, base, reference.idnum)
    if sealed.certifies:
        transform = value["/Reference"][0]
        certifies = transform["/TransformMethod"] == "/DocMDP" and transform["/TransformParams"]["/P"] == NO_CHANGES
        _require(certifies and root["/Perms"].raw_get("/DocMDP") == reference, "it is not certified")
    else:
        _require("/Reference" not in value, "it says more than that it was signed")
    byte_range = [0, base + start, base + end, len(section) - end]
    _require(list(value["/ByteRange"]) == byte_range, "the seal does not cover all of the file but itself")
    contents = bytes.fromhex(section[start + 1 : end - 1].decode())
    length = peek(contents)
    _require(not contents[length:].strip(b"\0"), "there is something behind the seal in its place")
    covered = sealed.hashed.copy()
    covered.update(section[:start])
    covered.update(section[end:])
    _require(seal.is_seal(contents[:length], covered.digest()), "the seal is not valid over what is in the file")


def _signature_dictionary(reader: Reader, section: bytes, base: int, number: int) -> tuple[Any, int, int]:
    """It, and where in the section its `/Contents` begins and ends: pypdf reads digit by digit, so it is cut out."""
    at = reader.xref[0][number] - base
    header = b"%d 0 obj\n" % number
    _require(at >= 0 and section.startswith(header, at), "the signature is not where it is said to be")
    start = section.index(b"<", section.index(b"/Contents", at))
    end = section.index(b">", start) + 1
    without = section[at + len(header) : start] + b"<>" + section[end : section.index(b"endobj", end)]
    value = DictionaryObject.read_from_stream(io.BytesIO(without), reader)
    _require(not value["/Contents"], "the seal's place is not that of its value")
    return value, start, end


def _our_signature(reader: PdfFileReader) -> EmbeddedPdfSignature | None:
    """The newest of ours. What others have signed is not looked at: it may be too damaged for that."""
    fields = enumerate_sig_fields(reader, filled_status=True)
    ours = [EmbeddedPdfSignature(reader, field, name) for name, _, field in fields if name.startswith(PREFIX)]
    return max(ours, key=lambda each: each.signed_revision, default=None)


def _status(signature: EmbeddedPdfSignature, trusted: list[Asn1Certificate]) -> PdfSignatureStatus:
    # revocation needs the network; it belongs to the long-term evidence that a time-stamp authority brings
    context = ValidationContext(trust_roots=trusted, allow_fetching=False, revocation_mode="soft-fail")
    return validate_pdf_signature(signature, context)


def _untouched(data: bytes, signature: EmbeddedPdfSignature, trusted: list[Asn1Certificate]) -> bool:
    """The gap that the seal leaves for itself holds nothing but the seal, as it was made.

    Neither a validator nor the signature itself looks at the padding of /Contents, at the copies of the issuers'
    certificates or at the frame of the CMS (RFC 5652 5.4); a change there is a change of the file all the same.
    """
    _, start, end, _ = (int(number) for number in signature.byte_range)
    gap = re.fullmatch(rb"<([0-9a-f]*)>", data[start:end])
    if not gap:
        return False
    contents = bytes.fromhex(gap[1].decode())
    cms, padding = contents[: peek(contents)], contents[peek(contents) :]
    if padding.strip(b"\0"):
        return False
    return _as_sealed(cms, signature.signer_cert.issuer.dump(), {certificate.dump() for certificate in trusted})


def _as_sealed(cms: bytes, issuer: bytes, trusted: set[bytes]) -> bool:
    """In the frame that a seal has, names to the letter, and only with certificates that somebody issued."""
    framed = ContentInfo.load(cms, strict=True)
    signed = framed["content"]
    signers, algorithms = signed["signer_infos"], signed["digest_algorithms"]
    embedded = {certificate.dump() for certificate in signed["certificates"]}
    known = [x509.load_der_x509_certificate(der) for der in embedded | trusted]
    return (
        signed["version"].native == "v1"
        and len(signers) == 1
        and signers[0]["version"].native == "v1"
        and signers[0]["sid"].chosen["issuer"].dump() == issuer
        and not signers[0]["unsigned_attrs"]
        and not signed["crls"]
        and [algorithm.dump() for algorithm in algorithms] == [signers[0]["digest_algorithm"].dump()]
        and all(any(_issued(each, by) for by in known) for each in map(x509.load_der_x509_certificate, embedded))
    )


def _issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _length_of_original(signature: EmbeddedPdfSignature) -> int:
    """What precedes the first object of the revision that holds the signature."""
    section = signature.reader.xrefs.get_xref_data(signature.signed_revision)
    return min(offset for _, offset in section.standard_xrefs.values()) - len(SEPARATOR)
