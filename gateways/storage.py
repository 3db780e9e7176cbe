"""Stored bytes, named by their SHA-256, encrypted, in a folder.

A name that is derived from the content makes writing idempotent and lets every read prove what it
read (SPEC S3). Beside them lie notes, named by whoever takes them, of what was begun and must not be begun twice;
and few things that have a name of their own for ever, and are written once. What is on disk tells neither content nor
hash to whoever has no key (docs/decisions/040). An object store with the same operations can stand in this module's
place.
"""

import asyncio
import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from gateways import envelope
from gateways.envelope import PIECE, Envelope, MasterKeys, NotWhole, UnknownMasterKey
from gateways.keys import Keys, read_keys
from settings import Settings

NOTES = "notes/"
"""Begins the label of a note. Whatever was given a name has it for its label, stored bytes have their SHA-256."""

UNFINISHED = ".new-"
"""Begins the name of a file that is being written."""


class StoredBytesMissing(Exception):
    """The bytes of this name are not in the store: restore them from the backup. The text is where they would lie."""


class StoredBytesChanged(Exception):
    """The bytes under this name are others: the store was tampered with or is damaged. Never served."""


class StoredBytesLocked(Exception):
    """The master key of these bytes is not in `STS_STORAGE_KEYS`: add it again."""


@dataclass(frozen=True)
class Stored:
    """Stored bytes in memory of their own, which no file is behind; they are what their name says."""

    content: mmap.mmap
    hashed: "hashlib._Hash"
    """SHA-256, fed with the content: whoever hashes what begins with it copies this."""


class Storage:
    def __init__(self, folder: Path, keys: Keys) -> None:
        self._folder = folder
        self._master = MasterKeys(keys)

    @classmethod
    def of(cls, settings: Settings) -> "Storage":
        return cls(settings.storage_folder, read_keys(settings.storage_keys.get_secret_value(), "STS_STORAGE_KEYS"))

    async def put(self, content: bytes) -> str:
        """Store `content` and return its SHA-256 in hexadecimal; on disk when this returns."""
        return await asyncio.to_thread(self._put, content)

    async def get(self, sha256: str) -> bytes:
        """The bytes of that name, after checking that they are what the name says."""
        return await asyncio.to_thread(self._get, sha256)

    @contextmanager
    def opened(self, sha256: str) -> Iterator[Stored]:
        """As `get`, in a map that is given back at once and never copied. Blocks; not for an event loop."""
        with self._reading(sha256) as found:
            if not found.size:
                raise StoredBytesChanged(self._told(self.path(sha256)))
            content = mmap.mmap(-1, found.size)
            for piece in found.pieces:
                content.write(piece)
        try:
            content.seek(0)
            yield Stored(content, found.hashed)
        finally:
            with contextlib.suppress(BufferError):  # an error on its way out may still look into it
                content.close()

    def append(self, stored: Stored, section: bytes) -> str:
        """Store what is there followed by `section`, as `put` does, without a copy in memory. Blocks."""
        whole = stored.hashed.copy()
        whole.update(section)
        sha256 = whole.hexdigest()
        self._store(sha256, _cut(stored.content, section))
        return sha256

    def keep(self, note: str, content: bytes) -> bool:
        """Write a note, on disk when this returns; False, and nothing done, if there is one of that name. Blocks."""
        return self._write(self._note(note), NOTES + note, _cut(content), replace=False)

    def kept(self, note: str) -> bytes | None:
        """The note of that name. Raises `StoredBytesChanged`, `StoredBytesLocked`. Blocks."""
        try:
            with self._note(note).open("rb", buffering=0) as file, self._telling(self._note(note)):
                return b"".join(self._found(NOTES + note, file).pieces)
        except FileNotFoundError:
            return None

    def forget(self, note: str) -> None:
        """Remove a note, if there is one. Blocks."""
        self._note(note).unlink(missing_ok=True)

    async def put_named(self, name: str, content: bytes) -> None:
        """Store `content` as `folder/…/name` unless something has this name; on disk when this returns."""
        await asyncio.to_thread(self._write, self._folder / name, name, _cut(content), replace=False)

    async def named(self, name: str) -> bytes:
        """What was stored under this name. Raises as `check`, and `StoredBytesMissing`."""
        return await asyncio.to_thread(self._get, name)

    async def names(self, folder: str) -> list[str]:
        """The names in this folder, in order; none if there is no such folder."""
        return await asyncio.to_thread(self._names, folder)

    def path(self, sha256: str) -> Path:
        """Where the bytes of that name lie, or will: what to look for in a backup."""
        return self._lies(sha256)

    def _lies(self, label: str) -> Path:
        places = self._at(label)
        return next((place for place in places if place.exists()), places[0])

    def files(self) -> Iterator[Path]:
        """Every file of the store, but those that are being written."""
        found = (path for path in sorted(self._folder.rglob("*")) if path.is_file())
        return (path for path in found if not path.name.startswith(UNFINISHED))

    def check(self, path: Path) -> str:
        """Read one of `files` to its end; returns the id of its master key, empty if it is not encrypted yet.

        Raises `StoredBytesChanged`, `StoredBytesLocked`. Blocks.
        """
        with path.open("rb", buffering=0) as file, self._telling(path):
            for _ in self._found(self._label(path, file), file).pieces:
                pass
            return envelope.owner_of(file) if envelope.is_envelope(file) else ""

    def rewrap(self, path: Path) -> bool:
        """Have one of `files` wrapped and named by the key in use, or encrypted if it is not yet; False if it was so.

        Raises as `check`. Blocks.
        """
        with path.open("r+b", buffering=0) as file, self._telling(path):
            if envelope.is_envelope(file):
                was = envelope.owner_of(file)
                label = envelope.take_over(file, self._master).label
            else:
                was = ""
                label = self._label(path, file)
                self._write(self._at(label)[0], label, _cut(b"".join(self._found(label, file).pieces)))
        place = self._at(label)[0]
        if path != place:
            self._move(path, place, label)
        return path != place or was != self.active_key

    @property
    def active_key(self) -> str:
        """The id of the master key that wraps what is written now."""
        return self._master.active

    def _move(self, path: Path, place: Path, label: str) -> None:
        """To the place where it is looked for first, unless the same is there already."""
        if place.exists() and self._is_stored(label):
            path.unlink()
            return
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.replace(path, place)
        _sync_folder(place.parent)

    def _places(self, sha256: str) -> list[Path]:
        """Where the bytes of that name may lie: under each key, or not encrypted, as before there were keys."""
        names = [*self._master.names(sha256), sha256]
        return [self._folder / name[:2] / name for name in names]

    def _note(self, note: str) -> Path:
        return self._folder / NOTES / note

    def _at(self, label: str) -> list[Path]:
        return [self._folder / label] if _is_name(label) else self._places(label)

    def _told(self, path: Path) -> str:
        return str(path.relative_to(self._folder))

    def _put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self._store(sha256, _cut(content))
        return sha256

    def _store(self, sha256: str, pieces: Iterator[bytes]) -> None:
        encrypted, plain = self._places(sha256)[0], self._places(sha256)[-1]
        if plain.exists() or not self._is_stored(sha256):
            self._write(encrypted, sha256, pieces)
            plain.unlink(missing_ok=True)

    def _is_stored(self, sha256: str) -> bool:
        """False for a damaged file of this name, too: it is put right, not kept."""
        try:
            with self._reading(sha256) as found:
                for _ in found.pieces:
                    pass
        except (StoredBytesMissing, StoredBytesChanged, StoredBytesLocked):
            return False
        return True

    def _get(self, label: str) -> bytes:
        with self._reading(label) as found:
            return b"".join(found.pieces)

    def _names(self, folder: str) -> list[str]:
        found = (path for path in (self._folder / folder).glob("*") if not path.name.startswith(UNFINISHED))
        return sorted(self._told(path) for path in found)

    @contextmanager
    def _reading(self, label: str) -> Iterator["_Found"]:
        with self._open(label) as file, self._telling(Path(file.name)):
            yield self._found(label, file)

    def _open(self, label: str) -> FileIO:
        for place in 2 * self._at(label):  # twice, since `rewrap` may rename it just now
            with contextlib.suppress(FileNotFoundError):
                return place.open("rb", buffering=0)
        raise StoredBytesMissing(self._told(self._lies(label)))

    def _found(self, label: str, file: FileIO) -> "_Found":
        hashed = hashlib.sha256()
        if envelope.is_envelope(file):
            opened = envelope.open_envelope(file, self._master)
            if opened.label != label:
                raise NotWhole
            return _Found(envelope.size_of(file), hashed, _proved(label, opened.read(file), hashed))
        if _is_name(label):  # no hash proves it, so the encryption has to
            raise NotWhole
        return _Found(os.fstat(file.fileno()).st_size, hashed, _proved(label, _plain(file), hashed))

    def _label(self, path: Path, file: FileIO) -> str:
        """What a file says it is for; raises `NotWhole` if it lies in another's place."""
        label = envelope.open_envelope(file, self._master).label if envelope.is_envelope(file) else path.name
        if path not in self._at(label):
            raise NotWhole
        return label

    @contextmanager
    def _telling(self, path: Path) -> Iterator[None]:
        try:
            yield
        except NotWhole as error:
            raise StoredBytesChanged(self._told(path)) from error
        except UnknownMasterKey as error:
            raise StoredBytesLocked(f"{self._told(path)}, by the key {error}") from error

    def _write(self, path: Path, label: str, pieces: Iterator[bytes], *, replace: bool = True) -> bool:
        """All of it, synced to disk, or nothing; False if something is there that must not be replaced."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                Envelope.new(label).write(self._master, pieces, file)
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


@dataclass(frozen=True)
class _Found:
    """A file of the store while it is read."""

    size: int
    """Bytes of the content."""
    hashed: "hashlib._Hash"
    """Fed with the pieces that were read."""
    pieces: Iterator[bytes]
    """Not to be used before the last one has come without `NotWhole`."""


def _proved(label: str, pieces: Iterator[bytes], hashed: "hashlib._Hash") -> Iterator[bytes]:
    for piece in pieces:
        hashed.update(piece)
        yield piece
    if not _is_name(label) and hashed.hexdigest() != label:
        raise NotWhole


def _is_name(label: str) -> bool:
    return "/" in label


def _plain(file: FileIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(PIECE), b"")


def _cut(content: bytes | mmap.mmap, section: bytes = b"") -> Iterator[bytes]:
    """`content` followed by `section`, in pieces."""
    whole = len(content) // PIECE * PIECE
    for at in range(0, whole, PIECE):
        yield content[at : at + PIECE]
    rest = content[whole:] + section
    for at in range(0, len(rest), PIECE):
        yield rest[at : at + PIECE]


def _sync_folder(folder: Path) -> None:
    """The new name itself is on disk only after the folder is synced (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
