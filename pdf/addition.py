"""What was laid out, entered into an update: the stamp's picture, the certificate pages, and their structure."""

from collections.abc import Iterable
from dataclasses import dataclass

from pypdf.generic import DictionaryObject, IndirectObject

from pdf.embedding import Fonts
from pdf.layout import Layout
from pdf.page import OpenPage, append_page
from pdf.placement import Geometry, Matrix, Rectangle
from pdf.sheet import Sheet, resources
from pdf.tagging import Place, Section, Widget, tag
from pdf.update import Update, copied, dictionary, name, numbers
from pdf.wording import IN


@dataclass(frozen=True)
class Addition:
    """`picture` is a form XObject, to be shown by the stamped page or its annotation."""

    layout: Layout
    picture: IndirectObject | None
    places: dict[Sheet, Place]

    def page_of_first_mark(self) -> tuple[OpenPage, Rectangle]:
        """The certificate page that shows it, and where."""
        assert self.layout.first_mark
        sheet, box = self.layout.first_mark
        place = self.places[sheet]
        return OpenPage(place.page, place.holder, Geometry((0, 0, sheet.width, sheet.height))), Rectangle(*box)


def enter(update: Update, layout: Layout, last: IndirectObject | None, turned: Matrix | None = None) -> Addition:
    """Add the picture, shown by the page `last`, and append the pages.

    `turned` is how an annotation on a turned page has to turn its picture to be upright.
    """
    for_marks = resources(layout.fonts.add_to(update))
    for_all = copied(for_marks)
    sheets = (*((layout.picture,) if layout.picture else ()), *layout.pages)
    shown = {label: mark for sheet in sheets for label, mark in sheet.shows.items()}
    lettering = update.add(for_marks)
    for_all[name("/XObject")] = dictionary(
        **{label: update.add(_form(mark, lettering)) for label, mark in shown.items()}
    )
    everything = update.add(for_all)
    picture, places = None, {}
    if layout.picture and last:
        form = _form(layout.picture, everything)
        if turned:
            form[name("/Matrix")] = numbers(turned.numbers)
        picture = update.add(form)
        places[layout.picture] = Place(form, last, picture)
    for sheet in layout.pages:
        page = _page(update, sheet, everything)
        places[sheet] = Place(page, append_page(update, page))
    return Addition(layout, picture, places)


def append(update: Update, sheets: Iterable[Sheet], fonts: Fonts) -> dict[Sheet, Place]:
    """Append pages that show nothing but text and lines."""
    held, places = update.add(resources(fonts.add_to(update))), {}
    for sheet in sheets:
        page = _page(update, sheet, held)
        places[sheet] = Place(page, append_page(update, page))
    return places


def _form(sheet: Sheet, held: IndirectObject) -> DictionaryObject:
    """ISO 32000-2 8.10."""
    form = sheet.content()
    form.update(dictionary(Type=name("/XObject"), Subtype=name("/Form"), Resources=held))
    form[name("/BBox")] = numbers((0, 0, sheet.width, sheet.height))
    return form


def _page(update: Update, sheet: Sheet, held: IndirectObject) -> DictionaryObject:
    """Nothing of it may be inherited from the document that it joins."""
    box = numbers((0, 0, sheet.width, sheet.height))
    return dictionary(
        Type=name("/Page"),
        MediaBox=box,
        CropBox=box,
        Rotate=numbers((0,))[0],
        Resources=held,
        Contents=update.add(sheet.content()),
        Tabs=name("/S"),
    )


def structure(update: Update, addition: Addition, page: OpenPage, rectangle: Rectangle, widget: IndirectObject) -> None:
    """Tell screen readers of the stamp, its field on `page`, and the certificate."""
    layout, words = addition.layout, IN[addition.layout.language]
    for element in layout.picture_says:
        if element.kind == "Figure":
            element.box = rectangle.left, rectangle.bottom, rectangle.right, rectangle.top
    annotation = update.current(widget)
    assert isinstance(annotation, DictionaryObject)
    described = Widget(widget, page.reference, str(annotation["/TU"]))
    if "/StructTreeRoot" in update.root:
        page.page[name("/Tabs")] = name("/S")
    if layout.picture:
        stamp = Section(words.stamp, layout.language, layout.picture_says, described)
        sections = [stamp, Section(words.title, layout.language, layout.pages_say)]
    else:
        sections = [Section(words.title, layout.language, layout.pages_say, described)]
    tag(update, sections, addition.places)
