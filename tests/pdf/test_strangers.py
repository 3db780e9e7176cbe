"""What we seal is valid to programs that share nothing with us, and a change of it is not (SPEC D4)."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf.generic import NumberObject

from pdf import Certificate, TypedName, stamp
from tests.pdf import strangers
from tests.pdf.paper import archival, box, certificate, changed, packed, paper, prepared, seal, seal_pem, signer
from tests.pdf.strangers import STRANGERS, Verdicts
from tests.pdf.test_tagging import tagged

TYPED = certificate(signer(TypedName("Renée Fictional"), "Renée Fictional"))
SEVERAL = certificate(
    signer(),
    signer(TypedName("李小龙"), "李小龙"),
    signer(name="محمد الأحمد"),
    *(signer(name=f"No. {n}") for n in range(5)),
)
SPANISH = dataclasses.replace(certificate(), language="es", redisclosure_notice=True)

DOCUMENTS: dict[str, tuple[Callable[[], bytes], Certificate]] = {
    "a drawn signature": (lambda: paper(2), certificate()),
    "a typed signature": (lambda: paper(2), TYPED),
    "several signers": (lambda: paper(2), SEVERAL),
    "a Spanish certificate with the notice": (paper, SPANISH),
    "a cross-reference stream": (lambda: packed(paper(3)), certificate()),
    "a turned and cropped page": (
        lambda: changed(paper(2), Rotate=NumberObject(90), CropBox=box(50, 60, 500, 700)),
        certificate(),
    ),
    "a PDF/A": (archival, certificate()),
    "a tagged document": (tagged, certificate()),
    "fields prepared for signatures of others": (lambda: prepared(paper(2)), certificate()),
    "300 pages": (lambda: paper(300), certificate()),
}


@dataclasses.dataclass(frozen=True)
class Files:
    originals: dict[str, Path]
    signed: dict[str, Path]
    trusted: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Each document before and after, and the authority's certificate."""
    folder = tmp_path_factory.mktemp("sealed")
    made = Files({}, {}, folder / "authority.pem")
    made.trusted.write_bytes(seal_pem()[1].partition(b"-----END CERTIFICATE-----\n")[2])
    for number, (what, (document, signed_by)) in enumerate(DOCUMENTS.items()):
        original = document()
        made.originals[what] = folder / f"{number}-original.pdf"
        made.originals[what].write_bytes(original)
        made.signed[what] = folder / f"{number}-signed.pdf"
        made.signed[what].write_bytes(stamp(original, signed_by, seal()).data)
    return made


@pytest.fixture(scope="module", params=STRANGERS)
def verdicts(request: pytest.FixtureRequest, files: Files) -> Verdicts:
    """Of one stranger: of all files at once, as some of them take a second to start."""
    return STRANGERS[request.param](list(files.signed.values()), files.trusted)


@pytest.mark.parametrize("what", DOCUMENTS)
def test_strangers_find_it_valid(what: str, files: Files, verdicts: Verdicts) -> None:
    assert verdicts[files.signed[what]] == ""


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_see_a_change(stranger: str, files: Files, tmp_path: Path) -> None:
    """Or their word above would be worth nothing."""
    signed = files.signed["a drawn signature"].read_bytes()
    changes = {
        "a letter": signed.replace(b"of a progress note", b"of a progress vote", 1),
        "a comment": signed + b"% more\n",
    }
    for what, change in changes.items():
        (tmp_path / f"{what}.pdf").write_bytes(change)
    verdicts = STRANGERS[stranger](sorted(tmp_path.iterdir()), files.trusted)
    assert len(verdicts) == len(changes)
    assert all(verdicts.values())


@pytest.mark.parametrize("what", DOCUMENTS)
def test_qpdf_has_no_new_complaint(what: str, files: Files) -> None:
    assert strangers.qpdf(files.signed[what]) == strangers.qpdf(files.originals[what])
