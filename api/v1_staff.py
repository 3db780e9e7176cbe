"""`/api/v1` for staff in person: what takes a signed-in human being, and no program with an API key."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.access import Res, StaffCaller, StaffToken, Visit, does, ip_address
from api.body import Body
from api.stories import access, keys, restricting, signing
from api.stories.signing import Outcome
from api.v1 import In, ReasonIn
from api.v1_portal import AuthenticationIn, OutcomeOut, SignatureIn
from chart.ids import AccountId, ClientId, DocumentId
from identity import session
from identity.api_key import LONGEST
from identity.caller import Right
from identity.policy import Operation

router = APIRouter(prefix="/api/v1", tags=["staff"])


class OpenUntil(Body):
    until: datetime


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
@does(Operation.LIST_KEYS)
async def list_keys(res: Res, member: StaffCaller) -> KeysOut:
    """The practice's API keys, those that work first. For an administrator in person."""
    found = await keys.list_keys(res, member)
    return KeysOut(keys=[KeyOut.of(one) for one in found.keys])


@router.post("/keys", status_code=HTTPStatus.CREATED)
@does(Operation.MAKE_KEY)
async def make_key(res: Res, member: StaffCaller, wanted: KeyIn) -> NewKeyOut:
    """A new key. For an administrator in person, whose sign-in is fresh."""
    return NewKeyOut(key=await keys.make(res, member, wanted.name, set(wanted.scopes), wanted.days))


@router.delete("/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.REVOKE_KEY)
async def revoke_key(res: Res, member: StaffCaller, key_id: UUID) -> None:
    """From now on the key is refused; it stays in the list. Repeating changes nothing."""
    await keys.revoke(res, member, key_id)


@router.post("/clients/{client_id}/access/{account_id}/new-factors", status_code=HTTPStatus.ACCEPTED)
@does(Operation.OFFER_FACTORS)
async def offer_new_factors(
    res: Res, member: StaffCaller, client_id: UUID, account_id: UUID, why: ReasonIn
) -> Response:
    """Let somebody who has lost every second factor set a new one: they are signed out everywhere and get a mail.

    In a staff session only, whose sign-in is fresh. The reason says how you know that it is this person.
    """
    await access.offer_new_factors(res, member, ClientId(client_id), AccountId(account_id), why.reason)
    return Response(status_code=HTTPStatus.ACCEPTED)


@router.post("/clients/{client_id}/break-glass", status_code=HTTPStatus.CREATED)
@does(Operation.BREAK_GLASS)
async def break_glass(res: Res, member: StaffCaller, client_id: UUID, why: ReasonIn) -> OpenUntil:
    """Open a restricted chart for an hour in an emergency, in a staff session only; the administrators are told."""
    return OpenUntil(until=await restricting.break_glass(res, member, ClientId(client_id), why.reason))


@router.post("/documents/{document_id}/counter-signature", responses={202: {"model": OutcomeOut}})
@does(Operation.COUNTER_SIGN)
async def counter_sign(
    request: Request, res: Res, member: StaffCaller, document_id: UUID, signature: SignatureIn, response: Response
) -> OutcomeOut:
    """A provider's or supervisor's signature, in a staff session only; answers as the client's `signature` does."""
    outcome = await signing.counter_sign(
        res,
        member,
        DocumentId(document_id),
        mark=signature.mark(),
        shown_sha256=signature.sha256,
        intends=signature.intends,
        ip_address=ip_address(request),
    )
    response.status_code = HTTPStatus.ACCEPTED if outcome is Outcome.RECEIVED else HTTPStatus.OK
    return OutcomeOut(outcome=outcome)


@router.post("/session/authentication", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.USE_ACCOUNT)
async def authenticate_again(
    res: Res, member: StaffCaller, visitor: Visit, token: StaffToken, again: AuthenticationIn
) -> None:
    """Make the staff session fresh for signing."""
    await session.authenticate_again(res.database, res.keyring, member, visitor, token, again.password, again.code)
