"""What comes late, twice, from strangers, at once, or while something is away (SPEC G6, G8, G9, N3, O2, O3)."""

import asyncio
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string
from typing import TypeAlias
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, WorkflowEnvironment

import workflows.share_to_sign as story
from activities.ask import ask, workflow_id
from activities.notify import Notification, Notify
from activities.record import Record, TooLate
from chart import document, message, request, schedule
from chart.audit import SERVICE, Action, Actor
from chart.document import NewVersion
from chart.ids import RequestId
from chart.lifecycle import Act, OnDecline, Order, RequestState, Seat, SeatState
from chart.message import About, Letter, MailState
from gateways.postgres import Database
from gateways.storage import Storage
from identity import account
from identity.caller import Role
from settings import Settings
from tests.conftest import Mailbox, WorkerMaker
from tests.engine import (
    Handle,
    delivered,
    happened,
    pass_time,
    read,
    request_id,
    signature,
    start,
    timeline,
    unsealable,
    until,
)
from tests.office import PASSWORD, Office, open_office
from workflows.share_to_sign import ShareToSign
from workflows.signals import Decline, Extend, Recall, Remind, Replace, Reschedule, StaffRecord

Clock = WorkflowEnvironment
Signal: TypeAlias = tuple[str, Callable[[RequestId], object]]
"""Its name, and what it carries to a request."""


async def provider(database: Database, office: Office) -> Actor:
    """A provider of the practice who can counter-sign."""
    async with database.practice(office.practice) as transaction:
        staff_id = await account.add_staff(
            transaction,
            office.practice,
            email=f"counter-{office.practice}@demo.example",
            name="Dr. Counter",
            role=Role.PROVIDER,
            password=PASSWORD,
        )
    return Actor(f"staff:{staff_id}")


async def with_counter_signature(database: Database, office: Office, **terms: object) -> tuple[Order, Actor]:
    staff = await provider(database, office)
    order = office.order()
    return replace(order, seats=(*order.seats, Seat(staff)), **terms), staff  # type: ignore[arg-type]


def recall(handle: Handle) -> Recall:
    return Recall(request_id(handle), SERVICE, "By mistake.")


# -- who wins


async def test_a_signature_after_a_recall_changes_nothing_and_is_recorded(
    skipping: Clock, database: Database, office: Office
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.recall, recall(handle))
    with suppress(RPCError):  # the engine itself refuses what comes after the end
        await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.RECALLED
    ended = await read(database, order, handle)
    assert (ended.state, ended.signed_sha256, ended.signers[0].state) == (
        RequestState.RECALLED,
        None,
        SeatState.WAITING,
    )


async def test_a_recall_during_sealing_is_refused(
    configured: Settings, engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    # no worker: both stand in the history before anything is decided
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.signal(ShareToSign.recall, recall(handle))
    async with make_one_worker():
        assert await handle.result() is RequestState.SIGNED
    assert (await read(database, order, handle)).signed_sha256
    late = [entry for entry in await timeline(database, order, handle) if entry.action is Action.CAME_TOO_LATE]
    assert [entry.detail["act"] for entry in late] == ["recall"]
    assert "being sealed" in str(late[0].detail["why"])


async def in_the_chart(database: Database, order: Order, handle: Handle) -> None:
    for _ in range(200):
        async with database.practice(order.practice) as transaction:
            if await request.exists(transaction, request_id(handle)):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("not delivered")


@pytest.mark.parametrize("first", ["sign", "decline"])
async def test_a_signature_and_a_decline_at_once_the_first_in_the_history_wins(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office, first: str
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    sign = signature(handle, order)
    decline = Decline(request_id(handle), office.party, datetime.now(UTC), "No.", correction=False)
    both = [("sign", sign), ("decline", decline)]
    for which, what in both if first == "sign" else reversed(both):
        await handle.signal(which, what)
    async with make_one_worker():
        assert await handle.result() is (RequestState.SIGNED if first == "sign" else RequestState.DECLINED)
    found = await read(database, order, handle)
    assert (found.signed_sha256 is not None) is (first == "sign")


async def test_two_signers_at_the_same_moment_both_count(
    engine: Client, make_one_worker: WorkerMaker, database: Database, storage: Storage, office: Office
) -> None:
    order, staff = await with_counter_signature(database, office)
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    await asyncio.gather(
        handle.signal(ShareToSign.sign, signature(handle, order)),
        handle.signal(ShareToSign.sign, signature(handle, order, by=staff)),
    )
    async with make_one_worker():
        assert await handle.result() is RequestState.SIGNED
    found = await read(database, order, handle)
    assert {signer.state for signer in found.signers} == {SeatState.SIGNED}
    assert found.signed_sha256
    assert (await storage.get(found.signed_sha256)).startswith(await storage.get(order.sha256))


async def test_in_order_the_second_is_asked_when_the_first_has_signed(
    skipping: Clock, database: Database, office: Office
) -> None:
    order, staff = await with_counter_signature(database, office, in_order=True)
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))  # too early
    await handle.signal(ShareToSign.sign, signature(handle, order))

    async def first_has_signed() -> bool:
        return (await read(database, order, handle)).signers[0].state is SeatState.SIGNED

    await until(skipping, first_has_signed)
    waiting = await read(database, order, handle)
    assert (waiting.state, waiting.label) == (RequestState.PENDING, "Pending signature (1 of 2 signed)")
    async with database.practice(office.practice) as transaction:
        told = [notice.about for notice in await message.staff_notices(transaction)]
    assert told == [About.COUNTER_SIGNATURE]
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    assert await handle.result() is RequestState.SIGNED
    assert Action.CAME_TOO_LATE in await happened(database, order, handle)


async def partner(database: Database, office: Office) -> tuple[Actor, str]:
    """A second portal account that acts for the client, and its address."""
    email = f"partner-{office.client}@demo.example"
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction, office.practice, office.client, email=email, name="Pat", relationship="partner"
        )
    return request.party_of(await account.register(database, invitation.token, PASSWORD)), email


@pytest.mark.parametrize("way", ["declined", "expired"])
async def test_who_has_signed_is_told_when_the_others_make_nothing_of_it(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox, way: str
) -> None:
    other, email = await partner(database, office)
    order = replace(office.order(), seats=(Seat(office.party), Seat(other)), reminder_days=())
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=other))
    if way == "declined":
        decline = Decline(request_id(handle), office.party, datetime.now(UTC), "Not mine.", correction=False)
        await handle.signal(ShareToSign.decline, decline)
    assert await handle.result() is RequestState(way)

    async def told() -> bool:
        return len(mailbox.to(email)) == 2

    await until(skipping, told)
    async with database.practice(office.practice) as transaction:
        assert request.account_of(other)
        inboxes = [await message.inbox(transaction, request.account_of(one)) for one in (other, office.party)]  # type: ignore[arg-type]
    assert [[one.about for one in inbox] for inbox in inboxes] == [[way, "record_request"], ["record_request"]]
    assert len(mailbox.to(office.client_email)) == 1


async def test_a_correction_that_one_asks_for_is_kept_while_the_others_go_on(
    skipping: Clock, database: Database, office: Office
) -> None:
    order, staff = await with_counter_signature(database, office, on_decline=OnDecline.CONTINUES)
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    decline = Decline(request_id(handle), office.party, datetime.now(UTC), "Goal 2.", correction=True)
    await handle.signal(ShareToSign.decline, decline)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    assert await handle.result() is RequestState.SIGNED
    found = await read(database, order, handle)
    assert [(signer.correction, signer.reason) for signer in found.signers] == [(True, "Goal 2."), (False, None)]
    declined = next(entry for entry in await timeline(database, order, handle) if entry.action is Action.DECLINED)
    assert declined.detail["correction"]


@pytest.mark.parametrize(
    ("on_decline", "ending"), [(OnDecline.ENDS, RequestState.DECLINED), (OnDecline.CONTINUES, RequestState.SIGNED)]
)
async def test_one_signers_decline_ends_or_continues_by_the_requests_rule(
    skipping: Clock, database: Database, office: Office, on_decline: OnDecline, ending: RequestState
) -> None:
    order, staff = await with_counter_signature(database, office, on_decline=on_decline)
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    decline = Decline(request_id(handle), office.party, datetime.now(UTC), "Not mine.", correction=False)
    await handle.signal(ShareToSign.decline, decline)
    assert await handle.result() is ending
    found = await read(database, order, handle)
    assert [signer.state for signer in found.signers] == [SeatState.DECLINED, SeatState.SIGNED]
    assert (found.signed_sha256 is not None) is (ending is RequestState.SIGNED)


async def test_what_was_meant_for_an_ended_request_is_refused_by_its_successor(
    skipping: Clock, database: Database, office: Office
) -> None:
    order = office.order()
    first = await start(skipping.client, order)
    await delivered(skipping, database, order, first)
    await first.signal(ShareToSign.recall, recall(first))
    await first.result()
    second = await start(skipping.client, order)
    await delivered(skipping, database, order, second)
    ended, later = request_id(first), order.expires_at + timedelta(days=1)
    meant: list[tuple[str, object]] = [
        ("recall", recall(first)),
        ("sign", signature(first, order)),
        ("decline", Decline(ended, office.party, datetime.now(UTC), "No.", correction=False)),
        ("record", StaffRecord(ended, SERVICE, Act.RECORD_PAPER, "Why.", {})),
        ("extend", Extend(ended, SERVICE, later)),
        ("reschedule", no_more_reminders(ended)),
        ("remind", Remind(ended, SERVICE)),
    ]
    for name, what in meant:
        await skipping.client.get_workflow_handle(second.id).signal(name, what)
    await second.signal(ShareToSign.sign, signature(second, order))
    assert await second.result() is RequestState.SIGNED
    found = await read(database, order, second)
    assert (found.expires_at, found.reminder_days) == (order.expires_at, (3, 7, 14))
    late = [one for one in await timeline(database, order, second) if one.action is Action.CAME_TOO_LATE]
    assert ["another request" in str(one.detail["why"]) for one in late] == [True] * len(meant)


# -- strangers and nonsense


async def test_an_unknown_signal_is_harmless_and_recorded(skipping: Clock, database: Database, office: Office) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal("no_such_signal", "whatever")
    await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.SIGNED
    assert Action.CAME_TOO_LATE in await happened(database, order, handle)


# -- time


async def test_a_registration_after_the_expiry_delivers_nothing(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = parked(office)
    handle = await start(skipping.client, order)
    assert await handle.result() is RequestState.EXPIRED
    await register(database, office)
    assert mailbox.to(email_of(office)) == []
    with pytest.raises(RPCError):
        await handle.signal(ShareToSign.registered)


def parked(office: Office) -> Order:
    note = office.notes_of_unregistered
    return replace(
        office.order(),
        client=office.unregistered,
        document=note.id,
        version=note.version_id,
        sha256=note.sha256,
        seats=(Seat(None),),
    )


def email_of(office: Office) -> str:
    return f"late-{office.unregistered}@demo.example"


async def register(database: Database, office: Office) -> None:
    async with database.practice(office.practice) as transaction:
        invitation = await account.invite(
            transaction,
            office.practice,
            office.unregistered,
            email=email_of(office),
            name="Priya Natarajan",
            relationship="self",
        )
    await account.register(database, invitation.token, PASSWORD)


async def test_a_parked_request_is_extended_and_then_delivered(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = parked(office)
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    until_then = order.expires_at + timedelta(days=30)
    await handle.signal(ShareToSign.extend, Extend(request_id(handle), SERVICE, until_then))
    await pass_time(skipping, order.expires_at + timedelta(days=5))
    await register(database, office)
    await handle.signal(ShareToSign.registered)

    async def is_pending() -> bool:
        return (await read(database, order, handle)).state is RequestState.PENDING

    await until(skipping, is_pending)
    found = await read(database, order, handle)
    assert (found.expires_at, found.signers[0].name) == (until_then, "Priya Natarajan")

    async def is_mailed() -> bool:
        return len(mailbox.to(email_of(office))) == 1

    await until(skipping, is_mailed)
    assert await handle.result() is RequestState.EXPIRED


async def test_reminders_keep_the_wall_clock_across_a_change_of_the_clocks(
    skipping: Clock, configured: Settings, database: Database, office: Office, mailbox: Mailbox
) -> None:
    zone = ZoneInfo("America/Chicago")
    # a Friday noon before the clocks change, in the engine's own time
    friday = next(
        day
        for day in (datetime.now(zone).replace(hour=12, minute=0) + timedelta(days=n) for n in range(1, 400))
        if day.utcoffset() != (day + timedelta(days=3)).utcoffset() and day.weekday() == 4
    )
    await pass_time(skipping, friday)
    order = replace(
        office.order(), reminder_days=(1, 3), asked_at=friday, expires_at=friday.astimezone(UTC) + timedelta(days=20)
    )
    handle = await start(skipping.client, order)
    planned = (await delivered(skipping, database, order, handle)).reminders
    assert [(moment.astimezone(zone).hour, moment.astimezone(zone).weekday()) for moment in planned] == [
        (12, 5),
        (12, 0),
    ]
    assert planned[1] - planned[0] in {timedelta(hours=47), timedelta(hours=49)}
    assert await handle.result() is RequestState.EXPIRED
    mails = [message_from_string(mail) for mail in mailbox.to(office.client_email)]
    told = [(mail["subject"], str(mail.get_payload()).split("\n")[0].strip()) for mail in mails]
    first = "You have a new portal message", "A new message is available for you in the Client Portal."
    again = "Reminder: a portal message waits for you", "A message still waits for you in the Client Portal."
    assert told == [first, again, again]


async def test_no_reminder_goes_out_after_an_end(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = replace(office.order(), reminder_days=(1, 2, 3))
    handle = await start(skipping.client, order)
    planned = (await delivered(skipping, database, order, handle)).reminders
    await pass_time(skipping, planned[0] + timedelta(minutes=1))

    async def reminded() -> bool:
        return (await read(database, order, handle)).reminded_at is not None

    await until(skipping, reminded)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.result()
    await pass_time(skipping, planned[2] + timedelta(days=1))
    assert len(mailbox.to(office.client_email)) == 2


async def test_reminders_can_be_changed_and_sent_by_hand_not_twice_within_five_minutes(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = replace(office.order(), reminder_days=(3, 7))
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.reschedule, Reschedule(request_id(handle), SERVICE, (), ()))
    await handle.signal(ShareToSign.remind, Remind(request_id(handle), SERVICE))  # the first mail has just gone
    await pass_time(skipping, await skipping.get_current_time() + timedelta(minutes=6))
    await handle.signal(ShareToSign.remind, Remind(request_id(handle), SERVICE))
    assert "| Reminders sent | 1 |" in await current_details(skipping, handle)
    await handle.signal(ShareToSign.remind, Remind(request_id(handle), SERVICE))

    async def both_mails() -> bool:
        return len(mailbox.to(office.client_email)) == 2

    await until(skipping, both_mails)
    assert await handle.result() is RequestState.EXPIRED
    assert len(mailbox.to(office.client_email)) == 2
    assert (await happened(database, order, handle)).count(Action.CAME_TOO_LATE) == 2


async def current_details(skipping: Clock, handle: Handle) -> str:
    """What an operator reads in the UI, who has no key."""
    operator = await Client.connect(skipping.client.service_client.config.target_host)
    said: WorkflowMetadata = await operator.get_workflow_handle(handle.id).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return said.current_details


async def during_the_delivery(
    engine: Client, order: Order, monkeypatch: pytest.MonkeyPatch, *signals: Signal
) -> Handle:
    """Signals that come when the request stands in the chart and the engine does not know that yet."""
    send = Notify.send

    async def after_them(notify: Notify, mail: Notification) -> list[Letter]:
        monkeypatch.undo()
        for name, of_request in signals:
            await engine.get_workflow_handle(workflow_id(order.document)).signal(name, of_request(mail.request_id))
        return await send(notify, mail)

    monkeypatch.setattr(Notify, "send", after_them)
    return await start(engine, order)


def no_more_reminders(request_id: RequestId) -> Reschedule:
    return Reschedule(request_id, SERVICE, (), ())


async def test_reminders_that_are_changed_during_the_delivery_stay_changed(
    engine: Client, worker: None, database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = replace(office.order(), reminder_days=(1, 2))
    handle = await during_the_delivery(engine, order, monkeypatch, ("reschedule", no_more_reminders))
    await TimeSkipper(engine).fast_forward(handle)
    found = await read(database, order, handle)
    assert (found.state, found.reminder_days, found.reminders) == (RequestState.EXPIRED, (), ())
    assert found.reminded_at is None


async def test_reminders_that_are_changed_right_after_an_answer_stay_changed(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office
) -> None:
    order, _staff = await with_counter_signature(database, office, in_order=True, reminder_days=(1, 2))
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.signal(ShareToSign.reschedule, no_more_reminders(request_id(handle)))
    async with make_one_worker():
        await TimeSkipper(engine).fast_forward(handle)
    found = await read(database, order, handle)
    assert (found.state, found.reminder_days, found.reminders) == (RequestState.EXPIRED, (), ())


async def test_an_extension_and_a_recall_during_the_delivery_are_both_kept(
    engine: Client, worker: None, database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = office.order()
    later = order.expires_at + timedelta(days=30)
    handle = await during_the_delivery(
        engine,
        order,
        monkeypatch,
        ("extend", lambda request_id: Extend(request_id, SERVICE, later)),
        ("recall", lambda request_id: Recall(request_id, SERVICE, "By mistake.")),
    )
    assert await handle.result() is RequestState.RECALLED
    assert (await read(database, order, handle)).expires_at == later
    ours = {Action.EXTENDED, Action.RECALLED}
    written = [action for action in await happened(database, order, handle) if action in ours]
    assert written == [Action.EXTENDED, Action.RECALLED]


async def test_a_reminder_that_is_kept_up_until_the_night_waits_for_the_morning(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    zone = ZoneInfo("America/Chicago")
    noon = datetime.now(zone).replace(hour=12, minute=0, second=0) + timedelta(days=2)
    await pass_time(skipping, noon)
    order = replace(
        office.order(), reminder_days=(1,), asked_at=noon, expires_at=noon.astimezone(UTC) + timedelta(days=20)
    )
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    mailbox.falters = 1_000_000
    await pass_time(skipping, noon + timedelta(days=1, hours=10))
    mailbox.falters = 0
    await pass_time(skipping, noon + timedelta(days=1, hours=20))  # eight in the morning
    assert len(mailbox.to(office.client_email)) == 1
    await pass_time(skipping, noon + timedelta(days=2))

    async def both_mails() -> bool:
        return len(mailbox.to(office.client_email)) == 2

    await until(skipping, both_mails)
    await handle.terminate()


async def test_a_reminder_whose_morning_has_come_by_now_goes_out_at_once(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mornings = iter([timedelta(microseconds=1)])
    monkeypatch.setattr(schedule, "daytime", lambda instant, _zone: instant + next(mornings, timedelta()))
    order = replace(office.order(), reminder_days=(1,))
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await pass_time(skipping, order.asked_at + timedelta(days=2))

    async def both_mails() -> bool:
        return len(mailbox.to(office.client_email)) == 2

    await until(skipping, both_mails)
    await handle.terminate()


async def test_what_came_too_late_is_written_once_however_often_the_engine_runs_it(
    database: Database, engine: Client, make_one_worker: WorkerMaker, office: Office
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    late = TooLate(order, request_id(handle), SERVICE, None, "Too late.", 1)
    for _ in range(2):
        await Record(database).too_late(late)
    assert (await happened(database, order, handle)).count(Action.CAME_TOO_LATE) == 1
    await handle.terminate()


async def test_a_request_keeps_its_id_in_a_new_run(
    database: Database, engine: Client, make_one_worker: WorkerMaker, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = office.order()
    monkeypatch.setattr(story, "LONG_HISTORY", 5)
    async with make_one_worker():
        first = await ask(engine, "share-to-sign", order)
        handle = engine.get_workflow_handle(workflow_id(order.document))
        for _ in range(200):
            if (await handle.describe()).run_id != str(first):
                break
            await handle.signal(ShareToSign.extend, Extend(first, SERVICE, order.expires_at))
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("no new run")
        assert await ask(engine, "share-to-sign", order) == first
    await handle.terminate()


# -- mail


async def test_a_mail_server_that_is_down_for_two_days_loses_no_mail_and_doubles_none(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = replace(office.order(), reminder_days=())
    mailbox.falters = 1_000_000
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)

    async def delayed() -> bool:
        return (await read(database, order, handle)).notice == MailState.DELAYED

    await until(skipping, delayed)
    await pass_time(skipping, await skipping.get_current_time() + timedelta(days=2))
    assert (await read(database, order, handle)).state is RequestState.PENDING
    mailbox.falters = 0

    async def sent() -> bool:
        await skipping.sleep(timedelta(minutes=10))
        return (await read(database, order, handle)).notice == MailState.SENT

    await until(skipping, sent)
    assert len(mailbox.to(office.client_email)) == 1
    actions = await happened(database, order, handle)
    assert (actions.count(Action.MAIL_DELAYED), actions.count(Action.MAILED)) == (1, 1)
    await handle.terminate()


async def test_mail_that_fails_for_more_than_five_days_is_told_and_the_request_lives_on(
    skipping: Clock, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = replace(office.order(), reminder_days=())
    mailbox.falters = 1_000_000
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)

    async def failed() -> bool:
        await skipping.sleep(timedelta(hours=12))
        return (await read(database, order, handle)).notice == MailState.FAILED

    await until(skipping, failed)
    async with database.practice(office.practice) as transaction:
        assert [notice.about for notice in await message.staff_notices(transaction)] == [About.MAIL_FAILED]
    await handle.signal(ShareToSign.sign, signature(handle, order, at=datetime.now(UTC)))
    assert await handle.result() is RequestState.SIGNED


async def test_of_two_signers_one_address_is_refused_and_the_other_gets_the_mail(
    skipping: Clock, configured: Settings, database: Database, storage: Storage, mailbox: Mailbox
) -> None:
    office = await open_office(configured, database, storage, mail="refused")
    second, email = await partner(database, office)
    order = replace(office.order(), seats=(Seat(office.party), Seat(second)))
    handle = await start(skipping.client, order)
    found = await delivered(skipping, database, order, handle)

    async def both() -> bool:
        return all(signer.notice for signer in (await read(database, order, handle)).signers)

    await until(skipping, both)
    found = await read(database, order, handle)
    assert [signer.notice for signer in found.signers] == ["refused", "sent"]
    assert (found.notice, len(mailbox.to(email))) == ("refused", 1)
    await handle.terminate()


# -- operators, and what cannot go on


async def test_cancelling_in_the_engine_recalls_an_open_request(
    skipping: Clock, database: Database, office: Office
) -> None:
    order = office.order()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.cancel()
    assert await handle.result() is RequestState.RECALLED
    assert (await read(database, order, handle)).end_reason == "Cancelled by an operator in the engine."


async def test_cancelling_stops_no_sealing(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.cancel()
    async with make_one_worker():
        assert await handle.result() is RequestState.SIGNED


async def test_after_a_terminate_the_document_can_be_asked_for_again(
    skipping: Clock, database: Database, office: Office
) -> None:
    order = office.order()
    orphan = await start(skipping.client, order)
    await delivered(skipping, database, order, orphan)
    await orphan.terminate()
    order = replace(order, asked_at=datetime.now(UTC))
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    closed = await read(database, order, orphan)
    assert (closed.state, closed.end_reason) == (RequestState.RECALLED, request.ORPHANED)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    assert await handle.result() is RequestState.SIGNED


async def test_a_request_that_cannot_be_sealed_is_given_up_and_asked_for_again(
    skipping: Clock, configured: Settings, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    handle, content = await unsealable(skipping, database, storage, order)
    await storage.put(content)
    await handle.signal(ShareToSign.reissue)
    assert await handle.result() is RequestState.RECALLED

    async def has_come() -> bool:
        async with database.practice(office.practice) as transaction:
            newest = await request.newest_of(transaction, order.document)
        return newest is not None and newest.id != request_id(handle) and newest.state is RequestState.PENDING

    await until(skipping, has_come)
    await skipping.client.get_workflow_handle(workflow_id(order.document)).terminate()


async def test_a_new_version_that_comes_during_sealing_stands_behind_the_signed_one(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
    version = await corrected(database, office)
    await handle.signal(ShareToSign.sign, signature(handle, order))
    await handle.signal(ShareToSign.replace, Replace(request_id(handle), version))
    async with make_one_worker():
        assert await handle.result() is RequestState.SIGNED
    async with database.practice(office.practice) as transaction:
        newest, signed = await document.versions(transaction, order.document)
        mine = await document.find_for_account(transaction, office.account, order.document)
    assert (newest.sha256, newest.shared, signed.signed_sha256 is not None) == ("c" * 64, False, True)
    # and the signer has it, as ever
    assert (signed.shared, mine.signed_sha256) == (True, signed.signed_sha256)


async def test_a_new_version_for_the_request_before_is_filed_by_one_that_has_nothing_to_ask_for(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office
) -> None:
    order = office.order()
    newer, newest = await corrected(database, office), await corrected(database, office)
    async with database.practice(office.practice) as transaction:
        await document.add_version(transaction, office.practice, order.client, order.document, newer)
    handle = await start(engine, order)
    await handle.signal(ShareToSign.replace, Replace(RequestId(uuid4()), newest))
    async with make_one_worker():
        assert await handle.result() is None
    async with database.practice(office.practice) as transaction:
        assert await document.has_version(transaction, newest.id)


async def corrected(database: Database, office: Office) -> NewVersion:
    async with database.practice(office.practice) as transaction:
        fresh = await document.new_version_id(transaction)
    return NewVersion(fresh, "c" * 64, "d" * 64, 1000, 1, "Corrected.", SERVICE)


async def test_what_cannot_be_sealed_and_is_replaced_is_out_of_the_portal(
    skipping: Clock, database: Database, storage: Storage, office: Office
) -> None:
    order = office.order()
    storage.path(order.sha256).unlink()
    handle = await start(skipping.client, order)
    await delivered(skipping, database, order, handle)
    await handle.signal(ShareToSign.sign, signature(handle, order))

    async def stuck() -> bool:
        return (await read(database, order, handle)).attention is not None

    await until(skipping, stuck)
    await handle.signal(ShareToSign.replace, Replace(request_id(handle), await corrected(database, office)))
    assert await handle.result() is RequestState.REPLACED
    async with database.practice(office.practice) as transaction:
        assert [one.shared for one in await document.versions(transaction, order.document)] == [False, False]


async def test_a_new_version_that_is_filed_again_stays_shared(database: Database, office: Office) -> None:
    version = await corrected(database, office)
    async with database.practice(office.practice) as transaction:
        await document.add_version(transaction, office.practice, office.client, office.note.id, version)
        await document.share(transaction, office.practice, version.id, SERVICE)
        # a worker that died before it could tell the engine does it again
        await document.add_version(transaction, office.practice, office.client, office.note.id, version)
        assert (await document.find(transaction, office.note.id)).shared


# -- a long history


async def test_a_new_run_carries_everything_over(
    skipping: Clock,
    database: Database,
    storage: Storage,
    office: Office,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order, staff = await with_counter_signature(database, office, reminder_days=(1, 2, 30))
    handle = await start(skipping.client, order)
    planned = (await delivered(skipping, database, order, handle)).reminders
    await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
    await handle.signal("no_such_signal", "whatever")
    later = order.expires_at + timedelta(days=100)
    await handle.signal(ShareToSign.extend, Extend(request_id(handle), SERVICE, later))

    async def extended() -> bool:
        return (await read(database, order, handle)).expires_at == later

    await until(skipping, extended)
    monkeypatch.setattr(story, "LONG_HISTORY", 20)

    async def in_a_new_run() -> bool:
        return (await skipping.client.get_workflow_handle(handle.id).describe()).run_id != handle.first_execution_run_id

    mailbox.falters = 1_000_000
    await pass_time(skipping, planned[0] + timedelta(minutes=1))
    assert not await in_a_new_run()  # an email is on its way
    mailbox.falters = 0
    await until(skipping, in_a_new_run)
    monkeypatch.undo()
    now = skipping.client.get_workflow_handle(handle.id)

    async def reminded_twice() -> bool:
        await skipping.sleep(timedelta(minutes=30))
        return len(mailbox.to(office.client_email)) >= 3

    await until(skipping, reminded_twice)
    found = await read(database, order, handle)
    assert (found.expires_at, [signer.state for signer in found.signers]) == (
        later,
        [SeatState.WAITING, SeatState.SIGNED],
    )
    await now.signal("no_such_signal", "whatever")
    await now.signal(ShareToSign.sign, signature(handle, order, at=order.expires_at + timedelta(days=50)))
    assert await now.result() == RequestState.SIGNED
    signed = await read(database, order, handle)
    assert [signer.state for signer in signed.signers] == [SeatState.SIGNED, SeatState.SIGNED]
    assert signed.signed_sha256
    certificate = PdfReader(io.BytesIO(await storage.get(signed.signed_sha256))).pages[-1].extract_text()
    assert all(signer.name and signer.name in certificate for signer in signed.signers)
    assert len(mailbox.to(office.client_email)) == 3
    assert (await happened(database, order, handle)).count(Action.CAME_TOO_LATE) == 2
