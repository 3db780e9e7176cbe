"""SPEC A7, N1, D6: the main job with canaries for whatever is somebody's; then a look at all that leaves the chart.

Each look is a function of its own, and the last test plants a leak in front of each to see that it would be found.
"""

import asyncio
import base64
import math
import re
import shutil
import smtplib
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from activities.ask import workflow_id
from chart.audit import SERVICE
from chart.ids import DocumentId, RequestId
from chart.lifecycle import ON_ITS_WAY
from gateways import temporal
from gateways.keys import read_keys
from identity import totp
from tests.papers import drawing_json, paper
from tests.whole import Whole, running, soon, store_of
from workflows.share_to_sign import ShareToSign
from workflows.signals import Extend

PASSWORD = "canarypassword-amber-canoe-heron"
ADDRESS = "127.66.77.88"
"""Where all requests come from; all of 127.0.0.0/8 is this machine."""

CANARIES = {
    "given name": "Canarygiven",
    "family name": "Canaryfamily",
    "account's name": "Canaryholder",
    "birth date": "1931-07-19",
    "external id": "canary-ehr-4711",
    "email": "canarymailbox",
    "password": PASSWORD,
    "note name": "Canarynote",
    "title": "Canarytitle",
    "text of the note": "Canarytext",
    "file name": "Canaryfile",
    "typed name": "Canarysignature",
    "strokes": '"strokes"',
    "reason of a recall": "Canaryrecall",
    "reason of a decline": "Canarydecline",
    "correction": "Canarycorrection",
    "reason of hiding": "Canaryhiding",
    "reason of a new version": "Canaryversion",
    "reason of a block": "Canaryblock",
    "reason of an end": "Canaryended",
    "reason of a restriction": "Canaryrestriction",
    "reason of breaking the glass": "Canaryglass",
    "recipient": "Canaryrecipient",
    "purpose": "Canarypurpose",
    "attempt": "Canaryattempt",
    "on paper": "Canarypaper",
    "search": "Canarysearch",
    "address": ADDRESS,
    "forwarded for": "203.0.113.66",
    "user agent": "Canaryagent",
    "field that is not asked for": "Canaryextra",
    "kind of document": "Progress Note",
    "staff": "Maya Chen",
    "practice": "Harbor Counseling",
}


def forms(canary: str) -> set[bytes]:
    """As it may be written: plain, in an address, and within something in base64, wherever it begins."""
    plain = canary.encode()
    # of each place in a group of three bytes, the letters that it alone decides
    shifted = (
        base64.b64encode(b"x" * before + plain)[math.ceil(4 * before / 3) : 4 * (before + len(plain)) // 3]
        for before in range(3)
    )
    return {plain, quote(canary).encode(), *shifted}


FORMS = {what: forms(canary) for what, canary in CANARIES.items()}


def found_in(content: bytes | str) -> set[str]:
    """Which canaries are there."""
    written = content if isinstance(content, bytes) else content.encode()
    return {what for what, ways in FORMS.items() if any(way in written for way in ways)}


class Collector(ThreadingHTTPServer):
    """Takes traces as OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[bytes] = []


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.taken.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


# -- the main job


@dataclass
class Job:
    """The main job and what goes with it, told over HTTP by programs and browsers."""

    whole: Whole
    answers: list[httpx2.Response] = field(default_factory=list)
    """To programs."""
    pages: list[httpx2.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        key = self.whole.facts()["api_key"]
        api = self.whole.address("api")
        self.staff = self._client(api + "/api/v1", self.answers, authorization=f"Bearer {key}")
        self.maya = self._client(api + "/api/v1", self.answers)
        self.portal = self._client(api + "/api/v1/portal", self.answers)
        self.browser = self._client(api, self.pages, accept="text/html", origin=api)
        self.email = f"{CANARIES['email']}@demo.example"

    def _client(self, base: str, seen: list[httpx2.Response], **headers: str) -> httpx2.Client:
        def keep(answer: httpx2.Response) -> None:
            answer.read()
            seen.append(answer)

        return httpx2.Client(
            base_url=base,
            headers={"user-agent": CANARIES["user agent"], "x-forwarded-for": CANARIES["forwarded for"], **headers},
            timeout=30,
            transport=httpx2.HTTPTransport(local_address=ADDRESS),
            event_hooks={"response": [keep]},
        )

    def close(self) -> None:
        for client in (self.staff, self.maya, self.portal, self.browser):
            client.close()

    def do(self) -> None:
        self.register()
        self.sign()
        self.sign_what_cannot_be_sealed()
        self.decline()
        self.end_otherwise()
        self.share()
        self.disclose()
        self.go_wrong()
        self.look_at_pages()
        self.restrict()

    def register(self) -> None:
        new = {
            "given_name": CANARIES["given name"],
            "family_name": CANARIES["family name"],
            "birth_date": CANARIES["birth date"],
            "external_id": CANARIES["external id"],
        }
        # twice at once, so that the database has something to complain about
        with ThreadPoolExecutor(2) as both:
            added = list(both.map(lambda _: self.staff.post("/clients", json=new), range(2)))
        self.client_id = next(one.json()["id"] for one in added if one.status_code == HTTPStatus.CREATED)
        invitee = {"email": self.email, "name": CANARIES["account's name"]}
        self.get(self.staff.post(f"/clients/{self.client_id}/invitations", json=invitee))
        assert soon(self.mails)
        token = self.mails()[0]["text"].split("/portal/register#")[1].split()[0]
        self.get(self.staff.post("/portal/registrations", json={"token": token, "password": PASSWORD}))
        session = self.get(self.portal.post("/sessions", json={"email": self.email, "password": PASSWORD}))
        self.portal.headers["authorization"] = f"Bearer {session['token']}"
        self.get(self.portal.get("/consent"))
        self.portal.post("/consent")
        refused = f"refuse5-{CANARIES['email']}@demo.example"  # the relay repeats it in its answer
        self.get(self.staff.post(f"/clients/{self.client_id}/invitations", json=invitee | {"email": refused}))
        self.browser.post("/portal/sign-in/forgotten", data={"email": self.email})
        self.account = self.get(self.staff.get(f"/clients/{self.client_id}/access"))["access"][0]["account_id"]

    def get(self, answer: httpx2.Response) -> Any:
        """What it says, if it is no error."""
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def mails(self) -> list[dict[str, Any]]:
        return self.whole.mails_to(self.email)

    def file(self, **more: str) -> dict[str, Any]:
        filed: dict[str, Any] = self.get(
            self.staff.post(
                f"/clients/{self.client_id}/documents",
                files={"file": (f"{CANARIES['file name']}.pdf", self.paper(), "application/pdf")},
                data=more or {"kind": "clinical_note", "note_name": CANARIES["note name"]},
            )
        )
        return filed

    def paper(self) -> bytes:
        return paper(f"{CANARIES['title']} {CANARIES['text of the note']}")

    def ask(self, **terms: object) -> tuple[dict[str, Any], str]:
        document = self.file()
        asked = self.get(self.staff.post(f"/documents/{document['id']}/share-to-sign", json=terms))
        assert soon(lambda: self.portal.get(f"/documents/{document['id']}").is_success)
        return document, str(asked["request_id"])

    def answer(self, document: dict[str, Any], mark: dict[str, object]) -> httpx2.Response:
        body = {"sha256": document["sha256"], "intends": True, **mark}
        return self.portal.post(f"/documents/{document['id']}/signature", json=body)

    def state(self, request_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(self.staff.get(f"/requests/{request_id}"))
        return found

    def becomes_signed(self, document: dict[str, Any]) -> bool:
        return soon(lambda: self.staff.get(f"/documents/{document['id']}/signed").is_success)

    def sign(self) -> None:
        marks: tuple[dict[str, object], ...] = ({"typed_name": CANARIES["typed name"]}, {"drawing": drawing_json()})
        for mark in marks:
            self.document, self.request_id = self.ask()
            self.get(self.answer(self.document, mark))
            assert self.becomes_signed(self.document)
        self.signed = self.portal.get(f"/documents/{self.document['id']}/file")
        file = {"file": (f"{CANARIES['file name']}.pdf", self.signed.content, "application/pdf")}
        self.verified = self.staff.post("/verifications", files=file)
        message = self.get(self.portal.get("/messages"))["messages"][0]
        self.get(self.portal.get(f"/messages/{message['id']}"))

    def sign_what_cannot_be_sealed(self) -> None:
        """The request needs attention, says why, and goes on."""
        document, request_id = self.ask()
        path = store_of(self.whole.data).path(document["sha256"])
        path.rename(path.with_suffix(".away"))
        self.get(self.answer(document, {"typed_name": CANARIES["typed name"]}))
        assert soon(lambda: self.state(request_id)["attention"])
        path.with_suffix(".away").rename(path)
        self.get(self.staff.post(f"/requests/{request_id}/resume"))
        assert self.becomes_signed(document)

    def decline(self) -> None:
        for words in (
            {"reason": CANARIES["reason of a decline"]},
            {"reason": CANARIES["correction"], "correction": True},
        ):
            document, _ = self.ask()
            self.get(self.portal.post(f"/documents/{document['id']}/decline", json=words))

    def end_otherwise(self) -> None:
        today = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
        unable = {"reason": CANARIES["attempt"], "attempts": [{"on": today, "how": CANARIES["attempt"]}]}
        for way, body in (
            ("recall", {"reason": CANARIES["reason of a recall"]}),
            ("unable-to-obtain", unable),
            ("signed-on-paper", {"reason": CANARIES["on paper"], "signed_on": today, "before_service": True}),
        ):
            _, request_id = self.ask()
            self.get(self.staff.post(f"/requests/{request_id}/{way}", json=body))
        document, request_id = self.ask(reminder_days=[3, 7])
        self.get(self.staff.post(f"/requests/{request_id}/reminders", json={"days": [2]}))
        self.staff.post(f"/requests/{request_id}/remind")
        asyncio.run(self.let_expire(document, request_id))
        assert soon(lambda: self.state(request_id)["state"] == "expired")
        document, _ = self.ask()
        self.get(
            self.staff.post(
                f"/documents/{document['id']}/versions",
                files={"file": (f"{CANARIES['file name']}.pdf", self.paper(), "application/pdf")},
                data={"reason": CANARIES["reason of a new version"]},
            )
        )

    async def let_expire(self, document: dict[str, Any], request_id: str) -> None:
        """As the service tells its engine: nobody waits here until the next day."""
        secrets = dict(line.split("=", 1) for line in (self.whole.data / "secrets.env").read_text().splitlines())
        keys = read_keys(secrets["STS_PAYLOAD_KEYS"], "STS_PAYLOAD_KEYS")
        engine = await Client.connect(self.whole.address("temporal"), data_converter=temporal.data_converter(keys))
        handle = engine.get_workflow_handle(workflow_id(DocumentId(UUID(document["id"]))))
        over = datetime.now(UTC) - ON_ITS_WAY
        await handle.signal(ShareToSign.extend, Extend(RequestId(UUID(request_id)), SERVICE, over))

    def share(self) -> None:
        """From here on to somebody who reads Spanish."""
        self.get(self.portal.put("/language", json={"language": "es"}))
        shared = self.file()
        self.get(self.staff.post(f"/documents/{shared['id']}/share"))
        hide = {"reason": CANARIES["reason of hiding"], "exception": "privacy"}
        self.get(self.staff.post(f"/documents/{shared['id']}/hide", json=hide))
        blocked = {"account_id": self.account, "reason": CANARIES["reason of a block"]}
        self.get(self.staff.post(f"/documents/{shared['id']}/blocks", json=blocked))
        self.get(self.staff.post("/clients/search", json={"words": CANARIES["search"]}))
        documents = [self.file()["id"] for _ in range(2)]
        started = self.staff.post("/bulk-shares", json={"act": "share_to_sign", "documents": documents})
        path = started.headers["location"].removeprefix("/api/v1")

        def asked() -> bool:
            found = self.staff.get(path)
            return found.is_success and {item["outcome"] for item in found.json()["items"]} == {"asked"}

        assert soon(asked)

    def disclose(self) -> None:
        """A chemical dependency plan under a consent, and what is taken along of the chart."""
        plan = self.file(kind="chemical_dependency_treatment_plan")
        today = str(date.today() - timedelta(days=1))  # noqa: DTZ011 - any day that has begun everywhere
        consent = {
            "recipient": CANARIES["recipient"],
            "what": CANARIES["title"],
            "purpose": CANARIES["purpose"],
            "starts_on": today,
            "ends_when": CANARIES["attempt"],
            "signed_on": today,
            "signed_how": "on_paper",
        }
        chart = f"/clients/{self.client_id}"
        given = self.get(self.staff.post(f"{chart}/disclosure-consents", json=consent))
        copy = self.staff.post(f"/documents/{plan['id']}/disclosures", json={"consent_id": given["id"]})
        self.downloads = [copy, self.signed]
        for register in ("audit", "disclosures"):
            self.downloads += [self.staff.get(f"{chart}/{register}/{form}") for form in ("csv", "json", "pdf")]
        why = {"reason": CANARIES["reason of an end"]}
        self.get(self.staff.post(f"{chart}/disclosure-consents/{given['id']}/revoke", json=why))

    def go_wrong(self) -> None:
        """Whatever is refused, each with a canary where it does not fit."""
        before = len(self.answers)
        family, path = CANARIES["family name"], f"/clients/{self.client_id}"
        whole = {"given_name": family, "family_name": family, "birth_date": "1990-01-01"}
        self.staff.post("/clients", json=whole | {"birth_date": family})
        self.staff.post("/clients", json={"given_name": 7, "extra": CANARIES["field that is not asked for"]})
        self.staff.post("/clients", content=f'{{"family_name": "{family}'.encode())
        self.staff.post("/clients", json=whole | {"given_name": f"{family}\0"})
        self.staff.post("/clients", json=whole | {"external_id": CANARIES["external id"]})
        self.staff.get(f"/clients/{family}")
        self.staff.get(f"/requests?show={family}")
        self.staff.get(f"/{family}")
        self.portal.post("/sessions", json={"email": self.email, "password": family})
        self.portal.post("/session/authentication", json={"password": family})
        self.portal.post(f"/documents/{self.document['id']}/signature", json={"signer": family, "ip_address": ADDRESS})
        for kind in (CANARIES["note name"], "document"):
            content = CANARIES["text of the note"].encode()
            file = {"file": (f"{CANARIES['file name']}.pdf", content, "application/pdf")}
            self.staff.post(f"{path}/documents", files=file, data={"kind": kind})
        invitee = {"email": self.email, "name": CANARIES["account's name"]}
        self.staff.post(f"{path}/invitations", json=invitee)
        self.staff.post(f"{path}/invitations", json=invitee | {"email": f"{family} at home"})
        self.errors = [answer for answer in self.answers[before:] if answer.is_error]

    def browse(self, address: str, credentials: dict[str, str]) -> None:
        """Sign in with the browser."""
        entered = {"email": credentials["email"], "password": credentials["password"]}
        answer = self.browser.post(address, data=entered)
        if key := credentials.get("authenticator"):
            self.keep_cookies()
            code = totp.code(base64.b32decode(key.replace(" ", "")), totp.step_at(datetime.now(UTC)))
            answer = self.browser.post(f"{address}/second-factor", data={"code": code})
        assert answer.status_code == HTTPStatus.SEE_OTHER
        self.keep_cookies()

    def keep_cookies(self) -> None:
        """By hand: they are secure, and this is plain HTTP."""
        cookies = self.browser.cookies.jar
        self.browser.headers["cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies)

    def look_at_pages(self) -> None:
        """What links on the pages say, on both sides, and where their answers lead."""
        self.browse("/sign-in", self.whole.sign_in("staff", "auditor"))
        for path in ("/audit", f"/audit?chart={self.client_id}", f"/charts/{self.client_id}/documents"):
            assert not self.browser.get(path).is_error, path
        entries = self.get(self.staff.get("/audit"))["entries"]
        self.auditor = next(one["actor"] for one in entries if one["actor"].startswith("staff:")).partition(":")[2]
        self.browse("/sign-in", self.whole.sign_in("staff", "Maya Chen"))
        self.maya.headers["cookie"] = self.browser.headers["cookie"]
        chart = f"/charts/{self.client_id}"
        searched = self.browser.post("/charts", data={"words": CANARIES["family name"]})
        assert CANARIES["family name"] in searched.text
        self.browser.post("/charts/new", data={"given_name": CANARIES["given name"], "family_name": ""})
        why = {"reason": CANARIES["reason of hiding"]}
        self.browser.post(f"{chart}/documents/{self.document['id']}/hide", data=why)
        for path in (
            *("/", "/charts", chart, f"{chart}/documents", f"{chart}/consents", "/requests", "/account"),
            *(f"{chart}/requests/{self.request_id}", f"{chart}/documents/{self.document['id']}"),
        ):
            assert not self.browser.get(path).is_error, path
        self.browse("/portal/sign-in", {"email": self.email, "password": PASSWORD})
        inbox = self.browser.get("/portal/inbox")
        message = re.search(r'href="(/portal/inbox/[0-9a-f-]{36})', inbox.text)
        assert message
        for path in (
            *("/portal", "/portal/documents", "/portal/preferences", "/portal/account", message[1]),
            f"/portal/documents/{self.document['id']}",
        ):
            assert not self.browser.get(path).is_error, path

    def restrict(self) -> None:
        chart = f"/clients/{self.client_id}"
        restricted = {"reason": CANARIES["reason of a restriction"], "care_team": [self.auditor]}
        self.get(self.staff.put(f"{chart}/restriction", json=restricted))
        assert self.maya.get(chart).status_code == HTTPStatus.FORBIDDEN
        broken = {"reason": CANARIES["reason of breaking the glass"]}
        self.get(self.maya.post(f"{chart}/break-glass", json=broken))
        self.get(self.maya.get(chart))
        self.staff.delete(f"{chart}/restriction")
        ended = {"reason": CANARIES["reason of an end"]}
        self.get(self.staff.post(f"{chart}/access/{self.account}/end", json=ended))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Whole]:
    """Everything, at its most talkative."""
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "STS_LOG_LEVEL": "DEBUG",
    }
    with running(tmp_path_factory.mktemp("whole"), **variables) as started:
        yield started


@pytest.fixture(scope="module")
def job(whole: Whole) -> Iterator[Job]:
    told = Job(whole)
    try:
        told.do()
        assert soon(lambda: len(told.mails()) >= 9)
        yield told
    finally:
        told.close()


# -- the looks: where a canary was found, and which


Found = dict[str, set[str]]


def told_of(contents: Iterator[tuple[str, bytes | str]]) -> Found:
    return {where: found for where, content in contents if (found := found_in(content))}


def in_logs(whole: Whole) -> Found:
    """Standard output and error of every process."""
    return told_of((path.name, path.read_bytes()) for path in (whole.data / "logs").iterdir())


def in_mail(whole: Whole) -> Found:
    """All but the address that it goes to."""
    addressed = (b"to:", b"x-envelope-to:", b"x-rcptto:")
    return told_of(
        (
            path.name,
            b"\n".join(line for line in path.read_bytes().splitlines() if not line.lower().startswith(addressed)),
        )
        for path in (whole.data / "mail").glob("*.eml")
    )


async def in_histories(whole: Whole) -> Found:
    """Read by a client without our keys: events, ids, search attributes, memo, summaries and current details.

    As bytes: in JSON a payload stands in base64.
    """
    engine = await Client.connect(whole.address("temporal"))
    stored = []
    async for workflow in engine.list_workflows():
        handle = engine.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        history = await handle.fetch_history()
        stored += [(workflow.id, event.SerializeToString()) for event in history.events]
        stored += [(workflow.id, workflow.raw_info.SerializeToString())]
        stored += [(workflow.id, (await handle.describe()).raw_description.SerializeToString())]
    assert len(stored) > 100
    return told_of(iter(stored))


def in_engines_database(whole: Whole, copy: Path) -> Found:
    """Every value of every table."""
    copy.mkdir()
    for path in whole.data.glob("temporal.db*"):
        shutil.copy(path, copy / path.name)

    def values(database: sqlite3.Connection) -> Iterator[tuple[str, bytes | str]]:
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in database.execute(f"select * from {table}"):
                for value in row:
                    yield table, value if isinstance(value, bytes) else str(value)

    with closing(sqlite3.connect(copy / "temporal.db")) as database:
        read = list(values(database))
    assert len(read) > 1000
    return told_of(iter(read))


def in_store(whole: Whole) -> Found:
    """Content and names of what is stored."""
    files = [path for path in (whole.data / "documents").rglob("*") if path.is_file()]
    assert len(files) >= 10
    return told_of((path.name, path.read_bytes() + str(path.relative_to(whole.data)).encode()) for path in files)


def in_traces(collector: Collector) -> Found:
    return told_of((f"batch {number}", body) for number, body in enumerate(list(collector.taken)))


def in_metrics(whole: Whole) -> Found:
    told = {of: httpx2.get(whole.address(of)).text for of in ("api_metrics", "worker_metrics")}
    assert all("sts_" in text for text in told.values())
    return told_of(iter(told.items()))


# -- what was seen


def test_the_canaries_are_in_the_chart(job: Job) -> None:
    """So that it means something not to find them elsewhere."""
    shown = b"".join(answer.content for answer in (*job.answers, *job.pages))
    names = {"given name", "family name", "account's name", "birth date", "external id", "email", "note name", "staff"}
    reasons = {"reason of a recall", "recipient", "attempt", "on paper"}
    assert names | reasons <= found_in(shown)


def test_each_way_of_writing_a_canary_is_known() -> None:
    family = CANARIES["family name"].encode()
    for around in (b"", b"a", b"ab", b"abc"):
        assert found_in(base64.b64encode(around + family + b"xyz")) == {"family name"}
    assert found_in(quote(CANARIES["practice"])) == {"practice"}


def test_no_log_of_any_process_has_one(job: Job) -> None:
    logs = {path.name: path.read_bytes() for path in (job.whole.data / "logs").iterdir()}
    assert {"api.log", "worker.log", "postgres.log", "mail.log", "temporal.log"} <= logs.keys()
    assert b"DEBUG" in logs["worker.log"]
    assert b"DEBUG" in logs["api.log"]
    assert in_logs(job.whole) == {}


def test_no_mail_has_one_but_its_address(job: Job) -> None:
    assert len(job.mails()) >= 9
    assert in_mail(job.whole) == {}


def test_no_address_has_one(job: Job) -> None:
    """Where answers lead, what pages link to or send to, and what mail links to."""
    told = [answer.headers["location"] for answer in (*job.answers, *job.pages) if "location" in answer.headers]
    attribute = r'(?:href|src|srcset|action)="([^"]*)"|data-\w+="((?:/|http)[^"]*)"'
    linked = ["".join(link) for page in job.pages for link in re.findall(attribute, page.text)]
    mailed = re.findall(r"https?://\S+", str(job.mails()))
    assert min(len(told), len(linked), len(mailed)) > 8
    assert told_of((address, address) for address in (*told, *linked, *mailed)) == {}


def test_no_page_puts_what_is_typed_into_an_address(job: Job) -> None:
    """A form that is sent by GET asks for nothing but ids, days and choices."""
    asked = set()
    for page in job.pages:
        for form in re.findall(r'<form[^>]*method="get".*?</form>', page.text, re.DOTALL):
            asked |= set(re.findall(r"<input[^>]*>", form))
    assert [one for one in asked if 'type="date"' not in one and "pattern=" not in one] == []


def test_no_name_of_a_download_has_one(job: Job) -> None:
    assert len(job.downloads) == 8
    for download in job.downloads:
        assert download.is_success, download.text
        assert found_in(download.headers["content-disposition"]) == set()


def test_a_verification_tells_nothing_of_the_signer(job: Job) -> None:
    assert job.verified.json()["valid"] is True
    assert found_in(job.verified.content) == set()


def test_no_error_has_one(job: Job) -> None:
    assert len(job.errors) >= 14
    for error in job.errors:
        assert found_in(error.content + str(error.headers).encode()) == set(), error.text


async def test_no_history_has_one_as_the_engine_stores_it(job: Job) -> None:
    engine = await Client.connect(job.whole.address("temporal"))
    kinds = {(workflow.run_id, workflow.workflow_type) async for workflow in engine.list_workflows()}
    assert (job.request_id, "ShareToSign") in kinds
    assert len({kind for _, kind in kinds}) >= 4
    assert await in_histories(job.whole) == {}


def test_the_engines_database_has_none(job: Job, tmp_path: Path) -> None:
    assert in_engines_database(job.whole, tmp_path / "copy") == {}


def test_the_store_has_none(job: Job) -> None:
    assert in_store(job.whole) == {}
    for path in (job.whole.data / "documents").rglob("*"):
        assert job.document["sha256"] not in path.name
        assert path.is_dir() or b"%PDF" not in path.read_bytes()


def test_no_metric_has_one(job: Job) -> None:
    assert in_metrics(job.whole) == {}


def test_no_trace_has_one(job: Job, collector: Collector) -> None:
    def names() -> set[str]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in list(collector.taken)]
        scopes = [scope for request in requests for part in request.resource_spans for scope in part.scope_spans]
        return {span.name for scope in scopes for span in scope.spans}

    wanted = {"POST /api/v1/portal/documents/{document_id}/signature", "StartWorkflow:ShareToSign", "RunActivity:stamp"}
    assert soon(lambda: wanted <= names())
    assert in_traces(collector) == {}
    assert not any(b"127.0.0.1" in body for body in collector.taken)


# -- the control: each look finds what is there


async def test_a_leak_would_be_found_wherever_it_was(job: Job, collector: Collector, tmp_path: Path) -> None:
    whole, family = job.whole, CANARIES["family name"]
    # who asks for payloads without being an operator is in the log with the address, by design
    refused = httpx2.Client(transport=httpx2.HTTPTransport(local_address=ADDRESS))
    with refused:
        assert refused.post(f"{whole.address('api')}/codec/decode").status_code == HTTPStatus.UNAUTHORIZED
    assert soon(lambda: in_logs(whole) == {"api.log": {"address"}})

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "no-reply@portal.localhost", job.email, f"For {family}"
    mail.set_content("Your Progress Note", cte="base64")
    host, port = whole.address("smtp").split(":")
    with smtplib.SMTP(host, int(port)) as relay:
        relay.send_message(mail)
    assert list(in_mail(whole).values()) == [{"family name", "kind of document"}]

    engine = await Client.connect(whole.address("temporal"))
    planted = {
        "an argument": {"arg": family},
        "a memo": {"memo": {"of": family}},
        "a summary": {"static_summary": family},
        "details": {"static_details": family},
        "a search attribute": {
            "search_attributes": TypedSearchAttributes([SearchAttributePair(temporal.PRACTICE, family)])
        },
    }
    for where, given in planted.items():
        await engine.start_workflow("Nothing", id=where, task_queue="nobody", **given)  # type: ignore[arg-type]
    await engine.start_workflow("Nothing", id=f"of {family}", task_queue="nobody")
    assert (await in_histories(whole)).keys() == {*planted, f"of {family}"}
    assert in_engines_database(whole, tmp_path / "copy").keys() >= {"executions", "executions_visibility"}

    (whole.data / "documents" / "leak").write_bytes(job.paper() + family.encode())
    assert in_store(whole).keys() == {"leak"}
    httpx2.post(f"http://127.0.0.1:{collector.server_port}/v1/traces", content=f"span of {family}".encode())
    assert list(in_traces(collector).values()) == [{"family name"}]
