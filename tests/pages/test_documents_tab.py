"""The Documents tab is narrowed and ordered by its address; an upload can be dropped, and shows its way."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from playwright.async_api import Page, expect

from api.pages.arrangement import Arrangement, Order, Show
from chart.document import Kind
from pdf import Limits, Reason, Unfit
from tests.browsers import chromium, visitor
from tests.pages.records import CLIENT, PENDING, PLAN, PSYCHOTHERAPY, SIGNED, STUCK, SUPERBILL
from tests.pages.served import served
from tests.pages.stage import Stage

DOCUMENTS = f"/charts/{CLIENT}/documents"
ALL = [PENDING, SIGNED, PLAN, SUPERBILL, PSYCHOTHERAPY, STUCK]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ALL),
        ({"show": "nonsense", "kind": "x", "order": "?"}, ALL),
        ({"order": "oldest"}, ALL[::-1]),
        ({"show": "signed"}, [SIGNED]),
        ({"show": "waiting"}, [PENDING, STUCK]),
        ({"show": "not-shared"}, [PLAN, PSYCHOTHERAPY]),
        ({"show": "shared", "kind": "document"}, [SUPERBILL]),
        ({"kind": "clinical_note", "order": "type"}, [SIGNED, STUCK, PENDING]),
        ({"order": "status", "kind": "clinical_note"}, [STUCK, PENDING, SIGNED]),
    ],
)
def test_documents_are_narrowed_and_ordered(asked: dict[str, str], found: list[object]) -> None:
    assert Arrangement.read(asked.get("kind", ""), asked.get("show", ""), asked.get("order", "")).of(ALL) == found


def test_what_is_asked_for_says_whether_it_narrows() -> None:
    assert not Arrangement(None, Show.ALL, Order.TYPE).narrows
    assert Arrangement(Kind.DOCUMENT, Show.ALL, Order.NEWEST).narrows


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with TestClient(Stage().app(monkeypatch.setattr), follow_redirects=False) as client:
        yield client


def test_the_page_works_without_a_script_and_leads_back_to_everything(browser: TestClient) -> None:
    page = browser.get(f"{DOCUMENTS}?show=signed&kind=clinical_note").text
    assert re.findall(r'<tr role="row" id="document-([0-9a-f-]{36})"', page) == [str(SIGNED.id)]
    assert '<option value="signed" selected>' in page
    assert "Show all documents" in page
    assert "Nothing fits." in browser.get(f"{DOCUMENTS}?show=signed&kind=treatment_plan").text
    assert "Show all documents" not in browser.get(DOCUMENTS).text


# -- the upload, in a real browser

DROP = """() => {
  const dropped = new DataTransfer();
  dropped.items.add(new File(['%PDF-1.7'], 'note.pdf', { type: 'application/pdf' }));
  const form = document.querySelector('[data-upload]');
  for (const kind of ['dragover', 'drop'])
    form.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: dropped }));
  return form.elements.file.files[0].name;
}"""


async def form_at(page: Page, at: str) -> None:
    await page.goto(f"{at}{DOCUMENTS}/new")
    await expect(page.locator("[data-drop]")).to_be_visible()


async def test_a_dropped_file_is_sent_and_a_refusal_keeps_it() -> None:
    stage = Stage(raises=Unfit(Reason.TOO_LARGE, Limits()))
    with served(stage) as at:
        async with chromium() as browser, visitor(browser, expected="422") as page:
            await form_at(page, at)
            assert await page.evaluate(DROP) == "note.pdf"
            await page.select_option("#kind", "treatment_plan")
            await page.get_by_role("button", name="Add document").click()
            problem = page.locator("[data-problem]")
            await expect(problem).to_contain_text("This file is larger than")
            await expect(problem).to_be_focused()
            assert await page.evaluate("document.querySelector('#file').files.length") == 1
            stage.raises = None
            await page.get_by_role("button", name="Add document").click()
            await expect(page.locator("[data-notification]")).to_contain_text("The document is in the chart.")
    ((act, given),) = stage.done
    assert (act, given["kind"], given["content"]) == ("upload", Kind.TREATMENT_PLAN, b"%PDF-1.7")
