"""Errors as problem details (RFC 9457), or as pages for people; `api.problem_types` says which is what."""

import logging
import math
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import languages
from api.access import SignInNeeded, does
from api.pages import render_problem
from api.pages.forms import unfit
from api.problem_types import INVALID, PROBLEMS, SIGN_IN, UNEXPECTED, Problem
from chart import refusals
from chart.text import N_, Sentence
from gateways import postgres
from gateways.storage import StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from identity.policy import Operation
from identity.throttle import TooManyTries
from pdf import MeaninglessMark, NoSuchPage, Unfit

logger = logging.getLogger(__name__)


_FOR_OPERATORS: dict[type[Exception], Sentence] = {
    StoredBytesMissing: "The file is not in the store. The practice has to restore it; nothing else is lost.",
    StoredBytesChanged: "The file does not match its fingerprint and is not shown. The practice has to restore it.",
    StoredBytesLocked: "The key of the stored file is not at hand. The practice has to give it back to the service.",
}


async def answer(request: Request, problem: Problem, detail: str, **more: object) -> Response:
    """The problem as JSON for programs, as a page for people; in the language of whoever asks (RFC 9457 3.1.3)."""
    request.state.problem = problem.slug
    if is_for_people(request):
        return await render_problem(request, problem.status, problem.title, detail)
    language = languages.of(request)
    response = JSONResponse(
        {
            "type": f"/problems/{problem.slug}",
            "title": languages.said(problem.title, language),
            "status": problem.status,
            "detail": languages.said(detail, language),
            **more,
        },
        status_code=problem.status,
        media_type="application/problem+json",
        headers={"WWW-Authenticate": "Bearer"} if problem.status is HTTPStatus.UNAUTHORIZED else None,
    )
    response.headers["content-language"] = languages.tag(language)
    return response


def is_for_people(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def install(app: FastAPI) -> None:
    """Let every error of the app become a problem."""
    for known in PROBLEMS:
        app.add_exception_handler(known, _known)
    app.add_exception_handler(SignInNeeded, _sign_in_needed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for lost in postgres.LOST:
        app.add_exception_handler(lost, _chart_away)
    app.add_exception_handler(postgres.UNSTORABLE, _unstorable)

    @app.get("/problems/{slug}", include_in_schema=False)
    @does(Operation.LOOK_AROUND)
    async def explain(slug: str) -> Response:
        """What a problem type means, for whoever follows its address."""
        for problem in (*PROBLEMS.values(), SIGN_IN, INVALID, UNEXPECTED):
            if problem.slug == slug:
                return PlainTextResponse(f"{problem.title} ({problem.status}). Its `detail` says why and what to do.\n")
        raise HTTPException(HTTPStatus.NOT_FOUND)


async def _known(request: Request, error: Exception) -> Response:
    problem = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    match error:
        case StoredBytesMissing() | StoredBytesChanged() | StoredBytesLocked():
            logger.error("a stored file cannot be served: %s", error, exc_info=error)
            return await answer(request, problem, _FOR_OPERATORS[type(error)])
        case Unfit():
            return await answer(request, problem, unfit(error), reason=error.reason)
        case MeaninglessMark():
            return await answer(request, problem, error.reason)
        case NoSuchPage():
            return await answer(request, problem, N_("The document has no such page."))
        case TooManyTries():
            response = await answer(request, problem, str(error))
            response.headers["retry-after"] = str(math.ceil(error.wait.total_seconds()))
            return response
    return await answer(request, problem, str(error))


async def _sign_in_needed(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInNeeded)
    if error.page is None:
        return await answer(request, SIGN_IN, error.remedy)
    return RedirectResponse(error.page, HTTPStatus.SEE_OTHER)


async def _invalid(request: Request, error: Exception) -> Response:
    """Where it does not fit and why; never the value itself, which may be personal (SPEC A7).

    A form sends what fits or is told by its page, so people meet this after a change by hand, and not by field.
    """
    assert isinstance(error, RequestValidationError)
    if is_for_people(request):
        return await answer(request, INVALID, _UNFIT)
    places = [{"at": "/".join(map(str, found["loc"])), "why": found["msg"]} for found in error.errors()]
    detail = "; ".join(f"{place['at']}: {place['why']}" for place in places[:5])
    return await answer(request, INVALID, detail, errors=places)


_UNFIT: Sentence = "Something that was sent cannot be used. Go back, check it and send it again."


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    said = _SAID | (_SAID_TO_PEOPLE if is_for_people(request) else {})
    detail = error.detail if error.detail != status.phrase else said.get(status, status.description)
    title = _TITLES.get(status, status.phrase)
    response = await answer(request, Problem(status, status.phrase.lower().replace(" ", "-"), title), detail)
    response.headers.update(error.headers or {})
    return response


_TITLES: dict[HTTPStatus, Sentence] = {
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Nothing to look at here",
}
_SAID: dict[HTTPStatus, Sentence] = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address. Check it, or start from the first page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method; `Allow` says which it takes.",
}
_SAID_TO_PEOPLE: dict[HTTPStatus, Sentence] = {
    HTTPStatus.METHOD_NOT_ALLOWED: "Forms are sent to this address; it shows nothing. "
    "Go back, or start from the first page.",
}


async def _chart_away(request: Request, error: Exception) -> Response:
    logger.error("database or file store does not answer at %s", _route(request.scope), exc_info=error)
    return await answer(
        request,
        PROBLEMS[refusals.NotReachable],
        N_("The database or the file store does not answer. Try again in a moment; doing it twice counts once."),
    )


async def _unstorable(request: Request, _: Exception) -> Response:
    return await answer(
        request, INVALID, N_("A text holds a character that cannot be stored. Take it out and send it again.")
    )


class LastResort:
    """Plain ASGI: makes a problem of an error that nobody expected.

    The framework's own place for that is outside of everything, so its answer would go out unguarded and uncounted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except Exception:
            request = Request(scope, receive)
            logger.exception("unexpected error at %s %s", request.method, _route(scope))
            if begun:
                raise  # half an answer is out: the connection has to break
            problem = await answer(request, UNEXPECTED, N_("This is our fault, and it is in our log. Try again."))
            await problem(scope, receive, send)


def _route(scope: Scope) -> str:
    """As it is declared: what was asked for may hold words of somebody."""
    return str(getattr(scope.get("route"), "path_format", "an unknown address"))
