"""What the code says of itself is true: SQL, settings, OpenAPI, labels."""

import ast
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import asyncpg
import httpx2
import pytest
from prometheus_client.metrics import MetricWrapperBase
from temporalio import workflow

from api import openapi
from chart import message
from gateways import metrics, temporal
from gateways.postgres import Database
from local.postgres import APPLICATION, Cluster
from settings import Settings
from tests.office import Office
from workflows.share_to_sign import ShareToSign

ROOT = Path(__file__).parent.parent


def statements() -> Iterator[tuple[str, str]]:
    """Every module and constant that holds a statement for the application's role."""
    for room in ("activities", "chart", "identity"):
        for path in sorted((ROOT / room).glob("*.py")):
            for node in ast.parse(path.read_text()).body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="SQL"))):
                        yield f"{room}.{path.stem}", name


@pytest.mark.parametrize(("module", "name"), list(statements()))
async def test_every_statement_fits_the_schema(postgres: Cluster, module: str, name: str) -> None:
    connection = await asyncpg.connect(postgres.dsn(APPLICATION))
    try:
        await connection.prepare(getattr(import_module(module), name))
    finally:
        await connection.close()


async def test_the_newest_notices_are_found_without_reading_all(database: Database, office: Office) -> None:
    async with database.practice(office.practice) as transaction:
        for way in ("seqscan", "bitmapscan", "sort"):  # which are as good while there are few
            await transaction.execute(f"set local enable_{way} = off")
        plan = [line for (line,) in await transaction.fetch("explain " + message.NOTICES, 20, True, [*message.About])]
    assert [line for line in plan if "using staff_notice_newest" in line], plan


async def test_openapi_json_is_what_is_served(api: httpx2.AsyncClient) -> None:
    assert openapi.FILE.read_text() == openapi.document(), "run ./sts openapi"
    assert (await api.get("/api/v1/openapi.json")).json() == json.loads(openapi.document())


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme_as_the_code_describes_it(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    assert f"| `STS_{name.upper()}` | {field.description} |" in (ROOT / "README.md").read_text()


def test_every_signal_and_search_attribute_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    definition = workflow._Definition.must_from_class(ShareToSign)
    for name in definition.signals:
        assert name is None or f"`{name}`" in readme, name
    for key in temporal.SEARCH_ATTRIBUTES:
        assert f"| `{key.name}` |" in readme


def test_every_metric_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for family in metric.collect():
                assert f"`{family.name}{'_total' * (family.type == 'counter')}`" in readme


def test_the_pictures_in_the_readme_are_those_that_shots_makes() -> None:
    shown = re.findall(r'src="docs/shots/([\w-]+)\.png" width="\d+" alt="[^"]{20,}"', (ROOT / "README.md").read_text())
    made = re.findall(r'await take\(page, "([\w-]+)"\)', (ROOT / "benchmarks" / "shots.py").read_text())
    there = {file.stem for file in (ROOT / "docs" / "shots").iterdir()}
    assert set(shown) == set(made) == there
    assert all(file.stat().st_size < 60_000 for file in (ROOT / "docs" / "shots").iterdir())
