"""API keys: for the practice's administrators."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms, words
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import keys
from chart.refusals import FreshSignInNeeded, Refusal, Unacceptable
from chart.text import N_
from identity.api_key import LONGEST, SCOPES
from identity.caller import Right
from identity.policy import Operation

router = APIRouter(include_in_schema=False)


@router.get("/keys")
@does(Operation.LIST_KEYS)
async def show_keys(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _page(request, res, staff)


async def _page(
    request: Request, res: Res, staff: StaffPage, status: int = HTTPStatus.OK, **context: object
) -> Response:
    found = await keys.list_keys(res, staff)
    return await desk.page(
        request,
        res,
        staff,
        "chart/keys.html",
        status,
        **{
            "keys": found.keys,
            "names": found.names,
            "scopes": [(scope, words.RIGHTS[scope]) for scope in SCOPES],
            "words": words,
            "most_days": LONGEST.days,
            "made": None,
            "problem": None,
            "typed": {"name": "", "days": "90", "scopes": []},
            **context,
        },
    )


@router.post("/keys")
@does(Operation.MAKE_KEY)
async def make(
    request: Request,
    res: Res,
    staff: StaffPage,
    name: Typed = "",
    days: Typed = "",
    scopes: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The key stands in the answer itself: no address leads to it a second time."""
    typed = {"name": name.strip(), "days": days, "scopes": scopes}
    try:
        chosen = {Right(forms.one_of(tuple(SCOPES), one, N_("what the key may do"))) for one in scopes}
        made = await keys.make(res, staff, name.strip(), chosen, _days(days))
    except FreshSignInNeeded:
        return desk.again("/keys")
    except Refusal as refusal:
        return await _page(request, res, staff, forms.status(refusal), typed=typed, problem=str(refusal))
    return await _page(request, res, staff, made=made)


def _days(typed: str) -> int:
    if not typed.strip().isdecimal() or len(typed) > 4:
        raise Unacceptable("Give the days for which the key works as a number.")
    return int(typed)


@router.post("/keys/{key_id:uuid}/revoke")
@does(Operation.REVOKE_KEY)
async def revoke(res: Res, staff: StaffPage, key_id: UUID) -> Response:
    await keys.revoke(res, staff, key_id)
    return see_other("/keys?done=key-revoked")
