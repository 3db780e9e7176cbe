"""The last page of a document and the end of its page tree, and what a stamp changes there."""

import re
from dataclasses import dataclass
from typing import Any

from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    NullObject,
    NumberObject,
    PdfObject,
    StreamObject,
)

from pdf.placement import LETTER, Geometry, Matrix, Numbers4
from pdf.reader import References
from pdf.update import (
    UNREADABLE,
    CannotUpdate,
    Update,
    copied,
    dictionary_at,
    entries_of,
    name,
    resolved,
    stream,
)

DEEPEST_TREE = 50

INHERITABLE = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
"""ISO 32000-2 table 31."""


@dataclass(frozen=True)
class OpenPage:
    """A page of our own that may be changed: its dictionary is already part of the update."""

    reference: IndirectObject
    page: DictionaryObject
    geometry: Geometry


def last_geometry(update: Update) -> Geometry:
    """Of the last page, which is found from the end of the tree, so that the other pages need not be read."""
    try:
        return _geometry([node for _, node in _path_to_last(update)])
    except UNREADABLE as error:
        raise CannotUpdate(f"page tree: {type(error).__name__}: {error}") from error


def open_last_page(update: Update) -> OpenPage:
    """To be painted on. A page object that is in the tree twice is cloned for its last place, or both would show it."""
    try:
        path = _path_to_last(update)
        reference, page = path[-1]
        geometry = _geometry([node for _, node in path])
        own = copied(page)
        for key in INHERITABLE:
            holder = next((node for _, node in reversed(path) if key in node), None)
            if holder is not None:
                own[name(key)] = holder.raw_get(key)
        parent_reference, parent = path[-2]
        if not _is_once(parent.raw_get("/Kids"), reference):
            reference = _clone_for_last_place(update, parent_reference, parent, reference, own)
        else:
            update.replace(reference, own)
    except UNREADABLE as error:
        raise CannotUpdate(f"page tree: {type(error).__name__}: {error}") from error
    return OpenPage(reference, own, geometry)


def open_last_page_as_it_is(update: Update) -> OpenPage:
    """To be annotated, and nothing else: what else changes of a signed page breaks its signatures."""
    try:
        path = _path_to_last(update)
        reference, page = path[-1]
        if sum(_is_same(kid, reference) for kid in entries_of(path[-2][1].raw_get("/Kids"))) > 1:
            raise CannotUpdate("the last page is in the document twice")
        own = update.copied_exactly(reference, page)
        if "/Annots" in page:
            own[name("/Annots")] = page.raw_get("/Annots")
        update.replace(reference, own)
        return OpenPage(reference, own, _geometry([node for _, node in path]))
    except UNREADABLE as error:
        raise CannotUpdate(f"page tree: {type(error).__name__}: {error}") from error


def _path_to_last(update: Update) -> list[tuple[IndirectObject, DictionaryObject]]:
    """Nodes from the root of the page tree to its last leaf."""
    path: list[tuple[IndirectObject, DictionaryObject]] = []
    reference: PdfObject = update.root.raw_get("/Pages")
    while len(path) <= DEEPEST_TREE:
        node = update.reader.page_node(reference) if isinstance(reference, IndirectObject) else None
        if not isinstance(reference, IndirectObject) or not isinstance(node, DictionaryObject):
            raise CannotUpdate("the page tree holds something that is no indirect dictionary")
        path.append((reference, node))
        if "/Kids" not in node:
            if len(path) < 2:
                raise CannotUpdate("the page tree is a page")
            return path
        kids = node.raw_get("/Kids")
        if isinstance(kids, References):
            reference = kids.last()
        elif not (each := entries_of(kids)):
            raise CannotUpdate("the page tree ends in a node without pages")
        else:
            reference = each[-1]
    raise CannotUpdate("the page tree is too deep, or a loop")


def _is_once(kids: PdfObject, last: IndirectObject) -> bool:
    """Whether the last of the kids is no other of them, too."""
    if isinstance(kids, References):
        return kids.has_last_once()
    return sum(_is_same(kid, last) for kid in entries_of(kids)) == 1


def _is_same(kid: PdfObject, reference: IndirectObject) -> bool:
    return type(kid) is IndirectObject and (kid.idnum, kid.generation) == (reference.idnum, reference.generation)


def _clone_for_last_place(
    update: Update,
    parent_reference: IndirectObject,
    parent: DictionaryObject,
    shared: IndirectObject,
    own: DictionaryObject,
) -> IndirectObject:
    clone = update.add(own)
    kids = entries_of(parent.raw_get("/Kids"))
    last = max(index for index, kid in enumerate(kids) if _is_same(kid, shared))
    changed = copied(parent)
    changed[name("/Kids")] = ArrayObject([*kids[:last], clone, *kids[last + 1 :]])
    update.replace(parent_reference, changed)
    return clone


def _geometry(nodes: list[DictionaryObject]) -> Geometry:
    def inherited(key: str) -> Any:
        return next((resolved(node.raw_get(key)) for node in reversed(nodes) if key in node), None)

    rotate, unit = inherited("/Rotate"), resolved(nodes[-1].raw_get("/UserUnit")) if "/UserUnit" in nodes[-1] else 1
    return Geometry(
        media_box=_box(inherited("/MediaBox")) or LETTER,
        crop_box=_box(inherited("/CropBox")),
        rotate=int(rotate) if isinstance(rotate, int | float) else 0,
        user_unit=float(unit) if isinstance(unit, int | float) else 1.0,
    )


def _box(value: object) -> Numbers4 | None:
    corners = [resolved(corner) for corner in entries_of(value)]
    if len(corners) != 4 or not all(isinstance(corner, int | float) for corner in corners):
        return None
    a, b, c, d = (float(corner) for corner in corners)  # type: ignore[arg-type]
    return a, b, c, d


def count_pages(root: DictionaryObject, most: int) -> int:
    """Leaves of the page tree, which must be a tree and count itself rightly; `most` and one more, if there are more.

    Raises `CannotUpdate`, and what pypdf raises.
    """
    seen: set[int] = set()
    waiting, pages = [root.raw_get("/Pages")], 0
    while waiting and pages <= most:
        reference = waiting.pop()
        node = resolved(reference)
        if not isinstance(reference, IndirectObject) or not isinstance(node, DictionaryObject):
            raise CannotUpdate("the page tree holds something that is no indirect dictionary")
        if "/Kids" not in node:
            pages += 1
            continue
        if reference.idnum in seen:
            raise CannotUpdate("the page tree is no tree")
        seen.add(reference.idnum)
        kids = entries_of(node.raw_get("/Kids"))
        if not kids and len(seen) > 1:
            raise CannotUpdate("the page tree has a node without pages")
        waiting.extend(kids)
    if not waiting and resolved(root["/Pages"].raw_get("/Count")) != pages:  # type: ignore[attr-defined]
        raise CannotUpdate("the page tree counts wrongly")
    return pages


def paint(update: Update, last: OpenPage, form: IndirectObject, matrix: Matrix) -> None:
    """Paint `form` over what the page shows: `q … Q q <matrix> cm /Form Do Q` (ISO 32000-2 8.4.4, 8.8.1).

    Whatever the existing content leaves behind (an open `q`, one `Q` too many) does not reach the stamp.
    """
    page = last.page
    resources = dictionary_at(page, "/Resources")
    forms = dictionary_at(resources, "/XObject")
    label = f"/Signature{form.idnum}"
    forms[name(label)] = form
    resources[name("/XObject")] = forms
    page[name("/Resources")] = resources
    existing = page.raw_get("/Contents") if "/Contents" in page else NullObject()
    if isinstance(resolved(existing), ArrayObject):
        parts = entries_of(existing)
    else:
        parts = [existing] if isinstance(resolved(existing), StreamObject) else []
    missing, left_open = balance(_decoded(parts))
    numbers = b" ".join(b"%.5f" % number for number in matrix.numbers)
    before = stream(b"q " * (1 + missing))
    after = stream(b"\n" + b"Q " * (1 + left_open) + b"q " + numbers + b" cm " + label.encode() + b" Do Q\n")
    page[name("/Contents")] = ArrayObject([update.add(before), *parts, update.add(after)])


def _decoded(parts: list[PdfObject]) -> bytes:
    """Content as one stream; empty where it cannot be decoded, as a page that shows nothing leaves nothing open."""
    decoded = []
    for part in parts:
        content = resolved(part)
        if isinstance(content, StreamObject):
            try:
                decoded.append(content.get_data())
            except UNREADABLE:
                return b""
    return b"\n".join(decoded)


_TOKEN = re.compile(
    rb"(?:[^%(<BqQ]++|\((?:[^()\\]|\\.)*+\))*+"  # of no interest: most of it, in most files
    rb"(?:(?P<comment>%[^\r\n]*)"
    rb"|(?P<image>(?<![^\s\]>)])BI\s.*?\sID\s.*?\sEI(?=[\s/\[<(]|\Z))"
    rb"|(?P<hex><[0-9A-Fa-f\s]*>)"
    rb"|(?P<string>\()"
    rb"|(?P<state>(?<![^\s\]>)])[qQ](?=[\s/\[<(%]|\Z))"
    rb"|(?P<other>[<BqQ]))",
    re.DOTALL,
)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)


def balance(content: bytes) -> tuple[int, int]:
    """How many `q` are missing at the start of page content, and how many are left open at its end."""
    depth = lowest = at = 0
    while token := _TOKEN.match(content, at):
        at = token.end()
        if token.lastgroup == "string":
            at = _end_of_string(content, at)
        elif token.lastgroup == "state":
            depth += 1 if content[at - 1 : at] == b"q" else -1
            lowest = min(lowest, depth)
    return -lowest, depth - lowest


def _end_of_string(content: bytes, at: int) -> int:
    """Past the literal string that began just before `at`; parentheses nest (ISO 32000-2 7.3.4.2)."""
    open_ = 1
    while open_ and (token := _IN_STRING.search(content, at)):
        at = token.end()
        open_ += {b"(": 1, b")": -1}.get(token[0], 0)
    return at if not open_ else len(content)


def annotate(page: OpenPage, annotation: IndirectObject) -> None:
    """Add an annotation to this page alone: an array that several pages share is left to the others."""
    existing = entries_of(page.page.raw_get("/Annots")) if "/Annots" in page.page else []
    page.page[name("/Annots")] = ArrayObject([*existing, annotation])


def append_page(update: Update, page: DictionaryObject) -> IndirectObject:
    """Make `page` the last page of the document."""
    tree_reference = update.root.raw_get("/Pages")
    tree = update.current(tree_reference)
    if not isinstance(tree, DictionaryObject):
        raise CannotUpdate("the page tree is no dictionary")
    changed = copied(tree)
    page[name("/Parent")] = tree_reference
    reference = update.add(page)
    count = resolved(changed.raw_get("/Count")) if "/Count" in changed else None
    if not isinstance(count, int):
        raise CannotUpdate("the page tree does not count its pages")
    changed[name("/Count")] = NumberObject(count + 1)
    kids = changed.raw_get("/Kids")
    is_plain = isinstance(kids, References)
    changed[name("/Kids")] = kids.and_one(reference) if is_plain else ArrayObject([*entries_of(kids), reference])
    update.replace(tree_reference, changed)
    return reference
