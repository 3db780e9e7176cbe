"""What both sides of the stage share."""

import asyncio
import functools
from dataclasses import dataclass, field
from typing import Any

import pdf
from chart.document import Document
from chart.ids import DocumentId
from chart.refusals import NotFound
from identity.caller import Role
from tests.pages.records import PENDING, PLAN, PSYCHOTHERAPY, SIGNED, STUCK, SUPERBILL
from tests.papers import paper

PAPER = paper("Progress Note", pages=3)
"""What every document is."""


@functools.cache
def rendered(page: int, width: int) -> pdf.Preview:
    return pdf.render(PAPER, page, width)


@dataclass
class Play:
    """The documents there are, and who does what with them. Tests put their own things in."""

    documents: list[Document] = field(default_factory=lambda: [PENDING, SIGNED, PLAN, SUPERBILL, PSYCHOTHERAPY, STUCK])
    fresh: bool = True
    language: str = "en"
    """Of whoever is signed in."""
    role: Role = Role.PROVIDER
    received: bool = False
    raises: Exception | None = None
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def page_image(self, _r: object, _c: object, _d: object, page: int, width: int) -> pdf.Preview:
        # the paper has three pages, which in longer documents come again
        return await asyncio.to_thread(rendered, page % 3, width)

    def _document(self, document_id: DocumentId) -> Document:
        found = next((one for one in self.documents if one.id == document_id), None)
        if found is None:
            raise NotFound("There is no such document.")
        return found

    def _act(self, what: str, **given: Any) -> None:
        if self.raises:
            raise self.raises
        self.done.append((what, given))
