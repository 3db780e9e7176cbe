"""Signing a document for trial, before anybody is asked to: which way it can go, where the stamp has room, and whether
all that has to hold of a signed copy holds of this one. For confined processes.
"""

import functools
import io
import itertools
from dataclasses import replace
from datetime import UTC, datetime

from PIL import Image, ImageChops
from reportlab.pdfgen.canvas import Canvas

from pdf import picture
from pdf.certificate import Certificate, Signer
from pdf.cms import DAMAGED
from pdf.earlier import Judgements, judged
from pdf.likeness import Unviewable, added, contrast, differs, differs_only_within, pixels, view, views
from pdf.page import count_pages
from pdf.placement import Geometry, Rectangle
from pdf.plan import Ground, Plan, Size, Way, arrange
from pdf.seal import Seal, make_demo_seal
from pdf.signature import Drawing, Point
from pdf.space import covered, look, rooms_on
from pdf.stamp import Draft
from pdf.update import Update

LEAST_WIDTH = 44.0
"""Points, a fifth of its full size: no eye finds a smaller stamp on a page."""

LEAST_CONTRAST = 0.5
"""Of the trial's on white paper: less where an annotation lies over it, or where the page swallows it."""

SHARP = 1600
"""Pixels of the pictures in which an outline of two points is seen."""

MOST_PLANNED = 6
"""Signers for whom the plan has the best room; more of them share the room of these."""


HIDES_MUCH = 0.5
"""Of what a stamp would lie on, where something is drawn: then the certificate pages show the marks alone."""


def plan(data: bytes, pages: int, page: Geometry, way: Way) -> Plan | None:
    """A plan that goes well on trial; None where it does not. Raises `CannotStamp` where only a repair may help.

    It may say another way: a stamp is not to hide much of a page, if certificate pages can show the marks.
    """
    try:
        before, label = look(data, pages - 1, page)
        found = Plan(way)
        if way is not Way.CERTIFICATE:
            found = Plan(way, rooms_on(before, page, _sizes(way), label), label)
        if way is Way.PAGE and _hides_much(before, page, found):
            elsewhere = Plan(Way.CERTIFICATE)
            found = elsewhere if _stamps_well(data, pages, before, elsewhere, 1) else found
            return found if found is elsewhere or _stamps_well(data, pages, before, found, 1) else None
        if not _stamps_well(data, pages, before, found, 1):
            return None
        return _for_several(data, pages, before, page, found)
    except Unviewable:
        return None


def _hides_much(before: Image.Image, page: Geometry, found: Plan) -> bool:
    busy = [room.box for room in found.rooms if room.ground is Ground.BUSY]
    return bool(busy) and covered(before, page, busy[0]) > HIDES_MUCH


def _for_several(data: bytes, pages: int, before: Image.Image, page: Geometry, found: Plan) -> Plan:
    """With the number of signers for whom it goes well, tried. More than the page has room for go another way.

    Raises `CannotStamp` where no number of signers but one can sign.
    """
    if found.way is not Way.PAGE:
        Draft.of(data, _trial(MOST_PLANNED + 1), _trial_seal(), found).revision()
        return found
    Draft.of(data, _trial(MOST_PLANNED + 1), _trial_seal(), Plan(Way.CERTIFICATE)).revision()
    room_for = (arrange(page, found, sizes).ground is not Ground.BUSY for sizes in _sizes(Way.PAGE)[1:])
    most = 1 + sum(itertools.takewhile(bool, room_for))
    if most > 1 and not _stamps_well(data, pages, before, found, most):
        most = 1
    return replace(found, most=most)


def _stamps_well(data: bytes, pages: int, before: Image.Image, planned: Plan, signers: int) -> bool:
    """Stamp and seal for trial: do the marks show, and does the rest stay? Valid it is, or `CannotStamp` is raised.

    `before` is the last page. Raises `Unviewable` too.
    """
    draft = Draft.of(data, _trial(signers), _trial_seal(), planned)
    # whether pyHanko can read the document does not depend on how many sign it
    stamped = draft.sealed().data if signers == 1 else data + draft.revision().section
    if draft.seen.width < LEAST_WIDTH or count_pages(Update(stamped).root, draft.pages) != draft.pages:
        return False
    others = sorted({0, pages - 2} & set(range(pages - 1))) if signers == 1 else []
    were = views(data, others)[1] if others else []
    _, (*are, after) = views(stamped, [*others, pages - 1])
    if any(map(differs, were, are)):
        return False
    on_blank = _on_blank(draft.page, planned, signers)
    if planned.way is Way.CERTIFICATE:
        # of the document nothing can be in the certificate pages, so they look as behind a blank one
        added_pages = range(draft.pages - pages)
        return not differs(before, after) and not any(
            differs(view(on_blank, 1 + page), view(stamped, pages + page)) for page in added_pages
        )
    part = _part(draft)
    if not differs_only_within(before, after, part) or not added(before, after, part).getbbox():
        return False
    if draft.ground is not Ground.BUSY:
        return _shows(after, view(on_blank, 0), part)
    return _shows(view(stamped, pages - 1, SHARP), view(on_blank, 0, SHARP), part)


def _shows(after: Image.Image, on_blank: Image.Image, part: Rectangle) -> bool:
    """Whether each quarter of the stamp stands out from what is around it, as it does on white paper."""
    shown, ideal = (image.crop(pixels(after, part)) for image in (after, on_blank))
    x, y = shown.width // 2, shown.height // 2
    for quarter in ((left, upper, left + x, upper + y) for left in (0, x) for upper in (0, y)):
        ink = ImageChops.invert(ideal.crop(quarter))
        if contrast(shown.crop(quarter), ink) < LEAST_CONTRAST * contrast(ideal.crop(quarter), ink):
            return False
    return True


def _on_blank(page: Geometry, planned: Plan, signers: int) -> bytes:
    """The same stamp on a blank page that is as large."""
    original = blank(page.seen_width, page.seen_height)
    return original + Draft.of(original, _trial(signers), _trial_seal(), planned).revision().section


def keeps_signatures(data: bytes, were: Judgements, planned: Plan) -> bool:
    """Whether a validator finds those of others as good after the trial as they `were`."""
    try:
        return not were - judged(Draft.of(data, _trial(), _trial_seal(), planned).sealed().data)
    except DAMAGED:
        return False


def _part(draft: Draft) -> Rectangle:
    """Of the page where the stamp is, in shares."""
    seen, page = draft.seen, draft.page
    return Rectangle(
        seen.left / page.seen_width,
        seen.bottom / page.seen_height,
        seen.right / page.seen_width,
        seen.top / page.seen_height,
    )


def rehearse() -> None:
    """Make what every trial needs, so that no confined process has to."""
    for way in (Way.PAGE, Way.WIDGET):
        _sizes(way)


def blank(width: float = 595, height: float = 842) -> bytes:
    """A document of one page."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(width, height))
    canvas.showPage()
    canvas.save()
    return made.getvalue()


@functools.cache
def _sizes(way: Way) -> tuple[tuple[Size, ...], ...]:
    """Of stamps of one signer, of two, and so on."""
    many = map(_trial, range(1, MOST_PLANNED + 1))
    return tuple(tuple(picture.sizes(each, evidence=way is Way.WIDGET)) for each in many)


@functools.cache
def _trial_seal() -> Seal:
    return Seal.load(*make_demo_seal("Trial"))


@functools.cache
def _trial(signers: int = 1) -> Certificate:
    at = datetime(2000, 1, 1, tzinfo=UTC)
    strokes = tuple(tuple(Point(x, y, 0.0, 0.9) for x in (10.0, 250.0, 490.0)) for y in range(10, 150, 3))
    signer = Signer(
        "Trial of somebody whose name fills the line",
        "self",
        "trial",
        at,
        "UTC",
        "drawn",
        Drawing(500, 160, strokes),
        "::1",
    )
    request_id = "00000000-0000-7000-8000-000000000000"
    return Certificate(request_id, "0" * 64, "0000-00", "0" * 64, (signer,) * signers)
