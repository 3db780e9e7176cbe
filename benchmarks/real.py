"""The real arm: Share to Sign over the API, the mail, the review, the signature over the portal's API."""

import asyncio
import io
import math
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_string, policy
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from reportlab.lib.pagesizes import LETTER
from reportlab.pdfgen.canvas import Canvas

from activities.ask import workflow_id
from benchmarks.arm import PATIENCE, Told
from benchmarks.whole import Whole
from chart.ids import DocumentId

PASSWORD = "amber-canoe-lilac-heron"  # noqa: S105 – of people who live as long as the benchmark
UPLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Person:
    """A client with an account in the portal, signed in, and documents that wait to be shared."""

    client_id: str
    email: str
    portal: httpx2.AsyncClient
    documents: deque[dict[str, Any]] = field(default_factory=deque)
    shared: deque[dict[str, Any]] = field(default_factory=deque)


class Mails:
    """Mails as the catcher keeps them, a file each.

    Read from its folder: its page reads every mail it has for each answer, which would be measured too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: defaultdict[str, deque[str]] = defaultdict(deque)

    async def next_to(self, address: str) -> str:
        """The next mail to `address`."""
        async with asyncio.timeout(PATIENCE):
            while not self._found[address]:
                self._look()
                if not self._found[address]:
                    await asyncio.sleep(0.005)
        return self._found[address].popleft()

    def _look(self) -> None:
        for file in self._folder.glob("*.eml"):
            mail = file.read_text()
            envelope_to, _, _ = mail.partition("\n")
            self._found[envelope_to.partition(": ")[2]].append(mail)
            file.unlink()  # so that looking stays cheap


def _text(mail: str) -> str:
    return str(message_from_string(mail, policy=policy.default).get_content())


class Real:
    name = "real"
    workflow_type = "ShareToSign"

    def __init__(self, whole: Whole, staff: httpx2.AsyncClient, people: list[Person], mails: Mails) -> None:
        self._whole = whole
        self._staff = staff
        self._people = people
        self._mails = mails

    async def prepare(self, counts: list[int]) -> None:
        """Upload the documents, then sign in afresh, as signing asks for within five minutes."""
        at_once = asyncio.Semaphore(UPLOADS_AT_ONCE)

        async def upload(person: Person) -> None:
            async with at_once:
                person.documents.append(await self._upload(person))

        async with asyncio.TaskGroup() as uploads:
            for person, count in zip(self._people, counts, strict=True):
                for _ in range(count):
                    uploads.create_task(upload(person))
        for person in self._people:
            again = await person.portal.post("/session/authentication", json={"password": PASSWORD})
            expect(again, HTTPStatus.NO_CONTENT)

    async def share(self, place: int) -> None:
        person = self._people[place]
        document = person.documents.popleft()
        expect(await self._staff.post(f"/documents/{document['id']}/share-to-sign"), HTTPStatus.ACCEPTED)
        await self._mails.next_to(person.email)
        person.shared.append(document)

    async def sign(self, place: int) -> Told:
        person = self._people[place]
        document = person.shared.popleft()
        path = f"/documents/{document['id']}"
        expect(await person.portal.get(path), HTTPStatus.OK)
        body = {"sha256": document["sha256"], "drawing": DRAWING, "intends": True}
        began = time.perf_counter()
        answer = await person.portal.post(f"{path}/signature", json=body)
        took = time.perf_counter() - began
        expect(answer, HTTPStatus.OK, HTTPStatus.ACCEPTED)
        return Told(workflow_id(DocumentId(document["id"])), took, answer.json()["outcome"] == "signed")

    async def _upload(self, person: Person) -> dict[str, Any]:
        filed = await self._staff.post(
            f"/clients/{person.client_id}/documents",
            files={"file": ("note.pdf", note(), "application/pdf")},
            data={"kind": "clinical_note", "note_name": "Progress Note"},
        )
        document: dict[str, Any] = expect(filed, HTTPStatus.CREATED)
        return document


@asynccontextmanager
async def real(whole: Whole, places: int) -> AsyncIterator[Real]:
    """The arm with a registered client in each place, so that no two lifecycles at once write to one chart."""
    mails = Mails(whole.data / "mail")
    api = whole.addresses["api"] + "/api/v1"
    async with AsyncExitStack() as open_clients:

        async def connection(base_url: str) -> httpx2.AsyncClient:
            return await open_clients.enter_async_context(httpx2.AsyncClient(base_url=base_url, timeout=PATIENCE))

        staff = await connection(api)
        staff.headers["authorization"] = f"Bearer {whole.api_key}"
        people = [await register(staff, await connection(f"{api}/portal"), mails) for _ in range(places)]
        yield Real(whole, staff, people, mails)


async def register(staff: httpx2.AsyncClient, portal: httpx2.AsyncClient, mails: Mails) -> Person:
    """A new client who follows the invitation, signs in and consents."""
    email = f"bench-{uuid4().hex[:12]}@demo.example"
    new = {"given_name": "Bench", "family_name": "Marker", "birth_date": "1990-01-01"}
    client_id = expect(await staff.post("/clients", json=new), HTTPStatus.CREATED)["id"]
    invitee = {"email": email, "name": "Bench Marker"}
    expect(await staff.post(f"/clients/{client_id}/invitations", json=invitee), HTTPStatus.ACCEPTED)
    link = re.search(r"/portal/register#(\S+)", _text(await mails.next_to(email)))
    assert link, "an invitation holds its link"
    chosen = {"token": link.group(1), "password": PASSWORD}
    expect(await portal.post("/registrations", json=chosen), HTTPStatus.CREATED)
    session = expect(await portal.post("/sessions", json={"email": email, "password": PASSWORD}), HTTPStatus.CREATED)
    portal.headers["authorization"] = f"Bearer {session['token']}"
    expect(await portal.post("/consent"), HTTPStatus.NO_CONTENT)
    return Person(client_id, email, portal)


def expect(answer: httpx2.Response, *statuses: HTTPStatus) -> Any:
    """The JSON of `answer`; anything but `statuses` ends the benchmark, since its figures would mean nothing."""
    if answer.status_code not in statuses:
        raise SystemExit(f"{answer.request.method} {answer.request.url} → {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


def note() -> bytes:
    """A note of one page; every one has other bytes."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=LETTER)
    for line in range(30):
        canvas.drawString(72, 700 - 18 * line, f"Line {line} of a progress note as long as notes are. {uuid4()}")
    canvas.save()
    return buffer.getvalue()


def drawing() -> dict[str, Any]:
    """A signature as a pen makes it: two seconds in two strokes, a point each 17 ms."""
    points = [
        {"x": 40.0 + 2.5 * i, "y": 75.0 + 30 * math.sin(i / 4), "t": 17.0 * i, "pressure": 0.5} for i in range(120)
    ]
    return {"width": 400, "height": 150, "strokes": [points[:80], points[80:]]}


DRAWING = drawing()
