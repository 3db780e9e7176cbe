"""The labels of the help article stand on our pages to the letter, and the list of them forgets none."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.pages.addresses import CHART, DOCUMENTS, REVIEW
from tests.pages.records import SIGNED
from tests.pages.stage import Stage

ARTICLE = Path(__file__).parents[3] / "shared/seed/sharing-documents-for-signature.txt"
PAGES = {
    "Chart Room": "/charts",
    "chart": CHART,
    "Documents": DOCUMENTS,
    "inbox": "/portal/inbox",
    "My Documents": "/portal/documents",
    "review": REVIEW,
    "signed document": f"/portal/documents/{SIGNED.id}",
}
LISTED = [
    (page, label)
    for line in Path(__file__).with_name("labels.txt").read_text().splitlines()
    if not line.startswith("#")
    for page, _, labels in [line.partition(": ")]
    for label in labels.split(", ")
]
NO_LABELS = {
    *("Downloads", "How to Activate", "The", "Sends"),  # a folder of the device, another article, and sentences
    *("You Begin", "Signature", "Client Experiences", "Notification", "Signing", "Signed Document", "Help"),  # headings
    *("Sign", "Plan", "Notice Information"),  # of headings too
}


@pytest.fixture(scope="module")
def browser() -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patched, TestClient(Stage().app(patched.setattr)) as client:
        yield client


@pytest.mark.parametrize(("page", "label"), LISTED)
def test_a_label_of_the_article_stands_to_the_letter(browser: TestClient, page: str, label: str) -> None:
    shown = re.findall(r">\s*([^<>]*?)\s*<", unescape(browser.get(PAGES[page]).text))
    assert label in shown


@pytest.mark.skipif(not ARTICLE.exists(), reason="the article itself is no part of the clone")
def test_no_label_of_the_article_is_forgotten() -> None:
    article = ARTICLE.read_text()
    listed = {label for _, label in LISTED}
    assert {label for label in listed if label.lower() not in article.lower()} == set()
    # names of things are capitalised within sentences
    named = set(re.findall(r"(?<=[a-z,/] )([A-Z][a-z]+(?: (?:(?:to|and) )?[A-Z][a-z]+)*)", article))
    assert named - listed - NO_LABELS == set()
