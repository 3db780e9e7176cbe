"""The frame of the Client Portal's pages: who is signed in, and what is new in the inbox."""

from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from api import languages
from api.access import PortalPage, Res
from api.pages import rendering
from api.stories import portal


async def page(
    request: Request, res: Res, user: PortalPage, name: str, status: int = HTTPStatus.OK, **context: object
) -> Response:
    messages = await portal.inbox(res, user)
    unread = sum(one.new for one in messages)
    languages.is_of(request, user.language)
    frame = {"user": user, "messages": messages, "unread": unread, "zone": ZoneInfo(user.timezone)}
    return rendering.page(request, name, status, **{**frame, **context})
