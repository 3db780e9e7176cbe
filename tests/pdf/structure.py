"""What a checker of accessibility would say of a document's structure (ISO 14289-1; ISO 32000-2 14.7, 14.8)."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream, DictionaryObject, NullObject

Complaints = Counter[str]
"""Kinds of faults, and how many there are of each."""


def complaints(document: bytes) -> Complaints:
    return Counter(_Checked(PdfReader(io.BytesIO(document))).faults())


class _Checked:
    """A tagged document, its parent tree and its elements read. Untyped: any of it may be of any kind."""

    def __init__(self, reader: PdfReader) -> None:
        self.reader = reader
        self.root: Any = reader.root_object["/StructTreeRoot"]
        self.owners: dict[int, Any] = {}
        self.elements: list[Any] = []
        self.marked: set[tuple[Any, int]] = set()
        """What elements hold: the number of the page or form object, and the MCID."""
        self.held: set[int] = set()
        """Numbers of the annotations that elements hold."""

    def faults(self) -> Iterator[str]:
        yield from self._of_the_parent_tree()
        yield from self._of_elements()
        yield from self._of_pages()
        if "/Lang" not in self.reader.root_object and not any("/Lang" in each for each in self.elements):
            yield "no language is named"

    def _of_the_parent_tree(self) -> Iterator[str]:
        keys = list(self._entries(self.root.get("/ParentTree", DictionaryObject())))
        if keys != sorted(set(keys)):
            yield "keys of the parent tree are not in order, or not unique"
        if keys and self.root.get("/ParentTreeNextKey", max(keys) + 1) <= max(keys):
            yield "the next key of the parent tree is used already"

    def _entries(self, node: Any) -> Iterator[int]:
        node = node.get_object()
        numbers = node.get("/Nums", [])
        for key, value in zip(numbers[::2], numbers[1::2], strict=True):
            self.owners[int(key)] = value.get_object()
            yield int(key)
        for kid in node.get("/Kids", []):
            yield from self._entries(kid)

    def _of_elements(self) -> Iterator[str]:
        waiting: list[tuple[Any, Any, Any]] = [(kid, self.root, None) for kid in _kids(self.root)]
        seen: set[int] = set()
        while waiting:
            reference, parent, page = waiting.pop()
            element = reference.get_object()
            if isinstance(element, int):
                self.marked.add((page, element))
            elif element.get("/Type") == "/MCR":
                self.marked.add(
                    (_number(element.raw_get("/Stm" if "/Stm" in element else "/Pg"), page), element["/MCID"])
                )
            elif element.get("/Type") == "/OBJR":
                self.held.add(_number(dict.get(element, "/Obj"), None))
            elif _number(reference, None) not in seen:
                seen.add(_number(reference, None))
                self.elements.append(element)
                own_page = _number(element.raw_get("/Pg"), page) if "/Pg" in element else page
                waiting += [(kid, element, own_page) for kid in _kids(element)]
                if element.get("/P", NullObject()).get_object() != parent:
                    yield "an element does not name the one above it"
                if element.get("/S") in {"/Figure", "/Form"} and not {"/Alt", "/ActualText"} & set(element):
                    yield f"a {element['/S'][1:]} without description"

    def _of_pages(self) -> Iterator[str]:
        for page in self.reader.pages:
            yield from self._of_marks(page, page.indirect_reference, page.get("/Contents"))
            forms: Any = page.get("/Resources", {}).get("/XObject", {})
            for label in forms:
                form = forms[label]
                if "/StructParents" in form:
                    yield from self._of_marks(form, forms.raw_get(label), form)
            annotations: Any = page.get("/Annots", [])
            shown = [each for each in annotations if each.get_object().get("/Subtype") != "/Popup"]
            if shown and page.get("/Tabs") != "/S":
                yield "a page with annotations whose order is not that of the structure"
            for annotation in shown:
                yield from self._of_annotation(annotation)

    def _of_marks(self, holder: Any, reference: Any, content: Any) -> Iterator[str]:
        if content is None:
            return
        owners = self.owners.get(holder.get("/StructParents"), [])
        for mark in _marks(holder, content, self.reader):
            if mark >= len(owners) or isinstance(owners[mark].get_object(), NullObject):
                yield "marked content that the parent tree does not know"
            elif (_number(reference, None), mark) not in self.marked:
                yield "marked content that no element holds"

    def _of_annotation(self, reference: Any) -> Iterator[str]:
        annotation = reference.get_object()
        if annotation.get("/Subtype") == "/Widget" and not {"/TU", "/Parent"} & set(annotation):
            yield "a field without a name to read out"
        owner = self.owners.get(annotation.get("/StructParent"))
        if owner is None:
            yield "an annotation that the parent tree does not know"
        elif _number(reference, None) not in self.held:
            yield "an annotation that no element holds"


def _kids(element: Any) -> list[Any]:
    """References as they are, so that what they lead to can be told apart."""
    if "/K" not in element:
        return []
    kids = element["/K"]
    return list(list.__iter__(kids)) if isinstance(kids, list) else [element.raw_get("/K")]


def _number(reference: Any, otherwise: Any) -> Any:
    return getattr(reference, "idnum", otherwise)


def _marks(holder: Any, content: Any, reader: PdfReader) -> set[int]:
    named: Any = holder.get("/Resources", {}).get("/Properties", {})
    found = set()
    for operands, operator in ContentStream(content, reader).operations:
        if operator == b"BDC":
            properties = named.get(operands[1], {}) if isinstance(operands[1], str) else operands[1]
            if "/MCID" in properties:
                found.add(int(properties["/MCID"]))
    return found
