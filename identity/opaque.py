"""Opaque tokens: random bits in the hands of one person or program; the database keeps their SHA-256 alone."""

import hashlib
import secrets


def new() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of it. No slow hash: nobody guesses so many bits."""
    return hashlib.sha256(token.encode()).digest()
