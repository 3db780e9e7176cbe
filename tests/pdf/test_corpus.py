"""Public and made files: each is signed well, or refused with a reason; never silently bad (`./sts bench corpus`)."""

import dataclasses
import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from pypdf.generic import ArrayObject, NumberObject

from benchmarks import corpus as bench
from benchmarks.__main__ import main as benchmark
from benchmarks.corpus import Outcome
from pdf import Plan, Reason, Unfit, Way, inspect, stamp
from pdf.confine import Failed
from pdf.intake import MESSAGES
from tests.pdf.paper import CORPUS, certificate, changed, content, corpus, paper, seal, signed_before

EVERY = 12
"""Of the corpus' files, so that the tests stay quick; all of them take some minutes."""


def test_nothing_is_silently_bad_and_nothing_hangs() -> None:
    results = bench.judge_all(corpus()[::EVERY], CORPUS)
    wrong = [each for each in results if each.outcome in {Outcome.BAD, Outcome.HANG}]
    assert not wrong
    reasons = [each.why[0] for each in results if each.outcome is Outcome.REFUSED]
    assert set(reasons) <= {str(reason) for reason in MESSAGES}, "a parser failed in a way that is not expected"
    viewable = [each for each in results if each.viewable]
    assert sum(each.outcome is Outcome.GOOD for each in viewable) >= 0.95 * len(viewable)


def test_what_opens_and_is_not_signed_is_accepted() -> None:
    """Nothing that a viewer shows, and that is neither protected nor signed nor nothing but a cover, is turned away."""
    corpus()
    plain = [
        CORPUS / entry["file"]
        for entry in json.loads((CORPUS / "manifest.json").read_text())
        if entry.get("open") == "ok" and not {"enc_userpw", "sigobj", "byterange", "xfa"} & set(entry["tags"])
    ]
    for path in plain[5 :: EVERY * 2]:
        try:
            assert inspect(path.read_bytes()).pages
        except Unfit as unfit:
            if unfit.reason not in {Reason.PORTFOLIO, Reason.ENCRYPTED} or isinstance(unfit.__cause__, Failed):
                pytest.fail(f"{path.name}: {unfit.reason}")


def test_the_benchmark_tells_of_each_file_and_ends_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "plain.pdf").write_bytes(paper(2))
    (tmp_path / "turned.PDF").write_bytes(changed(paper(), Rotate=NumberObject(90)))
    (tmp_path / "nothing.pdf").write_bytes(b"")
    assert benchmark(["corpus", str(tmp_path), "--json", str(tmp_path / "found.json")]) == 0
    table = capsys.readouterr().out
    assert "refused: empty" in table
    assert "100.0% of the 2 viewable files" in table
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["outcomes"] == {"good": 2, "refused": 1}
    assert {each["file"] for each in found["results"]} == {"below/plain.pdf", "turned.PDF", "nothing.pdf"}


@pytest.mark.parametrize("signers", [1, 2])
def test_a_stamp_is_told_from_one_that_is_turned_or_mirrored(signers: int) -> None:
    for made in bench.Tools.made(signers).models.values():
        model = Image.open(io.BytesIO(made))
        paper = ImageChops.invert(model)
        assert bench.stands_out(paper, model)
        assert not any(bench.stands_out(paper.transpose(how).resize(paper.size), model) for how in Image.Transpose)


def test_each_kind_of_badness_is_seen() -> None:
    tools = bench.Tools.made()
    original = paper(2)
    inspected = inspect(original)

    def found(signed: bytes, before: bytes = original, plan: Plan = inspected.plan) -> str:
        looked = dataclasses.replace(inspected, data=before, plan=plan)
        return " ".join(bench._looked_at(before, looked, signed, tools, False)[0]["bad"])

    def signed_from(other: bytes) -> bytes:
        return bench._stamped(other, inspected.plan, tools)[1]

    signed = signed_from(original)
    assert not found(signed)
    assert "not its beginning" in found(signed, original.replace(b"ReportLab", b"SomeOther", 1))
    assert "verification" in found(signed + b"x")
    assert "number of pages" in found(original)
    assert "number of pages" in found(signed, plan=dataclasses.replace(inspected.plan, way=Way.WIDGET))
    assert "does not show" in found(original)
    assert "does not show" in found(original, plan=Plan(Way.CERTIFICATE))
    emptied = found(signed_from(changed(original, Contents=content(b""))))
    assert "text is lost" in emptied
    assert "pixels changed" in emptied
    turned = signed_from(changed(original, Rotate=NumberObject(180))).replace(b"/Rotate 180", b"/Rotate   0")
    assert "upright" in found(turned)
    smaller = changed(original, MediaBox=ArrayObject(map(NumberObject, (0, 0, 500, 600))))
    assert "in its place" in found(signed_from(smaller))
    earlier = signed_before(original)
    assert "earlier signature" in found(stamp(earlier, certificate(), seal(), inspected.plan).data, earlier)


def test_a_signed_file_counts_as_one_that_can_be_signed(tmp_path: Path) -> None:
    (tmp_path / "signed.pdf").write_bytes(signed_before(paper()))
    (result,) = bench.judge_all([tmp_path / "signed.pdf"], tmp_path, signers=3)
    assert (result.outcome, result.way, result.signed_before) == (Outcome.GOOD, Way.WIDGET, True)
