"""Paper: inspect, show, stamp, certify, seal and verify PDFs. Knows bytes, strokes and names, and nothing of ours."""

from pdf.certificate import Certificate, Signer
from pdf.intake import Inspected, Limits, Reason, Unfit, inspect
from pdf.listing import listing
from pdf.notice import with_notice
from pdf.preview import NoSuchPage, Preview, Unrenderable, render
from pdf.seal import Seal, UnusableSeal, make_demo_seal
from pdf.signature import Drawing, Mark, MeaninglessMark, Point, TypedName
from pdf.signature import check as check_mark
from pdf.stamp import CannotStamp, Revision, SignedCopy, revise, stamp
from pdf.verify import Verification, verify
from pdf.wording import REDISCLOSURE

__all__ = [
    "REDISCLOSURE",
    "CannotStamp",
    "Certificate",
    "Drawing",
    "Inspected",
    "Limits",
    "Mark",
    "MeaninglessMark",
    "NoSuchPage",
    "Point",
    "Preview",
    "Reason",
    "Revision",
    "Seal",
    "SignedCopy",
    "Signer",
    "TypedName",
    "Unfit",
    "Unrenderable",
    "UnusableSeal",
    "Verification",
    "check_mark",
    "inspect",
    "listing",
    "make_demo_seal",
    "render",
    "revise",
    "stamp",
    "verify",
    "with_notice",
]
