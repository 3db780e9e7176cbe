"""Which way a document is signed: marks on its page, on the certificate page, in a field; or why none of these."""

import io
import sys
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import NameObject

from pdf import CannotStamp, Note, Plan, Way, inspect, stamp, verify
from pdf.likeness import differs, view
from pdf.stamp import Draft
from tests.pdf.paper import (
    box,
    certificate,
    changed,
    content,
    drawing,
    paper,
    seal,
    seal_pem,
    signer,
    text_of,
    with_annotation,
)


def covered(document: bytes) -> bytes:
    """By an annotation as large as the page, under which no stamp shows."""
    picture = content(b"0.8 g 0 0 612 792 re f")
    picture.update({NameObject("/Subtype"): NameObject("/Form"), NameObject("/BBox"): box(0, 0, 612, 792)})
    return with_annotation(document, picture, 0, 0, 612, 792)


TINY = changed(paper(), MediaBox=box(0, 0, 20, 30))


@pytest.mark.parametrize("original", [covered(paper()), TINY], ids=["covered", "tiny"])
def test_where_the_page_cannot_show_a_mark_the_certificate_page_does(original: bytes) -> None:
    inspected = inspect(original)
    assert inspected.data == original
    assert inspected.plan.way is Way.CERTIFICATE
    assert inspected.notes == (Note.ON_CERTIFICATE,)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan)
    assert signed.data.startswith(original)
    assert signed.pages > 1
    assert verify(signed.data, seal_pem()[1]).valid
    assert not differs(view(original, 0), view(signed.data, 0))


def test_the_field_is_then_over_the_mark_on_the_certificate_page() -> None:
    signed = stamp(paper(), certificate(signer(drawing()), signer(name="Second")), seal(), Plan(Way.CERTIFICATE)).data
    pages: Any = PdfReader(io.BytesIO(signed)).pages
    assert "/Annots" not in pages[0]
    (widget,) = (each.get_object() for each in pages[1]["/Annots"])
    assert widget["/V"]["/Reference"][0]["/TransformParams"]["/P"] == 1
    left, bottom, right, top = (float(side) for side in widget["/Rect"])
    inside = view(signed, 1).crop(
        tuple(int(640 / 792 * side) for side in (left, 792 - top, right, 792 - bottom))  # type: ignore[arg-type]
    )
    assert min(inside.tobytes()) < 100, "ink"
    assert "Second" in text_of(signed, 1)


def failing(*ways: str) -> Any:
    """In place of what drafts a signature these ways."""

    def fail(*_: object) -> Draft:
        raise CannotStamp("not this way")

    return {way: classmethod(fail) for way in ways}


@pytest.mark.parametrize(
    ("ways", "pages"), [((), 2), (("_on_page",), 2), (("_on_page", "_on_certificate"), 1)], ids=["page", "next", "last"]
)
def test_when_a_way_fails_at_signing_the_next_is_gone(
    monkeypatch: pytest.MonkeyPatch, ways: tuple[str, ...], pages: int
) -> None:
    original = paper()
    plan = inspect(original).plan
    for name, fail in failing(*ways).items():
        monkeypatch.setattr(Draft, name, fail)
    signed = stamp(original, certificate(), seal(), plan)
    assert signed.pages == pages
    assert signed.data.startswith(original)
    assert verify(signed.data, seal_pem()[1]).valid


def test_when_all_ways_fail_the_reason_tells_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, fail in failing("_on_page", "_on_certificate", "_in_widget").items():
        monkeypatch.setattr(Draft, name, fail)
    with pytest.raises(CannotStamp) as refused:
        stamp(paper(), certificate(), seal())
    assert refused.value.reason.count("not this way") == 3
    assert all(way in refused.value.reason for way in Way)


def test_a_field_in_a_document_that_nobody_signed_certifies_it() -> None:
    signed = stamp(paper(3), certificate(), seal(), Plan(Way.WIDGET))
    root: Any = PdfReader(io.BytesIO(signed.data)).root_object
    assert signed.pages == 3
    assert root["/Perms"]["/DocMDP"]["/Reference"][0]["/TransformParams"]["/P"] == 1
    assert verify(signed.data, seal_pem()[1]).valid


def test_what_no_way_can_show_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the function that a confined process runs, which a test cannot reach into."""
    trial, intake = sys.modules["pdf.trial"], sys.modules["pdf.intake"]
    monkeypatch.setattr(trial, "_stamps_well", lambda *_: False)
    facts, made = intake._examine(paper(), intake.DEFAULT_LIMITS)
    assert facts == {"reason": "cannot_be_stamped"}
    assert not made
