"""What was refused to a caller whom we know is written into the audit log, whatever the route (SPEC A6).

In a transaction of its own, since the one in which it was refused is rolled back; and before the answer goes out.
Whoever is not known belongs to no practice, and so to no log of one: that stands in the service's own. But for the
account or the key that they name: `identity.refused` writes into the log of the practice where that is.
"""

import logging
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.resources import Resources
from chart import audit
from chart.audit import Action
from chart.ids import DocumentId
from gateways import postgres
from identity.caller import PortalUser, PracticeSide
from identity.visitor import UNKNOWN, network_of

logger = logging.getLogger(__name__)

_REFUSED = {
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
}

INVALID = "invalid-request"
"""The type of a problem that refuses nothing: the request itself does not fit."""


def is_known(request: Request, caller: PracticeSide | PortalUser) -> None:
    """Remember who calls, and which route, for what may be refused to them."""
    request.state.asked = (caller, request.method, request.scope["route"].path, dict(request.path_params))


class Trail:
    """Plain ASGI, around everything that makes an answer of a refusal: API and pages alike."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _REFUSED and "asked" in state:
                await _record(scope["app"].state.resources, state, HTTPStatus(message["status"]), _network(scope))
            await send(message)

        await self._app(scope, receive, send_recorded)


def _network(scope: Scope) -> str:
    return network_of(scope["client"][0]) if scope["client"] else UNKNOWN.network


def _id(said: object) -> UUID | None:
    """Of a part of the address; None where it is something else, such as a number of a page, or no id at all."""
    try:
        return UUID(str(said))
    except ValueError:
        return None


async def _record(resources: Resources, state: dict[str, Any], status: HTTPStatus, network: str) -> None:
    caller, method, route, named = state["asked"]
    problem = state.get("problem", status.phrase)
    if problem == INVALID:
        return
    ids = {name: one for name, said in named.items() if (one := _id(said))}
    document = DocumentId(ids["document_id"]) if "document_id" in ids else None
    try:
        async with resources.database.practice(caller.practice) as transaction:
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.NOT_FOUND if status is HTTPStatus.NOT_FOUND else Action.REFUSED,
                chart=await audit.chart_of(
                    transaction, client=ids.get("client_id"), document=document, request=ids.get("request_id")
                ),
                document=document,
                asked_for=f"{method} {route}",
                problem=problem,
                network=network,
                meant=" ".join(f"{name}={value}" for name, value in ids.items()),
            )
    except postgres.LOST:
        # nothing was given away: the refusal stands, also where it cannot be written down
        logger.exception("a refusal could not be audited")
