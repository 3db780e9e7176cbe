"""API keys: made, listed and revoked by an administrator in person."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from api.resources import Resources
from api.stories.accounts import check_fresh
from chart import audit
from chart.audit import Actor
from identity import api_key
from identity.api_key import ApiKey
from identity.caller import Right, StaffMember


@dataclass(frozen=True)
class Keys:
    keys: list[ApiKey]
    names: dict[str, str] = field(repr=False)
    """Who made them."""


async def list_keys(resources: Resources, admin: StaffMember) -> Keys:
    async with resources.database.practice(admin.practice) as transaction:
        found = await api_key.of_practice(transaction)
        names = await audit.names(transaction, {Actor(one.made_by) for one in found if one.made_by})
        return Keys(found, names)


async def make(resources: Resources, admin: StaffMember, name: str, scopes: Set[Right], days: int) -> str:
    """The key; this is the only time that it can be read."""
    lasts = timedelta(days=days)
    check_fresh(admin)
    api_key.check(name, scopes, lasts)
    async with resources.database.practice(admin.practice) as transaction:
        return await api_key.make(transaction, admin.practice, name, scopes, lasts=lasts, by=admin.actor)


async def revoke(resources: Resources, admin: StaffMember, key_id: UUID) -> None:
    async with resources.database.practice(admin.practice) as transaction:
        await api_key.revoke(transaction, admin.practice, key_id, by=admin.actor)
