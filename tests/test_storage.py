"""Stored bytes are what their name says, or nobody gets them (SPEC S3)."""

import hashlib
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateways.storage import Storage, Stored, StoredBytesChanged, StoredBytesMissing

CONTENT = b"%PDF-1.7 and what follows"
NAME = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


def path_of(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def as_bytes(store: Storage, sha256: str) -> bytes:
    return await store.get(sha256)


async def mapped(store: Storage, sha256: str) -> bytes:
    with store.opened(sha256) as stored:
        return bytes(stored.content)


WAYS = pytest.mark.parametrize("read", [as_bytes, mapped])
Read = Callable[[Storage, str], Awaitable[bytes]]


@WAYS
async def test_what_was_put_is_read_under_its_hash(read: Read, store: Storage) -> None:
    assert await store.put(CONTENT) == NAME
    assert await read(store, NAME) == CONTENT


@WAYS
async def test_what_is_missing_is_told(read: Read, store: Storage) -> None:
    with pytest.raises(StoredBytesMissing):
        await read(store, NAME)


@WAYS
@pytest.mark.parametrize("change", [b"", CONTENT[:-1], CONTENT + b"\n", CONTENT.swapcase()])
async def test_what_was_changed_is_never_given_out(read: Read, change: bytes, store: Storage, tmp_path: Path) -> None:
    await store.put(CONTENT)
    path_of(tmp_path, NAME).write_bytes(change)
    with pytest.raises(StoredBytesChanged):
        await read(store, NAME)
    await store.put(CONTENT)
    assert await read(store, NAME) == CONTENT, "putting it again puts it right"


async def appended(store: Storage, sha256: str, section: bytes) -> str:
    with store.opened(sha256) as stored:
        return store.append(stored, section)


async def test_what_is_appended_is_stored_under_the_hash_of_both(store: Storage) -> None:
    await store.put(CONTENT)
    name = await appended(store, NAME, b", and a section")
    assert name == hashlib.sha256(CONTENT + b", and a section").hexdigest()
    assert await store.get(name) == CONTENT + b", and a section"
    assert await store.get(NAME) == CONTENT
    assert await appended(store, NAME, b", and a section") == name


async def test_bytes_that_change_while_they_are_open_end_up_under_no_name(store: Storage, tmp_path: Path) -> None:
    await store.put(CONTENT)
    with store.opened(NAME) as stored:
        path_of(tmp_path, NAME).write_bytes(CONTENT.swapcase())
        with pytest.raises(StoredBytesChanged):
            store.append(stored, b", and a section")
    assert names(tmp_path) == [NAME]


async def test_an_error_while_bytes_are_open_is_the_one_that_is_told(store: Storage) -> None:
    await store.put(CONTENT)

    def look(stored: Stored) -> None:
        view = memoryview(stored.content)
        raise ValueError(f"{len(view)} bytes do not please")

    with pytest.raises(ValueError, match="do not please"), store.opened(NAME) as stored:
        look(stored)


async def test_a_large_file_is_appended_to_without_being_in_memory(store: Storage) -> None:
    name = await store.put(bytes(40_000_000))
    tracemalloc.start()
    try:
        await appended(store, name, b"section")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_note_is_taken_once_and_stays_until_it_is_forgotten(store: Storage) -> None:
    assert store.kept("a note") is None
    assert store.keep("a note", b"first")
    assert not store.keep("a note", b"second")
    assert store.kept("a note") == b"first"
    store.forget("a note")
    store.forget("a note")
    assert store.keep("a note", b"third")
