"""Sessions: opaque tokens whose SHA-256 is kept in Postgres, so that they can be ended at once (SPEC A3).

A right password, where more is wanted, begins a session that is half way: its token does nothing but go on. Each
step has a token of its own, so one that somebody has planted in a browser is worth nothing after the next step.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType, TypeAlias
from uuid import UUID

from chart import audit
from chart.audit import Action, Actor
from chart.ids import PracticeId
from chart.refusals import NotFound, Refusal
from chart.text import Sentence
from gateways.keys import Keyring
from gateways.postgres import SQL, Database, Transaction
from identity import opaque, passkey, person, refused, second_factor, throttle
from identity import password as passwords
from identity import visitor as visitors
from identity.caller import PortalUser, Role, StaffMember, Surface
from identity.passkey import PasskeyRefused, RelyingParty
from identity.person import Person
from identity.second_factor import LinkEnded, WrongCode
from identity.throttle import Purse, TooManyTries
from identity.visitor import Visitor

Token = NewType("Token", str)
"""256 random bits; held by the browser or the app alone."""

CHANNEL = "session_ended"
"""On which the database tells `practice/party` when a session ends (migration 0023)."""

LONGEST = timedelta(hours=12)
STAFF_IDLE = timedelta(hours=1)
"""An appointment of 50 minutes fits in; NIST SP 800-63B-4 2.2.3 wants one hour at most where two factors are used."""
CLIENT_IDLE = timedelta(minutes=15)
HALF_WAY_LASTS = timedelta(minutes=15)

REFUSED_AFTER = timedelta(seconds=0.3)
"""Longer than looking at the passwords of an address takes on an idle machine (75 ms each)."""


class SignInFailed(Refusal):
    """Wrong address or wrong password; which one is not told (SPEC A4)."""

    def __init__(self, message: Sentence = "The email address or the password is wrong.") -> None:
        super().__init__(message)


class SignInAgain(Refusal):
    """The step before was too long ago, or happened elsewhere."""

    def __init__(self) -> None:
        super().__init__("This took too long, or was begun in another browser. Begin again.")


class Awaits(StrEnum):
    """What stands between somebody and a session, or a new password."""

    FACTOR = "factor"
    ENROLMENT = "enrolment"
    """Staff without a second factor adds one first (SPEC A2)."""
    LINK = "link"
    """Before that, staff who have lost every second factor show the link of an administrator's mail."""
    FACTOR_FOR_RESET = "factor for reset"
    NEW_PASSWORD = "new password"  # noqa: S105 - a step, not a password


SHOWS_LINK = {Surface.CHART: Awaits.LINK, Surface.PORTAL: Awaits.FACTOR}
"""Where the link to new second factors is shown. A client's old ones count until then (docs/decisions/053); who is half
way to a new password has shown the mailbox alone, and shows no second mail for a factor."""


@dataclass(frozen=True)
class SignedIn:
    token: Token = field(repr=False)
    device: str | None = field(repr=False)
    """For the browser or app to keep: strangers who guess cannot keep its owner out. None while half way."""
    awaits: Awaits | None = None


@dataclass(frozen=True)
class HalfWay:
    """Somebody whose password, or link, was right, and who is not signed in yet."""

    practice: PracticeId
    actor: Actor
    awaits: Awaits


SignedInPerson: TypeAlias = StaffMember | PortalUser


# -- signing in


async def sign_in(
    database: Database, surface: Surface, visitor: Visitor, email: str, password: str, *, replacing: str = ""
) -> SignedIn:
    """Start a session for whoever has this address and password; `replacing` is the browser's older one, which ends.

    Raises `SignInFailed`, or `TooManyTries` without a look at the password.
    """
    found = await _verified(database, surface, visitor, email, password)
    async with database.practice(found.practice) as transaction:
        return await begin(transaction, surface, visitor, found.practice, found.party, replacing=replacing)


async def begin(
    transaction: Transaction,
    surface: Surface,
    visitor: Visitor,
    practice: PracticeId,
    party: Actor,
    *,
    how: str = "password",
    two_factors: bool = False,
    replacing: str = "",
) -> SignedIn:
    """A session for somebody who has shown one factor: half way, if a second one is wanted; or two."""
    await transaction.execute(END_ANY, opaque.digest(replacing))
    if two_factors:
        return await whole(transaction, visitor, practice, party, how)
    if (await second_factor.of(transaction, party)).any:
        return await half(transaction, practice, party, Awaits.FACTOR)
    if surface is Surface.CHART:
        link = await second_factor.needs_link(transaction, party)
        return await half(transaction, practice, party, Awaits.LINK if link else Awaits.ENROLMENT)
    return await whole(transaction, visitor, practice, party, how)


async def half(transaction: Transaction, practice: PracticeId, party: Actor, awaits: Awaits) -> SignedIn:
    return SignedIn(await _start(transaction, practice, party, awaits), None, awaits)


async def whole(transaction: Transaction, visitor: Visitor, practice: PracticeId, party: Actor, how: str) -> SignedIn:
    """A session for somebody who has shown everything that is wanted."""
    if Surface.PORTAL.has(party) and await second_factor.end_link(transaction, party):
        await audit.record(transaction, practice, party, Action.KEPT_FACTORS)
    await audit.record(transaction, practice, party, Action.SIGNED_IN, how=how)
    await transaction.execute(NOTE_SIGNED_IN, party)
    device = await visitors.remember(transaction, practice, party, visitor)
    return SignedIn(await _start(transaction, practice, party, None, visitor.agent), device)


async def half_way(database: Database, surface: Surface, token: str) -> HalfWay:
    """Who is half way with this token; raises `SignInAgain` for everything else."""
    practice = await _practice(database, token)
    if practice is not None:
        async with database.practice(practice) as transaction:
            row = await transaction.fetchrow(HALF_WAY, opaque.digest(token), HALF_WAY_LASTS)
        if row and surface.has(row["party"]):
            return HalfWay(practice, Actor(row["party"]), Awaits(row["awaits"]))
    raise SignInAgain


async def show_code(
    database: Database, keyring: Keyring, surface: Surface, visitor: Visitor, token: str, typed: str
) -> SignedIn:
    """Go on with a code of the app or a recovery code; raises `WrongCode`."""
    who = await half_way(database, surface, token)
    try:
        await check_code(database, keyring, who.practice, who.actor, visitor, typed)
    except WrongCode:
        await refused.note(database, who.practice, who.actor, visitor, "code")
        raise
    except TooManyTries:
        await refused.note_some(database, who.practice, who.actor, visitor, "code, held up")
        raise
    return await _go_on(database, visitor, who, token, "password and code")


async def show_passkey(
    database: Database, site: RelyingParty, visitor: Visitor, token: str, answer: Mapping[str, Any]
) -> SignedIn:
    """The same with a passkey; raises `PasskeyRefused`."""
    who = await half_way(database, site.surface, token)
    try:
        await passkey.check(database, site, answer, who.actor)
    except PasskeyRefused:
        await refused.note(database, who.practice, who.actor, visitor, "passkey")
        raise
    return await _go_on(database, visitor, who, token, "password and passkey")


async def show_link(database: Database, surface: Surface, visitor: Visitor, token: str, link: str) -> SignedIn:
    """Go on to new second factors with the link of the practice's mail; raises `LinkEnded`, or `TooManyTries`."""
    who = await half_way(database, surface, token)
    if who.awaits is not SHOWS_LINK[surface]:
        raise SignInAgain
    try:
        purse = await _code_purse(database, who.actor, visitor)
        await throttle.spend(database, purse)
        async with database.practice(who.practice) as transaction:
            await second_factor.check_link(transaction, who.actor, link)
            await end_half_way(transaction, token)
            through = await half(transaction, who.practice, who.actor, Awaits.ENROLMENT)
    except LinkEnded:
        await refused.note(database, who.practice, who.actor, visitor, "link to new second factors")
        raise
    except TooManyTries:
        await refused.note_some(database, who.practice, who.actor, visitor, "link to new second factors, held up")
        raise
    await throttle.give_back(database, purse)
    return through


async def enrolled(database: Database, surface: Surface, visitor: Visitor, token: str) -> SignedIn:
    """Go on after the first factor was added, or the one in place of all that were lost."""
    who = await half_way(database, surface, token)
    async with database.practice(who.practice) as transaction:
        if who.awaits is not Awaits.ENROLMENT or not (await second_factor.of(transaction, who.actor)).any:
            raise SignInAgain
        await end_half_way(transaction, token)
        if await second_factor.end_link(transaction, who.actor):
            await audit.record(transaction, who.practice, who.actor, Action.REPLACED_FACTORS)
        return await whole(transaction, visitor, who.practice, who.actor, "password and a new second factor")


async def sign_in_with_passkey(
    database: Database, site: RelyingParty, visitor: Visitor, answer: Mapping[str, Any], *, replacing: str = ""
) -> SignedIn:
    """Start a session by a passkey alone, which is two factors in one. No stranger's guesses can hold it up."""
    try:
        used = await passkey.check(database, site, answer)
    except PasskeyRefused:
        if whose := await passkey.owner(database, site, answer):
            await refused.note_some(database, whose.practice, whose.party, visitor, "passkey")
        raise
    async with database.practice(used.practice) as transaction:
        return await begin(
            transaction,
            site.surface,
            visitor,
            used.practice,
            used.party,
            how="passkey",
            two_factors=True,
            replacing=replacing,
        )


async def _go_on(database: Database, visitor: Visitor, who: HalfWay, token: str, how: str) -> SignedIn:
    async with database.practice(who.practice) as transaction:
        # of two who go on at once with one token, one does
        if await transaction.fetchval(END, opaque.digest(token)) is None:
            raise SignInAgain
        if who.awaits is Awaits.FACTOR_FOR_RESET:
            return await half(transaction, who.practice, who.actor, Awaits.NEW_PASSWORD)
        return await whole(transaction, visitor, who.practice, who.actor, how)


async def check_code(
    database: Database, keyring: Keyring, practice: PracticeId, party: Actor, visitor: Visitor, typed: str
) -> None:
    """Raise `WrongCode`, or `TooManyTries` without a look at it."""
    purse = await _code_purse(database, party, visitor)
    await throttle.spend(database, purse)
    async with database.practice(practice) as transaction:
        await second_factor.check_code(transaction, keyring, party, typed)
    await throttle.give_back(database, purse)


async def _code_purse(database: Database, party: Actor, visitor: Visitor) -> Purse:
    async with database.anyone() as transaction:
        known_device = await visitors.is_known(transaction, visitor, [party])
    return throttle.CODE_ON_DEVICE.of(party, visitor.device) if known_device else throttle.CODE.of(party)


# -- showing it again


async def authenticate_again(
    database: Database,
    keyring: Keyring,
    user: SignedInPerson,
    visitor: Visitor,
    token: str,
    password: str,
    code: str = "",
) -> None:
    """Make the session fresh for signing, by the password of its own account and its second factor, if it has one."""
    await check_password(database, user, password)
    async with database.practice(user.practice) as transaction:
        factors = await second_factor.of(transaction, user.actor)
    if factors.any:
        await check_code(database, keyring, user.practice, user.actor, visitor, code)
    await _make_fresh(database, user, token)


async def authenticate_again_with_passkey(
    database: Database, site: RelyingParty, user: SignedInPerson, token: str, answer: Mapping[str, Any]
) -> None:
    await passkey.check(database, site, answer, user.actor)
    await _make_fresh(database, user, token)


async def check_password(database: Database, user: SignedInPerson, password: str) -> Person:
    """Raise `SignInFailed` unless it is the password of whoever is signed in."""
    purse = throttle.PASSWORD_AGAIN.of(user.actor)
    await throttle.spend(database, purse)
    async with database.practice(user.practice) as transaction:
        whose = await person.find(transaction, user.actor)
    if not await passwords.matches(whose.password_hash, password):
        raise SignInFailed("The password is wrong.")
    await throttle.give_back(database, purse)
    return whose


async def _make_fresh(database: Database, user: SignedInPerson, token: str) -> None:
    async with database.practice(user.practice) as transaction:
        await transaction.execute(MAKE_FRESH, opaque.digest(token))


# -- whose it is


async def staff_member(database: Database, token: str) -> StaffMember | None:
    """Whose session it is, or None for a foreign, ended or expired token."""
    practice = await _practice(database, token)
    if practice is None:
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(STAFF_OF_SESSION, opaque.digest(token), LONGEST, STAFF_IDLE)
        return StaffMember(**{**row, "role": Role(row["role"])}) if row else None


async def portal_user(database: Database, token: str) -> PortalUser | None:
    """Whose session it is, or None for a foreign, ended or expired token."""
    practice = await _practice(database, token)
    if practice is None:
        return None
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(ACCOUNT_OF_SESSION, opaque.digest(token), LONGEST, CLIENT_IDLE)
        return PortalUser(**row) if row else None


@dataclass(frozen=True)
class Left:
    """How long a session goes on: without anything being done, and whatever is done."""

    party: Actor
    idle: timedelta
    longest: timedelta


async def left(database: Database, surface: Surface, token: str) -> Left | None:
    """Looking at it does not prolong it."""
    practice = await _practice(database, token)
    if practice is None:
        return None
    idle = STAFF_IDLE if surface is Surface.CHART else CLIENT_IDLE
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(LEFT, opaque.digest(token), LONGEST, idle)
    return Left(**row) if row and surface.has(row["party"]) else None


@dataclass(frozen=True)
class Session:
    """As its owner sees it."""

    id: UUID
    agent: str = field(repr=False)
    created_at: datetime
    seen_at: datetime
    this: bool
    """It is the one that asks."""


async def of(transaction: Transaction, user: SignedInPerson, token: str) -> list[Session]:
    """Where somebody is signed in, the newest first."""
    idle = STAFF_IDLE if isinstance(user, StaffMember) else CLIENT_IDLE
    return [Session(**row) for row in await transaction.fetch(OF, user.actor, LONGEST, idle, opaque.digest(token))]


# -- ending


async def end(database: Database, who: SignedInPerson, token: str) -> None:
    """Sign out."""
    async with database.practice(who.practice) as transaction:
        await transaction.execute(END, opaque.digest(token))
        await audit.record(transaction, who.practice, who.actor, Action.SIGNED_OUT)


async def end_one(transaction: Transaction, who: SignedInPerson, session_id: UUID) -> None:
    """Sign oneself out elsewhere."""
    if await transaction.fetchval(END_ONE, who.actor, session_id) is None:
        raise NotFound("This session has ended already.")
    await audit.record(transaction, who.practice, who.actor, Action.SIGNED_OUT_ELSEWHERE)


async def end_others(transaction: Transaction, who: SignedInPerson, token: str) -> None:
    await transaction.execute(END_OTHERS, who.actor, opaque.digest(token))
    await audit.record(transaction, who.practice, who.actor, Action.SIGNED_OUT_ELSEWHERE)


async def end_half_way(transaction: Transaction, token: str) -> None:
    """Its last step is done; `SignInAgain` if somebody else has just done it."""
    if await transaction.fetchval(END, opaque.digest(token)) is None:
        raise SignInAgain


async def end_all(transaction: Transaction, party: Actor) -> None:
    """Sign somebody out everywhere, because what they may has changed (SPEC A3)."""
    await transaction.execute(END_ALL, party)


# -- what all of it is made of


@dataclass(frozen=True)
class _Found:
    practice: PracticeId
    party: Actor
    password_hash: str = field(repr=False)


async def _verified(database: Database, surface: Surface, visitor: Visitor, email: str, password: str) -> _Found:
    """One address may have an account in several practices; the password says which."""
    people = await people_by_email(database, surface, email)
    purses = await _purses(database, surface, visitor, email, people)
    async with _refused_alike():
        try:
            await throttle.spend(database, *purses)
        except TooManyTries:
            for one in people:
                await refused.note_some(database, one.practice, one.party, visitor, "password, held up")
            raise
        for one in people:
            if await passwords.matches(one.password_hash, password):
                await throttle.give_back(database, *purses)
                return one
        if not people:
            await passwords.matches(None, password)
        for one in people:
            await refused.note(database, one.practice, one.party, visitor, "password")
        raise SignInFailed


async def people_by_email(database: Database, surface: Surface, email: str) -> list[_Found]:
    async with database.anyone() as transaction:
        rows = await transaction.fetch(BY_EMAIL[surface], email.strip())
    return [_Found(PracticeId(row["practice_id"]), surface.party(row["id"]), row["password_hash"]) for row in rows]


async def _purses(
    database: Database, surface: Surface, visitor: Visitor, email: str, people: list[_Found]
) -> tuple[Purse, ...]:
    async with database.anyone() as transaction:
        known_device = await visitors.is_known(transaction, visitor, [one.party for one in people])
    return throttle.for_password(surface, email, visitor, known_device=known_device)


@asynccontextmanager
async def _refused_alike() -> AsyncIterator[None]:
    """A refusal takes the same time, however many accounts were looked at and whatever was written of it."""
    clock = asyncio.get_running_loop().time
    until = clock() + REFUSED_AFTER.total_seconds()
    try:
        yield
    except Refusal:
        await asyncio.sleep(until - clock())
        raise


async def _practice(database: Database, token: str) -> PracticeId | None:
    async with database.anyone() as transaction:
        practice: PracticeId | None = await transaction.fetchval(PRACTICE_OF_SESSION, opaque.digest(token))
        return practice


async def _start(
    transaction: Transaction, practice: PracticeId, party: Actor, awaits: Awaits | None, agent: str = ""
) -> Token:
    token = Token(opaque.new())
    await transaction.execute(FORGET_OVER, party, LONGEST, HALF_WAY_LASTS)
    await transaction.execute(START, opaque.digest(token), practice, party, awaits, agent)
    return token


STAFF_BY_EMAIL = SQL("select id, practice_id, password_hash from staff_by_email($1)")

ACCOUNT_BY_EMAIL = SQL("select id, practice_id, password_hash from account_by_email($1)")

BY_EMAIL = {Surface.CHART: STAFF_BY_EMAIL, Surface.PORTAL: ACCOUNT_BY_EMAIL}

PRACTICE_OF_SESSION = SQL("select practice_of_session($1)")

START = SQL("""
insert into session (token_sha256, practice_id, staff_id, account_id, awaits, agent) values (
    $1, $2, substring($3::text from '^staff:(.*)')::uuid, substring($3::text from '^account:(.*)')::uuid, $4, $5
)
""")

NOTE_SIGNED_IN = SQL("update staff set signed_in_at = now() where party = $1")

FORGET_OVER = SQL("""
delete from session where party = $1
and (created_at <= now() - $2::interval or (awaits is not null and created_at <= now() - $3::interval))
""")

HALF_WAY = SQL("""
select party, awaits from session
where token_sha256 = $1 and awaits is not null and created_at > now() - $2::interval
""")

MAKE_FRESH = SQL("update session set authenticated_at = now(), seen_at = now() where token_sha256 = $1")

END = SQL("delete from session where token_sha256 = $1 returning true")

END_ANY = SQL("select end_session($1)")

END_ONE = SQL("delete from session where party = $1 and id = $2 and awaits is null returning true")

END_OTHERS = SQL("delete from session where party = $1 and token_sha256 <> $2")

END_ALL = SQL("delete from session where party = $1")

# seen_at moves at most every half minute, so that reading a page does not write a row each time
_SEEN = """
with seen as (
    update session set seen_at = now() where token_sha256 = $1 and created_at > now() - $2::interval
    and seen_at > now() - $3::interval and seen_at < now() - interval '30 seconds' and awaits is null
)
"""
_LIVES = "s.awaits is null and s.created_at > now() - $2::interval and s.seen_at > now() - $3::interval"
_ALIVE = "s.token_sha256 = $1 and " + _LIVES

STAFF_OF_SESSION = SQL(
    _SEEN
    + "select s.practice_id as practice, t.id, t.role, s.authenticated_at, t.name, t.language, p.timezone "
    + "from session s join staff t on t.id = s.staff_id and t.ended_at is null "
    + "join practice p on p.id = s.practice_id where "
    + _ALIVE
)

ACCOUNT_OF_SESSION = SQL(
    _SEEN
    + "select s.practice_id as practice, a.id, s.authenticated_at, a.name, a.language, p.timezone "
    + "from session s join portal_account a on a.id = s.account_id join practice p on p.id = s.practice_id where "
    + _ALIVE
)

LEFT = SQL(
    "select s.party, s.seen_at + $3::interval - now() as idle, s.created_at + $2::interval - now() as longest "
    + "from session s where "
    + _ALIVE
)

OF = SQL(
    "select s.id, s.agent, s.created_at, s.seen_at, s.token_sha256 = $4 as this from session s where s.party = $1 and "
    + _LIVES
    + " order by s.created_at desc"
)
