"""The Calendar, and the form by which a chart gets an appointment."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms, words
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import appointments, charts
from api.stories.appointments import Form, MoveForm
from chart import appointment
from chart.appointment import AppointmentId, AppointmentKind, Place
from chart.ids import ClientId, StaffId
from chart.refusals import ChartRestricted, NotFound, Refusal, Unacceptable
from chart.text import N_
from identity.caller import StaffMember
from identity.policy import Operation
from identity.staff import MAY_COUNTER_SIGN

router = APIRouter(include_in_schema=False)


class View(StrEnum):
    DAY = "day"
    WEEK = "week"

    @property
    def days(self) -> int:
        return 1 if self is View.DAY else 7

    @property
    def label(self) -> str:
        return N_({View.DAY: "Day", View.WEEK: "Week"})[self]


EVERYBODY = "everybody"
MINE = "mine"


@dataclass(frozen=True)
class Asked:
    """Which days of whose calendar; what does not fit is what it is without being asked."""

    view: View
    day: date | None = field(repr=False)
    of: str = field(repr=False)

    @classmethod
    def read(cls, staff: StaffMember, view: str, day: str, of: str) -> "Asked":
        own = MINE if staff.role in MAY_COUNTER_SIGN else EVERYBODY
        return cls(View(view) if view in set(View) else View.DAY, _day(day), of or own)

    @property
    def first(self) -> date | None:
        """The first of the days; None while nobody knows which day it is there."""
        return appointment.week_of(self.day) if self.day and self.view is View.WEEK else self.day

    def whose(self, staff: StaffMember) -> StaffId | None:
        if self.of == MINE:
            return staff.id
        try:
            return StaffId(UUID(self.of))
        except ValueError:
            return None

    def address(self, day: date | None, view: View | None = None) -> str:
        named = f"&day={day}" if day else ""
        return f"/calendar?view={view or self.view}{named}&of={self.of}"


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


@router.get("/calendar")
@does(Operation.READ_CALENDAR)
async def calendar(
    request: Request, res: Res, staff: StaffPage, view: str = "", day: str = "", of: str = ""
) -> Response:
    asked = Asked.read(staff, view, day, of)
    if asked.view is View.WEEK and asked.day is None:
        asked = Asked(asked.view, await appointments.today(res, staff), asked.of)
    days = await appointments.look(res, staff, asked.first, asked.view.days, of=asked.whose(staff))
    step = timedelta(days=days.days)
    at = asked.day or days.today
    return await desk.page(
        request,
        res,
        staff,
        "chart/calendar.html",
        days=days,
        asked=asked,
        views=[(one.label, asked.address(at, one), one is asked.view) for one in View],
        before=asked.address(days.first - step),
        after=asked.address(days.first + step),
        to_today=asked.address(None),
        last=days.first + timedelta(days=days.days - 1),
        kinds=words.APPOINTMENTS,
        mine=MINE,
        everybody=EVERYBODY,
        has_own=staff.role in MAY_COUNTER_SIGN,
    )


# -- a new appointment


@router.get("/charts/{client_id:uuid}/appointments/new")
@does(Operation.PLAN_APPOINTMENT)
async def appointment_form(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    typed = {"day": "", "at": "", "minutes": "50", "kind": AppointmentKind.INDIVIDUAL, "with": str(staff.id)}
    return await _form(request, res, staff, client_id, typed=typed, problem=None)


async def _form(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, status: int = HTTPStatus.OK, **context: Any
) -> Response:
    form = await appointments.form(res, staff, client_id)
    chart = await charts.open_chart(res, staff, client_id)
    said = {"form": form, "chart": chart, "kinds": words.APPOINTMENTS, "moved": None, **context}
    return await desk.page(request, res, staff, "chart/new_appointment.html", status, **said)


@router.post("/charts/{client_id:uuid}/appointments/new")
@does(Operation.PLAN_APPOINTMENT)
async def make(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    day: Typed = "",
    at: Typed = "",
    minutes: Typed = "",
    kind: Typed = "",
    colleague: Typed = "",
) -> Response:
    typed = {"day": day, "at": at, "minutes": minutes, "kind": kind, "with": colleague}
    try:
        to = _place(typed, await appointments.form(res, staff, client_id))
        made = await appointments.make(
            res, staff, client_id, to.staff_id, starts_at=to.starts_at, minutes=to.minutes, kind=to.kind
        )
    except (NotFound, ChartRestricted):
        raise
    except Refusal as refusal:
        return await _form(request, res, staff, client_id, forms.status(refusal), typed=typed, problem=str(refusal))
    return see_other(f"/charts/{client_id}?done=appointment-{'made' if made.new else 'there'}")


def _place(typed: dict[str, str], form: Form) -> Place:
    on = forms.calendar_day(typed["day"], N_("the day"))
    appointment.check_day(on, form.today)
    return Place(
        staff_id=_colleague(typed["with"]),
        starts_at=appointment.at_wall_time(on, _wall(typed["at"]), form.zone),
        minutes=forms.whole_number(typed["minutes"], N_("how many minutes it takes")),
        kind=AppointmentKind(forms.one_of(tuple(AppointmentKind), typed["kind"], N_("what it is"))),
    )


def _wall(typed: str) -> time:
    try:
        return time.fromisoformat(typed).replace(tzinfo=None)
    except ValueError:
        raise Unacceptable("Enter the time as hour:minute, such as 14:30.") from None


def _colleague(typed: str) -> StaffId:
    try:
        return StaffId(UUID(typed))
    except ValueError:
        raise Unacceptable("Choose with whom.") from None


# -- one that is made


@router.get("/charts/{client_id:uuid}/appointments/{appointment_id:uuid}")
@does(Operation.PLAN_APPOINTMENT)
async def move_form(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, appointment_id: AppointmentId
) -> Response:
    return await _move_form(request, res, staff, client_id, appointment_id, typed=None, problem=None)


async def _move_form(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    appointment_id: AppointmentId,
    status: int = HTTPStatus.OK,
    *,
    typed: dict[str, str] | None,
    problem: str | None,
) -> Response:
    looked = await appointments.move_form(res, staff, client_id, appointment_id)
    said = {"moved": looked.appointment, "typed": typed or _stands(looked), "problem": problem}
    return await _form(request, res, staff, client_id, status, **said)


def _stands(looked: MoveForm) -> dict[str, str]:
    """The fields of the form as they are before anything is typed."""
    there = looked.appointment.starts_at.astimezone(looked.form.zone)
    return {
        "day": f"{there.date()}",
        "at": f"{there:%H:%M}",
        "minutes": f"{looked.appointment.minutes}",
        "kind": looked.appointment.kind,
        "with": f"{looked.appointment.staff_id}",
    }


@router.post("/charts/{client_id:uuid}/appointments/{appointment_id:uuid}")
@does(Operation.PLAN_APPOINTMENT)
async def move(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    appointment_id: AppointmentId,
    day: Typed = "",
    at: Typed = "",
    minutes: Typed = "",
    kind: Typed = "",
    colleague: Typed = "",
) -> Response:
    typed = {"day": day, "at": at, "minutes": minutes, "kind": kind, "with": colleague}
    try:
        looked = await appointments.move_form(res, staff, client_id, appointment_id)
        to, stands = _place(typed, looked.form), _stands(looked)
        # a time of day that comes twice is meant as it is, unless another one was typed
        same = (stands["day"], stands["at"]) == (day, at)
        await appointments.move(
            res,
            staff,
            appointment_id,
            client_id=client_id,
            starts_at=looked.appointment.starts_at if same else to.starts_at,
            minutes=to.minutes,
            kind=to.kind,
            staff_id=to.staff_id,
        )
    except (NotFound, ChartRestricted):
        raise
    except Refusal as refusal:
        return await _move_form(
            request, res, staff, client_id, appointment_id, forms.status(refusal), typed=typed, problem=str(refusal)
        )
    return see_other(f"/charts/{client_id}?done=appointment-moved")


@router.post("/charts/{client_id:uuid}/appointments/{appointment_id:uuid}/cancel")
@does(Operation.PLAN_APPOINTMENT)
async def cancel(res: Res, staff: StaffPage, client_id: ClientId, appointment_id: AppointmentId) -> Response:
    await appointments.cancel(res, staff, appointment_id, client_id=client_id)
    return see_other(f"/charts/{client_id}?done=appointment-cancelled")
