"""Anybody who holds a file: whether it was signed here and is unchanged."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pdf
from api.resources import Resources
from chart import document
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
    """What a file says of itself, and whether these very bytes are in our records."""

    seal: pdf.Verification
    known: bool


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
        known = await document.is_signed_version(transaction, hashlib.sha256(content).hexdigest())
    return Verified(seal, known)
