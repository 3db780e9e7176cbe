"""One's own account, alike for staff and clients: password, second factors, where one is signed in."""

from http import HTTPStatus
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Base64UrlBytes

from api.access import Res, SignInNeeded, Visit, does, safe_next, start_session
from api.pages import desk, forms, portal_frame
from api.pages.door import Answer, Door
from api.pages.forms import Typed
from api.pages.rendering import Notification, qr_code, see_other
from api.stories import accounts, settings
from chart.refusals import FreshSignInNeeded, NotFound, Refusal
from chart.text import N_, Sentence, Text
from identity import passkey, session
from identity.caller import PortalUser, StaffMember
from identity.policy import Operation
from identity.session import SignedInPerson

DONE: dict[str, Sentence] = {
    "password": "Your password is changed. You are signed out everywhere else.",
    "authenticator": "The authenticator app is added.",
    "passkey": "The passkey is added.",
    "removed": "It is removed.",
    "ended": "Signed out there.",
    "others-ended": "You are signed out everywhere else.",
    "language": "The language is changed.",
}


def routes(door: Door) -> APIRouter:
    """The account's pages of one surface."""
    router = APIRouter(prefix=f"{door.prefix}/account", include_in_schema=False)
    _password_and_sessions(router, door)
    _factors(router, door)
    _again(router, door)
    return router


async def _show(
    request: Request,
    res: Res,
    door: Door,
    who: SignedInPerson,
    name: str,
    refusal: Refusal | None = None,
    **more: object,
) -> Response:
    status = forms.status(refusal) if refusal else HTTPStatus.OK
    done = DONE.get(request.query_params.get("done", "")) if request.method == "GET" else None
    context = {
        "door": door,
        "here": f"{door.prefix}/account",
        "problem": str(refusal) if refusal else None,
        "notification": Notification(done) if done else None,
        "device": _device,
        **more,
    }
    if isinstance(who, StaffMember):
        return await desk.page(request, res, who, name, status, frame="chart/frame.html", **context)
    return await portal_frame.page(request, res, who, name, status, frame="portal/frame.html", **context)


def _device(agent: str) -> str:
    """`Firefox on Linux` in the reader's language; an app of ours tells nothing of itself."""
    browser, on, system = agent.partition(" on ")
    return Text("{browser} on {system}", browser=browser, system=system) if on else agent or N_("An app")


async def _overview(
    request: Request, res: Res, door: Door, who: SignedInPerson, refusal: Refusal | None = None
) -> Response:
    account = await accounts.overview(res, who, door.token(request))
    return await _show(request, res, door, who, "account/overview.html", refusal, account=account)


def _to_again(door: Door, following: str) -> Response:
    return see_other(f"{door.prefix}/account/again?next={following}")


def _password_and_sessions(router: APIRouter, door: Door) -> None:
    Who: TypeAlias = Annotated[StaffMember | PortalUser, Depends(door.signed_in)]

    @router.get("")
    @does(Operation.USE_ACCOUNT)
    async def overview(request: Request, res: Res, who: Who) -> Response:
        return await _overview(request, res, door, who)

    @router.get("/password")
    @does(Operation.CHANGE_ACCOUNT)
    async def form(request: Request, res: Res, who: Who) -> Response:
        if not accounts.is_fresh(who):
            return _to_again(door, request.url.path)
        return await show(request, res, who)

    async def show(request: Request, res: Res, who: SignedInPerson, refusal: Refusal | None = None) -> Response:
        account = await accounts.overview(res, who, door.token(request))
        return await _show(request, res, door, who, "account/password.html", refusal, account=account)

    @router.post("/password")
    @does(Operation.CHANGE_ACCOUNT)
    async def change_password(
        request: Request, res: Res, who: Who, visitor: Visit, password: Typed = "", new_password: Typed = ""
    ) -> Response:
        try:
            signed_in = await accounts.change_password(res, who, visitor, password, new_password)
        except FreshSignInNeeded:
            return _to_again(door, request.url.path)
        except Refusal as refusal:
            return await show(request, res, who, refusal)
        response = see_other(f"{door.prefix}/account?done=password")
        start_session(response, door.surface, signed_in)
        return response

    @router.post("/sessions/{session_id:uuid}/end")
    @does(Operation.USE_ACCOUNT)
    async def end_session(request: Request, res: Res, who: Who, session_id: UUID) -> Response:
        try:
            await accounts.end_session(res, who, session_id)
        except NotFound as refusal:
            return await _overview(request, res, door, who, refusal)
        return see_other(f"{door.prefix}/account?done=ended")

    @router.post("/language")
    @does(Operation.USE_ACCOUNT)
    async def set_language(request: Request, res: Res, who: Who, language: Typed = "") -> Response:
        try:
            await settings.set_language(res, who, language)
        except Refusal as refusal:
            return await _overview(request, res, door, who, refusal)
        return see_other(f"{door.prefix}/account?done=language")

    @router.get("/session")
    @does(Operation.GO_ON)
    async def left(request: Request, res: Res) -> Response:
        """For the page's script; asking does not prolong the session."""
        return await answer_left(request, res)

    @router.post("/session")
    @does(Operation.USE_ACCOUNT)
    async def stay(request: Request, res: Res, who: Who) -> Response:
        """As every page that is read, this begins the idle time anew."""
        return await answer_left(request, res)

    async def answer_left(request: Request, res: Res) -> Response:
        found = await session.left(res.database, door.surface, door.token(request))
        if found is None:
            raise SignInNeeded("Your session has ended. Sign in again.")
        seconds = {"idle": found.idle.total_seconds(), "longest": found.longest.total_seconds()}
        return JSONResponse({"person": found.party, **seconds})

    @router.post("/sessions/end-others")
    @does(Operation.USE_ACCOUNT)
    async def end_others(request: Request, res: Res, who: Who) -> Response:
        await accounts.end_other_sessions(res, who, door.token(request))
        return see_other(f"{door.prefix}/account?done=others-ended")


def _factors(router: APIRouter, door: Door) -> None:
    Who: TypeAlias = Annotated[StaffMember | PortalUser, Depends(door.signed_in)]

    @router.get("/authenticator")
    @does(Operation.CHANGE_ACCOUNT)
    async def form(request: Request, res: Res, who: Who) -> Response:
        return await show(request, res, who)

    async def show(request: Request, res: Res, who: SignedInPerson, refusal: Refusal | None = None) -> Response:
        try:
            offered = await accounts.offer_authenticator(res, who)
        except FreshSignInNeeded:
            return _to_again(door, request.url.path)
        shown = {"secret": offered.text, "opens": offered.address, "picture": qr_code(offered.address)}
        return await _show(request, res, door, who, "account/authenticator.html", refusal, **shown)

    @router.post("/authenticator")
    @does(Operation.CHANGE_ACCOUNT)
    async def add_authenticator(request: Request, res: Res, who: Who, code: Typed = "") -> Response:
        try:
            await accounts.add_authenticator(res, who, code)
        except Refusal as refusal:
            return await show(request, res, who, refusal)
        return see_other(f"{door.prefix}/account?done=authenticator")

    @router.post("/authenticator/remove")
    @does(Operation.CHANGE_ACCOUNT)
    async def remove_authenticator(request: Request, res: Res, who: Who) -> Response:
        try:
            await accounts.remove_authenticator(res, door.surface, who)
        except FreshSignInNeeded:
            return _to_again(door, f"{door.prefix}/account")
        except Refusal as refusal:
            return await _overview(request, res, door, who, refusal)
        return see_other(f"{door.prefix}/account?done=removed")

    @router.post("/passkeys/question")
    @does(Operation.CHANGE_ACCOUNT)
    async def question(res: Res, who: Who) -> dict[str, Any]:
        return await accounts.offer_passkey(res, door.surface, who)

    @router.post("/passkeys")
    @does(Operation.CHANGE_ACCOUNT)
    async def add_passkey(res: Res, who: Who, visitor: Visit, answer: Answer) -> dict[str, str]:
        await accounts.add_passkey(res, door.surface, who, visitor, answer)
        return {"next": f"{door.prefix}/account?done=passkey"}

    @router.post("/passkeys/remove")
    @does(Operation.CHANGE_ACCOUNT)
    async def remove_passkey(
        request: Request, res: Res, who: Who, passkey: Annotated[Base64UrlBytes, Form(max_length=2000)]
    ) -> Response:
        try:
            await accounts.remove_passkey(res, door.surface, who, passkey)
        except FreshSignInNeeded:
            return _to_again(door, f"{door.prefix}/account")
        except Refusal as refusal:
            return await _overview(request, res, door, who, refusal)
        return see_other(f"{door.prefix}/account?done=removed")

    @router.get("/recovery-codes")
    @does(Operation.CHANGE_ACCOUNT)
    async def codes_form(request: Request, res: Res, who: Who, next: str = "") -> Response:
        if not accounts.is_fresh(who):
            return _to_again(door, request.url.path)
        return await show_codes(request, res, who, next, [])

    async def show_codes(request: Request, res: Res, who: SignedInPerson, following: str, codes: list[str]) -> Response:
        leads = safe_next(following, door.home if following else f"{door.prefix}/account")
        return await _show(request, res, door, who, "account/recovery_codes.html", codes=codes, following=leads)

    @router.post("/recovery-codes")
    @does(Operation.CHANGE_ACCOUNT)
    async def make_codes(request: Request, res: Res, who: Who, next: Typed = "") -> Response:
        """Shown in the answer itself: no address leads to them a second time."""
        try:
            codes = await accounts.make_recovery_codes(res, who)
        except FreshSignInNeeded:
            return _to_again(door, request.url.path)
        return await show_codes(request, res, who, next, codes)


def _again(router: APIRouter, door: Door) -> None:
    """Show again who one is."""
    Who: TypeAlias = Annotated[StaffMember | PortalUser, Depends(door.signed_in)]

    @router.get("/again")
    @does(Operation.USE_ACCOUNT)
    async def form(request: Request, res: Res, who: Who, next: str = "") -> Response:
        return await show(request, res, who, next)

    async def show(
        request: Request, res: Res, who: SignedInPerson, following: str, refusal: Refusal | None = None
    ) -> Response:
        account = await accounts.overview(res, who, door.token(request))
        leads = safe_next(following, f"{door.prefix}/account")
        return await _show(request, res, door, who, "account/again.html", refusal, account=account, following=leads)

    @router.post("/again")
    @does(Operation.USE_ACCOUNT)
    async def again(
        request: Request, res: Res, who: Who, visitor: Visit, password: Typed = "", code: Typed = "", next: Typed = ""
    ) -> Response:
        try:
            await session.authenticate_again(
                res.database, res.keyring, who, visitor, door.token(request), password, code
            )
        except Refusal as refusal:
            return await show(request, res, who, next, refusal)
        return see_other(safe_next(next, f"{door.prefix}/account"))

    @router.post("/again/passkey/question")
    @does(Operation.USE_ACCOUNT)
    async def question(res: Res, who: Who) -> dict[str, Any]:
        return await passkey.ask(res.database, res.site(door.surface), who.actor)

    @router.post("/again/passkey")
    @does(Operation.USE_ACCOUNT)
    async def answer(request: Request, res: Res, who: Who, answer: Answer, next: str = "") -> dict[str, str]:
        site = res.site(door.surface)
        await session.authenticate_again_with_passkey(res.database, site, who, door.token(request), answer)
        return {"next": safe_next(next, f"{door.prefix}/account")}
