"""A new release goes on with the open requests of the one before it (SPEC O3, docs/decisions/012)."""

import asyncio
from uuid import uuid4

from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from chart.lifecycle import RequestState
from gateways.postgres import Database
from settings import Settings
from tests.engine import signature, start
from tests.office import Office
from tests.test_bad_paths import in_the_chart
from worker import make_worker
from workflows.share_to_sign import ShareToSign


async def make_current(engine: Client, deployment: str, build: str) -> None:
    """As `temporal worker deployment set-current-version`; the engine has to have seen its workers poll."""
    for _ in range(100):
        try:
            await engine.workflow_service.describe_worker_deployment(
                DescribeWorkerDeploymentRequest(namespace=engine.namespace, deployment_name=deployment)
            )
            await engine.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=engine.namespace, deployment_name=deployment, build_id=build, identity="test"
                )
            )
        except RPCError:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError(f"{build} was not made current")


async def test_a_request_that_was_begun_under_one_release_is_finished_by_the_next(
    configured: Settings, engine: Client, database: Database, office: Office
) -> None:
    queue = f"releases-{uuid4()}"
    ours = configured.model_copy(
        update={"temporal_task_queue": queue, "deployment_name": f"sts-{uuid4()}", "build_id": "1"}
    )
    order = office.order()
    async with make_worker(ours, engine, database):
        await make_current(engine, ours.deployment_name, "1")
        handle = await start(engine, order, queue=queue)
        await in_the_chart(database, order, handle)
    async with make_worker(ours.model_copy(update={"build_id": "2"}), engine, database):
        await make_current(engine, ours.deployment_name, "2")
        await handle.signal(ShareToSign.sign, signature(handle, order))
        assert await asyncio.wait_for(handle.result(), 30) is RequestState.SIGNED
    described = await handle.describe()
    version = described.raw_description.workflow_execution_info.versioning_info.deployment_version
    assert version.build_id == "2"
