"""Whatever is changed in a sealed file, our verification tells it (SPEC D4)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdf import TypedName, stamp, verify
from pdf.verify import verify_here
from tests.pdf.paper import archival, certificate, packed, paper, seal, seal_pem, signer
from tests.pdf.tampering import KINDS, flipped, gap, with_byte, zones
from tests.pdf.test_strangers import TYPED
from tests.pdf.test_tagging import tagged

ORIGINALS = {
    "plain": (paper(2), certificate()),
    "with a cross-reference stream": (packed(paper(2)), TYPED),
    "of two signers": (archival(), certificate(signer(), signer(TypedName("李小龙"), "李小龙"))),
    "tagged": (tagged(), certificate()),
}
FILES = {what: (original, stamp(original, signed_by, seal()).data) for what, (original, signed_by) in ORIGINALS.items()}
TRUSTED = seal_pem()[1]


@pytest.mark.parametrize("what", FILES)
def test_untouched_it_is_valid(what: str) -> None:
    assert verify(FILES[what][1], TRUSTED).valid


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", FILES)
def test_a_change_is_told(kind: str, what: str) -> None:
    original, signed = FILES[what]
    changed = KINDS[kind](original, signed)
    assert changed != signed
    assert not verify(changed, TRUSTED).valid


@pytest.mark.parametrize("zone", zones(*FILES["plain"]))
@pytest.mark.parametrize("what", FILES)
def test_a_changed_bit_or_digit_is_told(zone: str, what: str) -> None:
    original, signed = FILES[what]
    chance = random.Random(zone)
    for _ in range(8):
        at, changed = flipped(signed, zones(original, signed)[zone], chance)
        assert not verify_here(changed, TRUSTED).valid, at


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_byte_that_is_another_is_told(data: st.DataObject) -> None:
    _, signed = FILES[data.draw(st.sampled_from(sorted(FILES)))]
    at = data.draw(st.integers(0, len(signed) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != signed[at]))
    assert not verify_here(with_byte(signed, at, value), TRUSTED).valid


def test_a_changed_bit_anywhere_in_the_seal_is_told() -> None:
    """Also in the copies of certificates and in the frame of the CMS, which no signature covers."""
    _, signed = FILES["plain"]
    start, end = gap(signed)
    length = len(bytes.fromhex(signed[start + 1 : end - 1].decode()).rstrip(b"\0"))
    for index in range(0, length, 11):
        at = start + 1 + 2 * index
        changed = b"%02x" % (int(signed[at : at + 2], 16) ^ (1 << index % 8))
        assert not verify_here(signed[:at] + changed + signed[at + 2 :], TRUSTED).valid, index
