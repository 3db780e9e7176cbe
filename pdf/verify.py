"""Whether a file is one that we sealed, unchanged (SPEC D4)."""

import hashlib
import io
import re
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from asn1crypto.cms import ContentInfo
from asn1crypto.parser import peek
from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from pdf.confine import Facts, GaveUp, Limits, confined
from pdf.field import PREFIX
from pdf.update import SEPARATOR

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
        signature = _our_signature(PdfFileReader(io.BytesIO(data), strict=False).embedded_signatures)
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
            original_sha256=hashlib.sha256(data[: _length_of_original(signature)]).hexdigest(),
            sealed_at=signature.self_reported_timestamp,
        )
    except DAMAGED:
        return found


def _our_signature(signatures: Iterable[EmbeddedPdfSignature]) -> EmbeddedPdfSignature | None:
    return next((each for each in signatures if each.field_name.startswith(PREFIX)), None)


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
