"""Time-stamp authorities, and servers that tell of revoked certificates: one question, bounded in time and bytes."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from settings import Settings

MOST_REPLY = 65_536
"""Bytes of an authority's answer."""

MOST_EVIDENCE, EVIDENCE_WITHIN = 1_000_000, 5.0
"""Bytes of a list of revoked certificates, and seconds that it may take."""


class NoAnswer(Exception):
    """There was no answer, or none of the kind that was asked for; `str()` says why, without what was sent."""


@dataclass(frozen=True)
class Authority:
    """Somebody who stamps the time."""

    url: str = field(repr=False)
    """May hold a password."""
    seconds: float

    @property
    def name(self) -> str:
        """Its host, for operators and staff."""
        return urlsplit(self.url).hostname or ""

    async def ask(self, query: bytes) -> bytes:
        """What it answers to a time-stamp query (RFC 3161 3.4), unchecked. Raises `NoAnswer`."""
        kinds = ("application/timestamp-query", "application/timestamp-reply")
        return await _ask(self.url, query, kinds=kinds, seconds=self.seconds, most=MOST_REPLY)


def authorities(settings: Settings) -> tuple[Authority, ...]:
    """In the order in which to ask them. A `ValueError` names what is wrong, and never the URL."""
    urls = [url.strip() for url in settings.tsa_urls.get_secret_value().split(",") if url.strip()]
    for number, url in enumerate(urls, start=1):
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"STS_TSA_URLS: entry {number} is not a URL that begins with http:// or https://")
    return tuple(Authority(url, settings.tsa_seconds) for url in urls)


def certificates(settings: Settings) -> bytes:
    """PEM of those that a time stamp must lead to; empty: any will do."""
    if settings.tsa_certificate_file is None:
        return b""
    content = settings.tsa_certificate_file.read_bytes()
    if not content:
        raise ValueError("STS_TSA_CERTIFICATE_FILE names an empty file; then leave it out")
    return content


async def ask_for_evidence(url: str, ocsp_request: bytes | None) -> bytes:
    """A list of revoked certificates, or the answer to an OCSP request (RFC 6960 A.1), unchecked. Raises `NoAnswer`."""
    kinds = ("application/ocsp-request", "application/ocsp-response") if ocsp_request else ("", "")
    return await _ask(url, ocsp_request, kinds=kinds, seconds=EVIDENCE_WITHIN, most=MOST_EVIDENCE)


async def _ask(url: str, body: bytes | None, *, kinds: tuple[str, str], seconds: float, most: int) -> bytes:
    sends, expects = kinds
    # what is packed can grow when it is unpacked, and these answers gain nothing by it
    headers = {"accept-encoding": "identity", **({"content-type": sends, "accept": expects} if sends else {})}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds), auto_decompress=False) as session,
            session.request(
                "GET" if body is None else "POST", url, data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            if response.status != 200:
                raise NoAnswer(f"it answers with status {response.status}")
            if expects and response.content_type != expects:
                raise NoAnswer("it answers with something else than was asked for")
            return await _read(response, most)
    except TimeoutError:
        raise NoAnswer(f"no answer within {seconds:g} seconds") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # their texts hold the URL
        raise NoAnswer(f"it cannot be reached ({type(error).__name__})") from None


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    read = bytearray()
    async for part in response.content.iter_any():
        read += part
        if len(read) > most:
            raise NoAnswer(f"its answer has more than {most} bytes")
    return bytes(read)
