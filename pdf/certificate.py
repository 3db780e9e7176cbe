"""What is added to a document when it is signed: the stamp's picture and the certificate pages, laid out as PDF.

The values are printed to be read and to be copied: real text in an embedded font (SPEC D2).
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from reportlab.pdfgen.canvas import Canvas

from pdf import ink, typeface
from pdf.signature import Mark
from pdf.typeface import BOLD, REGULAR, shown

STAMP_WIDTH, STAMP_HEIGHT = 220.0, 84.0
"""Points, for one signer; several are stacked."""

SMALLEST_PAGE, LARGEST_PAGE = 420.0, 1191.0
"""Points: certificate pages are between A5 and A3 in both directions."""

INK, QUIET, HAIRLINE = (0.1, 0.1, 0.12), (0.38, 0.38, 0.42), (0.72, 0.72, 0.76)


@dataclass(frozen=True)
class Signer:
    """Who signed, how and when; everything but `mark` comes from the server (SPEC G4).

    `signed_at` is aware, `timezone` an IANA name, `meaning` the sentence that was agreed to.
    """

    printed_name: str
    relationship: str
    meaning: str
    signed_at: datetime
    timezone: str
    method: Literal["drawn", "typed"]
    mark: Mark
    ip_address: str

    def __post_init__(self) -> None:
        if self.signed_at.tzinfo is None:
            raise ValueError("signed_at must be an aware time")
        ZoneInfo(self.timezone)  # raises ZoneInfoNotFoundError, a KeyError, here and not in the midst of a stamp


@dataclass(frozen=True)
class Certificate:
    """`version_sha256` is that of the version that was signed, `audit_head` the chart's newest audit entry."""

    request_id: str
    version_sha256: str
    consent_version: str
    audit_head: str
    signers: tuple[Signer, ...]


def lay_out(certificate: Certificate, width: float, height: float) -> bytes:
    """A PDF: the stamp's picture as first page, then certificate pages of `width` × `height` points, bounded."""
    width, height = (min(max(side, SMALLEST_PAGE), LARGEST_PAGE) for side in (width, height))
    with typeface.layout:
        typeface.covered()
        made = io.BytesIO()
        canvas = Canvas(made, pagesize=(STAMP_WIDTH, stamp_height(certificate)), initialFontName=REGULAR)
        canvas.setTitle("Signature certificate")
        _define_marks(canvas, certificate)
        for index in range(len(certificate.signers)):
            canvas.saveState()
            canvas.translate(0, stamp_height(certificate) - (index + 1) * STAMP_HEIGHT)
            _draw_stamp(canvas, certificate, index)
            canvas.restoreState()
        canvas.showPage()
        _Pages(canvas, width, height).draw(certificate)
        canvas.save()
    return made.getvalue()


def stamp_height(certificate: Certificate) -> float:
    return STAMP_HEIGHT * len(certificate.signers)


def _define_marks(canvas: Any, certificate: Certificate) -> None:
    """Each mark once, for stamp and certificate alike."""
    for index, signer in enumerate(certificate.signers):
        canvas.beginForm(_label(index), 0, 0, ink.WIDTH, ink.HEIGHT)
        ink.draw(canvas, signer.mark)
        canvas.endForm()


def _label(index: int) -> str:
    return f"mark{index}"


def _draw_stamp(canvas: Any, certificate: Certificate, index: int) -> None:
    signer = certificate.signers[index]
    canvas.saveState()
    canvas.translate(6, 35)
    canvas.doForm(_label(index))
    canvas.restoreState()
    canvas.setStrokeColorRGB(*QUIET)
    canvas.setLineWidth(0.5)
    canvas.line(6, 33, STAMP_WIDTH - 6, 33)
    lines = (
        (22.5, BOLD, 8.0, INK, shown(signer.printed_name)),
        (13.0, REGULAR, 6.5, QUIET, f"Signed {_utc(signer)}"),
        (4.5, REGULAR, 6.5, QUIET, f"Request {short(shown(certificate.request_id))}, see the certificate page"),
    )
    for y, face, size, colour, text in lines:
        text, size = typeface.fitted(text, face, size, STAMP_WIDTH - 12, least=5)  # noqa: PLW2901 – to fit
        canvas.setFillColorRGB(*colour)
        canvas.setFont(face, size)
        canvas.drawString(6, y, text)


def short(request_id: str) -> str:
    """The end of an id, by which people find it: a UUIDv7 begins with the time and ends with chance."""
    return request_id.rpartition("-")[2]


def _utc(signer: Signer) -> str:
    at = signer.signed_at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"


def _local(signer: Signer) -> str:
    at = signer.signed_at.astimezone(ZoneInfo(signer.timezone))
    offset = f"{at:%z}"
    return f"{at.day} {at:%B %Y, %H:%M:%S} (UTC{offset[:3]}:{offset[3:5]}, {signer.timezone})"


Row = tuple[str, str]


def _document_rows(certificate: Certificate) -> Iterator[Row]:
    yield "Request", certificate.request_id
    yield "SHA-256 of the version that was signed", certificate.version_sha256
    yield "Consent version", certificate.consent_version
    yield "Audit head", certificate.audit_head


def _signer_rows(signer: Signer) -> Iterator[Row]:
    yield "Printed name", signer.printed_name
    yield "Relationship", signer.relationship
    yield "Meaning", signer.meaning
    yield "Time (UTC)", _utc(signer)
    yield "Local time", _local(signer)
    yield "Method", {"drawn": "Drawn by hand", "typed": "Typed name"}[signer.method]
    yield "IP address", signer.ip_address


class _Pages:
    """A pen that moves down certificate pages and starts another where one ends."""

    LABELS = 118.0
    SIZE, LEADING, GAP = 8.5, 12.0, 5.0

    def __init__(self, canvas: Any, width: float, height: float) -> None:
        self.canvas = canvas
        self.width, self.height = width, height
        self.margin = 54.0 if width >= 560 else 36.0
        self.values = self.margin + self.LABELS
        self.room = width - self.margin - self.values
        self.box_width = min(ink.WIDTH + 16, width - 2 * self.margin)
        self.mark_scale = (self.box_width - 16) / ink.WIDTH
        self.box_height = ink.HEIGHT * self.mark_scale + 12
        self.wide = width >= 680
        """Marks go beside what is said about them; on narrower pages above it."""
        self.number = 0
        self.y = 0.0

    def draw(self, certificate: Certificate) -> None:
        self._start()
        self._rows(_document_rows(certificate), self.room)
        for index, signer in enumerate(certificate.signers):
            many = len(certificate.signers)
            title = "Signature" if many == 1 else f"Signature {index + 1} of {many}"
            rows = list(_signer_rows(signer))
            room = self.room - (self.box_width + 16 if self.wide else 0)
            beside = 0 if self.wide else self.box_height + 20
            self._need(26 + beside + sum(self._row_height(row, room) for row in rows))
            self._heading(title)
            self._mark(index)
            self._rows(rows, room)
        self._end()

    def _start(self) -> None:
        self.number += 1
        self.canvas.setPageSize((self.width, self.height))
        self.y = self.height - self.margin - 16
        self._text(self.margin, "Signature certificate", BOLD, 17, INK)
        self.y -= 18
        about = "This page was added when the document was signed, and is sealed together with it."
        for line in typeface.wrapped(about, REGULAR, self.SIZE, self.width - 2 * self.margin):
            self._text(self.margin, line, REGULAR, self.SIZE, QUIET)
            self.y -= self.LEADING
        self.y -= 2
        self._rule()
        self.y -= 20

    def _end(self) -> None:
        self.y = self.margin - 14
        note = "To verify: open this file in a PDF reader that shows signatures. Any later change breaks the seal."
        text, size = typeface.fitted(note, REGULAR, 7, self.width - 2 * self.margin - 80, least=5)
        self._text(self.margin, text, REGULAR, size, QUIET)
        self.canvas.setFont(REGULAR, 7)
        self.canvas.drawRightString(self.width - self.margin, self.y, f"Certificate page {self.number}")
        self.canvas.showPage()

    def _need(self, height: float) -> None:
        """Start another page, unless `height` points are left on this one or it has nothing on it yet."""
        if self.y - height < self.margin + 8:
            self._end()
            self._start()

    def _heading(self, title: str) -> None:
        self.y -= 14
        self._text(self.margin, title, BOLD, 11, INK)
        self.y -= 12

    def _mark(self, index: int) -> None:
        x = self.width - self.margin - self.box_width if self.wide else self.margin
        lower = self.y + 8 - self.box_height if self.wide else self.y - self.box_height
        self.canvas.setStrokeColorRGB(*HAIRLINE)
        self.canvas.setLineWidth(0.5)
        self.canvas.roundRect(x, lower, self.box_width, self.box_height, 3)
        self.canvas.saveState()
        self.canvas.translate(x + 8, lower + 6)
        self.canvas.scale(self.mark_scale, self.mark_scale)
        self.canvas.doForm(_label(index))
        self.canvas.restoreState()
        self.y -= 8 if self.wide else self.box_height + 20

    def _rows(self, rows: Iterable[Row], room: float) -> None:
        for row in rows:
            self._need(self._row_height(row, room))
            labels, values = self._lines(row, room)
            top = self.y
            for line in labels:
                self._text(self.margin, line, REGULAR, self.SIZE, QUIET)
                self.y -= self.LEADING
            lowest, self.y = self.y, top
            for line in values:
                self._text(self.values, line, REGULAR, self.SIZE, INK)
                self.y -= self.LEADING
            self.y = min(lowest, self.y) - self.GAP

    def _lines(self, row: Row, room: float) -> tuple[list[str], list[str]]:
        label, value = row
        return (
            typeface.wrapped(label, REGULAR, self.SIZE, self.LABELS - 10),
            typeface.wrapped(shown(value), REGULAR, self.SIZE, room),
        )

    def _row_height(self, row: Row, room: float) -> float:
        return self.LEADING * max(map(len, self._lines(row, room))) + self.GAP

    def _rule(self) -> None:
        self.canvas.setStrokeColorRGB(*HAIRLINE)
        self.canvas.setLineWidth(0.5)
        self.canvas.line(self.margin, self.y, self.width - self.margin, self.y)

    def _text(self, x: float, text: str, face: str, size: float, colour: tuple[float, float, float]) -> None:
        self.canvas.setFillColorRGB(*colour)
        self.canvas.setFont(face, size)
        self.canvas.drawString(x, self.y, text)
