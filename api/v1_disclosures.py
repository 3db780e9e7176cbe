"""`/api/v1` for disclosures: consents of 42 CFR Part 2, copies for their recipients, and the ledger of a chart."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api import exports
from api.access import PracticeCaller, Res, does
from api.body import Body
from api.exports import Form
from api.stories import disclosing
from api.v1 import PDF, In, ReasonIn, Words, pdf_response
from api.v1_audit import FILE
from chart.disclosure import Consent, ConsentId, Disclosure, Holds, SignedHow, Terms
from chart.document import type_label
from chart.ids import AccountId, ClientId, DocumentId
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["disclosures"])

Line = Annotated[str, Field(min_length=1, max_length=200)]


class DisclosureConsentIn(In):
    """42 CFR 2.31(a). Either an account or a recipient, and an end: a day or an event."""

    account_id: UUID | None = Field(default=None, description="The recipient, if it acts for the client.")
    recipient: Line | None = Field(default=None, description="The recipient, if not: a person or an organisation.")
    document_id: UUID | None = Field(
        default=None, description="Null: every chemical dependency treatment plan of the chart, also those to come."
    )
    what: Words = Field(description="How much and what kind of information.")
    purpose: Words
    starts_on: date
    ends_on: date | None = Field(default=None, description="The first day on which it no longer holds.")
    ends_when: Line | None = Field(default=None, description="The event or condition with which it ends.")
    signed_on: date
    signed_how: SignedHow

    def terms(self) -> Terms:
        said = self.model_dump()
        account, document = said.pop("account_id"), said.pop("document_id")
        return Terms(
            **said,
            account_id=AccountId(account) if account else None,
            document_id=DocumentId(document) if document else None,
        )


class DisclosureConsentOut(Body):
    id: UUID
    account_id: UUID | None
    recipient: str = Field(description="Name of the recipient.")
    document_id: UUID | None
    what: str
    purpose: str
    starts_on: date
    ends_on: date | None
    ends_when: str | None
    signed_on: date
    signed_how: SignedHow
    created_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None
    holds: Holds = Field(description="Whether it holds today, and if not, why.")

    @classmethod
    def of(cls, found: Consent) -> "DisclosureConsentOut":
        terms = {name: getattr(found.terms, name) for name in Terms.__dataclass_fields__}
        own = {name: getattr(found, name) for name in ("id", "created_at", "revoked_at", "revoke_reason", "holds")}
        return cls(**{**terms, **own, "recipient": found.name})


class DisclosureConsents(Body):
    consents: list[DisclosureConsentOut]


class CopyIn(In):
    consent_id: UUID


class DisclosureOut(Body):
    at: datetime
    document_id: UUID
    type: str
    act: str = Field(description="`viewed` or `downloaded` in the portal; `disclosed`: staff took a copy along.")
    recipient: str
    relationship: str | None = Field(description="As what the recipient acted for the client.")
    consent_id: UUID | None
    purpose: str | None
    sha256: str

    @classmethod
    def of(cls, line: Disclosure) -> "DisclosureOut":
        own = {name: getattr(line, name) for name in cls.model_fields if name != "type"}
        return cls(**own, type=type_label(line.kind, line.note_name))


class Disclosures(Body):
    disclosures: list[DisclosureOut]


@router.get("/clients/{client_id}/disclosure-consents")
@does(Operation.READ_DISCLOSURES)
async def list_consents(res: Res, caller: PracticeCaller, client_id: UUID) -> DisclosureConsents:
    """The client's consents to disclose substance use disorder records, newest first."""
    found = await disclosing.consents(res, caller, ClientId(client_id))
    return DisclosureConsents(consents=[DisclosureConsentOut.of(one) for one in found])


@router.post("/clients/{client_id}/disclosure-consents", status_code=HTTPStatus.CREATED)
@does(Operation.RECORD_CONSENT)
async def record_consent(
    res: Res, caller: PracticeCaller, client_id: UUID, consent: DisclosureConsentIn
) -> DisclosureConsentOut:
    """Record a consent that the client has signed. What it covers is open to its recipient while it holds."""
    return DisclosureConsentOut.of(await disclosing.record(res, caller, ClientId(client_id), consent.terms()))


@router.post("/clients/{client_id}/disclosure-consents/{consent_id}/revoke")
@does(Operation.RECORD_CONSENT)
async def revoke_consent(
    res: Res, caller: PracticeCaller, client_id: UUID, consent_id: UUID, why: ReasonIn
) -> DisclosureConsentOut:
    """End a consent: the client has revoked it, or its event has come. What it opened is closed at once."""
    return DisclosureConsentOut.of(
        await disclosing.revoke(res, caller, ClientId(client_id), ConsentId(consent_id), why.reason)
    )


@router.post("/documents/{document_id}/disclosures", response_class=Response, responses=PDF)
@does(Operation.DISCLOSE)
async def disclose(res: Res, caller: PracticeCaller, document_id: UUID, copy: CopyIn) -> Response:
    """The copy for the recipient of a consent, with the notice of 42 CFR 2.32; it is in the ledger from then on."""
    return pdf_response(await disclosing.copy_for(res, caller, DocumentId(document_id), ConsentId(copy.consent_id)))


@router.get("/clients/{client_id}/disclosures")
@does(Operation.READ_DISCLOSURES)
async def list_disclosures(res: Res, caller: PracticeCaller, client_id: UUID) -> Disclosures:
    """What went to anybody else than the client, oldest first."""
    found = await disclosing.ledger(res, caller, ClientId(client_id))
    return Disclosures(disclosures=[DisclosureOut.of(line) for line in found])


@router.get("/clients/{client_id}/disclosures/{form}", response_class=Response, responses=FILE)
@does(Operation.READ_DISCLOSURES)
async def export_disclosures(res: Res, caller: PracticeCaller, client_id: UUID, form: Form) -> Response:
    """The same as a file."""
    return await exports.answer(await disclosing.export(res, caller, ClientId(client_id)), form)
