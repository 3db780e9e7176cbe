"""The counter-signature of a provider or supervisor (SPEC G8): review, draw or type, Sign Document."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from activities.stamp import COUNTER_MEANING, meaning
from api.access import Res, StaffPage, does
from api.pages import desk, words
from api.stories import accounts, charts, signing
from chart.ids import ClientId, DocumentId
from chart.lifecycle import STATES, WHY_NOT, RequestState, SeatState
from chart.refusals import NotFound
from chart.request import FRESH_FOR
from chart.request import Request as SignatureRequest
from chart.text import N_
from identity.policy import Operation

router = APIRouter(include_in_schema=False)


@router.get("/charts/{client_id:uuid}/documents/{document_id:uuid}/sign")
@does(Operation.REVIEW_AS_STAFF)
async def counter_sign(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, document_id: DocumentId
) -> Response:
    """For whoever the request names, and nobody else: others find nothing here."""
    asked = await signing.note_viewed(res, staff, document_id)
    mine = asked.signer(staff.actor) if asked else None
    if asked is None or mine is None:
        raise NotFound("There is no such document, or nobody asks you to sign it.")
    chart = await charts.open_chart(res, staff, client_id)
    document = await charts.find_document(res, staff, document_id)
    received = await signing.is_received(res, staff, asked)
    my_turn = staff.actor in asked.whose_turn and not received
    return await desk.page(
        request,
        res,
        staff,
        "chart/counter_sign.html",
        chart=chart,
        document=document,
        asked=asked,
        my_turn=my_turn,
        outcome=_outcome(asked, mine.state, received=received),
        outcome_said="" if my_turn else _said(asked, mine.state, received=received),
        fresh=datetime.now(UTC) - staff.authenticated_at <= FRESH_FOR,
        meaning=meaning(COUNTER_MEANING, staff.language),
        factors=await accounts.factors(res, staff),
    )


def _outcome(asked: SignatureRequest, mine: SeatState, *, received: bool) -> str:
    """What the script of Add Signature asks for, in the words of the API."""
    if asked.state is RequestState.SIGNED:
        return "signed"
    if received:
        return "received"
    return "taken" if mine is SeatState.SIGNED and not asked.state.ended else ""


def _said(asked: SignatureRequest, mine: SeatState, *, received: bool) -> str:
    if asked.state is RequestState.SIGNED:
        return N_("The document is signed and sealed. The signed copy is in the chart.")
    if received:
        return N_("Received. Your signature is kept; it will show here in a moment.")
    if asked.late:
        return words.waits_for(asked)
    if asked.state is not RequestState.PENDING:
        return STATES[asked.state].too_late
    if mine is SeatState.SIGNED:
        return N_("Thank you, you have signed. Others still have to sign; then the signed copy is in the chart.")
    return WHY_NOT[mine]
