"""People who try again: lifecycles over HTTP while parts of the service are killed.

Every call is repeated until something better comes back than silence or a 5xx, as a patient person would; by SPEC S4
and G6 doing it twice counts once. A refusal (4xx) is never taken for an ending: what happened is read.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2

from benchmarks.real import DRAWING, PASSWORD, Person, note

PATIENCE = 90.0
"""Seconds after which a person gives up; that is a finding."""
PAUSE = 0.3
"""Seconds before a call is repeated."""
THOUGHT = 2.0
"""Seconds that a person may take from one step to the next."""

SIGNED, DECLINED, RECALLED, REPLACED = "signed", "declined", "recalled", "replaced"
MIX = (SIGNED,) * 7 + (DECLINED, RECALLED, REPLACED)
"""How lifecycles end; the names are the states of the request."""

Call = Callable[[], Awaitable[httpx2.Response]]
Json = dict[str, Any]


@dataclass
class Lifecycle:
    """One document from its upload to the ending of its request; filled in as it is told."""

    ending: str
    chance: random.Random
    document: Json | None = None
    request_ids: set[str] = field(default_factory=set)
    """Acknowledged; every repeated Share to Sign has to name the same one."""
    acknowledged: bool = False
    """The service has said that it has the signature, the decline, the recall or the new version."""
    sign_pressed: float | None = None
    signed_seen: float | None = None
    """When the client saw that it is signed."""
    gave_up: str | None = None

    @property
    def name(self) -> str:
        return f"{self.ending} {self.document['id'] if self.document else '(no document)'}"

    async def think(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, THOUGHT))


class GaveUp(Exception):
    """Nothing better came for as long as a person waits; its text is what came last."""


@dataclass(frozen=True)
class People:
    """Staff, and clients with many documents each."""

    staff: httpx2.AsyncClient
    clients: Sequence[Person]
    answers: Counter[str] = field(default_factory=Counter)
    """What came instead of an answer, and how often."""

    async def live(self, one: Lifecycle, person: Person) -> None:
        """Tell a lifecycle to its end."""
        try:
            async with asyncio.timeout(3 * PATIENCE):
                await self._share_to_sign(one, person)
                await one.think()
                match one.ending:
                    case "signed":
                        await self._sign(one, person)
                    case "declined":
                        await self._decline(one, person)
                    case "recalled":
                        await self._recall(one)
                    case "replaced":
                        await self._replace(one, person)
        except (GaveUp, TimeoutError) as why:
            one.gave_up = str(why) or "it took too long"

    async def _share_to_sign(self, one: Lifecycle, person: Person) -> None:
        """An upload without an answer is repeated with other bytes, and may leave a document that nobody uses."""
        path = f"/clients/{person.client_id}/documents"
        kind = {"kind": "clinical_note", "note_name": "Progress Note"}
        filed = await self._patiently(lambda: self._upload(path, kind))
        one.document = _expect(filed, HTTPStatus.CREATED)
        await one.think()
        again = one.chance.random() < 0.1  # a double click
        for _ in range(1 + again):
            asked = await self._patiently(lambda: self.staff.post(f"{_document(one)}/share-to-sign"))
            one.request_ids.add(_expect(asked, HTTPStatus.ACCEPTED)["request_id"])

    async def _upload(self, path: str, words: dict[str, str]) -> httpx2.Response:
        return await self.staff.post(path, files={"file": ("note.pdf", note(), "application/pdf")}, data=words)

    async def _sign(self, one: Lifecycle, person: Person) -> None:
        """Review, Sign Document, and look until it is signed."""
        assert one.document
        body = {"sha256": one.document["sha256"], "drawing": DRAWING, "intends": True}
        path = _document(one)
        until = _patience()
        while time.monotonic() < until:
            review = await self._patiently(lambda: person.portal.get(path))
            if review.status_code == HTTPStatus.NOT_FOUND:  # not delivered yet
                await asyncio.sleep(PAUSE)
                continue
            if _expect(review, HTTPStatus.OK)["document"]["tag"] == "Signed":
                one.acknowledged, one.signed_seen = True, time.monotonic()
                return
            if not one.acknowledged:
                await self._hand_in(one, person, body)
            else:
                await asyncio.sleep(PAUSE / 2)
        if not one.acknowledged:
            raise GaveUp("Sign Document was never taken")

    async def _hand_in(self, one: Lifecycle, person: Person, body: Json) -> None:
        if one.sign_pressed is None:
            await one.think()
            one.sign_pressed = time.monotonic()
        answer = await self._patiently(lambda: person.portal.post(f"{_document(one)}/signature", json=body))
        if answer.is_success:
            one.acknowledged = True
            if answer.json()["outcome"] == "signed":
                one.signed_seen = time.monotonic()
        elif answer.status_code == HTTPStatus.FORBIDDEN:  # the sign-in is older than five minutes
            again = {"password": PASSWORD}
            fresh = await self._patiently(lambda: person.portal.post("/session/authentication", json=again))
            _expect(fresh, HTTPStatus.NO_CONTENT)
        else:  # 409: taken already, says the next look, or not ready
            _expect(answer, HTTPStatus.CONFLICT)
            await asyncio.sleep(PAUSE)

    async def _decline(self, one: Lifecycle, person: Person) -> None:
        body = {"reason": "This is not about me."}
        await self._until_ended(one, lambda: person.portal.post(f"{_document(one)}/decline", json=body))

    async def _recall(self, one: Lifecycle) -> None:
        (request_id,) = one.request_ids
        body = {"reason": "Shared by mistake."}
        await self._until_ended(one, lambda: self.staff.post(f"/requests/{request_id}/recall", json=body))

    async def _replace(self, one: Lifecycle, person: Person) -> None:
        path, why = f"{_document(one)}/versions", {"reason": "A name was misspelt."}
        await self._until_ended(one, lambda: self._upload(path, why))

    async def _until_ended(self, one: Lifecycle, act: Call) -> None:
        """Act, then read how the request stands; act again only if nobody has said that it is received."""
        (request_id, *others) = one.request_ids
        assert not others, "two requests on one document"
        until = _patience()
        while time.monotonic() < until:
            found = await self._patiently(lambda: self.staff.get(f"/requests/{request_id}"))
            if found.is_success and found.json()["state"] == one.ending:
                one.acknowledged = True
                return
            if found.is_success and not one.acknowledged:
                one.acknowledged = await self._taken(act)
            else:  # 404: not delivered yet
                await asyncio.sleep(PAUSE)
        if not one.acknowledged:
            raise GaveUp(f"it was never {one.ending}")

    async def _taken(self, act: Call) -> bool:
        """One try; what is refused or not answered is read about, and then tried again."""
        try:
            answer = await act()
        except httpx2.HTTPError as silence:
            self.answers[type(silence).__name__] += 1
        else:
            if answer.is_success or "do not repeat it" in answer.text:
                return True
            self.answers[str(answer.status_code)] += 1
        await asyncio.sleep(PAUSE)
        return False

    async def _patiently(self, call: Call) -> httpx2.Response:
        until = _patience()
        while True:
            try:
                answer = await call()
            except httpx2.HTTPError as silence:
                said = type(silence).__name__
            else:
                if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return answer
                said = str(answer.status_code)
            self.answers[said] += 1
            if time.monotonic() > until:
                raise GaveUp(said)
            await asyncio.sleep(PAUSE)


def _document(one: Lifecycle) -> str:
    assert one.document
    return f"/documents/{one.document['id']}"


def _patience() -> float:
    return time.monotonic() + PATIENCE


def _expect(answer: httpx2.Response, status: HTTPStatus) -> Any:
    if answer.status_code != status:
        raise GaveUp(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer.json() if answer.content else None
