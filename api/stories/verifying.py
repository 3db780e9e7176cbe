"""Anybody who holds a file: whether it was signed here and is unchanged."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pdf
from api.resources import Resources
from chart import document, proof
from chart.refusals import NotReachable
from identity import throttle
from identity.visitor import Visitor

# Strangers send files as large as they like: one at a time is read beside all else that this process does.
_thread = ThreadPoolExecutor(1, "verify")
_in_line: set["asyncio.Future[pdf.Verification]"] = set()

MOST_IN_LINE = 8
"""The one that is read and those that wait for it."""


@dataclass(frozen=True)
class Verified:
    """What a file says of itself, and what our records say of these very bytes."""

    seal: pdf.Verification
    known: bool
    """They are a signed document."""
    shared: bool
    """They begin with the version that was shared."""
    logged: bool
    """The chart's audit log is whole, and tells that this was signed."""

    @property
    def good(self) -> bool:
        return self.seal.valid and self.known and self.shared and self.logged


async def verify(resources: Resources, visitor: Visitor, content: bytes) -> Verified:
    """Whether a file was signed here and is unchanged (SPEC D4). It is not kept."""
    await throttle.spend(resources.database, throttle.VERIFICATIONS.of(visitor.network))
    if len(_in_line) >= MOST_IN_LINE:
        raise NotReachable("Many files are being verified at this moment. Send yours again in a minute.")
    trusted = resources.seal_certificates, resources.authority_certificates
    reading = asyncio.get_running_loop().run_in_executor(_thread, pdf.verify, content, *trusted)
    _in_line.add(reading)
    reading.add_done_callback(_in_line.discard)
    seal = await reading
    async with resources.database.anyone() as transaction:
        signed = await document.signed_version(transaction, hashlib.sha256(content).hexdigest())
    if signed is None:
        return Verified(seal, known=False, shared=False, logged=False)
    async with resources.database.practice(signed.practice_id) as transaction:
        logged = await proof.tells_of(transaction, signed)
    return Verified(seal, known=True, shared=seal.original_sha256 == signed.shared_sha256, logged=logged)
