"""How the practice works, and in which language somebody reads."""

from typing import Any

from api.resources import Resources
from chart import audit, client, practice
from chart.audit import Action
from chart.ids import ClientId
from chart.practice import LANGUAGES, Practice
from chart.refusals import Unacceptable
from identity import account, person
from identity.account import Preferences
from identity.caller import PortalUser, PracticeSide
from identity.session import SignedInPerson


async def read_practice(resources: Resources, caller: PracticeSide) -> Practice:
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        return await practice.current(transaction)


async def change_practice(resources: Resources, caller: PracticeSide, changes: dict[str, Any]) -> Practice:
    """Time zone, language, reminders, expiry, age of majority; requests that are open stay as they were asked."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        changed = await practice.change(transaction, changes)
        await audit.record(
            transaction, caller.practice, caller.actor, Action.CHANGED_PRACTICE, changed=", ".join(sorted(changes))
        )
        return changed


async def set_client_timezone(
    resources: Resources, caller: PracticeSide, client_id: ClientId, timezone: str | None
) -> None:
    """Where the client lives, for the daytime of reminders; None: where the practice is."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        await client.set_timezone(transaction, client_id, timezone)
        await audit.record(transaction, caller.practice, caller.actor, Action.CHANGED_TIMEZONE, chart=client_id)


async def set_language(resources: Resources, who: SignedInPerson, language: str) -> None:
    """In which an account reads its pages and gets its mail (SPEC N5)."""
    if language not in LANGUAGES:
        raise Unacceptable("The languages are en and es.")
    async with resources.database.practice(who.practice) as transaction:
        await person.set_language(transaction, who.actor, language)
        await audit.record(transaction, who.practice, who.actor, Action.CHANGED_LANGUAGE, language=language)


async def preferences(resources: Resources, user: PortalUser) -> Preferences:
    async with resources.database.practice(user.practice) as transaction:
        return await account.preferences(transaction, user.id)


async def set_reminders(resources: Resources, user: PortalUser, wanted: bool) -> None:
    """Whether reminders come, where the practice lets clients choose. Of a request itself everybody is told."""
    async with resources.database.practice(user.practice) as transaction:
        if await account.set_reminders(transaction, user.id, wanted):
            await audit.record(transaction, user.practice, user.actor, Action.CHANGED_REMINDERS, wanted=int(wanted))
