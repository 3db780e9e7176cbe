"""Public and made files: whatever is accepted can be stamped, and shows what it showed before."""

import json
from collections import Counter

import pytest

from pdf import Reason, Unfit, inspect, stamp, verify
from pdf.confine import Failed
from tests.pdf.paper import CORPUS, certificate, corpus, seal, seal_pem

EVERY = 10
"""Of the corpus' files, so that the tests stay quick; all of them take a minute."""


def test_what_is_accepted_can_be_stamped() -> None:
    reasons = Counter[str]()
    for path in corpus()[::EVERY]:
        try:
            inspected = inspect(path.read_bytes())
        except Unfit as unfit:
            if isinstance(unfit.__cause__, Failed):
                pytest.fail(f"{path.name}: {unfit.__cause__}")
            reasons[unfit.reason] += 1
            continue
        signed = stamp(inspected.data, certificate(), seal())
        assert signed.data.startswith(inspected.data)
        assert signed.pages > inspected.pages
        reasons["accepted"] += 1
    assert reasons["accepted"] > sum(reasons.values()) / 2
    assert reasons[Reason.CANNOT_BE_STAMPED] <= 2


def test_what_opens_and_is_plain_is_accepted() -> None:
    """Nothing that a viewer shows, and that is neither protected, signed nor active, is turned away."""
    corpus()
    plain = [
        CORPUS / entry["file"]
        for entry in json.loads((CORPUS / "manifest.json").read_text())
        if entry.get("open") == "ok"
        and not {"encrypt_kw", "sigobj", "byterange", "js", "aa", "embedded", "xfa", "launch"} & set(entry["tags"])
        and not any(tag.startswith("act/") for tag in entry["tags"])
    ]
    for path in plain[:: EVERY * 2]:
        try:
            assert inspect(path.read_bytes()).pages
        except Unfit as unfit:
            if unfit.reason != Reason.ACTIVE_CONTENT:  # the manifest's tags know little of it
                pytest.fail(f"{path.name}: {unfit.reason}")


def test_a_sample_of_it_verifies_in_a_confined_process() -> None:
    for path in corpus("synth__page_")[:3]:
        signed = stamp(inspect(path.read_bytes()).data, certificate(), seal())
        assert verify(signed.data, seal_pem()[1]).valid
