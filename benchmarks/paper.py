"""Stamping and sealing a PDF against reading, hashing and writing the same file, and against what others offer.

Documents of 1, 10, 300 and 2000 pages are made, the same bytes each time. Each method goes from a file to a file, warm,
in one process; all take turns in every round, so that a slow moment of the machine is everybody's. The table's
milliseconds are the fastest round's; ratios to the floor are taken round by round, and their median is said.

**Memory** is measured apart, on the document of 300 pages: a fresh process each, which does the document of one page
first; what it needs more at its peak than before, by the kernel's count. A mapped file counts.

Rivals from npm (pdf-lib, @libpdf/core) run in a Node process, from its files to its files, where Node is.
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.rivals import DOCUMENTS, FLOOR, STREAMED, WHOLE, document, methods, process_of
from benchmarks.writing import as_json, pyplot

SMALL, LARGE = "1 page", "300 pages"
"""Documents for memory: the one to warm up with, and the one that counts."""

REPEATED = 4
"""Rounds of small documents for one of large ones: what takes no time is measured oftener."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rounds", type=int, default=7, metavar="N", help="of large documents; of small ones four times"
    )
    parser.add_argument("--largest", type=int, default=2000, metavar="PAGES", help="leave out longer documents")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, and the plot beside it")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot there (.svg, .png)")


def run(words: argparse.Namespace) -> None:
    """Measure, print the table, write what was asked for."""
    report = measure(words.rounds, words.largest)
    print(report.table())
    if words.json:
        words.json.parent.mkdir(parents=True, exist_ok=True)
        words.json.write_text(report.json())
    if plot := words.plot or (words.json and words.json.with_suffix(".svg")):
        plot.parent.mkdir(parents=True, exist_ok=True)
        report.plot(plot)


@dataclass(frozen=True)
class Row:
    """One method on one document."""

    document: str
    method: str
    fastest_ms: float
    ratio: float
    """To the floor."""


@dataclass(frozen=True)
class Report:
    sizes: dict[str, int]
    milliseconds: dict[str, dict[str, list[float]]]
    """By document and method, of each round."""
    extra_memory: dict[str, int]
    """Bytes, by method."""

    def rows(self) -> list[Row]:
        return [
            Row(of, method, min(taken), median(mine / floor for mine, floor in zip(taken, all_[FLOOR], strict=True)))
            for of, all_ in self.milliseconds.items()
            for method, taken in all_.items()
        ]

    def table(self) -> str:
        found = {(row.document, row.method): row for row in self.rows()}
        heads = "".join(f"{f'{of}, {size / 1e6:.2g} MB':>27}" for of, size in self.sizes.items())
        lines = [f"{'ms (× the floor)':<30}{heads}{'extra memory':>19}"]
        memory_of = self.sizes.get(LARGE)
        for method in self.milliseconds[SMALL]:
            cells = (found[of, method] for of in self.sizes)
            times = "".join(f"{f'{cell.fastest_ms:.1f} ({cell.ratio:.1f}×)':>27}" for cell in cells)
            extra = self.extra_memory.get(method)
            memory = f"{extra / 1e6:.0f} MB ({extra / memory_of:.1f}×)" if memory_of and extra is not None else "–"
            lines.append(f"{method:<30}{times}{memory:>19}")
        longest = list(self.sizes)[-1]
        for method in (STREAMED, WHOLE):
            more = found[longest, method].fastest_ms / found[SMALL, method].fastest_ms
            lines.append(f"{method}: {longest} take {more:.1f}× of {SMALL}.")
        return "\n".join(lines)

    def json(self) -> str:
        return as_json("paper", self, self.rows())

    def plot(self, file: Path) -> None:
        """Ratios to the floor by document, and extra memory."""
        plots = pyplot()
        figure, (times, memory) = plots.subplots(1, 2, figsize=(12, 5), width_ratios=(3, 1), layout="constrained")
        figure.suptitle("From an unsigned to a signed file, against reading, hashing and writing it")
        names = list(self.milliseconds[SMALL])
        for index, method in enumerate(names):
            ratios = [row.ratio for row in self.rows() if row.method == method]
            places = [place + 0.8 * (index / len(names) - 0.5) for place in range(len(ratios))]
            times.bar(places, ratios, 0.8 / len(names), label=method)
            memory.bar(index, self.extra_memory.get(method, 0) / 1e6)
        times.set(yscale="log", ylabel="× the floor (median of the rounds)", title="Time")
        times.set_xticks(range(len(self.sizes)), list(self.sizes))
        times.legend(fontsize="small")
        memory.set(ylabel=f"MB, {LARGE}", title="Extra memory")
        memory.set_xticks([])
        figure.savefig(file)
        plots.close(figure)


def measure(rounds: int, largest: int) -> Report:
    chosen = {name: shape for name, shape in DOCUMENTS.items() if shape[0] <= largest or name == SMALL}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, f"{shape[0]}.pdf") for name, shape in chosen.items()}
        for name, shape in chosen.items():
            files[name].write_bytes(document(*shape))
        target = Path(folder, "signed.pdf")
        for method in methods().values():
            method(files[SMALL], target)  # warm
        gc.collect()
        gc.freeze()  # as a worker does
        taken = {}
        for name, file in files.items():
            say(f"{name} …")
            taken[name] = _take_turns(file, target, rounds if chosen[name][0] > 10 else rounds * REPEATED)
        extra = {}
        if LARGE in files:
            say("memory …")
            extra = {name: _extra_memory(name, files[SMALL], files[LARGE], target) for name in methods()}
        return Report({name: file.stat().st_size for name, file in files.items()}, taken, extra)


def _take_turns(file: Path, target: Path, rounds: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in methods()}
    for _ in range(rounds):
        for name, method in methods().items():
            target.unlink(missing_ok=True)
            gc.collect()
            began = time.perf_counter()
            method(file, target)
            taken[name].append(1000 * (time.perf_counter() - began))
    return taken


def _extra_memory(method: str, small: Path, large: Path, target: Path) -> int:
    words = [sys.executable, "-m", "benchmarks.paper", method, str(small), str(large), str(target)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(words, env=here, check=True, capture_output=True, text=True)  # noqa: S603 – ours
    return int(done.stdout)


def _measure_memory(name: str, small: str, large: str, target: str) -> int:
    method = methods()[name]
    for _ in range(2):
        method(Path(small), Path(target))
    gc.collect()
    process = Path("/proc", process_of(name))
    before = _memory(process, "VmRSS")
    (process / "clear_refs").write_text("5")  # the peak starts anew (proc_pid_clear_refs(5))
    method(Path(large), Path(target))
    return _memory(process, "VmHWM") - before


def _memory(process: Path, of: str) -> int:
    """Bytes. Not `ru_maxrss`, which a process inherits from the one that started it."""
    lines = (process / "status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(of))


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    print(_measure_memory(*sys.argv[1:]))
