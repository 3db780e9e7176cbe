"""The audit log for auditors and administrators: filters, page after page, a chart's part as a file."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import exports
from api.access import Res, StaffPage, does
from api.body import Body
from api.exports import Form
from api.pages import desk, forms, words
from api.stories import auditing, settings
from chart.appointment import midnight
from chart.audit import Action, Place, Wanted
from chart.ids import ClientId
from chart.refusals import Unacceptable
from chart.text import N_
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Field(max_length=200)]


class Filters(Body):
    """As they were chosen; ids and days only, so that they may stand in an address (SPEC A7)."""

    chart: Text = ""
    actor: Text = ""
    action: Text = ""
    since: Text = ""
    until: Text = ""
    after: Text = ""

    def query(self, **changed: str) -> str:
        """For a link to the same with changes; without them from the first page on."""
        return urlencode(
            {name: value for name, value in {**self.model_dump(), "after": "", **changed}.items() if value}
        )


@router.get("/audit")
@does(Operation.READ_AUDIT)
async def log(request: Request, res: Res, staff: StaffPage, chosen: Annotated[Filters, Query()]) -> Response:
    zone = ZoneInfo((await settings.read_practice(res, staff)).timezone)
    wanted, problem = Wanted(), None
    try:
        wanted, after = _wanted(chosen, zone), Place.read(chosen.after) if chosen.after else None
        found = await auditing.read(res, staff, wanted, after=after)
    except Unacceptable as refusal:
        # what was chosen stays, to be corrected; entries that it does not fit would pass for what it finds
        found, problem = await auditing.read_nothing(res, staff), str(refusal)
    return await desk.page(
        request,
        res,
        staff,
        "chart/audit.html",
        forms.UNACCEPTABLE if problem else 200,
        found=found,
        chosen=chosen,
        chart=wanted.chart,
        actions=sorted(Action),
        formats=list(Form),
        words=words,
        problem=problem,
    )


def _wanted(chosen: Filters, zone: ZoneInfo) -> Wanted:
    """Days are those of the practice."""
    return Wanted(
        chart=_chart(chosen.chart) if chosen.chart.strip() else None,
        actor=chosen.actor or None,
        action=Action(forms.one_of(tuple(Action), chosen.action, N_("what was done"))) if chosen.action else None,
        since=_start(chosen.since, zone) if chosen.since else None,
        until=_start(chosen.until, zone, timedelta(days=1)) if chosen.until else None,
    )


def _chart(typed: str) -> ClientId:
    try:
        return ClientId(UUID(typed.strip()))
    except ValueError:
        raise Unacceptable("This is not the id of a chart. It stands in the address of the chart.") from None


def _start(typed: str, zone: ZoneInfo, later: timedelta = timedelta(0)) -> datetime:
    day = forms.calendar_day(typed, N_("the day"))
    try:
        return midnight(day + later, zone)
    except OverflowError:
        raise Unacceptable("Choose a day within ten years of today.") from None


@router.get("/charts/{client_id:uuid}/audit.{form}")
@does(Operation.READ_AUDIT)
async def export(res: Res, staff: StaffPage, client_id: ClientId, form: Form) -> Response:
    return await exports.answer(await auditing.export(res, staff, client_id), form)
