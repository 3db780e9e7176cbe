"""Every route of the app, JSON and pages, for tests that leave none out."""

import re
from dataclasses import dataclass
from uuid import uuid4

from fastapi.routing import iter_route_contexts

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
        Route(re.sub(r":\w+}", "}", str(one.path)), method)
        for one in iter_route_contexts(make_app(settings).routes)
        for method in (one.methods or set()) - {"HEAD", "OPTIONS"}
    }
    return sorted(found)
