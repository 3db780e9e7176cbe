"""Relationships: as what a portal account acts for a client, from when, until when and why (SPEC G8)."""

from dataclasses import dataclass, field
from datetime import MAXYEAR, date
from enum import StrEnum

from chart.audit import Actor
from chart.ids import AccountId, ClientId
from chart.refusals import AlreadyDone, NotFound, NotInThisState, Unacceptable
from gateways.postgres import SQL, Transaction


class Relationship(StrEnum):
    SELF = "self"
    PARENT = "parent"
    LEGAL_GUARDIAN = "legal_guardian"
    """Of a minor; somebody appointed to act for an adult is a personal representative."""
    PARTNER = "partner"
    PERSONAL_REPRESENTATIVE = "personal_representative"
    """45 CFR 164.502(g): appointed by law or by the client to decide on the client's health care."""
    OTHER = "other"

    @property
    def label(self) -> str:
        return self.replace("_", " ").capitalize()


UNTIL_MAJORITY = frozenset({Relationship.PARENT, Relationship.LEGAL_GUARDIAN})


def named(text: str) -> Relationship:
    """The relationship of this name or label, in any case."""
    try:
        return Relationship(text.strip().lower().replace(" ", "_"))
    except ValueError:
        names = ", ".join(Relationship)
        raise Unacceptable("This relationship is not known. Use one of: {names}.", names=names) from None


class Standing(StrEnum):
    """Whether a relationship holds on a day, and if not, why."""

    HOLDS = "holds"
    NOT_YET = "not yet"
    ENDED = "ended"
    MAJORITY = "majority"
    """The client has come of age, so a parent or guardian no longer acts."""


@dataclass(frozen=True)
class Relation:
    """One account's relationship to a client, past and future ones too, as it stands today."""

    account_id: AccountId
    name: str = field(repr=False)
    email: str = field(repr=False)
    relationship: Relationship
    starts_on: date
    ends_on: date | None
    """The first day on which it no longer holds."""
    ended_by: str | None
    """The audit's actor."""
    end_reason: str | None = field(repr=False)
    majority_on: date | None = field(repr=False)
    """The day on which the client comes of age, where that ends the relationship."""
    standing: Standing


def majority(birth_date: date, age: int) -> date:
    """The day of coming of age; 28 February for who was born on the 29th, unless that year has one too."""
    year = min(birth_date.year + age, MAXYEAR)
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return birth_date.replace(year=year, day=28)


def standing(
    kind: Relationship, starts: date, ends: date | None, birth_date: date, majority_age: int, day: date
) -> Standing:
    """The rule of the database's view `acting`, with the reason; what staff did comes before what the calendar does."""
    if ends is not None and day >= ends:
        return Standing.ENDED
    if kind in UNTIL_MAJORITY and day >= majority(birth_date, majority_age):
        return Standing.MAJORITY
    return Standing.HOLDS if day >= starts else Standing.NOT_YET


async def of_client(transaction: Transaction, client_id: ClientId) -> list[Relation]:
    """All relationships to the client, ended and upcoming ones too; the client's own account first."""
    return [
        Relation(
            account_id=row["account_id"],
            name=row["name"],
            email=row["email"],
            relationship=(kind := Relationship(row["kind"])),
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            ended_by=row["ended_by"],
            end_reason=row["end_reason"],
            majority_on=majority(row["birth_date"], row["majority_age"]) if kind in UNTIL_MAJORITY else None,
            standing=standing(
                kind, row["starts_on"], row["ends_on"], row["birth_date"], row["majority_age"], row["today"]
            ),
        )
        for row in await transaction.fetch(OF_CLIENT, client_id)
    ]


async def find(transaction: Transaction, account_id: AccountId, client_id: ClientId) -> Relation:
    """One that holds, or will."""
    found = next((one for one in await of_client(transaction, client_id) if one.account_id == account_id), None)
    if found is None:
        raise NotFound("This account does not act for this client.")
    if found.standing not in {Standing.HOLDS, Standing.NOT_YET}:
        raise NotInThisState("This access has ended already. To give it again, send a new invitation.")
    return found


async def check_may_be_invited(transaction: Transaction, client_id: ClientId, kind: Relationship) -> None:
    """Refuse an invitation that would lead nowhere: a parent or guardian of somebody who is of age."""
    if kind not in UNTIL_MAJORITY:
        return
    row = await transaction.fetchrow(AGE, client_id)
    if row is None:
        raise NotFound("There is no such client in this practice.")
    if row["today"] >= majority(row["birth_date"], row["majority_age"]):
        raise Unacceptable(
            "This client is of age, so a parent or legal guardian does not act for them. "
            "Invite the client, or choose Personal representative for somebody who is appointed to act."
        )


async def end(transaction: Transaction, account_id: AccountId, client_id: ClientId, *, reason: str, by: Actor) -> None:
    """End a relationship today. What the account signed stays signed; only a new invitation begins it again."""
    check_reason(reason)
    # before the relationship, as in registering, so that the two do not wait for each other
    await transaction.execute(REVOKE, account_id, client_id)
    if await transaction.fetchval(END, account_id, client_id, by, reason) is None:
        if await transaction.fetchval(EXISTS, account_id, client_id) is None:
            raise NotFound("This account does not act for this client.")
        raise AlreadyDone("This access has ended already. To give it again, send a new invitation.")


def check_reason(reason: str) -> None:
    """What staff must write down when they take access away."""
    if not reason.strip() or len(reason) > 500 or not reason.isprintable():
        raise Unacceptable("Give the reason, in one line of at most 500 characters.")


OF_CLIENT = SQL("""
select a.id as account_id, a.name, a.email, r.kind, r.starts_on, r.ends_on, r.ended_by, r.end_reason,
    c.birth_date, p.majority_age, practice_today() as today
from relationship r
join portal_account a on a.id = r.account_id
join client c on c.id = r.client_id
join practice p on p.id = r.practice_id
where r.client_id = $1
order by r.kind = 'self' desc, a.created_at
""")

AGE = SQL("""
select c.birth_date, p.majority_age, practice_today() as today
from client c join practice p on p.id = c.practice_id where c.id = $1
""")

# an invitation that is still open would begin the relationship anew, and nobody meant it to
REVOKE = SQL("""
update invitation i set revoked_at = now() from portal_account a
where a.id = $1 and i.client_id = $2 and lower(i.email) = lower(a.email) and i.used_at is null and i.revoked_at is null
""")

END = SQL("""
update relationship set ends_on = practice_today(), ended_by = $3, end_reason = $4
where account_id = $1 and client_id = $2 and (ends_on is null or ends_on > practice_today())
returning account_id
""")

EXISTS = SQL("select true from relationship where account_id = $1 and client_id = $2")
