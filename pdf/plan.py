"""How a document is to be signed: found once, at intake, where its pages are looked at, and kept with the version.

When a signature comes, nothing has to be looked at any more: where the stamp goes is a pure function of the plan, the
page's geometry and the number of signers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pdf.placement import Geometry, Placement, Rectangle, place, place_at

LEAST_SCALE = 0.4
"""A mark is still known by its shape, and what is printed under it needs a glass; the certificate says it in full."""

OVERLAY_SCALE = 0.55
"""Of a stamp that has to lie on something: it hides a third of what one of full size would."""

WORTH_OF_SIZE = 400.0
"""Points by which a stamp of full size may be farther away than one that nobody sees any more."""

Size = tuple[float, float]
"""Width and height in points."""


class Way(StrEnum):
    """What a signature adds to the document. Each is the remedy where the one before it is not possible."""

    PAGE = "page"
    """The marks in the content of the last page, and certificate pages."""

    CERTIFICATE = "certificate"
    """Certificate pages, which alone show the marks."""

    WIDGET = "widget"
    """A signature field on the last page that shows marks and evidence, and nothing else.

    The one change that leaves signatures of others as good as they were.
    """


class Ground(StrEnum):
    """What a stamp lies on."""

    LIGHT = "light"
    DARK = "dark"
    """Nothing is there, but ink shows on it with an outline only."""

    BUSY = "busy"
    """Something is there, that should be hidden as little as possible."""


@dataclass(frozen=True)
class Room:
    """A part of the last page, in points as the reader sees it, that a stamp may take."""

    box: Rectangle
    ground: Ground


@dataclass(frozen=True)
class Plan:
    """Without rooms the stamp goes to the lower right. `near` is where its lower left corner is wanted, as seen."""

    way: Way = Way.PAGE
    rooms: tuple[Room, ...] = ()
    near: tuple[float, float] | None = None
    metadata: bool = True
    """Whether the document's description may stay: damaged, it makes validators doubt every later revision."""

    most: int | None = None
    """Signers whose marks the page has room for; those of more are on the certificate pages alone. None: any."""

    def with_signers(self, number: int) -> "Plan":
        """The way that so many signatures go."""
        too_many = self.way is Way.PAGE and self.most is not None and number > self.most
        return replace(self, way=Way.CERTIFICATE) if too_many else self

    def to_json(self) -> str:
        rooms = [[each.box.left, each.box.bottom, each.box.right, each.box.top, each.ground] for each in self.rooms]
        kept = {"way": self.way, "rooms": rooms, "near": self.near, "metadata": self.metadata, "most": self.most}
        return json.dumps(kept)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """What `to_json` returned."""
        kept = json.loads(text)
        rooms = tuple(Room(Rectangle(*box), Ground(ground)) for *box, ground in kept["rooms"])
        near = tuple(kept["near"]) if kept["near"] else None
        return cls(Way(kept["way"]), rooms, near, kept["metadata"], kept.get("most"))


UNPLANNED = Plan()
"""For a document that nobody has looked at."""


@dataclass(frozen=True)
class Arranged:
    """`columns` of marks beside one another, and where they go."""

    columns: int
    placement: Placement
    ground: Ground
    room: Room | None


def arrange(page: Geometry, plan: Plan, sizes: Sequence[Size]) -> Arranged:
    """The best place for a stamp whose marks are in one column, in two, and so on: `sizes`.

    Best is large, and near to where it is wanted. Where no room holds it, it lies on what is there; where nobody has
    looked for room, on paper as a rule.
    """
    offers = [
        offer
        for columns, size in enumerate(sizes, 1)
        for room in plan.rooms
        if (offer := _offer(page, plan, columns, size, room))
    ]
    if offers:
        return min(offers, key=lambda offer: offer[0])[1]
    if plan.rooms:
        return Arranged(1, place(page, *sizes[0], OVERLAY_SCALE), Ground.BUSY, None)
    return Arranged(1, place(page, *sizes[0]), Ground.LIGHT, None)


def _offer(page: Geometry, plan: Plan, columns: int, size: Size, room: Room) -> tuple[float, Arranged] | None:
    """With its cost in points; None where the room is too small."""
    (width, height), box = size, room.box
    scale = min(1.0, box.width / width, box.height / height)
    if scale < LEAST_SCALE:
        return None
    usual = place(page, width, height, scale).seen
    x, y = plan.near or (usual.left, usual.bottom)
    left = max(box.left, min(x, box.right - width * scale))
    bottom = max(box.bottom, min(y, box.top - height * scale))
    # a line of writing is wide: what is beside the place that is wanted is nearer than what is above or below
    cost = abs(bottom - y) + abs(left - x) / 2 + (1 - scale) * WORTH_OF_SIZE
    return cost, Arranged(columns, place_at(page, width, height, left, bottom, scale), room.ground, room)
