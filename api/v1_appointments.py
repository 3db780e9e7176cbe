"""`/api/v1/appointments`: the practice's calendar, as its other systems fill and read it."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from api.access import PracticeCaller, Res, does
from api.body import Body
from api.stories import appointments
from api.v1 import In
from chart.appointment import LONGEST, MOST_DAYS, SHORTEST, AppointmentId, AppointmentKind
from chart.ids import ClientId, StaffId
from identity.policy import Operation

router = APIRouter(prefix="/api/v1/appointments", tags=["practice"])


class AppointmentIn(In):
    client_id: UUID
    staff_id: UUID = Field(description="A provider or supervisor (`GET /api/v1/staff`).")
    starts_at: AwareDatetime = Field(description="With its offset from UTC; at a full minute.")
    minutes: int = Field(default=50, ge=SHORTEST, le=LONGEST)
    kind: AppointmentKind = AppointmentKind.INDIVIDUAL


class MoveIn(In):
    """What is absent stays as it is."""

    starts_at: AwareDatetime = Field(description="With its offset from UTC; at a full minute.")
    minutes: int | None = Field(default=None, ge=SHORTEST, le=LONGEST)
    kind: AppointmentKind | None = None
    staff_id: UUID | None = Field(default=None, description="A provider or supervisor (`GET /api/v1/staff`).")


class AppointmentOut(Body):
    id: UUID
    client_id: UUID
    client_name: str
    staff_id: UUID
    staff_name: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    kind: AppointmentKind
    waiting: int = Field(description="Signature requests of the client that wait for a signature.")
    cancelled_at: datetime | None


class AppointmentsOut(Body):
    timezone: str = Field(description="Of the practice, by which the days are counted.")
    appointments: list[AppointmentOut]


@router.post("", status_code=HTTPStatus.CREATED, responses={200: {"model": AppointmentOut}})
@does(Operation.PLAN_APPOINTMENT)
async def make(res: Res, caller: PracticeCaller, wanted: AppointmentIn, response: Response) -> AppointmentOut:
    """Make an appointment. The same client with the same colleague at the same time is one: 200 says that it was there.

    409 where that one has another length or kind; 422 for a new one more than 90 days ago.
    """
    made = await appointments.make(
        res,
        caller,
        ClientId(wanted.client_id),
        StaffId(wanted.staff_id),
        starts_at=wanted.starts_at,
        minutes=wanted.minutes,
        kind=wanted.kind,
    )
    response.status_code = HTTPStatus.CREATED if made.new else HTTPStatus.OK
    return AppointmentOut.of(made.appointment)


@router.get("")
@does(Operation.READ_CALENDAR)
async def look(
    res: Res,
    caller: PracticeCaller,
    since: Annotated[date | None, Query(description="First day, by the practice's calendar; today if absent.")] = None,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 1,
    staff_id: Annotated[UUID | None, Query(description="Only with this colleague.")] = None,
) -> AppointmentsOut:
    """What begins on these days and is not cancelled, in its order; nothing of charts that are closed to you."""
    found = await appointments.look(res, caller, since, days, of=StaffId(staff_id) if staff_id else None)
    return AppointmentsOut(
        timezone=found.zone.key,
        appointments=[AppointmentOut.of(one) for one in found.appointments],
    )


@router.post("/{appointment_id}/move")
@does(Operation.PLAN_APPOINTMENT)
async def move(res: Res, caller: PracticeCaller, appointment_id: UUID, to: MoveIn) -> AppointmentOut:
    """Put it elsewhere in the calendar; the chart's log keeps where it was. Repeating changes nothing.

    409 where it is cancelled, or the client has another one with this colleague then; 422 for more than 90 days ago.
    """
    found = await appointments.move(
        res,
        caller,
        AppointmentId(appointment_id),
        starts_at=to.starts_at,
        minutes=to.minutes,
        kind=to.kind,
        staff_id=StaffId(to.staff_id) if to.staff_id else None,
    )
    return AppointmentOut.of(found)


@router.post("/{appointment_id}/cancel")
@does(Operation.PLAN_APPOINTMENT)
async def cancel(res: Res, caller: PracticeCaller, appointment_id: UUID) -> AppointmentOut:
    """Take it out of the calendar. Repeating changes nothing."""
    found = await appointments.cancel(res, caller, AppointmentId(appointment_id))
    return AppointmentOut.of(found)
