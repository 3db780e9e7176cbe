"""A restricted chart: its closed door, the glass beside it, and the form by which administrators restrict it."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import restricting
from chart.ids import ClientId, StaffId
from chart.refusals import ChartRestricted, NotFound, Refusal, Unacceptable
from identity.policy import Operation

router = APIRouter(include_in_schema=False)


async def closed_door(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, refusal: Refusal, **context: Any
) -> Response:
    """Instead of the chart; says why and offers the glass."""
    status = HTTPStatus.FORBIDDEN if isinstance(refusal, ChartRestricted) else forms.status(refusal)
    said = {"client_id": client_id, "problem": None, "reason": "", "closed": str(refusal), **context}
    return await desk.page(request, res, staff, "chart/restricted.html", status, **said)


@router.post("/charts/{client_id:uuid}/break-glass")
@does(Operation.BREAK_GLASS)
async def break_glass(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, reason: Typed = ""
) -> Response:
    try:
        await restricting.break_glass(res, staff, client_id, reason.strip())
    except NotFound:
        raise
    except Refusal as refusal:
        closed = "This chart is restricted to its care team."
        said = {"closed": closed, "problem": str(refusal), "reason": reason}
        return await closed_door(request, res, staff, client_id, refusal, **said)
    return see_other(f"/charts/{client_id}?done=glass-broken")


@router.get("/charts/{client_id:uuid}/restriction")
@does(Operation.SEE_RESTRICTION)
async def restriction(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await _show(request, res, staff, client_id)


async def _show(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, status: int = HTTPStatus.OK, **context: Any
) -> Response:
    team = await restricting.team(res, staff, client_id)
    chosen = team.restriction.care_team if team.restriction else frozenset()
    said = {"client_id": client_id, "team": team, "chosen": chosen, "reason": "", "problem": None, **context}
    return await desk.page(request, res, staff, "chart/restriction.html", status, **said)


@router.post("/charts/{client_id:uuid}/restriction")
@does(Operation.RESTRICT)
async def restrict(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    care_team: Annotated[list[str], Form(max_length=500)] = [],  # noqa: B006 - never changed
    reason: Typed = "",
) -> Response:
    chosen: frozenset[StaffId] = frozenset()
    try:
        chosen = frozenset(map(_staff, care_team))
        await restricting.restrict(res, staff, client_id, chosen, reason.strip())
    except NotFound:
        raise
    except Refusal as refusal:
        said = {"chosen": chosen, "reason": reason, "problem": str(refusal)}
        return await _show(request, res, staff, client_id, forms.status(refusal), **said)
    return see_other(f"/charts/{client_id}/restriction?done=restricted")


def _staff(typed: str) -> StaffId:
    try:
        return StaffId(UUID(typed))
    except ValueError:
        raise Unacceptable("Choose who is on the care team.") from None


@router.post("/charts/{client_id:uuid}/restriction/lift")
@does(Operation.RESTRICT)
async def lift(res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    await restricting.lift(res, staff, client_id)
    return see_other(f"/charts/{client_id}/restriction?done=lifted")
