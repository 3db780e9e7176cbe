"""The API keeps to its OpenAPI document, whatever is sent to it: no 5xx, and no answer that the document does not know.

Schemathesis makes requests from the document. Each is sent as everybody, every second one with the ids of things that
are there. CI sends the same few every time; `./sts test tests/test_contract.py --examples 50` sends more, others each
time. Fuzzed files and signatures, which no schema describes, are below.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.openapi import document
from chart.document import Kind
from chart.ids import ClientId
from gateways.postgres import Database
from gateways.storage import Storage
from settings import Settings
from tests.callers import Caller, Stage, set_stage
from tests.conftest import FEW
from tests.office import add_document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALLERS = ("provider", "supervisor", "admin", "auditor", "key with all", "client", "anonymous")
AT_ONCE = 6

SPARED = {
    "DELETE /api/v1/portal/session": "it ends the session with which all else is asked",
    "POST /api/v1/clients/{client_id}/access/{account_id}/end": "the same",
    "PUT /api/v1/clients/{client_id}/restriction": "it closes the chart",
}
"""What is not asked for with ids of what is there, or not by anybody who may, and why."""

AnyCase: TypeAlias = Case[Any]
Drawn = TypeVar("Drawn")


def drawn(strategy: st.SearchStrategy[Drawn], size: int, *, derandomize: bool) -> list[Drawn]:
    found: list[Drawn] = []

    @settings(
        max_examples=size,
        derandomize=derandomize,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(one: Drawn) -> None:
        found.append(one)

    draw()
    return found


@pytest.fixture(scope="module")
async def stage(configured: Settings, database: Database) -> Stage:
    """With a note that is neither shared nor signed, so that all can be asked for."""
    made = await set_stage(configured, database)
    client_id = made.charts["own"]["client_id"]
    note = await add_document(
        database, Storage.of(configured), made.own, ClientId(UUID(str(client_id))), Kind.CLINICAL_NOTE, "Progress Note"
    )
    return replace(made, charts=made.charts | {"own": made.charts["own"] | {"document_id": note.id}})


def sent(case: AnyCase, caller: Caller, ids: dict[str, object], base_url: str) -> Response:
    """In a thread: schemathesis waits for its answers."""
    own = {name: str(ids.get(name, value)) for name, value in case.path_parameters.items()}
    asked: AnyCase = case.operation.Case(
        method=case.method, path_parameters=own, query=case.query, body=case.body, media_type=case.media_type
    )
    return asked.call(base_url=base_url, headers=caller.headers, timeout=30)


@pytest.mark.usefixtures("worker", "api")
async def test_no_answer_is_a_server_error_or_unknown_to_the_document(
    configured: Settings, stage: Stage, pytestconfig: pytest.Config
) -> None:
    size: int = pytestconfig.getoption("--examples")
    turnstile, base_url = asyncio.Semaphore(AT_ONCE), f"http://127.0.0.1:{configured.api_port}"
    wrong: list[str] = []

    async def check(case: AnyCase, caller: Caller, ids: dict[str, object]) -> None:
        async with turnstile:
            answer = await asyncio.to_thread(sent, case, caller, ids, base_url)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            told = "; ".join(str(one) for one in failures.exceptions)
            wrong.append(f"{caller.name} × {case.operation.label}: {answer.status_code} {told}")

    asked = []
    for operation in operations():
        for number, case in enumerate(drawn(operation.as_strategy(), size, derandomize=size == FEW)):
            spared = operation.label in SPARED
            ids = {} if spared or number % 2 else stage.charts["own"]
            callers = ("anonymous",) if spared and "{" not in operation.path else CALLERS
            asked += [check(case, stage.named(name), ids) for name in callers]
    await asyncio.gather(*asked)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(asked)}", *wrong])


def operations() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in schemathesis.openapi.from_dict(json.loads(document())).get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()
