"""Blocks: one document kept from one portal account, whatever the account's relationship (SPEC G8)."""

from dataclasses import dataclass, field
from datetime import datetime

from chart.audit import Actor
from chart.ids import AccountId, ClientId, DocumentId
from chart.refusals import NotFound, NotInThisState
from chart.relationship import Relationship, check_reason
from gateways.postgres import SQL, Transaction


@dataclass(frozen=True)
class Block:
    document_id: DocumentId
    account_id: AccountId
    name: str = field(repr=False)
    blocked_by: str
    """The audit's actor."""
    reason: str = field(repr=False)
    created_at: datetime


async def of_document(transaction: Transaction, document_id: DocumentId) -> list[Block]:
    """Whom the document is kept from, oldest block first."""
    return [Block(**row) for row in await transaction.fetch(OF_DOCUMENT, document_id)]


async def of_chart(transaction: Transaction, client_id: ClientId) -> list[Block]:
    """Every block in a client's chart, oldest first."""
    return [Block(**row) for row in await transaction.fetch(OF_CHART, client_id)]


async def block(
    transaction: Transaction, document_id: DocumentId, account_id: AccountId, *, reason: str, by: Actor
) -> bool:
    """Keep the document from the account from now on; False if it is kept from it already."""
    check_reason(reason)
    row = await transaction.fetchrow(CONCERNS, document_id, account_id)
    if row is None:
        raise NotFound("There is no such document in this practice, or this account has nothing to do with its client.")
    if row["kind"] == Relationship.SELF and row["signed"]:
        raise NotInThisState("This document is signed, and a signed copy is never taken away from the client.")
    return await transaction.fetchval(BLOCK, document_id, account_id, by, reason) is not None


async def unblock(transaction: Transaction, document_id: DocumentId, account_id: AccountId) -> bool:
    """Let the account see the document again, as far as it acts for the client; False if it was not blocked."""
    return await transaction.fetchval(UNBLOCK, document_id, account_id) is not None


_SELECT = """
select b.document_id, b.account_id, a.name, b.blocked_by, b.reason, b.created_at
from document_block b join portal_account a on a.id = b.account_id join document d on d.id = b.document_id
"""

OF_DOCUMENT = SQL(_SELECT + "where b.document_id = $1 order by b.created_at, b.account_id")

OF_CHART = SQL(_SELECT + "where d.client_id = $1 order by b.created_at, b.account_id")

# a relationship that has ended counts too: it may begin again
CONCERNS = SQL("""
select r.kind, exists (select from version v where v.document_id = d.id and v.signed_by_request is not null) as signed
from document d join relationship r on r.client_id = d.client_id
where d.id = $1 and r.account_id = $2
""")

BLOCK = SQL("""
insert into document_block (practice_id, document_id, account_id, blocked_by, reason)
select d.practice_id, d.id, $2, $3, $4 from document d where d.id = $1
on conflict (document_id, account_id) do nothing returning account_id
""")

UNBLOCK = SQL("delete from document_block where document_id = $1 and account_id = $2 returning account_id")
