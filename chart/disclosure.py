"""Disclosure of substance use disorder records (42 CFR Part 2, SPEC S9): consents, and what went to whom.

To the client they go freely (2.23). To anybody else only under a consent of the client that holds and names the
recipient (2.31, 2.33), and with the notice that prohibits redisclosure (2.32). What the database's view `reaches`
does not hold is refused, listed nowhere and cannot be signed; so a consent that ends or is revoked bars at once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from chart import practice
from chart.audit import Actor
from chart.document import Document, Kind, check_reason
from chart.ids import AccountId, ClientId, DocumentId, PracticeId
from chart.refusals import AlreadyDone, KindRefused, NotFound, Unacceptable
from chart.relationship import Relationship
from chart.text import N_, Sentence
from gateways.postgres import SQL, Record, Transaction

ConsentId = NewType("ConsentId", UUID)


class SignedHow(StrEnum):
    """42 CFR 2.31(a)(8): on paper, or in any electronic form that state law takes."""

    ON_PAPER = "on_paper"
    ELECTRONICALLY = "electronically"

    @property
    def label(self) -> str:
        return self.replace("_", " ").capitalize()


class Holds(StrEnum):
    """Whether a consent holds today, and if not, why."""

    HOLDS = "holds"
    NOT_YET = "not yet"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Terms:
    """What a consent must say (42 CFR 2.31(a)); patient and discloser are the chart's client and practice."""

    account_id: AccountId | None
    """The recipient, if it has an account of the portal."""
    recipient: str | None = field(repr=False)
    """The recipient, if not: a person or an organisation."""
    document_id: DocumentId | None
    """None: every chemical dependency treatment plan of the chart, also those to come."""
    what: str = field(repr=False)
    """How much and what kind of information."""
    purpose: str = field(repr=False)
    starts_on: date
    ends_on: date | None
    """The first day on which it no longer holds."""
    ends_when: str | None = field(repr=False)
    """The event or condition with which it ends; staff revokes it when that has come."""
    signed_on: date
    signed_how: SignedHow


@dataclass(frozen=True)
class Consent:
    id: ConsentId
    client_id: ClientId
    terms: Terms
    name: str = field(repr=False)
    """Of the recipient."""
    recorded_by: Actor
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: Actor | None
    revoke_reason: str | None = field(repr=False)
    holds: Holds

    def covers(self, document: Document) -> bool:
        """Whether the document may go to the recipient under it today."""
        return (
            self.holds is Holds.HOLDS
            and document.client_id == self.client_id
            and self.terms.document_id in {None, document.id}
        )


@dataclass(frozen=True)
class Disclosure:
    """A line of the ledger: something went to somebody else than the client (42 CFR 2.25, 45 CFR 164.528)."""

    at: datetime
    document_id: DocumentId
    kind: Kind
    note_name: str | None = field(repr=False)
    act: str
    """`viewed` or `downloaded` by the recipient; `disclosed` by staff, who took a copy along for the recipient."""
    recipient: str = field(repr=False)
    relationship: str | None
    """As what the recipient acted for the client; None outside of the portal."""
    consent_id: ConsentId | None
    """Of what needed one."""
    purpose: str | None = field(repr=False)
    sha256: str


NEEDS_CONSENT: Sentence = (
    "A chemical dependency treatment plan goes to anyone but the client only under a recorded consent that names the "
    "recipient (42 CFR Part 2). Record the client's consent in the chart, or ask the client to sign."
)


def check_may_be_invited_for(document: Document, relationship: Relationship) -> None:
    """Somebody without an account is named by no consent yet."""
    if document.part_2 and relationship is not Relationship.SELF:
        raise KindRefused(NEEDS_CONSENT)


def check_reaches(account_id: AccountId, reached: Collection[AccountId]) -> None:
    """Of an account that acts for the client; `reached` are those to whom the document may go."""
    if account_id not in reached:
        raise KindRefused(NEEDS_CONSENT)


async def reached(transaction: Transaction, document_id: DocumentId) -> set[AccountId]:
    """The accounts that act for the client today and to which the law lets this document go."""
    return {AccountId(row["account_id"]) for row in await transaction.fetch(REACHED, document_id)}


async def record(
    transaction: Transaction, practice_id: PracticeId, client_id: ClientId, terms: Terms, by: Actor
) -> Consent:
    """Keep a consent that the client has signed."""
    _check(terms, await practice.today(transaction))
    if terms.account_id and await transaction.fetchval(CONCERNS, terms.account_id, client_id) is None:
        raise NotFound("This account has nothing to do with this client.")
    if terms.document_id:
        kind = await transaction.fetchval(KIND, terms.document_id, client_id)
        if kind is None:
            raise NotFound("There is no such document in this chart.")
        if kind != Kind.CHEMICAL_DEPENDENCY_TREATMENT_PLAN:
            raise Unacceptable("Only chemical dependency treatment plans need such a consent; name one, or none.")
    consent_id = await transaction.fetchval(
        RECORD,
        practice_id,
        client_id,
        terms.account_id,
        terms.recipient,
        terms.document_id,
        terms.what,
        terms.purpose,
        terms.starts_on,
        terms.ends_on,
        terms.ends_when,
        terms.signed_on,
        terms.signed_how,
        by,
    )
    return await find(transaction, client_id, consent_id)


def _check(terms: Terms, today: date) -> None:
    if (terms.account_id is None) == (terms.recipient is None):
        raise Unacceptable("Name one recipient: somebody who acts for the client, or a person or organisation.")
    for said, what in ((terms.recipient, N_("recipient")), (terms.ends_when, N_("event"))):
        if said is not None and (not said.strip() or len(said) > 200 or not said.isprintable()):
            raise Unacceptable("Give the {what} in one line of at most 200 characters.", what=what)
    for said in (terms.what, terms.purpose):
        check_reason(said)
    if terms.ends_on is None and terms.ends_when is None:
        raise Unacceptable("A consent ends on a day, or with an event: say which (42 CFR 2.31(a)(7)).")
    if terms.ends_on is not None and terms.ends_on <= terms.starts_on:
        raise Unacceptable("A consent ends after it has begun.")
    if terms.signed_on > today:
        raise Unacceptable("Give the day on which the client signed the consent; it cannot lie in the future.")


async def revoke(
    transaction: Transaction, client_id: ClientId, consent_id: ConsentId, *, reason: str, by: Actor
) -> Consent:
    """End a consent now: the client has revoked it (2.31(a)(6)), or what it was to end with has come."""
    check_reason(reason)
    found = await find(transaction, client_id, consent_id)
    if await transaction.fetchval(REVOKE, consent_id, by, reason) is None:
        raise AlreadyDone("This consent is revoked already. To disclose again, record a new one.")
    return await find(transaction, client_id, found.id)


async def find(transaction: Transaction, client_id: ClientId, consent_id: ConsentId) -> Consent:
    for one in await of_chart(transaction, client_id):
        if one.id == consent_id:
            return one
    raise NotFound("There is no such consent in this chart.")


async def of_chart(transaction: Transaction, client_id: ClientId) -> list[Consent]:
    """All consents of a client, newest first; those that have ended too."""
    return [_consent(row) for row in await transaction.fetch(OF_CHART, client_id)]


def _consent(row: Record) -> Consent:
    known = dict(row)
    terms = {name: known.pop(name) for name in Terms.__dataclass_fields__}
    today = known.pop("today")
    return Consent(
        **known,
        terms=Terms(**{**terms, "signed_how": SignedHow(terms["signed_how"])}),
        holds=_holds(terms["starts_on"], terms["ends_on"], today, revoked=known["revoked_at"] is not None),
    )


def _holds(starts: date, ends: date | None, today: date, *, revoked: bool) -> Holds:
    """The rule of the database's view `consented`, with the reason."""
    if revoked:
        return Holds.REVOKED
    if ends is not None and today >= ends:
        return Holds.EXPIRED
    return Holds.HOLDS if today >= starts else Holds.NOT_YET


async def ledger(transaction: Transaction, client_id: ClientId) -> list[Disclosure]:
    """What went to anybody else than the client, oldest first; read from the audit log, as there is no other truth."""
    return [Disclosure(**{**row, "kind": Kind(row["kind"])}) for row in await transaction.fetch(LEDGER, client_id)]


REACHED = SQL("select account_id from reaches where document_id = $1")

CONCERNS = SQL("select true from relationship where account_id = $1 and client_id = $2")

KIND = SQL("select kind from document where id = $1 and client_id = $2")

RECORD = SQL("""
insert into disclosure_consent (
    practice_id, client_id, account_id, recipient, document_id, what, purpose, starts_on, ends_on, ends_when, signed_on,
    signed_how, recorded_by
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id
""")

REVOKE = SQL("""
update disclosure_consent set revoked_at = now(), revoked_by = $2, revoke_reason = $3
where id = $1 and revoked_at is null returning id
""")

OF_CHART = SQL("""
select c.id, c.client_id, c.account_id, c.recipient, c.document_id, c.what, c.purpose, c.starts_on, c.ends_on,
    c.ends_when, c.signed_on, c.signed_how, coalesce(c.recipient, a.name) as name, c.recorded_by, c.created_at,
    c.revoked_at, c.revoked_by, c.revoke_reason, practice_today() as today
from disclosure_consent c left join portal_account a on a.id = c.account_id
where c.client_id = $1 order by c.id desc
""")

LEDGER = SQL("""
select e.at, e.document_id, d.kind, d.note_name, e.action as act, coalesce(c.recipient, a.name) as recipient,
    e.detail->>'relationship' as relationship, c.id as consent_id, c.purpose, e.detail->>'sha256' as sha256
from audit e join document d on d.id = e.document_id
left join disclosure_consent c on c.id = (e.detail->>'consent')::uuid
left join portal_account a on 'account:' || a.id = e.actor
where e.chart_id = $1 and (
    e.action = 'disclosed' or (e.action in ('viewed', 'downloaded') and e.detail->>'relationship' <> 'self')
)
order by e.number
""")
