"""Portal access on the Chart Face: take an invitation back, end a relationship, keep one document from one person, let
it be seen again; let somebody who has lost every second factor set a new one."""

from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.chart import show_face
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import access, charts, sharing
from chart.ids import AccountId, ClientId, DocumentId, InvitationId
from chart.refusals import FreshSignInNeeded, NotFound, Refusal, Unacceptable
from identity.policy import Operation

router = APIRouter(include_in_schema=False)


@router.post("/charts/{client_id:uuid}/invitations/{invitation_id:uuid}/again")
@does(Operation.INVITE)
async def invite_again(res: Res, staff: StaffPage, client_id: ClientId, invitation_id: InvitationId) -> Response:
    await sharing.invite_again(res, staff, client_id, invitation_id)
    return see_other(f"/charts/{client_id}?done=invited")


@router.post("/charts/{client_id:uuid}/invitations/{invitation_id:uuid}/revoke")
@does(Operation.INVITE)
async def revoke_invitation(res: Res, staff: StaffPage, client_id: ClientId, invitation_id: InvitationId) -> Response:
    await sharing.revoke_invitation(res, staff, client_id, invitation_id)
    return see_other(f"/charts/{client_id}?done=invitation-revoked")


@router.post("/charts/{client_id:uuid}/access/{account_id:uuid}/end")
@does(Operation.END_ACCESS)
async def end(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, account_id: AccountId, reason: Typed = ""
) -> Response:
    act = access.end(res, staff, client_id, account_id, reason.strip())
    return await _done(request, res, staff, client_id, act, "access-ended", of=f"end-{account_id}", reason=reason)


@router.post("/charts/{client_id:uuid}/access/{account_id:uuid}/new-factors")
@does(Operation.OFFER_FACTORS)
async def offer_new_factors(
    request: Request, res: Res, staff: StaffPage, client_id: ClientId, account_id: AccountId, reason: Typed = ""
) -> Response:
    act = access.offer_new_factors(res, staff, client_id, account_id, reason.strip())
    of = f"factors-{account_id}"
    return await _done(request, res, staff, client_id, act, "factors-offered", of=of, reason=reason)


@router.post("/charts/{client_id:uuid}/access/{account_id:uuid}/block")
@does(Operation.BLOCK)
async def block(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    account_id: AccountId,
    document: Typed = "",
    reason: Typed = "",
) -> Response:
    act = _block(res, staff, client_id, account_id, document, reason.strip())
    return await _done(
        request, res, staff, client_id, act, "blocked", of=f"block-{account_id}", reason=reason, document=document
    )


async def _block(
    res: Res, staff: StaffPage, client_id: ClientId, account_id: AccountId, document: str, reason: str
) -> None:
    await access.block_document(res, staff, await _named(res, staff, client_id, document), account_id, reason)


@router.post("/charts/{client_id:uuid}/access/{account_id:uuid}/unblock")
@does(Operation.BLOCK)
async def unblock(
    res: Res, staff: StaffPage, client_id: ClientId, account_id: AccountId, document: Typed = ""
) -> Response:
    await access.unblock_document(res, staff, await _named(res, staff, client_id, document), account_id)
    return see_other(f"/charts/{client_id}?done=unblocked")


async def _named(res: Res, staff: StaffPage, client_id: ClientId, document: str) -> DocumentId:
    """A document of this chart."""
    chart = await charts.open_chart(res, staff, client_id)
    for one in chart.documents:
        if str(one.id) == document:
            return one.id
    raise Unacceptable("Choose the document.")


async def _done(
    request: Request,
    res: Res,
    staff: StaffPage,
    client_id: ClientId,
    act: Awaitable[None],
    done: str,
    *,
    of: str,
    **typed: str,
) -> Response:
    """A refusal is shown beside the form, with what was typed."""
    try:
        await act
    except FreshSignInNeeded:
        return desk.again(f"/charts/{client_id}")
    except NotFound:
        raise
    except Refusal as refusal:
        context = {"access_problem": str(refusal), "access_problem_of": of, "access_typed": typed}
        return await show_face(request, res, staff, client_id, forms.status(refusal), **context)
    return see_other(f"/charts/{client_id}?done={done}")
