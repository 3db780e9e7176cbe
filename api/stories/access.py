"""The practice takes portal access away, and gives it back: a relationship ends, a document is kept from somebody.

What becomes of a request that asks such a person is not decided here: it stays open, cannot be signed by them, and
says so to staff (`chart.request.Barred`), who recall it and share again.
"""

from api.resources import Resources
from chart import audit, block, client, document, relationship, request
from chart.audit import Action
from chart.block import Block
from chart.ids import AccountId, ClientId, DocumentId
from identity import session
from identity.caller import PracticeSide


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
