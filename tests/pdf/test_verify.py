"""Whether a file is what the service sealed (SPEC D4)."""

import hashlib
import io
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from pypdf import PdfWriter

from pdf import Seal, UnusableSeal, Verification, make_demo_seal, stamp, verify
from pdf.update import Update, dictionary
from pdf.verify import verify_here
from tests.pdf.paper import certificate, corpus, paper, seal, seal_pem, written

ORIGINAL = paper(2)


@pytest.fixture(scope="module")
def signed() -> bytes:
    return stamp(ORIGINAL, certificate(), seal()).data


@pytest.fixture(scope="module")
def trusted() -> bytes:
    return seal_pem()[1]


def contents(signed: bytes) -> tuple[int, int]:
    """Where the seal is: offsets of the brackets of /Contents."""
    byte_range = re.search(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", signed)
    assert byte_range
    return int(byte_range[1]), int(byte_range[2])


def test_a_sealed_file_is_valid_and_tells_the_hash_of_its_original(signed: bytes, trusted: bytes) -> None:
    found = verify(signed, trusted)
    assert found.valid
    assert found.original_sha256 == hashlib.sha256(ORIGINAL).hexdigest()
    assert found.sealed_at
    assert abs(found.sealed_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_another_file_is_not_sealed(trusted: bytes) -> None:
    for other in (ORIGINAL, b"", b"nothing", b"%PDF-1.7\n"):
        assert verify(other, trusted) == Verification(sealed=False)


def test_somebody_elses_seal_is_intact_but_not_trusted(signed: bytes) -> None:
    _, others = make_demo_seal("Riverside Clinic")
    found = verify(signed, others)
    assert found.intact
    assert not found.trusted
    assert not found.valid


def test_the_authority_alone_is_enough_to_trust(signed: bytes, trusted: bytes) -> None:
    _, _, authority = trusted.partition(b"-----END CERTIFICATE-----\n")
    assert verify(signed, authority).valid


@pytest.mark.parametrize("zone", ["original", "update", "behind the seal", "seal", "padding"])
def test_a_changed_byte_is_told(zone: str, signed: bytes, trusted: bytes) -> None:
    start, end = contents(signed)
    der = len(signed[start + 1 : end - 1].rstrip(b"0"))
    first, last = {
        "original": (0, len(ORIGINAL)),
        "update": (len(ORIGINAL), start),
        "behind the seal": (end, len(signed)),
        "seal": (start + 1, start + der),
        "padding": (start + der + 4, end - 1),
    }[zone]
    chance = random.Random(zone)
    for _ in range(12):
        at = chance.randrange(first, last)
        changed = bytearray(signed)
        if zone in {"seal", "padding"}:
            changed[at] = ord(chance.choice([digit for digit in "0123456789abcdef" if ord(digit) != changed[at]]))
        else:
            changed[at] ^= 1 << chance.randrange(8)
        assert not verify_here(bytes(changed), trusted).valid, at


def appended(signed: bytes) -> dict[str, bytes]:
    update = Update(signed)
    update.catalog()
    update.add(dictionary())
    return {
        "bytes": signed + b"\n% hello\n",
        "nothing but a line end": signed + b"\n",
        "an update": signed + bytes(update.write().section),
        "a rewrite": written(PdfWriter(clone_from=io.BytesIO(signed))),
        "the end cut off": signed[:-30],
        "the original alone": ORIGINAL,
    }


def test_a_changed_bit_anywhere_in_the_seal_is_told(signed: bytes, trusted: bytes) -> None:
    """Also in the copies of certificates and in the frame of the CMS, which no signature covers."""
    start, end = contents(signed)
    length = len(bytes.fromhex(signed[start + 1 : end - 1].decode()).rstrip(b"\0"))
    for index in range(0, length, 11):
        at = start + 1 + 2 * index
        changed = b"%02x" % (int(signed[at : at + 2], 16) ^ (1 << index % 8))
        assert not verify_here(signed[:at] + changed + signed[at + 2 :], trusted).valid, index


@pytest.mark.parametrize("what", appended(stamp(ORIGINAL, certificate(), seal()).data))
def test_what_was_appended_or_cut_off_is_told(what: str, signed: bytes, trusted: bytes) -> None:
    assert not verify(appended(signed)[what], trusted).valid


def test_hostile_files_are_not_sealed_and_do_not_hang(trusted: bytes) -> None:
    for path in corpus("synth__bomb_nested", "synth__bomb_prev", "synth__bomb_pages"):
        assert not verify(path.read_bytes(), trusted).sealed


def test_a_seal_needs_its_own_p256_key_unencrypted() -> None:
    key, chain = seal_pem()
    other_key, _ = make_demo_seal("Other")
    for wrong_key, wrong_chain in ((b"", chain), (key, b""), (other_key, chain), (chain, key)):
        with pytest.raises(UnusableSeal):
            Seal.load(wrong_key, wrong_chain)


def test_a_seal_says_whose_it_is() -> None:
    assert seal().organisation == "Riverside Clinic"
    assert Seal.load(*make_demo_seal("Ö" * 200)).organisation.startswith("ÖÖ")
