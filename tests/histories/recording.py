"""`./sts histories`: records one history of each ending, for the replay test (SPEC O3).

Not collected by `./sts test`. The payloads are encrypted with the tests' key, which everybody can read, so nothing
may get into them that must not stand in the repository: the people are made up, the worker has a name of its own
instead of the machine's, and failures are recorded without stack traces and causes, which name folders.
"""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowHandle
from temporalio.converter import DefaultFailureConverterWithEncodedAttributes, PayloadConverter
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.testing import WorkflowEnvironment

import workflows.share_to_sign as story
from activities.ask import tell_id, workflow_id
from activities.bulk import BulkOrder
from activities.invite import InvitationMail
from activities.reset import ResetMail
from chart import document
from chart.audit import SERVICE
from chart.bulk import BulkAct
from chart.document import NewVersion
from chart.lifecycle import Act, Order
from chart.message import MessageAbout
from gateways import temporal
from gateways.postgres import Database
from gateways.storage import Storage
from settings import Settings
from tests.authority import Issuer, serving
from tests.conftest import KEY, Mailbox, skipping_time
from tests.engine import Handle, attended, delivered, pass_time, read, request_id, signature, start, until
from tests.office import Office
from tests.test_bad_paths import parked, recall, register, with_counter_signature
from tests.test_time_stamp import done
from worker import make_worker
from workflows.bulk import ShareInBulk
from workflows.invite import Invite
from workflows.reset import Reset
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline, Extend, Mend, Replace, StaffRecord
from workflows.time_stamp import TimeStamp

RELEASE = Path(__file__).parent / "0.1.0"

NOBODY = "recorded"
"""The worker's and the client's name in the recordings."""

Clock = WorkflowEnvironment


class PlainFailures(DefaultFailureConverterWithEncodedAttributes):
    """What the story reads of a failure, its sentence and type, and nothing of where it happened."""

    def _error_to_failure(self, error: FailureError, payload_converter: PayloadConverter, failure: Failure) -> None:
        super()._error_to_failure(error, payload_converter, failure)
        if isinstance(error, ApplicationError):
            failure.stack_trace = ""
            failure.ClearField("cause")


@pytest.fixture
async def skipping(configured: Settings, database: Database) -> AsyncIterator[Clock]:
    async with recorded(configured, database) as environment:
        yield environment


@asynccontextmanager
async def recorded(settings: Settings, database: Database) -> AsyncIterator[Clock]:
    """An engine and a worker that leave no trace of this machine."""
    ours = temporal.data_converter(temporal.payload_keys(KEY))
    converter = dataclasses.replace(ours, failure_converter_class=PlainFailures)
    async with (
        skipping_time(converter, identity=NOBODY) as environment,
        make_worker(settings, environment.client, database),
    ):
        yield environment


async def save(name: str, handle: WorkflowHandle[Any, Any]) -> None:
    RELEASE.mkdir(exist_ok=True)
    text = (await handle.fetch_history()).to_json()
    (RELEASE / f"{name}.json").write_text(json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n")


async def begun(skipping: Clock, database: Database, order: Order) -> Handle:
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    return handle


async def ended(name: str, handle: WorkflowHandle[Any, Any]) -> None:
    await handle.result()
    await save(name, handle)


async def test_signed(skipping: Clock, database: Database, office: Office) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await ended("signed", handle)


async def test_time_stamped(configured: Settings, database: Database, office: Office) -> None:
    """A document that was handed over for its time stamp, and the time stamp itself, for which it waits at first."""
    with serving(Issuer("Clock makers")) as authority:
        settings = configured.model_copy(update={"tsa_urls": SecretStr(authority.url)})
        authority.status = 503
        async with recorded(settings, database) as skipping:
            order = office.order()
            handle = await begun(skipping, database, order)
            await handle.signal(ShareToSign.sign, signature(handle, order))
            await ended("signed-then-time-stamped", handle)

            async def waits() -> bool:
                return (await read(database, order, handle)).time_stamp_waits is not None

            await until(skipping, waits)
            authority.status = 200
            stamping = skipping.client.get_workflow_handle_for(TimeStamp.run, f"time-stamp/{request_id(handle)}")
            await stamping.signal(TimeStamp.resume)
            await done(skipping, handle)
            await save("time-stamp", stamping)


async def test_signed_by_two_in_order(skipping: Clock, database: Database, office: Office) -> None:
    order, staff = await with_counter_signature(database, office, in_order=True)
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await asyncio.sleep(0.5)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    await ended("signed-by-two-in-order", handle)


@pytest.mark.parametrize("correction", [False, True])
async def test_declined(skipping: Clock, database: Database, office: Office, *, correction: bool) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    decline = Decline(request_id(handle), office.party, datetime.now(UTC), "Not mine.", correction)
    await handle.signal(ShareToSign.decline, decline)
    await ended("declined-correction" if correction else "declined", handle)


async def test_recalled(skipping: Clock, database: Database, office: Office) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.recall, recall(handle))
    await ended("recalled", handle)
    told = skipping.client.get_workflow_handle(tell_id(request_id(handle), MessageAbout.RECALLED))
    await told.result()
    await save("tell-signers", told)


async def test_cancelled_in_the_engine(skipping: Clock, database: Database, office: Office) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    await handle.cancel()
    await ended("recalled-by-cancel", handle)


async def test_expired(skipping: Clock, database: Database, office: Office) -> None:
    order = replace(office.order(), reminder_days=(3, 7))
    await ended("expired", await begun(skipping, database, order))


async def test_replaced(skipping: Clock, database: Database, office: Office) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    async with database.practice(office.practice) as transaction:
        fresh = await document.new_version_id(transaction)
    version = NewVersion(fresh, "c" * 64, "d" * 64, 1000, 1, "Corrected.", SERVICE)
    await handle.signal(ShareToSign.replace, Replace(request_id(handle), version))
    await ended("replaced", handle)


@pytest.mark.parametrize(
    ("act", "name"), [(Act.RECORD_UNABLE, "unable_to_obtain"), (Act.RECORD_PAPER, "signed_on_paper")]
)
async def test_recorded(skipping: Clock, database: Database, office: Office, act: Any, name: str) -> None:
    order = office.order()
    handle = await begun(skipping, database, order)
    record = StaffRecord(request_id(handle), SERVICE, act, "As it was.", {"signed_on": "2026-11-20"})
    await handle.signal(ShareToSign.record, record)
    await ended(name, handle)


async def test_registered_then_signed(skipping: Clock, database: Database, office: Office) -> None:
    order = parked(office)
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.extend, Extend(request_id(handle), SERVICE, order.expires_at + timedelta(days=9)))
    await register(database, office)
    await handle.signal(ShareToSign.registered)

    async def has_a_signer() -> bool:
        return (await read(database, order, handle)).signers[0].party is not None

    await until(skipping, has_a_signer)
    party = (await read(database, order, handle)).signers[0].party
    await handle.signal(ShareToSign.sign, signature(handle, order, by=party))
    await ended("registered-then-signed", handle)


@pytest.mark.parametrize("mended", ["resume", "reissue"])
async def test_needs_attention(
    skipping: Clock, configured: Settings, database: Database, storage: Storage, office: Office, mended: str
) -> None:
    """`needs-attention-resume-by-a-bare-name.json` is from before these signals named their request."""
    order = office.order()
    content = await storage.get(order.sha256)
    storage.path(order.sha256).unlink()
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await attended(skipping, database, order, handle)
    await storage.put(content)
    await handle.signal(mended, Mend(request_id(handle), SERVICE))
    await ended(f"needs-attention-{mended}", handle)
    if mended == "reissue":
        again = skipping.client.get_workflow_handle(f"ask-again/{request_id(handle)}")
        await again.result()
        await save("ask-again", again)
        await skipping.client.get_workflow_handle(workflow_id(order.document)).terminate()


async def test_mail_delayed(skipping: Clock, database: Database, office: Office, mailbox: Mailbox) -> None:
    order = replace(office.order(), reminder_days=(3,))
    mailbox.falters = 3
    handle = await begun(skipping, database, order)
    await pass_time(skipping, await skipping.get_current_time() + timedelta(days=1))
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await ended("mail-delayed", handle)


@pytest.fixture
async def long_history(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(story, "LONG_HISTORY", 12)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("long_history")
async def test_continued(skipping: Clock, database: Database, office: Office) -> None:
    order, staff = await with_counter_signature(database, office, reminder_days=())
    handle = await begun(skipping, database, order)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))

    async def in_a_new_run() -> bool:
        return (await skipping.client.get_workflow_handle(handle.id).describe()).run_id != handle.first_execution_run_id

    await until(skipping, in_a_new_run)
    now = skipping.client.get_workflow_handle(handle.id)
    await now.signal(ShareToSign.sign, signature(handle, order))
    await now.result()
    run_id = (await now.describe()).run_id
    await save("continued", skipping.client.get_workflow_handle(handle.id, run_id=run_id))


async def test_invite(skipping: Clock, office: Office) -> None:
    mail = InvitationMail(
        office.practice, office.unregistered, uuid4(), "priya@demo.example", "t0ken", datetime.now(UTC)
    )
    handle = await skipping.client.start_workflow(Invite.run, mail, id=f"invite/{uuid4()}", task_queue="share-to-sign")
    await handle.result()
    await save("invite", handle)


async def test_reset(skipping: Clock) -> None:
    mail = ResetMail(
        uuid4(), "priya@demo.example", "https://portal.example.org/reset", "t0ken", "en", datetime.now(UTC)
    )
    handle = await skipping.client.start_workflow(Reset.run, mail, id=f"reset/{uuid4()}", task_queue="share-to-sign")
    await handle.result()
    await save("reset", handle)


async def test_bulk(skipping: Clock, office: Office) -> None:
    order = BulkOrder(office.practice, SERVICE, BulkAct.SHARE_TO_SIGN, (office.note.id, office.superbill.id))
    handle = await skipping.client.start_workflow(
        ShareInBulk.run, order, id=f"share-in-bulk/{uuid4()}", task_queue="share-to-sign"
    )
    await ended("share-in-bulk", handle)
    await skipping.client.get_workflow_handle(workflow_id(office.note.id)).terminate()
