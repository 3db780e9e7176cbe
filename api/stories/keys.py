"""API keys: made, listed and revoked by an administrator in person."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from api.resources import Resources
from api.stories.accounts import check_fresh
from chart import audit
from chart.audit import Actor
from chart.refusals import NotAllowed
from identity import api_key, policy
from identity.api_key import ApiKey
from identity.caller import PracticeSide, Right, StaffMember


@dataclass(frozen=True)
class Keys:
    keys: list[ApiKey]
    names: dict[str, str] = field(repr=False)
    """Who made them."""


def _administrator(caller: PracticeSide) -> StaffMember:
    if not isinstance(caller, StaffMember):
        raise NotAllowed("An API key cannot look after API keys. An administrator does it, signed in to the chart.")
    policy.check(caller, Right.MANAGE_KEYS)
    return caller


async def list_keys(resources: Resources, caller: PracticeSide) -> Keys:
    admin = _administrator(caller)
    async with resources.database.practice(admin.practice) as transaction:
        found = await api_key.of_practice(transaction)
        names = await audit.names(transaction, {Actor(one.made_by) for one in found if one.made_by})
        return Keys(found, names)


async def make(resources: Resources, caller: PracticeSide, name: str, scopes: Set[Right], days: int) -> str:
    """The key; this is the only time that it can be read."""
    admin, lasts = _administrator(caller), timedelta(days=days)
    check_fresh(admin)
    api_key.check(name, scopes, lasts)
    async with resources.database.practice(admin.practice) as transaction:
        return await api_key.make(transaction, admin.practice, name, scopes, lasts=lasts, by=admin.actor)


async def revoke(resources: Resources, caller: PracticeSide, key_id: UUID) -> None:
    admin = _administrator(caller)
    async with resources.database.practice(admin.practice) as transaction:
        await api_key.revoke(transaction, admin.practice, key_id, by=admin.actor)
