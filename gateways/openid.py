"""The OpenID provider of an organisation: what it publishes, and a code exchanged for a token.

Asked anew at each sign-in, which is rare: so a key that the provider has rotated is known at once.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

WITHIN = 5.0
"""Seconds for one answer."""


class ProviderAway(Exception):
    """It does not answer, or with something that is no answer; its class and status only, never its text."""


@dataclass(frozen=True)
class Provider:
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)

    async def published(self) -> dict[str, Any]:
        """Its endpoints (OpenID Connect Discovery 1.0, 4.3)."""
        found = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ProviderAway("what is published there is of another issuer")
        return found

    async def keys(self, published: dict[str, Any]) -> dict[str, Any]:
        """Its public keys (RFC 7517)."""
        return await self._get(str(published.get("jwks_uri")))

    async def exchange(self, published: dict[str, Any], code: str, *, redirect_uri: str, verifier: str) -> str:
        """The ID token for a code (RFC 6749 4.1.3, RFC 7636 4.5)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        answer = await self._ask("POST", str(published.get("token_endpoint")), form)
        return str(answer.get("id_token", ""))

    async def _get(self, address: str) -> dict[str, Any]:
        return await self._ask("GET", address, None)

    async def _ask(self, method: str, address: str, form: dict[str, str] | None) -> dict[str, Any]:
        check_secure(address)
        try:
            async with httpx2.AsyncClient(timeout=WITHIN, trust_env=False) as client:
                response = await client.request(method, address, data=form, headers={"accept": "application/json"})
                answer = response.raise_for_status().json()
        except httpx2.HTTPStatusError as status:
            raise ProviderAway(f"answer {status.response.status_code}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as failure:
            raise ProviderAway(type(failure).__name__) from None
        if not isinstance(answer, dict):
            raise ProviderAway("not an object")
        return answer


def check_secure(address: str) -> None:
    """Raise `ProviderAway` unless what is said there stays between the two: TLS, or this very machine."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    raise ProviderAway("its address does not begin with https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
