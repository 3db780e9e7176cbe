"""What is valid PDF/A-1b stays so when it is signed (ISO 19005-1), by the word of PDFBox's Preflight."""

import json
from pathlib import Path

import pytest

from pdf import Note, Plan, TypedName, Unfit, Way, inspect, stamp
from tests.pdf.paper import CORPUS, archival, certificate, corpus, paper, seal, signer
from tests.pdf.strangers import preflight
from tests.pdf.test_scripts import NAMES
from tests.pdf.test_strangers import SEVERAL, SPANISH, TYPED
from tests.pdf.test_timestamp import stamped

CERTIFICATES = {
    "drawn": certificate(),
    "typed": TYPED,
    "several": SEVERAL,
    "Spanish": SPANISH,
    "every script": certificate(*(signer(TypedName(name), name) for name in NAMES.values())),
}

TIME_STAMPED = "time-stamped"


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of the document before, and of each signed copy; and of a plain one."""
    folder = tmp_path_factory.mktemp("archival")
    made = {"before": archival(), "plain": paper()}
    made |= {how: stamp(archival(), signed_by, seal()).data for how, signed_by in CERTIFICATES.items()}
    made |= {way: stamp(archival(), certificate(), seal(), Plan(way)).data for way in Way}
    made[TIME_STAMPED] = stamped(made["drawn"])
    for what, document in made.items():
        (folder / f"{what}.pdf").write_bytes(document)
    return {file.stem: found for file, found in preflight(sorted(folder.iterdir())).items()}


@pytest.mark.parametrize("how", [*CERTIFICATES, *Way, TIME_STAMPED])
def test_a_document_for_the_archive_stays_one(how: str, errors: dict[str, str]) -> None:
    assert errors["before"] == ""
    assert errors[how] == ""


def test_preflight_tells_what_is_no_pdfa(errors: dict[str, str]) -> None:
    assert errors["plain"]


def test_no_pdfa_of_the_corpus_is_made_worse(tmp_path: Path) -> None:
    """Also those that intake had to mend, and those that were faulty before; each its way, and with a time stamp."""
    corpus()
    tagged = [entry["file"] for entry in json.loads((CORPUS / "manifest.json").read_text()) if "pdfa" in entry["tags"]]
    before, after = {}, {}
    for number, file in enumerate(tagged):
        try:
            inspected = inspect((CORPUS / file).read_bytes())
        except Unfit:
            continue
        before[file], after[file] = tmp_path / f"{number}-before.pdf", tmp_path / f"{number}-after.pdf"
        before[file].write_bytes(inspected.data)
        signed = stamp(inspected.data, certificate(), seal(), inspected.plan).data
        # what others have signed gets a time stamp without the appearance that PDF/A-1 wants: decision 013
        after[file].write_bytes(signed if Note.SIGNED_BEFORE in inspected.notes else stamped(signed))
    found = preflight([*before.values(), *after.values()])
    assert sum(found[before[file]] == "" for file in before) >= 2, "some are valid"
    worse = {
        file: found[after[file]]
        for file in before
        if set(found[after[file]].split()) - set(found[before[file]].split())
    }
    assert not worse
