"""What the browser looks at, once for the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.pages.served import served
from tests.pages.stage import Stage


@pytest.fixture(scope="module")
def on_show() -> Stage:
    """What is there to be seen; a test changes it."""
    return Stage()


@pytest.fixture(scope="module")
def address(on_show: Stage) -> Iterator[str]:
    """Where it is served."""
    with served(on_show) as at:
        yield at
