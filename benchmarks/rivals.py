"""Ways from a document in one file to a stamped or sealed one in another, and the documents that they are given.

Ours put stamp, certificate page and seal in one revision, for another signer with another drawing each time. Rivals do
a part of that: pyHanko the seal alone, the others a picture on the last page and a page behind it, @libpdf/core with a
seal. What is the same for every document is made, or loaded, beforehand.
"""

import functools
import hashlib
import io
import math
import mmap
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
from asn1crypto import keys as asn1_keys
from asn1crypto import pem
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pypdf import PageObject, PdfReader, PdfWriter, Transformation
from reportlab.pdfgen.canvas import Canvas

from benchmarks import javascript
from pdf import Certificate, Drawing, Point, Seal, Signer, make_demo_seal, revise, stamp

Method = Callable[[Path, Path], None]

SIGNERS = 4000
"""More than one run of the benchmark asks for."""

GIVEN_NAMES = (
    "Alex",
    "María José",
    "Zoë",
    "Priya",
    "Wei",
    "Thandiwe",
    "Łukasz",
    "Grace",
    "Quincy",
    "Fatima",
    "D'Angelo",
)
FAMILY_NAMES = ("Example", "Núñez", "O'Connor", "Raghunathan", "Zhang", "Vandermeer", "Żółć", "Hopper", "Smith-Jones")

STAMP = (368, 24, 588, 108)
"""Left, lower, right and upper side on a page of US Letter, in points."""

FLOOR, STREAMED, WHOLE = "read + SHA-256 + write", "ours, streamed", "ours, bytes in, bytes out"


def floor(source: Path, target: Path) -> None:
    content = source.read_bytes()
    hashlib.sha256(content).hexdigest()
    target.write_bytes(content)


def streamed(source: Path, target: Path) -> None:
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as original:
        revision = revise(original, next(_certificates()), _seal())
        with target.open("wb") as signed:
            signed.write(original)
            signed.write(revision.section)


def whole(source: Path, target: Path) -> None:
    target.write_bytes(stamp(source.read_bytes(), next(_certificates()), _seal()).data)


def pyhanko(source: Path, target: Path) -> None:
    with source.open("rb") as file, target.open("wb+") as signed:
        field = SigFieldSpec("Signature", on_page=-1, box=STAMP)
        signer = PdfSigner(_PADES, _pyhanko_signer(), new_field_spec=field)
        signer.sign_pdf(IncrementalPdfFileWriter(file), output=signed)


def pypdf_incremental(source: Path, target: Path) -> None:
    _with_our_pages(PdfWriter(source, incremental=True), target)


def pypdf_full(source: Path, target: Path) -> None:
    _with_our_pages(PdfWriter(clone_from=source), target)


def qpdf(source: Path, target: Path) -> None:
    with pikepdf.open(source) as document, pikepdf.open(io.BytesIO(_our_pages())) as ours:
        document.pages[-1].add_overlay(ours.pages[0], pikepdf.Rectangle(*STAMP))
        document.pages.append(ours.pages[1])
        document.save(target)


def methods() -> dict[str, Method]:
    """Those that can be measured here, the floor first."""
    found: dict[str, Method] = {
        FLOOR: floor,
        STREAMED: streamed,
        WHOLE: whole,
        "pyHanko (seal only)": pyhanko,
        "pypdf incremental (no seal)": pypdf_incremental,
        "pypdf rewrite (no seal)": pypdf_full,
        "pikepdf rewrite (no seal)": qpdf,
    }
    if javascript.installed():
        found |= {name: functools.partial(_in_node, library) for name, library in javascript.LIBRARIES.items()}
    return found


def _in_node(library: str, source: Path, target: Path) -> None:
    javascript.run(javascript.process(*_key_and_chain()), library, source, target)


def process_of(method: str) -> str:
    """The process that does the work, in the words of /proc."""
    return str(javascript.process(*_key_and_chain()).pid) if method in javascript.LIBRARIES else "self"


# -- what they work with

_PADES = PdfSignatureMetadata("Signature", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, certify=True)


@functools.cache
def _key_and_chain() -> tuple[bytes, bytes]:
    return make_demo_seal("Benchmark Clinic")


@functools.cache
def _seal() -> Seal:
    return Seal.load(*_key_and_chain())


@functools.cache
def _pyhanko_signer() -> SimpleSigner:
    key, chain = _key_and_chain()
    leaf, *issuers = (asn1_x509.Certificate.load(der) for _, _, der in pem.unarmor(chain, multiple=True))
    registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    registry.register_multiple(issuers)
    return SimpleSigner(leaf, asn1_keys.PrivateKeyInfo.load(pem.unarmor(key)[2]), registry)


@functools.cache
def _certificates() -> Iterator[Certificate]:
    """Of one client each, who signed by hand: made beforehand, as they come from elsewhere; none comes twice."""
    return iter([_certificate(number) for number in range(SIGNERS)])


def _certificate(number: int) -> Certificate:
    """Three strokes of 60 points, and a name of Latin letters, some of which have accents."""
    chance = random.Random(number)  # noqa: S311 – the same each time is what is wanted
    bend = chance.uniform(2, 3)
    strokes = tuple(
        tuple(
            Point(20 + 120 * stroke + 2 * i, 75 + 50 * math.sin((bend + stroke / 3) * i / 5), 8.0 * i, 0.5)
            for i in range(60)
        )
        for stroke in range(3)
    )
    name = f"{chance.choice(GIVEN_NAMES)} {chance.choice(FAMILY_NAMES)}"
    at = datetime(2026, 11, 23, 14, 3, 22, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**6))
    meaning = "I have read this document and sign it."
    address = f"2001:db8::{chance.randrange(2**16):x}"
    signer = Signer(name, "Client", meaning, at, "America/New_York", "drawn", Drawing(500, 160, strokes), address)
    request, version, audit = (chance.randbytes(size).hex() for size in (8, 32, 32))
    return Certificate(f"0192f3c1-3d52-7b1e-{request[:4]}-{request[4:]}", version, "2026-01", audit, (signer,))


@functools.cache
def _our_pages() -> bytes:
    """For rivals: a picture as large as the stamp, and a page of text."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(STAMP[2] - STAMP[0], STAMP[3] - STAMP[1]), invariant=1)
    canvas.line(6, 33, 214, 33)
    canvas.drawString(6, 13, "Signed 23 November 2026")
    canvas.showPage()
    canvas.setPageSize((612, 792))
    for line in range(30):
        canvas.drawString(54, 700 - 14 * line, f"Line {line} of a certificate page")
    canvas.showPage()
    canvas.save()
    return made.getvalue()


@functools.cache
def _read_pages() -> list[PageObject]:
    return list(PdfReader(io.BytesIO(_our_pages())).pages)


def _with_our_pages(writer: PdfWriter, target: Path) -> None:
    picture, page = _read_pages()
    writer.pages[-1].merge_transformed_page(picture, Transformation().translate(*STAMP[:2]))
    writer.add_page(page)
    writer.write(target)


# -- documents

DOCUMENTS: dict[str, tuple[int, int, int]] = {
    "1 page": (1, 40, 47_000),
    "10 pages": (10, 40, 97_000),
    "300 pages": (300, 40, 64_000),
    "2000 pages of text": (2000, 58, 0),
}
"""Pages, lines on each, and bytes of a picture on each that cannot be compressed: 50 kB, 1 MB, 20 MB, 6 MB."""


def document(pages: int, lines: int, picture: int) -> bytes:
    """The same bytes wherever it is made; with a classic table and one flat page tree, which is the most to read."""
    chance = random.Random(pages)  # noqa: S311 – the same each time is what is wanted
    bodies = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    leaves = []
    for number in range(1, pages + 1):
        bodies.append(_stream(b"", b"\n".join(_text(number, lines, with_picture=bool(picture)))))
        resources = b"/Font << /F 3 0 R >>"
        contents = len(bodies)
        if picture:
            width = 100
            kind = b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceGray"
            bodies.append(_stream(kind % (width, picture // width), chance.randbytes(picture // width * width)))
            resources += b" /XObject << /I %d 0 R >>" % len(bodies)
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << %b >> >>"
        bodies.append(page % (contents, resources))
        leaves.append(b"%d 0 R" % len(bodies))
    bodies[1] = b"<< /Type /Pages /Count %d /Kids [%b] >>" % (pages, b" ".join(leaves))
    made, table = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), [b"0000000000 65535 f \n"]
    for number, body in enumerate(bodies, 1):
        table.append(b"%010d 00000 n \n" % len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    end = b"xref\n0 %d\n%btrailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(made) + end % (len(table), b"".join(table), len(table), len(made))


def _stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (entries, len(content), content)


def _text(page: int, lines: int, *, with_picture: bool) -> Iterator[bytes]:
    yield b"BT /F 9 Tf 40 750 Td 11 TL"
    for line in range(lines):
        yield b"(Page %d, line %d of a progress note) Tj T*" % (page, line)
    yield b"ET"
    if with_picture:
        yield b"q 200 0 0 200 40 60 cm /I Do Q"
