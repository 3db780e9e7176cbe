"""The structure that a screen reader follows is not made worse by signing (PDF/UA, ISO 14289-1)."""

import json

import pytest

from pdf import Certificate, Unfit, Way, inspect, stamp
from tests.pdf.paper import CORPUS, certificate, corpus, seal
from tests.pdf.structure import Complaints, complaints
from tests.pdf.test_strangers import SEVERAL, SPANISH, TYPED
from tests.pdf.test_tagging import tagged

EVERY = 3
"""Of the corpus' tagged files, beside all that claim to be PDF/UA."""


@pytest.mark.parametrize(
    "signed_by", [certificate(), TYPED, SEVERAL, SPANISH], ids=["drawn", "typed", "many", "Spanish"]
)
@pytest.mark.parametrize("kids", [False, True], ids=["flat", "with kids"])
def test_a_document_without_fault_has_none_when_it_is_signed(signed_by: Certificate, kids: bool) -> None:
    assert complaints(tagged(kids=kids)) == Complaints()
    assert complaints(stamp(tagged(kids=kids), signed_by, seal()).data) == Complaints()


def test_no_tagged_document_of_the_corpus_is_made_worse() -> None:
    corpus()
    entries = [entry for entry in json.loads((CORPUS / "manifest.json").read_text()) if "tagged" in entry["tags"]]
    claim = [entry for entry in entries if "pdfua" in entry["tags"]]
    worse, seen = {}, 0
    for entry in claim + [entry for entry in entries if entry not in claim][::EVERY]:
        try:
            inspected = inspect((CORPUS / entry["file"]).read_bytes())
        except Unfit:
            continue
        if inspected.plan.way is Way.WIDGET:  # to a structure that others have signed nothing may be added
            continue
        seen += 1
        signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
        if more := complaints(signed) - complaints(inspected.data):
            worse[entry["file"]] = more
    assert not worse
    assert seen > 15


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (b"/Alt ", "a Figure without description"),
        (b"/TU ", "a field without a name to read out"),
        (b"/StructParent ", "an annotation that the parent tree does not know"),
        (b"/StructParents ", "marked content that the parent tree does not know"),
        (b"/Tabs ", "a page with annotations whose order is not that of the structure"),
        (b"/Stm ", "marked content that no element holds"),
        (b"/Obj ", "an annotation that no element holds"),
    ],
)
def test_each_fault_is_seen(entry: bytes, complaint: str) -> None:
    """An entry of what we add, misspelt: or that there is no complaint would be worth nothing."""
    original = tagged()
    signed = stamp(original, certificate(), seal()).data
    assert entry in signed[len(original) :]
    misspelt = original + signed[len(original) :].replace(entry, entry.swapcase())
    assert complaints(misspelt)[complaint]
