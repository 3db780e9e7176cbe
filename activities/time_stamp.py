"""Time-stamp: an authority stamps the time behind a sealed document, which is in the chart already (SPEC D3).

Nobody waits for it. What is given out from then on is the time-stamped file, which begins with the sealed one;
that one stays in the store, and whoever has it finds it valid and known.
"""

import asyncio
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.stamp import BEYOND_RETRY
from chart import audit, request, time_stamp
from chart.audit import Action
from chart.ids import ClientId, DocumentId, PracticeId, RequestId
from chart.time_stamp import Unstamped
from gateways.authority import Authority, NoAnswer, ask_for_evidence
from gateways.postgres import Database, Transaction
from gateways.storage import Storage, StoredBytesChanged, StoredBytesLocked, StoredBytesMissing
from pdf import (
    NO_EVIDENCE,
    Evidence,
    NotATimeStamp,
    Query,
    Question,
    TimeStampDraft,
    Token,
    certificates_in,
    chain_of,
    evidence_from,
    revocation_questions,
    verify_here,
)


@dataclass(frozen=True)
class TimeStamping:
    """Of which signed document."""

    practice: PracticeId
    client: ClientId
    document: DocumentId
    request_id: RequestId


@dataclass(frozen=True)
class Waiting:
    of: TimeStamping
    why: str


@dataclass(frozen=True)
class TimeStamps:
    database: Database
    storage: Storage
    seal_chain: bytes
    """PEM."""
    authorities: tuple[Authority, ...]
    trusted: bytes
    """PEM of the certificates that a time stamp must lead to; empty: any will do."""
    last: dict[Authority, Token] = field(default_factory=dict, repr=False)
    """What each authority has stamped last, for its certificates."""

    def __post_init__(self) -> None:
        certificates_in(self.trusted)  # a file of something else is found when the worker starts

    @activity.defn(name="time_stamp")
    async def stamp(self, of: TimeStamping) -> None:
        """Ask the authorities in turn, and file the first time stamp; done twice, it is done once.

        Errors say in plain words what is in the way; the engine tries again.
        """
        async with self.database.practice(of.practice) as transaction:
            version = await time_stamp.unstamped(transaction, of.request_id)
        if version is None:
            return
        sealed = await self._sealed(version)
        data, token = await self._stamped(sealed)
        sha256 = await self.storage.put(data)
        async with self.database.practice(of.practice) as transaction:
            filed = await time_stamp.add(
                transaction,
                of.practice,
                version.id,
                sha256=sha256,
                size=len(data),
                at=token.at,
                authority=token.authority,
            )
            if filed:
                detail = {"signed_sha256": version.sha256, "time_stamped_sha256": sha256}
                said = {"at": token.at.isoformat(), "authority": token.authority}
                await _note(transaction, of, Action.TIME_STAMPED, **detail, **said)

    @activity.defn(name="time_stamp_waits")
    async def wait(self, waiting: Waiting) -> None:
        """Say in the chart that the document is sealed and waits for its time stamp, and why."""
        of = waiting.of
        async with self.database.practice(of.practice) as transaction:
            version = await time_stamp.unstamped(transaction, of.request_id)
            if version and await time_stamp.note_waiting(transaction, of.practice, version.id, waiting.why):
                await _note(transaction, of, Action.TIME_STAMP_WAITS, why=waiting.why)

    @activity.defn(name="time_stamp_given_up")
    async def give_up(self, of: TimeStamping) -> None:
        """An operator lets the document be without one."""
        async with self.database.practice(of.practice) as transaction:
            version = await time_stamp.unstamped(transaction, of.request_id)
            if version:
                await time_stamp.stop_waiting(transaction, version.id)
                await _note(transaction, of, Action.TIME_STAMP_GIVEN_UP)

    async def _sealed(self, version: Unstamped) -> bytes:
        try:
            return await self.storage.get(version.sha256)
        except (StoredBytesMissing, StoredBytesChanged) as error:
            raise _in_the_way("The signed version is missing from the store, or was changed. Restore it.") from error
        except StoredBytesLocked as error:
            raise _in_the_way("The signed version's key is not in STS_STORAGE_KEYS. Add it.") from error

    async def _stamped(self, sealed: bytes) -> tuple[bytes, Token]:
        said = []
        for authority in self.authorities:
            try:
                return await self._stamped_by(authority, sealed)
            except (NoAnswer, NotATimeStamp) as error:
                said.append(f"{authority.name}: {error}.")
        if not said:
            raise _in_the_way("No time-stamp authority is configured any more. Set STS_TSA_URLS.")
        raise _in_the_way(" ".join(["No time-stamp authority has stamped the time.", *said]))

    async def _stamped_by(self, authority: Authority, sealed: bytes) -> tuple[bytes, Token]:
        """Evidence goes before the time stamp, which covers it; for whose certificate, one stamp may have to tell."""
        evidence = await self._evidence(self.last.get(authority))
        draft, token = await self._asked(authority, sealed, evidence)
        if token.certificate not in evidence.certificates and (found := await self._evidence(token)) != NO_EVIDENCE:
            draft, token = await self._asked(authority, sealed, found)
        data = sealed + draft.with_token(token.der)
        await asyncio.to_thread(self._check, data, token)
        return data, token

    async def _asked(self, authority: Authority, sealed: bytes, evidence: Evidence) -> tuple[TimeStampDraft, Token]:
        draft = await asyncio.to_thread(TimeStampDraft, sealed, evidence)
        query = Query.of(draft.digest)
        reply = await authority.ask(query.der)
        token = await asyncio.to_thread(query.token_in, reply, certificates_in(self.trusted))
        self.last[authority] = token
        return draft, token

    def _check(self, data: bytes, token: Token) -> None:
        # of its own seal: by now there may be another key
        found = verify_here(data, self.seal_chain, self.trusted)
        if not found.unchanged or [stamp.at for stamp in found.time_stamps] != [token.at]:
            raise _in_the_way("The time-stamped file does not verify; it is not used.")

    async def _evidence(self, token: Token | None) -> Evidence:
        """What shows that neither the seal's nor the authority's certificates were revoked; nothing but all of it.

        A certificate may name nobody to ask; and if somebody does not answer now, the time counts for more.
        """
        seal, *issuers = certificates_in(self.seal_chain)
        trusted = certificates_in(self.trusted)
        if token is None or not issuers or not trusted:
            return NO_EVIDENCE
        chains = (
            chain_of(seal, issuers[:-1], issuers[-1:]),
            chain_of(token.certificate, token.others, trusted),
        )
        wanted = [ways for chain in chains for ways in revocation_questions(chain)]
        if not all(chains) or not all(wanted):
            return NO_EVIDENCE
        answers = [answer for answer in await asyncio.gather(*map(_first_answer, wanted)) if answer]
        return await asyncio.to_thread(evidence_from, chains, answers) or NO_EVIDENCE


async def _first_answer(ways: list[Question]) -> tuple[Question, bytes] | None:
    for question in ways:
        try:
            return question, await ask_for_evidence(question.url, question.body)
        except NoAnswer:
            continue
    return None


async def _note(transaction: Transaction, of: TimeStamping, action: Action, **detail: str) -> None:
    await audit.record(
        transaction,
        of.practice,
        audit.SERVICE,
        action,
        chart=of.client,
        document=of.document,
        request=of.request_id,
        **detail,
    )
    await request.announce(transaction, of.practice, of.client, of.request_id)


def _in_the_way(sentence: str) -> ApplicationError:
    return ApplicationError(sentence, type=BEYOND_RETRY)
