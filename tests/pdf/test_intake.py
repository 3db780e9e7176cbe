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
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject, NumberObject, TextStringObject

from pdf import Inspected, Limits, Reason, Unfit, confine, inspect, stamp
from pdf.intake import MESSAGES
from tests.pdf.paper import box, certificate, content, corpus, paper, seal, text_of, written


def refusal(upload: bytes, limits: Limits | None = None) -> Unfit:
    with pytest.raises(Unfit) as refused:
        inspect(upload, limits or Limits())
    return refused.value


def test_a_sound_pdf_is_accepted_as_it_is() -> None:
    upload = paper(3)
    sha256 = hashlib.sha256(upload).hexdigest()
    assert inspect(upload) == Inspected(upload, sha256, 3, sha256)


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


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_protected_file_is_refused_with_or_without_a_password_to_open_it(password: str) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    refused = refusal(written(writer))
    assert refused.reason == Reason.ENCRYPTED
    assert "without protection" in refused.message


def test_a_file_without_pages_has_none() -> None:
    assert refusal(written(PdfWriter())).reason == Reason.NO_PAGES


def test_pages_and_objects_are_limited() -> None:
    refused = refusal(paper(4), Limits(pages=3))
    assert refused.reason == Reason.TOO_MANY_PAGES
    assert "more than 3 pages" in refused.message
    assert refusal(paper(4), Limits(objects=5)).reason == Reason.TOO_MANY_OBJECTS


def test_a_signed_file_is_refused() -> None:
    assert refusal(stamp(paper(), certificate(), seal()).data).reason == Reason.ALREADY_SIGNED


def action(kind: str, **entries: str) -> DictionaryObject:
    made = DictionaryObject({NameObject("/S"): NameObject(f"/{kind}")})
    made.update({NameObject(f"/{key}"): TextStringObject(value) for key, value in entries.items()})
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


ACTIVE: dict[str, Callable[[PdfWriter], object]] = {
    "script at opening": opening(action("JavaScript", JS="app.alert(1)")),
    "script by name": lambda writer: writer._root_object.update(
        {NameObject("/Names"): DictionaryObject({NameObject("/JavaScript"): action("JavaScript", JS="app.alert(1)")})}
    ),
    "program": opening(action("Launch", F="calc.exe")),
    "form that sends": opening(action("SubmitForm", F="https://example.org")),
    "link to a file": link(action("GoToR", F="//server/share/x.pdf")),
    "link to a script": link(action("URI", URI="javascript:alert(1)")),
    "attached file": lambda writer: writer.add_attachment("payload.exe", b"MZ"),
    "dynamic form": lambda writer: writer._root_object.update(
        {NameObject("/AcroForm"): DictionaryObject({NameObject("/XFA"): TextStringObject("<xdp/>")})}
    ),
    "trigger on a page": lambda writer: writer.pages[0].update(
        {NameObject("/AA"): DictionaryObject({NameObject("/O"): action("JavaScript", JS="this.print()")})}
    ),
}


@pytest.mark.parametrize("what", ACTIVE)
def test_active_content_is_refused(what: str) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    ACTIVE[what](writer)
    assert refusal(written(writer)).reason == Reason.ACTIVE_CONTENT


def test_a_link_to_the_web_is_no_active_content() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    link(action("URI", URI="https://example.org/"))(writer)
    assert inspect(written(writer)).pages == 1


REPAIRABLE = {
    "wrong startxref": paper(2).replace(b"startxref\n", b"startxref\n9"),
    "something before": b"HTTP/1.1 200 OK\r\n\r\n" + paper(2),
    "something behind": paper(2) + b"\n<html>trailing</html>",
    "zero padding": paper(2) + b"\0" * 3000,
    "line ends converted": paper(2).replace(b"\n", b"\r\n"),
    "wrong count": paper(2).replace(b"/Count 2", b"/Count 7"),
}


@pytest.mark.parametrize("what", REPAIRABLE)
def test_what_can_be_repaired_is_accepted_and_can_be_stamped(what: str) -> None:
    upload = REPAIRABLE[what]
    inspected = inspect(upload)
    assert inspected.data != upload
    assert inspected.sha256 == hashlib.sha256(inspected.data).hexdigest()
    assert inspected.upload_sha256 == hashlib.sha256(upload).hexdigest()
    assert inspected.pages == 2
    assert text_of(inspected.data, 1) == text_of(paper(2), 1)
    assert stamp(inspected.data, certificate(), seal()).pages == 3


def test_a_page_whose_stamp_would_be_covered_is_refused() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    cover = content(b"0 g 0 0 312 200 re f")
    cover.update({NameObject("/Subtype"): NameObject("/Form"), NameObject("/BBox"): box(0, 0, 312, 200)})
    annotation = DictionaryObject(
        {
            NameObject("/Subtype"): NameObject("/Stamp"),
            NameObject("/F"): NumberObject(4),
            NameObject("/Rect"): box(300, 0, 612, 200),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(cover)}),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(annotation)])
    assert refusal(written(writer)).reason == Reason.CANNOT_BE_STAMPED


def test_hostile_files_are_answered_in_time() -> None:
    for path in corpus("synth__bomb_"):
        started = time.monotonic()
        with contextlib.suppress(Unfit):
            assert inspect(path.read_bytes(), Limits(cpu_seconds=4, wall_seconds=8)).pages < 10
        assert time.monotonic() - started < 12, path.name


def test_refusals_of_the_corpus_have_the_right_reason() -> None:
    expected = {
        "synth__act_": {Reason.ACTIVE_CONTENT},
        "synth__enc_": {Reason.ENCRYPTED},
        "synth__sig_": {Reason.ALREADY_SIGNED},
        "synth__zero_pages": {Reason.NO_PAGES},
        "synth__trunc_": {Reason.DAMAGED},
    }
    for beginning, reasons in expected.items():
        for path in corpus(beginning):
            if path.name != "synth__act_acroform_needappearances.pdf":  # a form without scripts is fine
                assert refusal(path.read_bytes()).reason in reasons, path.name


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
