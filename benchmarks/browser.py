"""Debian's Chromium, and the demo's people who use it."""

import asyncio
import json
import math
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.whole import Whole
from local.codes import codes

CHROMIUM = "/usr/bin/chromium"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        raise SystemExit("This needs a browser. On Debian: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


def demo(whole: Whole) -> dict[str, Any]:
    """The sign-ins of the demo, by the first name in them."""
    facts = json.loads((whole.data / "run.json").read_text())
    return {one["who"].replace("Dr. ", "").split()[0]: one for one in [*facts["staff"], *facts["clients"]]}


async def sign_in(whole: Whole, page: Page, who: str) -> None:
    """On the page that asks for it; staff with the code that their phone shows."""
    person = demo(whole)[who]
    await page.fill("#email", person["email"])
    await page.fill("#password", person["password"])
    await page.click("main .primary")
    if "authenticator" in person:
        await page.wait_for_url(lambda address: "/second-factor" in address)
        shown = codes(whole.data / "demo.json", datetime.now(UTC))
        await page.fill("#code", next(one.code for one in shown if who in one.who))
        await page.click("main .primary")
    await page.wait_for_url(lambda address: "/sign-in" not in address)


async def upload(whole: Whole, note_name: str, content: bytes, service_on: str) -> str:
    """A note in Jordan Rivera's chart; its id."""
    api = whole.addresses["api"] + "/api/v1"
    async with httpx2.AsyncClient(base_url=api, headers={"authorization": f"Bearer {whole.api_key}"}) as staff:
        found = (await staff.post("/clients/search", json={"words": "rivera"})).json()["clients"][0]
        answer = await staff.post(
            f"/clients/{found['id']}/documents",
            files={"file": ("note.pdf", content, "application/pdf")},
            data={"kind": "clinical_note", "note_name": note_name, "service_on": service_on},
        )
        return str(answer.raise_for_status().json()["id"])


async def share_to_sign(whole: Whole, document: str) -> None:
    api = whole.addresses["api"] + "/api/v1"
    async with httpx2.AsyncClient(base_url=api, headers={"authorization": f"Bearer {whole.api_key}"}) as staff:
        (await staff.post(f"/documents/{document}/share-to-sign")).raise_for_status()


async def draw(page: Page) -> None:
    """A signature, as a hand might write it."""
    await page.locator("signature-pad").wait_for()
    box = await page.locator("signature-pad").bounding_box()
    assert box
    await page.mouse.move(*_at(box, 0))
    await page.mouse.down()
    for step in range(1, 91):
        await page.mouse.move(*_at(box, step / 90))
    await page.mouse.up()


def _at(box: Any, way: float) -> tuple[float, float]:
    x = 0.14 + 0.7 * way + 0.035 * math.sin(34 * way)
    y = 0.5 + (0.3 - 0.22 * way) * math.cos(34 * way) + 0.06 * math.sin(9 * way)
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


async def settled(page: Page) -> None:
    """Every picture that is seen is there."""
    await page.evaluate(
        "Promise.all([...document.images].filter((one) => one.loading !== 'lazy').map((one) => one.decode()))"
    )
    await asyncio.sleep(0.3)
