"""Passwords: Argon2id, and what a new one must be (NIST SP 800-63B-4 3.1.1)."""

import asyncio
import os
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from zxcvbn import zxcvbn

from chart.refusals import Unacceptable

_Given = TypeVarTuple("_Given")
_Result = TypeVar("_Result")

LEAST = 15
"""Characters, where the password is the only factor."""
LEAST_OF_TWO = 8
"""Characters, where a second factor stands beside it."""
MOST = 256

SERVICE_WORDS = ("Share to Sign", "Client Portal", "Chart Room", "portal", "chart", "client", "sign")

# OWASP Password Storage: m=46 MiB, t=1, p=1
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
_NOBODY = _hasher.hash("the password of nobody")

# of its own, so that nothing else that takes long can keep people from signing in
_threads = ThreadPoolExecutor(min(os.cpu_count() or 1, 8), "password")

_EASY = 10**9
"""Guesses in which a password made of known parts is found."""
_MOST_LOOKED_AT = 72
"""Characters in which known parts are looked for; the time for more grows beyond use."""


def check_new(password: str, own_words: Sequence[str] = (), *, least: int = LEAST) -> None:
    """Raise `Unacceptable` with what to do; no composition rules.

    Refused is what is common, was leaked often, or is made of `own_words`, keyboard rows, dates and repeats alone.
    """
    if not least <= len(_normal(password)) <= MOST:
        raise Unacceptable(
            "Choose a password of {least} to {most} characters. A few words in a row are easy to keep.",
            least=least,
            most=MOST,
        )
    known = [part for word in (*own_words, *SERVICE_WORDS) for part in (word, *word.split()) if len(part) > 2]
    looked_at = _normal(password)[:_MOST_LOOKED_AT]
    found = zxcvbn(looked_at, known, max_length=_MOST_LOOKED_AT)
    if found["guesses"] < _EASY and any(part["pattern"] != "bruteforce" for part in found["sequence"]):
        raise Unacceptable(
            "This password is too easy to guess: it is a common one, or made of your name, your email address, the "
            "practice's name, a date or a pattern. Choose another; a few words that do not belong together are good."
        )


def stands_alone(password: str) -> bool:
    """Whether it is long enough to be the only factor."""
    return len(_normal(password)) >= LEAST


async def hash_new(password: str, own_words: Sequence[str] = (), *, least: int = LEAST) -> str:
    """The string to store; takes about 75 ms of another thread."""
    await _elsewhere(lambda: check_new(password, own_words, least=least))
    return await _elsewhere(_hasher.hash, _normal(password))


async def hash_code(code: str) -> str:
    """The same of a code that was drawn at random."""
    return await _elsewhere(_hasher.hash, code)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; as slow for an unknown account (None) as for a known one (SPEC A4)."""
    return await _elsewhere(_matches, password_hash, _normal(password))


async def _elsewhere(work: Callable[[*_Given], _Result], *given: *_Given) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except VerificationError:
        return False


def _normal(password: str) -> str:
    """One form however a keyboard composes its letters, so that it is the same on every device (RFC 8265 4.2.2)."""
    return unicodedata.normalize("NFC", password)
