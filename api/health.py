"""Liveness and readiness: whether the process runs, and whether it can do its work now."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from temporalio.service import RPCError

from api.access import Res, does
from gateways.postgres import LOST
from identity.policy import Operation

ANSWERS_WITHIN = 2.0
"""Seconds after which a part counts as away."""

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
@does(Operation.LOOK_AROUND)
async def alive() -> Response:
    return JSONResponse({"status": "alive"})


@router.get("/readyz")
@does(Operation.LOOK_AROUND)
async def ready(res: Res) -> Response:
    """200 when Postgres and the engine answer; else 503, naming the one that does not."""
    missing = [name for name, answers in (("postgres", _postgres), ("temporal", _temporal)) if not await answers(res)]
    if missing:
        return JSONResponse({"status": "not ready", "missing": missing}, HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "ready"})


async def _postgres(res: Res) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN), res.database.anyone() as transaction:
            return bool(await transaction.fetchval("select true"))
    except LOST:
        return False


async def _temporal(res: Res) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await res.engine.service_client.check_health()
    except (TimeoutError, RPCError, RuntimeError):
        # RuntimeError: the lazy client's first connection failed
        return False
