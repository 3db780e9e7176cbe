"""Notify: the email that a new portal message is available, and no more (SPEC N1, N3).

What stands in a mail is read by mail programs, relays and whoever holds the phone. So it names nobody
and nothing: no client, practice, title, type or date, and its link signs nobody in.
"""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from temporalio import activity

from activities.deliver import Delivery
from chart import audit, message
from chart.audit import Action
from gateways.postgres import SQL, Database, Record
from gateways.smtp import AddressRefused, Relay

SUBJECT = "You have a new portal message"

BODY = """\
A new message is available for you in the Client Portal.

Sign in to read it:
{link}

This mailbox is not read. If you did not expect this email, you can ignore it.
"""


@activity.defn(name="notify")
@dataclass(frozen=True)
class Notify:
    database: Database
    relay: Relay
    mail_from: str
    portal_url: str

    async def __call__(self, delivery: Delivery) -> bool:
        """Send the email unless it is known to have been sent or refused; False if the address is refused.

        A temporary failure (`RelayUnavailable`) is the engine's to retry. Killed between the send and its
        record, the mail goes out again with the same Message-ID, which mail programs show once.
        """
        practice = delivery.order.practice
        async with self.database.practice(practice) as transaction:
            row = await transaction.fetchrow(ADDRESSEE, delivery.request_id)
            assert row is not None, "notify follows deliver"
        if row["state"]:
            return bool(row["state"] == "sent")
        try:
            await self.relay.send(self._mail(row))
        except AddressRefused:
            await self._keep(delivery, "refused")
            return False
        await self._keep(delivery, "sent")
        return True

    def _mail(self, row: Record) -> EmailMessage:
        return mail(
            sender=self.mail_from,
            to=row["email"],
            key=f"{row['message_id']}",
            at=format_datetime(row["created_at"]),
            subject=SUBJECT,
            body=BODY.format(link=f"{self.portal_url}/portal/inbox/{row['message_id']}"),
        )

    async def _keep(self, delivery: Delivery, state: str) -> None:
        order, request_id = delivery.order, delivery.request_id
        async with self.database.practice(order.practice) as transaction:
            if not await message.note_mail(transaction, order.practice, request_id, state):
                return
            await audit.record(
                transaction,
                order.practice,
                audit.SERVICE,
                Action.MAILED if state == "sent" else Action.MAIL_REFUSED,
                chart=order.client,
                document=order.document,
                request=request_id,
            )
            if state == "refused":
                await message.tell_staff(transaction, order.practice, request_id, message.About.MAIL_REFUSED)


def mail(*, sender: str, to: str, key: str, at: str, subject: str, body: str) -> EmailMessage:
    """A plain-text mail by a program (RFC 3834).

    Its Message-ID and date come from `key` and `at`, so that a retry is the same mail.
    """
    address = Address(addr_spec=sender)
    letter = EmailMessage()
    letter["From"] = address
    letter["To"] = Address(addr_spec=to)
    letter["Subject"] = subject
    letter["Date"] = at
    letter["Message-ID"] = f"<{key}@{address.domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(body, cte="7bit")
    return letter


ADDRESSEE = SQL("""
select a.email, m.id as message_id, m.created_at, n.state
from message m join portal_account a on a.id = m.account_id left join notice n on n.request_id = m.request_id
where m.request_id = $1
""")
