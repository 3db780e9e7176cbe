"""How many events and billable actions a request costs: what grows here grows for every request."""

import asyncio
from dataclasses import replace

from temporalio.client import Client

from benchmarks.actions import actions
from chart.lifecycle import RequestState, Seat
from gateways.postgres import Database
from tests.conftest import Mailbox, WorkerMaker
from tests.engine import Handle, signature, start
from tests.office import Office
from tests.test_bad_paths import in_the_chart, provider
from workflows.share_to_sign import ShareToSign


async def cost(handle: Handle) -> tuple[int, int]:
    """Events and billable actions."""
    events = [event async for event in handle.fetch_history_events()]
    return len(events), sum(actions(events).values())


async def mailed(mailbox: Mailbox, office: Office, handle: Handle) -> None:
    """The first mail is out, and the timer of the next reminder is armed."""
    for _ in range(200):
        if mailbox.to(office.client_email) and (await cost(handle))[0] >= 11:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not mailed")


async def test_the_plain_path_costs_no_more_than_nineteen_events_and_five_actions(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office, mailbox: Mailbox
) -> None:
    order = office.order()
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
        await mailed(mailbox, office, handle)
        await handle.signal(ShareToSign.sign, signature(handle, order))
        assert await handle.result() is RequestState.SIGNED
    assert await cost(handle) <= (19, 5)


async def test_a_second_signer_costs_one_signal_and_one_round_of_local_activities(
    engine: Client, make_one_worker: WorkerMaker, database: Database, office: Office, mailbox: Mailbox
) -> None:
    staff = await provider(database, office)
    order = replace(office.order(), seats=(Seat(office.party), Seat(staff)))
    async with make_one_worker():
        handle = await start(engine, order)
        await in_the_chart(database, order, handle)
        await mailed(mailbox, office, handle)
        before = await cost(handle)
        await handle.signal(ShareToSign.sign, signature(handle, order, by=staff))
        for _ in range(200):
            if (await cost(handle))[0] >= before[0] + 7:
                break
            await asyncio.sleep(0.05)
        after = await cost(handle)
        await handle.signal(ShareToSign.sign, signature(handle, order))
        assert await handle.result() is RequestState.SIGNED
    events, billed = after[0] - before[0], after[1] - before[1]
    # signal, workflow task, marker, and the timer set anew
    assert events <= 7
    assert billed <= 3
