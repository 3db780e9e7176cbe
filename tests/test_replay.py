"""Releases beside open requests (SPEC O3): every recorded history of every release is still understood."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities.stamp import Stamp, Stamped, Stamping
from chart.lifecycle import Order, RequestState
from gateways import temporal
from gateways.temporal import EncryptingCodec
from tests.conftest import KEY
from worker import WORKFLOWS, workflow_runner
from workflows.patience import STEP
from workflows.share_to_sign import ShareToSign, SoFar

RECORDINGS = Path(__file__).parent / "histories"
RELEASES = sorted(
    (path for path in RECORDINGS.iterdir() if path.is_dir() and any(path.glob("*.json"))),
    key=lambda path: [int(number) for number in path.name.split(".")],  # 0.10.0 comes after 0.9.0
)
RECORDED = [path for release in RELEASES for path in sorted(release.glob("*.json"))]


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=workflows,
        data_converter=temporal.data_converter(temporal.payload_keys(KEY)),
        workflow_runner=workflow_runner(),
    )


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name} {path.stem}")
async def test_a_recorded_history_leads_to_the_same_decisions_today(path: Path) -> None:
    await replayer(*WORKFLOWS).replay_workflow(history(path))


def test_the_newest_release_has_a_recording_of_every_ending_and_every_workflow() -> None:
    newest = RELEASES[-1]
    names = {path.stem for path in newest.glob("*.json")}
    assert {state.value for state in RequestState if state.ended} <= names
    recorded = {"ShareToSign"}
    for path in newest.glob("*.json"):
        started = history(path).events[0].workflow_execution_started_event_attributes
        recorded.add(started.workflow_type.name)
    defined = {workflow._Definition.must_from_class(one).name for one in WORKFLOWS}
    assert defined <= recorded


@workflow.defn(name="ShareToSign")
class Changed(ShareToSign):
    """As if somebody had made stamping a regular activity without thinking of open requests."""

    @workflow.init
    def __init__(self, order: Order, so_far: SoFar | None) -> None:
        super().__init__(order, so_far)

    @workflow.run
    async def run(self, order: Order, so_far: SoFar | None) -> RequestState | None:
        return await super().run(order, so_far)

    async def _stamp(self) -> Stamped:
        return await workflow.execute_activity_class(
            Stamp,
            Stamping(self.order, self.request_id, self.signatures),
            start_to_close_timeout=STEP,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def test_a_change_that_open_requests_would_not_survive_is_found() -> None:
    with pytest.raises(NondeterminismError):
        await replayer(Changed).replay_workflow(history(RELEASES[-1] / "signed.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name} {path.stem}")
def test_a_recording_names_no_machine_and_no_folder(path: Path) -> None:
    said = list(strings(json.loads(path.read_text())))
    assert {text for name, text in said if name == "identity"} == {"recorded"}
    decrypted = [text for name, text in said if name == DECRYPTED]
    assert decrypted
    assert not [found for text in decrypted for found in FOLDER.findall(text)]


FOLDER = re.compile(r"(?<![\w.:/-])/[\w.-]+/[\w./-]*")
"""An absolute path; not the slash of `America/Chicago` or of a workflow's id."""

DECRYPTED = "decrypted payload"


def strings(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a recording with its name; payloads as everybody can read them, with the tests' key."""
    match node:
        case {"metadata": dict(), **rest} if rest.keys() <= {"data"}:
            payload = EncryptingCodec(temporal.payload_keys(KEY)).read(json_format.ParseDict(node, Payload()))
            yield DECRYPTED, payload.data.decode()
        case dict():
            for key, value in node.items():
                yield from strings(value, key)
        case list():
            for one in node:
                yield from strings(one, name)
        case str():
            yield name, node
