"""Ways to change a sealed file, from a bit to another seal; each takes the original and its sealed copy."""

import io
import random
import re
from collections.abc import Callable
from unittest.mock import patch

import pikepdf
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, IndirectObject, NumberObject

from pdf import Seal, TypedName, make_demo_seal, stamp
from pdf.page import OpenPage, annotate, append_page, open_last_page, paint
from pdf.placement import Matrix
from pdf.update import Update, dictionary, dictionary_at, entries_of, name, numbers, stream
from tests.pdf.paper import certificate, seal, signer, written

Tampering = Callable[[bytes, bytes], bytes]


def gap(signed: bytes) -> tuple[int, int]:
    """What the seal does not cover: the offset of the opening bracket of /Contents, and past the closing one."""
    byte_range = re.search(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", signed)
    assert byte_range
    return int(byte_range[1]), int(byte_range[2])


def zones(original: bytes, signed: bytes) -> dict[str, range]:
    """All of a sealed file, in the parts that different checks have to look after."""
    start, end = gap(signed)
    cms = len(signed[start + 1 : end - 1].rstrip(b"0"))
    return {
        "the original": range(len(original)),
        "the revision before the seal": range(len(original), start),
        "the brackets of the seal": range(start, end, end - start - 1),
        "the seal": range(start + 1, start + 1 + cms),
        "the padding": range(start + 1 + cms, end - 1),
        "the revision behind the seal": range(end, len(signed)),
    }


def with_byte(signed: bytes, at: int, value: int) -> bytes:
    return signed[:at] + bytes([value]) + signed[at + 1 :]


def flipped(signed: bytes, zone: range, chance: random.Random) -> tuple[int, bytes]:
    """Where a bit was turned, and the file; in hexadecimal digits another digit, which is harder to see."""
    at = chance.choice(zone)
    if signed[at] in b"0123456789abcdef" and zone.start > gap(signed)[0]:
        return at, with_byte(signed, at, chance.choice([digit for digit in b"0123456789abcdef" if digit != signed[at]]))
    return at, with_byte(signed, at, signed[at] ^ 1 << chance.randrange(8))


def _updated(change: Callable[[Update, OpenPage], object]) -> Tampering:
    """With a further revision, correct to the letter."""

    def tampered(_: bytes, signed: bytes) -> bytes:
        update = Update(signed)
        change(update, open_last_page(update))
        return signed + bytes(update.write().section)

    return tampered


def _blot(update: Update) -> IndirectObject:
    blot = stream(b"0 0 100 100 re f", Type=name("/XObject"), Subtype=name("/Form"), BBox=numbers((0, 0, 100, 100)))
    return update.add(blot)


def _painted(update: Update, last: OpenPage) -> None:
    paint(update, last, _blot(update), Matrix(1, 0, 0, 1, 100, 100))


def _annotated(update: Update, last: OpenPage) -> None:
    square = dictionary(Type=name("/Annot"), Subtype=name("/Square"), Rect=numbers((100, 100, 200, 200)))
    square[name("/AP")] = dictionary(N=_blot(update))
    annotate(last, update.add(square))


def _with_a_page(update: Update, _: OpenPage) -> None:
    append_page(update, dictionary(Type=name("/Page"), MediaBox=numbers((0, 0, 612, 792)), Resources=dictionary()))


def _without_last_page(update: Update, _: OpenPage) -> None:
    tree = dictionary_at(update.root, "/Pages")
    kids = entries_of(tree.raw_get("/Kids"))[:-1]
    tree.update({name("/Kids"): ArrayObject(kids), name("/Count"): NumberObject(len(kids))})
    update.replace(update.root.raw_get("/Pages"), tree)


def _without_permissions(update: Update, _: OpenPage) -> None:
    del update.catalog()[name("/Perms")]


def _signed_again(by: Callable[[], Seal]) -> Tampering:
    """As whoever has a signer of their own, which does not ask whether the document allows it."""
    again = certificate(signer(TypedName("Somebody Else"), "Somebody Else"))

    def tampered(_: bytes, signed: bytes) -> bytes:
        with patch("pdf.stamp.is_certified", return_value=False):
            return stamp(signed, again, by()).data

    return tampered


def _stranger() -> Seal:
    """Under the name of the practice, which anybody can write into a certificate."""
    return Seal.load(*make_demo_seal("Riverside Clinic"))


def _with_seal_of_another(original: bytes, signed: bytes) -> bytes:
    other = stamp(original, certificate(signer(name="Other")), seal()).data
    (start, end), (from_, to) = gap(signed), gap(other)
    return signed[:start] + other[from_:to].ljust(end - start)[: end - start] + signed[end:]


def _with_wider_gap(_: bytes, signed: bytes) -> bytes:
    """Room for more behind the seal, by a byte range that says so."""
    start, end = gap(signed)
    said = re.search(rb"/ByteRange \[0 \d+ \d+ \d+\] *", signed)
    assert said
    smuggled = b"00" * 50 + b">"
    wider = b"/ByteRange [0 %d %d %d]" % (start, end + len(smuggled) - 1, len(signed) - end)
    made = signed[: end - 1] + smuggled + signed[end:]
    return made.replace(said[0], wider.ljust(len(said[0])))


def _with_smuggled_cms(_: bytes, signed: bytes) -> bytes:
    start, end = gap(signed)
    cms = signed[start + 1 : end - 1].rstrip(b"0")
    return signed[: end - 1 - 400] + cms[:400] + signed[end - 1 :]


def _revised_by_pypdf(_: bytes, signed: bytes) -> bytes:
    writer = PdfWriter(io.BytesIO(signed), incremental=True)
    writer.add_blank_page()
    return written(writer)


def _qpdf(_: bytes, signed: bytes) -> bytes:
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(signed)) as opened:
        opened.save(made)
    return made.getvalue()


KINDS: dict[str, Tampering] = {
    "a comment behind it": lambda _, signed: signed + b"\n% hello\n",
    "a line end behind it": lambda _, signed: signed + b"\n",
    "zeros behind it": lambda _, signed: signed + bytes(64),
    "junk before it": lambda _, signed: b"junk\n" + signed,
    "its end cut off": lambda _, signed: signed[:-30],
    "its last byte cut off": lambda _, signed: signed[:-1],
    "the original alone": lambda original, _: original,
    "the original's end in the middle": lambda original, signed: (
        signed[: len(original)] + b" " + signed[len(original) :]
    ),
    "an empty revision": _updated(lambda update, _: update.catalog()),
    "something painted on the page": _updated(_painted),
    "an annotation": _updated(_annotated),
    "a page more": _updated(_with_a_page),
    "a page less": _updated(_without_last_page),
    "no permissions": _updated(_without_permissions),
    "a stranger's seal behind ours": _signed_again(_stranger),
    "a seal of ours behind ours": _signed_again(seal),
    "a stranger's seal instead": lambda original, _: stamp(original, certificate(), _stranger()).data,
    "the seal of another copy": _with_seal_of_another,
    "a wider gap": _with_wider_gap,
    "a second CMS in the padding": _with_smuggled_cms,
    "the padding in capitals": lambda _, signed: _in_capitals(signed),
    "a rewrite by pypdf": lambda _, signed: written(PdfWriter(clone_from=io.BytesIO(signed))),
    "a revision by pypdf": _revised_by_pypdf,
    "a rewrite by qpdf": _qpdf,
}


def _in_capitals(signed: bytes) -> bytes:
    """The same seal, its digits written otherwise."""
    start, end = gap(signed)
    return signed[:start] + signed[start:end].upper() + signed[end:]
