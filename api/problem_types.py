"""One table from what is refused to status, type and title (RFC 9457)."""

from dataclasses import dataclass
from http import HTTPStatus

from api import trail
from chart import refusals
from chart.refusals import Refusal
from gateways.storage import StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from identity.account import InvitationEnded
from identity.passkey import PasskeyRefused
from identity.reset import ResetEnded
from identity.second_factor import LinkEnded, WrongCode
from identity.session import SignInAgain, SignInFailed
from identity.single_sign_on import SignOnFailed
from identity.throttle import TooManyTries
from pdf import MeaninglessMark, NoSuchPage, Unfit


@dataclass(frozen=True)
class Problem:
    status: HTTPStatus
    slug: str
    """The type is `/problems/<slug>`, which this service answers with an explanation."""
    title: str


PROBLEMS: dict[type[Exception], Problem] = {
    refusals.NotFound: Problem(HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    refusals.NotAllowed: Problem(HTTPStatus.FORBIDDEN, "not-allowed", "Not allowed"),
    refusals.ChartRestricted: Problem(HTTPStatus.FORBIDDEN, "chart-restricted", "This chart is restricted"),
    refusals.KindRefused: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "kind-refused", "This kind of document cannot be shared in this way"
    ),
    refusals.ClientNotRegistered: Problem(
        HTTPStatus.CONFLICT, "client-not-registered", "The client is not registered for the Client Portal"
    ),
    refusals.AlreadyDone: Problem(HTTPStatus.CONFLICT, "already-done", "This has happened already"),
    refusals.NotInThisState: Problem(HTTPStatus.CONFLICT, "not-in-this-state", "The request does not wait for this"),
    refusals.NotReachable: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-reachable", "A part of the service is away"),
    refusals.FreshSignInNeeded: Problem(HTTPStatus.FORBIDDEN, "fresh-sign-in-needed", "Enter your password again"),
    refusals.ConsentNeeded: Problem(HTTPStatus.CONFLICT, "consent-needed", "Something is missing before you sign"),
    refusals.NotReadyToSign: Problem(HTTPStatus.CONFLICT, "not-ready-to-sign", "Something is missing before you sign"),
    refusals.Unacceptable: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unacceptable", "A value cannot be used"),
    SignInFailed: Problem(HTTPStatus.FORBIDDEN, "sign-in-failed", "Sign-in failed"),
    SignInAgain: Problem(HTTPStatus.UNAUTHORIZED, "sign-in-again", "Sign in again"),
    WrongCode: Problem(HTTPStatus.FORBIDDEN, "wrong-code", "The code was not accepted"),
    PasskeyRefused: Problem(HTTPStatus.FORBIDDEN, "passkey-refused", "The passkey was not accepted"),
    LinkEnded: Problem(HTTPStatus.GONE, "link-ended", "The link has ended"),
    ResetEnded: Problem(HTTPStatus.GONE, "reset-ended", "The link has ended"),
    SignOnFailed: Problem(HTTPStatus.FORBIDDEN, "sign-on-failed", "Single sign-on failed"),
    TooManyTries: Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-tries", "Too many tries"),
    InvitationEnded: Problem(HTTPStatus.GONE, "invitation-ended", "The invitation has ended"),
    Refusal: Problem(HTTPStatus.CONFLICT, "refused", "This cannot be done"),
    Unfit: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit-pdf", "This file cannot be used"),
    MeaninglessMark: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "meaningless-signature", "This is not a signature"),
    NoSuchPage: Problem(HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    StoredBytesMissing: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "stored-file-missing", "The stored file is missing"),
    StoredBytesChanged: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "stored-file-changed", "The stored file was changed"),
    StoredBytesLocked: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "stored-file-locked", "The stored file is locked"),
}
SIGN_IN = Problem(HTTPStatus.UNAUTHORIZED, "sign-in-needed", "Sign in first")
INVALID = Problem(HTTPStatus.UNPROCESSABLE_ENTITY, trail.INVALID, "The request does not fit")
UNEXPECTED = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", "Something went wrong here")
