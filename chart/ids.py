"""Distinct types for the ids of the chart, so that one cannot be passed for another."""

from typing import NewType
from uuid import UUID

PracticeId = NewType("PracticeId", UUID)
StaffId = NewType("StaffId", UUID)
ClientId = NewType("ClientId", UUID)
"""Also names the chart: a chart is the records of one client."""
InvitationId = NewType("InvitationId", UUID)
AccountId = NewType("AccountId", UUID)
DocumentId = NewType("DocumentId", UUID)
VersionId = NewType("VersionId", UUID)
RequestId = NewType("RequestId", UUID)
"""The run id of the request's first workflow run."""
MessageId = NewType("MessageId", UUID)
