"""What is added to a document when it is signed, drawn but not yet in it: the stamp and the certificate pages."""

from dataclasses import dataclass

from pdf import ink, picture
from pdf.certificate import LARGEST_PAGE, SMALLEST_PAGE, Certificate, Pages
from pdf.embedding import Fonts
from pdf.placement import Numbers4
from pdf.plan import Arranged, Ground, Way
from pdf.sheet import Element, Sheet
from pdf.wording import Language


@dataclass(frozen=True)
class Layout:
    """With what a screen reader is told of it. Which of the two there are, the way decides (`pdf.plan.Way`)."""

    language: Language
    fonts: Fonts
    picture: Sheet | None
    picture_says: tuple[Element, ...]
    pages: tuple[Sheet, ...]
    pages_say: tuple[Element, ...]
    first_mark: tuple[Sheet, Numbers4] | None
    """The certificate page that shows it, and where."""


def lay_out(
    certificate: Certificate, way: Way, page_width: float, page_height: float, stamp: Arranged | None
) -> Layout:
    """As many certificate pages as are needed, of this size in points, bounded. Without a stamp: pages alone."""
    outlined = stamp is not None and stamp.ground is Ground.BUSY
    fonts, marks = Fonts(), []
    for signer in certificate.signers:
        mark = Sheet(ink.WIDTH, ink.HEIGHT, fonts)
        ink.draw(mark, signer.mark, outlined=outlined)
        marks.append(mark)
    shown: Sheet | None = None
    said: tuple[Element, ...] = ()
    if stamp:
        evidence = way is Way.WIDGET
        shown, said = picture.draw(certificate, stamp.columns, marks, fonts, stamp.ground, evidence=evidence)
    if way is Way.WIDGET:
        return Layout(certificate.language, fonts, shown, said, (), (), None)
    page_width, page_height = (min(max(side, SMALLEST_PAGE), LARGEST_PAGE) for side in (page_width, page_height))
    pages = Pages(certificate, page_width, page_height, fonts, marks)
    pages.draw()
    return Layout(
        certificate.language, fonts, shown, said, tuple(pages.finished), tuple(pages.elements), pages.shown[0]
    )
