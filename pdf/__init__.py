"""Paper: inspect, show, stamp, certify, seal and verify PDFs. Knows bytes, strokes and names, and nothing of ours."""

from pdf.authority import NotATimeStamp, Query, Token
from pdf.behind import TimeStamp
from pdf.certificate import Certificate, Signer
from pdf.cms import certificates_in
from pdf.evidence import NONE as NO_EVIDENCE
from pdf.evidence import Evidence, Question, chain_of, evidence_from, revocation_questions
from pdf.intake import MESSAGES, Inspected, Limits, Note, Reason, Unfit, inspect
from pdf.key import KeyUnavailable, SealKey, UnusableSeal
from pdf.listing import listing
from pdf.notice import with_notice
from pdf.plan import Plan, Way
from pdf.preview import NoSuchPage, Preview, Unrenderable, render
from pdf.seal import Seal, make_demo_seal
from pdf.signature import Drawing, Mark, MeaninglessMark, Point, TypedName
from pdf.signature import check as check_mark
from pdf.stamp import CannotStamp, Revision, SignedCopy, check_revision, revise, stamp
from pdf.timestamp import TimeStampDraft
from pdf.verify import Verification, verify, verify_here
from pdf.wording import REDISCLOSURE

__all__ = [
    "MESSAGES",
    "NO_EVIDENCE",
    "REDISCLOSURE",
    "CannotStamp",
    "Certificate",
    "Drawing",
    "Evidence",
    "Inspected",
    "KeyUnavailable",
    "Limits",
    "Mark",
    "MeaninglessMark",
    "NoSuchPage",
    "NotATimeStamp",
    "Note",
    "Plan",
    "Point",
    "Preview",
    "Query",
    "Question",
    "Reason",
    "Revision",
    "Seal",
    "SealKey",
    "SignedCopy",
    "Signer",
    "TimeStamp",
    "TimeStampDraft",
    "Token",
    "TypedName",
    "Unfit",
    "Unrenderable",
    "UnusableSeal",
    "Verification",
    "Way",
    "certificates_in",
    "chain_of",
    "check_mark",
    "check_revision",
    "evidence_from",
    "inspect",
    "listing",
    "make_demo_seal",
    "render",
    "revise",
    "revocation_questions",
    "stamp",
    "verify",
    "verify_here",
    "with_notice",
]
