"""The benchmark prints and writes what it says; how fast anything is, no test asserts."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pypdf import PdfReader
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks import javascript, noop_worker, pages, paper, rivals
from benchmarks.__main__ import main as benchmark
from benchmarks.actions import actions
from benchmarks.browser import CHROMIUM
from benchmarks.noop import Steps
from benchmarks.report import PARTS, percentile
from tests.conftest import WorkerMaker

CLONE = Path(__file__).parent.parent


def test_it_prints_a_table_and_writes_figures_and_a_plot(tmp_path: Path) -> None:
    words = ["lifecycle", "--lifecycles", "3", "--in-flight", "2", "--rounds", "1", "--json", "out/figures.json"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CLONE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "real/no-op" in done.stdout
    assert (tmp_path / "out" / "figures.svg").read_text().startswith("<?xml")

    found = json.loads((tmp_path / "out" / "figures.json").read_text())
    summary = {row["what"].strip(): row for row in found["summary"]}
    for what in ("lifecycles per second", "sign → Signed p50, ms", "sign → Signed p99, ms", "CPU ms a lifecycle"):
        assert summary[what]["ratio"] > 0
        assert what in done.stdout
    assert all(found["memory_after"]["real"][part]["rss"] for part in PARTS)
    for figures in found["rounds"][0].values():
        assert set(figures["loaded"]["cpu_ms"]) == set(PARTS)
        assert len(figures["loaded"]["sign_to_signed_ms"]) == 3
        assert figures["loaded"]["repeated_tasks"] >= 0

    # both histories have the shape that the workflow's story tells
    for arm in ("real", "no-op"):
        history = found["rounds"][0][arm]["alone"]
        counted = Counter(history["events"])
        assert history["events"][0] == "workflow_execution_started"
        assert history["events"][-1] == "workflow_execution_completed"
        assert (counted["activity_task_completed"], counted["marker_recorded"]) == (1, 2)
        assert (counted["timer_started"], counted["workflow_execution_signaled"]) == (1, 1)
        assert summary["history events"]["real" if arm == "real" else "noop"] == len(history["events"])
        assert history["actions"] == {
            "workflow start": 1,
            "activity": 1,
            "timer": 1,
            "signal": 1,
            "local activities": 1,
        }


def test_local_activities_of_one_workflow_task_are_one_action_and_each_retry_is_one() -> None:
    def marker(task: int) -> HistoryEvent:
        event = HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED)
        event.marker_recorded_event_attributes.workflow_task_completed_event_id = task
        return event

    third_attempt = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    third_attempt.activity_task_started_event_attributes.attempt = 3
    assert actions([marker(4), marker(4), marker(9), third_attempt]) == {"local activities": 2, "retry": 2}


async def test_the_control_is_worked_on_as_the_real_one_is(engine: Client, make_one_worker: WorkerMaker) -> None:
    def options(worker: Worker) -> dict[str, object]:
        own = {"client", "task_queue", "workflows", "activities", "identity", "workflow_runner", "tuner"}
        known = {name: value for name, value in worker.config().items() if name not in own}
        return known | {"interceptors": [type(one) for one in worker.config().get("interceptors", [])]}

    # a worker that is made and never run keeps its queue from others
    async with noop_worker.make_worker(engine, Steps(bytes)) as control, make_one_worker() as real:
        assert options(control) == options(real)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], percent) for percent in (50, 99, 100)] == [2.0, 4.0, 4.0]
    assert percentile([7.0], 50) == 7.0


def test_paper_is_measured_against_the_floor_and_rivals_in_the_same_rounds(tmp_path: Path) -> None:
    figures = tmp_path / "out" / "paper.json"
    words = ["paper", "--rounds", "1", "--largest", "10", "--json", str(figures)]
    assert benchmark(words) == 0
    found = json.loads(figures.read_text())
    assert figures.with_suffix(".svg").read_text().startswith("<?xml")
    assert set(found["sizes"]) == {"1 page", "10 pages"}
    for rows in found["milliseconds"].values():
        assert {rivals.FLOOR, rivals.STREAMED, rivals.WHOLE, "pyHanko (seal only)"} <= set(rows)
        assert len({len(rounds) for rounds in rows.values()}) == 1
    assert {row["ratio"] for row in found["summary"] if row["method"] == rivals.FLOOR} == {1.0}


def test_pages_are_visited_by_a_slow_phone_against_the_floor(tmp_path: Path) -> None:
    if not shutil.which(CHROMIUM):
        assert "CI" not in os.environ, "CI has to install Debian's package chromium"
        pytest.skip("SKIPPED THE BENCHMARK OF PAGES: install Chromium (Debian: apt-get install chromium) to run it")
    figures = tmp_path / "out" / "pages.json"
    words = [
        "--rounds",
        "1",
        "--longest",
        "1",
        "--fullest",
        "11",
        "--drawing",
        "0.5",
        "--only",
        "review",
        "Documents, 11",
    ]
    assert benchmark(["pages", *words, "--conditions", "mid phone", "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert figures.with_suffix(".svg").read_text().startswith("<?xml")
    rows = {(row["page"], row["visit"]): row for row in found["summary"]}
    assert set(rows) == {
        (page, visit) for page in ("the floor", "review, 1 p.", "Documents, 11") for visit in ("first", "return")
    }
    assert rows["the floor", "first"]["ratio"] == 1.0
    for row in rows.values():
        told = row["figures"]
        # the line that is played takes its 150 ms, and nothing is there before it
        assert 150 <= told["first_paint"] <= told["interactive"]
        assert min(told["heap"], told["nodes"], told["tap"], told["ours"], row["ratio"]) > 0
    review = {visit: rows["review, 1 p.", visit]["figures"] for visit in ("first", "return")}
    assert review["return"]["ours"] < review["first"]["ours"] <= pages.MOST_OURS
    assert review["return"]["requests"] < review["first"]["requests"]
    assert review["return"]["paper"] > 10_000, "records of care are in no cache"
    assert rows["Documents, 11", "first"]["figures"]["paper"] == 0
    (signed,) = found["signings"]["mid phone"]
    assert signed["outcome"] in {"signed", "received"}
    assert signed["shown"] > signed["sent"] > 150
    drawn, hovered = found["drawings"]["draws"][0], found["drawings"]["hovers"][0]
    assert min(drawn["points"], hovered["points"]) > 5
    assert drawn["script"] > 0
    assert all(found["memory_after"][part]["rss"] for part in pages.PARTS)


def test_what_the_methods_make_is_signed_and_complete(tmp_path: Path) -> None:
    source, target = tmp_path / "source.pdf", tmp_path / "target.pdf"
    source.write_bytes(rivals.document(10, 5, 1000))
    for name, method in rivals.methods().items():
        method(source, target)
        made = PdfReader(target)
        assert len(made.pages) == 10 + (name != rivals.FLOOR and not name.startswith("pyHanko")), name
        assert (b"/ByteRange" in target.read_bytes()) == (name != rivals.FLOOR and "no seal" not in name), name


def test_no_two_documents_are_signed_alike() -> None:
    """Or what is remembered of one would be measured with the next."""
    certificates = [rivals._certificate(number) for number in range(50)]
    assert len({certificate.signers[0].mark for certificate in certificates}) == 50
    assert len({certificate.version_sha256 for certificate in certificates}) == 50
    assert len({certificate.signers[0].printed_name for certificate in certificates}) > 25


def test_without_node_what_runs_in_it_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert not javascript.installed.__wrapped__()
    assert "pdf-lib and @libpdf/core are left out: Node and npm are not installed" in capsys.readouterr().err


def test_memory_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    small, large = tmp_path / "small.pdf", tmp_path / "large.pdf"
    small.write_bytes(rivals.document(1, 5, 1000))
    large.write_bytes(rivals.document(10, 5, 500_000))
    extra = paper._extra_memory(rivals.FLOOR, small, large, tmp_path / "target.pdf")
    assert 4_000_000 < extra < 10_000_000
