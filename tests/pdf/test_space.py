"""Where the stamp goes: to free space of the last page, where a reader expects it; and how it can be seen anywhere."""

import io
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NumberObject, TextStringObject
from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from pdf import Inspected, Note, Plan, Way, inspect, stamp, verify
from pdf.likeness import differs
from pdf.placement import Geometry, Placement, Rectangle
from pdf.plan import LEAST_SCALE, Ground, Room, arrange
from pdf.space import _empty, look
from tests.pdf.paper import box, certificate, changed, content, paper, seal, seen, signer, with_annotation, written
from tests.pdf.test_placement import as_seen

WIDTH, HEIGHT = 220.0, 84.0
ONE = [(WIDTH, HEIGHT)]


def sheet(draw: Callable[[Canvas], object], size: tuple[float, float] = LETTER) -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=size)
    canvas.setFont("Helvetica", 11)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return made.getvalue()


def lines(
    *heights: float, left: float = 72, text: str = "A line of a progress note, as wide as such lines are."
) -> bytes:
    return sheet(lambda canvas: [canvas.drawString(left, height, text) for height in heights])


FULL = tuple(range(724, 71, -14))
"""Lines from the upper to the lower margin of a page of US Letter."""


def of_many(signers: int) -> list[tuple[float, float]]:
    return [(WIDTH * columns, HEIGHT * -(-signers // columns)) for columns in range(1, min(signers, 3) + 1)]


def placed(inspected: Inspected, page: Geometry | None = None, signers: int = 1) -> Placement:
    return arrange(page or Geometry((0, 0, *LETTER)), inspected.plan, of_many(signers)).placement


def ink_under(document: bytes, at: Rectangle, height: float = LETTER[1]) -> int:
    """How dark the darkest pixel is where the stamp goes, of 255."""
    page = seen(document, 0, 2.0)
    part = page.crop((int(2 * at.left), int(2 * (height - at.top)), int(2 * at.right), int(2 * (height - at.bottom))))
    lightest_or_darkest = part.getextrema()
    assert isinstance(lightest_or_darkest[0], int | float)
    return 255 - int(lightest_or_darkest[0])


def test_on_a_page_with_room_it_goes_to_the_lower_right() -> None:
    at = placed(inspect(lines(700, 680))).seen
    assert (at.left, at.bottom, at.width) == pytest.approx((LETTER[0] - 24 - WIDTH, 24, WIDTH))


PAGES = {
    "a footer at the right": lines(700, *range(30, 60, 12), left=300),
    "text at the bottom": lines(*range(40, 400, 14)),
    "text all across, the top is free": lines(*range(40, 600, 14)),
    "only the margins are free": lines(*FULL, text="words " * 15),
    "a column at the right": lines(*FULL, left=300),
    "a frame around": sheet(lambda canvas: canvas.rect(30, 30, 552, 732)),
    "a grid": sheet(
        lambda canvas: [canvas.rect(40 + 133 * x, 40 + 100 * y, 133, 100) for x in range(4) for y in range(7)]
    ),
}


@pytest.mark.parametrize("what", PAGES)
@pytest.mark.parametrize("signers", [1, 2, 3])
def test_it_covers_nothing_where_there_is_room(what: str, signers: int) -> None:
    inspected = inspect(PAGES[what])
    offered = arrange(Geometry((0, 0, *LETTER)), inspected.plan, of_many(signers))
    if offered.room is None:
        assert signers > 1, "one signer finds room on each of these pages"
        return
    assert offered.ground is Ground.LIGHT
    assert ink_under(PAGES[what], offered.placement.seen) == 0
    assert offered.placement.matrix.a >= LEAST_SCALE


def test_it_shrinks_before_it_covers_something() -> None:
    at = placed(inspect(PAGES["only the margins are free"]))
    assert at.matrix.a < 0.7
    assert at.seen.top < 72


def test_where_everything_is_covered_it_covers_the_least_and_outlines_itself() -> None:
    crowded = sheet(
        lambda canvas: [canvas.drawString(0, y, "words upon words " * 9) for y in range(4, 792, 9) if not 300 < y < 330]
    )
    inspected = inspect(crowded)
    assert [room.ground for room in inspected.plan.rooms] == [Ground.BUSY]
    assert 270 < placed(inspected).seen.bottom < 330
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    at = placed(inspected).seen
    before, after = (seen(each, 0, 2.0) for each in (crowded, signed))
    part = (int(2 * at.left), int(2 * (792 - at.top)), int(2 * at.right), int(2 * (792 - at.bottom)))
    lighter = sum(
        1
        for one, other in zip(before.crop(part).tobytes(), after.crop(part).tobytes(), strict=True)
        if other > one + 60
    )
    assert lighter > 200, "paper around the ink"


def test_where_it_would_hide_much_the_certificate_page_shows_it() -> None:
    full = sheet(lambda canvas: [canvas.drawString(0, y, "words upon words " * 9) for y in range(4, 792, 9)])
    inspected = inspect(full)
    assert inspected.plan.way is Way.CERTIFICATE
    assert inspected.notes == (Note.ON_CERTIFICATE,)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert not differs(seen(full, 0), seen(signed, 0))
    assert verify(signed, seal().chain_pem).valid


def test_the_marks_of_more_signers_than_have_room_are_on_certificate_pages() -> None:
    """What is tried at upload is what is done: no number of signers covers what one does not."""
    tight = sheet(lambda canvas: [canvas.drawString(0, y, "words upon words " * 9) for y in range(60, 792, 9)])
    inspected = inspect(tight)
    most = inspected.plan.most
    assert most
    assert 1 <= most < 6
    assert Plan.from_json(inspected.plan.to_json()) == inspected.plan
    for signers, on_page in ((most, True), (most + 1, False), (9, False)):
        signed = stamp(tight, certificate(*[signer()] * signers), seal(), inspected.plan).data
        assert differs(seen(tight, 0), seen(signed, 0)) is on_page, signers
        assert verify(signed, seal().chain_pem).valid


def test_a_plan_of_before_knows_no_number_of_signers() -> None:
    kept = Plan.from_json('{"way": "page", "rooms": [], "near": null, "metadata": true}')
    assert kept.with_signers(30).way is Way.PAGE


LABELS = {
    "before a line": "Client signature: ______________________",
    "alone": "Signature",
    "in Spanish": "Firma del paciente: ____________________",
    "among others": "Parent or guardian signature",
    "as a verb": "Signed by: ______________________",
}


@pytest.mark.parametrize("which", LABELS)
@pytest.mark.parametrize("height", [600, 350])
def test_a_line_for_a_signature_attracts_it(which: str, height: int) -> None:
    at = placed(inspect(lines(740, height, text=LABELS[which]))).seen
    assert at.left < 300
    assert -HEIGHT - 20 < at.bottom - height < 40


def test_the_clients_line_attracts_it_rather_than_anothers() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 600, "Therapist signature: ________________")
        canvas.drawString(72, 250, "Patient signature: ________________")

    assert placed(inspect(sheet(draw))).seen.top < 400


@pytest.mark.parametrize(("rotate", "unit"), [(rotate, unit) for rotate in (0, 90, 180, 270) for unit in (1.0, 2.5)])
def test_a_line_for_a_signature_is_found_on_turned_cropped_moved_and_scaled_pages(rotate: int, unit: float) -> None:
    page = Geometry((-100, 200, 495, 1042), (405, 270, -50, 1012), rotate, unit)
    document = changed(
        lines(600, text="Signature: ________"),
        MediaBox=box(*page.media_box),
        CropBox=box(405, 270, -50, 1012),
        Rotate=NumberObject(rotate),
        UserUnit=FloatObject(unit),
    )
    _, near = look(document, 0, page)
    assert near == pytest.approx(as_seen(page, 72, 600), abs=4 * unit)


@pytest.mark.parametrize(
    "text",
    [
        "By clicking the button you agree that an electronic signature is as good as one by hand, and so on.",
        "signed copies are kept for six years.",
    ],
)
def test_the_word_in_running_text_does_not_attract_it(text: str) -> None:
    assert placed(inspect(lines(740, 600, text=text))).seen.bottom == pytest.approx(24)


TURNED = [(rotate, unit) for rotate in (0, 90, 180, 270) for unit in (1.0, 2.5)]


@pytest.mark.parametrize(("rotate", "unit"), TURNED)
def test_on_turned_cropped_moved_and_scaled_pages_it_finds_the_free_space_too(rotate: int, unit: float) -> None:
    """Text everywhere but in one place; nothing else of the page changes."""
    marks = b" ".join(
        b"%d %d 12 6 re f" % (x, y)
        for x, y in itertools.product(range(-100, 495, 18), range(200, 1042, 12))
        if not (60 < x < 330 and 500 < y < 760)
    )
    original = changed(
        paper(),
        Contents=content(marks),
        MediaBox=box(-100, 200, 495, 1042),
        CropBox=box(405, 270, -50, 1012),
        Rotate=NumberObject(rotate),
        UserUnit=FloatObject(unit),
    )
    inspected = inspect(original)
    page = Geometry((-100, 200, 495, 1042), (405, 270, -50, 1012), rotate, unit)
    offered = arrange(page, inspected.plan, ONE)
    assert offered.ground is Ground.LIGHT
    at = offered.placement.rectangle
    assert at.left > 60
    assert at.right < 342
    assert at.bottom > 500
    assert at.top < 766


def test_on_dark_pages_it_brings_its_own_paper() -> None:
    dark = changed(paper(), Contents=content(b"0.05 g 0 0 612 792 re f"))
    inspected = inspect(dark)
    assert inspected.plan.way is Way.PAGE
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    on_light = stamp(paper(), certificate(), seal(), Plan(rooms=(Room(Rectangle(0, 0, 612, 400), Ground.LIGHT),))).data
    at = (2 * 370, 2 * (792 - 106), 2 * 586, 2 * (792 - 26))
    assert seen(signed, 0, 2.0).crop(at).tobytes() == seen(on_light, 0, 2.0).crop(at).tobytes()
    assert seen(signed, 0, 2.0).getpixel((100, 100)) == 13


def test_on_light_pages_it_brings_none() -> None:
    grey = changed(paper(), Contents=content(b"0.9 g 0 0 612 792 re f"))
    inspected = inspect(grey)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert max(seen(signed, 0, 2.0).tobytes()) == 230


def test_scanned_paper_is_free_where_nothing_is_written() -> None:
    grain = b" ".join(
        b"%.3f g %d %d 2 2 re f" % (0.9 + ((x * 7919 + y * 104729) % 13) / 130, x, y)
        for x in range(0, 612, 2)
        for y in range(0, 792, 2)
    )
    inspected = inspect(changed(paper(), Contents=content(grain + b" 0 g 50 500 400 100 re f")))
    assert [room.ground for room in inspected.plan.rooms][:1] == [Ground.LIGHT]


def test_the_same_bytes_have_the_same_plan() -> None:
    for document in (*PAGES.values(), changed(paper(), Contents=content(b"0.05 g 0 0 612 792 re f"))):
        assert inspect(document).plan == inspect(document).plan


# -- the plan, without a page

rooms = st.builds(
    lambda left, bottom, width, height, ground: Room(Rectangle(left, bottom, left + width, bottom + height), ground),
    st.floats(0, 2000),
    st.floats(0, 2000),
    st.floats(1, 2000),
    st.floats(1, 2000),
    st.sampled_from(Ground),
)
plans = st.builds(
    Plan,
    st.sampled_from(Way),
    st.lists(rooms, max_size=6).map(tuple),
    st.none() | st.tuples(st.floats(0, 2000), st.floats(0, 2000)),
    st.booleans(),
)


@given(plans)
def test_a_plan_is_kept_as_json(plan: Plan) -> None:
    assert Plan.from_json(plan.to_json()) == plan


@given(plans, st.integers(1, 12))
def test_a_stamp_is_in_a_room_or_in_none(plan: Plan, signers: int) -> None:
    offered = arrange(Geometry((0, 0, 2000, 2000)), plan, of_many(signers))
    at = offered.placement.seen
    if offered.room:
        inside = offered.room.box
        assert at.left >= inside.left - 1e-6
        assert at.right <= inside.right + 1e-6
        assert at.bottom >= inside.bottom - 1e-6
        assert at.top <= inside.top + 1e-6
    width, height = of_many(signers)[offered.columns - 1]
    assert at.width / at.height == pytest.approx(width / height)


@given(
    st.integers(1, 7).flatmap(lambda width: st.lists(st.binary(min_size=width, max_size=width), min_size=1, max_size=6))
)
def test_the_empty_rectangles_are_all_that_cannot_be_larger(grid: list[bytes]) -> None:
    cells = [bytes(255 if cell > 160 else 0 for cell in row) for row in grid]
    width, height = len(cells[0]), len(cells)
    found = set(_empty(Image.frombytes("L", (width, height), b"".join(cells))))

    def empty(left: int, upper: int, right: int, lower: int) -> bool:
        return (
            0 <= left < right <= width
            and 0 <= upper < lower <= height
            and not any(any(row[left:right]) for row in cells[upper:lower])
        )

    everything = {
        each
        for each in itertools.product(range(width), range(height), range(1, width + 1), range(1, height + 1))
        if empty(*each)
    }
    largest = {
        (left, upper, right, lower)
        for left, upper, right, lower in everything
        if not (
            empty(left - 1, upper, right, lower)
            or empty(left, upper - 1, right, lower)
            or empty(left, upper, right + 1, lower)
            or empty(left, upper, right, lower + 1)
        )
    }
    assert largest <= found <= everything


def test_several_signers_stand_beside_one_another_where_the_page_is_low() -> None:
    inspected = inspect(sheet(lambda canvas: canvas.drawString(40, 130, "A low page."), (700, 150)))
    many = certificate(signer(), signer(name="Second Person"), signer(name="Third Person"))
    at = arrange(Geometry((0, 0, 700, 150)), inspected.plan, of_many(3))
    assert at.columns > 1
    assert ink_under(inspected.data, at.placement.seen, 150) == 0
    signed = stamp(inspected.data, many, seal(), inspected.plan)
    assert signed.pages > 1


@pytest.mark.parametrize("look", [None, "/Helv 12 Tf 1 0 0 rg", "0 0 1 rg /Arial 10 Tf"])
def test_text_that_readers_draw_by_themselves_stays(look: str | None) -> None:
    """They take letters for it from the document's form, of which a signature makes one."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    note = {
        "/Subtype": NameObject("/FreeText"),
        "/F": NumberObject(4),
        "/Rect": box(40, 300, 300, 360),
        "/Contents": TextStringObject("Seen by phone."),
        **({"/DA": TextStringObject(look)} if look else {}),
    }
    entries = DictionaryObject({NameObject(key): value for key, value in note.items()})
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(entries)])
    original = written(writer)
    assert differs(seen(paper(), 0), seen(original, 0))
    inspected = inspect(original)
    assert (inspected.data, inspected.plan.way) == (original, Way.PAGE)


def test_an_annotation_takes_room_as_what_is_printed_does() -> None:
    """It would lie over a stamp in the page's content."""
    picture = content(b"0 g 0 0 312 100 re f")
    picture.update({NameObject("/Subtype"): NameObject("/Form"), NameObject("/BBox"): box(0, 0, 312, 100)})
    at = placed(inspect(with_annotation(paper(), picture, 300, 0, 612, 100))).seen
    assert at.bottom > 100 or at.right < 300
