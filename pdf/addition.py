"""What was laid out, entered into an update: the stamp's picture, the certificate pages, and their structure."""

from collections.abc import Iterable
from dataclasses import dataclass

from pypdf.generic import DictionaryObject, IndirectObject

from pdf.certificate import Layout
from pdf.embedding import Fonts
from pdf.page import LastPage, append_page
from pdf.placement import Placement
from pdf.sheet import Sheet, resources
from pdf.tagging import Place, Section, Widget, tag
from pdf.update import Update, copied, dictionary, name, numbers
from pdf.wording import IN


@dataclass(frozen=True)
class Addition:
    """`picture` is a form XObject, to be painted on the stamped page."""

    layout: Layout
    picture: IndirectObject
    places: dict[Sheet, Place]


def enter(update: Update, layout: Layout, last: LastPage) -> Addition:
    """Add the picture and append the pages."""
    for_marks = resources(layout.fonts.add_to(update))
    for_all = copied(for_marks)
    shown = {label: mark for sheet in (layout.picture, *layout.pages) for label, mark in sheet.shows.items()}
    lettering = update.add(for_marks)
    for_all[name("/XObject")] = dictionary(
        **{label: update.add(_form(mark, lettering)) for label, mark in shown.items()}
    )
    everything = update.add(for_all)
    form = _form(layout.picture, everything)
    picture = update.add(form)
    places = {layout.picture: Place(form, last.reference, picture)}
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


def structure(update: Update, addition: Addition, last: LastPage, placement: Placement, widget: IndirectObject) -> None:
    """Tell screen readers of the stamp, its field, and the certificate."""
    layout, words = addition.layout, IN[addition.layout.language]
    at = placement.rectangle
    for element in layout.picture_says:
        if element.kind == "Figure":
            element.box = at.left, at.bottom, at.right, at.top
    annotation = update.current(widget)
    assert isinstance(annotation, DictionaryObject)
    described = Widget(widget, last.reference, str(annotation["/TU"]))
    if "/StructTreeRoot" in update.root:
        last.page[name("/Tabs")] = name("/S")
    tag(
        update,
        (
            Section(words.stamp, layout.language, layout.picture_says, described),
            Section(words.title, layout.language, layout.pages_say),
        ),
        addition.places,
    )
