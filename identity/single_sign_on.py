"""Single sign-on for staff (SPEC A2): OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636).

The provider says who somebody is; only staff that the practice has entered gets in, and no account is made here.
"""

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chart.ids import PracticeId
from chart.refusals import NotReachable, Refusal
from gateways.openid import Provider, ProviderAway, check_secure
from gateways.postgres import SQL, Database
from identity import opaque, session
from identity.caller import Surface
from identity.session import SignedIn
from identity.visitor import Visitor
from settings import Settings

CALLBACK = "/sign-in/sso/callback"
"""Where the provider sends the browser back to; it has to be entered there."""

LASTS = timedelta(minutes=10)
"""What the provider is asked about has to come back within it."""

ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures with the provider's own keys; nothing that we or a stranger could make."""

LEEWAY = 60
"""Seconds by which two clocks may differ."""


class SignOnFailed(Refusal):
    """The answer does not fit what was asked, or nobody here is who it says; the log says which."""

    def __init__(self) -> None:
        super().__init__(
            "Your organisation's sign-in did not lead here. Begin again; if it fails again, ask an administrator of "
            "your practice whether your email address is entered."
        )


@dataclass(frozen=True)
class SingleSignOn:
    provider: Provider
    redirect_uri: str
    second_factors: frozenset[str]
    """Values of `acr` or `amr` by which the provider says that it has seen two factors."""


@dataclass(frozen=True)
class Begun:
    address: str = field(repr=False)
    """Of the provider's page."""
    state: str = field(repr=False)
    """For the browser to keep: the answer counts only there."""


@dataclass(frozen=True)
class _Asked:
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    following: str = field(repr=False)


def of(settings: Settings) -> SingleSignOn | None:
    """As the deployment has set it; a `ValueError` names what is missing."""
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value()
    if not settings.oidc_client_id or not secret:
        raise ValueError("STS_OIDC_ISSUER: set STS_OIDC_CLIENT_ID and STS_OIDC_CLIENT_SECRET too")
    try:
        check_secure(settings.oidc_issuer)
    except ProviderAway as why:
        raise ValueError(f"STS_OIDC_ISSUER: {why}") from None
    return SingleSignOn(
        Provider(settings.oidc_issuer, settings.oidc_client_id, secret),
        f"{settings.chart_url}{CALLBACK}",
        frozenset(filter(None, map(str.strip, settings.oidc_second_factors.split(",")))),
    )


async def begin(database: Database, sign_on: SingleSignOn, following: str) -> Begun:
    """Where to send the browser."""
    published = await _published(sign_on)
    state, nonce, verifier = (opaque.new() for _ in range(3))
    async with database.anyone() as transaction:
        await transaction.execute(FORGET_OVER)
        await transaction.execute(KEEP, opaque.digest(state), nonce, verifier, following, LASTS)
    question = {
        "response_type": "code",
        "client_id": sign_on.provider.client_id,
        "redirect_uri": sign_on.redirect_uri,
        "scope": "openid email",
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(opaque.digest(verifier)).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    return Begun(f"{published.get('authorization_endpoint')}?{urlencode(question)}", state)


async def finish(
    database: Database,
    sign_on: SingleSignOn,
    visitor: Visitor,
    *,
    code: str,
    state: str,
    kept: str,
    replacing: str,
) -> tuple[SignedIn, str]:
    """The session, and the page that was asked for. `kept` is the state that the browser kept.

    Raises `SignOnFailed`, or `NotReachable`.
    """
    if not state or not hmac.compare_digest(state.encode(), kept.encode()):
        raise SignOnFailed
    async with database.anyone() as transaction:
        row = await transaction.fetchrow(USE, opaque.digest(state))
    if row is None:
        raise SignOnFailed
    asked = _Asked(**row)
    claims = await _claims(sign_on, asked, code)
    practice, staff_id = await _staff(database, sign_on.provider.issuer, claims)
    party = Surface.CHART.party(staff_id)
    async with database.practice(practice) as transaction:
        signed_in = await session.begin(
            transaction,
            Surface.CHART,
            visitor,
            practice,
            party,
            how="single sign-on",
            two_factors=bool(_shown(claims) & sign_on.second_factors),
            replacing=replacing,
        )
    return signed_in, asked.following


async def _claims(sign_on: SingleSignOn, asked: _Asked, code: str) -> Mapping[str, Any]:
    published = await _published(sign_on)
    provider = sign_on.provider
    try:
        token = await provider.exchange(published, code, redirect_uri=sign_on.redirect_uri, verifier=asked.verifier)
        keys = await provider.keys(published)
    except ProviderAway:
        raise SignOnFailed from None
    return verified(token, keys, issuer=provider.issuer, client_id=provider.client_id, nonce=asked.nonce)


def verified(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: int | None = None
) -> Mapping[str, Any]:
    """The claims of an ID token that is the provider's, for us, this sign-in and now (OpenID Connect 3.1.3.7)."""
    registry = jwt.JWTClaimsRegistry(
        now=now or int(time.time()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
        registry.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError):
        raise SignOnFailed from None
    audience = claims["aud"]
    if (isinstance(audience, list) and len(audience) > 1 and "azp" not in claims) or claims.get(
        "azp", client_id
    ) != client_id:
        raise SignOnFailed
    return claims


async def _staff(database: Database, issuer: str, claims: Mapping[str, Any]) -> tuple[PracticeId, UUID]:
    """By what the provider calls them; the first time by an email address that it has verified."""
    subject = str(claims["sub"])
    async with database.anyone() as transaction:
        row = await transaction.fetchrow(BY_SUBJECT, issuer, subject)
        if row:
            return PracticeId(row["practice_id"]), row["id"]
        if claims.get("email_verified") is not True:
            raise SignOnFailed
        rows = await transaction.fetch(BY_EMAIL, str(claims.get("email", "")))
    if len(rows) != 1:
        raise SignOnFailed
    practice, staff_id = PracticeId(rows[0]["practice_id"]), rows[0]["id"]
    async with database.practice(practice) as transaction:
        # who is known under another subject already is somebody else with the same address
        if await transaction.fetchval(LINK, staff_id, issuer, subject) is None:
            raise SignOnFailed
    return practice, staff_id


def _shown(claims: Mapping[str, Any]) -> set[str]:
    """By which means the provider has seen who it is (RFC 8176)."""
    methods = claims.get("amr")
    return {str(claims.get("acr", "")), *(map(str, methods) if isinstance(methods, list) else ())}


async def _published(sign_on: SingleSignOn) -> dict[str, Any]:
    try:
        return await sign_on.provider.published()
    except ProviderAway as away:
        raise NotReachable("The sign-in of your organisation does not answer. Try again in a moment.") from away


KEEP = SQL("""
insert into sign_on (state_sha256, nonce, verifier, following, expires_at) values ($1, $2, $3, $4, now() + $5::interval)
""")

# used once, whatever comes of it
USE = SQL("""
delete from sign_on where state_sha256 = $1 and expires_at > now() returning nonce, verifier, following
""")

FORGET_OVER = SQL("""
delete from sign_on where state_sha256 in (
    select state_sha256 from sign_on where expires_at < now() limit 5 for update skip locked
)
""")

BY_SUBJECT = SQL("select id, practice_id from staff_by_subject($1, $2)")

BY_EMAIL = SQL("select id, practice_id from staff_by_email($1)")

LINK = SQL("""
update staff set sign_on_issuer = $2, sign_on_subject = $3 where id = $1 and sign_on_subject is null returning true
""")
