"""Anybody who holds a file: whether it was signed here and is unchanged."""

import asyncio
import hashlib
from dataclasses import dataclass

import pdf
from api.resources import Resources
from chart import document


@dataclass(frozen=True)
class Verified:
    """What a file says of itself, and whether these very bytes are in our records."""

    seal: pdf.Verification
    known: bool


async def verify(resources: Resources, content: bytes) -> Verified:
    """Whether a file was signed here and is unchanged (SPEC D4). It is not kept."""
    trusted = resources.seal_certificates, resources.authority_certificates
    seal = await asyncio.to_thread(pdf.verify, content, *trusted)
    async with resources.database.anyone() as transaction:
        known = await document.is_signed_version(transaction, hashlib.sha256(content).hexdigest())
    return Verified(seal, known)
