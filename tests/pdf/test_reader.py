"""What is read quicker than pypdf reads it is the same as what pypdf reads."""

import io
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter, apply_configuration
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, read_object

from pdf import CannotStamp, Plan, Way, stamp
from pdf.plain import plain_object
from pdf.reader import Content, Joined, Reader, References
from pdf.stamp import Draft
from pdf.update import READING, UNREADABLE, entries_of, name, numbers, text
from tests.pdf.paper import certificate, corpus, paper, seal, written


@pytest.fixture(autouse=True)
def _within_limits() -> Iterator[None]:
    with apply_configuration(READING):
        yield


def read(reader: PdfReader) -> Any:
    return reader.xref, reader.xref_free_entry, reader.xref_objStm, list(reader.trailer), reader.xref_index


def free_in(reader: Reader) -> set[tuple[int, int]]:
    return {
        (generation, number) for generation, all_ in reader.xref_free_entry.items() for number in all_ if all_[number]
    }


def outcome(content: "Content | Joined") -> Any:
    try:
        return read(Reader(content))
    except UNREADABLE as error:
        return type(error)


def outcome_of_pypdf(content: bytes) -> Any:
    try:
        return read(PdfReader(io.BytesIO(content), strict=True))
    except UNREADABLE as error:
        return type(error)


def test_tables_and_streams_of_every_file() -> None:
    for path in corpus():
        content = path.read_bytes()
        assert outcome(content) == outcome_of_pypdf(content), path.name


def test_a_mapped_file_and_a_joined_one_read_alike(tmp_path: Path) -> None:
    for content in (paper(3), stamp(paper(3), certificate(), seal()).data, paper()[:-200], b"nothing"):
        expected = outcome_of_pypdf(content)
        file = tmp_path / "a.pdf"
        file.write_bytes(content)
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert outcome(mapped) == expected
            assert outcome(Joined(mapped, b"")) == expected
        for cut in (0, 1, len(content) // 2, len(content) - 30 if len(content) > 30 else 2, len(content)):
            assert outcome(Joined(content[:cut], content[cut:])) == expected


def in_short(node: Any) -> Any:
    """Without the readers that references hold."""
    if isinstance(node, IndirectObject):
        return node.idnum, node.generation
    if isinstance(node, DictionaryObject):
        return {key: in_short(node.raw_get(key)) for key in node}
    return [in_short(each) for each in entries_of(node)] if isinstance(node, list) else node


def test_page_trees_of_every_file() -> None:
    compared = 0
    for path in corpus():
        try:
            theirs, ours, other = (
                PdfReader(io.BytesIO(path.read_bytes()), strict=True),
                Reader(path.read_bytes()),
                Reader(path.read_bytes()),
            )
            root: Any = theirs.trailer["/Root"]
            reference = root.raw_get("/Pages")
            expected, count, last = root["/Pages"], root["/Pages"]["/Count"], root["/Pages"]["/Kids"][-1].get_object()
        except UNREADABLE:
            continue
        if isinstance(reference, IndirectObject):
            compared += 1
            here, there = (IndirectObject(reference.idnum, reference.generation, reader) for reader in (ours, other))
            assert in_short(ours.page_node(here)) == in_short(expected), path.name
            assert in_short(list(other.count_and_last(there))) == in_short([count, last]), path.name
    assert compared > 50


def test_what_is_known_of_a_beginning_need_not_be_read_again() -> None:
    compared = 0
    for path in corpus()[::5]:
        content = path.read_bytes()
        for plan in (Plan(Way.PAGE), Plan(Way.WIDGET)):
            try:
                section = Draft.of(content, certificate(), seal(), plan).revision().section
            except CannotStamp:
                continue
            known, whole = Reader(content), Joined(content, section)
            expected, found = Reader(whole), Reader(whole, known)
            assert (found.xref, found.xref_objStm) == (expected.xref, expected.xref_objStm), path.name
            # pypdf notes what is free or does not, by what it has read before; what is ours is never free
            added = {(0, number) for number, at in found.xref[0].items() if at > len(content)}
            assert added, path.name
            assert not added & free_in(found), path.name
            for key in ("/Size", "/ID"):
                assert found.trailer[key] == expected.trailer[key], path.name
            compared += 1
    assert compared > 40


def test_plain_objects_are_what_pypdf_reads() -> None:
    plain = 0
    for path in corpus()[::3]:
        content = path.read_bytes()
        try:
            theirs, ours = PdfReader(io.BytesIO(content), strict=True), Reader(content)
        except UNREADABLE:
            continue
        if theirs.is_encrypted:
            continue
        for number, at in [*ours.xref.get(0, {}).items()][:100]:
            found = plain_object(content, at, (number, 0), ours)
            if found is not None and number not in theirs.xref_objStm:
                expected = theirs.get_object(IndirectObject(number, 0, theirs))
                assert (type(found), in_short(found)) == (type(expected), in_short(expected)), (path.name, number)
                plain += 1
    assert plain > 500


@pytest.mark.parametrize(
    "text",
    [
        b"<< /A (a\\)b) >>",
        b"<< /A 1 /A 2 >>",
        b"<< /A#20B 1 >>",
        b"<< /A >>",
        b"<< 1 /A >>",
        b"[ 1 2",
        b"[ 1 >>",
        b"<< /A 1 % said\n >>",
        b"<< /Length 1 >>\nstream\nx\nendstream",
        b"[ 99999999999 ]",
        b"(alone)",
        b"[" * 50 + b"]" * 50,
    ],
)
def test_what_is_not_plain_is_left_to_pypdf(text: bytes) -> None:
    assert plain_object(b"7 0 obj\n" + text + b"\nendobj", 0, (7, 0), None) is None


def test_an_object_is_the_one_that_stands_there() -> None:
    assert plain_object(b"7 0 obj [ 1 ] endobj", 0, (7, 0), None) == [1]
    assert plain_object(b"7 0 obj [ 1 ] endobj", 0, (8, 0), None) is None
    assert plain_object(b"7 0 obj [ 1 ] endobj", 1, (7, 0), None) is None
    assert plain_object(b"7 0 obj [ 1 ] 2 endobj", 0, (7, 0), None) is None


def test_numbers_in_a_newer_section_win() -> None:
    changed = PdfWriter(io.BytesIO(paper(2)), incremental=True)
    changed.pages[0].rotate(90)
    content = written(changed)
    assert outcome(content) == outcome_of_pypdf(content)
    first: Any = Reader(content).pages[0]
    assert first["/Rotate"] == 90


def test_references_are_an_array_of_them() -> None:
    reader = Reader(paper(3))
    root: Any = reader.trailer["/Root"]
    node: Any = reader.page_node(root.raw_get("/Pages"))
    kids = node["/Kids"]
    assert isinstance(kids, References)
    assert len(kids) == len(list(kids)) == len(entries_of(kids)) == 3
    assert kids.last() == entries_of(kids)[-1]
    assert kids[0]["/Type"] == name("/Page")
    assert kids.has_last_once()
    twice = kids.and_one(kids.last())
    assert not twice.has_last_once()
    assert (len(kids), len(twice)) == (3, 4)
    assert written_as(twice).split() == written_as(ArrayObject([*entries_of(kids), kids.last()])).split()


def written_as(array: ArrayObject) -> bytes:
    made = io.BytesIO()
    array.write_to_stream(made)
    return made.getvalue()


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_text_of_ours_is_read_as_it_was(words: str) -> None:
    assert read_back(text(words)) == words


@settings(deadline=None)
@given(st.floats(-20_000, 20_000))
def test_a_number_of_ours_is_read_as_it_was(number: float) -> None:
    assert read_back(numbers((number,)))[0] == pytest.approx(number, abs=0.00001)


def read_back(value: Any) -> Any:
    made = io.BytesIO()
    value.write_to_stream(made)
    made.write(b" ")
    made.seek(0)
    return read_object(made, None)
