"""What is asked of a time-stamp authority, and whether its answer is one (RFC 3161)."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from asn1crypto import algos, tsp
from asn1crypto import x509 as asn1_x509
from asn1crypto.cms import ContentInfo, SignedData
from asn1crypto.core import Sequence
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation.generic_cms import get_signing_cert_attr, validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from pdf.cms import DAMAGED, in_der, name_of

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far an authority's clock may be from ours; the nonce shows that its answer is fresh."""

MOST_TOKEN = 16_384
"""Bytes of a token; those of public authorities have 3,000 to 9,000, with their certificates."""

GRANTED = frozenset({"granted", "granted_with_mods"})
"""PKIStatus of an answer that carries a token (RFC 3161 2.4.2)."""


class _Answer(Sequence):  # type: ignore[misc]
    """TimeStampResp; asn1crypto's own expects a token also from an authority that gives none."""

    _fields: ClassVar = [("status", tsp.PKIStatusInfo), ("time_stamp_token", ContentInfo, {"optional": True})]


class NotATimeStamp(Exception):
    """The answer is no time stamp of what was asked; `str()` says why, for an operator."""


@dataclass(frozen=True)
class Token:
    """A time stamp that was checked."""

    der: bytes = field(repr=False)
    """The CMS."""

    at: datetime
    """By the authority's clock."""

    authority: str
    """As its certificate names it."""

    certificate: bytes
    others: tuple[bytes, ...]
    """DER: that of the authority, and what else it has sent."""


@dataclass(frozen=True)
class Query:
    """A question for a time stamp of a SHA-256 digest."""

    digest: bytes
    nonce: int

    @classmethod
    def of(cls, digest: bytes) -> "Query":
        return cls(digest, secrets.randbits(63))

    @property
    def der(self) -> bytes:
        imprint = tsp.MessageImprint(
            {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": self.digest}
        )
        asked = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": self.nonce, "cert_req": True})
        return bytes(asked.dump())

    def token_in(self, reply: bytes, trusted: list[bytes]) -> Token:
        """What an authority has answered, checked. Without `trusted` certificates (DER) it may be any authority's.

        Raises `NotATimeStamp`. Blocks.
        """
        try:
            return self._checked(reply, trusted)
        except DAMAGED as error:
            raise NotATimeStamp(f"its answer cannot be read ({type(error).__name__})") from error

    def _checked(self, reply: bytes, trusted: list[bytes]) -> Token:
        answer = _Answer.load(reply, strict=True)
        status = answer["status"]["status"].native
        if status not in GRANTED:
            raise NotATimeStamp(f"it has refused ({status})")
        der = in_der(answer["time_stamp_token"].dump())
        if len(der) > MOST_TOKEN:
            raise NotATimeStamp(f"its time stamp has more than {MOST_TOKEN} bytes")
        signed = ContentInfo.load(der, strict=True)["content"]
        told = signed["encap_content_info"]["content"].parsed
        if told["nonce"].native != self.nonce:
            raise NotATimeStamp("its answer is to another question")
        at = told["gen_time"].native
        if abs(at - datetime.now(UTC)) > CLOCKS_DIFFER:
            raise NotATimeStamp("its clock and ours are more than five minutes apart")
        sent = extract_certificate_info(signed)
        check_form(signed, sent.signer_cert)
        found = _examined(signed, self.digest, trusted)
        if not (found.intact and found.valid):
            raise NotATimeStamp("its time stamp is of something else, or its signature is not valid")
        if trusted and not found.trusted:
            raise NotATimeStamp("its certificate does not lead to one that is trusted for time stamps")
        others = tuple(one.dump() for one in sent.other_certs)
        return Token(der, at, name_of(sent.signer_cert), sent.signer_cert.dump(), others)


def _examined(signed: SignedData, digest: bytes, trusted: list[bytes]) -> TimestampSignatureStatus:
    """Whether it is of this SHA-256 digest, and its signature that of an authority, now."""
    roots = [asn1_x509.Certificate.load(der) for der in trusted]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")

    def imprint(algorithm: str) -> bytes:
        if algorithm != "sha256":
            raise ValueError(f"a time stamp over {algorithm}")
        return digest

    return TimestampSignatureStatus(**asyncio.run(validate_tst_signed_data(signed, context, imprint)))


def check_form(signed: SignedData, certificate: asn1_x509.Certificate) -> None:
    """RFC 3161 2.3: the key is for time stamps alone; 2.4.2: one signature, which names its certificate.

    Raises ValueError.
    """
    signers = signed["signer_infos"]
    if len(signers) != 1 or get_signing_cert_attr(signers[0]["signed_attrs"]) is None:
        raise ValueError("a time stamp has one signature, which names its certificate")
    purposes = x509.load_der_x509_certificate(certificate.dump()).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    if not purposes.critical or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("the certificate is not one for time stamps alone")
