"""Staff and portal accounts alike: the person behind a sign-in."""

from dataclasses import dataclass, field

from chart.audit import Actor
from chart.ids import PracticeId
from gateways.postgres import SQL, Transaction
from identity import password as passwords


@dataclass(frozen=True)
class Person:
    party: Actor
    practice: PracticeId
    email: str = field(repr=False)
    name: str = field(repr=False)
    practice_name: str = field(repr=False)
    password_hash: str = field(repr=False)
    password_alone: bool
    """The password is long enough to be the only factor."""
    language: str

    @property
    def own_words(self) -> tuple[str, ...]:
        """What nobody may take for a password: whoever knows the person would try it first."""
        return (self.name, self.practice_name, self.email, *self.email.split("@"))


async def find(transaction: Transaction, party: Actor) -> Person:
    row = await transaction.fetchrow(FIND, party)
    assert row is not None, "whoever signs in has a row"
    return Person(**row)


async def set_password(transaction: Transaction, whose: Person, password: str, *, least: int) -> None:
    """The database ends every session of the person with it (migration 0021)."""
    password_hash = await passwords.hash_new(password, whose.own_words, least=least)
    await transaction.execute(SET_PASSWORD, whose.party, password_hash, passwords.stands_alone(password))


async def set_language(transaction: Transaction, party: Actor, language: str) -> None:
    """Of pages and mail."""
    await transaction.execute(SET_LANGUAGE, party, language)


FIND = SQL("""
select party, practice_id as practice, email, person.name, practice.name as practice_name, password_hash,
    password_alone, person.language
from person join practice on practice.id = practice_id where party = $1
""")

# one of the two is the person's
SET_PASSWORD = SQL("""
with of_staff as (update staff set password_hash = $2, password_alone = $3 where party = $1)
update portal_account set password_hash = $2, password_alone = $3 where party = $1
""")

SET_LANGUAGE = SQL("""
with of_staff as (update staff set language = $2 where party = $1)
update portal_account set language = $2 where party = $1
""")
