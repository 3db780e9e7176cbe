"""Operators: they run the service for every practice and belong to none, so no practice can make one (SPEC O1).

Each has a name and a token in the settings. A browser that has shown the token gets a pass, which ends by itself.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PASS_LASTS = timedelta(hours=1)
SHORTEST_TOKEN = 32
"""Characters. A token is drawn at random, not thought up: nothing slows down who guesses."""


@dataclass(frozen=True)
class Pass:
    operator: str
    until: datetime


@dataclass(frozen=True)
class Operators:
    """Those who may read the payloads of every practice."""

    tokens: Mapping[str, str] = field(repr=False)
    """By the operator's name."""

    def __bool__(self) -> bool:
        return bool(self.tokens)

    def by_token(self, shown: str) -> str | None:
        """Whose token it is."""
        # all are compared, so that the time tells nothing
        found = [name for name, token in self.tokens.items() if hmac.compare_digest(token.encode(), shown.encode())]
        return found[0] if found else None

    def give_pass(self, operator: str, now: datetime) -> str:
        """For a browser to keep: whose it is and until when, under a code that nobody makes without the token."""
        until = int((now + PASS_LASTS).timestamp())
        return f"{until}.{self._code(operator, until)}.{operator}"

    def by_pass(self, shown: str, now: datetime) -> Pass | None:
        """What the pass says, or None if it is over, not ours, or its operator is gone or has another token."""
        given = re.fullmatch(r"(\d{1,12})\.([0-9a-f]{64})\.(.+)", shown, re.ASCII)
        if not given or given[3] not in self.tokens:
            return None
        until = int(given[1])
        if not hmac.compare_digest(given[2], self._code(given[3], until)) or now.timestamp() >= until:
            return None
        return Pass(given[3], datetime.fromtimestamp(until, UTC))

    def _code(self, operator: str, until: int) -> str:
        key = self.tokens[operator].encode()
        return hmac.new(key, f"share-to-sign operator pass {until}".encode(), hashlib.sha256).hexdigest()


def operators(text: str) -> Operators:
    """Read `name:token,name:token`; a `ValueError` names what is wrong and never the token."""
    tokens: dict[str, str] = {}
    for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        name, _, token = entry.partition(":")
        if not re.fullmatch(r"[\w.-]{1,64}", name, re.ASCII) or name in tokens:
            raise ValueError(
                f"STS_CODEC_TOKENS: entry {number} needs a name of its own: letters, digits, `_`, `.`, `-`"
            )
        if len(token) < SHORTEST_TOKEN or token in tokens.values():
            raise ValueError(
                f"STS_CODEC_TOKENS: the token of entry {number} needs {SHORTEST_TOKEN} random characters of its own;"
                " `openssl rand -hex 32` makes one"
            )
        tokens[name] = token
    return Operators(tokens)
