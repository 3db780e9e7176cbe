"""Stored bytes, named by their SHA-256, in a folder.

A name that is derived from the content makes writing idempotent and lets every read prove what it
read (SPEC S3). Few things have a name of their own instead, and are written once. An object store with the same
operations can stand in this module's place.
"""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path


class StoredBytesMissing(Exception):
    """The bytes of this name are not in the store: restore them from the backup."""


class StoredBytesChanged(Exception):
    """The bytes under this name have another hash: the store was tampered with or is damaged. Never served."""


class Storage:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, content: bytes) -> str:
        """Store `content` and return its SHA-256 in hexadecimal; on disk when this returns."""
        return await asyncio.to_thread(self._put, content)

    async def get(self, sha256: str) -> bytes:
        """The bytes of that name, after checking that they are what the name says."""
        return await asyncio.to_thread(self._get, sha256)

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

    def _put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        # a damaged file of this name is put right, not kept
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            self._write(path, content)
        return sha256

    def _put_named(self, name: str, content: bytes) -> None:
        if not (self._folder / name).exists():
            self._write(self._folder / name, content)

    def _names(self, folder: str) -> list[str]:
        # one that is just being written has no suffix
        return sorted(str(path.relative_to(self._folder)) for path in (self._folder / folder).glob("*.*"))

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # rename is atomic: a reader sees the whole file or none, whatever dies in between
        Path(temporary).rename(path)
        _sync_folder(path.parent)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as missing:
            raise StoredBytesMissing(path.name) from missing

    def _get(self, sha256: str) -> bytes:
        content = self._read(self._path(sha256))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoredBytesChanged(sha256)
        return content


def _sync_folder(folder: Path) -> None:
    """The new name itself is on disk only after the folder is synced (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
