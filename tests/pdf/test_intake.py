"""What may be shared and signed, and why not (SPEC D5)."""

import asyncio
import contextlib
import hashlib
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    NameObject,
    NullObject,
    NumberObject,
    PdfObject,
    TextStringObject,
)

from pdf import Inspected, Limits, Reason, Unfit, confine, inspect, stamp
from pdf.intake import MESSAGES
from pdf.likeness import differs, view
from pdf.sanitise import Change
from tests.pdf.paper import box, certificate, content, corpus, paper, seal, text_of, written


def refusal(upload: bytes, limits: Limits | None = None) -> Unfit:
    with pytest.raises(Unfit) as refused:
        inspect(upload, limits or Limits())
    return refused.value


def test_a_sound_pdf_is_accepted_as_it_is() -> None:
    upload = paper(3)
    sha256 = hashlib.sha256(upload).hexdigest()
    inspected = inspect(upload)
    assert inspected == Inspected(upload, sha256, 3, sha256, plan=inspected.plan)


def test_every_reason_has_a_message_that_names_a_remedy() -> None:
    for reason in Reason:
        message = Unfit(reason, Limits()).message
        assert message.startswith(("This ", "A signature"))
        assert any(verb in message for verb in ("Save", "Print", "Create", "Choose", "Split", "Upload", "upload"))
    assert set(MESSAGES) == set(Reason)


def test_nothing_is_empty() -> None:
    assert refusal(b"").reason == Reason.EMPTY


def test_more_bytes_than_allowed_are_too_large() -> None:
    refused = refusal(paper(), Limits(bytes=1_000))
    assert refused.reason == Reason.TOO_LARGE
    assert "50 MB" in Unfit(Reason.TOO_LARGE, Limits()).message


@pytest.mark.parametrize("upload", [b"<html>hello</html>", b"PK\x03\x04" + b"\0" * 2000, b"%!PS-Adobe", b"\0"])
def test_another_kind_of_file_is_not_a_pdf(upload: bytes) -> None:
    assert refusal(upload).reason == Reason.NOT_A_PDF


@pytest.mark.parametrize("upload", [b"%PDF-1.7\n", paper(2)[:900], b"%PDF-1.4\n" + b"\xff" * 3000])
def test_what_cannot_be_repaired_is_damaged(upload: bytes) -> None:
    assert refusal(upload).reason == Reason.DAMAGED


def protected(password: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    return written(writer)


def test_a_file_that_opens_with_a_password_is_refused() -> None:
    refused = refusal(protected("secret"))
    assert refused.reason == Reason.ENCRYPTED
    assert "without protection" in refused.message


def test_a_file_that_is_protected_against_changes_only_is_accepted_without_protection() -> None:
    inspected = inspect(protected(""))
    assert not PdfReader(io.BytesIO(inspected.data)).is_encrypted
    assert text_of(inspected.data, 0) == text_of(paper(), 0)
    assert inspected.changes == (Change.UNPROTECTED,)
    assert stamp(inspected.data, certificate(), seal()).pages == 2


def test_a_file_without_pages_has_none() -> None:
    assert refusal(written(PdfWriter())).reason == Reason.NO_PAGES


def test_pages_and_objects_are_limited() -> None:
    refused = refusal(paper(4), Limits(pages=3))
    assert refused.reason == Reason.TOO_MANY_PAGES
    assert "more than 3 pages" in refused.message
    assert refusal(paper(4), Limits(objects=5)).reason == Reason.TOO_MANY_OBJECTS


def action(kind: str, **entries: str) -> DictionaryObject:
    made = DictionaryObject({NameObject("/S"): NameObject(f"/{kind}")})
    made.update({NameObject(f"/{key}"): TextStringObject(value) for key, value in entries.items()})
    return made


def called(kind: str, made: DictionaryObject) -> DictionaryObject:
    """Of another type than it is, by its own word."""
    made[NameObject("/Type")] = NameObject(f"/{kind}")
    return made


def opening(made: DictionaryObject) -> Callable[[PdfWriter], None]:
    return lambda writer: writer._root_object.update({NameObject("/OpenAction"): made})


def link(made: DictionaryObject) -> Callable[[PdfWriter], None]:
    def add(writer: PdfWriter) -> None:
        annotation = DictionaryObject(
            {
                NameObject("/Subtype"): NameObject("/Link"),
                NameObject("/Rect"): ArrayObject([NullObject()] * 4),
                NameObject("/A"): made,
            }
        )
        writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(annotation)])

    return add


def annotation(kind: str, **entries: PdfObject) -> Callable[[PdfWriter], None]:
    def add(writer: PdfWriter) -> None:
        black = content(b"0 g 0 0 50 50 re f")
        black.update({NameObject("/Subtype"): NameObject("/Form"), NameObject("/BBox"): box(0, 0, 50, 50)})
        made = DictionaryObject(
            {
                NameObject("/Subtype"): NameObject(f"/{kind}"),
                NameObject("/Rect"): box(100, 300, 150, 350),
                NameObject("/F"): NumberObject(4),
                NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(black)}),
            }
        )
        made.update({NameObject(f"/{key}"): value for key, value in entries.items()})
        writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(made)])

    return add


def in_catalog(**entries: PdfObject) -> Callable[[PdfWriter], None]:
    return lambda writer: writer._root_object.update({NameObject(f"/{key}"): value for key, value in entries.items()})


def dictionary(**entries: PdfObject) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{key}"): value for key, value in entries.items()})


def form(*fields: DictionaryObject, **entries: PdfObject) -> Callable[[PdfWriter], None]:
    """Text fields in a row, without an appearance."""

    def add(writer: PdfWriter) -> None:
        fonts = dictionary(Font=dictionary(Helv=writer._add_object(helvetica())))
        references = ArrayObject([writer._add_object(field) for field in fields])
        writer.pages[0][NameObject("/Annots")] = references
        known = dictionary(Fields=references, DR=fonts, DA=TextStringObject("/Helv 0 Tf 0 g"))
        known.update(dictionary(**entries))
        writer._root_object[NameObject("/AcroForm")] = known

    return add


def helvetica() -> DictionaryObject:
    return dictionary(Type=NameObject("/Font"), Subtype=NameObject("/Type1"), BaseFont=NameObject("/Helvetica"))


def field(value: str) -> DictionaryObject:
    return dictionary(
        Type=NameObject("/Annot"),
        Subtype=NameObject("/Widget"),
        FT=NameObject("/Tx"),
        T=TextStringObject("name"),
        V=TextStringObject(value),
        DA=TextStringObject("/Helv 12 Tf 0 g"),
        F=NumberObject(4),
        Rect=box(40, 300, 240, 320),
    )


SCRIPT = action("JavaScript", JS="app.alert(1)")

ACTIVE: dict[str, tuple[Callable[[PdfWriter], object], Change]] = {
    "script at opening": (opening(SCRIPT), Change.SCRIPTS),
    "script by name": (in_catalog(Names=dictionary(JavaScript=SCRIPT)), Change.SCRIPTS),
    "script behind another action": (
        opening(
            dictionary(S=NameObject("/Named"), N=NameObject("/NextPage"), Next=action("JavaScript", JS="app.alert(1)"))
        ),
        Change.SCRIPTS,
    ),
    "program": (opening(action("Launch", F="calc.exe")), Change.ACTIONS),
    "form that sends": (opening(action("SubmitForm", F="https://example.org")), Change.ACTIONS),
    "program called something else": (opening(called("Other", action("Launch", F="calc.exe"))), Change.ACTIONS),
    "program called an element": (opening(called("StructElem", action("Launch", F="calc.exe"))), Change.ACTIONS),
    "program behind a harmless action": (
        opening(
            dictionary(
                S=NameObject("/Named"),
                N=NameObject("/NextPage"),
                Next=ArrayObject([called("Other", action("Launch", F="calc.exe"))]),
            )
        ),
        Change.ACTIONS,
    ),
    "trigger called a font": (
        lambda writer: writer.pages[0].update(
            dictionary(AA=called("Font", dictionary(O=called("Other", action("Launch", F="calc.exe")))))
        ),
        Change.SCRIPTS,
    ),
    "link to a file": (link(action("GoToR", F="//server/share/x.pdf")), Change.ACTIONS),
    "link called something else": (link(called("Other", action("URI", URI="javascript:alert(1)"))), Change.ACTIONS),
    "link to a script": (link(action("URI", URI="javascript:alert(1)")), Change.ACTIONS),
    "button that hides": (link(action("Hide", T="name")), Change.ACTIONS),
    "attached file": (lambda writer: writer.add_attachment("payload.exe", b"MZ"), Change.FILES),
    "file on a page": (
        annotation("FileAttachment", FS=dictionary(F=TextStringObject("x"), EF=dictionary(F=content(b"MZ")))),
        Change.FILES,
    ),
    "film": (annotation("Screen", A=action("Rendition", JS="x")), Change.MEDIA),
    "dynamic form beside a plain one": (form(field("Bob"), XFA=TextStringObject("<xdp/>")), Change.DYNAMIC_FORM),
    "trigger on a page": (
        lambda writer: writer.pages[0].update(dictionary(AA=dictionary(O=action("JavaScript", JS="this.print()")))),
        Change.SCRIPTS,
    ),
    "usage rights": (
        in_catalog(Perms=dictionary(UR3=dictionary(ByteRange=box(0, 1, 2, 3), Contents=TextStringObject("x")))),
        Change.RIGHTS,
    ),
    "script that nothing refers to": (lambda writer: writer._add_object(SCRIPT), Change.SCRIPTS),
}

NAMES_OF_ACTIVE_CONTENT = (
    *("/JavaScript", "/JS", "/AA", "/Launch", "/SubmitForm", "/GoToR", "/Hide", "/EmbeddedFile", "/EF", "/XFA"),
    *("/FileAttachment", "/Screen", "/Rendition", "/UR3", "calc.exe", "payload.exe", "javascript:"),
)


def everything(document: bytes) -> str:
    """All objects of a file, in use or not."""
    reader = PdfReader(io.BytesIO(document))
    numbers = {number for used in reader.xref.values() for number in used} | set(reader.xref_objStm)
    return " ".join(str(reader.get_object(number)) for number in sorted(numbers)) + str(reader.trailer)


@pytest.mark.parametrize("what", ACTIVE)
def test_active_content_is_removed_and_told_of(what: str) -> None:
    make, change = ACTIVE[what]
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    make(writer)
    upload = written(writer)
    assert any(each in everything(upload) for each in NAMES_OF_ACTIVE_CONTENT)
    inspected = inspect(upload)
    found = everything(inspected.data)
    assert not [each for each in NAMES_OF_ACTIVE_CONTENT if each in found]
    assert change in inspected.changes
    assert not differs(view(upload, 0), view(inspected.data, 0))
    assert stamp(inspected.data, certificate(), seal()).pages == 2


def test_what_is_told_of_changes_are_sentences() -> None:
    assert all(change[0].isupper() and change.endswith(".") for change in Change)


@pytest.mark.parametrize("address", ["https://example.org/", "http://example.org", "mailto:office@example.org"])
def test_a_link_to_the_web_stays(address: str) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    link(action("URI", URI=address))(writer)
    plain = written(writer)
    assert inspect(plain).data == plain
    opening(SCRIPT)(writer)
    assert address in everything(inspect(written(writer)).data)


def test_a_link_within_the_document_stays() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper(2)))
    link(dictionary(S=NameObject("/GoTo"), D=ArrayObject([writer.pages[1].indirect_reference, NameObject("/Fit")])))(
        writer
    )
    opening(SCRIPT)(writer)
    assert "/GoTo" in everything(inspect(written(writer)).data)


def test_values_of_a_form_that_readers_should_draw_are_drawn() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    form(field("Roberta"), NeedAppearances=BooleanObject(True))(writer)
    upload = written(writer)
    inspected = inspect(upload)
    assert inspected.changes == (Change.APPEARANCES,)
    found = everything(inspected.data)
    assert "/NeedAppearances" not in found
    assert "/AP" in found
    assert not differs(view(upload, 0), view(inspected.data, 0))
    signed = stamp(inspected.data, certificate(), seal()).data
    assert signed.count(b"/AP") > upload.count(b"/AP")
    left, lower, right, upper = (int(640 / 792 * at) for at in (40, 792 - 320, 240, 792 - 300))
    darkest = min(view(signed, 0).crop((left, lower, right, upper)).tobytes())
    assert darkest < 100, "the value shows"


def test_a_form_that_is_nothing_but_dynamic_is_refused() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    form(XFA=TextStringObject("<xdp/>"))(writer)
    assert refusal(written(writer)).reason == Reason.DYNAMIC_FORM


@pytest.mark.parametrize(("rendering", "accepted"), [(b"forbidden", True), (b"required", False)])
def test_a_form_without_fields_whose_pages_are_whole_is_accepted(rendering: bytes, accepted: bool) -> None:
    """It says itself whether its pages show it, or are made by the reader."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    packet = writer._add_object(content(b"<acrobat7\n><dynamicRender\n>%b</dynamicRender></acrobat7>" % rendering))
    known = ArrayObject([TextStringObject("config"), packet])
    form(XFA=known)(writer)
    if accepted:
        inspected = inspect(written(writer))
        assert inspected.changes == (Change.DYNAMIC_FORM,)
        assert "/XFA" not in everything(inspected.data)
    else:
        assert refusal(written(writer)).reason == Reason.DYNAMIC_FORM


@pytest.mark.parametrize("shown", [{}, {"View": "/D"}, {"View": "/T"}, {"View": "/H", "D": "report.pdf"}])
def test_a_portfolio_is_refused(shown: dict[str, str]) -> None:
    assert refusal(collection(["report.pdf"], **shown)).reason == Reason.PORTFOLIO


@pytest.mark.parametrize(("files", "shown"), [([], "/D"), (["report.pdf"], "/H")], ids=["without files", "hidden"])
def test_a_document_whose_pages_readers_show_first_is_no_portfolio(files: list[str], shown: str) -> None:
    inspected = inspect(collection(files, View=shown))
    assert inspected.changes == ((Change.FILES,) if files else (Change.REPAIRED,))
    assert "/Collection" not in everything(inspected.data)


def collection(files: list[str], **shown: str) -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    for each in files:
        writer.add_attachment(each, paper())
    entries = {key: (NameObject if key == "View" else TextStringObject)(value) for key, value in shown.items()}
    in_catalog(Collection=dictionary(**entries))(writer)
    return written(writer)


def test_a_signed_file_with_scripts_is_refused_and_not_changed() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(stamp(paper(), certificate(), seal()).data))
    opening(SCRIPT)(writer)
    assert refusal(written(writer)).reason == Reason.ALREADY_SIGNED


def test_an_action_that_looks_like_a_signature_is_an_action() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    launch = action("Launch", F="calc.exe", Contents="x")
    launch[NameObject("/ByteRange")] = box(0, 1, 2, 3)
    opening(launch)(writer)
    assert refusal(written(writer)).reason == Reason.ALREADY_SIGNED


REPAIRABLE = {
    "wrong startxref": paper(2).replace(b"startxref\n", b"startxref\n9"),
    "something before": b"HTTP/1.1 200 OK\r\n\r\n" + paper(2),
    "something behind": paper(2) + b"\n<html>trailing</html>",
    "zero padding": paper(2) + b"\0" * 3000,
    "line ends converted": paper(2).replace(b"\n", b"\r\n"),
    "wrong count": paper(2).replace(b"/Count 2", b"/Count 7"),
}


def test_a_file_that_refers_to_what_was_deleted_is_written_anew() -> None:
    """Readers do not agree whether such a reference leads to anything; afterwards they do."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    number = writer.pages[0].raw_get("/Contents").idnum
    whole = written(writer)
    table = int(whole.rpartition(b"startxref")[2].split()[0])
    trailer = whole[whole.rindex(b"trailer") : whole.rindex(b"startxref")].replace(b">>", b"/Prev %d >>" % table)
    freed = b"xref\n0 1\n%010d 65535 f \n%d 1\n0000000000 00001 f \n" % (number, number)
    deleted = whole + freed + trailer + b"startxref\n%d\n%%%%EOF\n" % len(whole)
    assert "line 0" in text_of(deleted, 0)
    inspected = inspect(deleted)
    assert inspected.changes == (Change.REPAIRED,)
    assert not differs(view(deleted, 0), view(inspected.data, 0))


def test_the_same_upload_gives_the_same_version() -> None:
    for upload in (*REPAIRABLE.values(), protected("")):
        assert inspect(upload) == inspect(upload)


def test_a_page_tree_that_runs_in_a_circle_is_cut() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    tree = writer._root_object.raw_get("/Pages")
    page = writer.pages[0].indirect_reference
    inner = writer._add_object(
        dictionary(Type=NameObject("/Pages"), Kids=ArrayObject([tree]), Count=NumberObject(1), Parent=tree)
    )
    tree.get_object().update(dictionary(Kids=ArrayObject([page, inner])))
    inspected = inspect(written(writer))
    assert inspected.pages == 1
    assert inspected.changes == (Change.REPAIRED,)


@pytest.mark.parametrize("what", REPAIRABLE)
def test_what_can_be_repaired_is_accepted_and_can_be_stamped(what: str) -> None:
    upload = REPAIRABLE[what]
    inspected = inspect(upload)
    assert inspected.data != upload
    assert inspected.sha256 == hashlib.sha256(inspected.data).hexdigest()
    assert inspected.upload_sha256 == hashlib.sha256(upload).hexdigest()
    assert inspected.pages == 2
    assert inspected.changes == (Change.REPAIRED,)
    assert text_of(inspected.data, 1) == text_of(paper(2), 1)
    assert stamp(inspected.data, certificate(), seal()).pages == 3


def test_hostile_files_are_answered_in_time() -> None:
    for path in corpus("synth__bomb_"):
        started = time.monotonic()
        with contextlib.suppress(Unfit):
            assert inspect(path.read_bytes(), Limits(cpu_seconds=4, wall_seconds=8)).pages < 10
        assert time.monotonic() - started < 12, path.name


def test_refusals_of_the_corpus_have_the_right_reason() -> None:
    expected = {
        "synth__enc_aes128_user": Reason.ENCRYPTED,
        "synth__sig_cert_p": Reason.SIGNING_FORBIDDEN,
        "synth__zero_pages": Reason.NO_PAGES,
        "synth__trunc_": Reason.DAMAGED,
    }
    for beginning, reason in expected.items():
        for path in corpus(beginning):
            assert refusal(path.read_bytes()).reason == reason, path.name


def test_several_threads_inspect_at_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(inspect, [paper(pages) for pages in (1, 2, 3, 4) * 3]))
    assert [each.pages for each in found] == [1, 2, 3, 4] * 3


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_it_works_beside_a_running_event_loop(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def inspect_two() -> list[Inspected]:
        confine._server.end()  # so that it is started from one of the loop's threads
        return await asyncio.gather(*(asyncio.to_thread(inspect, paper(pages)) for pages in (1, 2)))

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert [each.pages for each in runner.run(inspect_two())] == [1, 2]
