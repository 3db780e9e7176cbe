"""The step that stamps and seals: whatever happens to it, a request has one signed file, made of its original alone."""

import asyncio
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pypdf import PdfReader
from temporalio.exceptions import ApplicationError

import pdf
from activities.stamp import Signature, Stamp, Stamped, Stamping
from chart import consent
from chart.ids import RequestId
from gateways.keys import read_keys
from gateways.postgres import Database
from gateways.storage import Storage, Stored
from tests.conftest import KEY
from tests.office import Office
from tests.papers import changed, drawing

KEYS = read_keys(KEY, "STS_STORAGE_KEYS")


class Dying(Storage):
    """A store under a worker that is killed between noting what it made and storing it."""

    def append(self, stored: Stored, section: bytes) -> str:
        raise KeyboardInterrupt


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
async def store(shelf: Path, storage: Storage, office: Office) -> Storage:
    """With the original in it, and nothing else."""
    own = Storage(shelf, KEYS)
    await own.put(await storage.get(office.note.sha256))
    return own


@pytest.fixture
def stamping(office: Office) -> Stamping:
    """Of a request that is not filed yet."""
    order, request = office.order(), RequestId(uuid4())
    party = order.seats[0].party
    assert party
    mark = Signature(request, party, order.sha256, drawing(), datetime.now(UTC), "192.0.2.7", consent.EDITION)
    return Stamping(order, request, (mark,))


def signed_files(store: Storage, stamping: Stamping) -> list[Path]:
    original = store.path(stamping.order.sha256)
    return [path for path in store.files() if path != original and path.parent.name != "notes"]


async def test_stamping_the_same_request_twice_gives_one_stored_file(
    database: Database, store: Storage, shelf: Path, seal: pdf.Seal, stamping: Stamping
) -> None:
    stamp = Stamp(database, store, seal)
    first, second = await stamp(stamping), await stamp(stamping)
    assert first == second
    assert signed_files(store, stamping) == [store.path(first.sha256)]
    found = pdf.verify(await store.get(first.sha256), seal.chain_pem)
    assert found.valid
    assert found.original_sha256 == stamping.order.sha256


async def test_stamping_the_same_request_at_once_gives_one_stored_file(
    database: Database, store: Storage, shelf: Path, seal: pdf.Seal, stamping: Stamping
) -> None:
    """Whoever comes second may be told to try again, as the engine does."""
    stamp = Stamp(database, store, seal)
    ended = await asyncio.gather(*(stamp(stamping) for _ in range(4)), return_exceptions=True)
    stamped = {each for each in ended if isinstance(each, Stamped)}
    again = [each for each in ended if isinstance(each, ApplicationError) and not each.non_retryable]
    assert len(again) + sum(isinstance(each, Stamped) for each in ended) == 4
    assert signed_files(store, stamping) == [store.path((await stamp(stamping)).sha256)]
    assert stamped <= {await stamp(stamping)}


async def test_a_worker_that_dies_while_it_stamps_leaves_no_second_file(
    database: Database, store: Storage, shelf: Path, seal: pdf.Seal, stamping: Stamping
) -> None:
    with pytest.raises(KeyboardInterrupt):
        Stamp(database, Dying(shelf, KEYS), seal)._stored(
            stamping.order.sha256, *await certificate_and_plan(database, stamping, seal)
        )
    assert signed_files(store, stamping) == []
    noted = store.kept(str(stamping.request_id))
    stamped = await Stamp(database, store, seal)(stamping)
    assert noted
    assert (await store.get(stamped.sha256)).endswith(noted.partition(b"\n")[2])
    assert signed_files(store, stamping) == [store.path(stamped.sha256)]


async def certificate_and_plan(
    database: Database, stamping: Stamping, seal: pdf.Seal
) -> tuple[pdf.Certificate, pdf.Plan | None]:
    return await Stamp(database, Storage(Path(), KEYS), seal)._certificate_and_plan(stamping)


async def test_stamping_never_reads_a_stamped_file(
    database: Database, store: Storage, shelf: Path, seal: pdf.Seal, stamping: Stamping
) -> None:
    """It may be gone, or have become anything: what comes out is the same, and put right."""
    stamp = Stamp(database, store, seal)
    first = await stamp(stamping)
    path = store.path(first.sha256)
    for damage in (path.unlink, lambda: path.write_bytes(b"anything")):
        damage()
        assert await stamp(stamping) == first
        assert pdf.verify(await store.get(first.sha256), seal.chain_pem).valid


@pytest.mark.parametrize(
    "damage",
    [lambda noted: b"", lambda noted: noted[:-1], changed, lambda _: b"1\n"],
    ids=["empty", "cut off", "changed", "nothing but pages"],
)
async def test_a_damaged_note_is_not_used(
    damage: Callable[[bytes], bytes],
    database: Database,
    store: Storage,
    shelf: Path,
    seal: pdf.Seal,
    stamping: Stamping,
) -> None:
    await Stamp(database, store, seal)(stamping)
    note = shelf / "notes" / str(stamping.request_id)
    note.write_bytes(damage(note.read_bytes()))
    again = await Stamp(database, store, seal)(stamping)
    assert pdf.verify(await store.get(again.sha256), seal.chain_pem).valid


@pytest.mark.parametrize(
    "change",
    [
        lambda noted: b"",
        lambda noted: noted[:-1],
        lambda noted: noted.replace(b"/Rotate 0", b"/Rotate 9"),
        lambda _: b"1\n",
    ],
    ids=["empty", "cut off", "changed", "nothing but pages"],
)
async def test_a_note_of_something_else_is_not_used(
    change: Callable[[bytes], bytes], database: Database, store: Storage, seal: pdf.Seal, stamping: Stamping
) -> None:
    """As somebody would write it who has the keys."""
    await Stamp(database, store, seal)(stamping)
    note = str(stamping.request_id)
    noted = store.kept(note)
    assert noted
    assert change(noted) != noted
    store.forget(note)
    store.keep(note, change(noted))
    again = await Stamp(database, store, seal)(stamping)
    assert pdf.verify(await store.get(again.sha256), seal.chain_pem).valid


def moved(_: Storage, shelf: Path, mine: Stamping, other: Stamping) -> None:
    (shelf / "notes" / str(mine.request_id)).rename(shelf / "notes" / str(other.request_id))


def written(store: Storage, _: Path, mine: Stamping, other: Stamping) -> None:
    noted = store.kept(str(mine.request_id))
    assert noted
    store.keep(str(other.request_id), noted)


@pytest.mark.parametrize("place", [moved, written])
async def test_the_note_of_another_request_is_not_used(
    place: Callable[[Storage, Path, Stamping, Stamping], None],
    database: Database,
    store: Storage,
    shelf: Path,
    seal: pdf.Seal,
    stamping: Stamping,
) -> None:
    first = await Stamp(database, store, seal)(stamping)
    other = Stamping(stamping.order, RequestId(uuid4()), stamping.signatures)
    place(store, shelf, stamping, other)
    second = await Stamp(database, store, seal)(other)
    assert second.sha256 != first.sha256
    fields = PdfReader(io.BytesIO(await store.get(second.sha256))).get_fields()
    assert fields
    assert list(fields) == [f"ShareToSign-{other.request_id}"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "The shared version is missing from the store. Restore it, then resume."),
        (
            lambda path: path.write_bytes(changed(path.read_bytes())),
            "The shared version in the store was changed. Restore it, then resume.",
        ),
        (lambda path: path.write_bytes(b""), "The shared version in the store was changed. Restore it, then resume."),
    ],
    ids=["missing", "changed", "empty"],
)
async def test_a_stored_file_that_is_missing_or_has_another_hash_never_becomes_a_signed_document(
    spoil: Callable[[Path], object],
    told: str,
    database: Database,
    store: Storage,
    shelf: Path,
    seal: pdf.Seal,
    stamping: Stamping,
) -> None:
    spoil(store.path(stamping.order.sha256))
    with pytest.raises(ApplicationError) as refused:
        await Stamp(database, store, seal)(stamping)
    assert refused.value.non_retryable
    assert refused.value.message == told
    assert signed_files(store, stamping) == []
    assert store.kept(str(stamping.request_id)) is None


async def test_an_original_whose_key_is_not_at_hand_waits_for_it(
    database: Database, store: Storage, shelf: Path, seal: pdf.Seal, stamping: Stamping
) -> None:
    with pytest.raises(ApplicationError) as refused:
        await Stamp(database, Storage(shelf, {"another": KEYS["test"]}), seal)(stamping)
    assert refused.value.non_retryable
    assert refused.value.message == "The shared version's key is not in STS_STORAGE_KEYS. Add it, then resume."
    assert signed_files(store, stamping) == []
    assert pdf.verify(await store.get((await Stamp(database, store, seal)(stamping)).sha256), seal.chain_pem).valid
