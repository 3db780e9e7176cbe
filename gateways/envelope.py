"""An encrypted file: content under a key of its own, and that key wrapped by a master key (docs/decisions/040).

    magic | slot | slot | piece | piece | …

Two slots, so that another master key can take over without a moment in which no slot is whole. Each piece is proved
with its number and whether it is the last, so none can be left out, put elsewhere or added (STREAM, Hoang et al. 2015).
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateways.keys import Keys

MAGIC = b"STS-ENV1"
SLOT = 252
HEADER = len(MAGIC) + 2 * SLOT
PIECE = 1 << 18
"""Bytes of content that are encrypted at once: few enough to stay in a core's cache while they are hashed."""

_KEY, _NONCE, _TAG = 32, 12, 16
_LONGEST_ID, _LONGEST_LABEL = 64, 96
_EMPTY = bytes(SLOT)


class NotWhole(Exception):
    """The file is not as it was written."""


class UnknownMasterKey(Exception):
    """No master key at hand opens the file; the text is the id of the one that would."""


class MasterKeys:
    """Master keys. The first wraps and gives names, all unwrap and find."""

    def __init__(self, keys: Keys) -> None:
        if too_long := [key_id for key_id in keys if len(key_id.encode()) > _LONGEST_ID]:
            raise ValueError(f"STS_STORAGE_KEYS: the id {too_long[0]!r} has more than {_LONGEST_ID} bytes")
        self.active = next(iter(keys))
        # a key for each purpose (NIST SP 800-108), so that a name tells nothing about the wrapping
        self._wrapping = {key_id: AESGCM(_derived(key, b"wrap")) for key_id, key in keys.items()}
        self._naming = {key_id: _derived(key, b"name") for key_id, key in keys.items()}

    def names(self, label: str) -> list[str]:
        """What a file of that label is called under each key: 64 hexadecimal digits that do not tell the label."""
        return [_keyed_hash(key, label) for key in self._naming.values()]

    def wrap(self, envelope: "Envelope") -> bytes:
        """A slot under the active key."""
        nonce = os.urandom(_NONCE)  # NIST SP 800-38D 8.2.2: random, 96 bits
        sealed = self._wrapping[self.active].encrypt(nonce, envelope.key + envelope.label.encode(), MAGIC)
        key_id = self.active.encode()
        return (bytes([len(key_id)]) + key_id + bytes([len(sealed)]) + nonce + sealed).ljust(SLOT, b"\0")

    def unwrap(self, slot: bytes) -> "Envelope":
        """Raises `UnknownMasterKey`, `NotWhole`."""
        key_id = key_id_of(slot)
        if key_id not in self._wrapping:
            raise UnknownMasterKey(key_id)
        length, rest = slot[1 + slot[0]], slot[2 + slot[0] :]
        try:
            opened = self._wrapping[key_id].decrypt(rest[:_NONCE], rest[_NONCE : _NONCE + length], MAGIC)
        except (InvalidTag, ValueError) as error:
            raise NotWhole from error
        return Envelope(opened[_KEY:].decode(), opened[:_KEY])


@dataclass(frozen=True)
class Envelope:
    label: str
    """What the file is for, proved with the key: a file that was put in another's place is told by it."""
    key: bytes = field(repr=False)

    @classmethod
    def new(cls, label: str) -> "Envelope":
        if len(label.encode()) > _LONGEST_LABEL:
            raise ValueError(f"a label has at most {_LONGEST_LABEL} bytes")
        return cls(label, os.urandom(_KEY))

    def write(self, master: MasterKeys, pieces: Iterator[bytes | memoryview], file: BinaryIO) -> None:
        """The whole file. `pieces` have `PIECE` bytes each, but for the last."""
        file.write(MAGIC + master.wrap(self) + _EMPTY)
        cipher = AESGCM(self.key)
        following: bytes | memoryview = next(pieces, b"")
        number, last = 0, False
        while not last:
            piece, following = following, next(pieces, b"")
            last = not following
            file.write(cipher.encrypt(_place(number, last=last), piece, None))
            number += 1

    def read(self, file: BinaryIO) -> Iterator[bytes]:
        """The content, piece by piece; whole only when no error came to the end. Raises `NotWhole`."""
        cipher = AESGCM(self.key)
        size_of(file)  # that there is a piece
        left = _sealed_size(file)
        file.seek(HEADER)
        number = 0
        while left > 0:
            sealed = file.read(min(left, PIECE + _TAG))
            left -= PIECE + _TAG
            try:
                yield cipher.decrypt(_place(number, last=left <= 0), sealed, None)
            except InvalidTag as error:
                raise NotWhole from error
            number += 1


def is_envelope(file: BinaryIO) -> bool:
    """Whether the file begins as one; what does not was stored before there were any."""
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


def open_envelope(file: BinaryIO, master: MasterKeys) -> Envelope:
    """The envelope that lies around the content of `file`. Raises `NotWhole`, `UnknownMasterKey`."""
    fcntl.flock(file, fcntl.LOCK_SH)  # against `take_over`
    try:
        return _opened(_slots(file), master)[1]
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def take_over(file: BinaryIO, master: MasterKeys) -> Envelope:
    """Have the active key, and no other, wrap what `file` holds, whose content stays as it is.

    Whenever this is interrupted, one slot at least is whole, and the next time goes on. Raises as `open_envelope`.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        slots = _slots(file)
        holder, envelope = _opened(slots, master)
        other = 1 - holder
        if key_id_of(slots[holder]) != master.active:
            _put(file, other, master.wrap(envelope))
            _put(file, holder, _EMPTY)
        elif slots[other] != _EMPTY:
            _put(file, other, _EMPTY)
        return envelope
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def owner_of(file: BinaryIO) -> str:
    """The id of the master key that is used when `file` is opened."""
    return next((key_id for slot in _slots(file) if (key_id := key_id_of(slot))), "")


def key_id_of(slot: bytes) -> str:
    """Of the master key; empty if the slot is."""
    return slot[1 : 1 + slot[0]].decode(errors="replace")


def size_of(file: BinaryIO) -> int:
    """Bytes of the content. Raises `NotWhole`."""
    size = _sealed_size(file) - _TAG * _pieces(file)
    if size < 0 or not _pieces(file):
        raise NotWhole
    return size


def _opened(slots: list[bytes], master: MasterKeys) -> tuple[int, Envelope]:
    """Which slot opens, and what is in it."""
    failure: NotWhole | UnknownMasterKey = NotWhole()
    for at, slot in enumerate(slots):
        if slot == _EMPTY:
            continue
        try:
            return at, master.unwrap(slot)
        except (NotWhole, UnknownMasterKey) as told:
            failure = told
    raise failure


def _slots(file: BinaryIO) -> list[bytes]:
    file.seek(0)
    header = file.read(HEADER)
    if len(header) < HEADER:
        raise NotWhole
    return [header[len(MAGIC) : len(MAGIC) + SLOT], header[len(MAGIC) + SLOT :]]


def _put(file: BinaryIO, at: int, slot: bytes) -> None:
    file.seek(len(MAGIC) + at * SLOT)
    file.write(slot)
    file.flush()
    os.fsync(file.fileno())


def _place(number: int, *, last: bool) -> bytes:
    """The nonce of a piece. A key has one content only, so that none is used twice."""
    return number.to_bytes(_NONCE - 1, "big") + bytes([last])


def _pieces(file: BinaryIO) -> int:
    return -(-_sealed_size(file) // (PIECE + _TAG))


def _sealed_size(file: BinaryIO) -> int:
    return max(os.fstat(file.fileno()).st_size - HEADER, 0)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, None, b"share-to-sign storage " + purpose).derive(key)


def _keyed_hash(key: bytes, label: str) -> str:
    hashed = HMAC(key, SHA256())
    hashed.update(label.encode())
    return hashed.finalize().hex()
