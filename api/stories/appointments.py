"""The Calendar: the practice's appointments, which lead to charts."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from api.resources import Resources
from chart import appointment, audit, client, practice
from chart.appointment import Appointment, AppointmentId, AppointmentKind, Place
from chart.audit import Action
from chart.ids import ClientId, StaffId
from chart.refusals import NotFound, Unacceptable
from gateways.postgres import Transaction
from identity import staff
from identity.caller import PracticeSide
from identity.staff import Colleague


@dataclass(frozen=True)
class Days:
    """Some days of the practice with what is in them."""

    zone: ZoneInfo
    today: date = field(repr=False)
    first: date = field(repr=False)
    days: int
    appointments: list[Appointment]
    colleagues: list[Colleague]
    """With whom there are appointments."""

    @property
    def by_day(self) -> dict[date, list[Appointment]]:
        """Every day of them, by the practice's calendar."""
        found: dict[date, list[Appointment]] = {self.first + timedelta(days=n): [] for n in range(self.days)}
        for one in self.appointments:
            found[one.starts_at.astimezone(self.zone).date()].append(one)
        return found

    @property
    def changing(self) -> set[date]:
        """Those on which the clocks are changed, so that a time of day may come twice."""
        return {
            day
            for day in self.by_day
            if appointment.midnight(day + timedelta(days=1), self.zone) - appointment.midnight(day, self.zone)
            != timedelta(days=1)
        }


async def today(resources: Resources, caller: PracticeSide) -> date:
    """By the practice's calendar."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return await practice.today(transaction)


async def look(
    resources: Resources, caller: PracticeSide, first: date | None, days: int, *, of: StaffId | None = None
) -> Days:
    """So many days of the Calendar, from today on if no day is named; of one colleague, or of all."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        zone, today = await _clock(transaction)
        since = first or today
        appointment.check_day(since, today)
        until = since + timedelta(days=days)
        found = await appointment.between(
            transaction, appointment.midnight(since, zone), appointment.midnight(until, zone), of
        )
        await audit.record(
            transaction, caller.practice, caller.actor, Action.VIEWED_CALENDAR, since=f"{since}", days=days
        )
        return Days(zone, today, since, days, found, await staff.counter_signers(transaction))


async def _clock(transaction: Transaction) -> tuple[ZoneInfo, date]:
    found = await practice.current(transaction)
    return ZoneInfo(found.timezone), await practice.today(transaction)


@dataclass(frozen=True)
class Form:
    """What the form for a new appointment offers."""

    zone: ZoneInfo
    today: date = field(repr=False)
    colleagues: list[Colleague]


async def form(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Form:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        return Form(*await _clock(transaction), await staff.counter_signers(transaction))


@dataclass(frozen=True)
class MadeAppointment:
    appointment: Appointment
    new: bool


async def make(
    resources: Resources,
    caller: PracticeSide,
    client_id: ClientId,
    staff_id: StaffId,
    *,
    starts_at: datetime,
    minutes: int,
    kind: AppointmentKind,
) -> MadeAppointment:
    """Make an appointment of a client with a provider or supervisor; the same one again is the one that is there."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        today = await practice.today(transaction)
        appointment.check(starts_at, minutes, today)
        starts_at = starts_at.astimezone(UTC)
        await _check_colleague(transaction, staff_id)
        made = await appointment.add(
            transaction,
            caller.practice,
            client_id,
            staff_id,
            starts_at=starts_at,
            minutes=minutes,
            kind=kind,
            by=caller.actor,
            today=today,
        )
        if made.new:
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.MADE_APPOINTMENT,
                chart=client_id,
                appointment=str(made.id),
            )
        return MadeAppointment(await appointment.find(transaction, made.id), made.new)


async def _check_colleague(transaction: Transaction, staff_id: StaffId) -> None:
    if staff_id not in {one.id for one in await staff.counter_signers(transaction)}:
        raise Unacceptable("Appointments are with providers and supervisors of this practice. Choose one of them.")


@dataclass(frozen=True)
class MoveForm:
    """What the form for another time offers, and where the appointment stands."""

    form: Form
    appointment: Appointment


async def move_form(
    resources: Resources, caller: PracticeSide, client_id: ClientId, appointment_id: AppointmentId
) -> MoveForm:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await _of_chart(transaction, appointment_id, client_id)
        return MoveForm(Form(*await _clock(transaction), await staff.counter_signers(transaction)), found)


async def _of_chart(transaction: Transaction, appointment_id: AppointmentId, client_id: ClientId | None) -> Appointment:
    """With a `client_id` only one of that chart is found."""
    found = await appointment.find(transaction, appointment_id)
    if client_id not in {None, found.client_id}:
        raise NotFound("There is no such appointment in this chart.")
    return found


async def move(
    resources: Resources,
    caller: PracticeSide,
    appointment_id: AppointmentId,
    *,
    client_id: ClientId | None = None,
    starts_at: datetime,
    minutes: int | None = None,
    kind: AppointmentKind | None = None,
    staff_id: StaffId | None = None,
) -> Appointment:
    """Put an appointment elsewhere in the Calendar; what is None stays. Its log keeps where it was.

    Moving it to where it stands changes nothing, also if that colleague has left in the meantime.
    """
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await _of_chart(transaction, appointment_id, client_id)
        today = await practice.today(transaction)
        appointment.check(starts_at, minutes or found.minutes, today)
        to = Place(starts_at.astimezone(UTC), minutes or found.minutes, kind or found.kind, staff_id or found.staff_id)
        if to.staff_id != found.staff_id:
            await _check_colleague(transaction, to.staff_id)
        if was := await appointment.move(transaction, appointment_id, to, today):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.MOVED_APPOINTMENT,
                chart=found.client_id,
                appointment=str(appointment_id),
                was=_said(was),
                now=_said(to),
            )
        return await appointment.find(transaction, appointment_id)


def _said(one: Place) -> str:
    """For the log: when, how long, what, with whom."""
    return f"{one.starts_at:%Y-%m-%dT%H:%MZ}, {one.minutes}, {one.kind}, {one.staff_id}"


async def cancel(
    resources: Resources, caller: PracticeSide, appointment_id: AppointmentId, *, client_id: ClientId | None = None
) -> Appointment:
    """Take an appointment out of the Calendar; it stays in the chart's log. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await _of_chart(transaction, appointment_id, client_id)
        if await appointment.cancel(transaction, appointment_id, caller.actor):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.CANCELLED_APPOINTMENT,
                chart=found.client_id,
                appointment=str(appointment_id),
            )
        return await appointment.find(transaction, appointment_id)
