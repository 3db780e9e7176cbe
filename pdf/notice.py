"""A copy that goes to somebody else than the client carries the notice of 42 CFR 2.32, on a page of its own."""

from pypdf import apply_configuration

from pdf.addition import append
from pdf.embedding import Fonts
from pdf.shaping import wrapped
from pdf.sheet import Element, Sheet
from pdf.tagging import Section, tag
from pdf.typeface import Style
from pdf.update import READING, Update
from pdf.wording import IN, REDISCLOSURE

WIDTH, HEIGHT, MARGIN = 612.0, 792.0, 72.0
"""Points: US letter."""

INK = (0.1, 0.1, 0.12)


def with_notice(original: bytes) -> bytes:
    """The document with the notice behind its last page; the original bytes are its unchanged beginning.

    For documents that bear no signature: the certificate of a signed copy holds the notice already. Raises
    `CannotUpdate` for what could not be signed either. Blocks; not for an event loop.
    """
    heading, words = Element("H1"), Element("P", language="en")
    fonts = Fonts()
    sheet = Sheet(WIDTH, HEIGHT, fonts)
    with sheet.part_of(heading):
        sheet.text(MARGIN, HEIGHT - MARGIN - 20, IN["en"].notice, Style.BOLD, 20, INK)
    with sheet.part_of(words):
        for number, line in enumerate(wrapped(REDISCLOSURE, Style.REGULAR, 14, WIDTH - 2 * MARGIN)):
            sheet.text(MARGIN, HEIGHT - MARGIN - 60 - 20 * number, line, Style.REGULAR, 14, INK)
    with apply_configuration(READING):
        update = Update(original)
        places = append(update, [sheet], fonts)
        tag(update, [Section(IN["en"].notice, "en", (heading, words))], places)
        return original + bytes(update.write().section)
