"""`/api/v1/portal`: the client's side, for the portal's pages and for apps."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

import pdf
from api import languages
from api.access import PortalCaller, PortalToken, Res, Visit, does, ip_address
from api.body import Body
from api.stories import portal, settings
from api.stories.signing import Outcome
from api.v1 import PDF, In, pdf_response
from chart.document import PortalTag
from chart.ids import DocumentId, MessageId
from chart.lifecycle import RequestState
from chart.message import MessageAbout
from chart.refusals import Unacceptable
from identity import session
from identity.caller import Surface
from identity.policy import Operation
from identity.session import SignedIn

router = APIRouter(prefix="/api/v1/portal", tags=["portal"])

Text = Annotated[str, Field(max_length=1000)]
Number = Annotated[float, Field(allow_inf_nan=False)]


Device = Annotated[
    str,
    Field(max_length=100, description="The `device` of an earlier sign-in: guesses by others do not hold it up."),
]


class SignIn(In):
    email: Text
    password: Text
    device: Device = ""


class SessionOut(Body):
    token: str = Field(description="Send it as `Authorization: Bearer …`. It ends after 15 idle minutes.")
    device: str | None = Field(description="Keep it, and send it with the next sign-in.")
    awaits: Literal["second_factor"] | None = Field(
        default=None, description="With this token send a code to `/session/second-factor` first; it does nothing else."
    )

    @classmethod
    def of(cls, signed_in: SignedIn) -> "SessionOut":
        return cls(
            token=signed_in.token,
            device=signed_in.device,
            awaits="second_factor" if signed_in.awaits else None,
        )


class Registration(In):
    token: Text = Field(description="What stands behind `#` in the invitation's link.")
    password: Text


class AuthenticationIn(In):
    password: Text
    code: Text = Field(default="", description="Of whoever has a second factor: from the app, or a recovery code.")


class CodeIn(In):
    code: Text = Field(description="From the app, or a recovery code.")
    device: Device = ""


class LanguageIn(In):
    language: Literal["en", "es"]


class ReminderChoiceIn(In):
    reminders: bool


class PreferencesOut(Body):
    language: str
    reminders: bool = Field(description="Reminders of requests come; of each request itself everybody is told.")
    reminders_optional: bool = Field(description="The practice lets clients choose.")


class ConsentIn(In):
    version: Annotated[str, Field(max_length=40)] = Field(description="Of the text that was shown.")


class ConsentOut(Body):
    version: str = Field(description="Of the present text.")
    paragraphs: list[str]
    given_at: datetime | None = Field(description="When this account has agreed to the present text.")


class MessageOut(Body):
    id: UUID
    about: MessageAbout
    document_id: UUID
    practice_name: str
    created_at: datetime
    read_at: datetime | None


class Messages(Body):
    messages: list[MessageOut]


class SharedOut(Body):
    id: UUID
    type: str
    created_at: datetime
    pages: int
    sha256: str = Field(description="Of the version to review; send it back with the signature.")
    signed_sha256: str | None
    tag: PortalTag | None
    expires_at: datetime | None = Field(description="When the request for a signature ends.")


class SharedDocuments(Body):
    documents: list[SharedOut]


class ReviewOut(Body):
    document: SharedOut
    consented: bool = Field(description="Consent to electronic records is given.")
    received: bool = Field(description="A signature is received, and its outcome not in the chart yet.")
    fresh: bool = Field(description="The sign-in is fresh enough to sign.")
    notice: str | None = Field(description="To be shown with the document (42 CFR 2.32); null where none is needed.")


class PointIn(In):
    x: Number = Field(description="CSS pixels from the left of the pad.")
    y: Number = Field(description="CSS pixels from the top of the pad.")
    t: Number = Field(description="Milliseconds since the first point.")
    pressure: Number = Field(ge=0, le=1)


class DrawingIn(In):
    width: Number = Field(gt=0, description="Of the pad, CSS pixels.")
    height: Number = Field(gt=0, description="Of the pad, CSS pixels.")
    strokes: list[Annotated[list[PointIn], Field(max_length=10_000)]] = Field(max_length=200)

    def mark(self) -> pdf.Drawing:
        strokes = tuple(tuple(pdf.Point(p.x, p.y, p.t, p.pressure) for p in stroke) for stroke in self.strokes)
        return pdf.Drawing(self.width, self.height, strokes)


class SignatureIn(In):
    """Signer, time and address are the server's; a body that carries them is refused (SPEC G4)."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(description="Of the version that was reviewed.")
    drawing: DrawingIn | None = None
    typed_name: Annotated[str, Field(max_length=200)] | None = None
    intends: bool = Field(description="The signer ticked that they mean to sign.")

    def mark(self) -> pdf.Mark:
        if self.drawing and self.typed_name is None:
            return self.drawing.mark()
        if self.typed_name is not None and not self.drawing:
            return pdf.TypedName(self.typed_name)
        raise Unacceptable("Send either `drawing` or `typed_name`.")


class OutcomeOut(Body):
    outcome: Outcome = Field(
        description="`taken`: it stands in the chart, and others sign too. "
        "`received`: it is kept for good, and the signed document follows by itself."
    )


class DeclineIn(In):
    reason: Annotated[str, Field(max_length=500)] | None = None
    correction: bool = Field(default=False, description="Ask the practice to correct the document first.")


class DeclinedOut(Body):
    state: RequestState = Field(description="`pending`: others sign on without you, or it is on its way.")


class SignedCopyOut(Body):
    number: int = Field(description="Of the version that was signed.")
    signed_at: datetime
    signed_sha256: str


class SignedCopies(Body):
    signed_copies: list[SignedCopyOut]


@router.post("/sessions", status_code=HTTPStatus.CREATED)
@does(Operation.SIGN_IN)
async def sign_in(res: Res, visitor: Visit, credentials: SignIn) -> SessionOut:
    """Sign in to the Client Portal as an app does; pages use a cookie."""
    app = replace(visitor, device=credentials.device)
    return SessionOut.of(
        await session.sign_in(res.database, Surface.PORTAL, app, credentials.email, credentials.password)
    )


@router.post("/session/second-factor", status_code=HTTPStatus.CREATED)
@does(Operation.GO_ON)
async def show_code(res: Res, visitor: Visit, token: PortalToken, shown: CodeIn) -> SessionOut:
    """Go on with a sign-in that awaits a second factor; a new token takes the place of the one that was sent."""
    app = replace(visitor, device=shown.device)
    return SessionOut.of(await session.show_code(res.database, res.keyring, Surface.PORTAL, app, token, shown.code))


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.USE_ACCOUNT)
async def sign_out(res: Res, user: PortalCaller, token: PortalToken) -> None:
    await session.end(res.database, user, token)


@router.post("/session/authentication", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.USE_ACCOUNT)
async def authenticate_again(
    res: Res, user: PortalCaller, visitor: Visit, token: PortalToken, again: AuthenticationIn
) -> None:
    """Make the session fresh for signing."""
    await session.authenticate_again(res.database, res.keyring, user, visitor, token, again.password, again.code)


@router.post("/registrations", status_code=HTTPStatus.CREATED)
@does(Operation.GO_ON)
async def register(request: Request, res: Res, visitor: Visit, registration: Registration) -> Response:
    """Use an invitation: choose a password, or connect an account that exists."""
    await portal.register(res, visitor, registration.token, registration.password, languages.of(request))
    return Response(status_code=HTTPStatus.CREATED)


@router.get("/messages")
@does(Operation.READ_INBOX)
async def inbox(res: Res, user: PortalCaller) -> Messages:
    return Messages(messages=[MessageOut.of(one) for one in await portal.inbox(res, user)])


@router.get("/messages/{message_id}")
@does(Operation.READ_MESSAGE)
async def read_message(res: Res, user: PortalCaller, message_id: UUID) -> MessageOut:
    return MessageOut.of((await portal.open_message(res, user, MessageId(message_id))).message)


@router.get("/documents")
@does(Operation.READ_INBOX)
async def my_documents(res: Res, user: PortalCaller) -> SharedDocuments:
    return SharedDocuments(documents=[SharedOut.of(one) for one in await portal.shared_documents(res, user)])


@router.get("/documents/{document_id}")
@does(Operation.REVIEW)
async def review(res: Res, user: PortalCaller, document_id: UUID) -> ReviewOut:
    """Open a document for review; signing asks for it."""
    found = await portal.review(res, user, DocumentId(document_id))
    return ReviewOut(
        document=SharedOut.of(found.document),
        consented=found.consented,
        received=found.received,
        fresh=found.fresh,
        notice=found.notice,
    )


@router.get("/documents/{document_id}/file", response_class=Response, responses=PDF)
@does(Operation.REVIEW)
async def download(res: Res, user: PortalCaller, document_id: UUID) -> Response:
    """The signed PDF if there is one, else the shared one."""
    return pdf_response(await portal.download(res, user, DocumentId(document_id)))


@router.put("/language", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.PREFER)
async def set_language(res: Res, user: PortalCaller, wanted: LanguageIn) -> None:
    """The language of this account: of its pages, its problems and its emails."""
    await settings.set_language(res, user, wanted.language)


@router.get("/preferences")
@does(Operation.PREFER)
async def read_preferences(res: Res, user: PortalCaller) -> PreferencesOut:
    return PreferencesOut.of(await settings.preferences(res, user))


@router.put("/reminders", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.PREFER)
async def set_reminders(res: Res, user: PortalCaller, wanted: ReminderChoiceIn) -> None:
    """Whether reminders come to this account, where the practice lets clients choose."""
    await settings.set_reminders(res, user, wanted.reminders)


@router.post("/consent", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.CONSENT)
async def consent(res: Res, user: PortalCaller, shown: ConsentIn | None = None) -> None:
    """Consent to electronic records as they are worded now; 409 if another version was shown."""
    await portal.give_consent(res, user, shown.version if shown else None)


@router.get("/consent")
@does(Operation.CONSENT)
async def read_consent(res: Res, user: PortalCaller) -> ConsentOut:
    """The present text, and whether this account has agreed to it."""
    found = await portal.electronic_records(res, user)
    return ConsentOut(
        version=found.text.version,
        paragraphs=list(found.text.paragraphs),
        given_at=found.given.given_at if found.given else None,
    )


@router.delete("/consent", status_code=HTTPStatus.NO_CONTENT)
@does(Operation.CONSENT)
async def withdraw_consent(res: Res, user: PortalCaller) -> None:
    """Withdraw the consent. What was signed stays signed; signing again needs a new one."""
    await portal.withdraw_consent(res, user)


@router.post("/documents/{document_id}/signature", responses={202: {"model": OutcomeOut}})
@does(Operation.SIGN)
async def sign(
    request: Request, res: Res, user: PortalCaller, document_id: UUID, signature: SignatureIn, response: Response
) -> OutcomeOut:
    """Sign Document: 200 when it stands in the chart, 202 when it is received; 409 says what came first."""
    outcome = await portal.sign(
        res,
        user,
        DocumentId(document_id),
        mark=signature.mark(),
        shown_sha256=signature.sha256,
        intends=signature.intends,
        ip_address=ip_address(request),
    )
    response.status_code = HTTPStatus.ACCEPTED if outcome is Outcome.RECEIVED else HTTPStatus.OK
    return OutcomeOut(outcome=outcome)


@router.post("/documents/{document_id}/decline")
@does(Operation.DECLINE)
async def decline(res: Res, user: PortalCaller, document_id: UUID, why: DeclineIn) -> DeclinedOut:
    """Decline to sign, or ask for a correction; the practice is told. 409 says what came first."""
    found = await portal.decline(res, user, DocumentId(document_id), reason=why.reason, correction=why.correction)
    return DeclinedOut(state=found.state)


@router.get("/documents/{document_id}/signed")
@does(Operation.REVIEW)
async def signed_copies(res: Res, user: PortalCaller, document_id: UUID) -> SignedCopies:
    """Every signed copy of the document, newest first; none is ever taken away."""
    found = await portal.signed_copies(res, user, DocumentId(document_id))
    return SignedCopies(signed_copies=[SignedCopyOut.of(one) for one in found])


@router.get("/documents/{document_id}/signed/{number}", response_class=Response, responses=PDF)
@does(Operation.REVIEW)
async def download_signed(
    res: Res, user: PortalCaller, document_id: UUID, number: Annotated[int, Path(ge=1, le=100_000)]
) -> Response:
    """The signed copy of one version."""
    return pdf_response(await portal.download_signed(res, user, DocumentId(document_id), number))
