"""Stamping: from an original and its signatures to the signed copy (SPEC D1 to D3)."""

import hashlib
import io
import mmap
import re
from pathlib import Path

import pytest
from PIL import ImageChops
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from pdf import CannotStamp, Plan, TypedName, revise, stamp, verify
from pdf.page import balance
from pdf.placement import MARGIN, Rectangle
from pdf.plan import Ground, Room
from pdf.stamp import Draft
from tests.pdf.paper import (
    REQUEST_ID,
    box,
    certificate,
    changed,
    content,
    corpus,
    drawing,
    paper,
    seal,
    seal_pem,
    seen,
    signer,
    text_of,
    written,
)

WIDTH, HEIGHT, RULE = 220.0, 84.0, 33.0
"""Points: the stamp, and the height of the line that its mark stands on."""


ANYWHERE = Plan(rooms=(Room(Rectangle(0, 0, 20_000, 20_000), Ground.LIGHT),))
"""Without an outline."""


def check_stamped(original: bytes, page: int, user_unit: float = 1.0, plan: Plan | None = None) -> None:
    """Stamped where it belongs and upright, and nothing else of the page changed: seen through PDFium."""
    signed = stamp(original, certificate(), seal(), plan)
    assert signed.data.startswith(original)
    scale = 2.0 * user_unit  # PDFium's pages count in user space units; so a point is two pixels
    before = seen(original, page, min(scale, 3000 / 842))
    after = seen(signed.data, page, min(scale, 3000 / 842))
    assert before.size == after.size
    difference = ImageChops.difference(before, after).point(lambda value: 255 if value > 8 else 0)
    found = difference.getbbox()
    assert found, "the stamp does not show"
    pixels = min(scale, 3000 / 842) / user_unit
    shrunk = min(1.0, 0.9 * before.width / pixels / WIDTH, 0.9 * before.height / pixels / HEIGHT) * pixels
    margin_x = min(MARGIN * pixels, (before.width - WIDTH * shrunk) / 2)
    margin_y = min(MARGIN * pixels, (before.height - HEIGHT * shrunk) / 2)
    left, lower = before.width - margin_x - WIDTH * shrunk, before.height - margin_y
    assert found[0] >= left - 2
    assert found[1] >= lower - HEIGHT * shrunk - 2
    assert found[2] <= left + WIDTH * shrunk + 2
    assert found[3] <= lower + 2
    # upright: the line lies below the middle, all across; what is printed below it begins at its left end
    rule = round(lower - RULE * shrunk)
    rows = [
        sum(1 for x in range(before.width) if difference.getpixel((x, y))) for y in range(max(0, rule - 2), rule + 3)
    ]
    assert max(rows) > 0.9 * (WIDTH - 12) * shrunk
    below = difference.crop((int(left), rule + 2, int(left + WIDTH * shrunk), int(lower)))
    ink = below.getbbox()
    assert ink
    assert ink[0] < 0.06 * below.width
    assert ink[2] < 0.85 * below.width


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize("user_unit", [1.0, 2.5])
def test_the_stamp_is_upright_on_turned_cropped_moved_and_scaled_pages(rotate: int, user_unit: float) -> None:
    original = changed(
        paper(2),
        MediaBox=box(-100, 200, 495, 1042),
        CropBox=box(405, 270, -50, 1012),
        Rotate=NumberObject(rotate),
        UserUnit=FloatObject(user_unit),
    )
    check_stamped(original, 1, user_unit)


def test_the_stamp_is_upright_on_every_geometry_of_the_corpus() -> None:
    for path in corpus("synth__geom_"):
        unit = re.search(r"_u([\d.]+)\.pdf", path.name)
        assert unit
        check_stamped(path.read_bytes(), 1, float(unit[1]), ANYWHERE)


@pytest.mark.parametrize(
    "how",
    [
        {"MediaBox": box(0, 0, 60, 40)},
        {"MediaBox": box(0, 0, 1440, 1440)},
        {"Contents": content(b"q q 0.5 0 0 0.5 100 100 cm 1 0 0 rg 0 0 50 50 re f")},
        {"Contents": content(b"0 0 50 50 re f Q Q")},
        {"Contents": content(b"(a paren \\) q q q ) pop <71> % q q\n0 0 50 50 re f")},
        {"Contents": None},
        {"Contents": content(b"BI /W 1 /H 1 /BPC 8 /CS /G ID q EI 0 0 50 50 re f q")},
        {"Resources": None, "Contents": None},
    ],
    ids=["tiny", "large", "open q", "too many Q", "q in strings", "no contents", "q in an image", "no resources"],
)
def test_whatever_the_page_left_behind_does_not_reach_the_stamp(how: dict[str, object]) -> None:
    check_stamped(changed(paper(2), **how), 1)


def test_unbalanced_content_is_counted() -> None:
    assert balance(b"") == (0, 0)
    assert balance(b"q 1 0 0 1 0 0 cm Q") == (0, 0)
    assert balance(b"q q Q") == (0, 1)
    assert balance(b"Q Q q") == (2, 1)
    assert balance(b"(\\( q (q) ) Tj q") == (0, 1)
    assert balance(b"/q gs q% q\nQ") == (0, 0)


def test_the_original_is_the_unchanged_beginning_and_stamping_again_starts_from_it() -> None:
    original = paper(3)
    first, second = (stamp(original, certificate(), seal()) for _ in range(2))
    for signed in (first, second):
        assert signed.data.startswith(original)
        assert signed.pages == 4 == len(PdfReader(io.BytesIO(signed.data), strict=True).pages)
        assert text_of(signed.data, 2).count("Signed 23 November 2026") == 1


def test_a_mapped_file_is_revised_without_being_copied_and_the_hashes_are_told(tmp_path: Path) -> None:
    original = paper(3)
    file = tmp_path / "original.pdf"
    file.write_bytes(original)
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        revision = revise(mapped, certificate(), seal())
    signed = original + revision.section
    assert verify(signed, seal_pem()[1]).valid
    assert revision.pages == len(PdfReader(io.BytesIO(signed), strict=True).pages)
    assert revision.original_sha256 == hashlib.sha256(original).hexdigest()
    assert revision.sha256 == hashlib.sha256(signed).hexdigest()


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\r"])
def test_whatever_the_original_ends_with_its_hash_is_found_again(ending: bytes) -> None:
    original = paper().rstrip() + ending
    found = verify(stamp(original, certificate(), seal()).data, seal_pem()[1])
    assert found.valid


def test_the_cross_reference_style_of_the_file_is_kept() -> None:
    with_table = paper()
    with_stream = _with_cross_reference_stream()
    assert b"\nxref\n" in stamp(with_table, certificate(), seal()).data[len(with_table) :]
    assert b"\nxref\n" not in stamp(with_stream, certificate(), seal()).data
    check_stamped(with_stream, 0)


def _with_cross_reference_stream() -> bytes:
    """Made by hand: neither pypdf nor reportlab writes one for a new file."""
    made = io.BytesIO()
    made.write(b"%PDF-1.7\n")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
    ]
    rows = b"\0" * 6 + b"\xff"
    for number, body in enumerate(objects, 1):
        rows += b"\1" + made.tell().to_bytes(4, "big") + b"\0\0"
        made.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    at = made.tell()
    rows += b"\1" + at.to_bytes(4, "big") + b"\0\0"
    rows = rows[:5] + b"\xff\xff" + rows[7:]
    made.write(b"4 0 obj\n<</Type/XRef/Size 5/Root 1 0 R/W[1 4 2]/Length %d>>stream\n" % len(rows))
    made.write(rows + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % at)
    return made.getvalue()


def test_a_typed_name_is_text_in_an_embedded_font() -> None:
    signed = stamp(paper(), certificate(signer(TypedName("Renée Fictional"), "Someone Else")), seal())
    stamped, certified = (PdfReader(io.BytesIO(signed.data)).pages[page] for page in (0, 1))
    assert "Renée Fictional" in stamped.extract_text()
    assert "Renée Fictional" in certified.extract_text()
    assert b"FontFile2" in signed.data[len(paper()) :]


@pytest.mark.parametrize(
    "name",
    [
        "María de los Ángeles Fernández-Villaverde y Gutiérrez de la Concepción Montenegro y Castañeda Borja",
        "W" * 100,
        "李" * 100,
    ],
    ids=["words", "one word", "han"],
)
def test_nothing_of_a_long_typed_name_is_cut_off(name: str) -> None:
    signed = stamp(paper(), certificate(signer(TypedName(name), "Someone Else")), seal()).data
    for page in (0, 1):
        text = "".join(text_of(signed, page).split())
        assert "".join(name.split()) in text
        assert "…" not in text


def test_below_the_mark_are_name_time_and_request() -> None:
    text = text_of(stamp(paper(), certificate(), seal()).data, 0)
    assert "Zoë Müller-Łukaszewicz" in text
    assert "Signed 23 November 2026, 14:03:22 UTC" in text
    assert f"Request {REQUEST_ID.rpartition('-')[2]}" in text


def test_a_drawing_is_vectors_in_page_content_not_a_picture() -> None:
    original = paper()
    signed = stamp(original, certificate(), seal())
    added = signed.data[len(original) :]
    assert b"/Subtype /Image" not in added
    assert b"/Subtype/Image" not in added


def test_the_signature_field_is_a_blank_certifying_widget_over_the_stamp() -> None:
    reader = PdfReader(io.BytesIO(stamp(paper(), certificate(), seal()).data))
    annotations = reader.pages[0]["/Annots"]
    assert isinstance(annotations, ArrayObject)
    widget = annotations[-1].get_object()
    assert widget["/FT"] == "/Sig"
    assert [round(float(side)) for side in widget["/Rect"]] == [368, 24, 588, 108]
    assert widget["/AP"]["/N"].get_data() == b""
    assert widget["/V"]["/SubFilter"] == "/ETSI.CAdES.detached"
    assert widget["/V"]["/Reference"][0]["/TransformParams"]["/P"] == 1
    root = reader.trailer["/Root"]
    assert isinstance(root, DictionaryObject)
    assert root["/Perms"]["/DocMDP"] == widget["/V"]  # type: ignore[index]


def test_a_page_that_is_in_the_document_twice_is_stamped_in_its_last_place_only() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper(2)))
    tree = writer._pages.get_object()
    assert isinstance(tree, DictionaryObject)
    kids = tree["/Kids"]
    assert isinstance(kids, ArrayObject)
    kids.append(kids[0])
    tree[NameObject("/Count")] = NumberObject(3)
    original = written(writer)
    check_stamped(original, 2)
    signed = stamp(original, certificate(), seal()).data
    assert seen(original, 0).tobytes() == seen(signed, 0).tobytes()


def test_annotations_that_pages_share_are_left_to_the_others() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper(2)))
    shared = writer._add_object(ArrayObject())
    for page in writer.pages:
        page[NameObject("/Annots")] = shared
    reader = PdfReader(io.BytesIO(stamp(written(writer), certificate(), seal()).data))
    counts = [len(page["/Annots"]) for page in reader.pages[:2]]  # type: ignore[arg-type]
    assert counts == [0, 1]


def test_fields_of_an_existing_form_are_kept() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    field = writer._add_object(
        DictionaryObject({NameObject("/FT"): NameObject("/Tx"), NameObject("/T"): TextStringObject("a")})
    )
    form = DictionaryObject(
        {NameObject("/Fields"): ArrayObject([field]), NameObject("/NeedAppearances"): FloatObject(0)}
    )
    writer._root_object[NameObject("/AcroForm")] = writer._add_object(form)
    reader = PdfReader(io.BytesIO(stamp(written(writer), certificate(), seal()).data))
    root = reader.trailer["/Root"]
    assert isinstance(root, DictionaryObject)
    kept = root["/AcroForm"]
    assert isinstance(kept, DictionaryObject)
    fields = kept["/Fields"]
    assert isinstance(fields, ArrayObject)
    assert len(fields) == 2
    assert isinstance(fields[0], IndirectObject | DictionaryObject)
    assert "/NeedAppearances" in kept


def test_several_signers_are_stacked_in_one_stamp_under_one_seal() -> None:
    signed = stamp(
        paper(), certificate(signer(name="First Person"), signer(TypedName("Second"), "Second Person")), seal()
    )
    text = text_of(signed.data, 0)
    assert text.index("First Person") < text.index("Second Person")
    assert verify(signed.data, seal_pem()[1]).valid


def test_strokes_as_many_as_are_allowed_can_be_stamped() -> None:
    stroke = drawing().strokes[0][:50]
    most = type(drawing())(500, 160, (stroke,) * 200)
    assert verify(stamp(paper(), certificate(signer(most)), seal()).data, seal_pem()[1]).valid


@pytest.mark.parametrize("unfit", [b"", b"nothing", paper()[:-20], paper() + b"trailing rubbish", b"junk" + paper()])
def test_what_was_not_inspected_is_refused_with_a_reason(unfit: bytes) -> None:
    with pytest.raises(CannotStamp) as refused:
        stamp(unfit, certificate(), seal())
    assert refused.value.reason


def test_a_document_that_only_pypdf_reads_fails_the_trial_at_intake() -> None:
    """Its signed copy could not be verified by others, and not by us."""
    original = paper().replace(b"%PDF-1.", b"%PDF-x.", 1)
    with pytest.raises(CannotStamp):
        Draft.of(original, certificate(), seal()).sealed()
