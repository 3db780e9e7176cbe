"""The practice takes portal access away, and gives it back: a relationship ends, a document is kept from somebody,
somebody who has lost every second factor comes to a new one.

What becomes of a request that asks such a person is not decided here: it stays open, cannot be signed by them, and
says so to staff (`chart.request.Barred`), who recall it and share again.
"""

from datetime import datetime

from activities.reset import Occasion
from api.resources import Resources
from api.stories import reset as links
from api.stories.accounts import check_fresh
from chart import audit, block, client, document, relationship, request
from chart.audit import Action
from chart.block import Block
from chart.document import check_reason
from chart.ids import AccountId, ClientId, DocumentId
from chart.refusals import NotInThisState
from gateways.postgres import Transaction
from identity import account, person, second_factor, session, throttle
from identity.caller import PracticeSide, StaffMember, Surface

LINK_PAGE = "/portal/sign-in/link"


async def end(
    resources: Resources, caller: PracticeSide, client_id: ClientId, account_id: AccountId, reason: str
) -> None:
    """End an access today, for a reason; whoever is signed in with it is signed out (SPEC A3, G8)."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        await relationship.end(transaction, account_id, client_id, reason=reason, by=caller.actor)
        await session.end_all(transaction, request.party_of(account_id))
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.ENDED_ACCESS,
            chart=client_id,
            account=str(account_id),
        )
        await request.announce_those_asking(transaction, caller.practice, client_id, account_id)


async def second_factors(
    resources: Resources, caller: PracticeSide, client_id: ClientId
) -> dict[AccountId, datetime | None]:
    """Who of those who act for the client has a second factor; and until when a link to a new one is good."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        people = await relationship.of_client(transaction, client_id)
        return await second_factor.helped(transaction, [one.account_id for one in people])


async def offer_new_factors(
    resources: Resources, staff: StaffMember, client_id: ClientId, account_id: AccountId, reason: str
) -> None:
    """Mail somebody who has lost every second factor the way to a new one (docs/decisions/053).

    The reason says how the member of staff knows that it is this person who asks.
    """
    check_fresh(staff)
    check_reason(reason)
    async with resources.database.practice(staff.practice, staff.actor) as transaction:
        await client.find(transaction, client_id)
        acting = await relationship.find(transaction, account_id, client_id)
        await _check_somebody_else(transaction, staff, acting.email)
    await throttle.spend(resources.database, throttle.NEW_FACTORS.of(Surface.PORTAL.party(account_id)))
    async with resources.database.practice(staff.practice, staff.actor) as transaction:
        link = await account.offer_new_factors(transaction, staff.practice, account_id)
        await audit.record(
            transaction,
            staff.practice,
            staff.actor,
            Action.OFFERED_FACTORS,
            chart=client_id,
            account=str(account_id),
            reason=reason,
        )
    address = f"{resources.site(Surface.PORTAL).origin}{LINK_PAGE}"
    await links.send(resources, link, address, Occasion.FACTORS_OFFERED)


async def _check_somebody_else(transaction: Transaction, staff: StaffMember, email: str) -> None:
    """Nobody vouches for themself: who works here may be somebody's parent too."""
    if (await person.find(transaction, staff.actor)).email.lower() == email.lower():
        raise NotInThisState("This is your own address. Ask a colleague to do it.")


async def blocks(resources: Resources, caller: PracticeSide, document_id: DocumentId) -> list[Block]:
    """From whom a document is kept."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        await audit.view(transaction, caller.practice, caller.actor, found.client_id, found.id, sha256=found.sha256)
        return await block.of_document(transaction, document_id)


async def block_document(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, account_id: AccountId, reason: str
) -> Block:
    """Keep one document from one account, whatever its relationship. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        if await block.block(transaction, document_id, account_id, reason=reason, by=caller.actor):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.BLOCKED,
                chart=found.client_id,
                document=document_id,
                account=str(account_id),
            )
            await request.announce_those_asking(transaction, caller.practice, found.client_id, account_id)
        stands = await block.of_document(transaction, document_id)
        return next(one for one in stands if one.account_id == account_id)


async def unblock_document(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, account_id: AccountId
) -> None:
    """Let the account see the document again, as far as it acts for the client. Doing it again changes nothing."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        if await block.unblock(transaction, document_id, account_id):
            await audit.record(
                transaction,
                caller.practice,
                caller.actor,
                Action.UNBLOCKED,
                chart=found.client_id,
                document=document_id,
                account=str(account_id),
            )
            await request.announce_those_asking(transaction, caller.practice, found.client_id, account_id)
