"""Passkeys (WebAuthn 2): a key that a device keeps and uses once its owner has shown a finger, a face or a PIN.

One alone is two factors, the device and what unlocks it; so it stands in for password and code together.
"""

import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    CredentialCreationOptions,
    CredentialRequestOptions,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from chart.audit import Actor
from chart.ids import PracticeId
from chart.refusals import Refusal, Unacceptable
from gateways.postgres import SQL, Database, Transaction
from identity.caller import Surface
from identity.person import Person

# it writes the ids of credentials, by which people could be followed
logging.getLogger("fido2").setLevel(logging.WARNING)

CHALLENGE_LASTS = timedelta(minutes=5)
MOST = 10
"""Of one person."""

_UNREADABLE = (ValueError, TypeError, KeyError, RuntimeError)
"""What the library raises for an answer that is malformed, of another site, or not signed as it says."""


class PasskeyRefused(Refusal):
    """Unknown here, not for this question, or not signed as it says; which one is not told."""

    def __init__(self) -> None:
        super().__init__("This passkey was not accepted. Try it again, or sign in with your password.")


@dataclass(frozen=True)
class RelyingParty:
    """Who asks for passkeys: one surface under its own address (WebAuthn 5.4.2)."""

    surface: Surface
    origin: str

    def server(self) -> Fido2Server:
        # the name is shown by the device and kept by it: it names no practice
        entity = PublicKeyCredentialRpEntity(id=urlsplit(self.origin).hostname, name="Share to Sign")
        return Fido2Server(entity, verify_origin=lambda origin: origin == self.origin)


@dataclass(frozen=True)
class Passkey:
    credential_id: bytes = field(repr=False)
    name: str = field(repr=False)
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Used:
    """A passkey that has answered a question."""

    practice: PracticeId
    party: Actor


async def of(transaction: Transaction, party: Actor) -> list[Passkey]:
    """The person's, oldest first."""
    return [Passkey(**row) for row in await transaction.fetch(OF, party)]


async def offer(transaction: Transaction, site: RelyingParty, person: Person) -> dict[str, Any]:
    """What the browser is to make a passkey from (`PublicKeyCredentialCreationOptionsJSON`)."""
    have = await of(transaction, person.party)
    if len(have) >= MOST:
        raise Unacceptable("You have {most} passkeys. Remove one that you do not use.", most=MOST)
    options, _ = site.server().register_begin(
        PublicKeyCredentialUserEntity(id=person.party.encode(), name=person.email, display_name=person.name),
        [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=one.credential_id) for one in have],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=await _new_challenge(transaction, f"add {person.party}"),
    )
    return _plain(options)


async def add(
    transaction: Transaction, site: RelyingParty, person: Person, answer: Mapping[str, Any], name: str
) -> None:
    """Keep the passkey that the browser has made."""
    try:
        challenge = RegistrationResponse.from_dict(answer).response.client_data.challenge
        await _use_challenge(transaction, challenge, f"add {person.party}")
        made = site.server().register_complete(_state(challenge), answer).credential_data
        assert made is not None, "a registration carries its credential"
    except _UNREADABLE as error:
        raise PasskeyRefused from error
    added = await transaction.fetchval(ADD, made.credential_id, person.practice, person.party, name, bytes(made))
    if added is None:
        raise PasskeyRefused


async def ask(database: Database, site: RelyingParty, party: Actor | None = None) -> dict[str, Any]:
    """What the browser is to answer with a passkey: of this person, or of whoever it knows here."""
    async with database.anyone() as transaction:
        challenge = await _new_challenge(transaction, _purpose(site, party))
    options, _ = site.server().authenticate_begin(
        user_verification=UserVerificationRequirement.REQUIRED, challenge=challenge
    )
    return _plain(options)


async def check(database: Database, site: RelyingParty, answer: Mapping[str, Any], party: Actor | None = None) -> Used:
    """Whose passkey has answered; raises `PasskeyRefused`."""
    try:
        given = AuthenticationResponse.from_dict(answer)
        challenge, uses = given.response.client_data.challenge, given.response.authenticator_data.counter
        async with database.anyone() as transaction:
            await _use_challenge(transaction, challenge, _purpose(site, party))
            practice = await transaction.fetchval(PRACTICE_OF, given.raw_id)
    except _UNREADABLE as error:
        raise PasskeyRefused from error
    if practice is None:
        raise PasskeyRefused
    async with database.practice(practice) as transaction:
        row = await transaction.fetchrow(FIND, given.raw_id)
        if row is None or row["has_left"] or not site.surface.has(row["party"]) or party not in {None, row["party"]}:
            raise PasskeyRefused
        try:
            site.server().authenticate_complete(_state(challenge), [AttestedCredentialData(row["attested"])], answer)
        except _UNREADABLE as error:
            raise PasskeyRefused from error
        # one that counts and does not count on has a copy somewhere (WebAuthn 7.2 step 22)
        if not await transaction.fetchval(COUNT, given.raw_id, uses):
            raise PasskeyRefused
    return Used(practice, Actor(row["party"]))


async def owner(database: Database, site: RelyingParty, answer: Mapping[str, Any]) -> Used | None:
    """Whose passkey is named in an answer that was refused, if it is known at this surface."""
    with suppress(*_UNREADABLE):
        credential_id = AuthenticationResponse.from_dict(answer).raw_id
        async with database.anyone() as transaction:
            practice = await transaction.fetchval(PRACTICE_OF, credential_id)
        if practice is not None:
            async with database.practice(practice) as transaction:
                row = await transaction.fetchrow(FIND, credential_id)
            if row and site.surface.has(row["party"]):
                return Used(practice, Actor(row["party"]))
    return None


async def remove(transaction: Transaction, party: Actor, credential_id: bytes) -> bool:
    return await transaction.fetchval(REMOVE, party, credential_id) is not None


async def forget(transaction: Transaction, party: Actor) -> None:
    """All of the person's."""
    await transaction.execute(FORGET, party)


def _plain(options: CredentialCreationOptions | CredentialRequestOptions) -> dict[str, Any]:
    asked: dict[str, Any] = dict(options)["publicKey"]
    return asked


def _purpose(site: RelyingParty, party: Actor | None) -> str:
    return f"check {party}" if party else f"sign in {site.surface}"


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


async def _new_challenge(transaction: Transaction, purpose: str) -> bytes:
    challenge = secrets.token_bytes(32)
    await transaction.execute(FORGET_OVER)
    await transaction.execute(NEW_CHALLENGE, challenge, purpose, CHALLENGE_LASTS)
    return challenge


async def _use_challenge(transaction: Transaction, challenge: bytes, purpose: str) -> None:
    if not await transaction.fetchval(USE_CHALLENGE, challenge, purpose):
        raise PasskeyRefused


OF = SQL("select credential_id, name, made_at, used_at from passkey where party = $1 order by made_at")

FORGET = SQL("delete from passkey where party = $1")

ADD = SQL("""
insert into passkey (credential_id, practice_id, party, name, attested, uses) values ($1, $2, $3, $4, $5, 0)
on conflict (credential_id) do nothing returning true
""")

PRACTICE_OF = SQL("select practice_of_passkey($1)")

# staff who has left has it still
FIND = SQL("""
select party, attested,
    exists (select from staff where staff.party = passkey.party and staff.ended_at is not null) as has_left
from passkey where credential_id = $1
""")

COUNT = SQL("""
update passkey set uses = $2, used_at = now() where credential_id = $1 and ($2 > uses or $2 = 0 and uses = 0)
returning true
""")

REMOVE = SQL("delete from passkey where party = $1 and credential_id = $2 returning true")

NEW_CHALLENGE = SQL(
    "insert into passkey_challenge (challenge, purpose, expires_at) values ($1, $2, now() + $3::interval)"
)

# used once, whatever comes of it
USE_CHALLENGE = SQL("""
delete from passkey_challenge where challenge = $1 and purpose = $2 and expires_at > now() returning true
""")

FORGET_OVER = SQL("""
delete from passkey_challenge where challenge in (
    select challenge from passkey_challenge where expires_at < now() limit 5 for update skip locked
)
""")
