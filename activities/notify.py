"""Notify: the email that a new portal message is available, and no more (SPEC N1, N3, N5).

What stands in a mail is read by mail programs, relays and whoever holds the phone. So it names nobody
and nothing: no client, practice, title, type or date, and its link signs nobody in.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from temporalio import activity

from chart import audit, client, message, request, schedule
from chart.audit import Action, Actor
from chart.ids import RequestId
from chart.lifecycle import Order
from chart.message import About, Letter, MailState, MessageAbout
from gateways.postgres import Database
from gateways.smtp import AddressRefused, Relay, RelayUnavailable

FIRST = "first"
"""The occasion of the first mail that tells of a message; reminders are `reminder-1`, `reminder-2`, …"""


@dataclass(frozen=True)
class Wording:
    new_message: str
    reminder: str
    body: str
    """Of the first mail."""
    reminding: str
    """Of a reminder: it tells of nothing new."""


IN = {
    "en": Wording(
        new_message="You have a new portal message",
        reminder="Reminder: a portal message waits for you",
        body="""\
A new message is available for you in the Client Portal.

Sign in to read it:
{link}

This mailbox is not read. If you did not expect this email, you can ignore it.
""",
        reminding="""\
A message still waits for you in the Client Portal.

Sign in to read it:
{link}

This mailbox is not read. If you have done what it asks for, or did not expect this email, you can ignore it.
""",
    ),
    "es": Wording(
        new_message="Tiene un mensaje nuevo en el portal",
        reminder="Recordatorio: tiene un mensaje en el portal",
        body="""\
Hay un mensaje nuevo para usted en el Portal del Cliente.

Inicie sesión para leerlo:
{link}

Nadie lee los correos que llegan a esta dirección. Si no esperaba este correo, puede ignorarlo.
""",
        reminding="""\
Un mensaje sigue esperándole en el Portal del Cliente.

Inicie sesión para leerlo:
{link}

Nadie lee los correos que llegan a esta dirección. Si ya hizo lo que se le pide, o no esperaba este correo, puede \
ignorarlo.
""",
    ),
}


@dataclass(frozen=True)
class Notification:
    """Of which message, to whom, on which occasion."""

    order: Order
    request_id: RequestId
    about: MessageAbout
    occasion: str
    parties: tuple[Actor, ...]
    at: datetime
    """Date of the mail, so that a repeated one is the same."""
    in_daytime: bool = False
    """It is not sent before the client's next morning, should it be night there by then (SPEC G9)."""


@activity.defn(name="notify")
@dataclass(frozen=True)
class Notify:
    database: Database
    relay: Relay
    mail_from: str
    portal_url: str

    async def __call__(self, notification: Notification) -> datetime | None:
        """Send what is not sent yet; or when to come again. `RelayUnavailable` is the engine's to retry, for days.

        Each recipient has a checkpoint in the chart. Killed between the send and its record, the mail goes out again
        with the same Message-ID, which mail programs show once.
        """
        now = activity.info().current_attempt_scheduled_time
        if notification.in_daytime and (morning := await self._daytime(notification, now)) > now:
            return morning
        if await self.send(notification):
            raise RelayUnavailable("not every mail was taken")
        return None

    async def _daytime(self, notification: Notification, now: datetime) -> datetime:
        async with self.database.practice(notification.order.practice) as transaction:
            return schedule.daytime(now, await client.zone(transaction, notification.order.client))

    async def send(self, notification: Notification) -> list[Letter]:
        """Try each mail once; those that are to be tried again."""
        left = await self._not_taken(notification)
        states = await asyncio.gather(*(self._try(notification, letter) for letter in left))
        return [letter for letter, state in zip(left, states, strict=True) if state is MailState.DELAYED]

    async def give_up(self, notification: Notification) -> None:
        """Note every mail that was not taken as failed, and tell staff."""
        for letter in await self._not_taken(notification):
            await self._keep(notification, letter, MailState.FAILED)

    async def _not_taken(self, notification: Notification) -> list[Letter]:
        of = notification
        async with self.database.practice(of.order.practice) as transaction:
            letters = await message.letters(transaction, of.request_id, of.about, of.occasion, of.parties)
        return [letter for letter in letters if letter.state not in {MailState.SENT, MailState.REFUSED}]

    async def _try(self, notification: Notification, letter: Letter) -> MailState:
        try:
            await self.relay.send(self._mail(notification, letter))
        except AddressRefused:
            state = MailState.REFUSED
        except RelayUnavailable:
            state = MailState.DELAYED
        else:
            state = MailState.SENT
        await self._keep(notification, letter, state)
        return state

    def _mail(self, notification: Notification, letter: Letter) -> EmailMessage:
        words, again = IN[letter.language], is_reminder(notification.occasion)
        body = words.reminding if again else words.body
        return mail(
            sender=self.mail_from,
            to=letter.email,
            key=f"{letter.message_id}.{notification.occasion}",
            at=format_datetime(notification.at),
            subject=words.reminder if again else words.new_message,
            body=body.format(link=f"{self.portal_url}/portal/inbox/{letter.message_id}"),
            language=letter.language,
        )

    async def _keep(self, notification: Notification, letter: Letter, state: MailState) -> None:
        order, request_id = notification.order, notification.request_id
        async with self.database.practice(order.practice) as transaction:
            if not await message.note_mail(
                transaction, order.practice, letter.message_id, notification.occasion, state
            ):
                return
            # before the audit's lock, as everybody else takes the two
            if state is MailState.SENT and is_reminder(notification.occasion):
                await request.note_reminder(transaction, request_id, notification.at)
            await audit.record(
                transaction,
                order.practice,
                audit.SERVICE,
                ACTIONS[state],
                chart=order.client,
                document=order.document,
                request=request_id,
                to=letter.party,
                about=notification.about,
                occasion=notification.occasion,
            )
            if state in _TOLD:
                await message.tell_staff(transaction, order.practice, request_id, _TOLD[state])
            await request.announce(transaction, order.practice, order.client, request_id)


@activity.defn(name="give_up_mail")
@dataclass(frozen=True)
class GiveUpMail:
    """After days without a relay that takes it: the mail is told to staff, and the request lives on (SPEC N3)."""

    notify: Notify

    async def __call__(self, notification: Notification) -> None:
        await self.notify.give_up(notification)


def is_reminder(occasion: str) -> bool:
    return occasion.startswith("reminder")


ACTIONS = {
    MailState.SENT: Action.MAILED,
    MailState.DELAYED: Action.MAIL_DELAYED,
    MailState.REFUSED: Action.MAIL_REFUSED,
    MailState.FAILED: Action.MAIL_FAILED,
}

_TOLD = {MailState.REFUSED: About.MAIL_REFUSED, MailState.FAILED: About.MAIL_FAILED}


def mail(*, sender: str, to: str, key: str, at: str, subject: str, body: str, language: str = "en") -> EmailMessage:
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
    letter.set_content(body, cte="7bit" if body.isascii() else "quoted-printable")
    letter["Content-Language"] = language  # what is set before the content goes with it
    return letter
