"""PDFs for tests, made here, so that every test says what it signs."""

import io

from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

import pdf


def paper(text: str = "Progress note of a session.", pages: int = 1) -> bytes:
    """A small valid PDF with `text` on each page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=LETTER)
    for number in range(1, pages + 1):
        canvas.drawString(72, 700, text)
        canvas.drawString(72, 680, f"Page {number}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def drawing() -> pdf.Drawing:
    """A signature of two strokes, as a pen makes it."""
    wave = tuple(pdf.Point(40 + 4 * i, 60 + 25 * ((i % 7) / 3 - 1), 12.0 * i, 0.5) for i in range(40))
    tail = tuple(pdf.Point(60 + 5 * i, 95 - i, 600 + 12.0 * i, 0.6) for i in range(20))
    return pdf.Drawing(400, 150, (wave, tail))


def drawing_json() -> dict[str, object]:
    """The same signature as a page sends it."""
    drawn = drawing()
    strokes = [[{"x": p.x, "y": p.y, "t": p.t, "pressure": p.pressure} for p in stroke] for stroke in drawn.strokes]
    return {"width": drawn.width, "height": drawn.height, "strokes": strokes}


def changed(content: bytes, at: int = -1) -> bytes:
    """`content` with one bit of the byte at `at` flipped."""
    flipped = bytearray(content)
    flipped[at] ^= 1
    return bytes(flipped)
