"""The whole way in a browser, as the help article tells it: chart, mail, portal, sealed PDF."""

import io
import math
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pypdf import PdfReader

import pdf
from tests.whole import Whole, running, soon

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
LINK = "A new message is available for you in the Client Portal."


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("end-to-end")) as started:
        yield started


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not shutil.which(CHROMIUM):
        assert "CI" not in os.environ, "CI has to install Debian's package chromium"
        pytest.skip("SKIPPED THE BROWSER TEST: install Chromium (Debian: apt-get install chromium) to run it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visitor(browser: Browser, **device: object) -> AsyncIterator[Page]:
    """Somebody with a browser of their own; no script error and no refused resource goes unnoticed."""
    context: BrowserContext = await browser.new_context(**device)  # type: ignore[arg-type]
    page = await context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []


async def sign_in(page: Page, credentials: dict[str, str]) -> None:
    await page.get_by_label("Email address").fill(credentials["email"])
    await page.get_by_label("Password", exact=True).fill(credentials["password"])
    await page.get_by_role("button", name="Sign in").click()


async def draw(page: Page) -> None:
    """Two waves with a finger, as the phone reports it."""
    pad = page.locator("signature-pad")
    await expect(pad).to_be_visible()
    box = await pad.bounding_box()
    assert box
    touch = await page.context.new_cdp_session(page)
    x, y = box["x"] + 40, box["y"] + box["height"] / 2
    path = [{"x": x + 4 * step, "y": y + 25 * math.sin(step / 4)} for step in range(50)]
    await touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": path[:1]})
    for point in path[1:]:
        await touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    await touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_from_the_chart_to_the_sealed_pdf(whole: Whole, browser: Browser, tmp_path: Path) -> None:
    provider, jordan = whole.sign_in("staff", "provider"), whole.sign_in("clients", "Jordan")
    async with (
        visitor(browser, viewport={"width": 1440, "height": 900}) as staff,
        visitor(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as client,
    ):
        # the provider shares a progress note to sign
        await staff.goto(whole.address("chart"))
        await sign_in(staff, provider)
        await expect(staff.get_by_role("heading", name="Chart Room")).to_be_visible()
        await staff.get_by_role("searchbox").fill("rivera")
        await staff.get_by_role("link", name="Rivera, Jordan").click()
        await staff.get_by_role("link", name="Documents").click()
        note = staff.get_by_role("row").filter(has_text="Progress Note")
        await expect(note).to_contain_text("Not Shared")
        await note.get_by_role("button").click()
        await staff.get_by_role("menuitem", name="Share to Sign").click()
        await expect(staff.get_by_text("Successfully shared for signature.")).to_be_visible()
        await expect(note).to_contain_text("Pending signature")

        # the client gets the mail, and its link leads through the sign-in to the message
        assert soon(lambda: whole.mails_to(jordan["email"]))
        mail = whole.mails_to(jordan["email"])[0]
        assert mail["subject"] == "You have a new portal message"
        assert LINK in mail["text"]
        link = next(word for word in mail["text"].split() if word.startswith(whole.address("portal")))
        await client.goto(link)
        await sign_in(client, jordan)
        await expect(client).to_have_url(link)
        await client.get_by_role("link", name="Progress Note").click()

        # review, consent, draw, clear, draw again, sign
        await expect(client.get_by_text("Pending Review")).to_be_visible()
        await client.get_by_role("button", name="Add Signature").click()
        await client.get_by_role("button", name="I agree").click()
        await draw(client)
        await client.get_by_role("button", name="Clear").click()
        await client.get_by_label("I have read this document and sign it.").check()
        await expect(client.get_by_role("button", name="Continue")).to_be_disabled()
        await draw(client)
        await client.get_by_role("button", name="Continue").click()
        await client.get_by_role("button", name="Sign Document").click()
        await expect(client.locator("#state")).to_contain_text("the document is signed")

        # the chart changes by itself
        await expect(note).to_contain_text("Shared and Signed")

        # the downloaded PDF is sealed, and begins with what was shared
        async with client.expect_download() as downloading:
            await client.get_by_role("link", name="Download").first.click()
        download = await downloading.value
        assert "Rivera" not in download.suggested_filename
        await download.save_as(tmp_path / "signed.pdf")
    check_sealed(whole, (tmp_path / "signed.pdf").read_bytes())


async def test_with_the_worker_down_the_page_says_received_and_changes_to_signed_by_itself(
    whole: Whole, browser: Browser
) -> None:
    zoe, api = whole.sign_in("clients", "Zoë"), whole.address("api") + "/api/v1"
    bearer = {"authorization": f"Bearer {whole.facts()['api_key']}"}
    async with httpx2.AsyncClient(base_url=api, headers=bearer) as integration:
        found = (await integration.post("/clients/search", json={"words": "zoë"})).json()["clients"][0]
        documents = (await integration.get(f"/clients/{found['id']}/documents")).json()["documents"]
        plan = next(one for one in documents if one["type"] == "Treatment Plan")
        await integration.post(f"/documents/{plan['id']}/share-to-sign")
    async with visitor(browser, viewport={"width": 1440, "height": 900}) as client:
        await client.goto(whole.address("portal") + "/portal/documents")
        await sign_in(client, zoe)
        await client.get_by_role("link", name="Treatment Plan", exact=True).click()
        await client.get_by_role("button", name="Add Signature").click()
        await client.get_by_role("button", name="I agree").click()
        await client.get_by_text("Type", exact=True).click()
        await client.get_by_label("Type your full name").fill("Zoë Müller-Łukaszewicz")
        await client.get_by_label("I have read this document and sign it.").check()
        await client.get_by_role("button", name="Continue").click()
        whole.kill("worker", signal.SIGSTOP)
        await client.get_by_role("button", name="Sign Document").click()
        state = client.locator("#state")
        await expect(state).to_contain_text("Received.")
        await client.reload()
        await expect(state).to_contain_text("Received.")
        await expect(client.get_by_role("button", name="Add Signature")).to_have_count(0)
        whole.kill("worker", signal.SIGCONT)
        await expect(state).to_contain_text("signed", timeout=20_000)


def check_sealed(whole: Whole, signed: bytes) -> None:
    trusted = (whole.data / "seal" / "certificate.pem").read_bytes()
    found = pdf.verify(signed, trusted)
    assert found.valid, found
    assert found.original_sha256
    original = (whole.data / "documents" / found.original_sha256[:2] / found.original_sha256).read_bytes()
    assert signed.startswith(original)
    text = PdfReader(io.BytesIO(signed)).pages[-1].extract_text()
    for fact in ("Jordan Rivera", "self", found.original_sha256, "I have read this document and sign it.", "Drawn"):
        assert fact in text


async def test_an_operator_reads_payloads_in_the_temporal_ui_and_nobody_else_does(
    whole: Whole, browser: Browser
) -> None:
    ui, bearer = whole.address("temporal_ui"), {"authorization": f"Bearer {whole.facts()['api_key']}"}
    async with httpx2.AsyncClient(base_url=whole.address("api") + "/api/v1", headers=bearer) as integration:
        found = (await integration.post("/clients/search", json={"words": "rivera"})).json()["clients"][0]
        documents = (await integration.get(f"/clients/{found['id']}/documents")).json()["documents"]
        plan = next(one for one in documents if one["type"] == "Treatment Plan")
        await integration.post(f"/documents/{plan['id']}/share-to-sign")
    workflow = f"{ui}/namespaces/default/workflows/share-to-sign%2F{plan['id']}"
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()

    # as it is for everybody: what the request waits for is readable, what it holds is not
    await page.goto(workflow)
    await expect(page.get_by_text("Put request, share and inbox message into the chart; email")).to_be_visible()
    await expect(page.locator("main")).not_to_contain_text(found["id"])

    # the operator enters the token
    await page.goto(whole.address("codec"))
    await page.get_by_label("Operator token").fill(whole.facts()["operator_token"])
    await page.get_by_role("button", name="Let this browser read").click()
    await expect(page.get_by_text("may read Temporal payloads as demo")).to_be_visible()
    endpoint = await page.locator("code").inner_text()
    assert endpoint == whole.address("codec")

    # and ticks in the UI what cannot be told to the dev server
    await page.goto(workflow)
    await page.get_by_test_id("data-encoder-status").first.click()
    await page.get_by_text("Use my browser setting").click()
    await page.get_by_label("Codec Server browser endpoint").fill(endpoint)
    await page.get_by_text("Include cross-origin credentials").click()
    await page.get_by_role("button", name="Apply").click()
    await page.reload()
    await expect(page.locator("main")).to_contain_text(found["id"])
    await expect(page.get_by_test_id("data-encoder-status-success").first).to_be_visible()
    assert "operator demo reads" in whole.logs()

    # until the pass ends
    await page.goto(whole.address("codec"))
    await page.get_by_role("button", name="End now").click()
    await page.goto(workflow)
    await expect(page.get_by_test_id("data-encoder-status-error").first).to_be_visible()
    await expect(page.locator("main")).not_to_contain_text(found["id"])
    await context.close()
    assert found["id"] not in whole.logs()
