"""Who signed what, when and how, and the certificate pages that say so.

The values are printed to be read and to be copied: real text in an embedded font (SPEC D2).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from pdf import ink
from pdf.embedding import Fonts
from pdf.placement import Numbers4
from pdf.shaping import fitted, width, wrapped
from pdf.sheet import Colour, Element, Sheet
from pdf.signature import Mark, TypedName
from pdf.typeface import Style, shown
from pdf.wording import IN, REDISCLOSURE, REDISCLOSURE_IN_SPANISH, Language, time_local, time_utc

SMALLEST_PAGE, LARGEST_PAGE = 420.0, 1191.0
"""Points: certificate pages are between A5 and A3 in both directions."""

INK, QUIET, HAIRLINE = (0.1, 0.1, 0.12), (0.38, 0.38, 0.42), (0.72, 0.72, 0.76)


@dataclass(frozen=True)
class Signer:
    """Who signed, how and when; everything but `mark` comes from the server (SPEC G4).

    `signed_at` is aware, `timezone` an IANA name, `meaning` the sentence that was agreed to.
    """

    printed_name: str = field(repr=False)
    relationship: str
    meaning: str
    signed_at: datetime
    timezone: str
    method: Literal["drawn", "typed"]
    mark: Mark = field(repr=False)
    ip_address: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.signed_at.tzinfo is None:
            raise ValueError("signed_at must be an aware time")
        ZoneInfo(self.timezone)  # raises ZoneInfoNotFoundError, a KeyError, here and not in the midst of a stamp


@dataclass(frozen=True)
class Certificate:
    """`version_sha256` is that of the version that was signed, `audit_head` the chart's newest audit entry.

    `redisclosure_notice`: the document is a substance use disorder record that goes to somebody else than its
    client, and must say so (42 CFR 2.32, SPEC S9).
    """

    request_id: str
    version_sha256: str
    consent_version: str
    audit_head: str
    signers: tuple[Signer, ...]
    language: Language = "en"
    redisclosure_notice: bool = False


def describe(certificate: Certificate) -> str:
    """The signature field, for those who cannot see it."""
    names = ", ".join(shown(signer.printed_name) for signer in certificate.signers)
    return IN[certificate.language].field.format(names=names)


def label(index: int) -> str:
    return f"Mark{index + 1}"


def described(signer: Signer, language: Language) -> str:
    """A mark, for those who cannot see it."""
    words = IN[language]
    how = words.typed_mark if isinstance(signer.mark, TypedName) else words.drawn_mark
    return how.format(name=shown(signer.printed_name))


def short(request_id: str) -> str:
    """The end of an id, by which people find it: a UUIDv7 begins with the time and ends with chance."""
    return request_id.rpartition("-")[2]


Row = tuple[str, str]


def document_rows(certificate: Certificate) -> Iterator[Row]:
    words = IN[certificate.language]
    yield words.request, certificate.request_id
    yield words.version_sha256, certificate.version_sha256
    yield words.consent_version, certificate.consent_version
    yield words.audit_head, certificate.audit_head


def _signer_rows(signer: Signer, language: Language) -> Iterator[Row]:
    words = IN[language]
    yield words.printed_name, signer.printed_name
    yield words.relationship, signer.relationship
    yield words.meaning, signer.meaning
    yield words.time_utc, time_utc(signer.signed_at, language)
    yield words.time_local, time_local(signer.signed_at, signer.timezone, language)
    yield words.method, {"drawn": words.drawn, "typed": words.typed}[signer.method]
    yield words.ip_address, signer.ip_address


class Pages:
    """A pen that moves down certificate pages and starts another where one ends."""

    LABELS = 118.0
    SIZE, LEADING, GAP = 8.5, 12.0, 5.0

    def __init__(
        self, certificate: Certificate, page_width: float, page_height: float, fonts: Fonts, marks: list[Sheet]
    ) -> None:
        self.certificate, self.words = certificate, IN[certificate.language]
        self.fonts, self.marks = fonts, marks
        self.width, self.height = page_width, page_height
        self.margin = 54.0 if page_width >= 560 else 36.0
        self.values = self.margin + self.LABELS
        self.room = page_width - self.margin - self.values
        self.box_width = min(ink.WIDTH + 16, page_width - 2 * self.margin)
        self.mark_scale = (self.box_width - 16) / ink.WIDTH
        self.box_height = ink.HEIGHT * self.mark_scale + 12
        self.wide = page_width >= 680
        """Marks go beside what is said about them; on narrower pages above it."""
        self.finished: list[Sheet] = []
        self.elements: list[Element] = []
        self.shown: list[tuple[Sheet, Numbers4]] = []
        """Where each mark is."""
        self.sheet = Sheet(page_width, page_height, fonts)
        self.y = 0.0

    def draw(self) -> None:
        self._start()
        self._rows(document_rows(self.certificate), self.room)
        if self.certificate.redisclosure_notice:
            self._notice()
        for index, signer in enumerate(self.certificate.signers):
            many = len(self.certificate.signers)
            words = self.words.signature if many == 1 else self.words.signature_of_many
            rows = list(_signer_rows(signer, self.certificate.language))
            room = self.room - (self.box_width + 16 if self.wide else 0)
            beside = 0 if self.wide else self.box_height + 20
            self._need(26 + beside + sum(self._height(self._lines(row, room)) for row in rows))
            self._heading(words.format(number=index + 1, many=many))
            self._mark(index)
            self._rows(rows, room)
        self._end()

    def _start(self) -> None:
        self.sheet = Sheet(self.width, self.height, self.fonts)
        self.y = self.height - self.margin - 16
        if self.finished:
            with self.sheet.decoration():
                self._text(self.margin, self.words.continued, Style.BOLD, 11, QUIET)
            self.y -= 10
        else:
            with self.sheet.part_of(self._element("H1")):
                self._text(self.margin, self.words.title, Style.BOLD, 17, INK)
            self.y -= 18
            self._paragraph(self._element("P"), self.words.about, QUIET)
        self.y -= 2
        with self.sheet.decoration():
            self.sheet.line((self.margin, self.y), (self.width - self.margin, self.y), 0.5, HAIRLINE)
        self.y -= 20

    def _end(self) -> None:
        self.y = self.margin - 14
        number = self.words.page.format(number=len(self.finished) + 1)
        taken = width(number, Style.REGULAR, 7)
        text, size = fitted(self.words.to_verify, Style.REGULAR, 7, self.width - 2 * self.margin - taken - 12, least=5)
        with self.sheet.decoration():
            self._text(self.margin, text, Style.REGULAR, size, QUIET)
            self._text(self.width - self.margin - taken, number, Style.REGULAR, 7, QUIET)
        self.finished.append(self.sheet)

    def _element(self, kind: str, description: str = "", box: Numbers4 | None = None) -> Element:
        self.elements.append(Element(kind, description, box))
        return self.elements[-1]

    def _need(self, height: float) -> None:
        """Start another page, unless `height` points are left on this one or it has nothing on it yet."""
        if self.y - height < self.margin + 8:
            self._end()
            self._start()

    def _heading(self, title: str) -> None:
        self.y -= 14
        with self.sheet.part_of(self._element("H2")):
            self._text(self.margin, title, Style.BOLD, 11, INK)
        self.y -= 12

    def _notice(self) -> None:
        """The regulation's words, and beside them a translation where the certificate is in Spanish."""
        self._need(26 + 6 * self.LEADING)
        self._heading(self.words.notice)
        self.y -= 4
        self._paragraph(self._element("P"), REDISCLOSURE, INK, language="en")
        if self.certificate.language == "es":
            self._paragraph(self._element("P"), REDISCLOSURE_IN_SPANISH, INK)
        self.y -= self.GAP

    def _paragraph(self, element: Element, text: str, colour: Colour, language: Language | None = None) -> None:
        element.language = language
        with self.sheet.part_of(element):
            for line in wrapped(text, Style.REGULAR, self.SIZE, self.width - 2 * self.margin):
                self._text(self.margin, line, Style.REGULAR, self.SIZE, colour)
                self.y -= self.LEADING

    def _mark(self, index: int) -> None:
        left = self.width - self.margin - self.box_width if self.wide else self.margin
        lower = self.y + 8 - self.box_height if self.wide else self.y - self.box_height
        box = left, lower, left + self.box_width, lower + self.box_height
        self.shown.append((self.sheet, box))
        with self.sheet.decoration():
            self.sheet.frame(box, 0.5, HAIRLINE)
        figure = self._element("Figure", described(self.certificate.signers[index], self.certificate.language), box)
        with self.sheet.part_of(figure), self.sheet.moved(left + 8, lower + 6, self.mark_scale):
            self.sheet.show(label(index), self.marks[index])
        self.y -= 8 if self.wide else self.box_height + 20

    def _rows(self, rows: Iterable[Row], room: float) -> None:
        for row in rows:
            labels, values = lines = self._lines(row, room)
            self._need(self._height(lines))
            element, top = self._element("P"), self.y
            with self.sheet.part_of(element):
                for line in labels:
                    self._text(self.margin, line, Style.REGULAR, self.SIZE, QUIET)
                    self.y -= self.LEADING
            lowest, self.y = self.y, top
            with self.sheet.part_of(element):
                for line in values:
                    self._text(self.values, line, Style.REGULAR, self.SIZE, INK)
                    self.y -= self.LEADING
            self.y = min(lowest, self.y) - self.GAP

    def _lines(self, row: Row, room: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        label, value = row
        return (
            wrapped(label, Style.REGULAR, self.SIZE, self.LABELS - 10),
            wrapped(shown(value), Style.REGULAR, self.SIZE, room),
        )

    def _height(self, lines: tuple[tuple[str, ...], tuple[str, ...]]) -> float:
        return self.LEADING * max(map(len, lines)) + self.GAP

    def _text(self, x: float, text: str, style: Style, size: float, colour: Colour) -> None:
        self.sheet.text(x, self.y, text, style, size, colour)
