"""The seal's key: in a PEM or PKCS #12 file, or in a service that signs and never gives it away."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import pkcs12

from pdf import KeyUnavailable, Seal, UnusableSeal, make_demo_seal, stamp, verify
from tests.pdf.paper import certificate, paper, seal_pem

PASSPHRASE = "correct horse"


class KeyService:
    """As a key service would: it has the key, and now and then no time."""

    def __init__(self, key_pem: bytes) -> None:
        key = serialization.load_pem_private_key(key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self.down = False
        self.asked = 0

    def sign(self, digest: bytes) -> bytes:
        self.asked += 1
        if self.down:
            raise KeyUnavailable("no answer within ten seconds")
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


def encrypted_pem() -> bytes:
    key = serialization.load_pem_private_key(seal_pem()[0], None)
    secret = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)


def p12(key_pem: bytes = b"", passphrase: str = PASSPHRASE) -> bytes:
    key = serialization.load_pem_private_key(key_pem or seal_pem()[0], None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    leaf, *issuers = x509.load_pem_x509_certificates(seal_pem()[1])
    same = leaf if leaf.public_key() == key.public_key() else None
    secret = serialization.BestAvailableEncryption(passphrase.encode())
    return pkcs12.serialize_key_and_certificates(b"seal", key, same, issuers, secret)


@pytest.mark.parametrize("file", [encrypted_pem, p12], ids=["encrypted PEM", "PKCS #12"])
def test_a_key_file_with_a_passphrase_seals(file: Callable[[], bytes]) -> None:
    sealed = stamp(paper(), certificate(), Seal.load(file(), seal_pem()[1], PASSPHRASE)).data
    assert verify(sealed, seal_pem()[1]).valid


@pytest.mark.parametrize("file", [encrypted_pem, p12], ids=["encrypted PEM", "PKCS #12"])
@pytest.mark.parametrize("passphrase", [None, "", "wrong"])
def test_a_wrong_passphrase_is_refused_without_a_word_of_it(file: Callable[[], bytes], passphrase: str | None) -> None:
    with pytest.raises(UnusableSeal, match="with its passphrase") as refused:
        Seal.load(file(), seal_pem()[1], passphrase)
    assert "wrong" not in str(refused.value)


def test_a_key_file_of_another_kind_is_refused() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file in (rsa_key, p12(rsa_key), p12(make_demo_seal("Other")[0])):
        with pytest.raises(UnusableSeal):
            Seal.load(file, seal_pem()[1], PASSPHRASE if file is not rsa_key else None)


def test_a_key_service_seals_with_one_question_for_each_document() -> None:
    service = KeyService(seal_pem()[0])
    seal = Seal.of(service, seal_pem()[1])
    assert not service.asked
    for _ in range(3):
        assert verify(stamp(paper(), certificate(), seal).data, seal_pem()[1]).valid
    assert service.asked == 1 + 3  # the first for the pattern of them all


@pytest.mark.parametrize("at", ["first", "later"])
def test_a_key_service_that_is_down_seals_nothing_and_goes_on_when_it_is_back(at: str) -> None:
    service = KeyService(seal_pem()[0])
    seal = Seal.of(service, seal_pem()[1])
    if at == "later":
        stamp(paper(), certificate(), seal)
    service.down = True
    with pytest.raises(KeyUnavailable):
        stamp(paper(), certificate(), seal)
    service.down = False
    assert verify(stamp(paper(), certificate(), seal).data, seal_pem()[1]).valid


def test_a_key_service_that_signs_with_another_key_seals_nothing() -> None:
    seal = Seal.of(KeyService(make_demo_seal("Other")[0]), seal_pem()[1])
    with pytest.raises(KeyUnavailable, match="does not fit"):
        stamp(paper(), certificate(), seal)


@pytest.mark.parametrize("certificates", [1, 2])
def test_a_chain_seals_without_its_root_too(certificates: int) -> None:
    """Authorities hand it out so, as a rule: the issuer of the last certificate is not in the file."""
    key, chain = seal_pem()
    end = b"-----END CERTIFICATE-----\n"
    given = b"".join(one + end for one in chain.split(end)[:certificates])
    assert verify(stamp(paper(), certificate(), Seal.load(key, given)).data, given).valid


@pytest.mark.parametrize(
    "organisation", ["Harbor Counseling (demo)", r"Smith \ Sons", "Clínica #1 <Niño>", "心の診療所"]
)
def test_the_organisation_may_have_any_name(organisation: str) -> None:
    """Those that a PDF escapes in its strings are read in another way than plain ones."""
    key, certificate_pem = make_demo_seal(organisation)
    signed = stamp(paper(), certificate(), Seal.load(key, certificate_pem)).data
    assert verify(signed, certificate_pem).valid
