"""Reset: the email with a link to a password or to a second factor (SPEC A1, N1)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from uuid import UUID

from temporalio import activity

from activities.notify import mail
from gateways.smtp import AddressRefused, Relay


class Occasion(StrEnum):
    """Why there is a mail."""

    FORGOTTEN = "forgotten"
    INVITED = "invited"
    """To the staff of a practice."""
    FACTORS_TAKEN = "factors taken"
    """Somebody of the staff has lost every second factor."""
    FACTORS_OFFERED = "factors offered"
    """A client has lost every second factor."""
    FACTORS_REPLACED = "factors replaced"
    """And has set a new one, of which this mail tells: it has no link."""

    @property
    def lasts(self) -> timedelta:
        """How long the link is good, so how long it is worth sending."""
        return {
            Occasion.FORGOTTEN: timedelta(hours=1),
            Occasion.INVITED: timedelta(days=7),
            Occasion.FACTORS_TAKEN: timedelta(days=1),
            Occasion.FACTORS_OFFERED: timedelta(days=1),
            Occasion.FACTORS_REPLACED: timedelta(days=1),
        }[self]


@dataclass(frozen=True)
class Wording:
    subject: str
    body: str


IN = {
    ("en", Occasion.FORGOTTEN): Wording(
        "Choose a new password",
        """\
Somebody, probably you, has asked for a new password.

Choose it here within an hour:
{link}

If you did not ask for it, you can ignore this email: your password stays as it is.
""",
    ),
    ("es", Occasion.FORGOTTEN): Wording(
        "Elija una contraseña nueva",
        """\
Alguien, probablemente usted, pidió una contraseña nueva.

Elíjala aquí en el plazo de una hora:
{link}

Si no la pidió, puede ignorar este correo: su contraseña sigue igual.
""",
    ),
    ("en", Occasion.INVITED): Wording(
        "Your access to the Chart Room",
        """\
An administrator has invited you to the Chart Room.

Choose a password here within seven days:
{link}

Then you sign in and add a second factor. If you did not expect this email, you can ignore it.
""",
    ),
    ("es", Occasion.INVITED): Wording(
        "Su acceso a la Sala de expedientes",
        """\
Un administrador le dio acceso a la Sala de expedientes.

Elija una contraseña aquí en el plazo de siete días:
{link}

Después inicie sesión y agregue un segundo factor. Si no esperaba este correo, puede ignorarlo.
""",
    ),
    ("en", Occasion.FACTORS_TAKEN): Wording(
        "Your second factor was removed",
        """\
An administrator has removed your second factor, so that you can add a new one. You are signed out everywhere.

Sign in with your password, then use this link within a day:
{link}

If you did not ask for this, do not use the link, and tell your administrators at once.
""",
    ),
    ("es", Occasion.FACTORS_TAKEN): Wording(
        "Se quitó su segundo factor",
        """\
Un administrador quitó su segundo factor para que pueda agregar uno nuevo. Se cerraron todas sus sesiones.

Inicie sesión con su contraseña y después use este enlace en el plazo de un día:
{link}

Si no lo pidió, no use el enlace y avise enseguida a sus administradores.
""",
    ),
    ("en", Occasion.FACTORS_OFFERED): Wording(
        "Add a new second factor",
        """\
Your practice was told that you have lost your second factor and your recovery codes. You are signed out everywhere.

Sign in with your password, then use this link within a day to add a new one:
{link}

Until then your old one counts, and signing in with it ends this link. If you did not ask for this, do not use the \
link, and call your practice at once.
""",
    ),
    ("es", Occasion.FACTORS_OFFERED): Wording(
        "Agregue un segundo factor nuevo",
        """\
Se avisó a su consultorio de que usted perdió su segundo factor y sus códigos de recuperación. Se cerraron todas \
sus sesiones.

Inicie sesión con su contraseña y después use este enlace en un plazo de un día para agregar uno nuevo:
{link}

Hasta entonces vale el anterior, y si inicia sesión con él, este enlace termina. Si no lo pidió, no use el enlace y \
llame enseguida a su consultorio.
""",
    ),
    ("en", Occasion.FACTORS_REPLACED): Wording(
        "You have a new second factor",
        """\
A new second factor was added to your account, and all older ones and their recovery codes ended.

If it was not you, call your practice at once.
""",
    ),
    ("es", Occasion.FACTORS_REPLACED): Wording(
        "Tiene un segundo factor nuevo",
        """\
Se agregó un segundo factor nuevo a su cuenta, y terminaron todos los anteriores con sus códigos de recuperación.

Si no fue usted, llame enseguida a su consultorio.
""",
    ),
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
    occasion: Occasion = Occasion.FORGOTTEN


@activity.defn(name="mail_reset")
@dataclass(frozen=True)
class MailReset:
    relay: Relay
    mail_from: str

    async def __call__(self, reset: ResetMail) -> None:
        """Send it. `RelayUnavailable` is the engine's to retry; of a refused address there is nobody to tell.

        The token stands behind `#`, which browsers keep to themselves: no server log or trace has it.
        """
        words = IN[reset.language, reset.occasion]
        letter = mail(
            sender=self.mail_from,
            to=reset.email,
            key=f"{reset.id}",
            at=format_datetime(reset.asked_at),
            subject=words.subject,
            body=words.body.format(link=f"{reset.address}#{reset.token}"),
            language=reset.language,
        )
        try:
            await self.relay.send(letter)
        except AddressRefused:
            activity.logger.warning("the address of an account was refused")
