"""`python -m benchmarks.noop_worker`: the process that works on the control, as `worker.py` works on the real one."""

import argparse
import asyncio
import os
import socket
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from benchmarks.noop import Noop, Steps
from gateways import metrics
from gateways.temporal import data_converter, payload_keys

QUEUE = "benchmark"
KEYS = "BENCHMARK_PAYLOAD_KEYS"
"""Environment variable that holds the keys, in the form of `STS_PAYLOAD_KEYS`."""


def make_worker(engine: Client, steps: Steps) -> Worker:
    """With the options of the real one (`worker.make_worker`), to which a test holds it."""
    return Worker(
        engine,
        task_queue=QUEUE,
        workflows=[Noop],
        activities=[steps.deliver, steps.stamp, steps.file],
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_all_modules()
        ),
        interceptors=[metrics.Steps()],
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        max_cached_workflows=300,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def work(address: str, hints: int) -> None:
    """Poll until killed."""
    engine = await Client.connect(address, data_converter=data_converter(payload_keys(os.environ[KEYS])))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        loopback.connect(("127.0.0.1", hints))
        await make_worker(engine, Steps(loopback.send)).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noop_worker", description=work.__doc__)
    parser.add_argument("--temporal", required=True, help="host:port of the Temporal frontend")
    parser.add_argument("--hints", type=int, required=True, help="UDP port of whoever waits")
    words = parser.parse_args()
    asyncio.run(work(words.temporal, words.hints))
