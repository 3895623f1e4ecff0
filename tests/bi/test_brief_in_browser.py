"""The brief in a real Chromium: nothing fetched, nothing said on the console, nothing cut off, two pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from pipelines.exports.brief import chromium
from tests.conftest import Province
from tests.integration.test_exports import hold_against_the_marts

pytestmark = [pytest.mark.slow, pytest.mark.bi]
WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def address(small_province: Province) -> str:
    return (small_province.settings.exports / "brief.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium.find_chromium()
    assert executable, "no Chromium: install one, or name it in THONGSUOT_CHROMIUM"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", *chromium.QUIET]
        )
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param)
    opened = context.new_page()
    opened.goto(address)
    yield opened
    context.close()


def test_nothing_is_fetched_and_the_console_stays_silent(browser: Browser, address: str) -> None:
    context = browser.new_context()
    opened = context.new_page()
    requests: list[str] = []
    messages: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.goto(address, wait_until="networkidle")
    opened.locator("label.switch").click()
    context.close()
    assert requests == [address] and messages == []


def test_every_figure_a_reader_sees_is_what_its_mart_says(page: Page, small_province: Province) -> None:
    seen = page.evaluate(
        """[...document.querySelectorAll('data')].filter(e => e.checkVisibility()).map(e => [
            Object.fromEntries([...e.attributes].map(a => [a.name, a.value])), e.innerText.trim()])"""
    )
    # The page opens in Vietnamese: the figures of the English sentences are the hidden ones.
    counts = [page.locator(selector).count() for selector in ("data", ".en data")]
    assert len(seen) == counts[0] - counts[1] > 0
    hold_against_the_marts(seen, small_province.settings.exports / "marts.duckdb")


def test_nothing_is_wider_than_a_phone_a_tablet_or_a_desk(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for language in ("vi", "en"):
            page.locator("#en").set_checked(language == "en", force=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            cut = page.evaluate(
                """[...document.querySelectorAll('data, td, th, li, p, h1, h2')].filter(e => {
                    const box = e.getBoundingClientRect();
                    return box.width && (box.right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1
                        && getComputedStyle(e).display !== 'inline');
                }).map(e => e.textContent.trim().slice(0, 60))"""
            )
            assert cut == [], (width, language)


def test_it_is_accessible_in_both_languages_and_both_schemes(page: Page) -> None:
    for english in (False, True):
        page.locator("#en").set_checked(english, force=True)
        results = Axe().run(page)
        violations = [
            (v["id"], v["impact"], v["nodes"][0]["html"][:120]) for v in results.response["violations"]
        ]
        assert violations == []


def test_the_switch_shows_one_language_at_a_time(page: Page) -> None:
    assert page.get_by_text("Sổ nhiệm vụ", exact=True).is_visible()
    assert not page.get_by_text("Task ledger", exact=True).is_visible()
    page.locator("label.switch").click()
    assert page.get_by_text("Task ledger", exact=True).is_visible()
    assert not page.get_by_text("Sổ nhiệm vụ", exact=True).is_visible()


def test_it_prints_on_two_a4_pages(browser: Browser, address: str, tmp_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")  # printing is light whatever the screen is
    opened = context.new_page()
    opened.goto(address)
    printed = opened.pdf(prefer_css_page_size=True, print_background=True)
    context.close()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


def test_the_line_itself_left_a_pdf_of_two_pages(small_province: Province) -> None:
    pdf = small_province.settings.exports / "brief.pdf"
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 2
