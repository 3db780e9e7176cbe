"""The Client Portal: registration, inbox, My Documents, review and signature."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from api.access import PORTAL_COOKIE, PortalPage, Res, start_portal_session
from api.pages.door import Door
from api.pages.forms import Typed
from api.pages.rendering import WIDTHS, Notification, nearest_width, page, see_other
from api.stories import portal
from api.v1 import pdf_response
from chart import consent
from chart.document import Document, PortalTag
from chart.ids import DocumentId, MessageId
from chart.refusals import Refusal
from identity import password as passwords
from identity import session

router = APIRouter(prefix="/portal", include_in_schema=False)

DONE = {"registered": "You are registered. Sign in with your email address and your new password."}

_door = Door("portal/sign_in.html", address="/portal/sign-in", home="/portal/inbox", start_session=start_portal_session)


class Filter(StrEnum):
    """My Documents: which ones."""

    ALL = "all"
    TO_BE_SIGNED = "to-be-signed"
    SIGNED = "signed"

    @property
    def label(self) -> str:
        return {Filter.ALL: "All", Filter.TO_BE_SIGNED: "To be signed", Filter.SIGNED: "Signed"}[self]

    def lets_through(self, document: Document) -> bool:
        match self:
            case Filter.ALL:
                return True
            case Filter.TO_BE_SIGNED:
                return document.tag is PortalTag.PENDING_REVIEW
            case Filter.SIGNED:
                return document.tag is PortalTag.SIGNED


async def _page(request: Request, res: Res, user: PortalPage, name: str, **context: object) -> Response:
    messages = await portal.inbox(res, user)
    unread = sum(one.read_at is None for one in messages)
    return page(request, name, HTTPStatus.OK, **{"user": user, "messages": messages, "unread": unread, **context})


# -- who it is


@router.get("/sign-in")
async def sign_in_form(request: Request, next: str = "", done: str = "") -> Response:
    return _door.form(request, next, notification=Notification(DONE[done]) if done in DONE else None)


@router.post("/sign-in")
async def sign_in(request: Request, res: Res, email: Typed = "", password: Typed = "", next: Typed = "") -> Response:
    return await _door.enter(request, session.sign_in_account(res.database, email, password), email, next)


@router.post("/sign-out")
async def sign_out(res: Res, user: PortalPage, token: Annotated[str, Cookie(alias=PORTAL_COOKIE)] = "") -> Response:
    return await _door.leave(res, user, token)


@router.get("/register")
async def register_form(request: Request) -> Response:
    """The invitation's token stands behind `#` and never reaches the server with this request."""
    return page(request, "portal/register.html", token="", least=passwords.LEAST, problem=None)


@router.post("/register")
async def register(request: Request, res: Res, token: Typed = "", new_password: Typed = "") -> Response:
    try:
        await portal.register(res, token.strip(), new_password)
    except Refusal as refusal:
        return page(
            request,
            "portal/register.html",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            token=token,
            least=passwords.LEAST,
            problem=str(refusal),
        )
    return see_other("/portal/sign-in?done=registered")


# -- inbox


@router.get("")
async def start() -> Response:
    return see_other("/portal/inbox")


@router.get("/inbox")
async def inbox(request: Request, res: Res, user: PortalPage) -> Response:
    return await _page(request, res, user, "portal/inbox.html")


@router.get("/inbox/{message_id:uuid}")
async def message(request: Request, res: Res, user: PortalPage, message_id: MessageId) -> Response:
    found, about = await portal.open_message(res, user, message_id)
    return await _page(request, res, user, "portal/message.html", message=found, document=about)


# -- My Documents


@router.get("/documents")
async def my_documents(request: Request, res: Res, user: PortalPage, show: str = "all") -> Response:
    chosen = Filter(show) if show in set(Filter) else Filter.ALL
    shared = await portal.shared_documents(res, user)
    return await _page(
        request,
        res,
        user,
        "portal/documents.html",
        documents=[one for one in shared if chosen.lets_through(one)],
        counts={one: sum(map(one.lets_through, shared)) for one in Filter},
        chosen=chosen,
    )


@router.get("/documents/{document_id:uuid}")
async def review(request: Request, res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    found = await portal.review(res, user, document_id)
    return await _page(
        request,
        res,
        user,
        "portal/review.html",
        review=found,
        document=found.document,
        consent_text=consent.TEXT,
    )


@router.get("/documents/{document_id:uuid}/pages/{number:int}.webp")
async def page_image(
    res: Res, user: PortalPage, document_id: DocumentId, number: int, width: int = WIDTHS[0]
) -> Response:
    shown = await portal.page_image(res, user, document_id, number - 1, nearest_width(width))
    return Response(shown.webp, media_type="image/webp")


@router.get("/documents/{document_id:uuid}/pages/{number:int}.txt")
async def page_text(res: Res, user: PortalPage, document_id: DocumentId, number: int) -> Response:
    shown = await portal.page_image(res, user, document_id, number - 1, WIDTHS[0])
    return Response(shown.text, media_type="text/plain")


@router.get("/documents/{document_id:uuid}/file")
async def download(res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    return pdf_response(await portal.download(res, user, document_id))
