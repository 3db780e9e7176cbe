"""Passwords: Argon2id, and what a new one must be (NIST SP 800-63B-4 3.1.1)."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from chart.refusals import Unacceptable

LEAST = 15
"""Characters, where the password is the only factor."""
MOST = 256

# OWASP Password Storage: m=46 MiB, t=1, p=1
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_NOBODY = _hasher.hash("the password of nobody")


def check_new(password: str) -> None:
    """Raise `Unacceptable` with what to do; no composition rules."""
    if not LEAST <= len(password) <= MOST:
        raise Unacceptable(f"Choose a password of {LEAST} to {MOST} characters. A few words in a row are easy to keep.")
    if len(set(password)) < 5:
        raise Unacceptable("Choose a password with more different characters; this one is too easy to guess.")


async def hash_new(password: str) -> str:
    """The string to store; takes about 75 ms of another thread."""
    check_new(password)
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; as slow for an unknown account (None) as for a known one (SPEC A4)."""
    return await asyncio.to_thread(_matches, password_hash, password)


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except VerificationError:
        return False
