"""The Consents tab of a chart: consents to disclose substance use disorder records, copies under them, the ledger."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from api import exports
from api.access import Res, StaffPage, does
from api.body import Body
from api.pages import desk, forms
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import charts, disclosing
from api.v1 import pdf_response
from chart.disclosure import ConsentId, SignedHow, Terms
from chart.document import type_label
from chart.ids import AccountId, ClientId, DocumentId
from chart.refusals import NotFound, Refusal, Unacceptable
from chart.text import N_
from identity.policy import Operation

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Field(max_length=1000)]


class Typing(Body):
    """The form as it was typed."""

    account: Text = ""
    recipient: Text = ""
    document: Text = ""
    what: Text = ""
    purpose: Text = ""
    starts_on: Text = ""
    ends_on: Text = ""
    ends_when: Text = ""
    signed_on: Text = ""
    signed_how: Text = SignedHow.ON_PAPER.value

    def terms(self) -> Terms:
        return Terms(
            account_id=AccountId(_chosen(self.account, N_("the recipient"))) if self.account else None,
            recipient=self.recipient.strip() or None,
            document_id=DocumentId(_chosen(self.document, N_("the document"))) if self.document else None,
            what=self.what.strip(),
            purpose=self.purpose.strip(),
            starts_on=forms.calendar_day(self.starts_on, N_("the first day")),
            ends_on=forms.calendar_day(self.ends_on, N_("the day on which it ends")) if self.ends_on else None,
            ends_when=self.ends_when.strip() or None,
            signed_on=forms.calendar_day(self.signed_on, N_("the day of the signature")),
            signed_how=SignedHow(forms.one_of(tuple(SignedHow), self.signed_how, N_("how it was signed"))),
        )


def _chosen(typed: str, what: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError:
        raise Unacceptable("Choose {what}.", what=what) from None


@router.get("/charts/{client_id:uuid}/consents")
@does(Operation.READ_DISCLOSURES)
async def consents(request: Request, res: Res, staff: StaffPage, client_id: ClientId) -> Response:
    return await _show(request, res, staff, client_id)


async def _show(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    status: int = HTTPStatus.OK,
    **context: Any,
) -> Response:
    chart = await charts.open_chart(res, staff, client_id)
    found, ledger = await disclosing.of_opened(res, staff, client_id)
    return await desk.page(
        request,
        res,
        staff,
        "chart/consents.html",
        status,
        **{
            "chart": chart,
            "consents": found,
            "ledger": ledger,
            "plans": [one for one in chart.documents if one.part_2],
            "by_id": {one.id: one for one in chart.documents},
            "hows": list(SignedHow),
            "formats": list(exports.Form),
            "type_label": type_label,
            "typed": Typing(),
            "typed_reason": "",
            "problem": None,
            "problem_of": None,
            **context,
        },
    )


@router.post("/charts/{client_id:uuid}/consents")
@does(Operation.RECORD_CONSENT)
async def record(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, typed: Annotated[Typing, Form()]
) -> Response:
    try:
        await disclosing.record(res, staff, client_id, typed.terms())
    except NotFound:
        raise
    except Refusal as refusal:
        status, problem = forms.status(refusal), str(refusal)
        return await _show(request, res, staff, client_id, status, typed=typed, problem=problem, problem_of="record")
    return see_other(f"/charts/{client_id}/consents?done=consent-recorded")


@router.post("/charts/{client_id:uuid}/consents/{consent_id:uuid}/revoke")
@does(Operation.RECORD_CONSENT)
async def revoke(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, consent_id: ConsentId, reason: Typed = ""
) -> Response:
    try:
        await disclosing.revoke(res, staff, client_id, consent_id, reason.strip())
    except NotFound:
        raise
    except Refusal as refusal:
        said = {"problem": str(refusal), "problem_of": f"revoke-{consent_id}", "typed_reason": reason}
        return await _show(request, res, staff, client_id, forms.status(refusal), **said)
    return see_other(f"/charts/{client_id}/consents?done=consent-revoked")


@router.post("/charts/{client_id:uuid}/consents/{consent_id:uuid}/copy")
@does(Operation.DISCLOSE)
async def copy(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, consent_id: ConsentId, document: Typed = ""
) -> Response:
    """A download: the page stays as it is, and shows the new line of the ledger when it is read again."""
    try:
        wanted = DocumentId(_chosen(document, N_("the document")))
        return pdf_response(await disclosing.copy_for(res, staff, wanted, consent_id))
    except NotFound:
        raise
    except Refusal as refusal:
        said = {"problem": str(refusal), "problem_of": f"copy-{consent_id}"}
        return await _show(request, res, staff, client_id, forms.status(refusal), **said)


@router.get("/charts/{client_id:uuid}/disclosures.{form}")
@does(Operation.READ_DISCLOSURES)
async def export(res: Res, staff: StaffPage, client_id: ClientId, form: exports.Form) -> Response:
    return await exports.answer(await disclosing.export(res, staff, client_id), form)
