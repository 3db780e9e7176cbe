"""Every route of the app, JSON and pages, for tests that leave none out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from api.app import make_app
from api.pages.static import VERSION
from settings import Settings

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

TAKEN = {
    "form": "csv",
    "name": "pages.css",
    "number": "1",
    "slug": "not-found",
    "version": VERSION,
    "way": "recall",
    "which": "file",
}
"""Parts of addresses that are no ids, with something that the route takes."""


@dataclass(frozen=True, order=True)
class Route:
    path: str
    """As it is declared, with `{names}`."""
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        return self.method in CHANGING

    @property
    def is_api(self) -> bool:
        """It speaks JSON to programs; all else is for browsers."""
        return self.path.startswith("/api/")

    @property
    def is_portal(self) -> bool:
        """It is the client's side."""
        return self.path.removeprefix("/api/v1").startswith("/portal")

    @property
    def ids(self) -> set[str]:
        """Names of the parts of its address that are ids."""
        return {name for name in re.findall(r"\{(\w+)\}", self.path) if name.endswith("_id")}

    def at(self, **parts: object) -> str:
        """An address of it; an id that is not given is one that nobody has."""
        return re.sub(r"\{(\w+)\}", lambda found: str(parts.get(found[1]) or TAKEN.get(found[1]) or uuid4()), self.path)


def routes(settings: Settings) -> list[Route]:
    """Of the whole app; HEAD and OPTIONS come with GET."""
    found = {
        Route(route.path_format, method)
        for route in _leaves(make_app(settings).routes)
        for method in route.methods - {"HEAD", "OPTIONS"}
    }
    return sorted(found)


def _leaves(nested: Sequence[Any]) -> Iterator[Any]:
    """A router that is included stands in the list as one, with what it holds behind `effective_candidates`."""
    for route in nested:
        if hasattr(route, "effective_candidates"):
            yield from _leaves(route.effective_candidates())
        else:
            yield route
