"""Invite: the email with the single-use link to an account in the Client Portal (SPEC A1)."""

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from temporalio import activity

from activities.notify import mail
from gateways.smtp import AddressRefused, Relay

SUBJECT = "Your invitation to the Client Portal"

BODY = """\
You are invited to the Client Portal.

Choose a password here within seven days:
{link}

If you did not expect this email, you can ignore it.
"""


@dataclass(frozen=True)
class InvitationMail:
    invitation_id: str
    email: str = field(repr=False)
    token: str = field(repr=False)
    created_at: datetime


@activity.defn(name="mail_invitation")
@dataclass(frozen=True)
class MailInvitation:
    relay: Relay
    mail_from: str
    portal_url: str

    async def __call__(self, invitation: InvitationMail) -> bool:
        """Send the invitation; False if the address is refused.

        The token stands behind `#`, which browsers keep to themselves: no server log or trace has it.
        """
        link = f"{self.portal_url}/portal/register#{invitation.token}"
        letter = mail(
            sender=self.mail_from,
            to=invitation.email,
            key=invitation.invitation_id,
            at=format_datetime(invitation.created_at),
            subject=SUBJECT,
            body=BODY.format(link=link),
        )
        try:
            await self.relay.send(letter)
        except AddressRefused:
            return False
        return True
