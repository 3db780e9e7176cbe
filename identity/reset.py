"""A new password by email (SPEC A1, A4): a single-use link, and never less than what sign-in asks for.

The link stands in for the password alone: whoever has a second factor shows it before the new password is chosen.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from chart import audit
from chart.audit import Action, Actor
from chart.ids import PracticeId
from chart.refusals import Refusal
from gateways.postgres import SQL, Database, Transaction
from identity import opaque, person, second_factor, session, throttle
from identity import visitor as visitors
from identity.caller import Surface
from identity.session import Awaits, SignedIn
from identity.visitor import Visitor

LASTS = timedelta(hours=1)


class ResetEnded(Refusal):
    """Unknown, used, or older than an hour; which one is not told."""

    def __init__(self) -> None:
        super().__init__("This link has ended: it works once, for an hour. Ask for a new one.")


class FactorFirst(Refusal):
    """The mailbox alone would be the way to a new password and to a new second factor."""

    def __init__(self) -> None:
        super().__init__(
            "An administrator has removed your second factor. First sign in with your present password and add a new "
            "one. If you do not know the password either, ask the administrator to end your access and invite you anew."
        )


@dataclass(frozen=True)
class Reset:
    """A way to a new password; `token` is in the mail's link only, the database keeps its SHA-256."""

    practice: PracticeId
    party: Actor
    token: str = field(repr=False)
    email: str = field(repr=False)
    language: str


async def make(database: Database, surface: Surface, email: str) -> list[Reset]:
    """One for each account of this address; none when there is none, or when enough were sent lately."""
    try:
        await throttle.spend(database, throttle.RESET_MAILS.of(surface, email.strip().lower()))
    except throttle.TooManyTries:
        return []  # the mails that were sent lately still work
    made = []
    for one in await session.people_by_email(database, surface, email):
        async with database.practice(one.practice) as transaction:
            made.append(await _make(transaction, one.practice, one.party, LASTS))
    return made


async def make_one(transaction: Transaction, practice: PracticeId, party: Actor, lasts: timedelta) -> Reset:
    """For somebody whom an administrator invites; the links that were sent before end."""
    await end_links(transaction, party)
    return await _make(transaction, practice, party, lasts)


async def _make(transaction: Transaction, practice: PracticeId, party: Actor, lasts: timedelta) -> Reset:
    token = opaque.new()
    await transaction.execute(MAKE, opaque.digest(token), practice, party, lasts)
    return await addressed(transaction, practice, party, token)


async def addressed(transaction: Transaction, practice: PracticeId, party: Actor, token: str) -> Reset:
    """Where the link goes, and in which language."""
    whose = await person.find(transaction, party)
    return Reset(practice, party, token, whose.email, whose.language)


async def end_links(transaction: Transaction, party: Actor) -> None:
    await transaction.execute(END_ALL, party)


async def use(database: Database, surface: Surface, token: str) -> SignedIn:
    """Use the link up: half way to a new password. Raises `ResetEnded`."""
    async with database.anyone() as transaction:
        practice = await transaction.fetchval(PRACTICE_OF_RESET, opaque.digest(token))
    if practice is None:
        raise ResetEnded
    async with database.practice(practice) as transaction:
        party = await transaction.fetchval(USE, opaque.digest(token))
        if party is None or not surface.has(party):
            raise ResetEnded
        has_factor = (await second_factor.of(transaction, party)).any
        if not has_factor and await second_factor.needs_link(transaction, party):
            raise FactorFirst
        awaits = Awaits.FACTOR_FOR_RESET if has_factor else Awaits.NEW_PASSWORD
        return await session.half(transaction, practice, Actor(party), awaits)


async def choose(database: Database, surface: Surface, visitor: Visitor, token: str, password: str) -> str:
    """Set the new password; every session, link and known device of before ends. Returns this device's token."""
    who = await session.half_way(database, surface, token)
    if who.awaits is not Awaits.NEW_PASSWORD:
        raise session.SignInAgain
    async with database.practice(who.practice) as transaction:
        least = (await second_factor.of(transaction, who.actor)).least
        await session.end_half_way(transaction, token)
        await person.set_password(transaction, await person.find(transaction, who.actor), password, least=least)
        await end_links(transaction, who.actor)
        await visitors.forget_devices(transaction, who.actor)
        await audit.record(transaction, who.practice, who.actor, Action.RESET_PASSWORD)
        return await visitors.remember(transaction, who.practice, who.actor, visitor)


MAKE = SQL("""
insert into password_reset (token_sha256, practice_id, party, expires_at) values ($1, $2, $3, now() + $4::interval)
""")

PRACTICE_OF_RESET = SQL("select practice_of_reset($1)")

# one statement, so that a link cannot be used twice at once
USE = SQL("""
update password_reset set used_at = now() where token_sha256 = $1 and used_at is null and expires_at > now()
returning party
""")

END_ALL = SQL("update password_reset set used_at = now() where party = $1 and used_at is null")
