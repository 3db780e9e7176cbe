"""Stamp: the original version and all signatures become the stamped, sealed bytes in the store.

Always from the original, so that a repeated run cannot stamp twice (SPEC D1). Sealed bytes differ from run to run, so
what is appended to the original is noted first, once for a request, and whoever comes later takes that.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from chart import audit, document, practice, request
from chart.audit import Actor
from chart.ids import RequestId
from chart.lifecycle import Order
from chart.practice import Practice
from gateways.postgres import SQL, Database, Transaction
from gateways.storage import Storage, Stored, StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from pdf import (
    CannotStamp,
    Certificate,
    KeyUnavailable,
    Mark,
    Plan,
    Revision,
    Seal,
    Signer,
    TypedName,
    check_revision,
    revise,
)

MEANING = "I have read this document and sign it."
"""What the signer agreed to when ticking the box (SPEC G1, D2)."""

COUNTER_MEANING = "I have reviewed this document and counter-sign it."
"""The same for a provider or supervisor."""

IN_SPANISH = {
    MEANING: "He leído este documento y lo firmo.",
    COUNTER_MEANING: "He revisado este documento y lo contrafirmo.",
}
"""Not from the catalogue: these words are evidence."""


def meaning(of: str, language: str) -> str:
    """As the box says it on a page in this language."""
    return IN_SPANISH[of] if language == "es" else of


CAPACITIES_IN_SPANISH = {
    "self": "la propia persona",
    "parent": "padre o madre",
    "legal guardian": "tutor legal",
    "partner": "pareja",
    "personal representative": "representante personal",
    "other": "otra",
    "provider": "profesional",
    "supervisor": "supervisor",
}
"""As what somebody signs."""


def capacity(kept: str, language: str) -> str:
    """As the certificate says it: a relationship to the client, or what a member of the staff is."""
    of = kept.replace("_", " ")
    return CAPACITIES_IN_SPANISH.get(of, of) if language == "es" else of


BEYOND_RETRY = "BeyondRetry"
"""Type of an error whose message is written for staff and operators."""


KEY_TRIES = 4
"""Two seconds for a hiccup of a key service; then the request needs attention, and tries again by itself."""


@dataclass(frozen=True)
class Signature:
    """What a Sign Document carries; everything but the mark comes from the session and the server (SPEC G4)."""

    request_id: RequestId
    signer: Actor
    sha256: str
    """Of the version that was on the signer's screen (SPEC G5)."""
    mark: Mark = field(repr=False)
    at: datetime
    ip_address: str = field(repr=False)
    consent_version: str
    language: str = "en"
    """Of the page on which it was made, so of the words that the signer agreed to."""


@dataclass(frozen=True)
class Stamping:
    order: Order
    request_id: RequestId
    signatures: tuple[Signature, ...]
    """In the order in which they came; all are put into one revision (docs/decisions/010)."""


@dataclass(frozen=True)
class Stamped:
    """The signed copy in the store."""

    sha256: str
    size: int
    pages: int


@activity.defn(name="stamp")
@dataclass(frozen=True)
class Stamp:
    database: Database
    storage: Storage
    seal: Seal

    async def __call__(self, stamping: Stamping) -> Stamped:
        """Errors that no retry mends are non-retryable; the sentence of ours is what staff and operators read.

        The engine runs local activities again when news of the request comes before it has noted their end; then
        the signed version may be filed already, and that one is the answer.
        """
        if filed := await self._filed(stamping):
            return filed
        certificate, plan = await self._certificate_and_plan(stamping)
        try:
            return await asyncio.to_thread(self._stored, stamping.order.sha256, certificate, plan)
        except StoredBytesMissing as error:
            raise beyond_retry("The shared version is missing from the store. Restore it, then resume.") from error
        except StoredBytesChanged as error:
            raise beyond_retry("The shared version in the store was changed. Restore it, then resume.") from error
        except StoredBytesLocked as error:
            raise beyond_retry("The shared version's key is not in STS_STORAGE_KEYS. Add it, then resume.") from error
        except KeyUnavailable as error:
            over = activity.info().attempt >= KEY_TRIES
            sentence = "The key that seals documents cannot be used now."
            raise ApplicationError(sentence, type=BEYOND_RETRY, non_retryable=over) from error
        except CannotStamp as error:
            raise beyond_retry("The document cannot be stamped. Upload it again and share the new one.") from error

    def _stored(self, sha256: str, certificate: Certificate, plan: Plan | None) -> Stamped:
        """In a map of its own, hashed and appended to: a large document is in memory once, and soon given back."""
        with self.storage.opened(sha256) as original:
            revision = self._noted(original, certificate.request_id) or self._note(original, certificate, plan)
            stored = self.storage.append(original, revision.section)
            return Stamped(stored, len(original.content) + len(revision.section), revision.pages)

    def _noted(self, original: Stored, request_id: str) -> Revision | None:
        """What an earlier run noted, if it is whole and of our seal."""
        try:
            noted = self.storage.kept(request_id)
            if noted is None:
                return None
            pages, _, section = noted.partition(b"\n")
            return check_revision(original.content, (int(pages), section), request_id, self.seal, original.hashed)
        except (StoredBytesChanged, CannotStamp, ValueError):
            self.storage.forget(request_id)
            return None

    def _note(self, original: Stored, certificate: Certificate, plan: Plan | None) -> Revision:
        revision = revise(original.content, certificate, self.seal, plan, original.hashed)
        if not self.storage.keep(certificate.request_id, b"%d\n%b" % (revision.pages, revision.section)):
            raise ApplicationError("Another run stamps the same request; the next try takes what that one made.")
        return revision

    async def _filed(self, stamping: Stamping) -> Stamped | None:
        async with self.database.practice(stamping.order.practice) as transaction:
            row = await transaction.fetchrow(FILED, stamping.request_id)
        return Stamped(**row) if row else None

    async def _certificate_and_plan(self, stamping: Stamping) -> tuple[Certificate, Plan | None]:
        order = stamping.order
        async with self.database.practice(order.practice) as transaction:
            ours = await practice.current(transaction)
            signers = [await _signer(transaction, order, ours, signature) for signature in stamping.signatures]
            audit_head = await audit.head(transaction, order.client)
            plan = await document.stamp_plan(transaction, order.version)
            signed = await document.find(transaction, order.document)
        certificate = Certificate(
            request_id=str(stamping.request_id),
            version_sha256=order.sha256,
            consent_version=_consent(stamping.signatures),
            audit_head=audit_head,
            signers=tuple(signers),
            language="es" if ours.language == "es" else "en",
            # also on the client's own: every copy is the same file, and some may go to others later (SPEC D6, S9)
            redisclosure_notice=signed.part_2,
        )
        return certificate, Plan.from_json(plan) if plan else None


def _consent(signatures: tuple[Signature, ...]) -> str:
    """Of the clients; staff is not asked for one. Each language has a version of its own."""
    return ", ".join(dict.fromkeys(one.consent_version for one in signatures if one.consent_version))


async def _signer(transaction: Transaction, order: Order, ours: Practice, signature: Signature) -> Signer:
    row = await transaction.fetchrow(SIGNER, signature.signer, order.client)
    assert row is not None, "accounts and staff never go away"
    return Signer(
        printed_name=row["name"],
        relationship=capacity(str(row["capacity"]), ours.language),
        meaning=meaning(COUNTER_MEANING if request.staff_of(signature.signer) else MEANING, signature.language),
        signed_at=signature.at,
        timezone=ours.timezone,
        method="typed" if isinstance(signature.mark, TypedName) else "drawn",
        mark=signature.mark,
        ip_address=signature.ip_address,
    )


def beyond_retry(sentence: str) -> ApplicationError:
    """What no retry mends; the sentence is for staff and operators."""
    return ApplicationError(sentence, type=BEYOND_RETRY, non_retryable=True)


FILED = SQL("select sha256, size, pages from version where signed_by_request = $1")

SIGNER = SQL("""
select a.name, r.kind as capacity from portal_account a join relationship r on r.account_id = a.id
where 'account:' || a.id = $1 and r.client_id = $2
union all
select name, role from staff where 'staff:' || id = $1
""")
