"""What the signals of a request carry. All of it is encrypted on its way and in the history.

Each names its request, since the engine finds workflows by the document, which may have a newer request by then.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from chart.audit import Actor
from chart.document import NewVersion
from chart.ids import RequestId
from chart.lifecycle import Act


@dataclass(frozen=True)
class Decline:
    """A signer does not sign, or asks for a correction first (SPEC G7)."""

    request_id: RequestId
    by: Actor
    at: datetime
    """The service's time, as of a signature."""
    reason: str | None = field(repr=False)
    correction: bool


@dataclass(frozen=True)
class Recall:
    request_id: RequestId
    by: Actor
    reason: str = field(repr=False)


@dataclass(frozen=True)
class Replace:
    """A new version takes the place of the one that was to be signed (SPEC S7)."""

    request_id: RequestId
    version: NewVersion


@dataclass(frozen=True)
class StaffRecord:
    """Staff records that the signature could not be obtained, or is on paper (SPEC G7)."""

    request_id: RequestId
    by: Actor
    act: Literal[Act.RECORD_UNABLE, Act.RECORD_PAPER]
    reason: str = field(repr=False)
    record: dict[str, Any] = field(repr=False)
    """Attempts and dates."""


@dataclass(frozen=True)
class Extend:
    request_id: RequestId
    by: Actor
    until: datetime


@dataclass(frozen=True)
class Reschedule:
    request_id: RequestId
    by: Actor
    days: tuple[int, ...]
    reminders: tuple[datetime, ...]
    """The moments that are to come."""


@dataclass(frozen=True)
class Remind:
    request_id: RequestId
    by: Actor


@dataclass(frozen=True)
class Mend:
    """In whose name what needs attention is resumed, left out or asked for anew; an operator's signal carries none."""

    request_id: RequestId
    by: Actor
