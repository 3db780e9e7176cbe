"""The way in and out, alike for the practice and in the Client Portal: sign-in, second factor, a new password by email.

Every step is a form that works without a script; only passkeys need one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.responses import JSONResponse

from api.access import (
    COOKIE,
    SIGN_ON_COOKIE,
    Res,
    Visit,
    does,
    end_session,
    forget_sign_on,
    keep_sign_on,
    remember_device,
    safe_next,
    start_session,
)
from api.pages import forms
from api.pages.forms import Typed
from api.pages.rendering import Notification, page, qr_code, see_other
from api.stories import accounts
from api.stories import reset as resets
from chart.refusals import NotFound, NotReachable, Refusal
from chart.text import Sentence
from identity import passkey, reset, second_factor, session, single_sign_on, throttle
from identity.caller import PortalUser, StaffMember, Surface
from identity.policy import Operation
from identity.session import Awaits, HalfWay, SignedIn, SignedInPerson, SignInAgain

DONE: dict[str, Sentence] = {
    "registered": "You are registered. Sign in with your email address and your password.",
    "signed-out": "You are signed out.",
    "new-password": "Your password is changed. Sign in with the new one.",
}

Answer = Annotated[dict[str, Any], Body()]
"""What the browser says of a passkey; the library reads it with care."""


@dataclass(frozen=True)
class Door:
    """One surface."""

    surface: Surface
    name: str
    prefix: str
    home: str
    """Where sign-in leads if no page was asked for."""
    signed_in: Callable[..., Awaitable[SignedInPerson]]
    """Dependency: who is signed in there."""

    @property
    def address(self) -> str:
        return f"{self.prefix}/sign-in"

    def token(self, request: Request) -> str:
        return request.cookies.get(COOKIE[self.surface], "")

    async def half_way(self, request: Request, res: Res) -> HalfWay:
        return await session.half_way(res.database, self.surface, self.token(request))

    async def is_signed_in(self, request: Request, res: Res) -> bool:
        return await session.left(res.database, self.surface, self.token(request)) is not None

    async def has_ended(self, request: Request, res: Res) -> bool:
        """Whether the browser brings a session that is none any more."""
        if not self.token(request) or await self.is_signed_in(request, res):
            return False
        try:
            await self.half_way(request, res)
        except SignInAgain:
            return True
        return False

    def page(
        self, request: Request, name: str, refusal: Refusal | None = None, following: str = "", **context: object
    ) -> Response:
        status = forms.status(refusal) if refusal else HTTPStatus.OK
        problem = str(refusal) if refusal else None
        context = {"door": self, "following": safe_next(following, ""), "problem": problem, **context}
        return page(request, f"door/{name}.html", status, **context)

    def sign_in_page(
        self, request: Request, res: Res, refusal: Refusal | None = None, following: str = "", **context: object
    ) -> Response:
        sign_on = res.sign_on is not None and self.surface is Surface.CHART
        return self.page(
            request, "sign_in", refusal, following, **{"email": "", "sign_on": sign_on, "over": False, **context}
        )

    def go_on(self, request: Request, signed_in: SignedIn, following: str) -> Response:
        """To the page that was asked for, or to the step that comes first; scripts are told where."""
        step = {
            Awaits.FACTOR: f"{self.address}/second-factor",
            Awaits.FACTOR_FOR_RESET: f"{self.address}/second-factor",
            Awaits.ENROLMENT: f"{self.address}/enrol",
            Awaits.LINK: f"{self.address}/link",
            Awaits.NEW_PASSWORD: f"{self.address}/new-password",
            None: None,
        }[signed_in.awaits]
        carried = safe_next(following, "")
        leads = f"{step}?next={carried}" if step and carried else step or safe_next(following, self.home)
        response: Response = see_other(leads)
        if forms.wants_json(request):
            response = JSONResponse({"awaits": signed_in.awaits, "next": leads})
        start_session(response, self.surface, signed_in)
        return response


def routes(door: Door) -> APIRouter:
    """Every page of the way in to one surface."""
    router = APIRouter(prefix=door.prefix, include_in_schema=False)
    _sign_in(router, door)
    _second_factor(router, door)
    _enrolment(router, door)
    _link(router, door)
    _new_password(router, door)
    if door.surface is Surface.CHART:
        _single_sign_on(router, door)
    return router


def _sign_in(router: APIRouter, door: Door) -> None:
    @router.get("/sign-in")
    @does(Operation.SIGN_IN)
    async def form(request: Request, res: Res, next: str = "", done: str = "") -> Response:
        told = Notification(DONE[done]) if done in DONE else None
        over = not told and await door.has_ended(request, res)
        return door.sign_in_page(request, res, following=next, notification=told, over=over)

    @router.post("/sign-in")
    @does(Operation.SIGN_IN)
    async def sign_in(
        request: Request, res: Res, visitor: Visit, email: Typed = "", password: Typed = "", next: Typed = ""
    ) -> Response:
        try:
            signed_in = await session.sign_in(
                res.database, door.surface, visitor, email, password, replacing=door.token(request)
            )
        except (session.SignInFailed, throttle.TooManyTries) as refusal:
            if forms.wants_json(request):
                raise
            return door.sign_in_page(request, res, refusal, next, email=email)
        return door.go_on(request, signed_in, next)

    @router.post("/sign-in/passkey/question")
    @does(Operation.SIGN_IN)
    async def question(res: Res, visitor: Visit) -> dict[str, Any]:
        """What a passkey is to sign, of whoever has one here."""
        await throttle.spend(res.database, throttle.PASSKEY_QUESTIONS.of(visitor.network))
        return await passkey.ask(res.database, res.site(door.surface))

    @router.post("/sign-in/passkey")
    @does(Operation.SIGN_IN)
    async def answer(request: Request, res: Res, visitor: Visit, answer: Answer, next: str = "") -> Response:
        signed_in = await session.sign_in_with_passkey(
            res.database, res.site(door.surface), visitor, answer, replacing=door.token(request)
        )
        return door.go_on(request, signed_in, next)

    @router.post("/sign-out")
    @does(Operation.USE_ACCOUNT)
    async def sign_out(
        request: Request, res: Res, who: Annotated[StaffMember | PortalUser, Depends(door.signed_in)]
    ) -> Response:
        await session.end(res.database, who, door.token(request))
        response = see_other(f"{door.address}?done=signed-out")
        end_session(response, door.surface)
        return response


def _second_factor(router: APIRouter, door: Door) -> None:
    async def show(request: Request, res: Res, following: str, refusal: Refusal | None = None) -> Response:
        try:
            who = await door.half_way(request, res)
        except SignInAgain as over:
            return door.sign_in_page(request, res, over, following)
        async with res.database.practice(who.practice) as transaction:
            factors = await second_factor.of(transaction, who.actor)
            helped = who.awaits is Awaits.FACTOR and await second_factor.has_link(transaction, who.actor)
        return door.page(request, "second_factor", refusal, following, factors=factors, helped=helped)

    @router.get("/sign-in/second-factor")
    @does(Operation.GO_ON)
    async def form(request: Request, res: Res, next: str = "") -> Response:
        return await show(request, res, next)

    @router.post("/sign-in/second-factor")
    @does(Operation.GO_ON)
    async def show_code(request: Request, res: Res, visitor: Visit, code: Typed = "", next: Typed = "") -> Response:
        try:
            signed_in = await session.show_code(
                res.database, res.keyring, door.surface, visitor, door.token(request), code
            )
        except (second_factor.WrongCode, throttle.TooManyTries, SignInAgain) as refusal:
            if forms.wants_json(request):
                raise
            return await show(request, res, next, refusal)
        return door.go_on(request, signed_in, next)

    @router.post("/sign-in/second-factor/passkey/question")
    @does(Operation.GO_ON)
    async def question(request: Request, res: Res) -> dict[str, Any]:
        who = await door.half_way(request, res)
        return await passkey.ask(res.database, res.site(door.surface), who.actor)

    @router.post("/sign-in/second-factor/passkey")
    @does(Operation.GO_ON)
    async def answer(request: Request, res: Res, visitor: Visit, answer: Answer, next: str = "") -> Response:
        signed_in = await session.show_passkey(
            res.database, res.site(door.surface), visitor, door.token(request), answer
        )
        return door.go_on(request, signed_in, next)


def _enrolment(router: APIRouter, door: Door) -> None:
    """Staff without a second factor adds one before anything else (SPEC A2); clients who have lost all, a new one."""

    async def who_enrols(request: Request, res: Res) -> HalfWay:
        who = await door.half_way(request, res)
        if who.awaits is not Awaits.ENROLMENT:
            raise SignInAgain
        return who

    async def enrolled(request: Request, res: Res, visitor: Visit, following: str) -> Response:
        signed_in = await accounts.enrolled(res, door.surface, visitor, door.token(request))
        carried = f"?next={safe_next(following, '')}" if following else ""
        return door.go_on(request, signed_in, f"{door.prefix}/account/recovery-codes{carried}")

    async def show(request: Request, res: Res, following: str, refusal: Refusal | None = None) -> Response:
        try:
            offered = await accounts.offer_authenticator(res, await who_enrols(request, res))
        except SignInAgain as over:
            return door.sign_in_page(request, res, over, following)
        shown = {"secret": offered.text, "opens": offered.address, "picture": qr_code(offered.address)}
        return door.page(request, "enrol", refusal, following, **shown)

    @router.get("/sign-in/enrol")
    @does(Operation.GO_ON)
    async def form(request: Request, res: Res, next: str = "") -> Response:
        return await show(request, res, next)

    @router.post("/sign-in/enrol")
    @does(Operation.GO_ON)
    async def add_authenticator(
        request: Request, res: Res, visitor: Visit, code: Typed = "", next: Typed = ""
    ) -> Response:
        try:
            await accounts.add_authenticator(res, await who_enrols(request, res), code)
        except (second_factor.WrongCode, SignInAgain) as refusal:
            return await show(request, res, next, refusal)
        return await enrolled(request, res, visitor, next)

    @router.post("/sign-in/enrol/passkey/question")
    @does(Operation.GO_ON)
    async def question(request: Request, res: Res) -> dict[str, Any]:
        return await accounts.offer_passkey(res, door.surface, await who_enrols(request, res))

    @router.post("/sign-in/enrol/passkey")
    @does(Operation.GO_ON)
    async def add_passkey(request: Request, res: Res, visitor: Visit, answer: Answer, next: str = "") -> Response:
        await accounts.add_passkey(res, door.surface, await who_enrols(request, res), visitor, answer)
        return await enrolled(request, res, visitor, next)


def _link(router: APIRouter, door: Door) -> None:
    """Whoever has lost every second factor shows the mailed link before adding new ones (docs/decisions/052, 053)."""

    @router.get("/sign-in/link")
    @does(Operation.GO_ON)
    async def form(request: Request, res: Res, next: str = "") -> Response:
        """The token stands behind `#` and never reaches the server with this request."""
        return await show(request, res, next)

    async def show(request: Request, res: Res, following: str, refusal: Refusal | None = None) -> Response:
        try:
            who = await door.half_way(request, res)
        except SignInAgain:
            # the link was opened before the sign-in, whose form takes the token along, or after the whole of it
            whole = await door.is_signed_in(request, res)
            return door.page(request, "link", refusal, following, half_way=False, whole=whole)
        if who.awaits is not session.SHOWS_LINK[door.surface]:
            return door.sign_in_page(request, res, SignInAgain(), following)
        return door.page(request, "link", refusal, following, half_way=True, whole=False)

    @router.post("/sign-in/link")
    @does(Operation.GO_ON)
    async def use(request: Request, res: Res, visitor: Visit, token: Typed = "", next: Typed = "") -> Response:
        try:
            half = await session.show_link(res.database, door.surface, visitor, door.token(request), token.strip())
        except SignInAgain as over:
            return door.sign_in_page(request, res, over, next)
        except (second_factor.LinkEnded, throttle.TooManyTries) as refusal:
            return await show(request, res, next, refusal)
        return door.go_on(request, half, next)


def _new_password(router: APIRouter, door: Door) -> None:
    @router.get("/sign-in/forgotten")
    @does(Operation.SIGN_IN)
    async def forgotten_form(request: Request) -> Response:
        return door.page(request, "forgotten", email="", sent=False)

    @router.post("/sign-in/forgotten")
    @does(Operation.SIGN_IN)
    async def forgotten(request: Request, res: Res, visitor: Visit, email: Typed = "") -> Response:
        try:
            await resets.ask(res, door.surface, visitor, email)
        except throttle.TooManyTries as refusal:
            return door.page(request, "forgotten", refusal, email=email, sent=False)
        return door.page(request, "forgotten", email=email, sent=True)

    @router.get("/sign-in/reset")
    @does(Operation.SIGN_IN)
    async def reset_form(request: Request) -> Response:
        """The token stands behind `#` and never reaches the server with this request, nor is anything used up."""
        return door.page(request, "reset", token="", ended=False)

    @router.post("/sign-in/reset")
    @does(Operation.GO_ON)
    async def use(request: Request, res: Res, visitor: Visit, token: Typed = "") -> Response:
        purse = throttle.RESETS.of(visitor.network)
        try:
            await throttle.spend(res.database, purse)
            half = await reset.use(res.database, door.surface, token.strip())
        except (reset.ResetEnded, reset.FactorFirst, throttle.TooManyTries) as refusal:
            return door.page(request, "reset", refusal, token=token, ended=isinstance(refusal, reset.ResetEnded))
        await throttle.give_back(res.database, purse)
        return door.go_on(request, half, "")

    @router.get("/sign-in/new-password")
    @does(Operation.GO_ON)
    async def password_form(request: Request, res: Res) -> Response:
        return await show_password_form(request, res)

    async def show_password_form(request: Request, res: Res, refusal: Refusal | None = None) -> Response:
        try:
            who = await door.half_way(request, res)
        except SignInAgain as over:
            return door.sign_in_page(request, res, over)
        async with res.database.practice(who.practice) as transaction:
            least = (await second_factor.of(transaction, who.actor)).least
        return door.page(request, "new_password", refusal, least=least)

    @router.post("/sign-in/new-password")
    @does(Operation.GO_ON)
    async def choose(request: Request, res: Res, visitor: Visit, new_password: Typed = "") -> Response:
        try:
            device = await reset.choose(res.database, door.surface, visitor, door.token(request), new_password)
        except Refusal as refusal:
            return await show_password_form(request, res, refusal)
        response = see_other(f"{door.address}?done=new-password")
        end_session(response, door.surface)
        remember_device(response, device)
        return response


def _single_sign_on(router: APIRouter, door: Door) -> None:
    @router.get("/sign-in/sso")
    @does(Operation.SIGN_IN)
    async def leave_for_provider(request: Request, res: Res, visitor: Visit, next: str = "") -> Response:
        if res.sign_on is None:
            raise NotFound("Single sign-on is not set up here. Sign in with your email address and password.")
        try:
            await throttle.spend(res.database, throttle.SIGN_ONS.of(visitor.network))
            begun = await single_sign_on.begin(res.database, res.sign_on, safe_next(next, ""))
        except (NotReachable, throttle.TooManyTries) as refusal:
            return door.sign_in_page(request, res, refusal, next)
        response = see_other(begun.address)
        keep_sign_on(response, begun.state)
        return response

    @router.get("/sign-in/sso/callback")
    @does(Operation.SIGN_IN)
    async def come_back(request: Request, res: Res, visitor: Visit, code: str = "", state: str = "") -> Response:
        """The address bears a code that is good once, and only with the verifier that we have."""
        if res.sign_on is None:
            raise NotFound("Single sign-on is not set up here. Sign in with your email address and password.")
        try:
            signed_in, following = await single_sign_on.finish(
                res.database,
                res.sign_on,
                visitor,
                code=code,
                state=state,
                kept=request.cookies.get(SIGN_ON_COOKIE, ""),
                replacing=door.token(request),
            )
        except (NotReachable, single_sign_on.SignOnFailed) as refusal:
            response = door.sign_in_page(request, res, refusal)
        else:
            response = door.go_on(request, signed_in, following)
        forget_sign_on(response)
        return response
