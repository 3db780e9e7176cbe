"""What a stranger is refused who names an account or a key, in the log of the practice where that is (SPEC A6).

Nothing of the log is ever removed, so of what costs a stranger nothing to repeat only some of many is written. What
whoever is signed in is refused, `api.trail` records.
"""

from contextlib import suppress

from chart import audit
from chart.audit import Action, Actor
from chart.ids import PracticeId
from gateways.postgres import Database
from identity import throttle
from identity.throttle import TooManyTries
from identity.visitor import Visitor


async def note(database: Database, practice: PracticeId, party: Actor, visitor: Visitor, what: str) -> None:
    """In a transaction of its own: the one in which it was refused is rolled back."""
    async with database.practice(practice) as transaction:
        await audit.record(
            transaction,
            practice,
            audit.STRANGER,
            Action.SIGN_IN_REFUSED,
            account=party,
            network=visitor.network,
            what=what,
        )


async def note_some(database: Database, practice: PracticeId, party: Actor, visitor: Visitor, what: str) -> None:
    """The same of what is held up already, or cannot be guessed."""
    with suppress(TooManyTries):
        await throttle.spend(database, throttle.NOTES.of(party, what))
        await note(database, practice, party, visitor, what)
