"""Public and made files: each is signed well, or refused with a reason; never silently bad (`./sts bench corpus`)."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from pypdf.generic import ArrayObject, NumberObject

from benchmarks import corpus as bench
from benchmarks.__main__ import main as benchmark
from benchmarks.corpus import Outcome
from pdf import Reason, Unfit, inspect
from pdf.confine import Failed
from pdf.intake import MESSAGES
from tests.pdf.paper import CORPUS, changed, content, corpus, paper

EVERY = 12
"""Of the corpus' files, so that the tests stay quick; all of them take some minutes."""


def test_nothing_is_silently_bad_and_nothing_hangs() -> None:
    results = bench.judge_all(corpus()[::EVERY], CORPUS)
    wrong = [each for each in results if each.outcome in {Outcome.BAD, Outcome.HANG}]
    assert not wrong
    reasons = [each.why[0] for each in results if each.outcome is Outcome.REFUSED]
    assert set(reasons) <= {str(reason) for reason in MESSAGES}, "a parser failed in a way that is not expected"
    plain = [each for each in results if each.viewable and Reason.ALREADY_SIGNED not in each.why]
    assert sum(each.outcome is Outcome.GOOD for each in plain) >= 0.95 * len(plain)


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


def test_a_stamp_is_told_from_one_that_is_turned_or_mirrored() -> None:
    tools = bench.Tools.made()
    model = Image.open(io.BytesIO(tools.model))
    upright = bench._likeness(model, model)
    assert upright > 0.99
    assert all(bench._likeness(model, model.transpose(how).resize(model.size)) < 0.5 for how in Image.Transpose)


def test_each_kind_of_badness_is_seen() -> None:
    tools = bench.Tools.made()
    original = paper(2)

    def seen(signed: bytes, before: bytes = original) -> str:
        return " ".join(bench._looked_at(before, before, signed, tools, False)[0]["bad"])

    def signed_from(other: bytes) -> bytes:
        return bench._stamped(other, tools.seal)[1]

    signed = signed_from(original)
    assert not seen(signed)
    assert "not its beginning" in seen(signed, original.replace(b"ReportLab", b"SomeOther", 1))
    assert "verification" in seen(signed + b"x")
    assert "number of pages" in seen(original)
    assert "does not show" in seen(original)
    emptied = seen(signed_from(changed(original, Contents=content(b""))))
    assert "text is lost" in emptied
    assert "pixels changed" in emptied
    turned = signed_from(changed(original, Rotate=NumberObject(180))).replace(b"/Rotate 180", b"/Rotate   0")
    assert "upright" in seen(turned)
    smaller = changed(original, MediaBox=ArrayObject(map(NumberObject, (0, 0, 500, 600))))
    assert "in its place" in seen(signed_from(smaller))
