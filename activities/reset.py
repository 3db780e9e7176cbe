"""Reset: the email with the single-use link to a new password (SPEC A1, N1)."""

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from uuid import UUID

from temporalio import activity

from activities.notify import mail
from gateways.smtp import AddressRefused, Relay

SUBJECT = {
    "en": "Choose a new password",
    "es": "Elija una contraseña nueva",
}

BODY = {
    "en": """\
Somebody, probably you, has asked for a new password.

Choose it here within an hour:
{link}

If you did not ask for it, you can ignore this email: your password stays as it is.
""",
    "es": """\
Alguien, probablemente usted, ha pedido una contraseña nueva.

Elíjala aquí en el plazo de una hora:
{link}

Si no la ha pedido, puede ignorar este correo: su contraseña sigue igual.
""",
}


@dataclass(frozen=True)
class ResetMail:
    id: UUID
    email: str = field(repr=False)
    address: str = field(repr=False)
    """Of the page that takes the token."""
    token: str = field(repr=False)
    language: str
    asked_at: datetime


@activity.defn(name="mail_reset")
@dataclass(frozen=True)
class MailReset:
    relay: Relay
    mail_from: str

    async def __call__(self, reset: ResetMail) -> None:
        """Send it. `RelayUnavailable` is the engine's to retry; of a refused address there is nobody to tell.

        The token stands behind `#`, which browsers keep to themselves: no server log or trace has it.
        """
        letter = mail(
            sender=self.mail_from,
            to=reset.email,
            key=f"{reset.id}",
            at=format_datetime(reset.asked_at),
            subject=SUBJECT[reset.language],
            body=BODY[reset.language].format(link=f"{reset.address}#{reset.token}"),
            language=reset.language,
        )
        try:
            await self.relay.send(letter)
        except AddressRefused:
            activity.logger.warning("the address of an account was refused")
