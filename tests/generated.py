"""Generated input for coroutines, whose loop Hypothesis does not run."""

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")


def drawn(strategy: st.SearchStrategy[Drawn], size: int, *, derandomize: bool = False) -> list[Drawn]:
    """So many of it; always the same where chance is not wanted."""
    found: list[Drawn] = []

    @settings(
        max_examples=size,
        derandomize=derandomize,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(one: Drawn) -> None:
        found.append(one)

    draw()
    return found
