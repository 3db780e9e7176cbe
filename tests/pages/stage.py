"""The pages on a stage: the real routers and templates, with hand-made records in place of chart and engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.responses import Response

from api import access, codec, pages
from api.access import PortalPage, StaffPage
from api.pages.door import Door
from api.stories import accounts, bulk
from chart.ids import StaffId
from chart.refusals import Refusal
from identity import second_factor, session
from identity.caller import PortalUser, StaffMember, Surface
from identity.operator import Operators
from identity.passkey import Passkey
from identity.person import Person
from identity.second_factor import Factors, Offered
from identity.session import SHOWS_LINK, Awaits, HalfWay, Left, Session
from tests.pages import portal_side, provider_side
from tests.pages.portal_side import PortalSide
from tests.pages.provider_side import ProviderSide
from tests.pages.records import ACCOUNT, CLIENT_PARTY, NOW, PRACTICE, STAFF_PARTY, number


class Empty:
    """A database of which nobody on the stage asks anything."""

    @asynccontextmanager
    async def practice(self, *_: object) -> AsyncIterator[None]:
        yield None


NOTHING = SimpleNamespace(
    database=Empty(),
    sign_on=None,
    operators=Operators({"maya": "a-token-of-thirty-two-characters"}),
    settings=SimpleNamespace(chart_url="http://chart.localhost:1", portal_url="http://portal.localhost:1"),
)
"""Resources that hold nothing but addresses."""

ACTS = (
    *provider_side.ACTS.items(),
    *portal_side.ACTS.items(),
    (accounts, ("overview", "is_fresh", "offer_authenticator", "make_recovery_codes")),
)
"""The functions of `api.stories` that a `Stage` plays."""


@dataclass
class Stage(ProviderSide, PortalSide):
    """Both sides, the way in, and the account of whoever is signed in."""

    left: Left | None = field(default_factory=lambda: Left(STAFF_PARTY, timedelta(minutes=15), timedelta(hours=12)))
    """Of the session; nothing once it has ended."""
    factors: Factors = field(
        default_factory=lambda: Factors(
            authenticator=True, passkeys=(Passkey(b"id", "Chrome on Linux", NOW, NOW),), recovery_codes=9
        )
    )
    sessions: list[Session] = field(
        default_factory=lambda: [
            Session(number("session"), "Firefox on Linux", NOW, NOW, this=True),
            Session(number("other session"), "Safari on iPhone", NOW, NOW, this=False),
        ]
    )

    def staff(self) -> StaffMember:
        return StaffMember(
            PRACTICE, StaffId(number("staff")), self.role, NOW, "Dr. Maya Chen", self.language, "America/Chicago"
        )

    def user(self) -> PortalUser:
        return PortalUser(PRACTICE, ACCOUNT, NOW, "Jordan Rivera", self.language, "America/Chicago")

    async def half_way(self, asked: Request, _r: object) -> HalfWay:
        surface = Surface.PORTAL if asked.url.path.startswith("/portal") else Surface.CHART
        there = {"enrol": Awaits.ENROLMENT, "link": SHOWS_LINK[surface]}
        awaits = there.get(asked.url.path.split("/")[-1], Awaits.FACTOR)
        return HalfWay(PRACTICE, STAFF_PARTY, awaits)

    async def of(self, _transaction: object, _actor: object) -> Factors:
        return self.factors

    async def has_link(self, _transaction: object, _actor: object) -> bool:
        return False

    async def left_of(self, _database: object, surface: Surface, _token: str) -> Left | None:
        return self.left and replace(self.left, party=STAFF_PARTY if surface is Surface.CHART else CLIENT_PARTY)

    async def overview(self, _r: object, who: Any, _token: str) -> accounts.Account:
        whose = Person(
            who.actor,
            PRACTICE,
            "maya@example.org",
            who.name,
            "Harbor Counseling",
            "",
            password_alone=True,
            language="en",
        )
        return accounts.Account(whose, self.factors, self.sessions, self.fresh)

    async def factors_of(self, _r: object, _w: object) -> Factors:
        return self.factors

    def is_fresh(self, _who: object) -> bool:
        return self.fresh

    async def offer_authenticator(self, _r: object, _w: object) -> Offered:
        return Offered("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    async def make_recovery_codes(self, _r: object, _w: object) -> list[str]:
        return [f"{number}abc-defg-hjkm" for number in range(10)]

    def app(self, patch: Any, app: FastAPI | None = None) -> FastAPI:
        """The pages over this stage; `patch(module, name, function)` puts a function into a module of `api.stories`."""
        for module, acts in ACTS:
            for act in acts:
                patch(module, act, getattr(self, act))
        patch(accounts, "factors", self.factors_of)
        patch(bulk, "look", self.look_at_bulk)
        patch(second_factor, "of", self.of)
        patch(second_factor, "has_link", self.has_link)
        patch(session, "left", self.left_of)
        patch(Door, "half_way", self.half_way)
        app = app or _everybodys_app()
        app.dependency_overrides = {
            access.resources: lambda: NOTHING,
            dependency_of(StaffPage): self.staff,
            dependency_of(PortalPage): self.user,
        }
        return app


@cache
def _everybodys_app() -> FastAPI:
    """For all stages, of which one plays at a time: to make sense of every route takes longer than most tests."""
    return new_app()


def new_app() -> FastAPI:
    """For whoever changes more of it than who plays."""
    app = FastAPI()
    app.include_router(pages.router)
    app.include_router(codec.router)

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        return await pages.render_problem(request, 404, "Not found", str(refusal))

    @app.exception_handler(access.SignInNeeded)
    async def signed_out(request: Request, needed: access.SignInNeeded) -> Response:
        return await pages.render_problem(request, 401, "Sign in", str(needed))

    return app


def dependency_of(alias: Any) -> Any:
    """The function behind an annotation such as `StaffPage`."""
    return get_args(alias)[1].dependency
