"""SPEC O: processes die at bad moments; nothing is lost and nothing happens twice."""

import signal
from collections.abc import Iterator
from http import HTTPStatus
from typing import Self
from uuid import uuid4

import httpx2
import pytest

from tests.papers import drawing_json, paper
from tests.whole import Whole, running, soon


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("whole")) as started:
        yield started


class Story:
    """One request of its own, told over HTTP: a canary client with a canary document."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.staff = httpx2.Client(
            base_url=whole.address("api") + "/api/v1",
            headers={"authorization": f"Bearer {whole.facts()['api_key']}"},
            timeout=30,
        )
        self.client_id = self._register()
        self.document = self._upload()
        self.client = httpx2.Client(base_url=whole.address("api") + "/api/v1/portal", timeout=30)
        session = self.client.post("/sessions", json={"email": self.email, "password": "amber-canoe-lilac-heron"})
        self.client.headers["authorization"] = f"Bearer {session.json()['token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.staff.close()
        self.client.close()

    def _register(self) -> str:
        self.email = f"canary-{uuid4().hex[:8]}@demo.example"
        new = {"given_name": "Quinn", "family_name": "Canaryname", "birth_date": "1990-01-01"}
        client_id = str(self.staff.post("/clients", json=new).json()["id"])
        invitee = {"email": self.email, "name": "Quinn Canaryname"}
        assert self.staff.post(f"/clients/{client_id}/invitations", json=invitee).status_code == HTTPStatus.ACCEPTED
        assert soon(lambda: self.whole.mails_to(self.email)), "no invitation came"
        token = self.whole.mails_to(self.email)[0]["text"].split("/portal/register#")[1].split()[0]
        body = {"token": token, "password": "amber-canoe-lilac-heron"}
        registered = self.staff.post("/portal/registrations", json=body)
        assert registered.status_code == HTTPStatus.CREATED
        return client_id

    def _upload(self) -> dict[str, str]:
        filed = self.staff.post(
            f"/clients/{self.client_id}/documents",
            files={"file": ("Canaryfile.pdf", paper("Canarytext"), "application/pdf")},
            data={"kind": "clinical_note", "note_name": "Canarynote"},
        )
        assert filed.status_code == HTTPStatus.CREATED, filed.text
        document: dict[str, str] = filed.json()
        return document

    @property
    def path(self) -> str:
        return f"/documents/{self.document['id']}"

    def share_to_sign(self) -> str:
        asked = self.staff.post(f"{self.path}/share-to-sign")
        assert asked.status_code == HTTPStatus.ACCEPTED, asked.text
        return str(asked.json()["request_id"])

    def review(self) -> None:
        assert self.client.get(self.path).status_code == HTTPStatus.OK
        assert self.client.post("/consent").status_code == HTTPStatus.NO_CONTENT

    def sign(self) -> httpx2.Response:
        body = {"sha256": self.document["sha256"], "drawing": drawing_json(), "intends": True}
        return self.client.post(f"{self.path}/signature", json=body)

    def status(self) -> str:
        return str(self.staff.get(self.path).json()["share_status"])

    def mails(self) -> list[str]:
        """The portal-message mails, without the invitation."""
        return [mail["text"] for mail in self.whole.mails_to(self.email) if "portal message" in mail["subject"]]


@pytest.fixture
def story(whole: Whole) -> Iterator[Story]:
    with Story(whole) as told:
        yield told


def test_killed_between_signal_and_stamp_the_request_completes_exactly_once(whole: Whole, story: Story) -> None:
    request_id = story.share_to_sign()
    story.review()
    assert soon(story.mails)
    whole.kill("worker", signal.SIGSTOP)
    received = story.sign()
    assert (received.status_code, received.json()) == (HTTPStatus.ACCEPTED, {"outcome": "received"})
    dead = whole.pid("worker")
    whole.kill("worker", signal.SIGKILL)
    assert soon(lambda: story.status() == "Shared and Signed")
    assert whole.pid("worker") != dead
    once(story, request_id)


def test_killed_while_a_request_waits_the_engine_goes_on_where_it_was(whole: Whole, story: Story) -> None:
    request_id = story.share_to_sign()
    story.review()
    assert soon(story.mails)
    whole.kill("temporal")
    assert soon(lambda: not whole.ready())
    assert soon(whole.ready, 30)
    assert story.sign().status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}
    assert soon(lambda: story.status() == "Shared and Signed")
    once(story, request_id)


def test_killed_under_a_request_the_database_comes_back_and_everybody_finds_it(whole: Whole, story: Story) -> None:
    request_id = story.share_to_sign()
    story.review()
    assert soon(story.mails)
    whole.kill("postgres")
    assert soon(whole.ready, 30)
    assert story.sign().status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}
    assert soon(lambda: story.status() == "Shared and Signed")
    once(story, request_id)


def test_while_the_engine_is_away_documents_are_read_and_requests_say_try_again(whole: Whole, story: Story) -> None:
    story.share_to_sign()
    whole.kill("temporal", signal.SIGSTOP)
    try:
        assert story.client.get(story.path).status_code == HTTPStatus.OK
        story.client.post("/consent")
        away = story.sign()
        assert (away.status_code, away.json()["type"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "/problems/not-reachable")
    finally:
        whole.kill("temporal", signal.SIGCONT)
    assert soon(whole.ready, 30)
    assert story.sign().status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}
    assert soon(lambda: story.status() == "Shared and Signed")


def once(story: Story, request_id: str) -> None:
    """One ending, one signed version, one mail; signing again is answered with what happened."""
    request = story.staff.get(f"/requests/{request_id}").json()
    assert request["state"] == "signed"
    signed = story.staff.get(f"{story.path}/signed").content
    assert signed == story.client.get(f"{story.path}/file").content
    assert signed.startswith(story.staff.get(f"{story.path}/file").content)
    assert len(story.mails()) == 1
    assert story.sign().status_code == HTTPStatus.CONFLICT
