"""The app: routes, defences, problems, and the resources that live as long as the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from opentelemetry.trace import Tracer
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from api import codec, health, live, pages, problems
from api.defences import Defences
from api.heads import Heads
from api.hub import Hub
from api.observed import Observed
from api.openapi import ROUTERS, Documented
from api.resources import Resources
from api.trail import Trail
from gateways import authority, postgres, temporal
from gateways.keys import Keyring, read_keys
from gateways.storage import Storage
from identity import single_sign_on
from identity.operator import operators
from pdf import confine
from settings import Settings

MOST_BODY = 2_000_000
"""Bytes of a request that is not an upload: a signature of 10,000 points has about 700,000."""


def make_app(settings: Settings, tracer: Tracer | None = None) -> FastAPI:
    """The whole HTTP edge; it connects when it starts."""
    may_read_payloads = operators(settings.codec_tokens.get_secret_value())
    keyring = Keyring(read_keys(settings.account_keys.get_secret_value(), "STS_ACCOUNT_KEYS"))
    sign_on = single_sign_on.of(settings)
    temporal_ui = codec.origins(settings.temporal_ui_origins)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # beside the start: the process that reads uploads takes a second to load its parsers
        warming = asyncio.create_task(asyncio.to_thread(confine.warm_up))
        hub = Hub()
        engine = await temporal.connect(settings, lazy=True, tracer=tracer)
        async with (
            postgres.connect(settings.database_url.get_secret_value()) as database,
            hub.listening(database),
        ):
            app.state.resources = Resources(
                settings=settings,
                database=database,
                storage=Storage.of(settings),
                engine=engine,
                hub=hub,
                sign_on=sign_on,
                keyring=keyring,
                operators=may_read_payloads,
                temporal_ui=temporal_ui,
                seal_certificates=settings.seal_certificate_file.read_bytes(),
                authority_certificates=authority.certificates(settings),
            )
            yield
        await warming

    app = Documented(
        title="Share to Sign",
        version="0.1.0",
        lifespan=lifespan,
        # its pages load scripts from elsewhere; openapi.json is served
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        # its own would tell addresses, queries and texts of errors: api.observed
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Trail)
    # inside the defences, which make a problem of its answer; a route may set a limit of its own
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MOST_BODY)
    app.add_middleware(problems.LastResort)
    app.add_middleware(Defences, guests={codec.DECODE: temporal_ui})
    app.add_middleware(codec.CrossOrigin, allowed=temporal_ui)
    app.add_middleware(Heads)
    app.add_middleware(Observed, tracer=tracer)
    problems.install(app)
    for router in (health.router, codec.router, live.router, *ROUTERS, pages.router):
        app.include_router(router)
    return app
