"""Signing in as people do: with the password of everybody in tests, and staff with the phone in the other hand."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import httpx2

from api.access import COOKIE
from chart.audit import Actor
from gateways.keys import Keyring, read_keys
from gateways.postgres import Transaction
from identity import person, second_factor, totp
from identity.caller import Surface
from settings import Settings

PASSWORD = "amber-canoe-lilac-heron"

ON_ITS_WAY = timedelta(seconds=10)
"""How long a busy machine may take from a code to the look at it."""

_keys: dict[str, bytes] = {}
"""Of the authenticator apps, by email address."""
_shown: dict[str, int] = {}
"""The step whose code was used last."""


def keyring(configured: Settings) -> Keyring:
    return Keyring(read_keys(configured.account_keys.get_secret_value(), "STS_ACCOUNT_KEYS"))


async def enrol(transaction: Transaction, configured: Settings, party: Actor) -> None:
    """Give somebody an authenticator app."""
    whose = await person.find(transaction, party)
    offered = await second_factor.offer_authenticator(transaction, keyring(configured), whose)
    has_app(whose.email, offered.text)
    await second_factor.add_authenticator(transaction, keyring(configured), whose, await code_of(whose.email))


def has_app(email: str, key: str) -> None:
    """From now on `code_of` knows this person's app; `key` as the page shows it."""
    _keys[email] = base64.b32decode(key.replace(" ", ""))


def has_app_of_the_demo(email: str, key: str) -> None:
    """The same of one that was added a moment ago with the code of the step before."""
    has_app(email, key)
    _shown.setdefault(email, totp.step_at(datetime.now(UTC)) - 1)


async def code_of(email: str) -> str:
    """A code that was not used yet, and counts for a while; waits for the next where one signs in very often."""
    while True:
        now = datetime.now(UTC)
        oldest = totp.step_at(now + ON_ITS_WAY) - totp.WINDOW
        step = max(oldest, _shown.get(email, 0) + 1)
        if step <= totp.step_at(now) + totp.WINDOW:
            _shown[email] = step
            return totp.code(_keys[email], step)
        await asyncio.sleep(0.5)


async def sign_in_staff(api: httpx2.AsyncClient, email: str) -> dict[str, str]:
    """The session cookie of staff, as a header: over plain HTTP to 127.0.0.1 a client keeps no secure cookie."""
    half = cookie_of(await api.post("/sign-in", data={"email": email, "password": PASSWORD}), Surface.CHART)
    answer = await api.post("/sign-in/second-factor", data={"code": await code_of(email)}, headers=half)
    return cookie_of(answer, Surface.CHART)


def cookie_of(answer: httpx2.Response, surface: Surface) -> dict[str, str]:
    """What the browser sends from now on; with the device's cookie, if there is one."""
    cookies = [one.split(";")[0] for one in answer.headers.get_list("set-cookie")]
    assert any(one.startswith(COOKIE[surface]) for one in cookies), answer.text
    return {"cookie": "; ".join(cookies)}
