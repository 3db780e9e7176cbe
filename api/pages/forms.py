"""What was typed into a form: fields that may be left out, and refusals that name the field."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import Form, Request

from chart.refusals import KindRefused, NotAllowed, NotReachable, Refusal, Unacceptable
from chart.text import Text
from identity.passkey import PasskeyRefused
from identity.second_factor import LinkEnded, WrongCode
from identity.session import SignInFailed
from identity.single_sign_on import SignOnFailed
from identity.throttle import TooManyTries
from pdf import MESSAGES, Unfit

Typed = Annotated[str, Form(max_length=1000)]
"""A form field as it was typed; empty when it was left out, so that the page can say so itself."""


UNACCEPTABLE = HTTPStatus.UNPROCESSABLE_ENTITY


def name(typed: str, what: str) -> str:
    if not 1 <= len(typed) <= 100 or not typed.isprintable():
        raise Unacceptable("Enter {what}, 100 characters at most.", what=what)
    return typed


def calendar_day(typed: str, what: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Unacceptable("Enter {what} as year-month-day, such as 1990-03-24.", what=what) from None


def numbers(typed: str) -> tuple[int, ...]:
    """Of days, with commas or spaces between them; none at all for nothing."""
    try:
        return tuple(int(day) for day in typed.replace(",", " ").split())
    except ValueError:
        raise Unacceptable("Give days as numbers, such as 3, 7, 14; nothing for no reminders.") from None


def whole_number(typed: str, what: str) -> int:
    if not typed.strip().isdecimal() or len(typed) > 6:
        raise Unacceptable("Enter {what} as a number.", what=what)
    return int(typed)


def one_of(choices: tuple[str, ...], typed: str, what: str) -> str:
    if typed not in choices:
        raise Unacceptable("Choose {what}.", what=what)
    return typed


def unfit(refused: Unfit) -> Text:
    """Why a file cannot be used, as a sentence that can be said in any language."""
    return Text(MESSAGES[refused.reason], **refused.named)


def wants_json(request: Request) -> bool:
    """Whether a script asks, which goes on in its own way."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def status(refusal: Refusal) -> HTTPStatus:
    """Of the page that shows the form again with the refusal."""
    if isinstance(refusal, KindRefused | Unacceptable):
        return UNACCEPTABLE
    if isinstance(refusal, TooManyTries):
        return HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(refusal, NotReachable):
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(refusal, LinkEnded | NotAllowed | PasskeyRefused | SignInFailed | SignOnFailed | WrongCode):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.CONFLICT
