"""A PDF written anew by qpdf, without protection, damage and active content. For confined processes.

`pdf.active` says what is active; here it is taken out. qpdf writes only what is still referred to, so that nothing of
it stays in the file. What pages show stays: an annotation that plays or attaches something becomes its own picture.
"""

import io
import re
import warnings
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, TypeAlias

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel

from pdf.active import ACTIONS, ANNOTATIONS, RESOURCES, TRIGGERS, USAGE_RIGHTS, WEB, TooManyObjects

Node: TypeAlias = Any
"""An object of pikepdf, whose types do not say more."""

UNWRITABLE = (
    pikepdf.PdfError,
    pikepdf.PasswordError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RuntimeError,
    pypdfium2.PdfiumError,
)
"""What pikepdf raises on damaged files."""

GOES_ON = frozenset({"/GoTo", "/URI", "/Named"})
"""Actions that may stay behind a click: they lead to another place in the document, or to the web."""

NAMED_TREES = ("/JavaScript", "/EmbeddedFiles", "/Renditions", "/AlternatePresentations", "/URLS")
CATALOG_ENTRIES = ("/AA", "/AF", "/Requirements", "/Legal", "/NeedsRendering")

PICTURE = frozenset(
    {"/Type", "/Rect", "/AP", "/AS", "/F", "/P", "/C", "/Border", "/BS", "/OC", "/M", "/NM", "/StructParent"}
)
"""Entries of an annotation that only shows."""

DEEPEST_FORM = 50


class Change(StrEnum):
    """What was done to a file, in words for the person who uploaded it."""

    REPAIRED = "Damage to the file was repaired."
    PAGES_ONLY = "The file could not be repaired as a whole; its pages were taken over into a new one."
    UNPROTECTED = "The protection against changes was removed."
    SCRIPTS = "Scripts were removed."
    FILES = "Attached files were removed."
    MEDIA = "Sound, video and other media were removed; their pictures stay."
    ACTIONS = "Buttons and links that run, send, open or hide something were disabled."
    DYNAMIC_FORM = "The dynamic version of the form was removed; what the pages show stays."
    RIGHTS = "Special rights for Adobe Reader were removed."
    STRAY_FIELDS = "Form fields that belong to no form, and that most readers do not show, were removed."
    APPEARANCES = "Form fields were given the look that readers were asked to give them."


ENTRIES = {
    "/AA": Change.SCRIPTS,
    "/JS": Change.SCRIPTS,
    "/EF": Change.FILES,
    "/RichMediaContent": Change.MEDIA,
    "/Collection": None,
    "/XFA": None,
}
"""Entries of any dictionary. The last two mean nothing but in the catalog and its form, where they are told of."""


class Protected(Exception):
    """It opens with a password only, or in a way that qpdf does not know."""


class OnlyDynamic(Exception):
    """Its pages are made by a program in the reader (XFA); there is nothing to keep."""


class OnlyFiles(Exception):
    """A portfolio: a cover page for other files."""


def sanitised(document: bytes, most_objects: int, *, draw: bool) -> tuple[bytes, frozenset[Change]]:
    """With `draw`, form fields get the look that readers are asked to give them.

    Raises the above, `TooManyObjects`, and `UNWRITABLE` for what qpdf cannot read.
    """
    try:
        with Pdf.open(io.BytesIO(document)) as pdf:
            if len(pdf.objects) > most_objects:
                raise TooManyObjects
            changes = {Change.UNPROTECTED} if pdf.is_encrypted else set()
            _make_tree_right(pdf)
            _clean_catalog(pdf, changes)
            for each in _dictionaries(pdf):
                _clean(each, changes)
            if not isinstance(pdf.Root.get("/AcroForm"), Dictionary):
                _remove_stray_fields(pdf, changes)
            made = _saved(pdf)
            if draw and _needs_appearances(pdf):
                made = _with_values_drawn(made)
                changes.add(Change.APPEARANCES)
            return made, frozenset(changes)
    except pikepdf.PasswordError as error:
        raise Protected from error


def without_loops(document: bytes) -> bytes:
    """With a page tree that is one: each node has its first place only, and some page below. Raises `UNWRITABLE`."""
    with Pdf.open(io.BytesIO(document), inherit_page_attributes=False) as pdf:
        nodes: list[Node] = [pdf.Root.Pages]
        seen = {pdf.Root.Pages.objgen}
        for node in nodes:
            kids = []
            for kid in _entries(node.get("/Kids", Array())):
                if _is_node(kid):
                    if kid.objgen in seen:
                        continue
                    seen.add(kid.objgen)
                    nodes.append(kid)
                kids.append(kid)
            node.Kids = Array(kids)
        for node in reversed(nodes):
            node.Kids = Array([kid for kid in _entries(node.Kids) if not _is_node(kid) or len(kid.Kids)])
        return _saved(pdf)


def pages_only(document: bytes) -> bytes:
    """The pages as PDFium reads them, in a new file. Raises `UNWRITABLE`."""
    made = io.BytesIO()
    with pypdfium2.PdfDocument(document) as source, pypdfium2.PdfDocument.new() as taken_over:
        taken_over.import_pages(source)
        taken_over.save(made)
    with Pdf.open(made) as pdf:
        del pdf.trailer["/Info"]  # the time, which would make each version another
        return _saved(pdf)


def _is_node(kid: Node) -> bool:
    return isinstance(kid, Dictionary) and "/Kids" in kid


def _make_tree_right(pdf: Pdf) -> None:
    """qpdf repairs single pages as it lists them; a tree that counts itself wrongly is made flat."""
    pages: list[Node] = [page.obj for page in pdf.pages]
    tree: Node = pdf.Root.Pages
    if tree.get("/Count") != len(pages):
        tree.Kids = Array(pages)
        tree.Count = len(pages)
        for page in pages:
            page.Parent = tree


def _clean_catalog(pdf: Pdf, changes: set[Change]) -> None:
    root: Node = pdf.Root
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary):
        if "/XFA" in form and _is_dynamic(root, form):
            raise OnlyDynamic
        for key in ("/XFA", "/CO"):
            if key in form:
                del form[key]
                changes.add(Change.DYNAMIC_FORM if key == "/XFA" else Change.SCRIPTS)
    if "/Collection" in root and pdf.attachments and _is_cover(root.Collection):
        raise OnlyFiles
    for key in CATALOG_ENTRIES:
        if key in root:
            del root[key]
            changes |= {Change.SCRIPTS} if key == "/AA" else {Change.FILES} if key == "/AF" else set()
    names = root.get("/Names")
    for key in NAMED_TREES:
        if isinstance(names, Dictionary) and key in names:
            del names[key]
            changes.add(Change.SCRIPTS if key == "/JavaScript" else Change.FILES)
    permissions = root.get("/Perms")
    for key in USAGE_RIGHTS:
        if isinstance(permissions, Dictionary) and key in permissions:
            del permissions[key]
            changes.add(Change.RIGHTS)


def _is_dynamic(root: Node, form: Node) -> bool:
    """Its pages say nothing but that another reader is needed (ISO 32000-1 7.7.2; XFA 3.3, dynamicRender)."""
    if _is_true(root.get("/NeedsRendering")):
        return True
    if len(form.get("/Fields", [])):
        return False
    packets: list[Node] = _entries(form.XFA) if isinstance(form.XFA, Array) else [form.XFA]
    return not any(_STATIC.search(each.read_bytes()) for each in packets if isinstance(each, Stream))


_STATIC = re.compile(rb"<dynamicRender\s*>\s*forbidden\s*<")


def _is_cover(collection: Node) -> bool:
    """Whether readers show files instead of the pages, as they do unless told to hide them (ISO 32000-2 7.11.6)."""
    return not isinstance(collection, Dictionary) or _kind(collection, "/View") != "/H" or "/D" in collection


def _is_true(value: Node) -> bool:
    return value is not None and bool(value)


def _dictionaries(pdf: Pdf) -> Iterator[Node]:
    """Every dictionary and stream in the file, also those inside others; without recursion."""
    for top in pdf.objects:
        waiting: list[Node] = [top]
        while waiting:
            value = waiting.pop()
            if _has_entries(value):
                yield value
                inner = [value.get(key) for key in value.keys()]  # noqa: SIM118 – iterating a stream is no option
            elif isinstance(value, Array):
                inner = _entries(value)
            else:
                continue
            waiting.extend(each for each in inner if isinstance(each, Dictionary | Array) and not each.is_indirect)


def _clean(found: Node, changes: set[Change]) -> None:
    if _plays(found):
        _make_picture(found, changes)
    _clean_triggers(found, changes)
    _clean_entries(found, changes)
    # elsewhere /S names other things too: a structure element's role, a transition's style
    if _kind(found, "/Type") in {None, "/Action"} and _acts(found):
        changes.add(_change_of(found))
        for key in list(found.keys()):
            del found[key]
    annotations = found.get("/Annots")
    if isinstance(annotations, Array):
        shown: list[Node] = [each for each in _entries(annotations) if not _plays(each) or "/AP" in each]
        if len(shown) < len(annotations):
            found["/Annots"] = Array(shown)


def _clean_triggers(found: Node, changes: set[Change]) -> None:
    for key in TRIGGERS:
        action = found.get(key)
        several = _entries(action) if isinstance(action, Array) else [action]
        stopped = [each for each in several if _has_entries(each) and "/S" in each and not _may_stay(each)]
        if stopped:
            changes |= set(map(_change_of, stopped))
            del found[key]


def _clean_entries(found: Node, changes: set[Change]) -> None:
    for key, change in ENTRIES.items():
        if key in found and not _is_resource(found[key]):
            del found[key]
            if change:
                changes.add(change)
    if "/RF" in found and _kind(found, "/Type") in {"/Filespec", "/F"}:
        del found["/RF"]


def _entries(array: Node) -> list[Node]:
    return list(array)


def _kind(found: Node, key: str) -> str | None:
    value = found.get(key)
    return str(value) if isinstance(value, Name) else None


def _is_resource(value: Node) -> bool:
    if not _has_entries(value) or _kind(value, "/Type") not in RESOURCES:
        return False
    return not any(_acts(value.get(key)) for key in value.keys())  # noqa: SIM118 – iterating a stream is no option


def _acts(value: Node) -> bool:
    return _has_entries(value) and _kind(value, "/S") in {*ACTIONS, "/URI"} and not _may_stay(value)


def _has_entries(value: Node) -> bool:
    return isinstance(value, Dictionary | Stream)


def _may_stay(action: Node) -> bool:
    kind = _kind(action, "/S")
    if kind == "/URI":
        return str(action.get("/URI", "")).strip().lower().startswith(WEB)
    return kind in GOES_ON


def _change_of(action: Node) -> Change:
    match _kind(action, "/S"):
        case "/JavaScript":
            return Change.SCRIPTS
        case "/Rendition" | "/Movie" | "/Sound" | "/RichMediaExecute" | "/GoTo3DView":
            return Change.MEDIA
        case _:
            return Change.ACTIONS


def _plays(annotation: Node) -> bool:
    return isinstance(annotation, Dictionary) and _kind(annotation, "/Subtype") in ANNOTATIONS


def _make_picture(annotation: Node, changes: set[Change]) -> None:
    """Show what it shows, and nothing more. Without an appearance it is taken off its page when that comes round."""
    changes.add(Change.FILES if _kind(annotation, "/Subtype") == "/FileAttachment" else Change.MEDIA)
    for key in set(annotation.keys()) - PICTURE:
        del annotation[key]
    annotation["/Subtype"] = Name.Stamp
    if "/AP" not in annotation:  # a reader would draw one of its own
        annotation["/AP"] = Dictionary(N=Dictionary())


def _remove_stray_fields(pdf: Pdf, changes: set[Change]) -> None:
    """Without a form they are not shown; they would come to life with the form that a signature brings."""
    for page in pdf.pages:
        stray = _widgets(page)
        if stray:
            annotations: Node = page.obj["/Annots"]
            page.obj["/Annots"] = Array([each for each in annotations if each not in stray])
            changes.add(Change.STRAY_FIELDS)


def _needs_appearances(pdf: Pdf) -> bool:
    form: Node = pdf.Root.get("/AcroForm")
    return isinstance(form, Dictionary) and _is_true(form.get("/NeedAppearances"))


def _with_values_drawn(document: bytes) -> bytes:
    """Draw what each reader would have to draw by itself (ISO 32000-2 12.7.3).

    PDFium draws such fields as it shows their page; its drawings are taken over, and show what they showed.
    """
    with Pdf.open(io.BytesIO(document)) as pdf:
        pages = [number for number, page in enumerate(pdf.pages) if any(_is_drawable(each) for each in _widgets(page))]
        if pages:
            with Pdf.open(io.BytesIO(_as_pdfium_draws(document, pages))) as other:
                for number in pages:
                    for own, foreign in zip(_widgets(pdf.pages[number]), _widgets(other.pages[number]), strict=True):
                        appearance = foreign.get("/AP", Dictionary()).get("/N") if _is_drawable(own) else None
                        if isinstance(appearance, Stream):
                            own["/AP"] = Dictionary(N=pdf.copy_foreign(appearance))
        form: Node = pdf.Root.AcroForm
        del form["/NeedAppearances"]
        return _saved(pdf)


def _widgets(page: pikepdf.Page) -> list[Node]:
    annotations: Node = page.obj.get("/Annots", Array())
    return [each for each in annotations if isinstance(each, Dictionary) and _kind(each, "/Subtype") == "/Widget"]


def _is_drawable(widget: Node) -> bool:
    """A text or a choice."""
    node: Node | None = widget
    for _ in range(DEEPEST_FORM):
        if not isinstance(node, Dictionary):
            return False
        if "/FT" in node:
            return _kind(node, "/FT") in {"/Tx", "/Ch"}
        node = node.get("/Parent")
    return False


def _as_pdfium_draws(document: bytes, pages: list[int]) -> bytes:
    made = io.BytesIO()
    with pypdfium2.PdfDocument(document) as opened:
        for number in pages:
            opened[number].render(scale=0.02)
        opened.save(made)
    return made.getvalue()


def _saved(pdf: Pdf) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what pages lose that are copied; none are
        pdf.save(
            made,
            object_stream_mode=ObjectStreamMode.preserve,
            stream_decode_level=StreamDecodeLevel.none,
            compress_streams=False,
            fix_metadata_version=False,
            deterministic_id=True,
        )
    return made.getvalue()
