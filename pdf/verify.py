"""Whether a file is one that we sealed, unchanged (SPEC D4)."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto.cms import ContentInfo
from asn1crypto.parser import peek
from cryptography import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pypdf.generic import DictionaryObject

from pdf.behind import TimeStamp, Trust, examined, is_long_term, only_time_stamps, store_of, value_in_gap
from pdf.cms import DAMAGED, certificates_in, is_issued
from pdf.confine import Facts, GaveUp, Limits, confined
from pdf.field import NO_CHANGES, PREFIX, Sealed
from pdf.plain import plain_object
from pdf.reader import Joined, Reader
from pdf.seal import Seal
from pdf.update import SEPARATOR, UNREADABLE, entries_of, resolved

LIMITS = Limits(cpu_seconds=4, wall_seconds=10.0, memory=2**30)


@dataclass(frozen=True)
class Verification:
    """What a file says about itself; `valid` is all of it together."""

    sealed: bool
    """There is a signature in a field of ours."""

    intact: bool = False
    """What the seal covers is what was sealed, and the seal itself was not touched."""

    trusted: bool = False
    """The seal's certificate leads to one of the trusted certificates, and held.

    That is when a trusted authority has stamped the time, or now where none has.
    """

    covers_whole_file: bool = False
    """Nothing was put behind, or left out of, what the seal and the time stamps behind it cover."""

    docmdp_ok: bool = False
    """Nothing is behind the seal, or only what its certification permits: time stamps, and evidence for them."""

    original_sha256: str | None = None
    """Of the file as it was before our revision was appended."""

    sealed_at: datetime | None = None
    """When the seal says it was made, by the service's clock."""

    time_stamps: tuple[TimeStamp, ...] = ()
    """Behind the seal, oldest first."""

    long_term: bool = False
    """The file holds what shows that no certificate was revoked when the time was stamped, so nobody need be asked."""

    @property
    def valid(self) -> bool:
        return self.sealed and self.trusted and self.unchanged

    @property
    def unchanged(self) -> bool:
        seal = self.intact and self.covers_whole_file and self.docmdp_ok
        return seal and all(stamp.intact for stamp in self.time_stamps)

    @property
    def proven_at(self) -> datetime | None:
        """Since when the sealed file exists, by the word of a trusted authority."""
        return min((stamp.at for stamp in self.time_stamps if stamp.intact and stamp.trusted), default=None)


NOT_OURS = Verification(sealed=False)


def verify(data: bytes, trusted: bytes, authorities: bytes = b"") -> Verification:
    """Verify a file from anywhere; `trusted` is PEM of whom one trusts to seal, `authorities` to stamp the time.

    Reads it in a confined process. Blocks.
    """
    try:
        facts, _ = confined(_examine, data, trusted, authorities, limits=LIMITS)
    except GaveUp:
        return NOT_OURS  # a file that cannot be read within the limits is none that we made
    return _verification(facts)


def _examine(data: bytes, trusted: bytes, authorities: bytes) -> tuple[Facts, bytes]:
    found = verify_here(data, trusted, authorities)
    stamps = [{**asdict(stamp), "at": stamp.at.isoformat()} for stamp in found.time_stamps]
    sealed_at = found.sealed_at.isoformat() if found.sealed_at else None
    return {**asdict(found), "sealed_at": sealed_at, "time_stamps": stamps}, b""


def _verification(facts: Facts) -> Verification:
    stamps = tuple(TimeStamp(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in facts["time_stamps"])
    sealed_at = datetime.fromisoformat(facts["sealed_at"]) if facts["sealed_at"] else None
    return Verification(**{**facts, "sealed_at": sealed_at, "time_stamps": stamps})


def verify_here(data: bytes, trusted: bytes, authorities: bytes = b"") -> Verification:
    """Verify a file of our own making, in this process."""
    roots, of_authorities = certificates_in(trusted), certificates_in(authorities)
    try:
        reader = PdfFileReader(io.BytesIO(data), strict=False)
        seal, behind = _ours_and_behind(reader)
    except DAMAGED:
        return NOT_OURS
    if seal is None:
        return NOT_OURS
    found = Verification(sealed=True)
    try:
        store = store_of(reader)
        stamps = [examined(data, each, Trust(of_authorities, store)) for each in behind]
        found = replace(found, time_stamps=tuple(stamps))
        status = validate_pdf_signature(seal, Trust(roots, store, found.proven_at).context(), skip_diff=True)
        covers_whole_file = [seal, *behind][-1].evaluate_signature_coverage() == SignatureCoverageLevel.ENTIRE_FILE
        return replace(
            found,
            intact=status.intact and status.valid and _untouched(data, seal, roots),
            trusted=status.trusted,
            covers_whole_file=covers_whole_file,
            docmdp_ok=covers_whole_file and only_time_stamps(data, seal, behind),
            original_sha256=hashlib.sha256(memoryview(data)[: _length_of_original(seal)]).hexdigest(),
            sealed_at=seal.self_reported_timestamp,
            long_term=is_long_term(seal, roots, behind, Trust(of_authorities, store)),
        )
    except DAMAGED:
        return found


class NotAsSealed(Exception):
    """What was written is not what it should be; `str()` says where, for an operator."""


def check_sealed(sealed: Sealed, seal: Seal, pages: int) -> None:
    """Read back what we have just written, and check all that `verify` checks. Raises `NotAsSealed`.

    The whole file is opened anew by pypdf, strictly, from its last line on: cross-reference sections, trailer,
    catalog, form, our field, its signature, the last page. What is trusted is only what cannot have changed: the
    original's bytes (not ours to write, and hashed when the seal was made), and pyHanko's judgement of the seal's
    pattern (`Seal.is_seal`). pyHanko's question whether a later revision is allowed answers itself, as the signature
    covers everything to the end of the file. That pyHanko can read such a document at all was found out at intake,
    where the trial went through all of `verify`. For a file from anywhere, this here does not suffice.
    """
    try:
        with_section = Reader(Joined(sealed.original, sealed.section), sealed.reader)
        root: Any = with_section.trailer["/Root"]
        _check_signature(with_section, root, sealed, seal)
        count, last = with_section.count_and_last(root.raw_get("/Pages"))
        _require(count == pages, "the number of pages")
        _require(isinstance(last, DictionaryObject) and last.get("/Type") in {"/Page", "/Pages"}, "the last page")
    except (*UNREADABLE, AssertionError) as error:
        raise NotAsSealed(f"{type(error).__name__}: {error}") from error


def _require(what: object, otherwise: str) -> None:
    if not what:
        raise NotAsSealed(f"the sealed file is not as it should be: {otherwise}")


def _check_signature(reader: Reader, root: Any, sealed: Sealed, seal: Seal) -> None:
    base, section = len(sealed.original), sealed.section
    field: Any = resolved(entries_of(root["/AcroForm"].raw_get("/Fields"))[-1])
    _require((field["/FT"], field["/T"]) == ("/Sig", sealed.field_name), "our field is not the last of the form")
    reference = field.raw_get("/V")
    value, start, end = _signature_dictionary(reader, section, base, reference.idnum)
    if sealed.certifies:
        transform = value["/Reference"][0]
        certifies = transform["/TransformMethod"] == "/DocMDP" and transform["/TransformParams"]["/P"] == NO_CHANGES
        _require(certifies and root["/Perms"].raw_get("/DocMDP") == reference, "it is not certified")
    else:
        _require("/Reference" not in value, "it says more than that it was signed")
    byte_range = [0, base + start, base + end, len(section) - end]
    _require(list(value["/ByteRange"]) == byte_range, "the seal does not cover all of the file but itself")
    contents = bytes.fromhex(section[start + 1 : end - 1].decode())
    length = peek(contents)
    _require(not contents[length:].strip(b"\0"), "there is something behind the seal in its place")
    covered = sealed.hashed.copy()
    covered.update(section[:start])
    covered.update(section[end:])
    _require(seal.is_seal(contents[:length], covered.digest()), "the seal is not valid over what is in the file")


def _signature_dictionary(reader: Reader, section: bytes, base: int, number: int) -> tuple[Any, int, int]:
    """It, and where in the section its `/Contents` begins and ends: pypdf reads digit by digit, so it is cut out."""
    at = reader.xref[0][number] - base
    header = b"%d 0 obj\n" % number
    _require(at >= 0 and section.startswith(header, at), "the signature is not where it is said to be")
    start = section.index(b"<", section.index(b"/Contents", at))
    end = section.index(b">", start) + 1
    without = section[at:start] + b"<>" + section[end : section.index(b"endobj", end) + len(b"endobj")]
    value = plain_object(without, 0, (number, 0), reader)
    if value is None:  # whoever seals may have a name with parentheses in it
        value = DictionaryObject.read_from_stream(io.BytesIO(without[len(header) :]), reader)
    _require(not value["/Contents"], "the seal's place is not that of its value")
    return value, start, end


def _ours_and_behind(
    reader: PdfFileReader,
) -> tuple[EmbeddedPdfSignature | None, Sequence[EmbeddedPdfSignature]]:
    """The seal, and what was signed or stamped after it; of several of ours the one that certifies, or the newest."""
    signatures = sorted(_readable(reader), key=lambda each: each.signed_revision)
    ours = [each for each in signatures if each.field_name.startswith(PREFIX)]
    if not ours:
        return None, ()
    seal = next((each for each in ours if each.docmdp_level is not None), ours[-1])
    return seal, signatures[signatures.index(seal) + 1 :]


def _readable(reader: PdfFileReader) -> Iterator[EmbeddedPdfSignature]:
    """What others have signed may be too damaged to be looked at; behind ours, that shows as a part not covered."""
    for field_name, _, field in enumerate_sig_fields(reader, filled_status=True):
        try:
            signature = EmbeddedPdfSignature(reader, field, field_name)
            _ = signature.signed_revision
        except DAMAGED:
            if field_name.startswith(PREFIX):
                raise
        else:
            yield signature


def _untouched(data: bytes, seal: EmbeddedPdfSignature, trusted: list[bytes]) -> bool:
    """The gap that the seal leaves for itself holds nothing but the seal, as it was made.

    Neither a validator nor the signature itself looks at the padding of /Contents, at the copies of the issuers'
    certificates or at the frame of the CMS (RFC 5652 5.4); a change there is a change of the file all the same.
    """
    cms = value_in_gap(data, seal, rb"<([0-9a-f]*)>")
    return cms is not None and _as_sealed(cms, seal.signer_cert.issuer.dump(), set(trusted))


def _as_sealed(cms: bytes, issuer: bytes, trusted: set[bytes]) -> bool:
    """In the frame that a seal has, names to the letter, and only with certificates that somebody issued.

    One that is trusted itself need not be: chains often come without their root.
    """
    framed = ContentInfo.load(cms, strict=True)
    signed = framed["content"]
    signers, algorithms = signed["signer_infos"], signed["digest_algorithms"]
    embedded = {certificate.dump() for certificate in signed["certificates"]}
    known = [x509.load_der_x509_certificate(der) for der in embedded | trusted]
    return (
        signed["version"].native == "v1"
        and len(signers) == 1
        and signers[0]["version"].native == "v1"
        and signers[0]["sid"].chosen["issuer"].dump() == issuer
        and not signers[0]["unsigned_attrs"]
        and not signed["crls"]
        and [algorithm.dump() for algorithm in algorithms] == [signers[0]["digest_algorithm"].dump()]
        and all(
            any(is_issued(each, by) for by in known) for each in map(x509.load_der_x509_certificate, embedded - trusted)
        )
    )


def _length_of_original(signature: EmbeddedPdfSignature) -> int:
    """What precedes the first object of the revision that holds the signature."""
    section = signature.reader.xrefs.get_xref_data(signature.signed_revision)
    return min(offset for _, offset in section.standard_xrefs.values()) - len(SEPARATOR)
