"""Staff of the practice: for its administrators."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from api.access import Res, StaffPage, does
from api.pages import desk, forms
from api.pages.forms import Typed
from api.pages.rendering import see_other
from api.stories import roster
from chart.ids import StaffId
from chart.refusals import FreshSignInNeeded, NotAllowed, NotFound, Refusal
from chart.text import N_, Sentence
from identity.caller import Role
from identity.policy import Operation
from identity.roster import State

router = APIRouter(include_in_schema=False)

ROLES: dict[Role, Sentence] = {
    Role.PROVIDER: "Provider: charts, sharing, signing",
    Role.SUPERVISOR: "Supervisor: the same, and counter-signs for others",
    Role.ADMIN: "Administrator: all, and looks after the practice",
    Role.AUDITOR: "Auditor: reads charts and the audit log",
}

STATES: dict[State, Sentence] = {
    State.INVITED: "Invited, has not signed in yet",
    State.ACTIVE: "Active",
    State.ENROLS_ANEW: "Has to add a new second factor",
    State.ENDED: "Ended",
}

TONES = {State.INVITED: "wait", State.ACTIVE: "good", State.ENROLS_ANEW: "wait", State.ENDED: "quiet"}

_NOBODY = {"name": "", "email": "", "role": Role.PROVIDER}


@router.get("/staff")
@does(Operation.SEE_STAFF)
async def show_staff(request: Request, res: Res, staff: StaffPage) -> Response:
    return await _page(request, res, staff)


async def _page(request: Request, res: Res, staff: StaffPage, status: int = HTTPStatus.OK, **context: Any) -> Response:
    said = {
        "members": await roster.members(res, staff),
        "roles": ROLES,
        "states": STATES,
        "tones": TONES,
        "typed": _NOBODY,
        "problem": None,
        **context,
    }
    return await desk.page(request, res, staff, "chart/staff.html", status, **said)


@router.post("/staff")
@does(Operation.CHANGE_STAFF)
async def invite(
    request: Request, res: Res, staff: StaffPage, name: Typed = "", email: Typed = "", role: Typed = ""
) -> Response:
    typed = {"name": name.strip(), "email": email.strip(), "role": role}
    try:
        await roster.invite(
            res,
            staff,
            email=typed["email"],
            name=forms.name(typed["name"], N_("the name")),
            role=Role(forms.one_of(tuple(Role), role, N_("the role"))),
        )
    except FreshSignInNeeded:
        return desk.again("/staff")
    except NotAllowed:
        raise
    except Refusal as refusal:
        return await _page(request, res, staff, forms.status(refusal), typed=typed, problem=str(refusal))
    return see_other("/staff?done=colleague-invited")


# -- a colleague


@router.get("/staff/{staff_id:uuid}")
@does(Operation.SEE_STAFF)
async def show_colleague(request: Request, res: Res, staff: StaffPage, staff_id: StaffId) -> Response:
    return await _colleague(request, res, staff, staff_id)


async def _colleague(
    request: Request, res: Res, staff: StaffPage, staff_id: StaffId, status: int = HTTPStatus.OK, **context: Any
) -> Response:
    said = {
        "colleague": await roster.find(res, staff, staff_id),
        "roles": ROLES,
        "states": STATES,
        "tones": TONES,
        "problem": None,
        "problem_of": None,
        "reason": "",
        **context,
    }
    return await desk.page(request, res, staff, "chart/colleague.html", status, **said)


@router.post("/staff/{staff_id:uuid}/invitation")
@does(Operation.CHANGE_STAFF)
async def invite_again(request: Request, res: Res, staff: StaffPage, staff_id: StaffId) -> Response:
    act = roster.invite_again(res, staff, staff_id)
    return await _done(request, res, staff, staff_id, act, "colleague-invited", of="invitation")


@router.post("/staff/{staff_id:uuid}/role")
@does(Operation.CHANGE_STAFF)
async def change_role(request: Request, res: Res, staff: StaffPage, staff_id: StaffId, role: Typed = "") -> Response:
    async def act() -> None:
        chosen = Role(forms.one_of(tuple(Role), role, N_("the role")))
        await roster.change_role(res, staff, staff_id, chosen)

    return await _done(request, res, staff, staff_id, act(), "role", of="role")


@router.post("/staff/{staff_id:uuid}/end")
@does(Operation.END_STAFF)
async def end(request: Request, res: Res, staff: StaffPage, staff_id: StaffId, reason: Typed = "") -> Response:
    act = roster.end(res, staff, staff_id, reason.strip())
    return await _done(request, res, staff, staff_id, act, "colleague-ended", of="end", reason=reason)


@router.post("/staff/{staff_id:uuid}/remove-factors")
@does(Operation.CHANGE_STAFF)
async def take_factors(request: Request, res: Res, staff: StaffPage, staff_id: StaffId, reason: Typed = "") -> Response:
    act = roster.take_factors(res, staff, staff_id, reason.strip())
    return await _done(request, res, staff, staff_id, act, "factors-removed", of="factors", reason=reason)


async def _done(
    request: Request,
    res: Res,
    staff: StaffPage,
    staff_id: StaffId,
    act: Awaitable[None],
    done: str,
    *,
    of: str,
    reason: str = "",
) -> Response:
    try:
        await act
    except FreshSignInNeeded:
        return desk.again(f"/staff/{staff_id}")
    except (NotFound, NotAllowed):
        raise
    except Refusal as refusal:
        said = {"problem": str(refusal), "problem_of": of, "reason": reason}
        return await _colleague(request, res, staff, staff_id, forms.status(refusal), **said)
    return see_other(f"/staff/{staff_id}?done={done}")
