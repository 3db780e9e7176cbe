"""What is long comes in parts, so that a slow phone need not wait for all of it; every part has an address."""

import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from playwright.async_api import expect

from api.pages.arrangement import MOST, Part
from tests.browsers import chromium, visitor
from tests.pages.records import CLIENT, PENDING, a_document
from tests.pages.served import served
from tests.pages.stage import Stage

DOCUMENTS = f"/charts/{CLIENT}/documents"
REVIEW = f"/portal/documents/{PENDING.id}"
MANY = [a_document(f"Note {number}") for number in range(2 * MOST + 7)]
LONG = replace(PENDING, pages=60)


def reader(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    return TestClient(stage.app(monkeypatch.setattr), follow_redirects=False)


def links(page: str) -> dict[str, str]:
    """Addresses of the parts around this one."""
    found = re.findall(r'href="([^"]+)" rel="(prev|next)"', page)
    return {which: address.replace("&amp;", "&") for address, which in found}


@pytest.mark.parametrize(("asked", "number"), [(1, 1), (0, 1), (2, 2), (3, 3), (4, 3), (10**5, 3)])
def test_a_part_is_one_that_there_is(asked: int, number: int) -> None:
    part = Part.read(MANY, asked)
    assert part.number == number
    assert list(part.documents) == MANY[part.first - 1 : part.last]
    assert Part.read([], asked).documents == []


def test_all_documents_of_a_chart_are_reached_from_part_to_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with reader(Stage(documents=MANY), monkeypatch) as staff:
        address, met = f"{DOCUMENTS}?kind=clinical_note&order=oldest", []
        pages = []
        while address:
            pages.append(staff.get(address).text)
            met += re.findall(r'<tr role="row" id="document-([0-9a-f-]{36})"', pages[-1])
            address = links(pages[-1]).get("next", "")
        assert met == [str(one.id) for one in MANY[::-1]]
        assert [len(re.findall("<tr role=.row. id=", page)) for page in pages] == [MOST, MOST, 7]
        assert f"{MOST + 1} to {2 * MOST} of {len(MANY)} documents" in pages[1]
        assert staff.get(links(pages[1])["prev"]).text == pages[0]
        # what is no number is the first
        assert links(staff.get(f"{DOCUMENTS}?page=-x").text).keys() == {"next"}


def test_all_pages_of_a_document_are_reached_without_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    with reader(Stage(documents=[LONG]), monkeypatch) as client:
        address, met = REVIEW, []
        while address:
            page = client.get(address).text
            met += [int(number) for number in re.findall(r'href="[^"]+/pages/(\d+)\.txt"', page)]
            assert page.count('fetchpriority="high"') == 1
            address = links(page).get("next", "")
        assert met == list(range(1, 61))
        assert links(page)["prev"].endswith("?page=41")
        assert client.get(f"{REVIEW}?page=41").text == client.get(links(page)["prev"]).text


async def test_who_reads_on_finds_the_next_pages_below_and_loads_no_others() -> None:
    with served(Stage(documents=[LONG])) as address:
        async with chromium() as browser, visitor(browser, viewport={"width": 390, "height": 844}) as page:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url) if ".webp" in request.url else None)
            await page.goto(address + REVIEW, wait_until="networkidle")
            await expect(page.locator(".pages li")).to_have_count(10)
            assert 0 < len(asked) < 8, "pictures of pages that nobody has come near"
            for count in (20, 30, 40, 50, 60):
                await page.locator(".pages li").last.scroll_into_view_if_needed()
                await expect(page.locator(".pages li")).to_have_count(count)
            await expect(page.locator("[data-more]")).to_have_count(0)
            numbers = await page.locator(".pages summary").all_text_contents()
    assert numbers == [f"Text of page {number}" for number in range(1, 61)]
