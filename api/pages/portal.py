"""The Client Portal: registration, inbox, My Documents, review, signature, and the ways not to sign."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from activities.stamp import MEANING, meaning
from api import languages
from api.access import COOKIE, PortalPage, Res, Visit, does
from api.pages import forms, portal_frame, standing
from api.pages.forms import Typed
from api.pages.rendering import WIDTHS, Notification, nearest_width, page, see_other
from api.stories import accounts, portal, settings
from api.v1 import pdf_response
from chart.document import Document, PortalTag
from chart.ids import DocumentId, MessageId
from chart.lifecycle import OnDecline
from chart.refusals import NotInThisState, NotReachable, NotYourTurn, Refusal, Unacceptable
from chart.text import N_, Sentence
from identity import password as passwords
from identity.account import InvitationEnded
from identity.caller import PortalUser, Surface
from identity.policy import Operation

router = APIRouter(prefix="/portal", include_in_schema=False)

DONE: dict[str, Sentence] = {
    "reminders-on": "You get reminders of what waits for you.",
    "reminders-off": "You get no more reminders. We still tell you of each new request.",
    "agreed": "You have agreed to electronic records.",
    "withdrawn": "Your consent is withdrawn. What you have signed stays signed. If a document waits for your "
    "signature, ask the practice for paper, or agree again when you sign it here.",
}

MOST_REASON = 500
"""Characters of a reason, as the API has it."""


class Filter(StrEnum):
    """My Documents: which ones."""

    ALL = "all"
    TO_BE_SIGNED = "to-be-signed"
    SIGNED = "signed"

    @property
    def label(self) -> str:
        return N_({Filter.ALL: "All", Filter.TO_BE_SIGNED: "To be signed", Filter.SIGNED: "Signed"})[self]

    def lets_through(self, document: Document) -> bool:
        match self:
            case Filter.ALL:
                return True
            case Filter.TO_BE_SIGNED:
                return document.tag is PortalTag.PENDING_REVIEW
            case Filter.SIGNED:
                return document.tag is PortalTag.SIGNED


# -- registration


@router.get("/register")
@does(Operation.GO_ON)
async def register_form(request: Request) -> Response:
    """The invitation's token stands behind `#` and never reaches the server with this request."""
    return page(request, "portal/register.html", token="", least=passwords.LEAST, problem=None, ended=False)


@router.post("/register")
@does(Operation.GO_ON)
async def register(request: Request, res: Res, visitor: Visit, token: Typed = "", new_password: Typed = "") -> Response:
    try:
        await portal.register(res, visitor, token.strip(), new_password, languages.of(request))
    except Refusal as refusal:
        return page(
            request,
            "portal/register.html",
            forms.status(refusal),
            token=token,
            least=passwords.LEAST,
            problem=str(refusal),
            ended=isinstance(refusal, InvitationEnded),
        )
    return see_other("/portal/sign-in?done=registered")


# -- inbox


@router.get("")
@does(Operation.LOOK_AROUND)
async def start() -> Response:
    return see_other("/portal/inbox")


@router.get("/inbox")
@does(Operation.READ_INBOX)
async def inbox(request: Request, res: Res, user: PortalPage) -> Response:
    return await portal_frame.page(
        request, res, user, "portal/inbox.html", said=standing.of_listed, titles=standing.TITLES
    )


@router.get("/inbox/{message_id:uuid}")
@does(Operation.READ_MESSAGE)
async def message(request: Request, res: Res, user: PortalPage, message_id: MessageId) -> Response:
    opened = await portal.open_message(res, user, message_id)
    return await portal_frame.page(
        request,
        res,
        user,
        "portal/message.html",
        message=opened.message,
        titles=standing.TITLES,
        document=opened.document,
        type=opened.type,
        service_on=opened.service_on,
        expires_at=opened.request.expires_at,
        standing=standing.of_request(opened.request, user.actor),
    )


# -- My Documents


@router.get("/documents")
@does(Operation.READ_INBOX)
async def my_documents(request: Request, res: Res, user: PortalPage, show: str = "all") -> Response:
    chosen = Filter(show) if show in set(Filter) else Filter.ALL
    shared = await portal.shared_documents(res, user)
    return await portal_frame.page(
        request,
        res,
        user,
        "portal/documents.html",
        documents=[(one, standing.of_listed(one)) for one in shared if chosen.lets_through(one)],
        counts={one: sum(map(one.lets_through, shared)) for one in Filter},
        chosen=chosen,
    )


@router.get("/documents/{document_id:uuid}")
@does(Operation.REVIEW)
async def review(request: Request, res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    found = await portal.review(res, user, document_id)
    copies = await portal.signed_copies(res, user, document_id)
    return await portal_frame.page(
        request,
        res,
        user,
        "portal/review.html",
        review=found,
        document=found.document,
        standing=_standing(found, user),
        mine=found.request.signer(user.actor) if found.request else None,
        earlier=[copy for copy in copies if copy.signed_sha256 != found.document.signed_sha256],
        factors=await accounts.factors(res, user),
        meaning=meaning(MEANING, user.language),
    )


def _standing(found: portal.Review, user: PortalUser) -> standing.Standing | None:
    if found.request is None:
        return None
    return standing.of_request(found.request, user.actor, signing=found.received, declining=found.declining)


# -- decline, or ask for a correction


class Choice(StrEnum):
    CORRECTION = "correction"
    DECLINE = "decline"


@router.get("/documents/{document_id:uuid}/decline")
@does(Operation.DECLINE)
async def decline_form(request: Request, res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    found = await portal.review(res, user, document_id)
    now = _standing(found, user)
    if now is None or not now.to_sign:
        return see_other(f"/portal/documents/{document_id}")
    return await _decline_page(request, res, user, found)


async def _decline_page(
    request: Request,
    res: Res,
    user: PortalPage,
    found: portal.Review,
    status: int = HTTPStatus.OK,
    *,
    choice: str = "",
    reason: str = "",
    problem: str | None = None,
    confirm: bool = False,
    late: bool = False,
) -> Response:
    return await portal_frame.page(
        request,
        res,
        user,
        "portal/decline.html",
        status,
        document=found.document,
        others=_for_others(found),
        choice=choice,
        reason=reason,
        most=MOST_REASON,
        problem=problem,
        confirm=confirm,
        late=late,
    )


def _for_others(found: portal.Review) -> Sentence | None:
    """What a decline means for the others who are asked; None if nobody else is."""
    if found.request is None or len(found.request.signers) == 1:
        return None
    if found.request.on_decline is OnDecline.ENDS:
        return N_("Others are asked to sign it too. Nobody signs it then, and what was signed already is not used.")
    return N_("Others are asked to sign it too, and still can.")


@router.post("/documents/{document_id:uuid}/decline")
@does(Operation.DECLINE)
async def decline(
    request: Request,
    res: Res,
    user: PortalPage,
    document_id: DocumentId,
    choice: Typed = "",
    reason: Annotated[str, Form(max_length=4 * MOST_REASON)] = "",
    step: Typed = "",
) -> Response:
    """Choose, check, send: three posts of one form, so that it works without a script and keeps what was typed."""
    written = reason.replace("\r\n", "\n").strip()
    found = await portal.review(res, user, document_id)

    async def again(status: int, problem: str | None = None, **more: bool) -> Response:
        return await _decline_page(
            request, res, user, found, status, choice=choice, reason=written, problem=problem, **more
        )

    try:
        forms.one_of(tuple(Choice), choice, N_("what you want to tell the practice"))
        _check_reason(written)
        if step != "send":
            return await again(HTTPStatus.OK, confirm=step != "change")
        await portal.decline(res, user, document_id, reason=written or None, correction=choice == Choice.CORRECTION)
    except (NotInThisState, NotYourTurn) as came_first:
        return await again(forms.status(came_first), str(came_first), late=True)
    except (NotReachable, Unacceptable) as refusal:
        return await again(forms.status(refusal), str(refusal), confirm=isinstance(refusal, NotReachable))
    return see_other(f"/portal/documents/{document_id}/declined")


def _check_reason(written: str) -> None:
    if len(written) > MOST_REASON:
        raise Unacceptable("Write {most} characters at most; it is {now} now.", most=MOST_REASON, now=len(written))


@router.get("/documents/{document_id:uuid}/declined")
@does(Operation.DECLINE)
async def declined(request: Request, res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    """What happens next; of a document that waits for a signature again, its own page says what."""
    found = await portal.review(res, user, document_id)
    now = _standing(found, user)
    if now is None or not now.declined:
        return see_other(f"/portal/documents/{document_id}")
    return await portal_frame.page(request, res, user, "portal/declined.html", document=found.document, standing=now)


# -- preferences


@router.get("/preferences")
@does(Operation.CONSENT)
async def preferences(request: Request, res: Res, user: PortalPage, done: str = "") -> Response:
    return await _preferences_page(request, res, user, notification=Notification(DONE[done]) if done in DONE else None)


async def _preferences_page(
    request: Request,
    res: Res,
    user: PortalPage,
    status: int = HTTPStatus.OK,
    *,
    notification: Notification | None = None,
) -> Response:
    return await portal_frame.page(
        request,
        res,
        user,
        "portal/preferences.html",
        status,
        electronic=await portal.electronic_records(res, user),
        preferences=await settings.preferences(res, user),
        account=await accounts.overview(res, user, request.cookies.get(COOKIE[Surface.PORTAL], "")),
        notification=notification,
    )


@router.post("/preferences/reminders")
@does(Operation.PREFER)
async def set_reminders(request: Request, res: Res, user: PortalPage, reminders: Typed = "") -> Response:
    wanted = reminders == "on"
    try:
        await settings.set_reminders(res, user, wanted)
    except Refusal as refusal:
        told = Notification(str(refusal), good=False)
        return await _preferences_page(request, res, user, forms.status(refusal), notification=told)
    return see_other(f"/portal/preferences?done=reminders-{'on' if wanted else 'off'}")


@router.post("/preferences/consent")
@does(Operation.CONSENT)
async def consent(request: Request, res: Res, user: PortalPage, version: Typed = "") -> Response:
    try:
        await portal.give_consent(res, user, version)
    except Refusal as refusal:
        told = Notification(str(refusal), good=False)
        return await _preferences_page(request, res, user, forms.status(refusal), notification=told)
    return see_other("/portal/preferences?done=agreed")


@router.post("/preferences/consent/withdraw")
@does(Operation.CONSENT)
async def withdraw_consent(res: Res, user: PortalPage) -> Response:
    await portal.withdraw_consent(res, user)
    return see_other("/portal/preferences?done=withdrawn")


# -- the files


@router.get("/documents/{document_id:uuid}/signed/{number:int}")
@does(Operation.REVIEW)
async def download_signed(res: Res, user: PortalPage, document_id: DocumentId, number: int) -> Response:
    """An earlier signed copy: none is ever taken away (SPEC S6)."""
    return pdf_response(await portal.download_signed(res, user, document_id, number))


@router.get("/documents/{document_id:uuid}/pages/{number:int}.webp")
@does(Operation.REVIEW)
async def page_image(
    res: Res, user: PortalPage, document_id: DocumentId, number: int, width: int = WIDTHS[0]
) -> Response:
    shown = await portal.page_image(res, user, document_id, number - 1, nearest_width(width))
    return Response(shown.webp, media_type="image/webp")


@router.get("/documents/{document_id:uuid}/pages/{number:int}.txt")
@does(Operation.REVIEW)
async def page_text(res: Res, user: PortalPage, document_id: DocumentId, number: int) -> Response:
    shown = await portal.page_image(res, user, document_id, number - 1, WIDTHS[0])
    return Response(shown.text, media_type="text/plain")


@router.get("/documents/{document_id:uuid}/file")
@does(Operation.REVIEW)
async def download(res: Res, user: PortalPage, document_id: DocumentId) -> Response:
    return pdf_response(await portal.download(res, user, document_id))
