"""Sign-in and sign-out, which look alike for the practice and in the Client Portal."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request, Response

from api.access import Res, end_session, safe_next
from api.pages import forms
from api.pages.rendering import Notification, page, see_other
from identity import session
from identity.caller import PortalUser, StaffMember, Surface
from identity.session import SignedIn
from identity.throttle import TooManyTries
from identity.visitor import Visitor


@dataclass(frozen=True)
class Door:
    """The way in and out of one surface."""

    surface: Surface
    template: str
    address: str
    """Of the form."""
    home: str
    """Where sign-in leads if no page was asked for."""
    start_session: Callable[[Response, SignedIn], None]

    def form(
        self,
        request: Request,
        following: str,
        status: int = HTTPStatus.OK,
        *,
        email: str = "",
        problem: str | None = None,
        notification: Notification | None = None,
    ) -> Response:
        return page(
            request,
            self.template,
            status,
            following=safe_next(following, ""),
            email=email,
            problem=problem,
            notification=notification,
        )

    async def enter(
        self, request: Request, res: Res, visitor: Visitor, email: str, password: str, following: str
    ) -> Response:
        """Go to the page that was asked for, or back to the form with the reason."""
        try:
            signed_in = await session.sign_in(res.database, self.surface, visitor, email, password)
        except (session.SignInFailed, TooManyTries) as refusal:
            return self.form(request, following, forms.status(refusal), email=email, problem=str(refusal))
        response = see_other(safe_next(following, self.home))
        self.start_session(response, signed_in)
        return response

    async def leave(self, res: Res, caller: StaffMember | PortalUser, token: str) -> Response:
        await session.end(res.database, caller, token)
        response = see_other(self.address)
        end_session(response)
        return response
