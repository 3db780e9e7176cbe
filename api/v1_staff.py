"""`/api/v1` for staff in person: what takes a signed-in human being, and no program with an API key."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.access import PracticeCaller, Res, StaffToken, Visit, ip_address
from api.body import Body
from api.stories import keys, restricting, signing
from api.stories.signing import Outcome
from api.v1 import In, ReasonIn
from api.v1_portal import AuthenticationIn, OutcomeOut, SignatureIn
from chart.ids import ClientId, DocumentId
from chart.refusals import NotAllowed
from chart.text import Sentence
from identity import session
from identity.api_key import LONGEST
from identity.caller import Right, StaffMember

router = APIRouter(prefix="/api/v1", tags=["staff"])


class OpenUntil(Body):
    until: datetime


def _in_person(caller: PracticeCaller, why_not: str) -> StaffMember:
    if not isinstance(caller, StaffMember):
        raise NotAllowed(why_not)
    return caller


CANNOT_SIGN = "An API key cannot sign: a signature is a person's. Sign in to the chart and sign there."
BREAKS_NO_GLASS: Sentence = (
    "An API key cannot open a restricted chart: that takes a person. Sign in to the chart and open it there."
)


class KeyIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Which program uses it.")
    scopes: Annotated[list[Right], Field(min_length=1, max_length=20)]
    days: int = Field(ge=1, le=LONGEST.days, description="Until it ends.")


class KeyOut(Body):
    id: UUID
    name: str
    scopes: list[str]
    made_by: str | None = Field(description="`staff:<id>`, or `service`.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute.")
    revoked_at: datetime | None


class KeysOut(Body):
    keys: list[KeyOut]


class NewKeyOut(Body):
    key: str = Field(description="Shown this once.")


@router.get("/keys")
async def list_keys(res: Res, caller: PracticeCaller) -> KeysOut:
    """The practice's API keys, those that work first. For an administrator in person."""
    found = await keys.list_keys(res, caller)
    return KeysOut(keys=[KeyOut.model_validate(one, from_attributes=True) for one in found.keys])


@router.post("/keys", status_code=HTTPStatus.CREATED)
async def make_key(res: Res, caller: PracticeCaller, wanted: KeyIn) -> NewKeyOut:
    """A new key. For an administrator in person, whose sign-in is fresh."""
    return NewKeyOut(key=await keys.make(res, caller, wanted.name, set(wanted.scopes), wanted.days))


@router.delete("/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_key(res: Res, caller: PracticeCaller, key_id: UUID) -> None:
    """From now on the key is refused; it stays in the list. Repeating changes nothing."""
    await keys.revoke(res, caller, key_id)


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
    res: Res, caller: PracticeCaller, visitor: Visit, token: StaffToken, again: AuthenticationIn
) -> None:
    """Make the staff session fresh for signing."""
    member = _in_person(caller, CANNOT_SIGN)
    await session.authenticate_again(res.database, res.keyring, member, visitor, token, again.password, again.code)
