"""The API keeps to its OpenAPI document, whatever is sent to it: no 5xx, and no answer that the document does not know.

Schemathesis makes requests from the document. Each is sent as everybody, every second one with the ids of things that
are there. CI sends the same few every time; `./sts test tests/test_contract.py --examples 50` sends more, others each
time. Fuzzed files and signatures, which no schema describes, are below.
"""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import UUID

import httpx2
import pytest
import schemathesis
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
from tests.generated import drawn
from tests.office import add_document
from tests.papers import paper

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
    # threads of its own: those of the loop are the app's, which runs in it too
    threads, base_url = ThreadPoolExecutor(AT_ONCE), f"http://127.0.0.1:{configured.api_port}"
    wrong: list[str] = []

    async def check(case: AnyCase, caller: Caller, ids: dict[str, object]) -> None:
        answer = await asyncio.get_running_loop().run_in_executor(threads, sent, case, caller, ids, base_url)
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
    with threads:
        await asyncio.gather(*asked)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(asked)}", *wrong])


def test_every_operation_states_its_statuses_one_by_one() -> None:
    """A range would let every answer pass the test above."""
    for operation in operations():
        stated = operation.definition.raw["responses"]
        assert all(status.isdecimal() for status in stated), operation.label
        assert {"503"} < set(stated), operation.label


def operations() -> Iterator[APIOperation[Any, Any, Any, Any]]:
    for found in schemathesis.openapi.from_dict(json.loads(document())).get_all_operations():
        assert isinstance(found, Ok)
        yield found.ok()


# -- what no schema describes


@st.composite
def damaged_papers(draw: st.DrawFn) -> bytes:
    """A PDF of which something was cut out, doubled, turned round or overwritten; or nothing like one."""
    made = bytearray(paper("Fuzzed."))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(made)))
        until = min(len(made), at + draw(st.sampled_from((1, 2, 16, 256))))
        change = draw(st.sampled_from(("cut", "double", "reverse", "overwrite", "word")))
        part = bytes(made[at:until])
        made[at:until] = {
            "cut": b"",
            "double": part * 2,
            "reverse": part[::-1],
            "overwrite": draw(st.binary(max_size=16)),
            "word": draw(st.sampled_from(WORDS)),
        }[change]
    return bytes(made)


WORDS = (
    b"/Encrypt 1 0 R",
    b"/Kids [1 0 R 2 0 R 3 0 R]",
    b"/Length 99999999",
    b"stream",
    b"endobj",
    b"/Filter [/FlateDecode /FlateDecode]",
    b"/JS (app.alert(1)) /S /JavaScript",
    b"/MediaBox [0 0 1e99 -1]",
    b"startxref\n-1\n%%EOF",
    b"%PDF-2.0\n",
)

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**30), 10**30), st.sampled_from((0, -0.0, 5e-324))
)
POINTS = st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS, "t": NUMBERS, "pressure": st.floats(0, 1)})
DRAWINGS = st.fixed_dictionaries(
    {"width": NUMBERS, "height": NUMBERS, "strokes": st.lists(st.lists(POINTS, max_size=5), max_size=5)}
)
MARKS = st.one_of(
    st.fixed_dictionaries({"drawing": DRAWINGS}), st.fixed_dictionaries({"typed_name": st.text(max_size=210)})
)
REFUSED_OR_TAKEN = {200, 201, 202, 404, 409, 422}


async def test_no_file_makes_a_server_error(api: httpx2.AsyncClient, stage: Stage, pytestconfig: pytest.Config) -> None:
    size: int = pytestconfig.getoption("--examples")
    for content in drawn(st.one_of(damaged_papers(), st.binary(max_size=200)), 4 * size, derandomize=size == FEW):
        answer = await api.post(
            f"/api/v1/clients/{stage.charts['own']['client_id']}/documents",
            files={"file": ("a.pdf", content, "application/pdf")},
            data={"kind": "document"},
            headers=stage.named("provider").headers,
            timeout=60,
        )
        assert answer.status_code in REFUSED_OR_TAKEN, (answer.text, content)


async def test_no_signature_makes_a_server_error(
    api: httpx2.AsyncClient, stage: Stage, pytestconfig: pytest.Config
) -> None:
    size: int = pytestconfig.getoption("--examples")
    document_id = stage.charts["own"]["document_id"]
    for mark in drawn(MARKS, 10 * size, derandomize=size == FEW):
        for name, path in (
            ("client", f"/api/v1/portal/documents/{document_id}/signature"),
            ("provider", f"/api/v1/documents/{document_id}/counter-signature"),
        ):
            body = {"sha256": "a" * 64, "intends": True, **mark}
            answer = await api.post(path, json=body, headers=stage.named(name).headers, timeout=60)
            assert answer.status_code in REFUSED_OR_TAKEN, (answer.text, mark)
