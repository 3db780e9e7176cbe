"""`/api/v1` for whoever looks after the practice: its audit log, and a chart's part of it as a file."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from api import exports
from api.access import PracticeCaller, Res, does
from api.body import Body
from api.exports import MEDIA_TYPE, Form
from api.stories import auditing
from chart.audit import Action, Line, Place, Wanted
from chart.ids import ClientId
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["audit"])

FILE: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE[form].split(";")[0]: {} for form in Form}}}


class LineOut(Body):
    client_id: UUID | None = Field(description="Whose chart it concerns; null for what concerns none.")
    number: int = Field(description="In the chain of the chart, or of the practice.")
    at: datetime
    actor: str = Field(description="`staff:<id>`, `account:<id>`, `key:<id>` or `service`.")
    name: str | None = Field(description="Of the actor.")
    action: Action
    document_id: UUID | None
    request_id: UUID | None
    detail: dict[str, str | int | None]
    previous: str = Field(description="Hash of the entry before; empty for the first.")
    hash: str

    @classmethod
    def named(cls, line: Line, names: dict[str, str]) -> "LineOut":
        return cls(
            client_id=line.chart,
            number=line.number,
            at=line.at,
            actor=line.actor,
            name=names.get(line.actor),
            action=line.action,
            document_id=line.document_id,
            request_id=line.request_id,
            detail=line.detail,
            previous=line.previous,
            hash=line.hash,
        )


class AuditPage(Body):
    entries: list[LineOut]
    next: str | None = Field(description="Send it as `after` to read on; null at the end.")


@router.get("/audit")
@does(Operation.READ_AUDIT)
async def read_audit(
    res: Res,
    caller: PracticeCaller,
    client_id: UUID | None = None,
    actor: Annotated[
        str | None, Query(max_length=100, pattern=r"^(service|(staff|account|key):[0-9a-f-]{36})$")
    ] = None,
    action: Action | None = None,
    since: AwareDatetime | None = None,
    until: Annotated[AwareDatetime | None, Query(description="The first instant that is not wanted.")] = None,
    after: Annotated[str | None, Query(max_length=100, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AuditPage:
    """What happened in the practice, newest first."""
    wanted = Wanted(ClientId(client_id) if client_id else None, actor, action, since, until)
    found = await auditing.read(res, caller, wanted, after=Place.read(after) if after else None, limit=limit)
    return AuditPage(
        entries=[LineOut.named(line, found.names) for line in found.lines], next=str(found.next) if found.next else None
    )


@router.get("/clients/{client_id}/audit/{form}", response_class=Response, responses=FILE)
@does(Operation.READ_AUDIT)
async def export_audit(res: Res, caller: PracticeCaller, client_id: UUID, form: Form) -> Response:
    """The whole chain of a chart with its hashes, oldest first, as a file. The export is its last entry."""
    return await exports.answer(await auditing.export(res, caller, ClientId(client_id)), form)
