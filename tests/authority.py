"""Authorities of our own: one that issues and revokes certificates, and one that stamps the time (RFC 3161)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
HOUR = timedelta(hours=1)


def pem_of(key: Key, encryption: serialization.KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption or serialization.NoEncryption()
    )


class Issuer:
    """A root that issues certificates, and says of each whether it is revoked: by list, or when asked (OCSP)."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.revoked: set[int] = set()
        self.certificate = (
            self._builder(name, self.key, HOUR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str,
        key: Key,
        *purposes: x509.ObjectIdentifier,
        at: str = "",
        valid_for: timedelta = 24 * HOUR,
    ) -> x509.Certificate:
        """`at` is the URL where it is told whether the certificate is revoked."""
        stamps_time = ExtendedKeyUsageOID.TIME_STAMPING in purposes
        made = (
            self._builder(name, key, valid_for)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=stamps_time)
            .add_extension(_signs(), critical=True)
        )
        if at:
            place = x509.UniformResourceIdentifier(f"{at}/ocsp")
            description = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            made = made.add_extension(x509.AuthorityInformationAccess([description]), critical=False)
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{at}/crl")], None, None, None)
            made = made.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return made.sign(self.key, hashes.SHA256())

    def seal(self, *, at: str = "", valid_for: timedelta = 24 * HOUR) -> tuple[bytes, bytes]:
        """Key and chain of a seal, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self.issue("Seal", key, ExtendedKeyUsageOID.EMAIL_PROTECTION, at=at, valid_for=valid_for)
        return pem_of(key), leaf.public_bytes(Encoding.PEM) + self.pem

    def _builder(self, name: str, key: Key, valid_for: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
            issuer_name=self.name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - HOUR,
            not_valid_after=now + valid_for,
        )

    def list_of_revoked(self) -> bytes:
        now = datetime.now(UTC)
        made = x509.CertificateRevocationListBuilder(self.name, now - HOUR, now + HOUR)
        for number in self.revoked:
            one = x509.RevokedCertificateBuilder(number, now - HOUR).build()
            made = made.add_revoked_certificate(one)
        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def answer(self, request: bytes, known: dict[int, x509.Certificate]) -> bytes:
        """RFC 6960."""
        now, certificate = datetime.now(UTC), known[ocsp.load_der_ocsp_request(request).serial_number]
        revoked = certificate.serial_number in self.revoked
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(
                certificate,
                self.certificate,
                hashes.SHA1(),
                ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
                now - HOUR,
                now + HOUR,
                now - HOUR if revoked else None,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, self.certificate)
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.DER)
        )


def _signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


class Clock:
    """What an authority's key and certificate say to a question, as they are or as a liar would have it."""

    def __init__(self, issuer: Issuer, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
        self.certificate = certificate
        embedded = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        embedded.register(_asn1(issuer.certificate))
        self._stamper = DummyTimeStamper(_asn1(certificate), _private(key), certs_to_embed=embedded)

    def honest(self, question: bytes) -> bytes:
        return bytes(self._stamper.request_tsa_response(tsp.TimeStampReq.load(question)).dump())

    def of_another_file(self, question: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(question).copy()
        asked["message_imprint"]["hashed_message"] = bytes(32)
        return self.honest(asked.dump(force=True))

    def to_another_question(self, question: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(question).copy()
        asked["nonce"] = 7
        return self.honest(asked.dump(force=True))

    def without_nonce(self, question: bytes) -> bytes:
        asked = tsp.TimeStampReq.load(question).copy()
        del asked["nonce"]
        return self.honest(asked.dump(force=True))

    def of_yesterday(self, question: bytes) -> bytes:
        self._stamper.fixed_dt = datetime.now(UTC) - timedelta(days=1)
        try:
            return self.honest(question)
        finally:
            self._stamper.fixed_dt = None

    def signed_by_nobody(self, question: bytes) -> bytes:
        answer = bytearray(self.honest(question))
        answer[-10] ^= 1
        return bytes(answer)

    def refused(self, _question: bytes) -> bytes:
        status: bytes = tsp.PKIStatusInfo({"status": "rejection"}).dump()
        return b"\x30" + bytes([len(status)]) + status


@dataclass
class Authority:
    """A server on loopback that stamps the time, and tells of revoked certificates."""

    issuer: Issuer
    url: str = ""
    clock: Clock = field(init=False)
    says: Callable[[bytes], bytes] | None = None
    """Instead of the truth."""
    status: int = 200
    silent: threading.Event = field(default_factory=threading.Event)
    """While it is set, no question is answered."""
    open: int = 0
    """Questions that are not answered yet."""
    asked: list[str] = field(default_factory=list)
    """Paths, in the order of the questions."""
    known: dict[int, x509.Certificate] = field(default_factory=dict)

    def know(self, *certificates: bytes) -> None:
        """Answer for these too (PEM)."""
        for one in x509.load_pem_x509_certificates(b"".join(certificates)):
            self.known[one.serial_number] = one

    def reply(self, path: str, question: bytes) -> tuple[str, bytes]:
        self.asked.append(path)
        match path:
            case "/ocsp":
                return "application/ocsp-response", self.issuer.answer(question, self.known)
            case "/crl":
                return "application/pkix-crl", self.issuer.list_of_revoked()
        return "application/timestamp-reply", (self.says or self.clock.honest)(question)


KEY = rsa.generate_private_key(65537, 2048)
"""The dummy stamper of pyHanko takes RSA only."""


def authority(issuer: Issuer, url: str = "", *, evidence: bool = False) -> Authority:
    """Without a server; `evidence`: its certificate says where to ask whether it is revoked."""
    made = Authority(issuer, url)
    certificate = issuer.issue("Clock", KEY, ExtendedKeyUsageOID.TIME_STAMPING, at=url if evidence else "")
    made.clock = Clock(issuer, certificate, KEY)
    made.known[certificate.serial_number] = certificate
    return made


@contextmanager
def serving(issuer: Issuer, *, evidence: bool = False) -> Iterator[Authority]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])))

        def do_GET(self) -> None:
            self._answer(b"")

        def _answer(self, question: bytes) -> None:
            ours.open += 1
            while ours.silent.is_set():
                time.sleep(0.02)
            ours.open -= 1
            kind, content = ours.reply(self.path, question)
            with suppress(ConnectionError):  # whoever has asked may be gone
                self.send_response(ours.status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ours = authority(issuer, f"http://127.0.0.1:{server.server_port}", evidence=evidence)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ours
    finally:
        ours.silent.clear()
        server.shutdown()
        server.server_close()
        thread.join()


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _private(key: rsa.RSAPrivateKey) -> asn1_keys.PrivateKeyInfo:
    der = key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return asn1_keys.PrivateKeyInfo.load(der)
