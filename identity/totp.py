"""Codes of authenticator apps: time-based one-time passwords (RFC 6238 with its defaults: SHA-1, 30 s, six digits)."""

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30
"""Seconds for which a code is shown."""
WINDOW = 1
"""Steps before and after the present one that count too: clocks differ, and typing takes time."""


def new_secret() -> bytes:
    """160 random bits (RFC 4226 4)."""
    return secrets.token_bytes(20)


def code(secret: bytes, step: int) -> str:
    """The six digits of one step (RFC 4226 5.3)."""
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number: int = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


def step_at(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP


def step_of(secret: bytes, typed: str, moment: datetime) -> int | None:
    """The step whose code was typed, if it is one that counts now."""
    now = step_at(moment)
    # all are compared, so that the time tells nothing
    found = [
        step
        for step in range(now - WINDOW, now + WINDOW + 1)
        if hmac.compare_digest(code(secret, step).encode(), typed.encode())
    ]
    return found[0] if found else None


def text(secret: bytes) -> str:
    """For typing into an app that reads no picture."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, issuer: str, account: str) -> str:
    """What the picture says (the `otpauth` key URI that authenticator apps read)."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{urlencode({'secret': text(secret), 'issuer': issuer})}"
