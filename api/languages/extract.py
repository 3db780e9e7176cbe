"""`./sts words`: find everything that pages say, and bring the catalogues up to date with it.

From templates what stands in `_()` and `{% trans %}`, from scripts what stands in `_()`. From Python the refusals,
whose text is a literal with named fields; what is made as `Text` or `Notification`; what `N_` or the type `Sentence`
marks; and the labels of the enumerations below.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from api import languages
from api.pages.words import AUDIT_LOG
from chart.audit import Action
from chart.disclosure import Holds, SignedHow
from chart.document import PortalTag, ShareStatus
from chart.relationship import Relationship
from identity.caller import Role
from pdf import MESSAGES, Note

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("api", "workflows", "activities", "identity", "chart", "pdf")
TEMPLATES = ROOT / "api" / "pages" / "templates"
STATIC = ROOT / "api" / "pages" / "static"
TEMPLATE = languages.FOLDER / "messages.pot"

SHOWN: tuple[type[StrEnum], ...] = (ShareStatus, PortalTag, Note)
"""Enumerations whose values are what is shown."""

NAMED: dict[type[StrEnum], str | None] = {
    **dict.fromkeys((Holds, Relationship, Role, SignedHow)),
    Action: AUDIT_LOG,
}
"""Enumerations whose names are shown, in words, with their context."""

MADE = {"Text", "Notification", "SignInNeeded", "beyond_retry"}
"""Calls whose first argument is a sentence. Refusals are found by their class."""

HEAD = """\
What the pages of Share to Sign say.
One entry for each sentence; the English one is its key. Fields in braces and %(names)s stay as they are.
"""


class Unclear(Exception):
    """A sentence that is put together in the code, so that nobody can translate it: name its fields instead."""


Found: TypeAlias = str | tuple[str, ...]
"""A sentence; or its singular and plural."""


def messages() -> Iterator[tuple[str, Found, str | None]]:
    """Every sentence with the file in which it stands, and its context where the sentence alone is not clear."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        yield from ((_place(path), message, context) for message, context in of_template(path))
    for place, message in _of_code():
        yield place, message, None
    for names, context in NAMED.items():
        place = names.__module__.replace(".", "/") + ".py"
        yield from ((place, in_words(one), context) for one in names)


def _of_code() -> Iterator[tuple[str, Found]]:
    for path in sorted(STATIC.glob("*.js")):
        with path.open("rb") as file:
            found = list(extract("javascript", file, {"_": None}))
        yield from ((_place(path), message) for _, message, _, _ in found)
    trees = {path: ast.parse(path.read_text()) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}
    refusals = _refusals(trees.values())
    for path, tree in trees.items():
        yield from ((_place(path), message) for message in of_python(tree, refusals))
    yield from (("pdf/intake.py", message) for message in MESSAGES.values())
    for labels in SHOWN:
        place = labels.__module__.replace(".", "/") + ".py"
        yield from ((place, one.value) for one in labels)


def in_words(named: StrEnum) -> str:
    words = named.value.replace("_", " ")
    return words[:1].upper() + words[1:]


def _place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def of_template(path: Path) -> Iterator[tuple[Found, str | None]]:
    options = dict.fromkeys(("trimmed", "newstyle_gettext", "trim_blocks", "lstrip_blocks"), "true") | {"silent": "no"}
    with path.open("rb") as file:
        for _, function, message, _ in babel_extract(file, ("_", "gettext", "ngettext", "pgettext"), (), options):
            parts = tuple(one for one in ((message,) if isinstance(message, str) else message or ()) if one)
            match function:
                case "ngettext":
                    yield parts[:2], None
                case "pgettext":
                    yield parts[1], parts[0]
                case _:
                    yield parts[0], None


def of_python(tree: ast.Module, refusals: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) if name in refusals:
                for inner in ast.walk(node):
                    match inner:
                        case ast.Call(func=ast.Attribute(attr="__init__"), args=[first, *_]):
                            yield from _literals(first, whole=False)
            case ast.Call(func=ast.Name(id="N_" | "Words" | "Row" | "_ended")):
                yield from _literals(node, whole=True)
            case ast.AnnAssign(annotation=kind, value=ast.expr() as value) if "Sentence" in ast.unparse(kind):
                yield from _literals(value, whole=True)
            case ast.arguments():
                yield from _defaults(node)
            case ast.Call(func=ast.Name(id="Problem"), args=[_, _, title]):
                yield from _literals(title, whole=False)
            case ast.Call(func=ast.Name(id="MeaninglessMark"), args=[reason]):
                yield from _literals(reason, whole=False)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]):
                if name in refusals or name in MADE:
                    yield from _literals(first, whole=False)


def _defaults(of: ast.arguments) -> Iterator[str]:
    """Of what is annotated as a `Sentence`."""
    named = zip(reversed((*of.posonlyargs, *of.args)), reversed(of.defaults), strict=False)
    for one, default in (*named, *zip(of.kwonlyargs, of.kw_defaults, strict=True)):
        if default and one.annotation and "Sentence" in ast.unparse(one.annotation):
            yield from _literals(default, whole=True)


def _literals(node: ast.expr, *, whole: bool) -> Iterator[str]:
    """The sentences in an argument; `whole`: in everything that it holds."""
    match node:
        case ast.Constant(value=str(text)) if text.strip():
            yield text
        case ast.JoinedStr():
            raise Unclear(ast.unparse(node))
        case ast.IfExp(body=one, orelse=other):
            yield from _literals(one, whole=whole)
            yield from _literals(other, whole=whole)
        case ast.Dict(values=values) if whole:
            for value in values:
                yield from _literals(value, whole=True)
        case ast.Tuple(elts=values) | ast.List(elts=values) if whole:
            for value in values:
                yield from _literals(value, whole=True)
        case ast.Starred(value=values) if whole:
            yield from _literals(values, whole=True)
        case ast.Call(args=values) if whole:
            for value in (*values, *(one.value for one in node.keywords)):
                yield from _literals(value, whole=True)


def _refusals(trees: Iterable[ast.Module]) -> set[str]:
    """Names of `Refusal` and of every class that is one."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"Refusal"}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def template() -> Catalog:
    """The catalogue without translations."""
    catalogue = _catalogue()
    for place, message, context in messages():
        catalogue.add(message, locations=[(place, 0)], context=context)
    return catalogue


def _catalogue(locale: str | None = None) -> Catalog:
    # no dates in it: a catalogue changes when its words do
    never = datetime(2026, 1, 1, tzinfo=UTC)
    return Catalog(
        locale,
        project="Share to Sign",
        version="0.1.0",
        header_comment=_comment(HEAD),
        charset="utf-8",
        creation_date=never,
        revision_date=never,
        fuzzy=False,
        copyright_holder="",
        msgid_bugs_address="the issues of this repository",
        last_translator="whoever changed this file last",
        language_team="those who work on this repository",
    )


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def read(language: languages.Language) -> Catalog:
    with (languages.FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def write(path: Path, catalogue: Catalog) -> None:
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, include_lineno=False, sort_by_file=True, ignore_obsolete=True)


def main() -> int:
    fresh = template()
    write(TEMPLATE, fresh)
    for path in sorted(languages.FOLDER.glob("*.po")):
        language = languages.named(path.stem)
        assert language, f"{path.name} is no language of ours"
        catalogue = read(language)
        # no guesses: what reads otherwise is translated anew
        catalogue.update(fresh, no_fuzzy_matching=True, update_header_comment=False)
        write(path, catalogue)
        wanting = [message.id for message in catalogue if message.id and not all(strings(message))]
        print(f"{path.name}: {len(catalogue)} entries, {len(wanting)} to translate")
        for one in wanting:
            print(f"  {one}")
    return 0


def strings(message: Any) -> tuple[str, ...]:
    """The translation, or its singular and plural."""
    return message.string if isinstance(message.string, tuple) else (message.string,)


FIELD = re.compile(r"%\(\w+\)s|\{\w+\}")


def fields(text: str) -> set[str]:
    """What is filled in."""
    return set(FIELD.findall(text))


if __name__ == "__main__":
    sys.exit(main())
