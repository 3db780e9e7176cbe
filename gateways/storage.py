"""Stored bytes, named by their SHA-256, in a folder.

A name that is derived from the content makes writing idempotent and lets every read prove what it
read (SPEC S3). Beside them lie notes, named by whoever takes them, of what was begun and must not be begun twice;
and few things that have a name of their own for ever, and are written once. An object store with the same operations
can stand in this module's place.
"""

import asyncio
import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
"""Bytes that are read, hashed and written at once."""


class StoredBytesMissing(Exception):
    """The bytes of this name are not in the store: restore them from the backup."""


class StoredBytesChanged(Exception):
    """The bytes under this name have another hash: the store was tampered with or is damaged. Never served."""


@dataclass(frozen=True)
class Stored:
    """Stored bytes, mapped into memory, which were what their name says when they were opened."""

    content: mmap.mmap
    hashed: "hashlib._Hash"
    """SHA-256, fed with the content: whoever hashes what begins with it copies this."""


class Storage:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, content: bytes) -> str:
        """Store `content` and return its SHA-256 in hexadecimal; on disk when this returns."""
        return await asyncio.to_thread(self._put, content)

    async def get(self, sha256: str) -> bytes:
        """The bytes of that name, after checking that they are what the name says."""
        return await asyncio.to_thread(self._get, sha256)

    @contextmanager
    def opened(self, sha256: str) -> Iterator[Stored]:
        """As `get`, without a copy in memory. Blocks; not for an event loop."""
        content = self._mapped(sha256)
        try:
            hashed = hashlib.sha256(content)
            if hashed.hexdigest() != sha256:
                raise StoredBytesChanged(sha256)
            yield Stored(content, hashed)
        finally:
            with contextlib.suppress(BufferError):  # an error on its way out may still look into it
                content.close()

    def append(self, stored: Stored, section: bytes) -> str:
        """Store what is there followed by `section`, as `put` does, without a copy in memory. Blocks.

        What is written is hashed on its way: raises `StoredBytesChanged` if the bytes are no longer those that were
        opened.
        """
        expected = stored.hashed.copy()
        expected.update(section)
        sha256 = expected.hexdigest()
        if not self._is_stored(sha256):
            self._write(self._path(sha256), lambda file: _write_as(sha256, (stored.content, section), file))
        return sha256

    def keep(self, note: str, content: bytes) -> bool:
        """Write a note, on disk when this returns; False, and nothing done, if there is one of that name. Blocks."""
        return self._write(self._note(note), lambda file: file.write(content), replace=False)

    def kept(self, note: str) -> bytes | None:
        """The note of that name. Nothing says that it was not changed. Blocks."""
        try:
            return self._note(note).read_bytes()
        except FileNotFoundError:
            return None

    def forget(self, note: str) -> None:
        """Remove a note, if there is one. Blocks."""
        self._note(note).unlink(missing_ok=True)

    async def put_named(self, name: str, content: bytes) -> None:
        """Store `content` as `folder/…/name` unless something has this name; on disk when this returns."""
        await asyncio.to_thread(self._put_named, name, content)

    async def named(self, name: str) -> bytes:
        """What was stored under this name."""
        return await asyncio.to_thread(self._read, self._folder / name)

    async def names(self, folder: str) -> list[str]:
        """The names in this folder, in order; none if there is no such folder."""
        return await asyncio.to_thread(self._names, folder)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _note(self, note: str) -> Path:
        return self._folder / "notes" / note

    def _put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        if not self._is_stored(sha256):
            self._write(self._path(sha256), lambda file: file.write(content))
        return sha256

    def _put_named(self, name: str, content: bytes) -> None:
        self._write(self._folder / name, lambda file: file.write(content), replace=False)

    def _names(self, folder: str) -> list[str]:
        # one that is just being written has no suffix
        return sorted(str(path.relative_to(self._folder)) for path in (self._folder / folder).glob("*.*"))

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as missing:
            raise StoredBytesMissing(path.name) from missing

    def _is_stored(self, sha256: str) -> bool:
        """False for a damaged file of this name, too: it is put right, not kept."""
        try:
            with self._path(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False

    def _get(self, sha256: str) -> bytes:
        content = self._read(self._path(sha256))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoredBytesChanged(sha256)
        return content

    def _mapped(self, sha256: str) -> mmap.mmap:
        try:
            with self._path(sha256).open("rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError as missing:
            raise StoredBytesMissing(sha256) from missing
        except ValueError as empty:
            raise StoredBytesChanged(sha256) from empty

    def _write(self, path: Path, write: Callable[[BinaryIO], object], *, replace: bool = True) -> bool:
        """All of it, synced to disk, or nothing; False if something is there that must not be replaced."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            # rename and link are atomic: a reader sees the whole file or none, whatever dies in between
            if replace:
                os.replace(temporary, path)
            else:
                os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            Path(temporary).unlink(missing_ok=True)
        _sync_folder(path.parent)
        return True


def _write_as(sha256: str, parts: Iterable[mmap.mmap | bytes], file: BinaryIO) -> None:
    hashed = hashlib.sha256()
    for part in parts:
        for at in range(0, len(part), CHUNK):
            chunk = part[at : at + CHUNK]
            hashed.update(chunk)
            file.write(chunk)
    if hashed.hexdigest() != sha256:
        raise StoredBytesChanged(sha256)


def _sync_folder(folder: Path) -> None:
    """The new name itself is on disk only after the folder is synced (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
