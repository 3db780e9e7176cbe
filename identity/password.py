"""Passwords: Argon2id, and what a new one must be (NIST SP 800-63B-4 3.1.1)."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from chart.refusals import Unacceptable

_Given = TypeVarTuple("_Given")
_Result = TypeVar("_Result")

LEAST = 15
"""Characters, where the password is the only factor."""
MOST = 256

# OWASP Password Storage: m=46 MiB, t=1, p=1
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_NOBODY = _hasher.hash("the password of nobody")

# of its own, so that nothing else that takes long can keep people from signing in
_threads = ThreadPoolExecutor(min(os.cpu_count() or 1, 8), "password")


def check_new(password: str) -> None:
    """Raise `Unacceptable` with what to do; no composition rules."""
    if not LEAST <= len(password) <= MOST:
        raise Unacceptable(f"Choose a password of {LEAST} to {MOST} characters. A few words in a row are easy to keep.")
    if len(set(password)) < 5:
        raise Unacceptable("Choose a password with more different characters; this one is too easy to guess.")


async def hash_new(password: str) -> str:
    """The string to store; takes about 75 ms of another thread."""
    check_new(password)
    return await _elsewhere(_hasher.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; as slow for an unknown account (None) as for a known one (SPEC A4)."""
    return await _elsewhere(_matches, password_hash, password)


async def _elsewhere(work: Callable[[*_Given], _Result], *given: *_Given) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except VerificationError:
        return False
