"""What the benchmark of the lifecycle found: as a table, as JSON, as a plot."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.usage import Usages
from benchmarks.writing import as_json, pyplot

REAL, NOOP = "real", "no-op"
PARTS = ("api", "worker", "temporal", "postgres", "mail")
NEXT_TO_NOTHING = 0.5
"""Milliseconds of CPU a lifecycle; what is below may be one step of the system's clock, and no ratio is made of it."""


@dataclass(frozen=True)
class UnderLoad:
    """One arm's lifecycles under load in one round; CPU is of one lifecycle, by process."""

    per_second: float
    cpu_ms: dict[str, float]
    driver_cpu_ms: float
    repeated_tasks: int
    """Workflow tasks of all lifecycles that failed or timed out, and were run again with all their local activities."""
    sign_to_signed_ms: list[float]
    received: int
    """How many signers were told 'received' instead of 'signed'."""

    @property
    def all_cpu_ms(self) -> float:
        return sum(self.cpu_ms.values())


@dataclass(frozen=True)
class OneAtATime:
    """One arm's lifecycles at low load in one round, and the history of the last."""

    sign_to_signed_ms: list[float]
    received: int
    events: list[str]
    actions: dict[str, int]


@dataclass(frozen=True)
class Figures:
    loaded: UnderLoad
    alone: OneAtATime


@dataclass(frozen=True)
class Row:
    """A line of the table; the ratio is the median of those of the rounds."""

    what: str
    real: float
    noop: float
    ratio: float | None


@dataclass(frozen=True)
class Report:
    lifecycles: int
    in_flight: int
    rounds: list[dict[str, Figures]]
    memory_before: dict[str, Usages]
    memory_after: dict[str, Usages]

    def rows(self) -> list[Row]:
        return [
            self._row("lifecycles per second", lambda one: one.loaded.per_second),
            self._row(
                "sign → Signed p50, ms", lambda one: percentile(one.alone.sign_to_signed_ms, 50), self._pooled(50)
            ),
            self._row(
                "sign → Signed p99, ms", lambda one: percentile(one.alone.sign_to_signed_ms, 99), self._pooled(99)
            ),
            self._row("sign → Signed p50 under load, ms", lambda one: percentile(one.loaded.sign_to_signed_ms, 50)),
            self._row("CPU ms a lifecycle", lambda one: one.loaded.all_cpu_ms),
            *(self._row(f"  {part}", _cpu_of(part)) for part in PARTS),
            self._row("  (the driver, not counted)", lambda one: one.loaded.driver_cpu_ms),
            self._row("workflow tasks repeated", lambda one: one.loaded.repeated_tasks),
            self._row("history events", lambda one: len(one.alone.events)),
            self._row("billable actions", lambda one: sum(one.alone.actions.values())),
        ]

    def table(self) -> str:
        """Everything a reader wants first; medians of the rounds, percentiles over all of them."""
        lines = [
            f"{self.lifecycles} lifecycles of each arm under load in each of {len(self.rounds)} rounds, "
            f"{self.in_flight} in flight; {self._alone(REAL)} one at a time.",
            "",
            f"{'':<34}{REAL:>10}{NOOP:>10}{'real/no-op':>12}",
        ]
        for row in self.rows():
            ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
            lines.append(f"{row.what:<34}{_number(row.real):>10}{_number(row.noop):>10}{ratio:>12}")
        lines += ["", f"{'RSS in MB, before and after':<34}{REAL:>10}{'':>10}{NOOP:>10}"]
        for part in PARTS:
            real, noop = (
                [usages[arm][part].rss / 1e6 for usages in (self.memory_before, self.memory_after)]
                for arm in (REAL, NOOP)
            )
            own = f"{noop[0]:>10.0f}{noop[1]:>10.0f}" if part == "worker" else ""
            lines.append(f"  {part:<32}{real[0]:>10.0f}{real[1]:>10.0f}{own}")
        for arm in (REAL, NOOP):
            kinds = self.rounds[-1][arm].alone.actions.items()
            lines.append(f"Actions, {arm}: " + ", ".join(f"{count} {kind}" for kind, count in kinds))
        if late := sum(one[REAL].loaded.received + one[REAL].alone.received for one in self.rounds):
            lines.append(f"Told 'received' and not 'signed': {late}")
        return "\n".join(lines)

    def json(self) -> str:
        return as_json("lifecycle", self, self.rows())

    def plot(self, file: Path) -> None:
        """Four panels, both arms in each."""
        plots = pyplot()
        figure, ((speed, wait), (cpu, counts)) = plots.subplots(2, 2, figsize=(11, 8), layout="constrained")
        figure.suptitle("The life of a signature request against a no-op workflow of the same shape")
        numbers = range(1, len(self.rounds) + 1)
        for shift, arm in ((-0.2, REAL), (0.2, NOOP)):
            speed.bar([n + shift for n in numbers], list(self._each(arm, lambda one: one.loaded.per_second)), 0.4)
            waits = sorted(ms for one in self.rounds for ms in one[arm].alone.sign_to_signed_ms)
            wait.step(waits, [100 * (n + 1) / len(waits) for n in range(len(waits))], where="post")
            history = self.rounds[-1][arm].alone
            heights = [len(history.events), sum(history.actions.values())]
            counts.bar_label(counts.bar([shift, 1 + shift], heights, 0.4))
        bottom = [0.0, 0.0]
        for part in PARTS:
            spent = [median(self._each(arm, _cpu_of(part))) for arm in (REAL, NOOP)]
            cpu.bar([REAL, NOOP], spent, 0.6, bottom=bottom, label=part)
            bottom = [below + above for below, above in zip(bottom, spent, strict=True)]
        speed.set(title=f"Under load, {self.in_flight} in flight", xlabel="round", ylabel="lifecycles per second")
        speed.set_xticks(list(numbers))
        wait.set(title="Sign → Signed, one at a time", xlabel="milliseconds", ylabel="% at most as long")
        wait.set_xlim(left=0)
        cpu.set(title="CPU of a lifecycle, by process", ylabel="milliseconds (median of the rounds)")
        counts.set(title="History of one lifecycle", ylabel="count")
        counts.set_xticks([0, 1], ["events", "billable actions"])
        for panel in (speed, wait, counts):
            panel.legend([REAL, NOOP])
        cpu.legend()
        figure.savefig(file)
        plots.close(figure)

    def _row(self, what: str, of: Callable[[Figures], float], values: tuple[float, float] | None = None) -> Row:
        real, noop = values or (median(self._each(REAL, of)), median(self._each(NOOP, of)))
        pairs = [(of(one[REAL]), of(one[NOOP])) for one in self.rounds]
        enough = all(noop >= NEXT_TO_NOTHING for _, noop in pairs)
        return Row(what, real, noop, median(real / noop for real, noop in pairs) if enough else None)

    def _each(self, arm: str, of: Callable[[Figures], float]) -> Iterator[float]:
        return (of(one[arm]) for one in self.rounds)

    def _pooled(self, percent: float) -> tuple[float, float]:
        real, noop = ([ms for one in self.rounds for ms in one[arm].alone.sign_to_signed_ms] for arm in (REAL, NOOP))
        return percentile(real, percent), percentile(noop, percent)

    def _alone(self, arm: str) -> int:
        return sum(len(one[arm].alone.sign_to_signed_ms) for one in self.rounds)


def percentile(values: list[float], percent: float) -> float:
    """The smallest of `values` that `percent` of them do not exceed (nearest rank: always one that was measured)."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def _cpu_of(part: str) -> Callable[[Figures], float]:
    return lambda one: one.loaded.cpu_ms[part]


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"
