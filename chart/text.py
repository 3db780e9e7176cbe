"""Sentences for people, as the code knows them: in English, with what is filled in kept apart.

The English sentence is the key of its translation (gettext). The rooms below `api` write and read English only;
`api.languages` says a sentence in the reader's language where a page is made.
"""

from typing import TypeAlias, TypeVar

Sentence: TypeAlias = str
"""In the annotation of a constant it marks every string in it, so that `./sts words` finds them."""

Marked = TypeVar("Marked")


class Text(str):
    """A sentence in English wherever a string is wanted, which still knows what was filled in.

    `Text("Enter {what}.", what="the name")`; what is filled in is said in the reader's language too, if it is ours.
    """

    message: str
    named: dict[str, object]
    context: str | None
    """Where the same English words want others in another language, as gettext's `msgctxt`."""

    def __new__(cls, message: str, context: str | None = None, /, **named: object) -> "Text":
        if isinstance(message, Text):
            return message
        said = super().__new__(cls, message.format(**named) if named else message)
        said.message, said.named, said.context = message, named, context
        return said


class Typed(str):
    """What somebody has typed, shown as it is: it may read like a sentence of ours and is none."""


def N_(shown: Marked) -> Marked:
    """Marks what is shown somewhere else, as `Sentence` does; changes nothing."""
    return shown
