"""What a phone loads before a client can sign, beside the document itself."""

import pytest

from api import languages
from tests.browsers import chromium, visitor
from tests.pages.addresses import REVIEW
from tests.pages.served import served
from tests.pages.stage import Stage

MOST = 60_000
"""Bytes over the wire. Issue 5 allows 150,000; so much would be a surprise."""

PAPER = (".webp", ".txt", "/file")


@pytest.mark.parametrize("language", languages.NAMES)
async def test_the_page_on_which_a_client_signs_weighs_little(language: str) -> None:
    loaded: dict[str, str] = {}
    weighed: dict[str, float] = {}
    with served(Stage(language=language)) as address:
        async with (
            chromium() as browser,
            visitor(browser, viewport={"width": 390, "height": 844}) as page,
        ):
            devtools = await page.context.new_cdp_session(page)
            await devtools.send("Network.enable")
            devtools.on(
                "Network.requestWillBeSent", lambda sent: loaded.update({sent["requestId"]: sent["request"]["url"]})
            )
            devtools.on(
                "Network.loadingFinished",
                lambda done: weighed.update({loaded[done["requestId"]]: done["encodedDataLength"]}),
            )
            await page.goto(address + REVIEW, wait_until="networkidle")
            assert await page.locator("[data-add-signature]").is_enabled()
    ours = {url: size for url, size in weighed.items() if not url.split("?")[0].endswith(PAPER)}
    assert len(ours) > 5, "the page, its style and its scripts"
    assert sum(ours.values()) <= MOST, ours
