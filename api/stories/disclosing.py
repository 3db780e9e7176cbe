"""Substance use disorder records to others than the client: consents, copies, the ledger (42 CFR Part 2, SPEC S9)."""

import asyncio
import hashlib

import pdf
from api.exports import Cell, Register
from api.resources import Resources
from api.stories.charts import Download
from chart import audit, client, disclosure, document, request
from chart.audit import Action
from chart.disclosure import Consent, ConsentId, Disclosure, Terms
from chart.document import type_label
from chart.ids import ClientId, DocumentId
from chart.refusals import KindRefused
from gateways.postgres import Transaction
from identity.caller import PracticeSide


async def consents(resources: Resources, caller: PracticeSide, client_id: ClientId) -> list[Consent]:
    """All of a chart, newest first; those that have ended too."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_CHART, chart=client_id)
        return await disclosure.of_chart(transaction, client_id)


async def of_opened(
    resources: Resources, caller: PracticeSide, opened: ClientId
) -> tuple[list[Consent], list[Disclosure]]:
    """Consents and ledger of a chart that the same look has opened: it stands in the audit log already."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, opened)
        return await disclosure.of_chart(transaction, opened), await disclosure.ledger(transaction, opened)


async def record(resources: Resources, caller: PracticeSide, client_id: ClientId, terms: Terms) -> Consent:
    """Keep a consent that the client has signed. From its first day on it opens what it covers to its recipient."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        made = await disclosure.record(transaction, caller.practice, client_id, terms, caller.actor)
        await _note(transaction, caller, Action.RECORDED_CONSENT, made)
        return made


async def revoke(
    resources: Resources, caller: PracticeSide, client_id: ClientId, consent_id: ConsentId, reason: str
) -> Consent:
    """End a consent; what it opened is closed at once. What was disclosed before stays in the ledger."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        ended = await disclosure.revoke(transaction, client_id, consent_id, reason=reason, by=caller.actor)
        await _note(transaction, caller, Action.REVOKED_CONSENT, ended)
        return ended


async def _note(transaction: Transaction, caller: PracticeSide, action: Action, changed: Consent) -> None:
    await audit.record(
        transaction,
        caller.practice,
        caller.actor,
        action,
        chart=changed.client_id,
        document=changed.terms.document_id,
        consent=str(changed.id),
    )
    if changed.terms.account_id:
        await request.announce_those_asking(transaction, caller.practice, changed.client_id, changed.terms.account_id)


async def copy_for(
    resources: Resources, caller: PracticeSide, document_id: DocumentId, consent_id: ConsentId
) -> Download:
    """The copy that staff hands to the recipient of a consent, with the notice; from then on it is in the ledger."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        found = await document.find(transaction, document_id)
        consent = await disclosure.find(transaction, found.client_id, consent_id)
    if not found.part_2 or not consent.covers(found):
        raise KindRefused(
            "This consent does not cover this document today. Record a consent that names the recipient and covers it."
        )
    sha256 = found.signed_sha256 or found.sha256
    content = await resources.storage.get(sha256)
    if not found.signed_sha256:
        content = await asyncio.to_thread(pdf.with_notice, content)
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await audit.record(
            transaction,
            caller.practice,
            caller.actor,
            Action.DISCLOSED,
            chart=found.client_id,
            document=document_id,
            sha256=sha256,
            copy_sha256=hashlib.sha256(content).hexdigest(),
            consent=str(consent_id),
        )
    return Download(content, document.file_name(document_id, signed=found.signed_sha256 is not None))


async def ledger(resources: Resources, caller: PracticeSide, client_id: ClientId) -> list[Disclosure]:
    """What went to anybody else than the client, oldest first."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.VIEWED_CHART, chart=client_id)
        return await disclosure.ledger(transaction, client_id)


async def export(resources: Resources, caller: PracticeSide, client_id: ClientId) -> Register:
    """The ledger, for the client who asks to whom their records went (45 CFR 164.528)."""
    async with resources.database.practice(caller.practice, caller.actor) as transaction:
        await client.find(transaction, client_id)
        await audit.record(transaction, caller.practice, caller.actor, Action.EXPORTED_DISCLOSURES, chart=client_id)
        lines = await disclosure.ledger(transaction, client_id)
    return Register(
        title="Disclosures",
        about=f"Chart {client_id}: what went to others than the client, oldest first. Times are UTC.",
        file_name=f"disclosures-{str(client_id)[-12:]}",
        columns=("at", "recipient", "relationship", "what", "document", "act", "consent", "purpose", "sha256"),
        rows=[_row(line) for line in lines],
    )


def _row(line: Disclosure) -> tuple[Cell, ...]:
    return (
        line.at.isoformat(),
        line.recipient,
        line.relationship,
        type_label(line.kind, line.note_name),
        str(line.document_id),
        line.act,
        str(line.consent_id) if line.consent_id else None,
        line.purpose,
        line.sha256,
    )
