"""What a phone loads before a client can sign, beside the document itself."""

import re
from http import HTTPStatus

import pytest
from fastapi.testclient import TestClient

from api import languages
from api.pages import static
from api.pages.bundle import bundle
from tests.browsers import chromium, visitor
from tests.pages.addresses import EVERY_PAGE, REVIEW
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
    assert len(ours) > 4, "the page, its style and its scripts"
    assert sum(ours.values()) <= MOST, ours


async def test_a_move_of_the_pen_draws_only_what_is_new() -> None:
    """However long the signature is: a slow phone has 16 ms for a frame."""
    with served(Stage(consented=True)) as address:
        async with (
            chromium() as browser,
            visitor(browser, viewport={"width": 390, "height": 844}) as page,
        ):
            await page.goto(address + REVIEW)
            await page.locator("[data-add-signature]").click()
            box = await page.locator("signature-pad").bounding_box()
            assert box
            await page.evaluate(COUNT)
            await page.mouse.move(box["x"] + 20, box["y"] + 20)
            await page.mouse.down()
            for step in range(1, 120):
                await page.mouse.move(box["x"] + 20 + step, box["y"] + 20 + 60 * (step % 2))
            moved = await page.evaluate("window.counted.moves")
            await page.mouse.up()
            points = await page.evaluate("document.querySelector('signature-pad').strokes[0].length")
            lifted = await page.evaluate("window.counted.moves") - moved
    assert points > 60
    # each point once while it is drawn, and all once more when the pen is lifted
    assert moved == lifted == points - 1


COUNT = """() => {
  window.counted = { moves: 0 };
  const { stroke } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.stroke = function () { window.counted.moves++; stroke.call(this); };
}"""


SCRIPTS = {file.stem: file.read_text() for file in static.FOLDER.glob("*.js")}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_bundle_holds_what_a_module_needs_and_that_first(name: str) -> None:
    whole = bundle([name, "page"], SCRIPTS)
    parts = re.findall(r"^run\('(\w+)'", whole, re.M)
    assert len(parts) == len(set(parts))
    for place, part in enumerate(parts):
        assert set(re.findall(r"\./(\w+)\.js", SCRIPTS[part])) <= set(parts[:place])
    assert not re.search(r"^(import|export)\b", whole, re.M), "a way to import or export that bundles do not know"


def test_a_page_asks_once_for_all_its_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the one that runs before anything is painted: each round of requests costs a phone a sixth of a second."""
    with TestClient(Stage().app(monkeypatch.setattr)) as reader:
        asked = {
            path: re.findall(r'<script[^>]+src="/static/\w+/([^"]+)"', reader.get(path).text) for path in EVERY_PAGE
        }
        for path, names in asked.items():
            assert names[0] == "theme.js", path
            assert len(names) == 2, path
            assert reader.get(f"/static/{static.VERSION}/{names[1]}").status_code == HTTPStatus.OK
        for unknown in ("page+other.js", "page+page.js", "+.js", "page+live", "page+pages.css"):
            assert reader.get(f"/static/{static.VERSION}/{unknown}").status_code == HTTPStatus.NOT_FOUND
