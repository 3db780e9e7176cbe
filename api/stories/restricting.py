"""Restricted charts: who of the practice opens a chart, and the glass that is broken in an emergency (SPEC A5)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from api.resources import Resources
from chart import audit, care, message
from chart.audit import Action
from chart.care import Restriction
from chart.ids import ClientId, StaffId
from chart.message import About
from identity import staff
from identity.caller import PracticeSide, StaffMember
from identity.staff import Colleague


@dataclass(frozen=True)
class Team:
    """Whether a chart is restricted, and who can be on its care team."""

    restriction: Restriction | None
    colleagues: list[Colleague]


async def team(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Team:
    """For whoever restricts charts; it opens none."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return Team(await care.restriction(transaction, client_id), await staff.everybody(transaction))


async def restrict(
    resources: Resources, caller: PracticeSide, client_id: ClientId, care_team: Collection[StaffId], reason: str
) -> Team:
    """Let only this care team open the chart from now on; or change the team, with the reason for that."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await care.restrict(transaction, caller.practice, client_id, care_team, reason=reason, by=caller.actor)
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.RESTRICTED,
            chart=client_id,
            care_team=" ".join(sorted(map(str, care_team))),
        )
    return await team(resources, caller, client_id)


async def lift(resources: Resources, caller: PracticeSide, client_id: ClientId) -> None:
    """Let every staff member open the chart again. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        if await care.lift(transaction, client_id):
            await audit.record(transaction, caller.practice, caller.actor, Action.LIFTED_RESTRICTION, chart=client_id)


async def break_glass(resources: Resources, member: StaffMember, client_id: ClientId, reason: str) -> datetime:
    """Open a restricted chart for an hour, in person and for a reason; until when. The administrators are told."""
    async with resources.database.practice(member.practice, member.actor) as transaction:
        until = await care.break_glass(transaction, member.practice, client_id, member.id, reason)
        await audit.record(transaction, member.practice, member.actor, Action.BROKE_GLASS, chart=client_id)
        await message.tell_administrators(transaction, member.practice, client_id, About.BROKE_GLASS, member.actor)
        return until
