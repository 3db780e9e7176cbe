"""The mail catcher: takes every mail by SMTP on loopback, keeps it as a file, and shows it in the browser.

An address whose local part begins with `refuse5` is refused for good (550), one with `refuse4` for now (451),
so that what follows from it can be seen. Mails come from outside: they are shown as text, never as HTML.
"""

import argparse
import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import escape
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette  # FastAPI's core: starts in a quarter of its time
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.codes import codes
from local.ports import LOOPBACK

_LARGEST_MAIL = 10_000_000  # bytes
_PARSER = BytesParser(policy=policy.default)
_ID_TIME = "%Y%m%dT%H%M%S%f"
_ID = re.compile(r"\d{8}T\d{12}-[0-9a-f]{6}")
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]']")
_ENVELOPE_TO = "X-Envelope-To"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2937 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .5rem; border-bottom: 1px solid #e5e7eb; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Mail:
    """A mail that was received; its id tells when and sorts by it."""

    id: str
    message: EmailMessage

    @property
    def received(self) -> datetime:
        """When it came in."""
        return datetime.strptime(self.id.split("-", maxsplit=1)[0], _ID_TIME).replace(tzinfo=UTC)

    @property
    def to(self) -> list[str]:
        """Whom the envelope named; the mail itself may say something else."""
        return str(self.message[_ENVELOPE_TO]).split(", ")

    @property
    def text(self) -> str:
        """The body: its plain text, or the source of its HTML if it has no other."""
        body = self.message.get_body(("plain", "html"))
        if body is None:
            return ""
        try:
            return str(body.get_content())
        except (LookupError, ValueError):  # a charset or an encoding that does not exist
            return str(body.get_payload())

    def as_json(self) -> dict[str, object]:
        """What `/api/messages` says of it."""
        return {
            "id": self.id,
            "to": self.to,
            "from": str(self.message["From"] or ""),
            "subject": str(self.message["Subject"] or ""),
            "received": self.received.isoformat(),
            "text": self.text,
            "headers": {name: str(value) for name, value in self.message.items() if name != _ENVELOPE_TO},
        }


class Mailbox:
    """Mails as files in a folder, one `.eml` each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def mails(self) -> list[Mail]:
        """All of them, the newest first."""
        return [self._read(file) for file in sorted(self._folder.glob("*.eml"), reverse=True)]

    def mail(self, id_: str) -> Mail | None:
        """The one with that id."""
        file = self._folder / f"{id_}.eml"
        return self._read(file) if _ID.fullmatch(id_) and file.exists() else None

    def put(self, envelope: Envelope) -> None:
        """Keep what came in by SMTP; it is on disk when this returns."""
        id_ = f"{datetime.now(UTC).strftime(_ID_TIME)}-{secrets.token_hex(3)}"
        unfinished = self._folder / f".{id_}.new"
        addressed = f"{_ENVELOPE_TO}: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        unfinished.write_bytes(addressed + (envelope.original_content or b""))
        unfinished.rename(self._folder / f"{id_}.eml")

    def _read(self, file: Path) -> Mail:
        return Mail(file.stem, _PARSER.parsebytes(file.read_bytes()))


class _Reception:
    """What the SMTP server asks for each mail (the names are aiosmtpd's)."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("refuse5"):
            return "550 5.1.1 No such mailbox"
        if address.startswith("refuse4"):
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self._mailbox.put(envelope)
        return "250 2.0.0 Kept"


def application(mailbox: Mailbox, *, smtp_port: int, ours: Sequence[str], demo: Path | None) -> Starlette:
    """The inbox page and its JSON; while it runs, the SMTP server runs with it.

    Links that begin with one of `ours` can be clicked. `demo` tells whose authenticator apps it plays.
    """

    @asynccontextmanager
    async def receiving(_: Starlette) -> AsyncIterator[None]:
        reception = _Reception(mailbox)
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(reception, hostname="localhost", data_size_limit=_LARGEST_MAIL, enable_SMTPUTF8=True),
            LOOPBACK,
            smtp_port,
        )
        async with server:
            yield

    def found(request: Request) -> Mail:
        if mail := mailbox.mail(request.path_params["id"]):
            return mail
        raise HTTPException(404, "There is no such mail.")

    def inbox(_: Request) -> Response:
        return _page("Mail inbox", _phones(demo) + _inbox(mailbox.mails()))

    def show(request: Request) -> Response:
        mail = found(request)
        return _page(str(mail.message["Subject"] or "No subject"), _mail(mail, ours))

    def messages(_: Request) -> Response:
        return JSONResponse([mail.as_json() for mail in mailbox.mails()])

    def message(request: Request) -> Response:
        return JSONResponse(found(request).as_json())

    paths = {"/": inbox, "/mails/{id}": show, "/api/messages": messages, "/api/messages/{id}": message}
    return Starlette(
        routes=[Route(path, answer) for path, answer in paths.items()],
        lifespan=receiving,
        # a page elsewhere must not read the mails by pointing a name of its own at this machine
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost", "*.localhost"])],
    )


def _page(title: str, body: str) -> HTMLResponse:
    head = '<!doctype html><html lang="en"><meta charset="utf-8">'
    head += f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return HTMLResponse(f"{head}<h1>{escape(title)}</h1>{body}", headers=_HEADERS)


def _phones(demo: Path | None) -> str:
    shown = codes(demo, datetime.now(UTC)) if demo else []
    if not shown:
        return ""
    rows = "".join(f"<tr><td>{escape(one.who)}<td><strong>{one.code}</strong>" for one in shown)
    heads = f"<tr><th>Authenticator app of<th>Code for the next {shown[0].seconds} s; each works once"
    return f"<table>{heads}{rows}</table>"


def _inbox(mails: list[Mail]) -> str:
    if not mails:
        return "<p>No mail yet. Everything Share to Sign sends on this machine arrives here. Reload to look again.</p>"
    rows = "".join(
        f"<tr><td>{mail.received:%Y-%m-%d %H:%M:%S} UTC<td>{escape(', '.join(mail.to))}"
        f'<td><a href="/mails/{mail.id}">{escape(str(mail.message["Subject"] or "No subject"))}</a>'
        for mail in mails
    )
    return f"<table><tr><th>Received<th>To<th>Subject{rows}</table>"


def _mail(mail: Mail, ours: Sequence[str]) -> str:
    sender, to = escape(str(mail.message["From"] or "")), escape(", ".join(mail.to))
    facts = f"From {sender}<br>To {to}<br>{mail.received:%Y-%m-%d %H:%M:%S} UTC"
    return f'<p>{facts}</p><pre>{"".join(_linked(mail.text, ours))}</pre><p><a href="/">All mail</a></p>'


def _linked(text: str, ours: Sequence[str]) -> Iterator[str]:
    """`text` as HTML in which only addresses of ours can be clicked."""
    end = 0
    for match in _URL.finditer(text):
        yield escape(text[end : match.start()])
        url, end = match.group(), match.end()
        # `http://portal.localhost:8080@elsewhere` begins with the portal's address too
        clicked = any(url == one or url.startswith((f"{one}/", f"{one}?", f"{one}#")) for one in ours)
        yield f'<a rel="noreferrer" href="{escape(url)}">{escape(url)}</a>' if clicked else escape(url)
    yield escape(text[end:])


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m local.mailbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the mails are kept")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--page-port", type=int, required=True)
    parser.add_argument("--portal-url", required=True, help="links that begin with it can be clicked")
    parser.add_argument("--chart-url", help="likewise")
    parser.add_argument("--demo", type=Path, help="file that tells the keys of the demo's authenticator apps")
    words = parser.parse_args()
    ours = [one for one in (words.portal_url, words.chart_url) if one]
    app = application(Mailbox(words.folder), smtp_port=words.smtp_port, ours=ours, demo=words.demo)
    uvicorn.run(app, host=LOOPBACK, port=words.page_port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
