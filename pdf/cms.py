"""Signatures and certificates as CMS carries them (RFC 5652, RFC 5280)."""

import zlib
from collections.abc import Iterable

from asn1crypto.cms import ContentInfo, SignerInfo
from asn1crypto.core import Asn1Value
from asn1crypto.parser import emit
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import extract_certificate_info

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
    AssertionError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    zlib.error,
)
"""What pyHanko and the CMS parser under it raise on damaged or foreign bytes; their own classes are ValueErrors."""


def certificates_in(content: bytes) -> list[bytes]:
    """DER of each certificate in a PEM file; nothing in nothing. Raises ValueError where it holds something else."""
    found = x509.load_pem_x509_certificates(content) if content else []
    return [der_of(one) for one in found]


def is_issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def name_of(certificate: Certificate) -> str:
    """Whose it is, in one name."""
    subject = certificate.subject.native
    return str(subject.get("common_name") or subject.get("organization_name") or certificate.subject.human_friendly)


CONSTRUCTED, SEQUENCE, SET, OCTETS = 1, 16, 17, 4
UNIVERSAL, CONTEXT = 0, 2


def sequence(*parts: bytes) -> bytes:
    return bytes(emit(UNIVERSAL, CONSTRUCTED, SEQUENCE, b"".join(parts)))


def set_of(one: bytes) -> bytes:
    return bytes(emit(UNIVERSAL, CONSTRUCTED, SET, one))


def octets(content: bytes) -> bytes:
    return bytes(emit(UNIVERSAL, 0, OCTETS, content))


def tagged(number: int, *parts: bytes) -> bytes:
    return bytes(emit(CONTEXT, CONSTRUCTED, number, b"".join(parts)))


def in_der(cms: bytes) -> bytes:
    """A CMS of one signature, put together anew from its parts in the one way that DER has for it (RFC 5652 5).

    No signature covers the frame, parsers take more than one for the same, and some authorities write BER.
    """
    framed = ContentInfo.load(cms)
    signed = framed["content"]
    signer = signed["signer_infos"][0]
    digest_algorithm = _canonical(signer["digest_algorithm"])
    encapsulated = signed["encap_content_info"]
    content = octets(bytes(encapsulated["content"])) if encapsulated["content"] else b""
    signature = sequence(
        *_identifier(signer, extract_certificate_info(signed).signer_cert),
        digest_algorithm,
        tagged(0, signer["signed_attrs"].contents),
        _canonical(signer["signature_algorithm"]),
        octets(signer["signature"].native),
        signer["unsigned_attrs"].dump(),
    )
    data = sequence(
        _canonical(signed["version"]),
        set_of(digest_algorithm),
        sequence(encapsulated["content_type"].dump(), tagged(0, content) if content else b""),
        tagged(0, *sorted(one.dump() for one in signed["certificates"])),
        signed["crls"].dump(),
        set_of(signature),
    )
    return sequence(framed["content_type"].dump(), tagged(0, data))


def _canonical(part: Asn1Value) -> bytes:
    return bytes(part.copy().dump(force=True))


def _identifier(signer: SignerInfo, certificate: Certificate) -> tuple[bytes, bytes]:
    """The version that goes with it, and how the signature names its certificate (RFC 5652 5.3)."""
    if signer["sid"].name == "issuer_and_serial_number":
        number = certificate["tbs_certificate"]["serial_number"].dump()
        return b"\x02\x01\x01", sequence(certificate.issuer.dump(), number)
    return b"\x02\x01\x03", bytes(emit(CONTEXT, 0, 0, signer["sid"].native))


def are_as_issued(certificates: Iterable[bytes], known: Iterable[bytes]) -> bool:
    """Whether no certificate (DER) says something else than its issuer has signed, where the issuer is known too."""
    issuers = [x509.load_der_x509_certificate(der) for der in {*certificates, *known}]
    for one in map(x509.load_der_x509_certificate, certificates):
        named = [issuer for issuer in issuers if issuer.subject == one.issuer]
        if named and not any(is_issued(one, issuer) for issuer in named):
            return False
    return True
