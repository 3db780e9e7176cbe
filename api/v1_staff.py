"""`/api/v1` for staff in person: what takes a signed-in human being, and no program with an API key."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Request, Response
from pydantic import BaseModel

from api.access import STAFF_COOKIE, PracticeCaller, Res, ip_address
from api.stories import restricting, signing
from api.stories.signing import Outcome
from api.v1 import ReasonIn
from api.v1_portal import OutcomeOut, Password, SignatureIn
from chart.ids import ClientId, DocumentId
from chart.refusals import NotAllowed
from identity import session
from identity.caller import StaffMember

router = APIRouter(prefix="/api/v1", tags=["staff"])


class OpenUntil(BaseModel):
    until: datetime


def _in_person(caller: PracticeCaller, why_not: str) -> StaffMember:
    if not isinstance(caller, StaffMember):
        raise NotAllowed(why_not)
    return caller


CANNOT_SIGN = "An API key cannot sign: a signature is a person's. Sign in to the chart and sign there."
BREAKS_NO_GLASS = (
    "An API key cannot open a restricted chart: that takes a person. Sign in to the chart and open it there."
)


@router.post("/clients/{client_id}/break-glass", status_code=HTTPStatus.CREATED)
async def break_glass(res: Res, caller: PracticeCaller, client_id: UUID, why: ReasonIn) -> OpenUntil:
    """Open a restricted chart for an hour in an emergency, in a staff session only; the administrators are told."""
    return OpenUntil(
        until=await restricting.break_glass(res, _in_person(caller, BREAKS_NO_GLASS), ClientId(client_id), why.reason)
    )


@router.post("/documents/{document_id}/counter-signature", responses={202: {"model": OutcomeOut}})
async def counter_sign(
    request: Request, res: Res, caller: PracticeCaller, document_id: UUID, signature: SignatureIn, response: Response
) -> OutcomeOut:
    """A provider's or supervisor's signature, in a staff session only; answers as the client's `signature` does."""
    outcome = await signing.counter_sign(
        res,
        _in_person(caller, CANNOT_SIGN),
        DocumentId(document_id),
        mark=signature.mark(),
        shown_sha256=signature.sha256,
        intends=signature.intends,
        ip_address=ip_address(request),
    )
    response.status_code = HTTPStatus.ACCEPTED if outcome is Outcome.RECEIVED else HTTPStatus.OK
    return OutcomeOut(outcome=outcome)


@router.post("/session/authentication", status_code=HTTPStatus.NO_CONTENT)
async def authenticate_again(
    res: Res, caller: PracticeCaller, again: Password, token: Annotated[str, Cookie(alias=STAFF_COOKIE)] = ""
) -> None:
    """Make the staff session fresh for signing."""
    await session.authenticate_again(
        res.database, _in_person(caller, CANNOT_SIGN), session.Token(token), again.password
    )
