"""Keys from the settings: `id:base64,id:base64`, AES-256, the first in use, the others for what is older."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Keys = dict[str, bytes]
"""32 bytes by their id, in the order in which they were given."""


class UnknownKey(Exception):
    """Something was encrypted with a key that is not there any more: add the key again to read it."""


def read_keys(text: str, setting: str) -> Keys:
    """Read the text of `setting`; a `ValueError` names what is wrong with it and never the key."""
    keys: Keys = {}
    for number, entry in enumerate(text.split(","), start=1):
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not key_id or len(key) != 32:
            raise ValueError(f"{setting}: entry {number} is not `id:base64 of 32 bytes`")
        keys[key_id] = key
    return keys


@dataclass(frozen=True)
class Keyring:
    """AES-256-GCM for short secrets in the database. The first key encrypts, all decrypt."""

    keys: Mapping[str, bytes] = field(repr=False)

    def encrypt(self, secret: bytes, belongs_to: str) -> bytes:
        """Bound to its owner: moved to somebody else's row it cannot be read."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(12)  # NIST SP 800-38D 8.2.2: random, 96 bits
        sealed = AESGCM(key).encrypt(nonce, secret, belongs_to.encode())
        return key_id.encode() + b":" + nonce + sealed

    def decrypt(self, sealed: bytes, belongs_to: str) -> bytes:
        """Raises `UnknownKey`, also for what does not fit the key that it names."""
        key_id, _, rest = sealed.partition(b":")
        try:
            return AESGCM(self.keys[key_id.decode()]).decrypt(rest[:12], rest[12:], belongs_to.encode())
        except (KeyError, UnicodeDecodeError, ValueError, InvalidTag) as error:
            raise UnknownKey("STS_ACCOUNT_KEYS does not hold the key of this secret") from error
