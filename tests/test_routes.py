"""Tests that claim to leave no route out get every one."""

from api.app import make_app
from settings import Settings
from tests.routes import Route, routes


def test_every_operation_of_the_openapi_document_is_among_the_routes(configured: Settings) -> None:
    paths = make_app(configured).openapi()["paths"]
    described = {Route(path, method.upper()) for path, methods in paths.items() for method in methods}
    assert len(described) > 60
    assert described <= set(routes(configured))


def test_every_page_is_among_the_routes(configured: Settings) -> None:
    """Which no document describes: some of each router, however deep it is included."""
    named = {str(route) for route in routes(configured)}
    assert {"GET /charts/{client_id}", "POST /portal/sign-in", "GET /portal/live", "GET /healthz"} <= named
    assert {"GET /static/{version}/{name}", "POST /codec/decode", "POST /verify", "GET /api/v1/openapi.json"} <= named
    assert len(named) > 200
