"""Documents, signatures and a seal for these tests, made here; and the corpus, where it is at hand."""

import functools
import io
import json
import math
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from pdf import Certificate, Drawing, Mark, Point, Seal, Signer, TypedName, make_demo_seal

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

AT = datetime(2026, 11, 23, 14, 3, 22, tzinfo=UTC)
REQUEST_ID = "0192f3c1-3d52-7b1e-9a55-8a1c9a3b7e21"


def corpus(*beginnings: str) -> list[Path]:
    """Corpus files whose names begin so; skips the test, saying so, where the corpus is not."""
    if not CORPUS.exists():
        pytest.skip(f"no corpus at {CORPUS}: robustness over public files is NOT tested in this run")
    entries = json.loads((CORPUS / "manifest.json").read_text())
    return sorted(
        path for path in (CORPUS / entry["file"] for entry in entries) if path.name.startswith(beginnings or "")
    )


def paper(pages: int = 1, size: tuple[float, float] = (612, 792), *, compressed: bool = False) -> bytes:
    """A page of notes that leaves its lower third free, so many times; with a cross-reference table."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=size, pageCompression=int(compressed))
    for number in range(1, pages + 1):
        canvas.setFont("Helvetica", 11)
        for line in range(20):
            canvas.drawString(40, size[1] - 60 - 16 * line, f"Page {number}, line {line} of a progress note.")
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def archival() -> bytes:
    """Two pages that are valid PDF/A-1b: an embedded font, an output intent, and metadata that say so."""
    pdfmetrics.registerFont(TTFont("NotoSans", str(files("manimgx_fonts").joinpath("NotoSans[wght].ttf"))))
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(612, 792), initialFontName="NotoSans", pdfVersion=(1, 4))
    for number in (1, 2):
        canvas.drawString(40, 700, f"Page {number} of a progress note – for the archive.")
        canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=io.BytesIO(made.getvalue()))
    writer.metadata = None  # or it would have to be repeated in the XMP
    profile = content(files("pikepdf").joinpath("pdfa", "data", "sRGB.icc").read_bytes())
    profile[NameObject("/N")] = NumberObject(3)
    intent = {
        "/Type": NameObject("/OutputIntent"),
        "/S": NameObject("/GTS_PDFA1"),
        "/OutputConditionIdentifier": TextStringObject("sRGB"),
        "/DestOutputProfile": writer._add_object(profile),
    }
    entries = DictionaryObject({NameObject(key): value for key, value in intent.items()})
    writer.root_object[NameObject("/OutputIntents")] = ArrayObject([entries])
    metadata = content(ARCHIVAL_XMP.encode())
    metadata.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = writer._add_object(metadata)
    return written(writer)


ARCHIVAL_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def packed(document: bytes) -> bytes:
    """The same, its objects in object streams and a cross-reference stream."""
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as opened:
        opened.save(made, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return made.getvalue()


def changed(document: bytes, **entries: Any) -> bytes:
    """The document with these entries in its last page; None takes an entry away."""
    writer = PdfWriter(clone_from=io.BytesIO(document))
    page = writer.pages[-1]
    for key, value in entries.items():
        if value is None:
            del page[NameObject(f"/{key}")]
        else:
            page[NameObject(f"/{key}")] = writer._add_object(value) if isinstance(value, StreamObject) else value
    return written(writer)


def with_annotation(document: bytes, picture: StreamObject, *rectangle: float) -> bytes:
    """The document with a picture stamped on its first page, over what the page shows."""
    writer = PdfWriter(clone_from=io.BytesIO(document))
    annotation = DictionaryObject(
        {
            NameObject("/Subtype"): NameObject("/Stamp"),
            NameObject("/F"): NumberObject(4),
            NameObject("/Rect"): box(*rectangle),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(picture)}),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(annotation)])
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def box(*corners: float) -> ArrayObject:
    return ArrayObject(FloatObject(corner) for corner in corners)


def content(text: bytes) -> DecodedStreamObject:
    made = DecodedStreamObject()
    made.set_data(text)
    return made


def drawing() -> Drawing:
    """Three strokes that look like a signature, on a pad of 500 × 160."""
    strokes = tuple(
        tuple(
            Point(
                20 + 120 * stroke + 2 * i + 10 * math.sin((2.2 + stroke / 3) * i / 6),
                75 + 50 * math.sin((2.2 + stroke / 3) * i / 5) * math.cos(i / 17),
                8.0 * (60 * stroke + i),
                0.5 + 0.3 * math.sin(i / 9),
            )
            for i in range(60)
        )
        for stroke in range(3)
    )
    return Drawing(500, 160, strokes)


def signer(
    mark: Mark | None = None, name: str = "Zoë Müller-Łukaszewicz", timezone: str = "America/New_York"
) -> Signer:
    mark = mark or drawing()
    return Signer(
        printed_name=name,
        relationship="Legal guardian",
        meaning="I have read this document and sign it.",
        signed_at=AT,
        timezone=timezone,
        method="typed" if isinstance(mark, TypedName) else "drawn",
        mark=mark,
        ip_address="2001:db8::17",
    )


def certificate(*signers: Signer) -> Certificate:
    return Certificate(REQUEST_ID, "ab12" * 16, "2026-01", "cd34" * 16, signers or (signer(),))


@functools.cache
def seal_pem() -> tuple[bytes, bytes]:
    return make_demo_seal("Riverside Clinic")


@functools.cache
def seal() -> Seal:
    return Seal.load(*seal_pem())


@functools.cache
def _somebody_else() -> Seal:
    return Seal.load(*make_demo_seal("Somebody Else"))


def prepared(document: bytes) -> bytes:
    """With two fields on its last page that nobody has signed yet."""
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    for left, field_name in ((60, "Client"), (310, "Provider")):
        append_signature_field(writer, SigFieldSpec(field_name, on_page=-1, box=(left, 90, left + 200, 130)))
    made = io.BytesIO()
    writer.write(made)  # type: ignore[no-untyped-call]
    return made.getvalue()


def signed_before(
    document: bytes,
    field: str = "Earlier",
    *,
    at: tuple[int, int, int, int] | None = None,
    certify: MDPPerm | None = None,
    lock: FieldMDPSpec | None = None,
) -> bytes:
    """Signed by somebody else with pyHanko, in a field at this place of the last page, or in one that is not seen."""
    made = io.BytesIO()
    how = PdfSignatureMetadata(
        field_name=field,
        subfilter=SigSeedSubFilter.PADES,
        certify=certify is not None,
        docmdp_permissions=certify or MDPPerm.FILL_FORMS,
    )
    new = SigFieldSpec(field, on_page=-1, box=at, field_mdp_spec=lock)
    PdfSigner(how, _somebody_else()._signer, new_field_spec=new).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(document)), output=made
    )
    return made.getvalue()


def text_of(document: bytes, page: int) -> str:
    return PdfReader(io.BytesIO(document)).pages[page].extract_text()


def seen(document: bytes, page: int, scale: float = 1.0) -> Image.Image:
    """The page as PDFium shows it, `scale` pixels for a user space unit."""
    with pypdfium2.PdfDocument(document) as opened:
        opened.init_forms()
        image: Image.Image = opened[page].render(scale=scale).to_pil().convert("L")
        return image.copy()
