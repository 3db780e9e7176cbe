"""The OpenAPI document of `/api/v1`; `./sts openapi` writes `openapi.json`, which a test holds against the code."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from api import (
    v1_appointments,
    v1_audit,
    v1_bulk,
    v1_clients,
    v1_disclosures,
    v1_documents,
    v1_portal,
    v1_practice,
    v1_requests,
    v1_staff,
    v1_verify,
)
from api.access import operation_of
from identity.policy import Operation, When, Who

ROUTERS = (
    v1_practice.router,
    v1_clients.router,
    v1_documents.router,
    v1_requests.router,
    v1_appointments.router,
    v1_audit.router,
    v1_bulk.router,
    v1_disclosures.router,
    v1_staff.router,
    v1_portal.router,
    v1_verify.router,
)
"""All of `/api/v1`."""

FILE = Path(__file__).parent.parent / "openapi.json"

_TEXT = {"type": "string"}
_PLACE = {"type": "object", "properties": {"at": _TEXT, "why": _TEXT}, "required": ["at", "why"]}
PROBLEM = {
    "title": "Problem",
    "description": "Why not, and what to do (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {**_TEXT, "description": "`/problems/<slug>`, which this service explains."},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {**_TEXT, "description": "What happened, and what to do."},
        "reason": {**_TEXT, "description": "Of a file that cannot be used."},
        "errors": {"type": "array", "items": _PLACE, "description": "Of a request that does not fit: where, and why."},
    },
    "required": ["type", "title", "status", "detail"],
}
MEANS = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.UNAUTHORIZED: "Nobody is signed in, or the step before was too long ago.",
    HTTPStatus.FORBIDDEN: "Not allowed to whoever calls, or a password or code is wrong.",
    HTTPStatus.NOT_FOUND: "Not there, or of somebody else.",
    HTTPStatus.CONFLICT: "Not in this state.",
    HTTPStatus.GONE: "The link is over.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request does not fit, or a value cannot be used.",
    HTTPStatus.TOO_MANY_REQUESTS: "Tried too often; `Retry-After` says how long to wait.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A part of the service is away, or a stored file missing. Try again.",
}
"""Every problem that an operation may answer."""


def _problems(row: Operation, route: RouteContext, method: str, parameters: object) -> set[HTTPStatus]:
    """Those of one operation: by the row of the table, by what is sent along, and by whether it changes anything."""
    assert route.dependant is not None
    sent, changes = route.dependant.body_params, method != "GET"
    looked_for = row.when & {When.OPEN, When.SHARED, When.NAMED} or '"format": "uuid"' in json.dumps(parameters)
    known, secret = row.who is not Who.ANYBODY, When.SECRET in row.when
    answers = {
        HTTPStatus.BAD_REQUEST: sent,
        HTTPStatus.UNAUTHORIZED: known or secret,
        HTTPStatus.FORBIDDEN: known or changes,  # what another site has a browser send is refused as well
        HTTPStatus.NOT_FOUND: looked_for,
        HTTPStatus.CONFLICT: changes,
        HTTPStatus.GONE: secret,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: sent,
        HTTPStatus.UNPROCESSABLE_ENTITY: sent or looked_for or route.dependant.query_params,
        HTTPStatus.TOO_MANY_REQUESTS: changes and When.HELD_UP in row.when,
        HTTPStatus.SERVICE_UNAVAILABLE: True,
    }
    return {status for status, may in answers.items() if may}


class Documented(FastAPI):
    """An app whose document tells of problems as they are answered; FastAPI's own would tell of its validation only."""

    def openapi(self) -> dict[str, Any]:
        made = super().openapi()
        components = made.setdefault("components", {})
        components["schemas"] = {"Problem": PROBLEM} | components.get("schemas", {})
        for its_own in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(its_own, None)
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        components["responses"] = {
            f"{status:d}": {"description": means, "content": problem} for status, means in MEANS.items()
        }
        routes = {
            (str(one.path), method): one for one in iter_route_contexts(self.routes) for method in one.methods or ()
        }
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                route = routes[path, method.upper()]
                row = operation_of(route.endpoint) if route.endpoint else None
                assert row is not None, f"{method} {path}: say what it does, with `api.access.does`"
                operation["responses"].pop("422", None)
                for status in sorted(_problems(row, route, method.upper(), operation.get("parameters"))):
                    operation["responses"][f"{status:d}"] = {"$ref": f"#/components/responses/{status:d}"}
        return made


def document() -> str:
    """As text."""
    app = Documented(title="Share to Sign", version="0.1.0")
    for router in ROUTERS:
        app.include_router(router)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document())
