"""The service's digital signature: a key that is loaded once, and the CMS it makes (PAdES, ETSI EN 319 142-1)."""

import asyncio
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asn1crypto import x509 as asn1_x509
from asn1crypto.cms import ContentInfo
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.validation import async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pdf.cms import certificates_in, der_of, octets, sequence, set_of, tagged
from pdf.key import FileKey, KeyUnavailable, SealKey, UnusableSeal

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336: this certificate is for signing documents."""

DEMO_YEARS = 5

_SAMPLE = b"what the pattern of a seal is made over"


class _PatternSigner(Signer):
    """pyHanko's way to a CMS, over a key that may be elsewhere."""

    def __init__(self, key: SealKey, certificates: list[asn1_x509.Certificate]) -> None:
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(certificates[1:])
        super().__init__(signing_cert=certificates[0], cert_registry=registry)
        self._key = key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if digest_algorithm != "sha256":
            raise UnusableSeal(f"the seal signs SHA-256, not {digest_algorithm}")
        return self._key.sign(hashlib.sha256(data).digest())


@dataclass(frozen=True)
class _Pattern:
    """A CMS that pyHanko made, cut open where the next one differs: at the digest and at the signature (RFC 5652 5.3).

    Making one anew takes pyHanko some 10 ms, of which the signature itself is a hundredth.
    """

    content_type: bytes
    before_signers: bytes
    """Of SignedData: version, algorithms, what is signed, certificates."""

    before_attributes: bytes
    """Of SignerInfo: version, issuer and serial number, digest algorithm."""

    attributes: tuple[bytes, bytes]
    """The signed attributes, as a SET, around the digest."""

    algorithm: bytes

    @classmethod
    def of(cls, cms: bytes, digest: bytes) -> "_Pattern":
        """Raises ValueError for a CMS that has something else behind its signature, or another frame."""
        framed = ContentInfo.load(cms, strict=True)
        signed = framed["content"]
        signer = signed["signer_infos"][0]
        tagged, attributes = signer["signed_attrs"].dump(), signer["signed_attrs"].untag().dump()
        algorithm, signature = signer["signature_algorithm"].dump(), signer["signature"].dump()
        before, _, after = attributes.partition(digest)
        made = cls(
            framed["content_type"].dump(),
            signed.contents.removesuffix(signed["signer_infos"].dump()),
            signer.contents.removesuffix(tagged + algorithm + signature),
            (before, after),
            algorithm,
        )
        if made.filled(digest, signer["signature"].native) != cms:
            raise ValueError("the CMS does not have the shape that is expected")
        return made

    def signed_attributes(self, digest: bytes) -> bytes:
        """What the signature is over (RFC 5652 5.4)."""
        return self.attributes[0] + digest + self.attributes[1]

    def filled(self, digest: bytes, signature: bytes) -> bytes:
        """DER."""
        implicit = b"\xa0" + self.signed_attributes(digest)[1:]
        signer = sequence(self.before_attributes, implicit, self.algorithm, octets(signature))
        return sequence(self.content_type, tagged(0, sequence(self.before_signers, set_of(signer))))

    def signature_in(self, cms: bytes) -> bytes:
        """What is behind the last algorithm and the head of an octet string, two bytes; `filled` tells if it is one."""
        return cms[cms.rfind(self.algorithm) + len(self.algorithm) + 2 :]


@dataclass(frozen=True)
class Seal:
    """The loaded key with its certificate and chain; share one between threads."""

    organisation: str
    """Who seals, as its certificate says."""

    chain_pem: bytes
    """The certificate and its issuers."""

    room: int
    """Bytes that a CMS of this seal needs at most."""

    _signer: _PatternSigner
    _key: SealKey
    _leaf: x509.Certificate
    _public: ec.EllipticCurvePublicKey

    @classmethod
    def load(cls, key: bytes, certificates_pem: bytes, passphrase: str | None = None) -> "Seal":
        """From a P-256 key (PEM or PKCS #12), and its certificate followed by the issuers'. Raises `UnusableSeal`."""
        loaded = FileKey.load(key, passphrase)
        made = cls.of(loaded, certificates_pem)
        if made._public != loaded.public:
            raise UnusableSeal("the first certificate must be that of the seal's key")
        return made

    @classmethod
    def of(cls, key: SealKey, certificates_pem: bytes) -> "Seal":
        """With a key that may be elsewhere, which is asked when the first document is sealed. Raises `UnusableSeal`."""
        try:
            certificates = x509.load_pem_x509_certificates(certificates_pem)
        except ValueError as error:
            raise UnusableSeal("the seal's certificates must be PEM") from error
        leaf = certificates[0]
        public = leaf.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise UnusableSeal("the seal's certificate must be for an elliptic curve key on P-256")
        der = [der_of(certificate) for certificate in certificates]
        names = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or leaf.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
        return cls(
            organisation=str(names[0].value) if names else "",
            chain_pem=certificates_pem,
            room=sum(map(len, der)) + 2048,
            _signer=_PatternSigner(key, [asn1_x509.Certificate.load(each) for each in der]),
            _key=key,
            _leaf=leaf,
            _public=public,
        )

    def sign(self, digest: bytes) -> bytes:
        """A detached CMS (DER) over a SHA-256 digest, with the attributes of PAdES B-B. Blocks; not for an event loop.

        The time of a PAdES signature is in the PDF's own signature dictionary (EN 319 142-1 6.3). Raises
        `KeyUnavailable`, also where the key is not that of the certificate.
        """
        pattern, _ = self._pattern
        attributes = pattern.signed_attributes(digest)
        signature = self._key.sign(hashlib.sha256(attributes).digest())
        if not self._is_signature(signature, attributes):
            raise KeyUnavailable("what the key has signed does not fit the seal's certificate")
        return pattern.filled(digest, signature)

    def is_seal(self, cms: bytes, digest: bytes) -> bool:
        """Whether `cms` is a valid seal of this key over `digest`, to the last byte, and made within its time.

        pyHanko's validator judged the pattern, once; a seal that differs from it only in the digest, which is
        compared, and in the signature, which OpenSSL verifies, is as valid as it.
        """
        pattern, sound = self._pattern
        signature = pattern.signature_in(cms)
        if not sound or cms != pattern.filled(digest, signature):
            return False
        if not self._leaf.not_valid_before_utc <= datetime.now(UTC) <= self._leaf.not_valid_after_utc:
            return False
        return self._is_signature(signature, pattern.signed_attributes(digest))

    @functools.cached_property
    def _is_signature(self) -> Callable[[bytes, bytes], bool]:
        """Asked twice of each seal: when it is made, and when it is read back."""
        return functools.lru_cache(maxsize=64)(self._verifies)

    def _verifies(self, signature: bytes, over: bytes) -> bool:
        try:
            self._public.verify(signature, over, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    @functools.cached_property
    def _pattern(self) -> tuple[_Pattern, bool]:
        """And whether pyHanko finds it intact, valid, and leading to a certificate of ours."""
        digest = hashlib.sha256(_SAMPLE).digest()
        return asyncio.run(self._made_and_judged(digest))

    async def _made_and_judged(self, digest: bytes) -> tuple[_Pattern, bool]:
        made = await self._signer.async_sign(digest, "sha256", use_pades=True)
        cms = bytes(made.dump())
        roots = [asn1_x509.Certificate.load(each) for each in certificates_in(self.chain_pem)]
        context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
        status = await async_validate_detached_cms(
            _SAMPLE, ContentInfo.load(cms)["content"], signer_validation_context=context
        )
        return _Pattern.of(cms, digest), bool(status.intact and status.valid and status.trusted)


def make_demo_seal(organisation: str) -> tuple[bytes, bytes]:
    """Key and certificate chain, as PEM, that nobody's reader trusts: for trying the product on one machine."""
    authority_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _name(organisation, "Demo Authority")
    authority = (
        _certificate(authority_name, authority_name, authority_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(issues=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _certificate(_name(organisation, "Demo Document Seal"), authority_name, leaf_key, authority_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(issues=False), critical=True)
        # NSS, and so pdfsig, judges document signers by the purpose of mail
        .add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key_pem = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (leaf, authority))


def _name(organisation: str, common_name: str) -> x509.Name:
    # RFC 5280 appendix A.1: 64 at most, counted in bytes to be safe
    short = organisation.encode()[: 63 - len(common_name)].decode(errors="ignore").strip()
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, short),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{short} {common_name}"),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365 * DEMO_YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=not issues,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )
