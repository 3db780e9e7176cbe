"""SPEC A5: the access matrix. Every route × every caller × whose it is; what is expected is read from the policy table.

Routes come from the app itself, so those of the OpenAPI document and the pages alike; one that says nothing of what it
does, or that writes and has no example in `tests.examples`, fails. Who knocks at the wrong door or may not is refused
before anything of the route runs; so they call it with ids and bodies that would do, of the own practice. For others'
objects the same is sent, and has to be refused where the object is looked for. Whoever may is let in: reading answers
as the example says; writing is asked for of an object that is not there, or with what the route refuses after it has
let the caller in. So nothing of the matrix changes anything, which is held against the audit log, as is every refusal.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from http import HTTPStatus
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from api.access import operation_of
from api.app import make_app
from chart import audit
from chart.audit import Action
from chart.ids import PracticeId
from gateways.postgres import Database
from identity.caller import Right
from identity.policy import Operation, When, Who
from settings import Settings
from tests.callers import Caller, Door, Stage, session_cookie, set_stage
from tests.examples import EXAMPLES, READ, Example, posts, sends

AT_ONCE = 8
"""Requests in flight."""


# -- the routes


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: Operation
    door: Door | None
    """None: it does not ask who calls."""
    example: Example

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def names_objects(self) -> bool:
        return "_id" in self.path


def contexts(app: FastAPI) -> Iterator[tuple[str, RouteContext]]:
    for one in iter_route_contexts(app.routes):
        for method in sorted((one.methods or set()) - {"HEAD"}):
            yield method, one


def routes(app: FastAPI) -> list[Route]:
    found = []
    for method, one in contexts(app):
        if one.path == app.openapi_url:
            continue  # the document itself, which FastAPI serves to anybody
        assert one.endpoint is not None
        operation = operation_of(one.endpoint)
        assert operation is not None, f"{method} {one.path}: say what it does, with `api.access.does`"
        example = EXAMPLES.get(f"{method} {one.path}", READ)
        found.append(Route(method, str(one.path), operation, _door(one.dependant), example))
    return found


def _door(dependant: Dependant) -> Door | None:
    asked = set(_calls(dependant))
    doors = [door for door in Door if door.dependency in asked]
    assert len(doors) <= 1, doors
    return doors[0] if doors else None


def _calls(dependant: Dependant) -> Iterator[object]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


@pytest.fixture(scope="module")
def app(configured: Settings) -> FastAPI:
    """Not running: for its routes."""
    return make_app(configured)


def test_every_route_says_what_it_does_and_asks_who_calls_where_the_table_wants_to_know(app: FastAPI) -> None:
    for route in routes(app):
        open_to_all = route.operation.who in {Who.ANYBODY, Who.OPERATOR}
        assert (route.door is None) == open_to_all, route.name


def test_every_row_of_the_table_is_some_routes(app: FastAPI) -> None:
    assert {route.operation for route in routes(app)} == set(Operation)


def test_every_operation_of_the_openapi_document_is_in_the_matrix(app: FastAPI) -> None:
    documented = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert documented <= {(route.method, route.path) for route in routes(app)}
    assert all(route.path.startswith("/api/v1/") for route in routes(app) if (route.method, route.path) in documented)


def test_every_route_that_writes_has_an_example_and_every_example_a_route(app: FastAPI) -> None:
    names = {route.name for route in routes(app)}
    writing = {name for name in names if not name.startswith("GET ")}
    assert writing <= set(EXAMPLES) <= names


# -- what the table says


class Verdict(Enum):
    KNOCKS = "nobody we know at this door: 401, or to the sign-in"
    REFUSED = "the table does not let them: 403"
    CLOSED = "not in this chart: 403 or 404"
    ABSENT = "of somebody else, so not there: 404"
    UNASKED = "nobody asks them: 404 or 409"
    IN = "let in"


def verdict(route: Route, caller: Caller, whose: str) -> Verdict:  # noqa: PLR0911 - a ladder
    """From the row of the table, and from whose the object is."""
    who, when = route.operation.who, route.operation.when
    if route.door is None:
        return Verdict.IN
    if route.door not in caller.doors:
        return Verdict.KNOCKS
    if caller.is_key and (When.IN_PERSON in when or who is Who.SIGNED_IN):
        return Verdict.REFUSED
    if isinstance(who, Right) and who not in caller.rights:
        return Verdict.REFUSED
    if not route.names_objects or "session_id" in route.path:
        return Verdict.IN
    if (whose == "foreign") != ("foreign" in caller.reads):
        return Verdict.ABSENT
    if whose not in caller.reads and When.OPEN in when:
        return Verdict.CLOSED
    if When.SHARED in when and whose not in caller.reads:
        return Verdict.ABSENT
    if "message_id" in route.path and caller.name == "representative":
        return Verdict.ABSENT  # whose inbox holds others
    if When.NAMED in when and caller.name != "client":
        return Verdict.UNASKED
    return Verdict.IN


OTHER_PARAMETERS = {
    "number": 1,
    "form": "json",
    "which": "signed",
    "way": "remind",
    "slug": "not-found",
    "version": "any",
    "name": "pages.css",
}


@dataclass(frozen=True)
class Call:
    route: Route
    caller: Caller
    whose: str
    verdict: Verdict

    def address(self, stage: Stage) -> str:
        known = stage.charts[self.whose] | OTHER_PARAMETERS
        there = self.verdict is not Verdict.IN or self.route.method == "GET"
        nowhere = {name: value if there or not name.endswith("_id") else uuid4() for name, value in known.items()}
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: str(nowhere[found[1]]), self.route.path)


LAST = {
    "POST /sign-out",
    "POST /portal/sign-out",
    "DELETE /api/v1/portal/session",
    "POST /account/sessions/end-others",
    "POST /portal/account/sessions/end-others",
}
"""Whoever is let in here ends sessions: with one of their own."""

KINDS = {"anonymous", "half way", "provider", "client", "key with all"}
"""One of each kind of credentials: they stand for the others at a wrong door, and where an answer takes a second."""


def calls(app: FastAPI, stage: Stage) -> list[Call]:
    made = []
    for route in routes(app):
        # who calls does not matter where nobody is asked, and what strangers may is throttled by network
        callers = stage.callers if route.door else [stage.named("anonymous"), stage.named("client")]
        for caller in callers:
            for whose in stage.charts if route.names_objects else ("own",):
                found = verdict(route, caller, whose)
                looked_at = found not in {Verdict.KNOCKS, Verdict.REFUSED}
                if whose != "own" and (not looked_at or (found is Verdict.IN and route.method != "GET")):
                    continue  # the same again: whose it is does not matter, or an object that is not there is sent
                if caller.name not in KINDS and (found is Verdict.KNOCKS or route.example.is_slow):
                    continue
                made.append(Call(route, caller, whose, found))
    return made


@dataclass(frozen=True)
class Answer:
    call: Call
    status: int
    problem: str
    """Its type, without the path; empty for a page."""

    def __str__(self) -> str:
        call = self.call
        return (
            f"{call.caller.name} × {call.route.name} × {call.whose}: {self.status} {self.problem}, {call.verdict.name}"
        )

    @property
    def is_right(self) -> bool:
        match self.call.verdict:
            case Verdict.KNOCKS:
                page = self.call.route.door and self.call.route.door.is_page
                return (self.status, self.problem) == ((303, "") if page else (401, "sign-in-needed"))
            case Verdict.REFUSED:
                return (self.status, self.problem) == (403, "not-allowed")
            case Verdict.CLOSED:
                return self.status in {403, 404}
            case Verdict.ABSENT:
                return (self.status, self.problem) == (404, "not-found")
            case Verdict.UNASKED:
                return self.status in {404, 409} or (self.status == 303 and self.call.route.method == "GET")
            case Verdict.IN:
                let_in = self.problem not in NOT_IN or self.call.route.door is None
                return let_in and self.status in self.call.route.example.answers


NOT_IN = {"sign-in-needed", "not-allowed", "chart-restricted"}
"""Problems of those who are not let in."""


async def made(api: httpx2.AsyncClient, stage: Stage, call: Call, headers: dict[str, str] | None = None) -> Answer:
    path = call.address(stage)
    body, headers = call.route.example.body(), call.caller.headers if headers is None else headers
    async with api.stream(call.route.method, path, headers=headers, timeout=60, **body) as answer:
        problem = ""
        if answer.headers.get("content-type", "").startswith("application/problem"):
            await answer.aread()
            problem = answer.json()["type"].removeprefix("/problems/")
        return Answer(call, answer.status_code, problem)


@dataclass(frozen=True)
class Played:
    since: datetime
    answers: list[Answer]


@pytest.fixture(scope="module")
async def stage(configured: Settings, database: Database) -> Stage:
    return await set_stage(configured, database)


@pytest.fixture(scope="module")
async def played(api: httpx2.AsyncClient, database: Database, app: FastAPI, stage: Stage) -> Played:
    """The whole matrix, a few calls at a time; then the calls that end sessions, each in one of its own."""
    turnstile = asyncio.Semaphore(AT_ONCE)

    async def in_turn(call: Call) -> Answer:
        async with turnstile:
            return await made(api, stage, call)

    async with database.anyone() as transaction:
        since = await transaction.fetchval("select clock_timestamp()")
    everything = calls(app, stage)
    last = [one for one in everything if one.verdict is Verdict.IN and one.route.name in LAST]
    found = await asyncio.gather(*(in_turn(one) for one in everything if one not in last))
    for call in last:
        assert call.caller.practice
        assert call.caller.actor
        own = await session_cookie(database, call.caller.practice, call.caller.actor)
        found.append(await made(api, stage, call, own))
    return Played(since, found)


@pytest.mark.parametrize("expected", Verdict)
async def test_everybody_gets_what_the_table_says(played: Played, expected: Verdict) -> None:
    looked_at = [one for one in played.answers if one.call.verdict is expected]
    assert len(looked_at) > 5
    wrong = [str(one) for one in looked_at if not one.is_right]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(looked_at)}", *wrong])


READING = {
    Action.VIEWED_CALENDAR,
    Action.VIEWED,
    Action.VIEWED_AUDIT,
    Action.VIEWED_BULK,
    Action.VIEWED_CHART,
    Action.VIEWED_CHART_ROOM,
    Action.VIEWED_REQUEST,
    Action.VIEWED_REQUESTS,
    Action.READ_MESSAGE,
    Action.DOWNLOADED,
    Action.EXPORTED_AUDIT,
    Action.EXPORTED_DISCLOSURES,
}
ENDING_SESSIONS = {Action.SIGNED_IN, Action.SIGNED_OUT, Action.SIGNED_OUT_ELSEWHERE, Action.MADE_RECOVERY_CODES}
"""By those who may, of themselves."""


async def log_of(database: Database, practice: PracticeId, since: datetime) -> list[audit.Line]:
    """What the matrix left in the log."""
    async with database.practice(practice) as transaction:
        return await audit.lines(transaction, audit.Wanted(since=since), after=None, limit=100_000)


async def test_nothing_is_changed_and_every_refusal_is_audited(
    database: Database, stage: Stage, played: Played
) -> None:
    """Each 404 and each 403 of somebody who is signed in is one entry in their name and with the route."""
    entries = [line for one in (stage.own, stage.foreign) for line in await log_of(database, one, played.since)]
    refused = [line for line in entries if line.action in {Action.REFUSED, Action.NOT_FOUND}]
    changed = {line.action for line in entries if line not in refused} - READING - ENDING_SESSIONS
    assert not changed

    def told(status: int) -> Counter[tuple[str, str]]:
        known = (one for one in played.answers if one.status == status and one.call.route.door)
        return Counter((one.call.caller.actor or "", one.call.route.name) for one in known)

    def kept(*problems: str) -> Counter[tuple[str, str]]:
        return Counter(
            (line.actor, str(line.detail["asked_for"])) for line in refused if line.detail["problem"] in problems
        )

    assert kept("not-found") == told(HTTPStatus.NOT_FOUND)
    assert kept("not-allowed", "chart-restricted", "Forbidden", *WRONG) == told(HTTPStatus.FORBIDDEN)


WRONG = ("sign-in-failed", "passkey-refused", "wrong-code")
"""Passwords, passkeys and codes of those who show again who they are."""


async def test_what_wants_a_fresh_sign_in_is_refused_after_six_minutes(
    api: httpx2.AsyncClient, database: Database, app: FastAPI, stage: Stage
) -> None:
    """But for the signatures, of which `test_signing` and `test_counter_sign` show it: theirs is looked at last."""
    tried = 0
    for name in ("admin", "client"):
        caller = stage.named(name)
        assert caller.practice
        assert caller.actor
        cookie = await session_cookie(database, caller.practice, caller.actor)
        async with database.practice(caller.practice) as transaction:
            await transaction.execute("update session set authenticated_at = now() - interval '6 minutes'")
        for route in routes(app):
            if When.FRESH not in route.operation.when or When.NAMED in route.operation.when:
                continue
            if route.door in caller.doors:
                call = Call(replace(route, example=VALID.get(route.name, route.example)), caller, "own", Verdict.IN)
                answer = await made(api, stage, call, cookie)
                assert (answer.status, answer.problem) in {(303, ""), (403, "fresh-sign-in-needed")}, str(answer)
                tried += 1
    assert tried > 15


VALID = {
    "POST /api/v1/keys": sends({"name": "x", "scopes": ["share"], "days": 1}),
    "POST /keys": posts(name="x", scopes=["share"], days="1"),
    "POST /staff": posts(name="x", email="x@demo.example", role="auditor"),
}
"""That the matrix sends with a mistake, so that they make nothing."""
