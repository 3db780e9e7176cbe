"""Time stamps behind the seal: what an authority must have said, what is written, and what the validators say of it."""

import functools
import io
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.signers.pdf_signer import PdfTimeStamper
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext
from pypdf.generic import ArrayObject, BooleanObject, FloatObject, IndirectObject, NameObject, PdfObject

from pdf import CannotStamp, Seal, Verification, stamp, verify
from pdf.authority import NotATimeStamp, Query, Token
from pdf.cms import certificates_in, der_of
from pdf.evidence import NONE, Evidence, chain_of, evidence_from, revocation_questions
from pdf.timestamp import TimeStampDraft, is_as_written, refers_to
from pdf.update import Update, copied, dictionary, dictionary_at, name, text
from pdf.verify import verify_here
from tests.authority import KEY, Authority, Clock, Issuer, authority
from tests.pdf.paper import certificate, corpus, paper, seal, seal_pem, seen, signer
from tests.pdf.tampering import KINDS

ISSUER = Issuer("Clock makers")
CLOCK = authority(ISSUER).clock
ORIGINAL = paper(2)


def stamped(sealed: bytes, evidence: Evidence = NONE, *, by: Clock = CLOCK, issuer: Issuer = ISSUER) -> bytes:
    draft = TimeStampDraft(sealed, evidence)
    return sealed + draft.with_token(token(draft.digest, by, issuer).der)


def token(digest: bytes, by: Clock = CLOCK, issuer: Issuer = ISSUER) -> Token:
    query = Query.of(digest)
    return query.token_in(by.honest(query.der), certificates_in(issuer.pem))


@functools.cache
def sealed() -> bytes:
    return stamp(ORIGINAL, certificate(), seal()).data


@functools.cache
def time_stamped() -> bytes:
    return stamped(sealed())


def found(file: bytes, authorities: bytes = ISSUER.pem) -> Verification:
    return verify(file, seal_pem()[1], authorities)


# -- the file


def test_the_sealed_file_is_the_beginning_of_the_time_stamped_one_and_both_are_valid() -> None:
    assert time_stamped().startswith(sealed())
    before, after = found(sealed()), found(time_stamped())
    assert before.valid
    assert after.valid
    assert (before.original_sha256, before.sealed_at) == (after.original_sha256, after.sealed_at)
    assert (before.time_stamps, before.proven_at) == ((), None)
    (time_stamp,) = after.time_stamps
    assert (time_stamp.authority, time_stamp.intact, time_stamp.trusted) == ("Clock", True, True)
    assert abs(datetime.now(UTC) - time_stamp.at) < timedelta(minutes=5)
    assert after.proven_at == time_stamp.at


def test_one_time_stamp_stands_behind_the_seal_of_several_signers() -> None:
    first = stamp(ORIGINAL, certificate(signer(), signer(name="Rosa Rivera")), seal()).data
    after = found(stamped(first))
    assert after.valid
    assert len(after.time_stamps) == 1


def test_the_time_of_an_authority_that_nobody_trusts_is_told_as_such() -> None:
    for trusted in (b"", Issuer("Somebody else").pem, seal_pem()[1]):
        unknown = found(time_stamped(), trusted)
        assert unknown.valid
        assert [(one.intact, one.trusted) for one in unknown.time_stamps] == [(True, False)]
        assert unknown.proven_at is None


def test_whoever_is_trusted_to_stamp_the_time_is_not_trusted_to_seal() -> None:
    assert not verify(time_stamped(), ISSUER.pem, ISSUER.pem).valid


def test_it_looks_the_same() -> None:
    for page in (0, 1, 2):
        assert seen(sealed(), page).tobytes() == seen(time_stamped(), page).tobytes()


@pytest.mark.parametrize("with_table", [True, False])
def test_it_keeps_the_style_of_the_files_cross_references(with_table: bool) -> None:
    original = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.disable if with_table else pikepdf.ObjectStreamMode.generate
    pikepdf.open(io.BytesIO(ORIGINAL)).save(original, object_stream_mode=mode)
    first = stamp(original.getvalue(), certificate(), seal()).data
    added = stamped(first)[len(first) :]
    assert (b"\ntrailer\n" in added) is with_table
    assert found(first + added).valid
    assert is_as_written(first, added)


SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("time-stamped-*.pdf")), ids=lambda path: path.stem)
def test_what_an_earlier_release_has_written_is_known_at_once(sample: Path) -> None:
    """Else a new way of writing, ours or pypdf's, makes verifying thousands of pages take longer than it may.

    At a release: `SAMPLES.joinpath("time-stamped-1.2.3.pdf").write_bytes(stamped(sealed(), Evidence((…,))))`.
    """
    file = sample.read_bytes()
    _, end, length = map(int, re.findall(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", file)[0])
    assert is_as_written(file[: end + length], file[end + length :])


def test_files_of_every_kind_can_be_time_stamped() -> None:
    done = 0
    for path in corpus()[7::40]:
        try:
            first = stamp(path.read_bytes(), certificate(), seal()).data
        except CannotStamp:
            continue
        after = verify_here(stamped(first), seal_pem()[1], ISSUER.pem)
        assert after.valid, path.name
        done += 1
    assert done > 3


# -- what others say


def test_pyhanko_finds_seal_and_time_stamp_valid_and_nothing_changed() -> None:
    seal_, time_stamp = PdfFileReader(io.BytesIO(time_stamped())).embedded_signatures
    of_seal = validate_pdf_signature(seal_, trusting(seal_pem()[1]))
    assert of_seal.bottom_line
    assert of_seal.modification_level == ModificationLevel.LTA_UPDATES
    of_time = validate_pdf_timestamp(time_stamp, trusting(ISSUER.pem))
    assert (of_time.intact, of_time.valid, of_time.trusted) == (True, True, True)
    assert of_time.modification_level == ModificationLevel.NONE


def trusting(pem: bytes) -> ValidationContext:
    return ValidationContext(trust_roots=[asn1_x509.Certificate.load(der) for der in certificates_in(pem)])


def test_pdfsig_finds_the_seal_valid_and_that_the_time_stamp_covers_all(tmp_path: Path) -> None:
    tool = shutil.which("pdfsig")
    if not tool:
        assert not os.environ.get("CI"), "pdfsig is missing: apt-get install poppler-utils"
        pytest.skip("no pdfsig")
    file = tmp_path / "time-stamped.pdf"
    file.write_bytes(time_stamped())
    printed = subprocess.run([tool, "-nocert", file], capture_output=True, text=True, check=True).stdout
    of_seal, of_time = printed.split("Signature #")[1:]
    assert "Signature Validation: Signature is Valid." in of_seal
    assert "Total document signed" in of_time
    assert "Not total" not in of_time


def test_pyhanko_can_add_another_time_stamp_later() -> None:
    """When the first authority's certificate is about to end (ETSI EN 319 142-1, B-LTA)."""
    again = by_pyhanko(time_stamped())
    after = found(again)
    assert after.valid
    assert [one.trusted for one in after.time_stamps] == [True, True]


def by_pyhanko(file: bytes) -> bytes:
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(file))
    writer._update_meta = lambda: None  # it would write its name into the document's metadata
    made: bytes = PdfTimeStamper(CLOCK._stamper).timestamp_pdf(writer, "sha256").getvalue()
    return made


# -- tampering


def gap(file: bytes) -> tuple[int, int]:
    """Where the time stamp is: offsets of the brackets of its /Contents."""
    *_, byte_range = re.finditer(rb"/ByteRange \[0 (\d+) (\d+) \d+\]", file)
    return int(byte_range[1]), int(byte_range[2])


ZONES = ["original", "seal", "time stamp", "its padding", "before the time stamp", "behind it"]


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("zone", ZONES)
def test_a_changed_byte_is_told(zone: str) -> None:
    file = time_stamped()
    start, end = gap(file)
    length = len(file[start + 1 : end - 1].rstrip(b"0"))
    at_seal = sealed().index(b"/Contents <") + 12
    first, last = {
        "original": (0, len(ORIGINAL)),
        "seal": (at_seal, at_seal + 2000),
        "time stamp": (start + 1, start + length),
        "its padding": (start + length + 4, end - 1),
        "before the time stamp": (len(sealed()), start),
        "behind it": (end, len(file)),
    }[zone]
    chance = random.Random(zone)
    for _ in range(12):
        at = chance.randrange(first, last)
        changed = bytearray(file)
        if zone in {"seal", "time stamp", "its padding"}:
            changed[at] = ord(chance.choice([digit for digit in "0123456789abcdef" if ord(digit) != changed[at]]))
        else:
            changed[at] ^= 1 << chance.randrange(8)
        assert not verify_here(bytes(changed), seal_pem()[1], ISSUER.pem).valid, at


def test_the_frame_of_the_time_stamp_is_as_it_must_be() -> None:
    """No signature covers it: lengths, versions, names of algorithms, the name of the certificate."""
    file = time_stamped()
    start, _ = gap(file)
    der = token(b"\0" * 32).der
    inner = der.index(CLOCK.certificate.signature)
    for index in [*range(60), *range(196, 206), *range(inner + 300, len(der) - 250)]:
        at = start + 1 + 2 * index
        changed = b"%02x" % (int(file[at : at + 2], 16) ^ (1 << index % 8))
        assert not verify_here(file[:at] + changed + file[at + 2 :], seal_pem()[1], ISSUER.pem).valid, index


def behind(file: bytes, change: Callable[[Update], None]) -> bytes:
    update = Update(file)
    change(update)
    return file + bytes(update.write().section)


def another_page_box(update: Update) -> None:
    pages: object = update.root["/Pages"]
    assert isinstance(pages, dict)
    first = pages["/Kids"][0]
    reference = pages["/Kids"].raw_get(0) if hasattr(pages["/Kids"], "raw_get") else list.__getitem__(pages["/Kids"], 0)
    assert isinstance(reference, IndirectObject)
    page = copied(first.get_object())
    page[name("/MediaBox")] = ArrayObject(FloatObject(side) for side in (0, 0, 300, 300))
    update.replace(reference, page)


def another_title(update: Update) -> None:
    reference = update.trailer.raw_get("/Info")
    assert isinstance(reference, IndirectObject)
    info = copied(update.trailer["/Info"])  # type: ignore[arg-type]
    info[name("/Title")] = NameObject("/Other")
    update.replace(reference, info)


def form_with(**entries: PdfObject) -> Callable[[Update], None]:
    """How readers are to draw what its fields hold: white on white, say, or in letters that look like others."""

    def change(update: Update) -> None:
        reference = update.root.raw_get("/AcroForm")
        assert isinstance(reference, IndirectObject)
        form = dictionary_at(update.root, "/AcroForm")
        form.update(dictionary(**entries))
        update.replace(reference, form)

    return change


SYMBOLS = dictionary(Type=name("/Font"), Subtype=name("/Type1"), BaseFont=name("/Symbol"))

CHANGES: dict[str, Callable[[Update], None]] = {
    "a page's box": another_page_box,
    "the title": another_title,
    "fields to be drawn anew": form_with(NeedAppearances=BooleanObject(True)),
    "their colour": form_with(DA=text("/Helv 12 Tf 1 g")),
    "their letters": form_with(DR=dictionary(Font=dictionary(Helv=SYMBOLS))),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_told_before_and_behind_a_time_stamp(what: str) -> None:
    """Also where somebody has a trusted authority stamp the time of what they have made of it."""
    assert not found(behind(time_stamped(), CHANGES[what])).valid
    assert not found(stamped(behind(sealed(), CHANGES[what]))).valid


def test_nothing_behind_a_time_stamp_is_told_too() -> None:
    assert not found(behind(time_stamped(), lambda _: None)).valid


def test_a_signature_behind_the_time_stamp_is_told() -> None:
    other = KINDS["a seal of ours behind ours"](ORIGINAL, time_stamped())
    assert not found(other).valid


@pytest.mark.parametrize("cut", [1, 30, 600])
def test_a_time_stamp_that_is_cut_off_is_told(cut: int) -> None:
    assert not found(time_stamped()[:-cut]).valid


def test_what_the_sealed_file_points_at_in_vain_is_not_brought_to_life() -> None:
    """A page whose content is an object that is not there yet, and then is somebody's certificate."""
    evidence = Evidence((ISSUER.certificate.tbs_certificate_bytes,))
    number = stored_number(stamped(sealed(), evidence))
    with_pointer = pointing_at(number)
    trap = stamp(with_pointer, certificate(), seal()).data
    # the pointer is one object more, so the number is tried again
    number = stored_number(stamped(trap, evidence))
    trap = stamp(pointing_at(number), certificate(), seal()).data
    after = stamped(trap, evidence)
    assert stored_number(after) == number
    assert not is_as_written(trap, after[len(trap) :])
    assert not found(after).valid
    assert found(stamped(trap)).valid


@pytest.mark.parametrize(
    ("content", "refers"),
    [
        (b"[1 0 R 64 0 R]", True),
        (b"/Contents 0064%\n00\tR", True),
        (b"164 0 R 64 0 R", True),
        (b"164 0 R", False),
        (b"640 0 R", False),
        (b"64 0 obj", False),
        (b"64", False),
    ],
)
def test_a_reference_is_found_however_it_is_written(content: bytes, refers: bool) -> None:
    assert refers_to(content, 64) is refers


def pointing_at(number: int) -> bytes:
    update = Update(ORIGINAL)
    pages: object = update.root["/Pages"]
    assert isinstance(pages, dict)
    reference = list.__getitem__(pages["/Kids"], 0)
    page = copied(reference.get_object())
    page[name("/Contents")] = ArrayObject([page.raw_get("/Contents"), IndirectObject(number, 0, None)])
    update.replace(reference, page)
    return ORIGINAL + bytes(update.write().section)


def stored_number(file: bytes) -> int:
    return int(re.findall(rb"/Certs \[ (\d+) 0 R", file)[-1])


# -- long after


def test_a_time_stamp_outlives_the_certificate_of_the_seal() -> None:
    issuer = Issuer("Seal makers")
    key, chain = issuer.seal(valid_for=timedelta(seconds=3))
    first = stamp(ORIGINAL, certificate(), Seal.load(key, chain)).data
    after = stamped(first)
    time.sleep(4)
    assert not verify(first, issuer.pem).valid
    assert not verify(after, issuer.pem).valid
    assert verify(after, issuer.pem, ISSUER.pem).valid


@pytest.fixture(scope="module")
def with_evidence() -> tuple[Issuer, bytes, Authority]:
    """A sealed file whose certificates say where to ask, and the authority that answers for them."""
    issuer = Issuer("Everything")
    server = authority(issuer, "http://127.0.0.1:9", evidence=True)
    key, chain = issuer.seal(at=server.url)
    server.know(chain)
    return issuer, stamp(ORIGINAL, certificate(), Seal.load(key, chain)).data, server


def evidence_of(
    sealed_file: bytes, server: Authority, *, way: Callable[[list[str]], list[str]] = lambda paths: paths[:1]
) -> Evidence | None:
    """What is known of the seal's certificate and the clock's, each asked in one way."""
    issuer, roots = server.issuer, certificates_in(server.issuer.pem)
    leaves = [der_of(one) for one in server.known.values() if one != issuer.certificate]
    chains = [chain_of(leaf, (), roots) for leaf in leaves]
    answers = []
    for ways in (ways for chain in chains for ways in revocation_questions(chain)):
        chosen = way([question.url for question in ways])
        for question in ways:
            if question.url in chosen:
                _, answer = server.reply(question.url.removeprefix(server.url), question.body or b"")
                answers.append((question, answer))
    return evidence_from(chains, answers)


@pytest.mark.parametrize("way", ["ocsp", "crl"])
def test_with_evidence_a_file_shows_for_itself_that_nothing_was_revoked(
    with_evidence: tuple[Issuer, bytes, Authority], way: str
) -> None:
    issuer, first, server = with_evidence
    evidence = evidence_of(first, server, way=lambda urls: [url for url in urls if url.endswith(way)])
    assert evidence
    after = stamped(first, evidence, by=server.clock, issuer=issuer)
    assert is_as_written(first, after[len(first) :])
    told = verify(after, issuer.pem, issuer.pem)
    assert (told.valid, told.long_term) == (True, True)
    assert not verify(stamped(first, by=server.clock, issuer=issuer), issuer.pem, issuer.pem).long_term


def test_what_was_revoked_gives_no_evidence_and_is_not_trusted_any_more(
    with_evidence: tuple[Issuer, bytes, Authority],
) -> None:
    issuer, first, server = with_evidence
    evidence = evidence_of(first, server)
    seal_number = next(number for number in server.known if number != server.clock.certificate.serial_number)
    issuer.revoked.add(seal_number)
    try:
        assert evidence_of(first, server) is None
        told = Evidence(crls=(issuer.list_of_revoked(),))
        after = verify(stamped(first, told, by=server.clock, issuer=issuer), issuer.pem, issuer.pem)
        assert (after.intact, after.trusted) == (True, False)
    finally:
        issuer.revoked.clear()
    assert evidence


def test_half_an_answer_is_no_evidence(with_evidence: tuple[Issuer, bytes, Authority]) -> None:
    _, first, server = with_evidence
    assert evidence_of(first, server, way=lambda _: []) is None


# -- what an authority says

SAYS: dict[str, tuple[Callable[[Clock], Callable[[bytes], bytes]], str]] = {
    "of another file": (lambda clock: clock.of_another_file, "of something else"),
    "to another question": (lambda clock: clock.to_another_question, "another question"),
    "without a nonce": (lambda clock: clock.without_nonce, "another question"),
    "of yesterday": (lambda clock: clock.of_yesterday, "five minutes"),
    "signed by nobody": (lambda clock: clock.signed_by_nobody, "signature is not valid"),
    "refused": (lambda clock: clock.refused, "refused"),
    "nothing": (lambda clock: lambda question: b"", "cannot be read"),
    "a page": (lambda clock: lambda question: b"<html>Sign in</html>", "cannot be read"),
    "more than its answer": (lambda clock: lambda question: clock.honest(question) + b"\0", "cannot be read"),
}


@pytest.mark.parametrize("what", SAYS)
def test_a_lying_or_broken_authority_is_not_believed(what: str) -> None:
    says, why = SAYS[what]
    query = Query.of(b"\1" * 32)
    for trusted in ([], certificates_in(ISSUER.pem)):
        with pytest.raises(NotATimeStamp, match=why):
            query.token_in(says(CLOCK)(query.der), trusted)


def test_an_authority_that_is_not_trusted_is_not_believed_where_that_is_known() -> None:
    query = Query.of(b"\1" * 32)
    answer = CLOCK.honest(query.der)
    assert query.token_in(answer, []).authority == "Clock"
    with pytest.raises(NotATimeStamp, match="does not lead to one that is trusted"):
        query.token_in(answer, certificates_in(Issuer("Other").pem))


@pytest.mark.parametrize(
    "purposes",
    [(ExtendedKeyUsageOID.EMAIL_PROTECTION,), (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)],
    ids=["mail", "code too"],
)
def test_a_key_that_is_not_for_time_stamps_alone_stamps_none(purposes: tuple[x509.ObjectIdentifier, ...]) -> None:
    query = Query.of(b"\1" * 32)
    answer = Clock(ISSUER, ISSUER.issue("Clock", KEY, *purposes), KEY).honest(query.der)
    with pytest.raises(NotATimeStamp):
        query.token_in(answer, certificates_in(ISSUER.pem))


def test_a_time_stamp_in_ber_is_written_in_der() -> None:
    """Some authorities write lengths that come at the end (RFC 3161 wants DER of what is in a PDF)."""
    query = Query.of(TimeStampDraft(sealed()).digest)
    answer = tsp.TimeStampResp.load(CLOCK.honest(query.der))
    token_ = answer["time_stamp_token"].dump()
    assert token_[:2] == b"\x30\x82"
    indefinite = b"\x30\x80" + token_[4:] + b"\0\0"
    status = answer["status"].dump()
    length = len(status) + len(indefinite)
    reply = b"\x30\x82" + length.to_bytes(2, "big") + status + indefinite
    assert query.token_in(reply, certificates_in(ISSUER.pem)).der == token_


def test_a_question_is_never_asked_twice() -> None:
    assert Query.of(b"\1" * 32).der != Query.of(b"\1" * 32).der
