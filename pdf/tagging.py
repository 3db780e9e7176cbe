"""The logical structure of what is added, entered into the document's own structure tree (ISO 32000-2 14.7).

A document without a tree gets one for what is added. It is not declared to be tagged (`/MarkInfo`): its own pages are
not, and a reader that believed it would leave them out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NullObject,
    NumberObject,
    PdfObject,
)

from pdf.sheet import Element, Sheet
from pdf.update import UNREADABLE, Update, copied, dictionary, entries_of, name, numbers, resolved, text

DEEPEST_TREE = 20


@dataclass(frozen=True)
class Place:
    """Where a sheet ended up: `holder` is the page, or the form XObject `stream` that `page` shows."""

    holder: DictionaryObject
    page: IndirectObject
    stream: IndirectObject | None = None


@dataclass(frozen=True)
class Widget:
    """An annotation on `page`, and what is read for it."""

    reference: IndirectObject
    page: IndirectObject
    description: str = field(repr=False)


@dataclass(frozen=True)
class Section:
    title: str
    language: str
    elements: tuple[Element, ...]
    widget: Widget | None = None


def tag(update: Update, sections: Iterable[Section], places: dict[Sheet, Place]) -> None:
    """Enter the sections behind everything else. A tree that is too damaged to be added to stays as it is."""
    try:
        tree = _Tree(update)
    except UNREADABLE:
        return
    owners: dict[int, IndirectObject] = {}
    made = [_section(tree, section, places, owners) for section in sections]
    for sheet, place in places.items():
        place.holder[name("/StructParents")] = tree.next_key(ArrayObject(owners[id(mark)] for mark in sheet.marks))
    tree.write(made)


class _Tree:
    """A structure tree that is about to grow: everything of it that has to be read is read at the start."""

    def __init__(self, update: Update) -> None:
        self.update = update
        known = update.root.raw_get("/StructTreeRoot") if "/StructTreeRoot" in update.root else NullObject()
        root = resolved(known)
        if isinstance(root, DictionaryObject):
            self._root = copied(root)
            self.reference = known if isinstance(known, IndirectObject) else update.add(self._root)
        else:
            self._root = dictionary(Type=name("/StructTreeRoot"))
            self.reference = update.add(self._root)
        self._parent_tree = self._root.raw_get("/ParentTree") if "/ParentTree" in self._root else NullObject()
        announced = resolved(self._root.raw_get("/ParentTreeNextKey")) if "/ParentTreeNextKey" in self._root else 0
        self._next = max(announced if isinstance(announced, int) else 0, 1 + _highest_key(self._parent_tree))
        self._pairs: list[PdfObject] = []
        self._first = self._next
        self.top = self._top()

    def _top(self) -> IndirectObject:
        """The one element under the root, a Document as a rule; made where there is none; else the root itself."""
        kids = self._kids(self._root)
        if not kids:
            document = dictionary(Type=name("/StructElem"), S=name("/Document"), P=self.reference)
            top = self.update.add(document)
            self._root[name("/K")] = top
            return top
        only = kids[0]
        if len(kids) == 1 and isinstance(only, IndirectObject) and isinstance(resolved(only), DictionaryObject):
            return only
        return self.reference

    @staticmethod
    def _kids(element: DictionaryObject) -> list[PdfObject]:
        if "/K" not in element:
            return []
        kids = element.raw_get("/K")
        return entries_of(kids) if isinstance(resolved(kids), ArrayObject) else [kids]

    def next_key(self, owner: PdfObject) -> NumberObject:
        """A key of the parent tree, for what belongs to `owner` (ISO 32000-2 14.7.5.4)."""
        key = NumberObject(self._next)
        self._next += 1
        self._pairs += [key, self.update.add(owner) if isinstance(owner, ArrayObject) else owner]
        return key

    def write(self, sections: list[IndirectObject]) -> None:
        self._root[name("/ParentTreeNextKey")] = NumberObject(self._next)
        grown = self._grown_parent_tree()
        if isinstance(self._parent_tree, IndirectObject):
            self.update.replace(self._parent_tree, grown)
        else:
            self._root[name("/ParentTree")] = self.update.add(grown)
        if self.top == self.reference:
            parent = self._root
        else:
            current = self.update.current(self.top)
            assert isinstance(current, DictionaryObject)
            parent = copied(current)
            self.update.replace(self.top, parent)
        parent[name("/K")] = ArrayObject([*self._kids(parent), *sections])
        self.update.replace(self.reference, self._root)
        self.update.catalog()[name("/StructTreeRoot")] = self.reference

    def _grown_parent_tree(self) -> DictionaryObject:
        """Our keys are higher than all others, so they come last (ISO 32000-2 7.9.7)."""
        known = resolved(self._parent_tree)
        grown = copied(known) if isinstance(known, DictionaryObject) else DictionaryObject()
        if "/Kids" in grown:
            leaf = dictionary(Limits=ArrayObject([NumberObject(self._first), NumberObject(self._next - 1)]))
            leaf[name("/Nums")] = ArrayObject(self._pairs)
            grown[name("/Kids")] = ArrayObject([*entries_of(grown.raw_get("/Kids")), self.update.add(leaf)])
        else:
            pairs = entries_of(grown.raw_get("/Nums")) if "/Nums" in grown else []
            grown[name("/Nums")] = ArrayObject([*pairs, *self._pairs])
        return grown


def _highest_key(node: object, depth: int = 0) -> int:
    """Of a number tree, whose last leaf has the highest ones; -1 of an empty one."""
    node = resolved(node)
    if not isinstance(node, DictionaryObject) or depth > DEEPEST_TREE:
        return -1
    keys = [resolved(key) for key in entries_of(node.get("/Nums"))[::2]]
    limits = [resolved(limit) for limit in entries_of(node.get("/Limits"))]
    kids = entries_of(node.get("/Kids"))
    below = _highest_key(kids[-1], depth + 1) if kids else -1
    return max([below, *(int(key) for key in (*keys, *limits) if isinstance(key, int))])


def _section(
    tree: _Tree, section: Section, places: dict[Sheet, Place], owners: dict[int, IndirectObject]
) -> IndirectObject:
    made = dictionary(
        Type=name("/StructElem"),
        S=name("/Sect"),
        P=tree.top,
        T=text(section.title),
        Lang=text(section.language),
    )
    reference = tree.update.add(made)
    kids = []
    for element in section.elements:
        kid = tree.update.add(_element(element, reference, places))
        owners |= {id(element): kid}
        kids.append(kid)
    if section.widget:
        kids.append(_form(tree, section.widget, reference))
    made[name("/K")] = ArrayObject(kids)
    return reference


def _element(element: Element, parent: IndirectObject, places: dict[Sheet, Place]) -> DictionaryObject:
    made = dictionary(Type=name("/StructElem"), S=name(f"/{element.kind}"), P=parent)
    first = places[element.parts[0][0]]
    made[name("/Pg")] = first.page
    if element.description:
        made[name("/Alt")] = text(element.description)
    if element.language:
        made[name("/Lang")] = text(element.language)
    if element.box:
        made[name("/A")] = dictionary(O=name("/Layout"), BBox=numbers(element.box))
    made[name("/K")] = ArrayObject(_part(places[sheet], mark) for sheet, mark in element.parts)
    return made


def _part(place: Place, mark: int) -> PdfObject:
    if place.stream is None:
        return NumberObject(mark)
    return dictionary(Type=name("/MCR"), Pg=place.page, Stm=place.stream, MCID=NumberObject(mark))


def _form(tree: _Tree, widget: Widget, parent: IndirectObject) -> IndirectObject:
    """ISO 14289-1 7.18.4: a widget is in a Form element, which knows it by reference."""
    reference = tree.update.add(
        dictionary(
            Type=name("/StructElem"),
            S=name("/Form"),
            P=parent,
            Pg=widget.page,
            Alt=text(widget.description),
            K=dictionary(Type=name("/OBJR"), Obj=widget.reference, Pg=widget.page),
        )
    )
    annotation = tree.update.current(widget.reference)
    assert isinstance(annotation, DictionaryObject)
    annotation[name("/StructParent")] = tree.next_key(reference)
    return reference
