"""`./sts openapi`: write `openapi.json`, which a test holds against the code."""

import json
from pathlib import Path

from fastapi import FastAPI

from api import v1, v1_appointments, v1_audit, v1_bulk, v1_disclosures, v1_portal, v1_staff, v1_verify

FILE = Path(__file__).parent.parent / "openapi.json"


def document() -> str:
    """The OpenAPI document of `/api/v1` as text."""
    app = FastAPI(title="Share to Sign", version="0.1.0")
    for one in (v1, v1_appointments, v1_audit, v1_bulk, v1_disclosures, v1_staff, v1_portal, v1_verify):
        app.include_router(one.router)
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document())
