"""A browser or app before it is known who uses it: where it calls from, and whether somebody signed in on it before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from chart.audit import Actor
from chart.ids import PracticeId
from chart.text import N_
from gateways.postgres import SQL, Transaction
from identity import opaque


@dataclass(frozen=True)
class Visitor:
    network: str = field(repr=False)
    device: str = field(default="", repr=False)
    """The token that the last sign-in left on it; empty for none."""
    agent: str = field(default="", repr=False)
    """Browser and system in plain words, e.g. `Firefox on Linux`."""


MOST = 20
"""Devices of one person that are known; the one that was not seen for longest is forgotten first."""

UNKNOWN = Visitor("unknown")
"""Whose network nobody knows; all of them together have the budget of one."""


def network_of(address: str) -> str:
    """What one household or office calls from: an IPv4 address, or the first 56 bits of an IPv6 one (RIPE-690)."""
    try:
        found = ip_address(address)
    except ValueError:
        return UNKNOWN.network
    if found.version == 6 and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ip_network((found, 56), strict=False)) if found.version == 6 else str(found)


_BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def agent_of(user_agent: str) -> str:
    """`Firefox on Linux`, so that people know their own devices again; no more of it is kept."""
    browser = next((name for word, name in _BROWSERS if word in user_agent), N_("Another program"))
    system = next((name for word, name in _SYSTEMS if word in user_agent), None)
    return f"{browser} on {system}" if system else browser


async def is_known(transaction: Transaction, visitor: Visitor, parties: Sequence[Actor]) -> bool:
    """Whether one of `parties` has signed in on this device."""
    known: bool = await transaction.fetchval(IS_KNOWN, opaque.digest(visitor.device), list(parties))
    return known


async def remember(transaction: Transaction, practice: PracticeId, party: Actor, visitor: Visitor) -> str:
    """The token that the device keeps from now on; whoever signed in on it before is still known there."""
    device = visitor.device if re.fullmatch(r"[\w-]{43}", visitor.device) else opaque.new()
    await transaction.execute(REMEMBER, opaque.digest(device), practice, party)
    await transaction.execute(FORGET_OLDEST, party, MOST)
    return device


async def forget_devices(transaction: Transaction, party: Actor) -> None:
    """Everywhere, because somebody else may have known the password."""
    await transaction.execute(FORGET, party)


IS_KNOWN = SQL("select is_known_device($1, $2::text[])")

REMEMBER = SQL("""
insert into device (token_sha256, practice_id, party) values ($1, $2, $3)
on conflict (token_sha256, party) do update set seen_at = now()
""")

FORGET_OLDEST = SQL("""
delete from device where party = $1 and token_sha256 in (
    select token_sha256 from device where party = $1 order by seen_at desc, token_sha256 offset $2
)
""")

FORGET = SQL("delete from device where party = $1")
