"""Throttling: guessing is hopeless, and no stranger can lock somebody out (SPEC A4).

What may be tried is a budget that fills up again as time passes. Postgres keeps it, so that any number of API processes
agree. It is spent before the guess is looked at and given back when the guess was right, so many guesses at once
get no further than one after another.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from chart.refusals import Refusal
from chart.text import Sentence
from gateways.postgres import SQL, Database
from identity.visitor import Visitor


class TooManyTries(Refusal):
    """A budget is used up for now; `wait` says for how long."""

    def __init__(self, wait: timedelta, way_out: str = "") -> None:
        minutes = max(1, round(wait.total_seconds() / 60))
        super().__init__(
            "Too many tries. Try again in 1 minute{way_out}."
            if minutes == 1
            else "Too many tries. Try again in {minutes} minutes{way_out}.",
            minutes=minutes,
            way_out=way_out,
        )
        self.wait = wait


@dataclass(frozen=True)
class Budget:
    name: str
    at_once: int
    every: timedelta
    """One more try after each of these."""
    way_out: str = ""
    """What else there is than to wait."""

    def of(self, *whose: str) -> "Purse":
        return Purse(self, whose)


@dataclass(frozen=True)
class Purse:
    """The budget of one account, network or device."""

    budget: Budget
    whose: tuple[str, ...] = field(repr=False)

    @property
    def key(self) -> bytes:
        return hashlib.sha256("\0".join((self.budget.name, *self.whose)).encode()).digest()


_ON_KNOWN_DEVICE: Sentence = ", or sign in on a device that you have used before"
_OTHER_WAYS: Sentence = ", sign in on a device that you have used before, or choose a new password by email"

PASSWORD_HERE = Budget("password, account and network", 10, timedelta(minutes=2), _OTHER_WAYS)
PASSWORD_ANYWHERE = Budget("password, account", 100, timedelta(minutes=15), _OTHER_WAYS)
"""Of all unknown devices together: NIST SP 800-63B-4 3.2.2 wants 100 failures at most."""
PASSWORD_ON_DEVICE = Budget("password, account and device", 20, timedelta(minutes=1))
PASSWORDS_FROM_NETWORK = Budget("password, network", 100, timedelta(seconds=5), _OTHER_WAYS)
"""Against one password tried on many accounts."""
PASSWORD_AGAIN = Budget("password again", 10, timedelta(minutes=1))
"""By whoever is signed in."""
CODE = Budget("second factor, account", 5, timedelta(minutes=3), _ON_KNOWN_DEVICE)
"""By whoever knows the password, on unknown devices: a code of three in a million counts."""
CODE_ON_DEVICE = Budget("second factor, account and device", 10, timedelta(minutes=1))
RESETS = Budget("reset, network", 30, timedelta(seconds=20))
RESET_MAILS = Budget("reset, account", 3, timedelta(minutes=20))
"""As many as can be good at one time: what a stranger asks for still serves the owner."""
NEW_FACTORS = Budget("new second factors, account", 3, timedelta(minutes=20))
"""By staff: each one ends the sessions of the account and mails it a link."""
PASSKEY_QUESTIONS = Budget("passkey, network", 100, timedelta(seconds=1))
SIGN_ONS = Budget("single sign-on, network", 60, timedelta(seconds=2))
REGISTRATIONS = Budget("registration, network", 100, timedelta(seconds=5))
VERIFICATIONS = Budget("verification, network", 30, timedelta(seconds=2))
NOTES = Budget("note of a refusal, account", 3, timedelta(minutes=10))
"""Of entries in the audit log about what is held up already, or cannot be guessed."""


def for_password(surface: str, email: str, visitor: Visitor, *, known_device: bool) -> tuple[Purse, ...]:
    """What a password costs. A known device has a budget of its own, which nobody else can use up."""
    account = (surface, email.strip().lower())
    if known_device:
        return (PASSWORD_ON_DEVICE.of(*account, visitor.device),)
    return (
        PASSWORD_HERE.of(*account, visitor.network),
        PASSWORD_ANYWHERE.of(*account),
        PASSWORDS_FROM_NETWORK.of(visitor.network),
    )


async def spend(database: Database, *purses: Purse) -> None:
    """Take one try out of each, or none and raise `TooManyTries`."""
    # in one order everywhere, so that two tries at once never wait for each other
    async with database.anyone() as transaction:
        for purse in sorted(purses, key=lambda one: one.key):
            budget = purse.budget
            if not await transaction.fetchval(SPEND, purse.key, budget.every, budget.every * budget.at_once):
                raise TooManyTries(
                    await transaction.fetchval(WAIT, purse.key, budget.every, budget.every * budget.at_once),
                    budget.way_out,
                )
        await transaction.execute(FORGET_SOME)


async def give_back(database: Database, *purses: Purse) -> None:
    """What was tried was right."""
    async with database.anyone() as transaction:
        for purse in sorted(purses, key=lambda one: one.key):
            await transaction.execute(GIVE_BACK, purse.key, purse.budget.every)


SPEND = SQL("""
insert into throttle as t (key, spent_until) values ($1, now() + $2::interval)
on conflict (key) do update set spent_until = greatest(t.spent_until, now()) + $2::interval
where greatest(t.spent_until, now()) + $2::interval <= now() + $3::interval
returning true
""")

WAIT = SQL(
    "select greatest(spent_until + $2::interval - $3::interval - now(), interval '0') from throttle where key = $1"
)

GIVE_BACK = SQL("update throttle set spent_until = spent_until - $2::interval where key = $1")

# a few at a time, so that the table stays small without a job of its own; rows that others hold are left alone
FORGET_SOME = SQL("""
delete from throttle where key in (
    select key from throttle where spent_until < now() limit 5 for update skip locked
)
""")
