"""What shows, later and offline, that certificates were good when a file was time-stamped (ETSI EN 319 142-1 5.4.2).

This module says which servers to ask, and judges their answers; asking is not its business.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain as joined
from itertools import pairwise
from typing import Any

from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from pdf.cms import der_of, is_issued

LONGEST_CHAIN = 6


@dataclass(frozen=True)
class Evidence:
    """DER of each."""

    certificates: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()


NONE = Evidence()


@dataclass(frozen=True)
class Question:
    """To a server that a certificate names: whether it was revoked. With a body it is posted (RFC 6960 A.1)."""

    url: str
    body: bytes | None = field(default=None, repr=False)

    @property
    def is_ocsp(self) -> bool:
        return self.body is not None


Chain = tuple[x509.Certificate, ...]
"""From the certificate that signs to the one that is trusted."""


def chain_of(certificate: bytes, others: Sequence[bytes], trusted: Sequence[bytes]) -> Chain:
    """DER of each; nothing where the certificate does not lead to a trusted one."""
    known = [x509.load_der_x509_certificate(der) for der in (*trusted, *others)]
    roots, found = set(trusted), [x509.load_der_x509_certificate(certificate)]
    while der_of(found[-1]) not in roots:
        issuer = next((one for one in known if is_issued(found[-1], one)), None)
        if issuer is None or len(found) == LONGEST_CHAIN:
            return ()
        found.append(issuer)
    return tuple(found)


def revocation_questions(chain: Chain) -> list[list[Question]]:
    """For each certificate but the trusted one, whom to ask, the best first; the first good answer will do."""
    return [[*_responders(certificate, issuer), *_lists(certificate)] for certificate, issuer in pairwise(chain)]


def _responders(certificate: x509.Certificate, issuer: x509.Certificate) -> list[Question]:
    # SHA-1 names the certificate, it protects nothing (RFC 5019 2.1.1)
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    places = [one.access_location.value for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
    return [Question(url, request.public_bytes(serialization.Encoding.DER)) for url in places if _is_http(url)]


def _lists(certificate: x509.Certificate) -> list[Question]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    names = joined.from_iterable(point.full_name or () for point in points)
    return [Question(one.value) for one in names if _is_http(one.value)]


def _is_http(url: object) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))


def evidence_from(chains: Sequence[Chain], answers: Sequence[tuple[Question, bytes]]) -> Evidence | None:
    """The answers as evidence, if they show each certificate of each chain to be good now; else None. Blocks."""
    ocsps = [der for question, der in answers if question.is_ocsp]
    crls = [der for question, der in answers if not question.is_ocsp]
    try:
        for chain in chains:
            leaf, *others, root = [Asn1Certificate.load(der_of(one)) for one in chain]
            context = ValidationContext(
                trust_roots=[root], other_certs=others, ocsps=ocsps, crls=crls, revocation_mode="require"
            )
            validator: Any = CertificateValidator(leaf, validation_context=context)
            asyncio.run(validator.async_validate_usage(set()))
    except (ValidationError, ValueError):
        return None
    certificates = dict.fromkeys(der_of(one) for one in joined.from_iterable(chains))
    return Evidence(tuple(certificates), tuple(dict.fromkeys(ocsps)), tuple(dict.fromkeys(crls)))
