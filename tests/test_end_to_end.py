"""The whole way in a browser, as the help article tells it: chart, mail, portal, sealed PDF."""

import io
import math
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from playwright.async_api import Browser, Page, Route, expect
from pypdf import PdfReader

import pdf
from activities.stamp import COUNTER_MEANING, MEANING
from chart.consent import EDITION
from local.postgres import OWNER, cluster
from tests.browsers import chromium, visitor
from tests.conftest import PATIENCE
from tests.papers import paper
from tests.sign_ins import code_of, has_app_of_the_demo
from tests.whole import Whole, running, soon, store_of

LINK = "A new message is available for you in the Client Portal."


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("end-to-end")) as started:
        yield started


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


async def sign_in(page: Page, credentials: dict[str, str]) -> None:
    await page.get_by_label("Email address").fill(credentials["email"])
    await page.get_by_label("Password", exact=True).fill(credentials["password"])
    await page.get_by_role("button", name="Sign in", exact=True).click()
    if key := credentials.get("authenticator"):
        has_app_of_the_demo(credentials["email"], key)
        await show_code(page, credentials)


async def show_code(page: Page, credentials: dict[str, str]) -> None:
    await page.get_by_label("Code from your authenticator app").fill(await code_of(credentials["email"]))
    await page.get_by_role("button", name="Continue").click()


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
        await staff.get_by_role("menuitem", name="Share to Sign", exact=True).click()
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
    await check_sealed(whole, (tmp_path / "signed.pdf").read_bytes())


async def test_with_the_worker_down_the_page_says_received_and_changes_to_signed_by_itself(
    whole: Whole, browser: Browser
) -> None:
    zoe, api = whole.sign_in("clients", "Zoë"), whole.address("api") + "/api/v1"
    bearer = {"authorization": f"Bearer {whole.facts()['api_key']}"}
    async with httpx2.AsyncClient(base_url=api, headers=bearer, timeout=PATIENCE) as integration:
        found = (await integration.post("/clients/search", json={"words": "zoë"})).json()["clients"][0]
        documents = (await integration.get(f"/clients/{found['id']}/documents")).json()["documents"]
        plan = next(one for one in documents if one["type"] == "Treatment Plan")
        await integration.post(f"/documents/{plan['id']}/share-to-sign")
    async with visitor(browser, viewport={"width": 1440, "height": 900}) as client:
        await client.goto(whole.address("portal") + "/portal/documents")
        await sign_in(client, zoe)
        await client.get_by_role("link", name=re.compile("^Treatment Plan")).click()
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


@dataclass(frozen=True)
class Asked:
    """A document of Jordan's that waits for signatures."""

    client_id: str
    document_id: str

    @property
    def chart(self) -> str:
        return f"/charts/{self.client_id}/documents"

    @property
    def portal(self) -> str:
        return f"/portal/documents/{self.document_id}"


async def asked_of(whole: Whole, note_name: str, *, provider_too: bool) -> Asked:
    """A new note of Jordan's, shared to sign; with the provider's counter-signature behind the client's."""
    owner = await asyncpg.connect(cluster(whole.data).dsn(OWNER))
    account = await owner.fetchval("select id from portal_account where email like 'jordan@%'")
    provider = await owner.fetchval("select id from staff where email like 'provider@%'")
    await owner.close()
    signers = [{"account_id": str(account)}, *([{"staff_id": str(provider)}] if provider_too else [])]
    bearer = {"authorization": f"Bearer {whole.facts()['api_key']}"}
    async with httpx2.AsyncClient(
        base_url=whole.address("api") + "/api/v1", headers=bearer, timeout=PATIENCE
    ) as integration:
        found = (await integration.post("/clients/search", json={"words": "rivera"})).json()["clients"][0]
        uploaded = await integration.post(
            f"/clients/{found['id']}/documents",
            files={"file": ("note.pdf", paper(note_name, pages=2), "application/pdf")},
            data={"kind": "clinical_note", "note_name": note_name},
        )
        document_id = uploaded.json()["id"]
        terms = {"signers": signers, "in_order": True}
        shared = await integration.post(f"/documents/{document_id}/share-to-sign", json=terms)
        assert shared.json()["delivered"], shared.text
    return Asked(found["id"], document_id)


async def test_the_client_signs_on_a_phone_and_the_provider_counter_signs_at_the_desk(
    whole: Whole, browser: Browser, tmp_path: Path
) -> None:
    provider, jordan = whole.sign_in("staff", "provider"), whole.sign_in("clients", "Jordan")
    asked = await asked_of(whole, "Group Note", provider_too=True)
    refused = "Failed to load resource: the server responded with a status of"
    async with (
        visitor(browser, expected=refused, viewport={"width": 1440, "height": 900}) as staff,
        visitor(
            browser, expected=refused, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
        ) as client,
    ):
        # the provider is early
        await staff.goto(f"{whole.address('chart')}{asked.chart}/{asked.document_id}/sign")
        await sign_in(staff, provider)
        await expect(staff.locator("#state")).to_contain_text("Somebody else signs before you.")

        # the client draws; the first try fails, keeps the strokes, and a second tap on the next does nothing
        await client.goto(whole.address("portal") + asked.portal)
        await sign_in(client, jordan)
        await client.get_by_role("button", name="Add Signature").click()
        agree = client.get_by_role("button", name="I agree")
        if await agree.is_visible():
            await agree.click()
        await draw(client)
        await client.get_by_label("I have read this document and sign it.").check()
        await client.get_by_role("button", name="Continue").click()
        sent: list[str] = []
        away = {"type": "/problems/not-reachable", "detail": "Try again in a moment."}

        async def first_fails(route: Route) -> None:
            sent.append(route.request.post_data or "")
            await (route.fulfill(status=503, json=away) if len(sent) == 1 else route.continue_())

        await client.route("**/signature", first_fails)
        button = client.get_by_role("button", name="Sign Document")
        await button.click()
        await expect(client.locator("#signing [data-problem]")).to_have_text("Try again in a moment.")
        await button.dblclick()
        await expect(client.locator("#state")).to_contain_text("Thank you, you have signed. Others still have to sign.")
        assert len(sent) == 2
        assert sent[0] == sent[1]
        await expect(client.locator("[data-live=tag]")).to_contain_text("Signed")

        # now it is the provider's turn, whose sign-in has become too old meanwhile
        await staff.get_by_role("button", name="Add Signature").click()
        owner = await asyncpg.connect(cluster(whole.data).dsn(OWNER))
        await owner.execute("update session set authenticated_at = now() - interval '6 minutes'")
        await owner.close()
        await staff.get_by_text("Type", exact=True).click()
        await staff.get_by_label("Type your full name").fill("Maya Chen")
        await staff.get_by_label(COUNTER_MEANING).check()
        await staff.get_by_role("button", name="Continue").click()
        await staff.get_by_role("button", name="Sign Document").click()
        await staff.get_by_label("Password", exact=True).fill(provider["password"])
        await show_code(staff, provider)
        await expect(staff.locator("#state")).to_contain_text("The document is signed and sealed.")

        # both see it, and the document bears both
        await expect(client.locator("#state")).to_contain_text("Thank you, the document is signed.")
        async with client.expect_download() as downloading:
            await client.get_by_role("link", name="Download").first.click()
        await (await downloading.value).save_as(tmp_path / "signed.pdf")
    signed = (tmp_path / "signed.pdf").read_bytes()
    assert pdf.verify(signed, (whole.data / "seal" / "certificate.pem").read_bytes()).valid
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(signed)).pages)
    for fact in ("Jordan Rivera", "Dr. Maya Chen", MEANING, COUNTER_MEANING, "Drawn", "Typed"):
        assert fact in text


async def test_a_client_reads_and_signs_in_spanish_on_a_phone(whole: Whole, browser: Browser, tmp_path: Path) -> None:
    """From the browser's language at the door to the words of the evidence; nothing is asked for in English."""
    jordan = whole.sign_in("clients", "Jordan")
    asked = await asked_of(whole, "Discharge Summary", provider_too=False)
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with visitor(browser, locale="es-MX", **phone) as client:
        await client.goto(whole.address("portal") + "/portal/account")
        await client.get_by_label("Correo electrónico").fill(jordan["email"])
        await client.get_by_label("Contraseña", exact=True).fill(jordan["password"])
        await client.get_by_role("button", name="Iniciar sesión", exact=True).click()

        # the account is in English still, which goes before the browser
        await client.get_by_label("Language of these pages").select_option("es")
        await client.get_by_role("button", name="Change language").click()
        await expect(client.get_by_text("Se cambió el idioma.")).to_be_visible()
        await expect(client.locator("html")).to_have_attribute("lang", "es-US")

        # what was agreed to in English holds; withdrawn, it is asked for in Spanish
        await client.goto(whole.address("portal") + "/portal/preferences")
        if await client.get_by_text("Usted aceptó").is_visible():
            await client.get_by_text("Retirar mi consentimiento").first.click()
            await client.get_by_role("button", name="Retirar mi consentimiento").click()
            await expect(client.get_by_text("Se retiró su consentimiento.")).to_be_visible()

        await client.goto(whole.address("portal") + asked.portal)
        await expect(client.get_by_text("Pendiente de revisión")).to_be_visible()
        await client.get_by_role("button", name="Agregar firma").click()
        await expect(client.get_by_text("Con este consentimiento, usted lee y firma aquí")).to_be_visible()
        await client.get_by_role("button", name="Acepto").click()
        await expect(client.get_by_text("Para continuar, dibuje su firma y marque la casilla.")).to_be_visible()
        await draw(client)
        await client.get_by_role("button", name="Borrar").click()
        await draw(client)
        await client.get_by_label("He leído este documento y lo firmo.").check()
        await client.get_by_role("button", name="Continuar").click()
        await expect(client.get_by_text("Usted firma Discharge Summary del")).to_be_visible()
        await client.get_by_role("button", name="Firmar documento").click()
        await expect(client.locator("#state")).to_contain_text("Gracias, el documento está firmado.")
        await expect(client.locator("[data-live=tag]")).to_contain_text("Firmado")
        async with client.expect_download() as downloading:
            await client.get_by_role("link", name="Descargar").first.click()
        await (await downloading.value).save_as(tmp_path / "signed.pdf")

        await client.goto(whole.address("portal") + "/portal/account")
        await client.get_by_label("Idioma de estas páginas").select_option("en")
        await client.get_by_role("button", name="Cambiar idioma").click()
        await expect(client.get_by_text("The language is changed.")).to_be_visible()
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "signed.pdf").pages)
    for fact in ("Jordan Rivera", "He leído este documento y lo firmo.", f"{EDITION}-es."):
        assert fact in text


async def test_a_decline_without_a_script_shows_in_the_chart_by_itself(whole: Whole, browser: Browser) -> None:
    provider, jordan = whole.sign_in("staff", "provider"), whole.sign_in("clients", "Jordan")
    asked = await asked_of(whole, "Initial Assessment", provider_too=False)
    async with (
        visitor(browser, viewport={"width": 1440, "height": 900}) as staff,
        visitor(browser, viewport={"width": 390, "height": 844}, java_script_enabled=False) as client,
    ):
        await staff.goto(whole.address("chart") + asked.chart)
        await sign_in(staff, provider)
        note = staff.get_by_role("row").filter(has_text="Initial Assessment")
        await expect(note).to_contain_text("Pending signature")
        await client.goto(whole.address("portal") + asked.portal)
        await sign_in(client, jordan)
        await client.get_by_role("link", name="Decline or ask for a correction").click()
        await client.get_by_label("Ask for a correction").check()
        await client.get_by_label("What should the practice know?").fill("The date of birth is wrong.")
        await client.get_by_role("button", name="Continue").click()
        await expect(client.get_by_text("The date of birth is wrong.")).to_be_visible()
        await client.get_by_role("button", name="Ask for a correction").click()
        await expect(client.get_by_text("The practice has been told.")).to_be_visible()
        await expect(note).to_contain_text("Correction requested")


async def check_sealed(whole: Whole, signed: bytes) -> None:
    trusted = (whole.data / "seal" / "certificate.pem").read_bytes()
    found = pdf.verify(signed, trusted)
    assert found.valid, found
    assert found.original_sha256
    original = await store_of(whole.data).get(found.original_sha256)
    assert signed.startswith(original)
    text = PdfReader(io.BytesIO(signed)).pages[-1].extract_text()
    for fact in ("Jordan Rivera", "self", found.original_sha256, "I have read this document and sign it.", "Drawn"):
        assert fact in text


async def test_an_operator_reads_payloads_in_the_temporal_ui_and_nobody_else_does(
    whole: Whole, browser: Browser
) -> None:
    ui, bearer = whole.address("temporal_ui"), {"authorization": f"Bearer {whole.facts()['api_key']}"}
    async with httpx2.AsyncClient(
        base_url=whole.address("api") + "/api/v1", headers=bearer, timeout=PATIENCE
    ) as integration:
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
