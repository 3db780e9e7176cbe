"""Whether a file is what the service sealed (SPEC D4)."""

import asyncio
import dataclasses
import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto.cms import ContentInfo

from pdf import CannotStamp, Seal, Unfit, UnusableSeal, Verification, inspect, make_demo_seal, stamp, verify
from pdf.field import Sealed
from pdf.stamp import Draft
from pdf.verify import NotAsSealed, check_sealed, verify_here
from tests.pdf.paper import certificate, corpus, paper, seal, seal_pem

ORIGINAL = paper(2)


@pytest.fixture(scope="module")
def signed() -> bytes:
    return stamp(ORIGINAL, certificate(), seal()).data


@pytest.fixture(scope="module")
def trusted() -> bytes:
    return seal_pem()[1]


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


# -- what we check of a file that we have just sealed, which is quicker than verifying it


@pytest.fixture(scope="module")
def just_sealed() -> tuple[Sealed, int]:
    draft = Draft.of(ORIGINAL, certificate(), seal())
    return draft.field.seal(seal()), draft.pages


def test_what_the_quick_check_accepts_is_valid_to_the_strict_one(trusted: bytes) -> None:
    """Of every kind of file: the quick check decides what is stored, pyHanko whether it decided well."""
    accepted = 0
    for path in corpus()[::15]:
        try:
            original = inspect(path.read_bytes()).data
        except Unfit:
            continue
        accepted += 1
        assert verify_here(stamp(original, certificate(), seal()).data, trusted).valid, path.name
    assert accepted > 5


def altered(sealed: Sealed) -> dict[str, bytes]:
    section = sealed.section
    start, end = section.index(b"/Contents <") + 10, section.index(b">", section.index(b"/Contents <")) + 1
    return {
        "a byte that is covered": section.replace(b"/Rotate 0", b"/Rotate 9", 1),
        "a digit of the seal": section[: start + 900]
        + b"%x" % (int(section[start + 900 : start + 901], 16) ^ 1)
        + section[start + 901 :],
        "the padding": section[: end - 3] + b"01" + section[end - 1 :],
        "the range": re.sub(rb"/ByteRange \[0 (\d+) (\d+) (\d)", rb"/ByteRange [0 \1 \2 1", section),
        "the certification": section.replace(b"/P 1\n", b"/P 2\n"),
        "the field": section.replace(b"/FT /Sig", b"/FT /Btn"),
        "bytes behind it": section + b"\n",
        "an end cut off": section[:-3],
        "nothing": b"",
    }


@pytest.mark.parametrize("what", altered(Draft.of(ORIGINAL, certificate(), seal()).field.seal(seal())))
def test_the_quick_check_refuses(what: str, just_sealed: tuple[Sealed, int]) -> None:
    sealed, pages = just_sealed
    check_sealed(sealed, seal(), pages)
    changed = altered(sealed)[what]
    assert changed != sealed.section
    with pytest.raises(NotAsSealed):
        check_sealed(dataclasses.replace(sealed, section=changed), seal(), pages)


def test_the_quick_check_refuses_another_original_page_count_and_key(just_sealed: tuple[Sealed, int]) -> None:
    sealed, pages = just_sealed
    other = Seal.load(*make_demo_seal("Riverside Clinic"))
    with pytest.raises(NotAsSealed):
        check_sealed(dataclasses.replace(sealed, hashed=hashlib.sha256(b"another")), seal(), pages)
    with pytest.raises(NotAsSealed):
        check_sealed(sealed, seal(), pages + 1)
    with pytest.raises(NotAsSealed):
        check_sealed(sealed, other, pages)


def test_a_seal_is_what_pyhanko_makes_but_for_digest_and_signature() -> None:
    digests = [hashlib.sha256(bytes(number)).digest() for number in range(300)]
    for digest in digests:
        made = seal().sign(digest)
        assert seal().is_seal(made, digest)
    assert not seal().is_seal(seal().sign(digests[0]), digests[1])
    assert ContentInfo.load(made, strict=True).dump(force=True) == made
    again = asyncio.run(seal()._signer.async_sign(digests[0], "sha256", use_pades=True))
    signature = again["content"]["signer_infos"][0]["signature"].native
    assert seal()._pattern[0].filled(digests[0], signature) == again.dump()


def test_an_expired_seal_seals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdf.seal.DEMO_YEARS", 0)
    with pytest.raises(CannotStamp):
        stamp(ORIGINAL, certificate(), Seal.load(*make_demo_seal("Expired")))
