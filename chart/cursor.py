"""Where a page of a long list ends, as a text that whoever reads on sends back."""

import re
from datetime import UTC, datetime

from chart.refusals import Unacceptable
from chart.text import N_

MOMENT = r"(\d{8}T\d{6}\.\d{6})"
"""A moment in such a text, as a part of a pattern for `read`."""


def written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


def moment(text: str) -> datetime:
    """What `written` has written."""
    try:
        return datetime.strptime(f"{text}+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        raise Unacceptable(UNKNOWN) from None


def read(pattern: str, text: str) -> tuple[str, ...]:
    """The parts of a cursor. Raises `Unacceptable` for what is none."""
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        raise Unacceptable(UNKNOWN)
    return found.groups()


UNKNOWN = N_("This page is not known. Start from the first page again.")
