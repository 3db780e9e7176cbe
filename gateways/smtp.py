"""The mail relay: hand over one message, and tell a refusal from a bad moment."""

import asyncio
import re
from dataclasses import dataclass, field
from email.message import EmailMessage

import aiosmtplib

from gateways import metrics
from settings import Settings


class AddressRefused(Exception):
    """The relay will never take mail for this address (a 5xx answer, RFC 5321 4.2.1); somebody must correct it."""


class RelayUnavailable(Exception):
    """A temporary failure (4xx, time-out, no connection): worth another try later."""


@dataclass(frozen=True)
class Relay:
    """How to reach the mail relay."""

    host: str
    port: int
    security: str
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)
    seconds: float = 8.0
    """For one mail in all, however many answers it takes; shorter than the step that sends it may take."""

    @classmethod
    def of(cls, settings: Settings) -> "Relay":
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        return cls(settings.smtp_host, settings.smtp_port, settings.smtp_security, settings.smtp_username, password)

    async def send(self, message: EmailMessage) -> None:
        """Hand `message` over.

        Errors: `AddressRefused` for a 5xx on the recipient, `RelayUnavailable` for everything that may pass.
        The texts of both hold the answer's code only, since relays like to repeat the address.
        """
        outcome = "delayed"
        try:
            await self._hand_over(message)
            outcome = "sent"
        except AddressRefused:
            outcome = "refused"
            raise
        finally:
            metrics.MAILS.labels(outcome).inc()

    async def _hand_over(self, message: EmailMessage) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await aiosmtplib.send(
                    message,
                    hostname=self.host,
                    port=self.port,
                    username=self.username,
                    password=self.password,
                    use_tls=self.security == "tls",
                    start_tls=self.security == "starttls",
                    timeout=None,
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _refusal(refused.recipients[0]) from None
        except aiosmtplib.SMTPDataError as answer:
            raise _refusal(answer) from None
        except (aiosmtplib.SMTPException, OSError) as failure:
            # also where the relay refuses us or our sender: that is mended in the settings, and then retried
            raise RelayUnavailable(type(failure).__name__) from None


def _refusal(answer: aiosmtplib.SMTPResponseException) -> AddressRefused | RelayUnavailable:
    """Of the address or of us: relays say 5xx of both; the enhanced code tells (RFC 3463 3.2: 5.1 is addressing)."""
    enhanced = re.match(r"5\.(\d+)\.\d+", answer.message)
    of_address = enhanced.group(1) == "1" if enhanced else answer.code in {550, 551, 553}
    if answer.code >= 500 and of_address:
        return AddressRefused(f"answer {answer.code}")
    return RelayUnavailable(f"answer {answer.code}")
