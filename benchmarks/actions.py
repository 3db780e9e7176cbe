"""Billable actions of a workflow, counted from its history.

The rule is that of the page "Temporal Cloud Actions" in Temporal's documentation (docs.temporal.io/cloud/actions),
as far as a history shows it:

- one each: workflow start, signal, update, timer started (waiting with a time-out starts one), upsert of search
  attributes (those given at the start are free), activity scheduled
- one for each further attempt of an activity
- one for all local activities of one workflow task, however many; one for each further attempt of one that a
  workflow task's heartbeat follows

Queries, heartbeats, and starts that found the workflow running leave no event, and are not counted. Temporal's own
server of `./sts up` bills nobody: the number says what the same workflow would cost elsewhere, and how chatty it is.
"""

from collections import Counter
from collections.abc import Iterable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

ONE_EACH = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "workflow start",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signal",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "update",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "activity",
}


def actions(history: Iterable[HistoryEvent]) -> dict[str, int]:
    """How many actions of which kind `history` shows."""
    counted: Counter[str] = Counter()
    with_local_activities: set[int] = set()
    for event in history:
        if kind := ONE_EACH.get(event.event_type):
            counted[kind] += 1
        counted["retry"] += max(event.activity_task_started_event_attributes.attempt - 1, 0)
        metering = event.workflow_task_completed_event_attributes.metering_metadata
        counted["retry"] += metering.nonfirst_local_activity_execution_attempts
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            with_local_activities.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    counted["local activities"] = len(with_local_activities)
    return {kind: count for kind, count in counted.items() if count}


def event_names(history: Iterable[HistoryEvent]) -> list[str]:
    """The type of each event, in order."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower() for event in history]
