"""The OpenAPI document of `/api/v1`; `./sts openapi` writes `openapi.json`, which a test holds against the code."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI

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
REFUSED = {
    "description": "Refused: nobody is signed in (401), not allowed (403), not there or of somebody else (404), not in "
    "this state (409), over (410), too large (413), does not fit (422), too often (429).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
AWAY = {**REFUSED, "description": "A part of the service is away, or a stored file missing. Try again."}


class Documented(FastAPI):
    """An app whose document tells of problems as they are answered; FastAPI's own would tell of its validation only."""

    def openapi(self) -> dict[str, Any]:
        made = super().openapi()
        components = made.setdefault("components", {})
        components["schemas"] = {"Problem": PROBLEM} | components.get("schemas", {})
        for its_own in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(its_own, None)
        components["responses"] = {"Refused": REFUSED, "Away": AWAY}
        for operations in made["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                operation["responses"] |= {
                    "4XX": {"$ref": "#/components/responses/Refused"},
                    "503": {"$ref": "#/components/responses/Away"},
                }
        return made


def document() -> str:
    """As text."""
    app = Documented(title="Share to Sign", version="0.1.0")
    for router in ROUTERS:
        app.include_router(router)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document())
