"""Invite: the email with the single-use link to an account in the Client Portal (SPEC A1)."""

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from uuid import UUID

from temporalio import activity

from activities.notify import ACTIONS, mail
from chart import audit, message, request
from chart.ids import ClientId, PracticeId
from chart.message import About, MailState
from gateways.postgres import SQL, Database
from gateways.smtp import AddressRefused, Relay, RelayUnavailable

SUBJECT = {
    "en": "Your invitation to the Client Portal",
    "es": "Su invitación al Portal del Cliente",
}

BODY = {
    "en": """\
You are invited to the Client Portal.

Choose a password here within seven days:
{link}

If you did not expect this email, you can ignore it.
""",
    "es": """\
Recibió una invitación al Portal del Cliente.

Elija una contraseña aquí en el plazo de siete días:
{link}

Si no esperaba este correo, puede ignorarlo.
""",
}


@dataclass(frozen=True)
class InvitationMail:
    practice: PracticeId
    client: ClientId
    invitation_id: UUID
    email: str = field(repr=False)
    token: str = field(repr=False)
    created_at: datetime


@activity.defn(name="mail_invitation")
@dataclass(frozen=True)
class MailInvitation:
    database: Database
    relay: Relay
    mail_from: str
    portal_url: str

    async def __call__(self, invitation: InvitationMail) -> None:
        """Send the invitation, and keep what became of it where staff sees it (SPEC N3).

        `RelayUnavailable` is the engine's to retry. The token stands behind `#`, which browsers keep to themselves: no
        server log or trace has it.
        """
        async with self.database.practice(invitation.practice) as transaction:
            (row,) = await transaction.fetch(LANGUAGES, invitation.email)
        languages = _languages(row["account"], row["practice"])
        link = f"{self.portal_url}/portal/register#{invitation.token}"
        letter = mail(
            sender=self.mail_from,
            to=invitation.email,
            key=f"{invitation.invitation_id}",
            at=format_datetime(invitation.created_at),
            subject=" / ".join(SUBJECT[one] for one in languages),
            body="\n---\n\n".join(BODY[one].format(link=link) for one in languages),
            language=", ".join(languages),
        )
        try:
            await self.relay.send(letter)
        except AddressRefused:
            await note(self.database, invitation, MailState.REFUSED)
        except RelayUnavailable:
            await note(self.database, invitation, MailState.DELAYED)
            raise
        else:
            await note(self.database, invitation, MailState.SENT)


def _languages(of_account: str | None, of_practice: str) -> list[str]:
    """The account's; of whoever has none nobody knows, so every one, the practice's first."""
    return [of_account] if of_account else sorted(BODY, key=lambda one: one != of_practice)


@activity.defn(name="give_up_invitation")
@dataclass(frozen=True)
class GiveUpInvitation:
    """The link is good for seven days; after them there is nothing to send any more."""

    database: Database

    async def __call__(self, invitation: InvitationMail) -> None:
        await note(self.database, invitation, MailState.FAILED)


async def note(database: Database, invitation: InvitationMail, state: MailState) -> None:
    """Keep what became of the email. Staff is told where it reaches nobody, unless it was taken back or sent again."""
    practice, chart = invitation.practice, invitation.client
    async with database.practice(practice) as transaction:
        stands = await transaction.fetchval(NOTE, invitation.invitation_id, state)
        if stands is None:
            return
        await audit.record(transaction, practice, audit.SERVICE, ACTIONS[state], chart=chart)
        if stands and state in _TOLD:
            await message.tell_of_chart(transaction, practice, chart, _TOLD[state])
        await request.announce_chart(transaction, practice, chart)


_TOLD = {MailState.REFUSED: About.INVITATION_REFUSED, MailState.FAILED: About.INVITATION_FAILED}


# of whoever has an account of this address, and the practice's
LANGUAGES = SQL("""
select a.language as account, p.language as practice
from practice p left join portal_account a on a.practice_id = p.id and lower(a.email) = lower($1)
where p.id = current_practice()
""")

NOTE = SQL("""
update invitation set mail = $2 where id = $1 and mail is distinct from $2 and mail is distinct from 'sent'
returning revoked_at is null and used_at is null
""")
