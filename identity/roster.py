"""The roster: who belongs to the practice's staff, as its administrators look after it (SPEC A2, A3).

Nobody here gets in by the mailbox alone who has had a second factor: an invitation is for whoever has no access, and
whose second factors were taken away shows the password and the mailed link before adding new ones.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from chart.audit import Actor
from chart.document import check_reason
from chart.ids import PracticeId, StaffId
from chart.refusals import NotAllowed, NotFound, NotInThisState, Unacceptable
from gateways.postgres import SQL, Record, Transaction
from identity import account, opaque, reset, second_factor
from identity import password as passwords
from identity import visitor as visitors
from identity.caller import Role, Surface
from identity.reset import Reset

INVITATION_LASTS = timedelta(days=7)


class State(StrEnum):
    INVITED = "invited"
    """Has never signed in."""
    ACTIVE = "active"
    ENROLS_ANEW = "enrols anew"
    """Was helped after every second factor was lost, and has not added a new one yet."""
    ENDED = "ended"


@dataclass(frozen=True)
class Member:
    id: StaffId
    name: str = field(repr=False)
    email: str = field(repr=False)
    role: Role
    state: State
    signed_in_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None = field(repr=False)

    @property
    def party(self) -> Actor:
        return Surface.CHART.party(self.id)


async def members(transaction: Transaction) -> list[Member]:
    """Everybody, those who have left last."""
    return [_member(row) for row in await transaction.fetch(MEMBERS)]


async def find(transaction: Transaction, staff_id: StaffId) -> Member:
    row = await transaction.fetchrow(FIND, staff_id)
    if row is None:
        raise NotFound("There is no such colleague in this practice.")
    return _member(row)


def _member(row: Record) -> Member:
    return Member(**{**row, "role": Role(row["role"]), "state": State(row["state"])})


async def hold(transaction: Transaction, administrator: StaffId) -> None:
    """Until the transaction ends no other administrator changes the roster, and this one still is an administrator.

    So two who take each other's role away leave one of them.
    """
    await transaction.execute(HOLD)
    if await transaction.fetchval(IS_ADMINISTRATOR, administrator) is None:
        raise NotAllowed("You are no administrator any more. Ask another one.")


def check_somebody_else(administrator: StaffId, member: StaffId) -> None:
    if administrator == member:
        raise NotInThisState("This is you. Ask another administrator of your practice to do it.")


def _check_works_here(member: Member) -> None:
    if member.state is State.ENDED:
        raise NotInThisState("This colleague’s access has ended. Invite the colleague again first.")


async def invite(
    transaction: Transaction, practice: PracticeId, *, email: str, name: str, role: Role
) -> tuple[StaffId, Reset]:
    """Add somebody, who chooses a password by the link and then adds a second factor."""
    account.check_address(email)
    taken = await transaction.fetchrow(TAKEN, email)
    if taken is not None:
        raise Unacceptable(
            "A colleague whose access has ended has this email address. Open that colleague and invite again."
            if taken["ended"]
            else "A colleague has this email address already."
        )
    staff_id = await account.add_staff(
        transaction, practice, email=email, name=name, role=role, password=_nobodys_password()
    )
    return staff_id, await invitation(transaction, practice, await find(transaction, staff_id))


async def invitation(transaction: Transaction, practice: PracticeId, member: Member) -> Reset:
    """A link to a first password; those sent before end."""
    if member.state is not State.INVITED:
        raise NotInThisState("This colleague has signed in already. “Forgotten your password?” leads to a new one.")
    return await reset.make_one(transaction, practice, member.party, INVITATION_LASTS)


async def change_role(transaction: Transaction, member: Member, role: Role) -> bool:
    """The database ends every session of the colleague with it; False if it is the role already."""
    _check_works_here(member)
    return await transaction.fetchval(CHANGE_ROLE, member.id, role) is not None


async def end(transaction: Transaction, member: Member, by: Actor, reason: str) -> bool:
    """End the colleague's access: every session ends with it, no sign-in finds them. False if it has ended before."""
    check_reason(reason)
    await reset.end_links(transaction, member.party)
    return await transaction.fetchval(END, member.id, by, reason) is not None


async def readmit(transaction: Transaction, practice: PracticeId, member: Member) -> Reset:
    """Let somebody back in as at the first time: with another password and other second factors."""
    if member.state is not State.ENDED:
        raise NotInThisState("This colleague has access. End it first, if everything is to be set up anew.")
    await second_factor.forget(transaction, member.party)
    await visitors.forget_devices(transaction, member.party)
    await transaction.execute(READMIT, member.id, await passwords.hash_new(_nobodys_password()))
    return await reset.make_one(transaction, practice, member.party, INVITATION_LASTS)


async def take_factors(transaction: Transaction, practice: PracticeId, member: Member) -> Reset:
    """Take every second factor of a colleague away who has lost them all; the way to new ones.

    It leads through the password and then the link of this mail, so never through less than two things.
    """
    _check_works_here(member)
    if member.state is State.INVITED:
        raise NotInThisState("This colleague has never signed in, and adds a second factor then. Send the link again.")
    await second_factor.forget(transaction, member.party)
    await visitors.forget_devices(transaction, member.party)
    token = await second_factor.make_link(transaction, member.party)
    return await reset.addressed(transaction, practice, member.party, token)


def _nobodys_password() -> str:
    """Until the colleague chooses one."""
    return opaque.new()


_SELECT = """
select id, name, email, role, signed_in_at, ended_at, end_reason,
    case when ended_at is not null then 'ended' when signed_in_at is null then 'invited'
        when enrol_sha256 is not null then 'enrols anew' else 'active' end as state
from staff
"""

MEMBERS = SQL(_SELECT + "order by ended_at is not null, lower(name), id")

FIND = SQL(_SELECT + "where id = $1")

TAKEN = SQL("select ended_at is not null as ended from staff where lower(email) = lower($1)")

HOLD = SQL("select pg_advisory_xact_lock(hashtextextended(current_practice()::text, 3))")

IS_ADMINISTRATOR = SQL("select true from staff where id = $1 and role = 'admin' and ended_at is null")

CHANGE_ROLE = SQL("update staff set role = $2 where id = $1 and role <> $2 returning id")

END = SQL("""
update staff set ended_at = now(), ended_by = $2, end_reason = $3, enrol_sha256 = null, enrol_until = null
where id = $1 and ended_at is null returning id
""")

READMIT = SQL("""
update staff set ended_at = null, ended_by = null, end_reason = null, signed_in_at = null, password_hash = $2
where id = $1
""")
