"""The life of a request, on a server that skips time: deliver, notify, wait, stamp, file, tell staff; or expire."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment

import pdf
from activities.stamp import Signature, Stamp, Stamping
from chart import document, message, waiting
from chart.audit import SERVICE, Action, Actor
from chart.document import PortalTag, ShareStatus
from chart.ids import RequestId
from chart.lifecycle import RequestState
from chart.message import About
from chart.waiting import Filter
from gateways.postgres import Database
from gateways.storage import Storage
from settings import Settings
from tests.conftest import Mailbox
from tests.engine import attended, delivered, read, request_id, signature, start, timeline, unsealable
from tests.office import Office, open_office
from tests.papers import changed
from tests.pdf.test_seal import KeyService
from worker import make_worker
from workflows.share_to_sign import ShareToSign
from workflows.signals import Mend


async def test_a_signed_request_ends_with_a_signed_version_in_the_chart(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, office: Office, mailbox: Mailbox
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.SIGNED

    async with database.practice(office.practice) as transaction:
        filed = await document.find(transaction, office.note.id)
        notices = await message.staff_notices(transaction)
    assert filed.share_status is ShareStatus.SHARED_AND_SIGNED
    assert filed.tag is PortalTag.SIGNED
    assert filed.signed_sha256
    original, signed = await storage.get(filed.sha256), await storage.get(filed.signed_sha256)
    assert signed.startswith(original)
    assert [notice.about for notice in notices] == [About.SIGNED]


async def test_a_request_that_nobody_signs_expires_after_sixty_days(
    skipping: WorkflowEnvironment, database: Database, office: Office
) -> None:
    order = office.order(lasts=timedelta(days=60))
    handle = await start(skipping.client, order)
    assert await handle.result() is RequestState.EXPIRED
    expired = await read(database, order, handle)
    assert expired.ended_at is not None
    assert expired.signed_sha256 is None
    async with database.practice(office.practice) as transaction:
        assert [notice.about for notice in await message.staff_notices(transaction)] == [About.EXPIRED]
        assert (await document.find(transaction, office.note.id)).waits_for == "Expired"


@pytest.mark.parametrize(
    "change",
    [
        lambda fits: replace(fits, signer=Actor(f"account:{uuid4()}")),
        lambda fits: replace(fits, sha256="0" * 64),
        lambda fits: replace(fits, request_id=RequestId(uuid4())),
        lambda fits: replace(fits, at=fits.at + timedelta(days=90)),
    ],
    ids=["by somebody else", "of another version", "for another request", "after the expiry"],
)
async def test_a_signature_that_does_not_fit_is_harmless(
    skipping: WorkflowEnvironment, database: Database, office: Office, change: Callable[[Signature], Signature]
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, change(signature(handle, order)))
    assert await handle.result() is RequestState.EXPIRED


async def test_a_signature_made_before_the_expiry_counts_when_it_arrives_just_after(
    skipping: WorkflowEnvironment, database: Database, office: Office
) -> None:
    order = office.order(lasts=timedelta(days=1))
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await skipping.sleep(order.expires_at - await skipping.get_current_time() + timedelta(seconds=20))
    await handle.signal(ShareToSign.sign, signature(handle, order, at=order.expires_at - timedelta(seconds=1)))
    assert await handle.result() is RequestState.SIGNED


async def test_a_signature_that_was_not_encrypted_by_us_is_dropped(
    skipping: WorkflowEnvironment, database: Database, office: Office
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    stranger = await Client.connect(skipping.client.service_client.config.target_host)
    forged = TypeAdapter(Signature).dump_python(signature(handle, order), mode="json")
    await stranger.get_workflow_handle(handle.id).signal("sign", forged)
    assert await handle.result() is RequestState.EXPIRED


async def test_whoever_has_no_key_cannot_resume_in_the_name_of_staff(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    handle, content = await unsealable(skipping, database, storage, order)
    await storage.put(content)
    stranger = await Client.connect(skipping.client.service_client.config.target_host)
    named = Payload(metadata={"encoding": b"json/plain", "readable": b"1"}, data=b'"staff:somebody"')
    await stranger.get_workflow_handle(handle.id).signal("resume", RawValue(named))
    assert await handle.result() is RequestState.SIGNED
    resumed = [one.actor for one in await timeline(database, order, handle) if one.action is Action.RESUMED]
    assert resumed == [SERVICE]


async def test_a_name_that_was_copied_from_another_request_mends_nothing_in_that_name(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, office: Office
) -> None:
    order, somebody = office.order(), Actor("staff:somebody")
    handle, content = await unsealable(skipping, database, storage, order)
    await storage.put(content)
    await handle.signal(ShareToSign.reissue, Mend(RequestId(uuid4()), somebody))
    await handle.signal(ShareToSign.resume, somebody)  # as it was sent before, to any request
    assert await handle.result() is RequestState.SIGNED
    written = [(one.action, one.actor) for one in await timeline(database, order, handle)]
    assert (Action.CAME_TOO_LATE, somebody) in written
    assert [actor for action, actor in written if action is Action.RESUMED] == [SERVICE]


async def test_the_second_signature_changes_nothing(
    skipping: WorkflowEnvironment, database: Database, office: Office
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    first = datetime.now(UTC)
    await handle.signal(ShareToSign.sign, signature(handle, order, at=first))
    await handle.signal(ShareToSign.sign, signature(handle, order, at=first + timedelta(seconds=1)))
    assert await handle.result() is RequestState.SIGNED
    assert (await read(database, order, handle)).signed_at == first


async def test_a_missing_stored_file_needs_attention_and_is_mended_by_resume(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, configured: Settings, office: Office
) -> None:
    order = office.order()
    handle, content = await unsealable(skipping, database, storage, order)
    stuck = await read(database, order, handle)
    assert (stuck.state, stuck.label) == (RequestState.SEALING, "Needs attention")
    assert stuck.attention == "The shared version is missing from the store. Restore it, then resume."
    assert stuck.signed_sha256 is None

    await storage.put(content)
    await handle.signal(ShareToSign.resume)
    assert await handle.result() is RequestState.SIGNED
    assert (await read(database, order, handle)).attention is None
    async with database.practice(office.practice) as transaction:
        told = {notice.about for notice in await message.staff_notices(transaction)}
    assert told == {About.NEEDS_ATTENTION, About.SIGNED}


async def test_a_stored_file_with_another_hash_is_never_signed_until_it_is_put_right(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, configured: Settings, office: Office
) -> None:
    order = office.order()
    content = await storage.get(order.sha256)
    path = storage.path(order.sha256)
    path.write_bytes(changed(path.read_bytes()))
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    stuck = await attended(skipping, database, order, handle)
    assert stuck.attention == "The shared version in the store was changed. Restore it, then resume."
    assert stuck.signed_sha256 is None

    await storage.put(content)
    await handle.signal(ShareToSign.resume)
    assert await handle.result() is RequestState.SIGNED


async def test_a_key_service_that_is_down_needs_attention_and_seals_when_it_is_back(
    clock: WorkflowEnvironment, database: Database, storage: Storage, configured: Settings, office: Office
) -> None:
    service = KeyService(configured.seal_key_file.read_bytes())
    seal = pdf.Seal.of(service, configured.seal_certificate_file.read_bytes())
    service.down = True
    async with make_worker(configured, clock.client, database, seal):
        order = office.order()
        handle = await start(clock.client, order)
        await delivered(clock, database, order, handle)
        before = stored(configured)
        await handle.signal(ShareToSign.sign, signature(handle, order))
        asked = await attended(clock, database, order, handle)
        assert (asked.state, asked.label) == (RequestState.SEALING, "Needs attention")
        assert asked.attention == "The key that seals documents cannot be used now."
        assert stored(configured) == before
        service.down = False
        assert await handle.result() is RequestState.SIGNED
    signed = (await read(database, order, handle)).signed_sha256
    assert signed
    assert stored(configured) - before == {storage.path(signed).name}
    assert pdf.verify(await storage.get(signed), configured.seal_certificate_file.read_bytes()).valid


def stored(configured: Settings) -> set[str]:
    return {path.name for path in configured.storage_folder.rglob("*") if path.is_file()}


async def test_mail_that_falters_is_retried_while_the_request_waits(
    skipping: WorkflowEnvironment, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = office.order()
    mailbox.falters = 3
    handle = await start(skipping.client, order)
    for _ in range(60):
        await skipping.sleep(timedelta(seconds=5))
        if mailbox.to(office.client_email):
            break
    assert len(mailbox.to(office.client_email)) == 1
    assert (await delivered(skipping, database, order, handle)).state is RequestState.PENDING
    await handle.terminate()


async def test_a_refused_address_becomes_a_task_for_staff_and_the_request_lives_on(
    skipping: WorkflowEnvironment, database: Database, configured: Settings, storage: Storage
) -> None:
    office = await open_office(configured, database, storage, mail="refused")
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    for _ in range(50):
        if (await read(database, order, handle)).notice:
            break
        await skipping.sleep(timedelta(seconds=1))
    told = await read(database, order, handle)
    assert (told.notice, told.state) == ("refused", RequestState.PENDING)
    async with database.practice(office.practice) as transaction:
        assert [notice.about for notice in await message.staff_notices(transaction)] == [About.MAIL_REFUSED]
        assert [one.unreached for one in await waiting.queue(transaction, Filter.ALL)] == [True]
    await handle.terminate()


async def test_a_request_that_ends_before_its_mail_is_sent_tells_staff_of_its_end_only(
    skipping: WorkflowEnvironment, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = office.order()
    mailbox.falters = 1_000_000
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.SIGNED
    async with database.practice(office.practice) as transaction:
        assert [notice.about for notice in await message.staff_notices(transaction)] == [About.SIGNED]


async def test_stamping_again_finds_what_is_filed(
    skipping: WorkflowEnvironment,
    database: Database,
    storage: Storage,
    seal: pdf.Seal,
    configured: Settings,
    office: Office,
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.result()
    filed = await read(database, order, handle)
    assert storage.kept(str(request_id(handle))) is None, "the note is of no more use"
    before = {path.name for path in configured.storage_folder.rglob("*")}
    again = await Stamp(database, storage, seal)(Stamping(order, request_id(handle), (signature(handle, order),)))
    assert again.sha256 == filed.signed_sha256
    assert {path.name for path in configured.storage_folder.rglob("*")} == before


async def test_typed_names_sign_as_well_as_drawings(
    skipping: WorkflowEnvironment, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    typed = replace(signature(handle, order), mark=pdf.TypedName("Jordan Canaryname"))
    await handle.signal(ShareToSign.sign, typed)
    assert await handle.result() is RequestState.SIGNED
    signed = await read(database, order, handle)
    assert signed.signed_sha256
    assert (await storage.get(signed.signed_sha256)).startswith(await storage.get(order.sha256))
