"""What is compared: an arm tells lifecycles, each in a place; in one place, one after the other."""

from dataclasses import dataclass
from typing import Protocol

PATIENCE = 60.0
"""Seconds after which what was waited for is given up, and with it the benchmark."""


@dataclass(frozen=True)
class Told:
    """One lifecycle, as whoever waited for it saw it."""

    workflow_id: str
    sign_to_signed: float
    """Seconds."""
    signed: bool
    """False: the answer was 'received', since the outcome took longer than the API waits."""


class Arm(Protocol):
    @property
    def name(self) -> str:
        """What the tables call it."""

    @property
    def workflow_type(self) -> str:
        """Of its workflows, as the engine knows it."""

    async def prepare(self, counts: list[int]) -> None:
        """Make what `counts[place]` lifecycles in each place need; is not measured."""

    async def share(self, place: int) -> None:
        """Run a lifecycle's first half, until the signer has the mail."""

    async def sign(self, place: int) -> Told:
        """Run the second half of the first that is shared, until its signer sees that it is signed."""
