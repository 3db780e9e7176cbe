"""One's own account: password, second factors, sessions; changed by whoever has just shown who they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from activities.reset import Occasion
from api.resources import Resources
from api.stories import reset as links
from chart import audit
from chart.audit import Action
from chart.refusals import FreshSignInNeeded
from chart.request import FRESH_FOR
from identity import passkey, person, recovery, reset, second_factor, session
from identity import visitor as visitors
from identity.caller import PortalUser, StaffMember, Surface
from identity.person import Person
from identity.second_factor import Factors, Offered
from identity.session import HalfWay, Session, SignedIn, SignedInPerson
from identity.visitor import Visitor

Who: TypeAlias = StaffMember | PortalUser | HalfWay
"""Signed in; or half way, and adding the first factor, or one in place of all that were lost."""


@dataclass(frozen=True)
class Account:
    person: Person
    factors: Factors
    sessions: list[Session]
    fresh: bool
    """The sign-in is fresh enough to change anything."""


def is_fresh(who: Who) -> bool:
    return isinstance(who, HalfWay) or datetime.now(UTC) - who.authenticated_at <= FRESH_FOR


def check_fresh(who: Who) -> None:
    """Raise `FreshSignInNeeded`, so that a browser somebody has left open gives nothing away for good."""
    if not is_fresh(who):
        raise FreshSignInNeeded("For your safety, show again that it is you. Then go on.")


async def overview(resources: Resources, who: SignedInPerson, token: str) -> Account:
    async with resources.database.practice(who.practice) as transaction:
        return Account(
            await person.find(transaction, who.actor),
            await second_factor.of(transaction, who.actor),
            await session.of(transaction, who, token),
            is_fresh(who),
        )


async def factors(resources: Resources, who: SignedInPerson) -> Factors:
    async with resources.database.practice(who.practice) as transaction:
        return await second_factor.of(transaction, who.actor)


async def change_password(
    resources: Resources, who: SignedInPerson, visitor: Visitor, current: str, new: str
) -> SignedIn:
    """Every session and mailed link ends, and every device is forgotten; this browser gets a new session at once."""
    check_fresh(who)
    whose = await session.check_password(resources.database, who, current)
    async with resources.database.practice(who.practice) as transaction:
        least = (await second_factor.of(transaction, who.actor)).least
        await person.set_password(transaction, whose, new, least=least)
        await reset.end_links(transaction, who.actor)
        await visitors.forget_devices(transaction, who.actor)
        await audit.record(transaction, who.practice, who.actor, Action.CHANGED_PASSWORD)
        return await session.whole(transaction, visitor, who.practice, who.actor, "changed password")


# -- second factors


async def offer_authenticator(resources: Resources, who: Who) -> Offered:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        whose = await person.find(transaction, who.actor)
        return await second_factor.offer_authenticator(transaction, resources.keyring, whose)


async def add_authenticator(resources: Resources, who: Who, typed: str) -> None:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        whose = await person.find(transaction, who.actor)
        add = second_factor.replace_by_authenticator if isinstance(who, HalfWay) else second_factor.add_authenticator
        await add(transaction, resources.keyring, whose, typed)


async def offer_passkey(resources: Resources, surface: Surface, who: Who) -> dict[str, Any]:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        whose = await person.find(transaction, who.actor)
        return await passkey.offer(transaction, resources.site(surface), whose)


async def add_passkey(
    resources: Resources, surface: Surface, who: Who, visitor: Visitor, answer: Mapping[str, Any]
) -> None:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        whose = await person.find(transaction, who.actor)
        if isinstance(who, HalfWay):
            await second_factor.forget(transaction, who.actor)
        await passkey.add(transaction, resources.site(surface), whose, answer, visitor.agent)
        await audit.record(transaction, who.practice, who.actor, Action.ADDED_FACTOR, factor="passkey")


async def enrolled(resources: Resources, surface: Surface, visitor: Visitor, token: str) -> SignedIn:
    """Go on after the factor was added. A client, who had others before, is told by mail."""
    who = await session.half_way(resources.database, surface, token)
    signed_in = await session.enrolled(resources.database, surface, visitor, token)
    if surface is Surface.PORTAL:
        await links.tell(resources, who.practice, who.actor, Occasion.FACTORS_REPLACED)
    return signed_in


async def remove_authenticator(resources: Resources, surface: Surface, who: SignedInPerson) -> None:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        await second_factor.remove_authenticator(transaction, surface, who.actor)


async def remove_passkey(resources: Resources, surface: Surface, who: SignedInPerson, credential_id: bytes) -> None:
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        await second_factor.remove_passkey(transaction, surface, who.actor, credential_id)


async def make_recovery_codes(resources: Resources, who: SignedInPerson) -> list[str]:
    """Ten new ones; those before end."""
    check_fresh(who)
    async with resources.database.practice(who.practice) as transaction:
        codes = await recovery.make(transaction, who.practice, who.actor)
        await audit.record(transaction, who.practice, who.actor, Action.MADE_RECOVERY_CODES)
        return codes


# -- where one is signed in


async def end_session(resources: Resources, who: SignedInPerson, session_id: UUID) -> None:
    async with resources.database.practice(who.practice) as transaction:
        await session.end_one(transaction, who, session_id)


async def end_other_sessions(resources: Resources, who: SignedInPerson, token: str) -> None:
    async with resources.database.practice(who.practice) as transaction:
        await session.end_others(transaction, who, token)
