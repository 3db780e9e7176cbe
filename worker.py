"""Entry point of a worker: polls the task queue and hands the activities what they work with."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import orphans
from activities.ask import HandOver, StartAgain
from activities.bulk import Bulk
from activities.deliver import Deliver
from activities.end import End
from activities.file import File
from activities.invite import GiveUpInvitation, MailInvitation
from activities.notify import GiveUpMail, Notify
from activities.record import Record
from activities.reset import MailReset
from activities.stamp import Stamp
from activities.time_stamp import TimeStamps
from chart import anchor, counts
from gateways import metrics, postgres, temporal, traces
from gateways.authority import authorities, certificates
from gateways.postgres import LOST, Database
from gateways.smtp import Relay
from gateways.storage import Storage
from gateways.telemetry import log_to_stderr
from pdf import Seal
from settings import Settings, settings
from workflows.ask_again import AskAgain
from workflows.bulk import ShareInBulk
from workflows.invite import Invite
from workflows.reset import Reset
from workflows.share_to_sign import ShareToSign
from workflows.tell import TellSigners
from workflows.time_stamp import TimeStamp

logger = logging.getLogger(__name__)

WORKFLOWS = (ShareToSign, ShareInBulk, TellSigners, AskAgain, Invite, Reset, TimeStamp)

LOOKS_EVERY = timedelta(seconds=30)


def workflow_runner() -> SandboxedWorkflowRunner:
    """Re-importing our modules for each new workflow costs more than it finds; they hold no state."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_all_modules())


def deployment(configured: Settings) -> WorkerDeploymentConfig | None:
    """Which release these workers are (docs/decisions/012); None where workers are not versioned."""
    if not configured.build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(configured.deployment_name or "share-to-sign", configured.build_id),
        use_worker_versioning=True,
        # requests last months: they move to the new release, which the replay test has shown to understand them
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def load_seal(configured: Settings) -> Seal:
    """From the configured files; whoever has a key service gives `Seal.of` one that asks it, here."""
    passphrase = configured.seal_passphrase
    return Seal.load(
        configured.seal_key_file.read_bytes(),
        configured.seal_certificate_file.read_bytes(),
        passphrase.get_secret_value() if passphrase else None,
    )


def make_worker(configured: Settings, engine: Client, database: Database, seal: Seal | None = None) -> Worker:
    """A worker with every workflow and activity; tests run the same one."""
    relay, storage = Relay.of(configured), Storage.of(configured)
    seal = seal or load_seal(configured)
    clocks = authorities(configured)
    time_stamps = TimeStamps(database, storage, seal.chain_pem, clocks, certificates(configured))
    notify = Notify(database, relay, configured.mail_from, configured.portal_url)
    record = Record(database)
    bulk = Bulk(database, engine, configured.temporal_task_queue)
    hand_over = HandOver(engine, configured.temporal_task_queue)
    return Worker(
        engine,
        task_queue=configured.temporal_task_queue,
        workflows=WORKFLOWS,
        activities=[
            Deliver(database, notify),
            notify,
            GiveUpMail(notify),
            Stamp(database, storage, seal),
            File(database, storage, stamps_time=bool(clocks)),
            time_stamps.stamp,
            time_stamps.wait,
            time_stamps.give_up,
            End(database),
            record.answer,
            record.term,
            record.too_late,
            record.attention,
            record.version,
            GiveUpInvitation(database),
            bulk.open,
            bulk.share,
            hand_over.mail,
            hand_over.order,
            hand_over.time_stamp,
            StartAgain(engine, configured.temporal_task_queue),
            MailReset(relay, configured.mail_from),
            MailInvitation(database, relay, configured.mail_from, configured.portal_url),
        ],
        workflow_runner=workflow_runner(),
        interceptors=[metrics.Steps()],
        deployment_config=deployment(configured),
        # what a client waits who signs right after a worker died (default 10 s)
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        # a cached waiting request costs 120 kB, an uncached one 12 ms when it is signed
        max_cached_workflows=300,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


@asynccontextmanager
async def watching(configured: Settings, engine: Client, database: Database) -> AsyncIterator[None]:
    """Meanwhile, look every half minute how many requests and tasks there are, and what was ended in the engine."""
    watch = asyncio.create_task(_watch(configured, engine, database))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(configured: Settings, engine: Client, database: Database) -> None:
    looked: datetime | None = None
    while True:
        try:
            with suppress(RPCError, TimeoutError, *LOST):  # they come back, and the figures with them
                waiting = await temporal.backlog(engine, configured.temporal_task_queue)
                metrics.show(await counts.requests(database), waiting)
                looked = await orphans.close(engine, database, looked)
        except Exception:
            logger.exception("requests and tasks could not be looked at; it is tried again")
        await asyncio.sleep(LOOKS_EVERY.total_seconds())


async def main() -> None:
    configured = settings()
    log_to_stderr(configured.log_level)
    with traces.tracing("worker") as tracer, metrics.served(configured.metrics_address):
        await work(configured, await temporal.wait_for(configured, tracer))


async def work(configured: Settings, engine: Client) -> None:
    """Poll until a signal says to stop."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with (
        postgres.connect(configured.database_url.get_secret_value()) as database,
        make_worker(configured, engine, database),
        watching(configured, engine, database),
    ):
        # what is loaded by now stays: looking through it again and again takes a fifth of a signature's time
        gc.collect()
        gc.freeze()
        logger.info("worker polls %s", configured.temporal_task_queue)
        anchoring = asyncio.create_task(anchor.keep_daily(database, Storage.of(configured)))
        await stop.wait()
        anchoring.cancel()


if __name__ == "__main__":
    asyncio.run(main())
