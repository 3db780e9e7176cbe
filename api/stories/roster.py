"""The practice's staff, looked after by an administrator in person."""

from typing import Any

from activities.reset import Occasion
from api.resources import Resources
from api.stories import reset as links
from api.stories.accounts import check_fresh
from api.stories.reset import PAGE
from chart import audit
from chart.audit import Action
from chart.document import check_reason
from chart.ids import StaffId
from gateways.postgres import Transaction
from identity import roster, staff
from identity.caller import PracticeSide, Role, StaffMember, Surface
from identity.reset import Reset
from identity.roster import Member
from identity.staff import Colleague

ENROL_PAGE = "/sign-in/link"


async def colleagues(resources: Resources, caller: PracticeSide) -> list[Colleague]:
    """Who works here, with the ids that appointments, care teams and counter-signatures name."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return await staff.everybody(transaction)


async def members(resources: Resources, admin: StaffMember) -> list[Member]:
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        return await roster.members(transaction)


async def find(resources: Resources, admin: StaffMember, staff_id: StaffId) -> Member:
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        return await roster.find(transaction, staff_id)


async def invite(resources: Resources, admin: StaffMember, *, email: str, name: str, role: Role) -> StaffId:
    """Add somebody, who gets a link to a first password by mail."""
    check_fresh(admin)
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        await roster.hold(transaction, admin.id)
        staff_id, link = await roster.invite(transaction, admin.practice, email=email, name=name, role=role)
        await _record(transaction, admin, Action.INVITED_COLLEAGUE, staff_id, role=role)
    await _send(resources, link, Occasion.INVITED)
    return staff_id


async def invite_again(resources: Resources, admin: StaffMember, staff_id: StaffId) -> None:
    """A new link, to whoever has never signed in or whose access has ended; then all is set up as at the first time."""
    check_fresh(admin)
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        await roster.hold(transaction, admin.id)
        found = await roster.find(transaction, staff_id)
        ended = found.state is roster.State.ENDED
        if ended:
            link = await roster.readmit(transaction, admin.practice, found)
        else:
            link = await roster.invitation(transaction, admin.practice, found)
        action = Action.READMITTED_COLLEAGUE if ended else Action.INVITED_COLLEAGUE
        await _record(transaction, admin, action, staff_id, role=found.role)
    await _send(resources, link, Occasion.INVITED)


async def change_role(resources: Resources, admin: StaffMember, staff_id: StaffId, role: Role) -> None:
    """The colleague is signed out everywhere, and may from the next sign-in on what the role may."""
    check_fresh(admin)
    roster.check_somebody_else(admin.id, staff_id)
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        await roster.hold(transaction, admin.id)
        found = await roster.find(transaction, staff_id)
        if await roster.change_role(transaction, found, role):
            await _record(transaction, admin, Action.CHANGED_ROLE, staff_id, role=role, before=found.role)


async def end(resources: Resources, admin: StaffMember, staff_id: StaffId, reason: str) -> None:
    """End a colleague's access at once, for a reason. It may be urgent and can be undone: any session will do."""
    roster.check_somebody_else(admin.id, staff_id)
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        await roster.hold(transaction, admin.id)
        found = await roster.find(transaction, staff_id)
        if await roster.end(transaction, found, admin.actor, reason):
            await _record(transaction, admin, Action.ENDED_COLLEAGUE, staff_id, reason=reason)


async def take_factors(resources: Resources, admin: StaffMember, staff_id: StaffId, reason: str) -> None:
    """Help a colleague who has lost every second factor: remove them, and mail the colleague the way to new ones.

    The reason says how the administrator knows that it is the colleague who asks.
    """
    check_fresh(admin)
    check_reason(reason)
    roster.check_somebody_else(admin.id, staff_id)
    async with resources.database.practice(admin.practice, admin.actor) as transaction:
        await roster.hold(transaction, admin.id)
        link = await roster.take_factors(transaction, admin.practice, await roster.find(transaction, staff_id))
        await _record(transaction, admin, Action.TOOK_FACTORS, staff_id, reason=reason)
    await _send(resources, link, Occasion.FACTORS_TAKEN)


async def _record(transaction: Transaction, admin: StaffMember, action: Action, whose: StaffId, **detail: Any) -> None:
    await audit.record(transaction, admin.practice, admin.actor, action, colleague=f"staff:{whose}", **detail)


async def _send(resources: Resources, link: Reset, occasion: Occasion) -> None:
    page = ENROL_PAGE if occasion is Occasion.FACTORS_TAKEN else PAGE[Surface.CHART]
    await links.send(resources, link, f"{resources.site(Surface.CHART).origin}{page}", occasion)
