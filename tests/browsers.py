"""A real browser, if this machine has one."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from benchmarks.browser import CHROMIUM, OPTIONS


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        assert "CI" not in os.environ, "CI has to install Debian's package chromium"
        pytest.skip("SKIPPED THE BROWSER TEST: install Chromium (Debian: apt-get install chromium) to run it")
    expect.set_options(timeout=30_000)  # what a busy machine may take says nothing of what is tested
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visitor(browser: Browser, *, expected: str = "nothing", **device: object) -> AsyncIterator[Page]:
    """Somebody with a browser of their own; no script error and no refused resource but the expected goes unnoticed."""
    context: BrowserContext = await browser.new_context(**device)  # type: ignore[arg-type]
    page = await context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert [error for error in errors if expected not in error] == []


async def with_passkeys(page: Page) -> None:
    """Give the browser a device of its own that keeps passkeys and always sees its owner."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    await devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
