"""Sign-in and sign-out, which look alike for the practice and in the Client Portal."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request, Response

from api.access import Res, end_session, safe_next
from api.pages.rendering import Notification, page, see_other
from identity import session
from identity.caller import PortalUser, StaffMember
from identity.session import Token


@dataclass(frozen=True)
class Door:
    """The way in and out of one surface."""

    template: str
    address: str
    """Of the form."""
    home: str
    """Where sign-in leads if no page was asked for."""
    start_session: Callable[[Response, Token], None]

    def form(
        self,
        request: Request,
        following: str,
        *,
        email: str = "",
        problem: str | None = None,
        notification: Notification | None = None,
    ) -> Response:
        return page(
            request,
            self.template,
            HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
            following=safe_next(following, ""),
            email=email,
            problem=problem,
            notification=notification,
        )

    async def enter(self, request: Request, signed_in: Awaitable[Token], email: str, following: str) -> Response:
        """Go to the page that was asked for, or back to the form with the reason."""
        try:
            token = await signed_in
        except session.SignInFailed as refusal:
            return self.form(request, following, email=email, problem=str(refusal))
        response = see_other(safe_next(following, self.home))
        self.start_session(response, token)
        return response

    async def leave(self, res: Res, caller: StaffMember | PortalUser, token: str) -> Response:
        await session.end(res.database, caller, token)
        response = see_other(self.address)
        end_session(response)
        return response
