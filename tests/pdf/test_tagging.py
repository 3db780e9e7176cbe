"""What screen readers are told: structure of stamp, field and certificate (PDF/UA, ISO 14289-1; ISO 32000-2 14.7)."""

import dataclasses
import functools
import io
import re
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from pdf import TypedName, stamp
from tests.pdf.paper import certificate, corpus, paper, seal, signer, written
from tests.pdf.strangers import demand, said


def name(text: str) -> NameObject:
    return NameObject(text)


def tagged(*, kids: bool = False, document: bool = True, next_key: int | None = 1) -> bytes:
    """A page with one tagged paragraph: under a Document element or not, its parent tree with kids or without."""
    writer = PdfWriter(clone_from=io.BytesIO(paper()))
    page: Any = writer.pages[0]
    page[name("/StructParents")] = NumberObject(0)
    root: Any = writer._add_object(DictionaryObject({name("/Type"): name("/StructTreeRoot")}))
    top = root
    if document:
        element = {"/Type": name("/StructElem"), "/S": name("/Document"), "/P": root}
        top = writer._add_object(DictionaryObject({name(key): value for key, value in element.items()}))
    element = {"/Type": name("/StructElem"), "/S": name("/P"), "/P": top, "/Pg": page.indirect_reference}
    paragraph: Any = writer._add_object(DictionaryObject({name(key): value for key, value in element.items()}))
    paragraph.get_object()[name("/K")] = NumberObject(0)
    if document:
        top.get_object()[name("/K")] = paragraph
    tree = DictionaryObject({name("/Nums"): ArrayObject([NumberObject(0), ArrayObject([paragraph])])})
    if kids:
        tree[name("/Limits")] = ArrayObject([NumberObject(0), NumberObject(0)])
        tree = DictionaryObject({name("/Kids"): ArrayObject([writer._add_object(tree)])})
    held: Any = root.get_object()
    held[name("/K")] = top if document else ArrayObject([paragraph, paragraph])
    held[name("/ParentTree")] = writer._add_object(tree)
    if next_key is not None:
        held[name("/ParentTreeNextKey")] = NumberObject(next_key)
    writer.root_object[name("/StructTreeRoot")] = root
    writer.root_object[name("/MarkInfo")] = DictionaryObject({name("/Marked"): BooleanObject(True)})
    writer.root_object[name("/Lang")] = TextStringObject("en")
    return written(writer)


def opened(document: bytes) -> Any:
    """Untyped: what a reader finds in it is what these tests are about."""
    return PdfReader(io.BytesIO(document))


class Structure:
    """The structure tree of a document, as a reader meets it."""

    def __init__(self, document: bytes) -> None:
        self.reader = opened(document)
        self.root = self.reader.root_object["/StructTreeRoot"]
        self.owners: dict[int, Any] = {}
        self._collect(self.root["/ParentTree"])

    def _collect(self, node: Any) -> None:
        node = node.get_object()
        numbers = node.get("/Nums", [])
        for key, value in zip(numbers[::2], numbers[1::2], strict=True):
            assert int(key) not in self.owners, "each key once"
            self.owners[int(key)] = value.get_object()
        for kid in node.get("/Kids", []):
            self._collect(kid)

    @staticmethod
    def kids(element: Any) -> list[Any]:
        kids = element.get("/K", [])
        return [kid.get_object() for kid in kids] if isinstance(kids, list) else [kids.get_object()]

    def top(self) -> list[Any]:
        first = self.kids(self.root)
        return self.kids(first[0]) if len(first) == 1 else first

    def sections(self) -> list[Any]:
        return [element for element in self.top() if element["/S"] == "/Sect"]

    def contents(self, page: Any) -> str:
        return str(page["/Contents"].get_object().get_data().decode("latin-1"))

    def widget(self) -> Any:
        fields: Any = self.reader.root_object["/AcroForm"]
        return fields["/Fields"][-1].get_object()


@functools.cache
def structure(**how: Any) -> Structure:
    return Structure(stamp(tagged(**how), certificate(), seal()).data)


def test_the_stamp_and_the_certificate_are_sections_behind_the_document() -> None:
    made = structure()
    assert [element["/S"] for element in made.top()] == ["/P", "/Sect", "/Sect"]
    stamped, certified = made.sections()
    assert (stamped["/T"], certified["/T"]) == ("Signature", "Signature certificate")
    assert [kid["/S"] for kid in made.kids(stamped)] == ["/Figure", "/P", "/P", "/P", "/Form"]
    kinds = [kid["/S"] for kid in made.kids(certified)]
    assert kinds[:2] == ["/H1", "/P"]
    assert kinds[6:8] == ["/H2", "/Figure"]
    assert set(kinds[8:]) == {"/P"}
    assert all(kid["/P"] == section for section in made.sections() for kid in made.kids(section))


def test_sections_say_their_language() -> None:
    assert [section["/Lang"] for section in structure().sections()] == ["en", "en"]
    spanish = dataclasses.replace(certificate(), language="es", redisclosure_notice=True)
    made = Structure(stamp(tagged(), spanish, seal()).data)
    assert [section["/Lang"] for section in made.sections()] == ["es", "es"]
    (english,) = (kid for kid in made.kids(made.sections()[1]) if "/Lang" in kid)
    assert english["/Lang"] == "en", "the notice in the regulation's own words"


def test_a_drawn_signature_is_a_figure_with_a_description_and_its_place() -> None:
    made = structure()
    for section in made.sections():
        figure = next(kid for kid in made.kids(section) if kid["/S"] == "/Figure")
        assert figure["/Alt"] == "Drawn signature of Zoë Müller-Łukaszewicz"
        left, bottom, right, top = (float(side) for side in figure["/A"]["/BBox"])
        assert 0 <= left < right <= 612
        assert 0 <= bottom < top <= 792
    typed = Structure(stamp(tagged(), certificate(signer(TypedName("Z"), "Zoë \u202e")), seal()).data)
    figure = next(kid for kid in typed.kids(typed.sections()[1]) if kid["/S"] == "/Figure")
    assert figure["/Alt"] == "Typed signature: Zoë [U+202E]"


def test_the_field_is_in_a_form_element_and_named() -> None:
    made = structure()
    widget = made.widget()
    assert widget["/TU"] == "Signature of Zoë Müller-Łukaszewicz"
    form = made.owners[widget["/StructParent"]]
    assert form["/S"] == "/Form"
    assert form["/K"]["/Type"] == "/OBJR"
    assert form["/K"]["/Obj"].get_object() == widget
    assert made.reader.pages[0]["/Tabs"] == "/S"


def test_all_that_a_certificate_page_shows_is_either_tagged_or_declared_decoration() -> None:
    signers = [signer(name=f"Person {n}") for n in range(5)]
    made = Structure(stamp(tagged(), certificate(*signers), seal()).data)
    pages = made.reader.pages[1:]
    assert len(pages) == 3
    for page in pages:
        assert page["/Tabs"] == "/S"
        content = made.contents(page)
        marks = [int(mark) for mark in re.findall(r"/MCID (\d+)", content)]
        assert marks == list(range(len(marks)))
        assert len(made.owners[page["/StructParents"]]) == len(marks)
        for mark, owner in enumerate(made.owners[page["/StructParents"]]):
            parts = owner.get_object()["/K"]
            assert mark in list(parts)
            assert owner.get_object()["/Pg"] == page
        outside = re.sub(
            r"/(Artifact BMC|(H1|H2|P|Figure) <<).*?\nEMC(?!\S)", "", content.replace("EMC\n/Span", ""), flags=re.S
        )
        assert not re.search(r"T[jJ]|Do|\b[Sf]\b", re.sub(r"(?s)/Span.*?EMC", "", outside)), outside


def test_what_the_stamp_shows_is_owned_through_its_form() -> None:
    made = structure()
    resources: Any = made.reader.pages[0]["/Resources"]
    picture = next(form.get_object() for label, form in resources["/XObject"].items() if label.startswith("/Signature"))
    owners = made.owners[picture["/StructParents"]]
    assert [owner.get_object()["/S"] for owner in owners] == ["/Figure", "/P", "/P", "/P"]
    part = owners[1].get_object()["/K"][0]
    assert (part["/Type"], part["/MCID"]) == ("/MCR", 1)
    assert part["/Stm"].get_object() == picture


@pytest.mark.parametrize("kids", [False, True], ids=["flat", "with kids"])
@pytest.mark.parametrize("document", [True, False], ids=["in a Document", "without one"])
@pytest.mark.parametrize("next_key", [1, 40, 0, None])
def test_the_documents_own_structure_stays_and_no_key_is_used_twice(
    kids: bool, document: bool, next_key: int | None
) -> None:
    made = structure(kids=kids, document=document, next_key=next_key)
    (own,) = made.owners[0]
    assert own.get_object()["/S"] == "/P"
    assert made.top()[0] == own.get_object()
    assert len(made.owners) == 4, "its page, the stamp, the field, the certificate page"
    assert made.root["/ParentTreeNextKey"] == max(made.owners) + 1
    assert made.reader.root_object["/MarkInfo"]["/Marked"].value is True, "it was tagged before"


def test_a_document_without_tags_gets_them_for_what_is_added_but_is_not_called_tagged() -> None:
    """A reader that took it for tagged would leave out the document's own pages."""
    made = Structure(stamp(paper(), certificate(), seal()).data)
    assert "/MarkInfo" not in made.reader.root_object
    (document,) = made.kids(made.root)
    assert document["/S"] == "/Document"
    assert len(made.sections()) == 2
    assert "/Tabs" not in made.reader.pages[0], "its fields keep their order"


def test_a_damaged_tree_is_left_as_it_is() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(tagged()))
    tree: Any = writer.root_object["/StructTreeRoot"]
    tree[name("/ParentTree")] = TextStringObject("no tree")
    tree[name("/K")] = NumberObject(7)
    signed = stamp(written(writer), certificate(), seal())
    assert signed.pages == 2


def test_poppler_reads_the_structure_of_every_tagged_file_of_the_corpus(tmp_path: Any) -> None:
    demand("pdfinfo", "poppler-utils")
    for path in corpus("veraPDF-"):
        original = path.read_bytes()
        if b"/StructTreeRoot" not in original or b"/Encrypt" in original:
            continue
        file = tmp_path / "signed.pdf"
        file.write_bytes(stamp(original, certificate(), seal()).data)
        Structure(file.read_bytes())
        read = said("pdfinfo", "-struct-text", file).stdout
        assert 'Sect "Signature certificate"' in read, path.name
        assert "Zoë Müller-Łukaszewicz" in read, path.name
