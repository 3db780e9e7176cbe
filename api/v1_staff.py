"""`/api/v1` for staff in person: what takes a signed-in human being, and no program with an API key."""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.access import PracticeCaller, Res, StaffToken, Visit, ip_address
from api.stories import signing
from api.stories.signing import Outcome
from api.v1_portal import AuthenticationIn, OutcomeOut, SignatureIn
from chart.ids import DocumentId
from chart.refusals import NotAllowed
from identity import session
from identity.caller import StaffMember

router = APIRouter(prefix="/api/v1", tags=["staff"])


def _in_person(caller: PracticeCaller) -> StaffMember:
    if not isinstance(caller, StaffMember):
        raise NotAllowed("An API key cannot sign: a signature is a person's. Sign in to the chart and sign there.")
    return caller


@router.post("/documents/{document_id}/counter-signature", responses={202: {"model": OutcomeOut}})
async def counter_sign(
    request: Request, res: Res, caller: PracticeCaller, document_id: UUID, signature: SignatureIn, response: Response
) -> OutcomeOut:
    """A provider's or supervisor's signature, in a staff session only; answers as the client's `signature` does."""
    outcome = await signing.counter_sign(
        res,
        _in_person(caller),
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
    res: Res, caller: PracticeCaller, visitor: Visit, token: StaffToken, again: AuthenticationIn
) -> None:
    """Make the staff session fresh for signing."""
    member = _in_person(caller)
    await session.authenticate_again(res.database, res.keyring, member, visitor, token, again.password, again.code)
