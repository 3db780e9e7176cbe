"""The service's digital signature: a key that is loaded once, and the CMS it makes (PAdES, ETSI EN 319 142-1)."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336: this certificate is for signing documents."""

DEMO_YEARS = 5


class UnusableSeal(ValueError):
    """The seal's key or certificates cannot be used; `str()` tells the operator what to give instead."""


class _LoadedSigner(SimpleSigner):
    """pyHanko's signer loads the key anew for each signature, which costs more than the signature itself."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificates: list[asn1_x509.Certificate]) -> None:
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(certificates[1:])
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        super().__init__(certificates[0], asn1_keys.PrivateKeyInfo.load(der), registry)
        self._key = key

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        if digest_algorithm != "sha256":
            raise UnusableSeal(f"the seal signs SHA-256, not {digest_algorithm}")
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True)
class Seal:
    """The loaded key with its certificate and chain; share one between threads."""

    organisation: str
    """Who seals, as its certificate says."""

    chain_pem: bytes
    """The certificate and its issuers."""

    room: int
    """Bytes that a CMS of this seal needs at most."""

    _signer: _LoadedSigner

    @classmethod
    def load(cls, key_pem: bytes, certificates_pem: bytes) -> "Seal":
        """From an unencrypted P-256 key and its certificate followed by the issuers'. Raises `UnusableSeal`."""
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
            certificates = x509.load_pem_x509_certificates(certificates_pem)
        except (ValueError, TypeError) as error:
            raise UnusableSeal("the seal's key and certificates must be PEM, and the key unencrypted") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise UnusableSeal("the seal's key must be an elliptic curve key on P-256")
        leaf = certificates[0]
        if leaf.public_key() != key.public_key():
            raise UnusableSeal("the first certificate must be that of the seal's key")
        der = [certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates]
        names = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or leaf.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
        return cls(
            organisation=str(names[0].value) if names else "",
            chain_pem=certificates_pem,
            room=sum(map(len, der)) + 2048,
            _signer=_LoadedSigner(key, [asn1_x509.Certificate.load(each) for each in der]),
        )

    def sign(self, digest: bytes) -> bytes:
        """A detached CMS (DER) over a SHA-256 digest, with the attributes of PAdES B-B. Blocks; not for an event loop.

        The time of a PAdES signature is in the PDF's own signature dictionary (EN 319 142-1 6.3).
        """
        return bytes(asyncio.run(self._signer.async_sign(digest, "sha256", use_pades=True)).dump())


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
