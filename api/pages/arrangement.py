"""The Documents tab: which documents, and in which order; asked for in the address, so that it works without a script.

An address names kinds and states, never a note or a date (SPEC A7).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from chart.document import Document, Kind, ShareStatus
from chart.text import Sentence


class Show(StrEnum):
    """By Share Status."""

    ALL = "all"
    NOT_SHARED = "not-shared"
    SHARED = "shared"
    SIGNED = "signed"
    WAITING = "waiting"


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    TYPE = "type"
    STATUS = "status"


SHOW: dict[Show, Sentence] = {
    Show.ALL: "All",
    Show.NOT_SHARED: "Not Shared",
    Show.SHARED: "Shared",
    Show.SIGNED: "Shared and Signed",
    Show.WAITING: "Waiting for signature",
}

ORDER: dict[Order, Sentence] = {
    Order.NEWEST: "Newest first",
    Order.OLDEST: "Oldest first",
    Order.TYPE: "By type",
    Order.STATUS: "By Share Status",
}

_LETS_THROUGH: dict[Show, Callable[[Document], bool]] = {
    Show.ALL: lambda _: True,
    Show.NOT_SHARED: lambda one: one.share_status is ShareStatus.NOT_SHARED,
    Show.SHARED: lambda one: one.share_status is ShareStatus.SHARED,
    Show.SIGNED: lambda one: one.share_status is ShareStatus.SHARED_AND_SIGNED,
    Show.WAITING: lambda one: one.open,
}

_BY: dict[Order, Callable[[Document], Any]] = {
    Order.TYPE: lambda one: one.type.lower(),
    Order.STATUS: lambda one: (list(ShareStatus).index(one.share_status), one.waits_for or ""),
}


@dataclass(frozen=True)
class Arrangement:
    kind: Kind | None
    """None: every kind."""
    show: Show
    order: Order

    @classmethod
    def read(cls, kind: str, show: str, order: str) -> "Arrangement":
        """What does not fit is as if it was not asked for."""
        return cls(
            Kind(kind) if kind in set(Kind) else None,
            Show(show) if show in set(Show) else Show.ALL,
            Order(order) if order in set(Order) else Order.NEWEST,
        )

    @property
    def narrows(self) -> bool:
        return self.kind is not None or self.show is not Show.ALL

    def of(self, documents: Sequence[Document]) -> list[Document]:
        """`documents` are newest first, and stay so among equals."""
        found = [one for one in documents if self.kind in {None, one.kind} and _LETS_THROUGH[self.show](one)]
        if self.order is Order.OLDEST:
            return found[::-1]
        return sorted(found, key=_BY[self.order]) if self.order in _BY else found

    def query(self, page: int) -> str:
        """Of the address of this page of what is asked for."""
        return urlencode(
            {"kind": self.kind.value if self.kind else "", "show": self.show, "order": self.order, "page": page}
        )


MOST = 25
"""Documents on a page: each takes two kilobytes, and a page that is changed is fetched again."""


@dataclass(frozen=True)
class Part:
    """A page of the list."""

    documents: Sequence[Document]
    number: int
    of: int
    """Documents on all pages."""

    @classmethod
    def read(cls, found: Sequence[Document], page: int) -> "Part":
        """The page that is asked for, or the last that there is."""
        number = max(1, min(page, -(-len(found) // MOST)))
        return cls(found[(number - 1) * MOST : number * MOST], number, len(found))

    @property
    def first(self) -> int:
        return (self.number - 1) * MOST + 1

    @property
    def last(self) -> int:
        return self.first + len(self.documents) - 1
