"""`/api/v1/bulk-shares`: many documents at once."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import bulk
from api.v1 import Days, In
from chart.bulk import MOST, BulkAct, BulkId, ItemOutcome
from chart.document import Kind
from chart.ids import ClientId, DocumentId
from identity.policy import Operation

router = APIRouter(prefix="/api/v1/bulk-shares", tags=["practice"])

Ids = Annotated[list[UUID], Field(max_length=MOST)]


class BulkIn(In):
    """Either documents, or a kind and the charts of which the newest one that is not shared yet is meant."""

    act: BulkAct
    documents: Ids = Field(default=[])
    kind: Kind | None = None
    note_name: Annotated[str, Field(max_length=80)] | None = None
    clients: Ids = Field(default=[])
    days: int | None = Field(default=None, ge=1, le=365)
    reminder_days: Days | None = None
    when_registered: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "BulkIn":
        if bool(self.documents) == bool(self.kind and self.clients):
            raise ValueError("name either documents, or kind and clients")
        return self


class BulkStarted(Body):
    id: UUID


class ItemOut(Body):
    document_id: UUID
    outcome: ItemOutcome
    reason: str | None = Field(description="Why it was refused, and what to do.")
    request_id: UUID | None


class BulkOut(Body):
    id: UUID
    act: BulkAct
    created_at: datetime
    items: list[ItemOut]
    nothing_of: list[UUID] = Field(description="Of `clients` those with none of the kind that is not shared yet.")


@router.post("", status_code=HTTPStatus.ACCEPTED)
@does(Operation.SHARE_IN_BULK)
async def share_in_bulk(res: Res, caller: PracticeCaller, wanted: BulkIn, response: Response) -> BulkStarted:
    """Share each as it would be shared alone, with a result for each and one email per client."""
    found = bulk.OfKind([DocumentId(one) for one in wanted.documents], [])
    if wanted.kind:
        clients = [ClientId(one) for one in wanted.clients]
        found = await bulk.of_kind(res, caller, clients, wanted.kind, wanted.note_name)
    bulk_id = await bulk.share(
        res,
        caller,
        wanted.act,
        found.documents,
        days=wanted.days,
        reminder_days=None if wanted.reminder_days is None else tuple(wanted.reminder_days),
        when_registered=wanted.when_registered,
        nothing_of=found.nothing_of,
    )
    response.headers["location"] = f"/api/v1/bulk-shares/{bulk_id}"
    return BulkStarted(id=bulk_id)


@router.get("/{bulk_id}")
@does(Operation.READ_BULK)
async def read_bulk(res: Res, caller: PracticeCaller, bulk_id: UUID) -> BulkOut:
    """What has become of each document so far."""
    return BulkOut.of((await bulk.look(res, caller, BulkId(bulk_id))).bulk)
