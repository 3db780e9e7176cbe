"""Stored bytes are what their name says, or nobody gets them (SPEC S3); on disk they are for nobody without a key."""

import hashlib
import os
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateways import envelope, upkeep
from gateways.envelope import HEADER, PIECE
from gateways.keys import read_keys
from gateways.storage import Storage, Stored, StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from tests.papers import changed

CONTENT = b"%PDF-1.7 and what follows"
NAME = hashlib.sha256(CONTENT).hexdigest()
OLD, NEW = {"old": bytes(range(32))}, {"new": bytes(range(32, 64))}
LENGTHS = [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7]


@pytest.fixture
def store(tmp_path: Path) -> Storage:
    return Storage(tmp_path, OLD)


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
@pytest.mark.parametrize("length", LENGTHS)
async def test_any_length_is_read_as_it_was_put(read: Read, length: int, store: Storage) -> None:
    content = os.urandom(length)
    assert await read(store, await store.put(content)) == content


async def test_nothing_is_something_too(store: Storage) -> None:
    assert await store.get(await store.put(b"")) == b""


@WAYS
async def test_what_is_missing_is_told(read: Read, store: Storage, tmp_path: Path) -> None:
    with pytest.raises(StoredBytesMissing) as told:
        await read(store, NAME)
    assert tmp_path / str(told.value) == store.path(NAME), "where to restore it"


@WAYS
@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda file: file[:-1],
        lambda file: file + b"\n",
        lambda file: file[:HEADER],
        lambda file: file[: HEADER - 1],
        changed,
        lambda _: CONTENT.swapcase(),
    ],
    ids=["empty", "cut off", "longer", "no content", "no header", "one bit", "plain"],
)
async def test_what_was_changed_is_never_given_out(
    read: Read, change: Callable[[bytes], bytes], store: Storage
) -> None:
    await store.put(CONTENT)
    path = store.path(NAME)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(StoredBytesChanged):
        await read(store, NAME)
    await store.put(CONTENT)
    assert await read(store, NAME) == CONTENT, "putting it again puts it right"


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_that_is_flipped_is_told(store: Storage, data: st.DataObject) -> None:
    """Wherever it is: magic, slots, pieces. The padding behind a slot and the spare slot say nothing and may change."""
    content = bytes(2 * PIECE + 5)
    name = store._put(content)
    path = store.path(name)
    whole = path.read_bytes()
    slot = whole[len(envelope.MAGIC) :]
    used = 2 + slot[0] + 12 + slot[1 + slot[0]]  # lengths, the key's id, nonce, what is sealed
    parts = [st.integers(0, len(envelope.MAGIC) + used - 1), st.integers(HEADER, len(whole) - 1)]
    at = data.draw(st.one_of(parts))
    path.write_bytes(changed(whole, at))
    with pytest.raises((StoredBytesChanged, StoredBytesLocked)):
        store._get(name)
    with pytest.raises((StoredBytesChanged, StoredBytesLocked)):
        store.check(path)
    path.write_bytes(whole)


@pytest.mark.parametrize(
    "rearrange",
    [
        lambda first, second, last: [second, first, last],
        lambda first, second, last: [first, last],
        lambda first, second, last: [first, second],
        lambda first, second, last: [first, second, second, last],
        lambda first, second, last: [first, second, last, last],
    ],
    ids=["swapped", "left out", "cut off", "repeated", "added"],
)
async def test_pieces_are_proved_in_their_order_and_number(
    rearrange: Callable[..., list[bytes]], store: Storage
) -> None:
    """Also in a note, whose content no hash proves."""
    store.keep("a note", os.urandom(3 * PIECE))
    (path,) = store.files()
    file, each = path.read_bytes(), PIECE + 16
    pieces = [file[at : at + each] for at in range(HEADER, len(file), each)]
    path.write_bytes(file[:HEADER] + b"".join(rearrange(*pieces)))
    with pytest.raises(StoredBytesChanged):
        store.kept("a note")


async def test_a_file_in_the_place_of_another_is_told(store: Storage) -> None:
    await store.put(CONTENT)
    other = await store.put(b"another")
    os.replace(store.path(other), store.path(NAME))
    with pytest.raises(StoredBytesChanged):
        await store.get(NAME)
    with pytest.raises(StoredBytesChanged):
        store.check(store.path(NAME))


async def test_a_thief_of_the_disk_learns_neither_content_nor_hash(store: Storage, tmp_path: Path) -> None:
    content = b"Canarytext" * PIECE
    name = await store.put(content)
    store.keep("a note", content)
    for path in store.files():
        assert name not in str(path)
        for told in (b"Canarytext", name.encode(), bytes.fromhex(name), OLD["old"]):
            assert told not in path.read_bytes()
    assert Storage(tmp_path / "elsewhere", NEW).path(name).name != store.path(name).name


async def test_the_same_content_is_stored_once_and_encrypted_each_time_anew(store: Storage) -> None:
    await store.put(CONTENT)
    first = store.path(NAME).read_bytes()
    await store.put(CONTENT)
    assert store.path(NAME).read_bytes() == first
    store.path(NAME).unlink()
    await store.put(CONTENT)
    again = store.path(NAME).read_bytes()
    assert first[HEADER:] != again[HEADER:]


async def appended(store: Storage, sha256: str, section: bytes) -> str:
    with store.opened(sha256) as stored:
        return store.append(stored, section)


@pytest.mark.parametrize("length", LENGTHS)
async def test_what_is_appended_is_stored_under_the_hash_of_both(length: int, store: Storage) -> None:
    content, section = os.urandom(length), os.urandom(PIECE + 3)
    name = await appended(store, await store.put(content), section)
    assert name == hashlib.sha256(content + section).hexdigest()
    assert await store.get(name) == content + section
    assert await store.get(hashlib.sha256(content).hexdigest()) == content
    assert await appended(store, hashlib.sha256(content).hexdigest(), section) == name


async def test_what_becomes_of_the_file_changes_nothing_of_what_is_open(store: Storage) -> None:
    await store.put(CONTENT)
    with store.opened(NAME) as stored:
        store.path(NAME).write_bytes(b"something else")
        name = store.append(stored, b", and a section")
    assert await store.get(name) == CONTENT + b", and a section"


async def test_an_error_while_bytes_are_open_is_the_one_that_is_told(store: Storage) -> None:
    await store.put(CONTENT)

    def look(stored: Stored) -> None:
        view = memoryview(stored.content)
        raise ValueError(f"{len(view)} bytes do not please")

    with pytest.raises(ValueError, match="do not please"), store.opened(NAME) as stored:
        look(stored)


async def test_a_large_file_is_appended_to_without_being_copied_in_memory(store: Storage) -> None:
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


# -- another master key


async def test_a_new_key_takes_over_and_the_old_one_can_go(store: Storage, tmp_path: Path) -> None:
    content = os.urandom(2 * PIECE)
    name = await store.put(content)
    store.keep("a note", content)
    before = {path.read_bytes()[HEADER:] for path in store.files()}
    both = Storage(tmp_path, NEW | OLD)
    assert await both.get(name) == content, "read before it is rewrapped"
    said: list[str] = []
    assert upkeep.rewrap(both, said.append) == 0
    assert said == ["2 rewrapped, 0 were so already, key new"]
    assert upkeep.rewrap(both, said.append) == 0
    assert said[1:] == ["0 rewrapped, 2 were so already, key new"]

    new = Storage(tmp_path, NEW)
    assert (await new.get(name), new.kept("a note")) == (content, content)
    assert {path.read_bytes()[HEADER:] for path in new.files()} == before, "the content stays as it is"
    assert upkeep.check(new, said.append) == 0
    assert said[2:] == ["2 whole, key new"]
    with pytest.raises(StoredBytesMissing):
        await store.get(name)


async def test_without_its_key_a_file_is_locked_and_the_key_named(store: Storage, tmp_path: Path) -> None:
    await store.put(CONTENT)
    store.keep("a note", CONTENT)
    renamed = Storage(tmp_path, {"renamed": OLD["old"]})
    with pytest.raises(StoredBytesLocked, match="by the key old"):
        await renamed.get(NAME)
    with pytest.raises(StoredBytesLocked, match="by the key old"):
        renamed.kept("a note")
    said: list[str] = []
    assert upkeep.check(renamed, said.append) == upkeep.rewrap(renamed, said.append) == 1
    assert all("by the key old, which is not in STS_STORAGE_KEYS. Add it." in line for line in said[:4])
    assert await store.get(NAME) == CONTENT


@pytest.mark.parametrize("dies_at", [1, 2])
async def test_a_take_over_that_is_interrupted_leaves_a_whole_file_and_is_finished_later(
    dies_at: int, store: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put(CONTENT)
    both = Storage(tmp_path, NEW | OLD)
    put, written = envelope._put, 0

    def dying(file: object, at: int, slot: bytes) -> None:
        nonlocal written
        written += 1
        if written == dies_at:
            put(file, at, slot[:20])  # type: ignore[arg-type]
            raise KeyboardInterrupt
        put(file, at, slot)  # type: ignore[arg-type]

    monkeypatch.setattr(envelope, "_put", dying)
    with pytest.raises(KeyboardInterrupt):
        both.rewrap(both.path(NAME))
    assert await both.get(NAME) == CONTENT
    assert both.rewrap(both.path(NAME))
    assert await Storage(tmp_path, NEW).get(NAME) == CONTENT
    assert (await both.get(NAME), b"old" in both.path(NAME).read_bytes()) == (CONTENT, False)


async def test_a_damaged_copy_under_an_old_key_does_not_replace_a_good_one(store: Storage, tmp_path: Path) -> None:
    await store.put(CONTENT)
    old = store.path(NAME)
    old.write_bytes(changed(old.read_bytes()))
    both = Storage(tmp_path, NEW | OLD)
    await both.put(CONTENT)
    assert both.path(NAME) != old
    both.rewrap(old)
    assert not old.exists()
    assert await both.get(NAME) == CONTENT


# -- before there were keys


def plain(folder: Path, content: bytes) -> Path:
    """As stored by a release that did not encrypt."""
    name = hashlib.sha256(content).hexdigest()
    (folder / name[:2]).mkdir()
    (folder / name[:2] / name).write_bytes(content)
    return folder / name[:2] / name


@WAYS
async def test_what_is_not_encrypted_yet_is_read_and_proved(read: Read, store: Storage, tmp_path: Path) -> None:
    path = plain(tmp_path, CONTENT)
    assert await read(store, NAME) == CONTENT
    path.write_bytes(changed(CONTENT))
    with pytest.raises(StoredBytesChanged):
        await read(store, NAME)


async def test_what_is_not_encrypted_yet_is_when_it_is_put_again(store: Storage, tmp_path: Path) -> None:
    path = plain(tmp_path, CONTENT)
    await store.put(CONTENT)
    assert not path.exists()
    assert await store.get(NAME) == CONTENT


async def test_rewrapping_encrypts_what_is_not_encrypted_yet(store: Storage, tmp_path: Path) -> None:
    paths = [plain(tmp_path, content) for content in (CONTENT, os.urandom(PIECE + 1))]
    said: list[str] = []
    assert upkeep.check(store, said.append) == 0
    assert upkeep.rewrap(store, said.append) == 0
    assert said == ["2 whole, key (not encrypted)", "2 rewrapped, 0 were so already, key old"]
    assert not [path for path in paths if path.exists()]
    assert await store.get(NAME) == CONTENT


async def test_the_check_tells_every_file_that_is_not_what_it_should_be(store: Storage, tmp_path: Path) -> None:
    names = [await store.put(content) for content in (CONTENT, b"second", b"third")]
    store.path(names[1]).write_bytes(changed(store.path(names[1]).read_bytes()))
    (tmp_path / "stray").write_bytes(b"put here by hand")
    said: list[str] = []
    assert upkeep.check(store, said.append) == 1
    changed_ones = [
        f"changed: {path}. Restore it from the backup." for path in ("stray", store._told(store.path(names[1])))
    ]
    assert sorted(said) == sorted([*changed_ones, "2 whole, key old"])


@pytest.mark.parametrize("text", ["", "a", "a:", ":QUJD", "a:QUJD", f"a:{'A' * 44}!"])
def test_what_is_no_key_is_refused_at_the_start_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="STS_STORAGE_KEYS: entry 1 is not") as refused:
        read_keys(text, "STS_STORAGE_KEYS")
    assert "QUJD" not in str(refused.value)


# -- what has a name of its own

ANCHOR = "anchors/01a21053-0e66-7e2f-b823-792ea8acb7d1/20261103T020000.000000.json"


async def test_what_has_a_name_is_encrypted_found_by_it_and_written_once(store: Storage, tmp_path: Path) -> None:
    await store.put_named(ANCHOR, CONTENT)
    await store.put_named(ANCHOR, b"another")
    assert await store.named(ANCHOR) == CONTENT
    assert await store.names(ANCHOR.rpartition("/")[0]) == [ANCHOR]
    assert CONTENT not in (tmp_path / ANCHOR).read_bytes()


async def test_what_has_a_name_is_rewrapped(store: Storage, tmp_path: Path) -> None:
    await store.put_named(ANCHOR, CONTENT)
    both = Storage(tmp_path, NEW | OLD)
    assert both.rewrap(tmp_path / ANCHOR)
    assert not both.rewrap(tmp_path / ANCHOR)
    assert await Storage(tmp_path, NEW).named(ANCHOR) == CONTENT
    with pytest.raises(StoredBytesLocked):
        await store.named(ANCHOR)


async def test_whoever_has_no_key_writes_nothing_that_has_a_name(store: Storage, tmp_path: Path) -> None:
    """No hash proves it: an anchor in clear could be anybody's."""
    await store.put_named(ANCHOR, CONTENT)
    store.keep("a note", CONTENT)
    for path in store.files():
        path.write_bytes(b"forged")
        for look in (store.check, store.rewrap):
            with pytest.raises(StoredBytesChanged):
                look(path)
    with pytest.raises(StoredBytesChanged):
        await store.named(ANCHOR)
    with pytest.raises(StoredBytesChanged):
        store.kept("a note")


async def test_what_was_put_in_another_names_place_is_told(store: Storage, tmp_path: Path) -> None:
    await store.put_named(ANCHOR, CONTENT)
    other = ANCHOR.replace("1103", "1104")
    (tmp_path / ANCHOR).rename(tmp_path / other)
    with pytest.raises(StoredBytesChanged):
        await store.named(other)
