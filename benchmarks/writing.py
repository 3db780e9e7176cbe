"""How a benchmark's report is written: the same for all of them."""

import dataclasses
import json
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_json(benchmark: str, report: "DataclassInstance", rows: "Iterable[DataclassInstance]", **more: object) -> str:
    """All figures of all rounds, the machine they were taken on, and the rows of the table."""
    found: dict[str, Any] = {
        "benchmark": benchmark,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        **more,
        **dataclasses.asdict(report),
        "summary": [dataclasses.asdict(row) for row in rows],
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def pyplot() -> ModuleType:
    """Loaded when a plot is wanted, since that takes a second; draws without a screen."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415

    return pyplot
