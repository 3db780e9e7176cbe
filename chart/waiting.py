"""The staff queue: requests that wait for somebody, over all charts of the practice (SPEC N4)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chart.document import Kind, type_label
from chart.ids import ClientId, DocumentId, RequestId
from chart.lifecycle import RequestState
from chart.request import BARRED, label
from chart.text import N_
from gateways.postgres import SQL, Transaction


class Filter(StrEnum):
    ALL = "all"
    UNSIGNED = "unsigned"
    """Open, and a signer has been asked."""
    OVERDUE = "overdue"
    """All reminders have gone out, or the expiry is less than a week away."""
    NEEDS_ATTENTION = "needs_attention"
    """Cannot go on, or asks somebody who has no access any more."""
    NOT_REGISTERED = "not_registered"
    COUNTER_SIGNATURE = "counter_signature"
    """Waits for a provider's or supervisor's signature."""


@dataclass(frozen=True)
class Waiting:
    """A line of the queue."""

    request_id: RequestId
    document_id: DocumentId
    client_id: ClientId
    client_name: str = field(repr=False)
    type: str = field(repr=False)
    label: str
    created_at: datetime
    expires_at: datetime
    next_reminder_at: datetime | None
    overdue: bool
    attention: str | None
    barred: bool
    """A signer has no access any more and cannot sign."""

    @property
    def why(self) -> str | None:
        """What the practice has to look at, in plain words."""
        barred = N_("A signer has no access any more. Recall the request and share again.")
        return self.attention or (barred if self.barred else None)


async def queue(transaction: Transaction, chosen: Filter, limit: int = 200) -> list[Waiting]:
    """What expires first stands first; what needs attention before all."""
    return [
        Waiting(
            request_id=row["request_id"],
            document_id=row["document_id"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            type=type_label(Kind(row["kind"]), row["note_name"]),
            label=label(
                RequestState(row["state"]),
                attention=row["attention"] is not None,
                viewed=row["viewed"],
                correction=False,
                signed=row["signed"],
                seats=row["seats"],
            ),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            next_reminder_at=row["next_reminder_at"],
            overdue=row["overdue"],
            attention=row["attention"],
            barred=row["barred"],
        )
        for row in await transaction.fetch(QUEUE, chosen, limit)
    ]


QUEUE = SQL(
    """
with open as (
    select q.id as request_id, q.document_id, q.client_id, c.given_name || ' ' || c.family_name as client_name, d.kind,
        d.note_name, q.state, q.attention, q.created_at, q.expires_at,
        (select min(r) from unnest(q.reminders) r where r > now()) as next_reminder_at,
        q.state = 'pending' and (
            q.expires_at < now() + interval '7 days'
            or (cardinality(q.reminders) > 0 and now() > (select max(r) from unnest(q.reminders) r))
        ) as overdue,
        s.viewed, s.seats, s.signed, s.staff_waits, s.barred
    from signature_request q join document d on d.id = q.document_id join client c on c.id = q.client_id
    join lateral (
        select bool_or(s.viewed_at is not null) as viewed, count(*)::int as seats,
            (count(*) filter (where s.state = 'signed'))::int as signed,
            bool_or(s.staff_id is not null and s.state = 'waiting') as staff_waits,
            coalesce(bool_or(("""
    + BARRED
    + """) is not null), false) as barred
        from signer s where s.request_id = q.id
    ) s on true
    where q.ended_at is null
)
select * from open
where case $1
    when 'unsigned' then state = 'pending'
    when 'overdue' then overdue
    when 'needs_attention' then attention is not null or barred
    when 'not_registered' then state = 'awaiting_registration'
    when 'counter_signature' then state = 'pending' and staff_waits
    else true
end
order by attention is null and not barred, expires_at, request_id limit $2
"""
)
