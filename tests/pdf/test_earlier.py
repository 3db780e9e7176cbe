"""Documents that others have signed already: signed once more, and no signature of theirs is worse for it."""

import dataclasses
import io
import re
import sys
from typing import Any

import pytest
from pikepdf import Array, Object, ObjectStreamMode, Pdf
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import FieldMDPAction, FieldMDPSpec, MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from pdf import CannotStamp, Note, Plan, Reason, TypedName, Unfit, Way, inspect, stamp, verify
from pdf.earlier import carries_signatures
from pdf.field import PREFIX
from pdf.likeness import differs
from pdf.placement import Rectangle
from pdf.plan import Ground, Room
from pdf.update import Update
from tests.pdf.paper import (
    REQUEST_ID,
    certificate,
    changed,
    content,
    corpus,
    paper,
    prepared,
    seal,
    seal_pem,
    seen,
    signed_before,
    signer,
    text_of,
    written,
)

SIGNED = {
    "once": signed_before(paper(2)),
    "visibly": signed_before(paper(2), at=(40, 300, 240, 360)),
    "twice": signed_before(signed_before(paper(2)), "Second"),
    "with a lock on another field": signed_before(
        paper(2), lock=FieldMDPSpec(FieldMDPAction.INCLUDE, fields=["Something"])
    ),
}


def statuses(document: bytes) -> dict[str, PdfSignatureStatus]:
    """What pyHanko finds of each signature."""
    nobody = ValidationContext(trust_roots=[], allow_fetching=False)
    signatures = PdfFileReader(io.BytesIO(document)).embedded_signatures
    return {each.field_name: validate_pdf_signature(each, nobody) for each in signatures}


@pytest.mark.parametrize("how", SIGNED)
def test_a_signed_upload_is_accepted_as_it_is_and_its_signatures_stay_as_good_as_they_were(how: str) -> None:
    upload = SIGNED[how]
    inspected = inspect(upload)
    assert inspected.data == upload
    assert inspected.plan.way is Way.WIDGET
    assert inspected.notes == (Note.SIGNED_BEFORE,)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert signed.startswith(upload)
    before, after = statuses(upload), statuses(signed)
    assert before
    for field, was in before.items():
        now = after[field]
        assert all((was.intact, was.valid, was.docmdp_ok, now.intact, now.valid, now.docmdp_ok))
        assert now.modification_level == ModificationLevel.FORM_FILLING
    assert verify(signed, seal_pem()[1]).valid


def test_without_a_plan_a_signed_document_gets_a_field_only() -> None:
    signed = stamp(SIGNED["once"], certificate(), seal())
    assert signed.pages == 2
    assert statuses(signed.data)["Earlier"].docmdp_ok


def test_nothing_is_added_but_the_field() -> None:
    upload = SIGNED["visibly"]
    before, after = (PdfReader(io.BytesIO(each)) for each in (upload, stamp(upload, certificate(), seal()).data))
    assert len(after.pages) == len(before.pages)
    assert text_of(upload, 1) == after.pages[1].extract_text()
    was, now = before.pages[1], after.pages[1]
    # pypdf's references say which reader they are of
    one, other = ({key: re.sub(r"\d{10,}", "", str(page.raw_get(key))) for key in page} for page in (was, now))
    assert {**one, "/Annots": ""} == {**other, "/Annots": ""}
    assert len(now["/Annots"]) == len(was["/Annots"]) + 1  # type: ignore[arg-type]
    assert set(before.root_object) == set(after.root_object)
    assert "/Perms" not in after.root_object


def widget(signed: bytes) -> Any:
    """Our field's, untyped."""
    page: Any = PdfReader(io.BytesIO(signed)).pages[-1]
    return page["/Annots"][-1].get_object()


def shown_text(signed: bytes) -> str:
    """What our widget shows, as a reader's search would find it on a page."""
    writer = PdfWriter(clone_from=io.BytesIO(signed))
    page: Any = writer.pages[-1]
    appearance = page["/Annots"][-1].get_object()["/AP"].raw_get("/N")
    forms = DictionaryObject({NameObject("/Shown"): appearance})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): forms})
    page[NameObject("/Contents")] = writer._add_object(content(b"/Shown Do"))
    return " ".join(page.extract_text().split())


def test_the_field_shows_and_says_all_that_a_certificate_page_would() -> None:
    signed = stamp(SIGNED["once"], certificate(), seal()).data
    for said in (shown_text(signed), str(widget(signed)["/Contents"])):
        for value in (
            "Zoë Müller-Łukaszewicz",
            "Legal guardian",
            "I have read this document and sign it.",
            "23 November 2026, 14:03:22 UTC",
            "23 November 2026, 09:03:22 (UTC-05:00, America/New_York)",
            "Drawn by hand",
            "2001:db8::17",
            REQUEST_ID,
            "ab12" * 16,
            "2026-01",
            "cd34" * 16,
        ):
            assert value in said
    assert widget(signed)["/TU"] == "Signature of Zoë Müller-Łukaszewicz"


def test_in_spanish_and_with_the_notice_of_part_2_too() -> None:
    terms = dataclasses.replace(certificate(), language="es", redisclosure_notice=True)
    said = shown_text(stamp(SIGNED["once"], terms, seal()).data)
    assert "Firmado el 23 de noviembre de 2026" in said
    assert "42 CFR part 2 prohibits unauthorized use or disclosure of these records." in said
    assert "prohíbe el uso o la divulgación no autorizados" in said


def test_several_signers_are_in_one_field_under_one_seal() -> None:
    many = certificate(signer(), signer(TypedName("Renée Fictional"), "Renée Fictional"), signer(name="Third Person"))
    inspected = inspect(SIGNED["once"])
    signed = stamp(inspected.data, many, seal(), inspected.plan).data
    assert len(statuses(signed)) == 2
    said = shown_text(signed)
    assert all(name in said for name in ("Zoë Müller", "Renée Fictional", "Third Person"))
    assert said.count(REQUEST_ID) == 1, "what concerns the document is said once"
    assert statuses(signed)["Earlier"].docmdp_ok


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_on_a_turned_page_the_field_is_upright(rotate: int) -> None:
    plan = Plan(Way.WIDGET, (Room(Rectangle(40, 40, 300, 200), Ground.LIGHT),))
    upright, turned = (
        signed_before(changed(paper(), Rotate=NumberObject(turn), Contents=content(b""))) for turn in (0, rotate)
    )
    one, other = (seen(stamp(each, certificate(), seal(), plan).data, 0, 1.5) for each in (upright, turned))
    boxes = [(60, image.height - 300, 450, image.height - 60) for image in (one, other)]
    assert not differs(*(image.crop(box) for image, box in zip((one, other), boxes, strict=True)))
    assert one.crop(boxes[0]).getextrema()[0] < 100, "and there"  # type: ignore[operator]


def altered(signed: bytes) -> dict[str, bytes]:
    return {
        "bytes": signed + b"\n% hello\n",
        "another signature": signed_before(signed, "Later"),
        "another of our kind by somebody else": signed_before(signed, "ShareToSign-0192f3c1"),
        "the end cut off": signed[:-30],
        "a bit": signed[:-700] + bytes([signed[-700] ^ 1]) + signed[-699:],
        "a bit of the original": signed[:400] + bytes([signed[400] ^ 1]) + signed[401:],
        "a rewrite": written(PdfWriter(clone_from=io.BytesIO(signed))),
    }


@pytest.mark.parametrize("what", altered(stamp(SIGNED["once"], certificate(), seal()).data))
def test_every_later_change_is_told_though_nothing_is_certified(what: str) -> None:
    signed = stamp(SIGNED["once"], certificate(), seal()).data
    assert verify(signed, seal_pem()[1]).valid
    assert not verify(altered(signed)[what], seal_pem()[1]).valid


def test_what_was_signed_here_in_a_field_can_be_signed_here_again() -> None:
    first = stamp(SIGNED["once"], certificate(), seal()).data
    inspected = inspect(first)
    second = dataclasses.replace(certificate(), request_id="0192f3c1-0000-7000-8000-000000000002")
    signed = stamp(inspected.data, second, seal(), inspected.plan).data
    assert len(statuses(signed)) == 3
    assert all(status.docmdp_ok for status in statuses(signed).values())
    assert verify(signed, seal_pem()[1]).valid


def refusal(upload: bytes) -> Reason:
    with pytest.raises(Unfit) as refused:
        inspect(upload)
    return refused.value.reason


FORBIDDING = {
    "certified, no changes": signed_before(paper(), certify=MDPPerm.NO_CHANGES),
    "certified, forms": signed_before(paper(), certify=MDPPerm.FILL_FORMS),
    "certified, annotations": signed_before(paper(), certify=MDPPerm.ANNOTATE),
    "all fields are locked": signed_before(paper(), lock=FieldMDPSpec(FieldMDPAction.ALL)),
    "all fields but one are locked": signed_before(paper(), lock=FieldMDPSpec(FieldMDPAction.EXCLUDE, fields=["a"])),
    "signed here, and certified": stamp(paper(), certificate(), seal()).data,
}


@pytest.mark.parametrize("how", FORBIDDING)
def test_where_another_signature_is_forbidden_the_upload_is_refused(how: str) -> None:
    assert refusal(FORBIDDING[how]) is Reason.SIGNING_FORBIDDEN


def tampered(signed: bytes) -> bytes:
    assert b"of a progress note" in signed
    return signed.replace(b"of a progress note", b"of a progress vote", 1)


@pytest.mark.parametrize("certify", [None, MDPPerm.NO_CHANGES, MDPPerm.FILL_FORMS])
def test_a_signature_that_does_not_hold_forbids_nothing_and_is_told_of(certify: MDPPerm | None) -> None:
    """Readers call it invalid before and after; what it was to protect is changed already."""
    upload = tampered(signed_before(paper(), certify=certify))
    inspected = inspect(upload)
    assert (inspected.data, inspected.plan.way) == (upload, Way.WIDGET)
    assert inspected.notes == (Note.BROKEN_BEFORE,)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert not statuses(signed)["Earlier"].intact
    assert verify(signed, seal_pem()[1]).valid


def test_one_that_does_not_hold_does_not_hide_one_that_does() -> None:
    certified = signed_before(signed_before(paper(), certify=MDPPerm.FILL_FORMS), "Later")
    assert b"(Later)" in certified
    assert refusal(certified.replace(b"(Later)", b"(Latex)")) is Reason.SIGNING_FORBIDDEN
    inspected = inspect(signed_before(tampered(signed_before(paper(), "broken")), "intact"))
    assert inspected.notes == (Note.BROKEN_BEFORE,)
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert statuses(signed)["intact"].docmdp_ok


def test_a_copy_signed_here_that_was_changed_is_not_signed_here_again() -> None:
    """Of two seals of ours, one broken, verification would tell the broken one."""
    copy = stamp(paper(), certificate(), seal()).data
    assert refusal(tampered(copy)) is Reason.SIGNING_FORBIDDEN


@pytest.mark.parametrize(
    "upload",
    [SIGNED["once"] + b"\n<html>trailing</html>", SIGNED["once"].replace(b"startxref\n", b"startxref\n9")],
    ids=["something behind", "wrong startxref"],
)
def test_a_signed_file_that_needs_a_repair_is_refused(upload: bytes) -> None:
    assert refusal(upload) is Reason.ALREADY_SIGNED


@pytest.mark.parametrize("packed", [ObjectStreamMode.disable, ObjectStreamMode.generate])
@pytest.mark.parametrize("width", ["595.3039370079", "595.32000000000005", "595.320"])
def test_numbers_of_a_signed_page_are_kept_to_the_last_digit(width: str, packed: ObjectStreamMode) -> None:
    """A validator takes 595.303937 for a change of 595.3039370079."""
    made = io.BytesIO()
    with Pdf.open(io.BytesIO(paper())) as pdf:
        pdf.pages[0].obj.MediaBox = Object.parse(f"[0 0 {width} 792]".encode())
        pdf.pages[0].obj.Annots = pdf.make_indirect(Array())  # which leaves the page as it is when it is signed
        pdf.save(made, object_stream_mode=packed)
    upload = signed_before(made.getvalue())
    signed = stamp(inspect(upload).data, certificate(), seal()).data
    assert width.encode() in signed[len(upload) :]
    assert statuses(signed)["Earlier"].docmdp_ok


def test_a_damaged_description_does_not_cost_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyHanko doubts every later revision of a document whose XMP is no XML."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    described = content(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><xmp:ModifyDate/></x:xmpmeta>")
    described.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = writer._add_object(described)
    # pyHanko would not sign it
    monkeypatch.setattr(sys.modules["pdf.stamp"], "carries_signatures", lambda _: True)
    first = dataclasses.replace(certificate(), request_id="first")
    upload = stamp(written(writer), first, seal()).data
    inspected = inspect(upload)
    assert not inspected.plan.metadata
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert all(status.docmdp_ok for status in statuses(signed).values())


def test_a_page_that_is_in_a_signed_document_twice_cannot_be_signed() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    tree: Any = writer._pages.get_object()
    tree["/Kids"].append(tree["/Kids"][0])
    tree[NameObject("/Count")] = NumberObject(2)
    upload = signed_before(written(writer))
    with pytest.raises(CannotStamp, match="twice"):
        stamp(upload, certificate(), seal())
    assert refusal(upload) is Reason.SIGNING_FORBIDDEN


def test_the_corpus_signed_files_are_signed_again_or_refused_with_the_reason() -> None:
    ways: set[Way | Reason] = set()
    for path in [*corpus("pyHanko__pades", "pyHanko__6"), *corpus("synth__sig_")]:
        upload = path.read_bytes()
        if b"/ByteRange" not in upload:
            continue
        try:
            inspected = inspect(upload)
        except Unfit as unfit:
            ways.add(unfit.reason)
            continue
        before, after = statuses(upload), statuses(stamp(upload, certificate(), seal(), inspected.plan).data)
        assert all(after[field].docmdp_ok == was.docmdp_ok for field, was in before.items()), path.name
        ways.add(inspected.plan.way)
    assert ways == {Way.WIDGET, Reason.SIGNING_FORBIDDEN}


def test_a_form_that_is_no_tree_is_gone_through_once() -> None:
    """With two ways on from each of its forty levels, or with one back to where it began."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    field = first = writer._add_object(DictionaryObject())
    for _ in range(40):
        field = writer._add_object(DictionaryObject({NameObject("/Kids"): ArrayObject([field, field])}))
    first.get_object()[NameObject("/Kids")] = ArrayObject([field])  # type: ignore[index]
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): ArrayObject([field])})
    assert not carries_signatures(Update(written(writer)))
    assert carries_signatures(Update(SIGNED["once"]))


def test_fields_that_nobody_has_signed_stay_empty_beside_ours() -> None:
    """Their names are not ours, and which of them is whose nobody says; nothing can be signed behind our seal."""
    inspected = inspect(prepared(paper(2)))
    assert (inspected.plan.way, inspected.notes, inspected.changes) == (Way.PAGE, (), ())
    signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
    assert verify(signed, seal().chain_pem).valid
    fields = PdfReader(io.BytesIO(signed)).get_fields() or {}
    assert {field_name: "/V" in field for field_name, field in fields.items()} == {
        "Client": False,
        "Provider": False,
        PREFIX + REQUEST_ID: True,
    }
