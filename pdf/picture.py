"""The stamp: each signer's mark with what is printed below it.

Where a certificate page follows, little; where none may, all of the evidence (SPEC D2).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pdf import ink
from pdf.certificate import HAIRLINE, INK, QUIET, Certificate, Signer, described, document_rows, label, short
from pdf.embedding import Fonts
from pdf.plan import Ground, Size
from pdf.shaping import fitted, wrapped
from pdf.sheet import Colour, Element, Sheet
from pdf.typeface import Style, shown
from pdf.wording import IN, REDISCLOSURE, REDISCLOSURE_IN_SPANISH, time_local, time_utc

WIDTH, HEIGHT = 220.0, 84.0
"""Points that one signer takes."""

HEIGHT_WITH_EVIDENCE = 98.0

MOST_COLUMNS = 3
"""Signers beside one another."""

SMALL, LEADING = 5.5, 7.0
"""Points: what is printed of the document under all marks, if no certificate page says it."""


@dataclass(frozen=True)
class Line:
    """A line of a signer, `y` points above the lower end of what the signer takes."""

    y: float
    style: Style
    size: float
    colour: Colour
    text: str = field(repr=False)


def sizes(certificate: Certificate, *, evidence: bool) -> list[Size]:
    """Of the stamp with its marks in one column, in two, and so on."""
    signers = len(certificate.signers)
    return [
        _size(columns, -(-signers // columns), len(_small_print(certificate, columns)) if evidence else 0, evidence)
        for columns in range(1, min(signers, MOST_COLUMNS) + 1)
    ]


def _size(columns: int, rows: int, lines: int, evidence: bool) -> Size:
    height = rows * (HEIGHT_WITH_EVIDENCE if evidence else HEIGHT)
    return columns * WIDTH, height + (lines * LEADING + 6 if lines else 0)


def draw(
    certificate: Certificate, columns: int, marks: list[Sheet], fonts: Fonts, ground: Ground, *, evidence: bool
) -> tuple[Sheet, tuple[Element, ...]]:
    """The picture, and what a screen reader is told of it.

    On dark ground it brings its own paper; on what it may not hide, an outline to each line.
    """
    outlined = ground is Ground.BUSY
    width, height = sizes(certificate, evidence=evidence)[columns - 1]
    sheet = Sheet(width, height, fonts, marked=not evidence)
    if ground is Ground.DARK:
        with sheet.decoration():
            sheet.fill((0, 0, width, height), ink.PAPER)
    said: list[Element] = []
    each = HEIGHT_WITH_EVIDENCE if evidence else HEIGHT
    for index, mark in enumerate(marks):
        row, column = divmod(index, columns)
        lines = _evidence(certificate, index) if evidence else _lines(certificate, index)
        with sheet.moved(column * WIDTH, height - (row + 1) * each):
            said += _draw_signer(sheet, certificate, index, mark, lines, outlined)
    if evidence:
        _draw_small_print(sheet, _small_print(certificate, columns), outlined)
    return sheet, tuple(said)


def _draw_signer(
    sheet: Sheet, certificate: Certificate, index: int, mark: Sheet, lines: list[Line], outlined: bool
) -> Iterator[Element]:
    rule = lines[0].y + 10.5
    figure = Element("Figure", description=described(certificate.signers[index], certificate.language))
    with sheet.part_of(figure), sheet.moved(6, rule + 2):
        sheet.show(label(index), mark)
    yield figure
    with sheet.decoration():
        if outlined:
            sheet.line((5, rule), (WIDTH - 5, rule), 2 * ink.OUTLINE, ink.PAPER)
        sheet.line((6, rule), (WIDTH - 6, rule), 0.5, QUIET)
    for line in lines:
        text, size = fitted(line.text, line.style, line.size, WIDTH - 12, least=5)
        if outlined:
            with sheet.decoration():
                ink.back(sheet, 6, line.y, text, line.style, size)
        element = Element("P")
        with sheet.part_of(element):
            sheet.text(6, line.y, text, line.style, size, line.colour)
        yield element


def _name(signer: Signer, y: float) -> Line:
    return Line(y, Style.BOLD, 8.0, INK, shown(signer.printed_name))


def _lines(certificate: Certificate, index: int) -> list[Line]:
    """The rest is on the certificate page."""
    signer, words = certificate.signers[index], IN[certificate.language]
    signed = words.stamp_signed.format(time=time_utc(signer.signed_at, certificate.language))
    request = words.stamp_request.format(request=short(shown(certificate.request_id)))
    return [
        _name(signer, 22.5),
        Line(13.0, Style.REGULAR, 6.5, QUIET, signed),
        Line(4.5, Style.REGULAR, 6.5, QUIET, request),
    ]


def _evidence(certificate: Certificate, index: int) -> list[Line]:
    signer, language = certificate.signers[index], certificate.language
    words = IN[language]
    method = {"drawn": words.drawn, "typed": words.typed}[signer.method]
    said = (
        f"{shown(signer.relationship)} · {method} · {words.ip_address} {shown(signer.ip_address)}",
        shown(signer.meaning),
        words.stamp_signed.format(time=time_utc(signer.signed_at, language)),
        f"{words.time_local}: {time_local(signer.signed_at, signer.timezone, language)}",
    )
    small = [Line(28.5 - 8 * at, Style.REGULAR, 6.0, QUIET, text) for at, text in enumerate(said)]
    return [_name(signer, 37.5), *small]


def _small_print(certificate: Certificate, columns: int) -> list[str]:
    """What concerns the document, in lines as wide as the stamp."""
    said = [f"{words}: {shown(value)}" for words, value in document_rows(certificate)]
    if certificate.redisclosure_notice:
        said.append(REDISCLOSURE)
        if certificate.language == "es":
            said.append(REDISCLOSURE_IN_SPANISH)
    return [line for text in said for line in wrapped(text, Style.REGULAR, SMALL, columns * WIDTH - 12)]


def _draw_small_print(sheet: Sheet, lines: list[str], outlined: bool) -> None:
    top = len(lines) * LEADING + 2
    sheet.line((6, top), (sheet.width - 6, top), 0.5, HAIRLINE)
    for at, text in enumerate(lines):
        y = top - LEADING * (at + 1) + 1
        if outlined:
            ink.back(sheet, 6, y, text, Style.REGULAR, SMALL)
        sheet.text(6, y, text, Style.REGULAR, SMALL, QUIET)


def in_words(certificate: Certificate) -> str:
    """All that the picture with evidence says, for readers and programs that do not look at it."""
    lines = [line.text for index in range(len(certificate.signers)) for line in _evidence(certificate, index)]
    return "\n".join([*lines, *(f"{words}: {shown(value)}" for words, value in document_rows(certificate))])
