"""SPEC N3: which answers of a mail relay are for good and which may pass; neither repeats whom the mail was for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from activities.notify import mail
from gateways.smtp import AddressRefused, Relay, RelayUnavailable
from tests.conftest import free_port

ADDRESS = "canary@demo.example"


@dataclass
class Answers:
    """What a relay says of a recipient, and of a mail."""

    rcpt: str = "250 OK"
    data: str = "250 OK"
    pause: float = 0.0

    async def handle_RCPT(self, _s: SMTP, _e: Session, envelope: Envelope, address: str, _o: list[str]) -> str:
        await asyncio.sleep(self.pause)
        envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        await asyncio.sleep(self.pause)
        return self.data


@contextmanager
def answering(answers: Answers) -> Iterator[Relay]:
    controller = Controller(answers, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield Relay("127.0.0.1", controller.port, "none", None, None)
    finally:
        controller.stop()


def a_mail() -> EmailMessage:
    return mail(
        sender="no-reply@portal.localhost",
        to=ADDRESS,
        key="k",
        at="Mon, 02 Nov 2026 10:00:00 +0000",
        subject="s",
        body="b",
    )


@pytest.mark.parametrize("where", ["rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (f"550 5.1.1 {ADDRESS} is no mailbox of ours", AddressRefused),
        (f"550 {ADDRESS} is no mailbox of ours", AddressRefused),
        ("553 mailbox name not allowed", AddressRefused),
        ("550 5.7.1 relaying denied", RelayUnavailable),
        ("554 5.7.1 looks like spam", RelayUnavailable),
        ("554 no", RelayUnavailable),
        (f"450 4.2.1 {ADDRESS} is busy", RelayUnavailable),
        ("451 4.3.0 try again later", RelayUnavailable),
    ],
)
async def test_a_refusal_of_the_address_is_for_good_and_everything_else_may_pass(
    where: str, answer: str, error: type[Exception]
) -> None:
    answers = Answers(rcpt=answer) if where == "rcpt" else Answers(data=answer)
    with answering(answers) as relay, pytest.raises(error) as told:
        await relay.send(a_mail())
    assert str(told.value) == f"answer {answer[:3]}"


async def test_a_relay_may_not_take_longer_than_the_step_that_waits_for_it() -> None:
    """Each of its answers in time, and all of them together not."""
    with answering(Answers(pause=0.6)) as relay, pytest.raises(RelayUnavailable):
        await replace(relay, seconds=1.0).send(a_mail())


async def test_where_no_relay_is_it_may_come_back() -> None:
    with pytest.raises(RelayUnavailable):
        await Relay("127.0.0.1", free_port(), "none", None, None).send(a_mail())
