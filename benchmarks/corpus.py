"""Any folder of PDFs: is each one signed well, or refused with a reason, or silently made bad, or does it hang?

Each file goes the way of an upload: it is inspected, and what is accepted is stamped with a drawn signature. The result
is then looked at from outside, by PDFium, pypdf, pyHanko, our own verification and, where it is installed, qpdf.
"""

import argparse
import io
import json
import math
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops
from pypdf import PdfReader, apply_configuration
from pypdf.generic import DictionaryObject
from reportlab.pdfgen.canvas import Canvas

from pdf import (
    Certificate,
    Drawing,
    Inspected,
    Plan,
    Point,
    Reason,
    Seal,
    Signer,
    Unfit,
    Way,
    inspect,
    make_demo_seal,
    stamp,
)
from pdf.active import Finding, findings
from pdf.cms import DAMAGED
from pdf.confine import Facts, Failed, GaveUp, Limits, confined
from pdf.earlier import are_kept
from pdf.intake import Note
from pdf.likeness import Unviewable, contrast, differs, page_count, view
from pdf.picture import sizes
from pdf.placement import Geometry, Rectangle
from pdf.plan import Arranged, Ground, Room, Size, arrange
from pdf.sanitise import Change
from pdf.update import READING, UNREADABLE
from pdf.verify import verify_here

WORKERS = 2

STAMPING = Limits(cpu_seconds=6, wall_seconds=20.0, memory=2**30)
"""What signing an accepted file may cost, as for its intake."""

LOOKING = Limits(cpu_seconds=30, wall_seconds=60.0, memory=2**30 + 2**29)
"""The checks, which see several pages of three versions, are none of the service's work."""

TOO_LONG = 30.0
"""Seconds for an intake that should have been ended by its own limits."""

QPDF = shutil.which("qpdf")
QPDF_WITHIN = 30.0

SMALLEST_UPRIGHT = 24
"""Pixels of a stamp's shorter side below which no eye tells which way up it is."""

LEAST_CONTRAST = 0.2
"""Of a stamp on white paper: enough where a part of it lies on dark ground."""

SIGNED_BEFORE = {Reason.ALREADY_SIGNED, Reason.SIGNING_FORBIDDEN, Note.SIGNED_BEFORE, Note.BROKEN_BEFORE}


class Outcome(StrEnum):
    GOOD = "good"
    REFUSED = "refused"
    BAD = "silently bad"
    HANG = "hang"


@dataclass(frozen=True)
class Result:
    file: str
    outcome: Outcome
    why: tuple[str, ...]
    """The reason of a refusal, or what is bad."""

    viewable: bool
    """PDFium shows the first page of the file as it came, without a password."""

    signed_before: bool
    changes: tuple[str, ...]
    way: str
    """Which way it was signed; empty if it was refused."""

    ground: str
    """What the stamp lies on; empty if no page of the document shows it."""

    inspect_seconds: float
    stamp_seconds: float


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="every .pdf in it and below it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what is found to this file, too")
    parser.add_argument("--signers", type=int, default=1, metavar="N", help="sign each file with so many signatures")


def run(chosen: argparse.Namespace) -> int:
    """1 if a file is silently bad, or hangs."""
    files = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() == ".pdf" and path.is_file())
    if not files:
        raise SystemExit(f"There are no PDFs in {chosen.folder}.")
    results = judge_all(files, chosen.folder, chosen.signers)
    print("\n".join(table(results)))
    if chosen.json:
        chosen.json.write_text(json.dumps(summary(results), indent=1, ensure_ascii=False) + "\n")
    return int(any(each.outcome in {Outcome.BAD, Outcome.HANG} for each in results))


def judge_all(files: Iterable[Path], folder: Path, signers: int = 1) -> list[Result]:
    tools = Tools.made(signers)
    with ThreadPoolExecutor(WORKERS) as threads:
        return list(threads.map(lambda path: judge(path.read_bytes(), str(path.relative_to(folder)), tools), files))


@dataclass(frozen=True)
class Tools:
    signers: int
    seal: tuple[bytes, bytes]
    models: dict[tuple[Way, int], bytes]
    """Stamps on white, as images of their ink, by their way and columns: what each one should look like."""

    @classmethod
    def made(cls, signers: int = 1) -> "Tools":
        seal = make_demo_seal("Corpus")
        blank = io.BytesIO()
        canvas = Canvas(blank, pagesize=(1000, 1000))
        canvas.showPage()
        canvas.save()
        models: dict[tuple[Way, int], bytes] = {}
        for way in (Way.PAGE, Way.WIDGET):
            for columns, (width, height) in enumerate(_sizes(way, signers), 1):
                # a room in which this number of columns is best
                plan = Plan(way, (Room(Rectangle(100, 100, 100 + width, 100 + height), Ground.LIGHT),))
                stamped = stamp(blank.getvalue(), _certificate(signers), Seal.load(*seal), plan).data
                page, model = view(stamped, 0), io.BytesIO()
                ImageChops.invert(page).crop(_pixels(page, _share(_place(stamped, 0, plan, signers)))).save(
                    model, "PNG"
                )
                models[way, columns] = model.getvalue()
        return cls(signers, seal, models)


def judge(upload: bytes, file: str, tools: Tools) -> Result:
    """Blocks; everything that reads the file runs in confined processes."""
    viewable = _is_viewable(upload)
    started = time.monotonic()
    inspected, reason = _inspected(upload)
    inspect_seconds = time.monotonic() - started
    if inspected:
        inspected = replace(inspected, plan=inspected.plan.with_signers(tools.signers))

    def result(outcome: Outcome, why: Iterable[str] = (), stamp_seconds: float = 0.0) -> Result:
        signed = bool(SIGNED_BEFORE & set(inspected.notes if inspected else [reason]))
        changes = inspected.changes if inspected else ()
        way = inspected.plan.way if inspected else ""
        ground = inspected.plan.rooms[0].ground if inspected and inspected.plan.rooms else ""
        taken = round(inspect_seconds, 2), round(stamp_seconds, 2)
        return Result(file, outcome, tuple(why), viewable, signed, changes, way, ground, *taken)

    if inspect_seconds > TOO_LONG:
        return result(Outcome.HANG, ["intake"])
    if not inspected:
        return result(Outcome.REFUSED, [reason])
    started = time.monotonic()
    try:
        _, signed = confined(_stamped, inspected.data, inspected.plan, tools, limits=STAMPING)
    except Failed as error:
        return result(Outcome.BAD, [f"accepted, but not stamped: {error}"])
    except GaveUp:
        return result(Outcome.HANG, ["stamping"])
    stamp_seconds = time.monotonic() - started
    return result(*_verdict(upload, inspected, signed, tools), stamp_seconds)


def _inspected(upload: bytes) -> tuple[Inspected | None, str]:
    try:
        return inspect(upload), ""
    except Unfit as unfit:
        failed = isinstance(unfit.__cause__, Failed)
        return None, f"{unfit.reason} ({unfit.__cause__})" if failed else str(unfit.reason)


def _verdict(upload: bytes, inspected: Inspected, signed: bytes, tools: Tools) -> tuple[Outcome, list[str]]:
    drawn = Change.APPEARANCES in inspected.changes
    try:
        facts, _ = confined(_looked_at, upload, inspected, signed, tools, drawn, limits=LOOKING)
    except Failed as error:
        return Outcome.BAD, [f"cannot be looked at: {error}"]
    except GaveUp:
        return Outcome.HANG, ["looking at it"]
    why = [str(each) for each in facts["bad"]]
    if QPDF and _qpdf(signed) > max(_qpdf(upload), 3 if inspected.data != upload else 0, _qpdf(inspected.data)):
        why.append("qpdf finds more wrong than before")
    return (Outcome.BAD if why else Outcome.GOOD), why


def _qpdf(document: bytes) -> int:
    """Severity: 0 nothing, 1 warnings, 2 errors, 3 no answer."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(document)
        file.flush()
        try:
            ended = subprocess.run(  # noqa: S603 – its path is found by ourselves
                [str(QPDF), "--check", file.name], capture_output=True, timeout=QPDF_WITHIN, check=False
            )
        except subprocess.TimeoutExpired:
            return 3
    return {0: 0, 3: 1, 2: 2}.get(ended.returncode, 3)


def _is_viewable(upload: bytes) -> bool:
    try:
        facts, _ = confined(_shown, upload, limits=LOOKING)
    except GaveUp:
        return False
    return bool(facts["shown"])


# -- in confined processes


def _shown(upload: bytes) -> tuple[Facts, bytes]:
    try:
        view(upload, 0)
    except Unviewable:
        return {"shown": False}, b""
    return {"shown": True}, b""


def _stamped(document: bytes, plan: Plan, tools: Tools) -> tuple[Facts, bytes]:
    return {}, stamp(document, _certificate(tools.signers), Seal.load(*tools.seal), plan).data


def _looked_at(upload: bytes, inspected: Inspected, signed: bytes, tools: Tools, drawn: bool) -> tuple[Facts, bytes]:
    """What is bad. `drawn` says that intake gave form fields their look, which then is another than in the upload."""
    original, plan = inspected.data, inspected.plan
    before = original if drawn else upload
    pages = page_count(original)
    look = Look(before, original, signed, pages, plan, tools)
    checks: dict[str, Callable[[], bool]] = {
        "the original is not its beginning": lambda: signed.startswith(original),
        "our verification does not find it valid": lambda: verify_here(signed, tools.seal[1]).valid,
        "the number of pages is not right": lambda: (page_count(signed) > pages) == (plan.way is not Way.WIDGET),
        "active content is in it": lambda: not _has_active_content(original),
        "an earlier signature is not as good as before": lambda: _signatures_are_kept(upload, signed),
        "pixels changed outside of the stamp": look.rest_is_same,
        "the stamp does not show upright in its place": look.stamp_shows,
        "text is lost": lambda: all(_text_is_kept(before, signed, page) for page in _some(pages)),
        "pypdf opened it strictly before, and does not now": lambda: _opens(signed) or not _opens(upload),
    }
    bad = []
    for what, is_right in checks.items():
        try:
            if not is_right():
                bad.append(what)
        except (Unviewable, *DAMAGED) as error:
            bad.append(f"{what}: {type(error).__name__}: {error}")
    return {"bad": bad}, b""


def _some(pages: int) -> list[int]:
    return sorted({0, pages - 2, pages - 1} & set(range(pages)))


def _has_active_content(original: bytes) -> bool:
    with apply_configuration(READING):
        return Finding.ACTIVE in findings(PdfReader(io.BytesIO(original)), 10**6)


def _signatures_are_kept(upload: bytes, signed: bytes) -> bool:
    return b"/ByteRange" not in upload or are_kept(upload, signed)


def _opens(document: bytes) -> bool:
    try:
        with apply_configuration(READING):
            reader = PdfReader(io.BytesIO(document), strict=True)
            if reader.is_encrypted:
                reader.decrypt("")
            return isinstance(reader.pages[-1], DictionaryObject)
    except UNREADABLE:
        return False


def _sizes(way: Way, signers: int) -> list[Size]:
    return sizes(_certificate(signers), evidence=way is Way.WIDGET)


def _place(document: bytes, page: int, plan: Plan, signers: int) -> tuple[Arranged, float, float]:
    """Where the stamp should be, and the page's width and height in points: by PDFium's word on them, not ours."""
    with pypdfium2.PdfDocument(document) as opened:
        width, height = opened[page].get_size()
    with apply_configuration(READING):
        said = PdfReader(io.BytesIO(document)).pages[page].get("/UserUnit")
    unit = float(said) if isinstance(said, int | float) and said > 0 else 1.0  # readers take no heed of others
    arranged = arrange(Geometry((0, 0, width, height), user_unit=unit), plan, _sizes(plan.way, signers))
    return arranged, width * unit, height * unit


def _share(place: tuple[Arranged, float, float]) -> Rectangle:
    """Of the page, from below."""
    arranged, width, height = place
    seen = arranged.placement.seen
    return Rectangle(seen.left / width, seen.bottom / height, seen.right / width, seen.top / height)


def _pixels(image: Image.Image, part: Rectangle, around: int = 0) -> tuple[int, int, int, int]:
    width, height = image.size
    return (
        max(0, int(part.left * width) - around),
        max(0, int((1 - part.top) * height) - around),
        min(width, math.ceil(part.right * width) + around),
        min(height, math.ceil((1 - part.bottom) * height) + around),
    )


@dataclass(frozen=True)
class Look:
    """At a document before and after."""

    before: bytes
    original: bytes
    signed: bytes
    pages: int
    plan: Plan
    tools: Tools

    def rest_is_same(self) -> bool:
        for page in _some(self.pages):
            one, other = view(self.before, page), view(self.signed, page)
            if page == self.pages - 1 and self.plan.way is not Way.CERTIFICATE:
                part = _share(_place(self.signed, page, self.plan, self.tools.signers))
                for image in (one, other):
                    image.paste(0, _pixels(image, part, around=3))
            if differs(one, other):
                return False
        return True

    def stamp_shows(self) -> bool:
        """Its ink stands out as on a blank sheet of the same size, and not as if turned or mirrored."""
        if self.plan.way is Way.CERTIFICATE:
            added = range(self.pages, page_count(self.signed))
            return "CorpusSigner" in "".join(_text(self.signed, page) for page in added)
        place = _place(self.original, self.pages - 1, self.plan, self.tools.signers)
        one, other = view(self.original, self.pages - 1), view(self.signed, self.pages - 1)
        box = _pixels(other, _share(place))
        shown = other.crop(box)
        if min(shown.size) < SMALLEST_UPRIGHT:
            return differs(one.crop(box), shown)
        model = Image.open(io.BytesIO(self.tools.models[self.plan.way, place[0].columns]))
        return stands_out(shown, model)


def stands_out(shown: Image.Image, model: Image.Image) -> bool:
    wanted = LEAST_CONTRAST * contrast(ImageChops.invert(model), model)
    wrong = max(contrast(shown, model.transpose(how)) for how in Image.Transpose)
    return contrast(shown, model) > max(wanted, wrong)


def _text_is_kept(before: bytes, signed: bytes, page: int) -> bool:
    return not _letters(before, page) - _letters(signed, page)


def _letters(document: bytes, page: int) -> Counter[str]:
    """Not words, which lie between the stamp's on a page that it fills."""
    return Counter(_text(document, page))


def _text(document: bytes, page: int) -> str:
    """Without spaces."""
    try:
        with pypdfium2.PdfDocument(document) as opened:
            return "".join(opened[page].get_textpage().get_text_bounded().split())
    except pypdfium2.PdfiumError as error:
        raise Unviewable(str(error)) from error


def _certificate(signers: int) -> Certificate:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    signer = Signer("Corpus Signer", "self", "I agree.", at, "UTC", "drawn", _drawing(), "::1")
    return Certificate("01234567-89ab-7cde-8f01-23456789abcd", "0" * 64, "2026-01", "0" * 64, (signer,) * signers)


def _drawing() -> Drawing:
    """A block at the upper left and a line below: unlike itself however it is turned or mirrored."""
    block = [(10.0 if number % 2 else 190.0, 10.0 + 2 * number) for number in range(45)]
    line = [(10.0 + 12 * number, 140.0) for number in range(40)]
    strokes = [[Point(x, y, 8.0 * at, 0.9) for at, (x, y) in enumerate(stroke)] for stroke in (block, line)]
    return Drawing(500, 160, tuple(tuple(stroke) for stroke in strokes))


# -- the report


def summary(results: list[Result]) -> dict[str, object]:
    """As JSON: counts, shares, and each file."""
    viewable = [each for each in results if each.viewable]
    signed = [each for each in viewable if each.signed_before]
    accepted = [each for each in results if each.way]
    return {
        "files": len(results),
        "outcomes": dict(sorted(Counter(str(each.outcome) for each in results).items())),
        "refusals": dict(sorted(Counter(each.why[0] for each in results if each.outcome is Outcome.REFUSED).items())),
        "viewable": len(viewable),
        "good_of_viewable": _good(viewable),
        "signed_before": len(signed),
        "good_of_signed_before": _good(signed),
        "ways": dict(sorted(Counter(str(each.way) for each in accepted).items())),
        "grounds": dict(sorted(Counter(str(each.ground or "unknown") for each in accepted).items())),
        "slowest_inspection": max(each.inspect_seconds for each in results),
        "qpdf": QPDF is not None,
        "results": [asdict(each) for each in results],
    }


def _good(results: list[Result]) -> float:
    return round(sum(each.outcome is Outcome.GOOD for each in results) / max(1, len(results)), 4)


def table(results: list[Result]) -> Iterable[str]:
    """Outcomes and reasons, of all files and of those that can be viewed; then every file that is not right."""
    viewable = [each for each in results if each.viewable]
    found = {of: Counter(_row(each) for each in of_them) for of, of_them in (("all", results), ("seen", viewable))}
    yield f"{'':<28}{'files':>8}{'viewable':>10}"
    for row in sorted(found["all"], key=lambda row: (row != Outcome.GOOD, row)):
        yield f"{row:<28}{found['all'][row]:>8}{found['seen'][row]:>10}"
    yield f"{'together':<28}{len(results):>8}{len(viewable):>10}"
    said = summary(results)
    yield ""
    yield f"Good: {said['good_of_viewable']:.1%} of the {said['viewable']} viewable files,"
    yield f"{said['good_of_signed_before']:.1%} of the {said['signed_before']} of them that were signed before."
    yield f"Ways: {_counted(said['ways'])}. The stamp lies on: {_counted(said['grounds'])}."
    yield f"Slowest inspection: {said['slowest_inspection']} s."
    if not QPDF:
        yield "NOT checked with qpdf, which is not installed."
    for each in results:
        if each.outcome in {Outcome.BAD, Outcome.HANG} or (each.outcome is Outcome.REFUSED and each.viewable):
            yield f"{each.outcome}: {each.file}: {'; '.join(each.why)}"


def _counted(counts: object) -> str:
    assert isinstance(counts, dict)
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _row(each: Result) -> str:
    return f"{each.outcome}: {each.why[0]}" if each.outcome is Outcome.REFUSED else str(each.outcome)
