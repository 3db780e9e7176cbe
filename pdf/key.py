"""What holds the seal's private key: a file, or a service that never gives it away."""

from typing import Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import pkcs12


class UnusableSeal(ValueError):
    """The seal's key or certificates cannot be used; `str()` tells the operator what to give instead."""


class KeyUnavailable(Exception):
    """The key does not sign now: worth another try later. `str()` tells the operator why."""


class SealKey(Protocol):
    """A P-256 key that signs; a key service (a KMS, an HSM) is one by this method alone. Share it between threads."""

    def sign(self, digest: bytes) -> bytes:
        """The ECDSA signature (DER, RFC 3279 2.2.3) over a SHA-256 digest. Blocks, for ten seconds at most.

        Raises `KeyUnavailable`. Called once for each document, and once more for the pattern of the first
        (docs/decisions/007).
        """
        ...


class FileKey:
    """A key that was read from a file."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = key.public_key()

    @classmethod
    def load(cls, content: bytes, passphrase: str | None = None) -> "FileKey":
        """From PEM (PKCS #8, SEC 1) or PKCS #12 (RFC 7292). Raises `UnusableSeal`."""
        secret = passphrase.encode() if passphrase else None
        try:
            if b"-----BEGIN" in content:
                key = serialization.load_pem_private_key(content, secret)
            else:
                key, _, _ = pkcs12.load_key_and_certificates(content, secret)  # type: ignore[assignment]
        except (ValueError, TypeError) as error:
            raise UnusableSeal(
                "the seal's key must be a PEM or PKCS #12 file, with its passphrase if it has one"
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise UnusableSeal("the seal's key must be an elliptic curve key on P-256")
        return cls(key)

    def sign(self, digest: bytes) -> bytes:
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
