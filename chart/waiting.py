"""The staff queue: requests that wait for somebody, over all charts of the practice (SPEC N4)."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from chart import cursor
from chart.document import Kind, type_label
from chart.ids import ClientId, DocumentId, RequestId
from chart.lifecycle import RequestState
from chart.request import BARRED, LATE, MY_TURN, label
from chart.text import N_
from gateways.postgres import SQL, Transaction


class Filter(StrEnum):
    ALL = "all"
    UNSIGNED = "unsigned"
    """Open, and a signer has been asked."""
    OVERDUE = "overdue"
    """All reminders have gone out, or less than a week is left and less than half of the time that there was."""
    NEEDS_ATTENTION = "needs_attention"
    """Cannot go on, or asks somebody who cannot sign any more."""
    NOT_REGISTERED = "not_registered"
    COUNTER_SIGNATURE = "counter_signature"
    """It is a provider's or supervisor's turn to sign."""


@dataclass(frozen=True)
class Waiting:
    """A line of the queue."""

    request_id: RequestId
    document_id: DocumentId
    client_id: ClientId
    client_name: str = field(repr=False)
    type: str = field(repr=False)
    service_on: date = field(repr=False)
    label: str
    created_at: datetime
    expires_at: datetime
    next_reminder_at: datetime | None
    """None too while it waits for those alone whom nobody reminds by email: colleagues, and who wants no reminders."""
    overdue: bool
    attention: str | None
    barred: bool
    """A signer cannot sign any more."""
    unreached: bool = False
    """The latest email to a signer was refused, or could not be sent for days; the request goes on in the portal."""

    uninvited: bool = False
    """It waits for a registration, and nobody is invited now whom the email has reached."""

    @property
    def why(self) -> str | None:
        """What the practice has to look at, in plain words."""
        if self.attention:
            return self.attention
        if self.barred:
            return N_("A signer cannot sign any more. The request says why, and what can be done.")
        if self.uninvited:
            return N_("Nobody who could register has an invitation. Invite somebody on the Chart Face.")
        return N_("An email does not reach a signer. Tell them in another way.") if self.unreached else None

    @property
    def spot(self) -> "Spot":
        return Spot(self.attention is None and not self.barred, self.expires_at, self.request_id)


@dataclass(frozen=True)
class Spot:
    """Where a line stands in the queue; as a text it is a page's cursor."""

    calm: bool
    """Nothing needs attention."""
    expires_at: datetime
    request_id: UUID

    def __str__(self) -> str:
        return f"{self.calm:d}-{cursor.written(self.expires_at)}-{self.request_id.hex}"

    @classmethod
    def read(cls, text: str) -> "Spot":
        calm, at, asked = cursor.read("([01])-" + cursor.MOMENT + "-([0-9a-f]{32})", text)
        return cls(calm == "1", cursor.moment(at), UUID(asked))


async def queue(
    transaction: Transaction, chosen: Filter, *, after: Spot | None = None, limit: int = 200
) -> list[Waiting]:
    """What expires first stands first; what needs attention before all."""
    spot = (after.calm, after.expires_at, after.request_id) if after else (None, None, None)
    return [
        Waiting(
            request_id=row["request_id"],
            document_id=row["document_id"],
            client_id=row["client_id"],
            client_name=row["client_name"],
            type=type_label(Kind(row["kind"]), row["note_name"]),
            service_on=row["service_on"],
            label=label(
                RequestState(row["state"]),
                attention=row["attention"] is not None,
                viewed=row["viewed"],
                correction=False,
                signed=row["signed"],
                seats=row["seats"],
                late=row["late"],
            ),
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            next_reminder_at=row["next_reminder_at"],
            overdue=row["overdue"],
            attention=row["attention"],
            barred=row["barred"],
            unreached=row["unreached"],
            uninvited=row["uninvited"],
        )
        for row in await transaction.fetch(QUEUE, chosen, limit, *spot)
    ]


QUEUE = SQL(
    """
with open as (
    select q.id as request_id, q.document_id, q.client_id, c.given_name || ' ' || c.family_name as client_name, d.kind,
        d.note_name, d.service_on, q.state, q.attention, q.created_at, q.expires_at, """
    + LATE
    + """ as late,
        (
            select min(r) from unnest(q.reminders) r where r > now() and r < q.expires_at and exists (
                select from signer mine join portal_account a on a.id = mine.account_id
                where mine.request_id = q.id and (a.reminders or not p.reminders_optional) and """
    + MY_TURN
    + """
            )
        ) as next_reminder_at,
        q.state = 'pending' and (
            q.expires_at < now() + least(interval '7 days', (q.expires_at - q.created_at) / 2)
            or (cardinality(q.reminders) > 0 and now() > (select max(r) from unnest(q.reminders) r))
        ) as overdue,
        s.viewed, s.seats, s.signed, s.barred, exists (
            select from signer mine where mine.request_id = q.id and mine.staff_id is not null and """
    + MY_TURN
    + """
        ) as staff_waits
    from signature_request q join document d on d.id = q.document_id join client c on c.id = q.client_id
    join practice p on p.id = q.practice_id
    join lateral (
        select bool_or(s.viewed_at is not null and s.account_id is not null) as viewed, count(*)::int as seats,
            (count(*) filter (where s.state = 'signed'))::int as signed,
            coalesce(bool_or(("""
    + BARRED
    + """) is not null), false) as barred
        from signer s where s.request_id = q.id
    ) s on true
    where q.ended_at is null
)
select *, exists (
    select from signer s where s.request_id = open.request_id and s.state = 'waiting' and (
        select l.state from mail l join message m on m.id = l.message_id
        where m.request_id = s.request_id and m.account_id = s.account_id order by l.at desc limit 1
    ) in ('refused', 'failed')
) as unreached, state = 'awaiting_registration' and not exists (
    select from invitation i
    where i.client_id = open.client_id and i.used_at is null and i.revoked_at is null and i.expires_at > now()
        and coalesce(i.mail, '') not in ('refused', 'failed')
) as uninvited
from open
where case $1
    when 'unsigned' then state = 'pending'
    when 'overdue' then overdue
    when 'needs_attention' then attention is not null or barred
    when 'not_registered' then state = 'awaiting_registration'
    when 'counter_signature' then staff_waits
    else true
end
and ($3::boolean is null or (attention is null and not barred, expires_at, request_id) > ($3, $4, $5))
order by attention is null and not barred, expires_at, request_id limit $2
"""
)
