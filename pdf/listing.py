"""A list as a PDF of its own, in letters of every script: a heading, and entry after entry with its lines."""

from collections.abc import Iterable, Sequence

from pypdf import apply_configuration

from pdf.addition import append
from pdf.embedding import Fonts
from pdf.shaping import width, wrapped
from pdf.sheet import Colour, Element, Sheet
from pdf.tagging import Section, tag
from pdf.typeface import Style, shown
from pdf.update import READING, Update

WIDTH, HEIGHT, MARGIN = 612.0, 792.0, 54.0
"""Points: US letter."""

SIZE, LEADING, GAP = 8.5, 12.0, 6.0
INK, QUIET = (0.1, 0.1, 0.12), (0.38, 0.38, 0.42)

NOTHING = (
    b"%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R /Lang (en)>>\nendobj\n"
    b"2 0 obj\n<</Type /Pages /Kids [] /Count 0>>\nendobj\nxref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n"
    b"0000000067 00000 n \ntrailer\n<</Root 1 0 R /Size 3>>\nstartxref\n117\n%%EOF\n"
)
"""A document without pages, to which they are appended."""


def listing(title: str, about: str, entries: Iterable[Sequence[str]]) -> bytes:
    """Of each entry the first line is printed bold, the others below it. Blocks; not for an event loop."""
    pen = _Pen(title)
    pen.write("H1", Style.BOLD, 15, INK, title)
    pen.write("P", Style.REGULAR, SIZE, QUIET, about)
    for first, *others in entries:
        pen.y -= GAP
        if pen.y - 2 * LEADING < MARGIN:
            pen.turn()  # a name does not stand alone at the foot of a page
        pen.write("P", Style.BOLD, SIZE, INK, first)
        for line in others:
            pen.write("P", Style.REGULAR, SIZE, QUIET, line)
    pen.end()
    with apply_configuration(READING):
        update = Update(NOTHING)
        places = append(update, pen.finished, pen.fonts)
        tag(update, [Section(title, "en", tuple(pen.elements))], places)
        return NOTHING + bytes(update.write().section)


class _Pen:
    """Moves down the pages and starts another where one ends."""

    def __init__(self, title: str) -> None:
        self.title, self.fonts = title, Fonts()
        self.finished: list[Sheet] = []
        self.elements: list[Element] = []
        self.sheet = Sheet(WIDTH, HEIGHT, self.fonts)
        self.y = HEIGHT - MARGIN

    def write(self, kind: str, style: Style, size: float, colour: Colour, text: str) -> None:
        element = Element(kind)
        self.elements.append(element)
        for line in wrapped(shown(text), style, size, WIDTH - 2 * MARGIN):
            if self.y - size < MARGIN:
                self.turn()
            self.y -= max(size + 3, LEADING)
            with self.sheet.part_of(element):
                self.sheet.text(MARGIN, self.y, line, style, size, colour)

    def turn(self) -> None:
        self.end()
        self.sheet, self.y = Sheet(WIDTH, HEIGHT, self.fonts), HEIGHT - MARGIN

    def end(self) -> None:
        number = f"{self.title}, page {len(self.finished) + 1}"
        with self.sheet.decoration():
            left = WIDTH - MARGIN - width(number, Style.REGULAR, 7)
            self.sheet.text(left, MARGIN - 20, number, Style.REGULAR, 7, QUIET)
        self.finished.append(self.sheet)
