"""The mail catcher, over real SMTP and HTTP."""

import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.ports import Ports, choose

CLONE = Path(__file__).parent.parent.parent
PORTAL = "http://portal.localhost:8080"


class Catcher:
    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.page = httpx2.Client(base_url=f"http://127.0.0.1:{ports.mail}", trust_env=False)

    def send(self, to: str, text: str = "Hello", *, html: str | None = None) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "no-reply@portal.localhost", to, "News <b>for</b> you"
        mail["X-Kind"] = "test"
        mail.set_content(text)
        if html:
            mail.set_content(html, subtype="html")
        with smtplib.SMTP("127.0.0.1", self.ports.smtp) as relay:
            relay.send_message(mail)

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.get("/api/messages").json()
        return found

    def shown(self) -> str:
        return self.page.get(f"/mails/{self.messages()[0]['id']}").text


@contextmanager
def running(folder: Path) -> Iterator[Catcher]:
    ports = choose(0)
    words = ["--folder", str(folder), "--smtp-port", str(ports.smtp), "--page-port", str(ports.mail)]
    command = [sys.executable, "-m", "local.mailbox", *words, "--portal-url", PORTAL]
    with subprocess.Popen(command, cwd=CLONE) as process:
        catcher = Catcher(ports)
        try:
            with catcher.page:
                for _ in range(200):
                    try:
                        catcher.messages()
                        break
                    except httpx2.TransportError:
                        time.sleep(0.05)
                yield catcher
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catcher]:
    with running(tmp_path_factory.mktemp("mail")) as catcher:
        yield catcher


def test_a_mail_is_listed_with_what_it_says(catcher: Catcher) -> None:
    before = len(catcher.messages())
    catcher.send("kim@example.org", "Grüße – and a line that is longer than any transport would leave it " * 3)
    newest, *others = catcher.messages()
    assert len(others) == before
    assert newest["to"] == ["kim@example.org"]
    assert newest["from"] == "no-reply@portal.localhost"
    assert newest["subject"] == "News <b>for</b> you"
    assert newest["text"].startswith("Grüße – and")
    assert newest["headers"]["X-Kind"] == "test"
    assert newest["received"].endswith("+00:00")
    assert catcher.page.get(f"/api/messages/{newest['id']}").json() == newest
    assert "News &lt;b&gt;for&lt;/b&gt; you" in catcher.page.get("/").text


def test_mail_outlives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as catcher:
        catcher.send("kim@example.org", "still here")
    with running(tmp_path) as catcher:
        assert [message["text"].strip() for message in catcher.messages()] == ["still here"]


def test_what_a_mail_says_is_text_and_never_html(catcher: Catcher) -> None:
    catcher.send("kim@example.org", html="<script>alert(1)</script><img src=x>")
    page = catcher.shown()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


def test_only_links_into_the_portal_can_be_clicked(catcher: Catcher) -> None:
    links = [
        f"{PORTAL}/inbox?a=1&b=2",
        f"{PORTAL}@evil.example/",
        f"{PORTAL}80/",
        "https://evil.example/",
        "javascript:1",
    ]
    catcher.send("kim@example.org", "\n".join([*links, f"({PORTAL})."]))
    page = catcher.shown()
    assert page.count("<a rel") == 2
    assert f'href="{PORTAL}/inbox?a=1&amp;b=2"' in page
    assert f'href="{PORTAL}">{PORTAL}</a>).' in page


def test_the_page_allows_no_script_and_nothing_from_elsewhere(catcher: Catcher) -> None:
    policy = catcher.page.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert catcher.page.get("/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(("address", "code"), [("refuse5.kim@example.org", 550), ("refuse4@example.org", 451)])
def test_an_address_can_be_refused(catcher: Catcher, address: str, code: int) -> None:
    before = catcher.messages()
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        catcher.send(address)
    assert refused.value.recipients[address][0] == code
    assert catcher.messages() == before


@pytest.mark.parametrize("path", ["/mails/nothing", "/api/messages/nothing", "/api/messages/..%2f..%2fetc"])
def test_what_is_not_there_is_not_found(catcher: Catcher, path: str) -> None:
    assert catcher.page.get(path).status_code == 404


def test_a_broken_mail_is_shown_all_the_same(catcher: Catcher) -> None:
    raw = b"From: a\r\nSubject: =?nonsense?q?x?=\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nca\xff\r\n"
    with smtplib.SMTP("127.0.0.1", catcher.ports.smtp) as relay:
        relay.sendmail("a@example.org", ["kim@example.org"], raw)
    assert "ca" in catcher.messages()[0]["text"]
    assert catcher.page.get("/").status_code == 200
