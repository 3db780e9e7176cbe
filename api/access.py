"""Who calls: from the cookie of a session, or from a bearer token, to a caller or a problem; and whether they may.

Every route says which row of `identity.policy` it is (`does`). Whoever asks for a caller gets one whom that row lets
in: there is no other way to a practice's data, so no story has to ask again.

Staff and clients have cookies of their own with the `__Host-` prefix: bound to one host, sent over
secure connections only (browsers count loopback as secure), out of reach for scripts.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias, TypeVar
from urllib.parse import quote

from fastapi import Cookie, Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.routing import Match

from api import languages, trail
from api.resources import Resources
from chart import client
from chart.refusals import NotAllowed
from identity import api_key, policy, session
from identity.caller import Integration, PortalUser, PracticeSide, StaffMember, Surface
from identity.policy import Caller, Operation
from identity.session import SignedIn, Token
from identity.single_sign_on import LASTS as SIGN_ON_LASTS
from identity.visitor import Visitor, agent_of, network_of

STAFF_COOKIE = "__Host-sts-staff"
PORTAL_COOKIE = "__Host-sts-portal"
COOKIE = {Surface.CHART: STAFF_COOKIE, Surface.PORTAL: PORTAL_COOKIE}
DEVICE_COOKIE = "__Host-sts-device"

SIGN_ON_COOKIE = "__Host-sts-sign-on"

DEVICE_KEPT = timedelta(days=400)
"""As long as browsers keep any cookie; each sign-in begins it anew."""

_bearer = HTTPBearer(auto_error=False, description="An API key, or the token of POST /api/v1/portal/sessions.")
_staff_cookie = APIKeyCookie(name=STAFF_COOKIE, scheme_name="staff", auto_error=False, description="Session of staff.")
_portal_cookie = APIKeyCookie(
    name=PORTAL_COOKIE, scheme_name="client", auto_error=False, description="Session of a client."
)


Route = TypeVar("Route", bound=Callable[..., Any])

_OPERATIONS: dict[Callable[..., Any], Operation] = {}


def does(operation: Operation) -> Callable[[Route], Route]:
    """Says what a route does, under its address; a route that says nothing lets nobody in, and fails a test."""

    def named(route: Route) -> Route:
        _OPERATIONS[route] = operation
        return route

    return named


def operation_of(route: Callable[..., Any]) -> Operation | None:
    return _OPERATIONS.get(route)


def _let_in(request: Request, caller: Caller) -> None:
    """Raise `NotAllowed`, which is audited, unless the table lets this caller do what the route does."""
    trail.is_known(request, caller)
    # programs are answered in English
    languages.is_of(request, "en" if isinstance(caller, Integration) else caller.language)
    operation = operation_of(request.scope["endpoint"])
    if operation is None:
        raise NotAllowed("Nobody may do this.")
    policy.check(caller, operation)


class SignInNeeded(Exception):
    """Nobody is signed in. Pages send to `page`; programs are told the `remedy`."""

    def __init__(self, remedy: str, page: str | None = None) -> None:
        super().__init__(remedy)
        self.remedy = remedy
        self.page = page


def resources(request: Request) -> Resources:
    made: Resources = request.app.state.resources
    return made


Res: TypeAlias = Annotated[Resources, Depends(resources)]
_Bearer: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
_StaffCookie: TypeAlias = Annotated[str | None, Depends(_staff_cookie)]
_PortalCookie: TypeAlias = Annotated[str | None, Depends(_portal_cookie)]


async def _practice_side(request: Request, res: Res, bearer: _Bearer, cookie: _StaffCookie) -> PracticeSide:
    caller: PracticeSide | None = None
    if bearer:
        caller = await api_key.integration(res.database, bearer.credentials, Visitor(network_of(ip_address(request))))
    elif cookie:
        caller = await session.staff_member(res.database, cookie)
    if caller is None:
        raise SignInNeeded("Send an API key as `Authorization: Bearer …`. Unknown, ended and revoked keys are refused.")
    _let_in(request, caller)
    return caller


async def _in_person(caller: "PracticeCaller") -> StaffMember:
    if not isinstance(caller, StaffMember):
        raise NotAllowed(policy.TAKES_A_PERSON)
    return caller


async def _portal_side(request: Request, res: Res, token: "PortalToken") -> PortalUser:
    user = await session.portal_user(res.database, token)
    if user is None:
        raise SignInNeeded("Your session has ended. Sign in again.")
    _let_in(request, user)
    return user


async def portal_token(bearer: _Bearer, cookie: _PortalCookie) -> Token:
    """The session token as it was sent, not yet known to be good."""
    return Token(bearer.credentials if bearer else cookie or "")


async def staff_page(request: Request, res: Res, cookie: _StaffCookie) -> StaffMember:
    member = await session.staff_member(res.database, cookie) if cookie else None
    if member is None:
        raise SignInNeeded("Sign in first.", f"/sign-in?next={_here(request)}")
    _let_in(request, member)
    await _fits_its_chart(request, res, member)
    return member


async def _fits_its_chart(request: Request, res: Res, member: StaffMember) -> None:
    """A page of a chart is about what stands in that chart: here, so that no route can forget it."""
    named = request.path_params
    things = [named[name] for name in ("document_id", "request_id", "consent_id") if name in named]
    if "client_id" in named and things:
        async with res.database.practice(member.practice, member.actor) as transaction:
            for thing in things:
                await client.check_holds(transaction, named["client_id"], thing)


async def portal_page(request: Request, res: Res, cookie: _PortalCookie) -> PortalUser:
    user = await session.portal_user(res.database, cookie) if cookie else None
    if user is None:
        raise SignInNeeded("Sign in first.", f"/portal/sign-in?next={_here(request)}")
    _let_in(request, user)
    return user


async def visitor(
    request: Request, device: Annotated[str, Cookie(alias=DEVICE_COOKIE, include_in_schema=False)] = ""
) -> Visitor:
    return Visitor(network_of(ip_address(request)), device, agent_of(request.headers.get("user-agent", "")))


Visit: TypeAlias = Annotated[Visitor, Depends(visitor)]


async def staff_token(cookie: _StaffCookie) -> Token:
    """The session token of staff as the browser sent it, not yet known to be good."""
    return Token(cookie or "")


StaffToken: TypeAlias = Annotated[Token, Depends(staff_token)]
PortalToken: TypeAlias = Annotated[Token, Depends(portal_token)]
PracticeCaller: TypeAlias = Annotated[StaffMember | Integration, Depends(_practice_side)]
StaffCaller: TypeAlias = Annotated[StaffMember, Depends(_in_person)]
PortalCaller: TypeAlias = Annotated[PortalUser, Depends(_portal_side)]
StaffPage: TypeAlias = Annotated[StaffMember, Depends(staff_page)]
PortalPage: TypeAlias = Annotated[PortalUser, Depends(portal_page)]


def _here(request: Request) -> str:
    return quote(read_at(request) or "", safe="/")


def read_at(request: Request) -> str | None:
    """Where this can be read: at its own address, or, of a form that was sent, at the nearest above it with a page."""
    path = request.url.path
    while path:
        reading = {**request.scope, "method": "GET", "path": path}
        if any(route.matches(reading)[0] is Match.FULL for route in request.app.router.routes):
            return path
        path = path.rpartition("/")[0]
    return None


def start_session(response: Response, surface: Surface, signed_in: SignedIn) -> None:
    # lax: the link in the mail opens the portal signed in, if the client is; POST is guarded besides
    _keep(response, COOKIE[surface], signed_in.token, "lax")
    if signed_in.device:
        remember_device(response, signed_in.device)


def remember_device(response: Response, device: str) -> None:
    _keep(response, DEVICE_COOKIE, device, "strict", DEVICE_KEPT)


def keep_sign_on(response: Response, state: str) -> None:
    """The browser that has left for the provider is the one that comes back."""
    # lax: the provider's page leads back here
    _keep(response, SIGN_ON_COOKIE, state, "lax", SIGN_ON_LASTS)


def _keep(
    response: Response, name: str, value: str, same_site: Literal["lax", "strict"], lasts: timedelta | None = None
) -> None:
    """As `__Host-` wants it; without `lasts` until the browser is closed."""
    age = int(lasts.total_seconds()) if lasts else None
    response.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite=same_site)


def forget_sign_on(response: Response) -> None:
    response.delete_cookie(SIGN_ON_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def end_session(response: Response, surface: Surface) -> None:
    response.delete_cookie(COOKIE[surface], path="/", secure=True, httponly=True, samesite="lax")


def safe_next(following: str | None, default: str) -> str:
    """Where to go after sign-in: a path of this site, never another host."""
    if following and following.startswith("/") and not following.startswith(("//", "/\\")) and following.isprintable():
        return following
    return default


def ip_address(request: Request) -> str:
    """Of the caller as the connection tells; of a proxy's word only where the proxy is trusted."""
    return request.client.host if request.client else "unknown"
