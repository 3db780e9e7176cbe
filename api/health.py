"""Liveness and readiness: whether the process runs, and whether it can do its work now."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from temporalio.service import RPCError

from api.access import Res
from gateways.postgres import LOST

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def alive() -> Response:
    return JSONResponse({"status": "alive"})


@router.get("/readyz")
async def ready(res: Res) -> Response:
    """200 when Postgres and the engine answer; else 503, naming the one that does not."""
    missing = [name for name, answers in (("postgres", _postgres), ("temporal", _temporal)) if not await answers(res)]
    if missing:
        return JSONResponse({"status": "not ready", "missing": missing}, HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "ready"})


async def _postgres(res: Res) -> bool:
    try:
        async with res.database.anyone() as transaction:
            return bool(await transaction.fetchval("select true"))
    except LOST:
        return False


async def _temporal(res: Res) -> bool:
    try:
        return await res.engine.service_client.check_health()
    except (RPCError, RuntimeError):
        # RuntimeError: the lazy client's first connection failed
        return False
