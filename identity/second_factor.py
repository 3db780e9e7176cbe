"""Second factors: which ones somebody has, how they come and go, and whether one was shown (SPEC A2)."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chart import audit
from chart.audit import Action, Actor
from chart.ids import AccountId
from chart.refusals import Refusal
from chart.text import Sentence
from gateways.keys import Keyring
from gateways.postgres import SQL, Transaction
from identity import opaque, passkey, person, recovery, totp
from identity import password as passwords
from identity.caller import Surface
from identity.passkey import Passkey
from identity.person import Person

LINK_LASTS = timedelta(days=1)
"""Of the link to new second factors."""


class WrongCode(Refusal):
    """Wrong, too old, or used before; which one is not told."""

    def __init__(
        self,
        message: Sentence = "This code is wrong or was used before. "
        "Enter the one that your app shows now, or a recovery code.",
    ) -> None:
        super().__init__(message)


class LinkEnded(Refusal):
    """Unknown, used, or older than a day; which one is not told."""

    def __init__(self) -> None:
        super().__init__("This link is not the newest one, or has ended. Ask your practice to send a new one.")


@dataclass(frozen=True)
class Factors:
    authenticator: bool
    passkeys: tuple[Passkey, ...]
    recovery_codes: int
    """Not used yet."""

    @property
    def any(self) -> bool:
        return self.authenticator or bool(self.passkeys)

    @property
    def least(self) -> int:
        """Characters of a new password."""
        return passwords.LEAST_OF_TWO if self.any else passwords.LEAST

    @property
    def count(self) -> int:
        return self.authenticator + len(self.passkeys)


@dataclass(frozen=True)
class Offered:
    """A secret for an authenticator app that nobody has proved yet to have."""

    text: str = field(repr=False)
    address: str = field(repr=False)


async def of(transaction: Transaction, party: Actor) -> Factors:
    return Factors(
        await transaction.fetchval(HAS_AUTHENTICATOR, party) is not None,
        tuple(await passkey.of(transaction, party)),
        await recovery.left(transaction, party),
    )


# -- authenticator apps


async def offer_authenticator(transaction: Transaction, keyring: Keyring, one: Person) -> Offered:
    """The secret to put into an app; the same until it is proved, so that going back in the browser breaks nothing."""
    sealed = await transaction.fetchval(OFFERED, one.party)
    if sealed is None:
        sealed = keyring.encrypt(totp.new_secret(), one.party)
        await transaction.execute(OFFER, one.party, one.practice, sealed)
    secret = keyring.decrypt(sealed, one.party)
    return Offered(totp.text(secret), totp.address(secret, "Share to Sign", one.email))


async def add_authenticator(transaction: Transaction, keyring: Keyring, one: Person, typed: str) -> None:
    """Take the offered secret, proved by a code of it; an app that was there before ends."""
    sealed = await transaction.fetchval(OFFERED, one.party)
    step = totp.step_of(keyring.decrypt(sealed, one.party), _plain(typed), datetime.now(UTC)) if sealed else None
    if step is None:
        raise WrongCode("This is not the code that the app shows now. Enter the newest one of the app that you add.")
    await transaction.execute(TAKE, one.party, step)
    await audit.record(transaction, one.practice, one.party, Action.ADDED_FACTOR, factor="authenticator app")


async def replace_by_authenticator(transaction: Transaction, keyring: Keyring, one: Person, typed: str) -> None:
    """The same, and all else that there was ends: it was lost."""
    await add_authenticator(transaction, keyring, one, typed)
    await passkey.forget(transaction, one.party)
    await recovery.forget(transaction, one.party)


async def check_code(transaction: Transaction, keyring: Keyring, party: Actor, typed: str) -> None:
    """Raise `WrongCode` unless it is a code of their app, or one of their recovery codes, that was not used before."""
    plain = _plain(typed)
    right = await (
        _is_of_app(transaction, keyring, party, plain)
        if re.fullmatch(r"[0-9]{6}", plain)
        else recovery.use(transaction, party, plain)
    )
    if not right:
        raise WrongCode


async def _is_of_app(transaction: Transaction, keyring: Keyring, party: Actor, plain: str) -> bool:
    sealed = await transaction.fetchval(SECRET, party)
    step = totp.step_of(keyring.decrypt(sealed, party), plain, datetime.now(UTC)) if sealed else None
    # the row decides, so that of two who send one code at once only one gets in
    return step is not None and await transaction.fetchval(USE_STEP, party, step) is not None


def _plain(typed: str) -> str:
    return re.sub(r"[\s-]", "", typed).lower()


# -- taking factors away


async def remove_authenticator(transaction: Transaction, surface: Surface, party: Actor) -> None:
    await _check_may_lose_one(transaction, surface, party)
    if await transaction.fetchval(REMOVE_AUTHENTICATOR, party):
        await _removed(transaction, party, "authenticator app")


async def remove_passkey(transaction: Transaction, surface: Surface, party: Actor, credential_id: bytes) -> None:
    await _check_may_lose_one(transaction, surface, party)
    if await passkey.remove(transaction, party, credential_id):
        await _removed(transaction, party, "passkey")


async def _check_may_lose_one(transaction: Transaction, surface: Surface, party: Actor) -> None:
    await transaction.execute(HOLD, party)  # of two that go at once, the second sees that the first is gone
    if (await of(transaction, party)).count > 1:
        return
    if surface is Surface.CHART:
        raise Refusal("Staff signs in with a second factor. Add another one before you remove this.")
    if not (await person.find(transaction, party)).password_alone:
        raise Refusal("Your password is too short to stand alone. Choose one of 15 characters or more first.")


async def _removed(transaction: Transaction, party: Actor, factor: str) -> None:
    whose = await person.find(transaction, party)
    if not (await of(transaction, party)).any:
        await recovery.forget(transaction, party)
    await audit.record(transaction, whose.practice, party, Action.REMOVED_FACTOR, factor=factor)


# -- after all of them were lost


async def forget(transaction: Transaction, party: Actor) -> None:
    """All of them, whatever they are."""
    await transaction.execute(FORGET_AUTHENTICATOR, party)
    await passkey.forget(transaction, party)
    await recovery.forget(transaction, party)


async def make_link(transaction: Transaction, party: Actor) -> str:
    """The token of a way to new ones; the one before ends, as every session does (migrations 0053, 0056)."""
    token = opaque.new()
    await transaction.execute(FORGET_OFFERED, party)  # somebody whose session ends now may have read it
    await transaction.execute(MAKE_LINK, party, opaque.digest(token), LINK_LASTS)
    return token


async def helped(transaction: Transaction, accounts: Collection[AccountId]) -> dict[AccountId, datetime | None]:
    """Those of the accounts that have a second factor; and until when a link to a new one is good, if there is one."""
    return {row["id"]: row["until"] for row in await transaction.fetch(HELPED, list(accounts))}


async def needs_link(transaction: Transaction, party: Actor) -> bool:
    """Whether a link to new ones was mailed, and not used yet."""
    return await transaction.fetchval(NEEDS_LINK, party) is not None


async def has_link(transaction: Transaction, party: Actor) -> bool:
    """Whether it is good today."""
    return await transaction.fetchval(HAS_LINK, party) is not None


async def check_link(transaction: Transaction, party: Actor, token: str) -> None:
    """Raise `LinkEnded` unless it is the link that was mailed for this."""
    if await transaction.fetchval(IS_LINK, party, opaque.digest(token)) is None:
        raise LinkEnded


async def end_link(transaction: Transaction, party: Actor) -> bool:
    """It was used, or is not needed any more; False if there was none."""
    return await transaction.fetchval(END_LINK, party) is not None


HAS_AUTHENTICATOR = SQL("select true from authenticator where party = $1 and secret is not null")

SECRET = SQL("select secret from authenticator where party = $1")

OFFERED = SQL("select offered from authenticator where party = $1")

OFFER = SQL("""
insert into authenticator (party, practice_id, offered) values ($1, $2, $3)
on conflict (party) do update set offered = excluded.offered
""")

TAKE = SQL("""
update authenticator set secret = offered, offered = null, last_step = $2, made_at = now()
where party = $1 and offered is not null
""")

USE_STEP = SQL("update authenticator set last_step = $2 where party = $1 and last_step < $2 returning true")

HOLD = SQL("select pg_advisory_xact_lock(hashtextextended($1::text, 4))")

REMOVE_AUTHENTICATOR = SQL("delete from authenticator where party = $1 and secret is not null returning true")

FORGET_AUTHENTICATOR = SQL("delete from authenticator where party = $1")

FORGET_OFFERED = SQL("update authenticator set offered = null where party = $1")

# one of the two is the person's, here and in `END_LINK`
MAKE_LINK = SQL("""
with of_staff as (update staff set enrol_sha256 = $2, enrol_until = now() + $3::interval where party = $1)
update portal_account set enrol_sha256 = $2, enrol_until = now() + $3::interval where party = $1
""")

HELPED = SQL("""
select a.id, case when a.enrol_until > now() then a.enrol_until end as until from portal_account a
where a.id = any($1::uuid[]) and (
    exists (select from authenticator f where f.party = a.party and f.secret is not null)
    or exists (select from passkey k where k.party = a.party)
)
""")

NEEDS_LINK = SQL("select true from person where party = $1 and enrol_sha256 is not null")

HAS_LINK = SQL("select true from person where party = $1 and enrol_until > now()")

IS_LINK = SQL("select true from person where party = $1 and enrol_sha256 = $2 and enrol_until > now()")

END_LINK = SQL("""
with of_staff as (
    update staff set enrol_sha256 = null, enrol_until = null where party = $1 and enrol_sha256 is not null
    returning true
), of_clients as (
    update portal_account set enrol_sha256 = null, enrol_until = null where party = $1 and enrol_sha256 is not null
    returning true
)
select true from of_staff union all select true from of_clients
""")
