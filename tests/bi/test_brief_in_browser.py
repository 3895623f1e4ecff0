"""The brief and a commune's page in a real Chromium: nothing fetched, no word on the console, nothing cut off, A4."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader

from tests.conftest import Province
from tests.integration.test_exports import hold_against_the_marts
from tests.support import chromium

pytestmark = [pytest.mark.slow, pytest.mark.bi]
WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def addresses(small_province: Province) -> dict[str, str]:
    """The brief, and the page of the commune that has most to do."""
    exports = small_province.settings.exports
    communes = sorted((exports / "brief").iterdir(), key=lambda path: (path.stat().st_size, path.name))
    return {"brief": (exports / "brief.html").as_uri(), "commune": communes[-1].as_uri()}


@pytest.fixture(params=["brief", "commune"])
def address(addresses: dict[str, str], request: pytest.FixtureRequest) -> str:
    return addresses[request.param]


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
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
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
        for language, is_open in itertools.product(("vi", "en"), (False, True)):
            page.locator("#en").set_checked(language == "en", force=True)
            page.evaluate(
                f"document.querySelectorAll('details').forEach(d => d.open = {str(is_open).lower()})"
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            cut = page.evaluate(
                """[...document.querySelectorAll('data, td, th, li, p, h1, h2, summary, svg')].filter(e => {
                    const box = e.getBoundingClientRect();
                    return box.width && (box.right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1
                        && getComputedStyle(e).display !== 'inline');
                }).map(e => e.textContent.trim().slice(0, 60))"""
            )
            assert cut == [], (width, language, is_open)
            broken = page.evaluate(
                """[...document.querySelectorAll('.huge, .big')].filter(e =>
                    e.offsetHeight > 1.5 * parseFloat(getComputedStyle(e).lineHeight)).map(e => e.textContent)"""
            )
            assert broken == [], (width, language)


def test_it_is_accessible_in_both_languages_and_both_schemes(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    for english in (False, True):
        page.locator("#en").set_checked(english, force=True)
        results = Axe().run(page)
        violations = [
            (v["id"], v["impact"], v["nodes"][0]["html"][:120]) for v in results.response["violations"]
        ]
        assert violations == []


def test_the_switch_shows_one_language_at_a_time_and_the_document_says_which(page: Page) -> None:
    heading_vi, heading_en = page.locator("h2").first.locator(".vi"), page.locator("h2").first.locator(".en")
    titles = [page.title()]
    assert heading_vi.is_visible() and not heading_en.is_visible()
    assert page.evaluate("document.documentElement.lang") == "vi"
    page.locator("label.switch").click()
    titles.append(page.title())
    assert heading_en.is_visible() and not heading_vi.is_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert titles[0] != titles[1] and "Nghệ An" in titles[0] and "Nghệ An" in titles[1]
    page.reload()
    assert page.evaluate("document.documentElement.lang") == "en", (
        "the next page opens in the reader's language"
    )


def test_a_commune_is_one_step_from_the_brief_and_back(browser: Browser, addresses: dict[str, str]) -> None:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(addresses["brief"])
    name = opened.locator("#communes a").first.inner_text()
    opened.locator("#communes a").first.click()
    assert opened.locator("h1").inner_text() == name
    opened.locator("header a").first.click()
    assert opened.url == addresses["brief"]
    context.close()


def test_what_only_a_server_answers_is_no_link_in_a_file(browser: Browser, addresses: dict[str, str]) -> None:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(addresses["brief"])
    assert [link.is_visible() for link in opened.locator("[data-served]").all()] == [False, False]
    context.close()


def count_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_the_brief_prints_on_four_a4_pages_and_a_commune_on_few(
    browser: Browser, addresses: dict[str, str]
) -> None:
    context = browser.new_context(color_scheme="dark")  # printing is light whatever the screen is
    opened = context.new_page()
    counts = {}
    for name, address in addresses.items():
        opened.goto(address)
        counts[name] = count_pages(opened.pdf(prefer_css_page_size=True, print_background=True))
    context.close()
    assert counts["brief"] == 4 and counts["commune"] <= 3


def test_the_core_stands_on_the_first_two_pages(browser: Browser, addresses: dict[str, str]) -> None:
    """In the layout of paper (A4 less its margins, 96 dots per inch), from the top."""
    context = browser.new_context(viewport={"width": 703, "height": 1047})
    opened = context.new_page()
    opened.goto(addresses["brief"])
    opened.emulate_media(media="print")
    bottom = {
        part: opened.evaluate(f"document.getElementById('{part}').getBoundingClientRect().bottom")
        for part in ("tasks", "issues", "resolved", "ends", "map")
    }
    context.close()
    assert bottom["tasks"] < 1047 and all(end < 2 * 1047 for end in bottom.values()), bottom


def test_the_pdf_says_what_a_browser_prints(
    browser: Browser, addresses: dict[str, str], small_province: Province
) -> None:
    """Letter by letter (words touch where labels of a drawing do), each figure of the print, on no more pages."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(addresses["brief"])
    opened.emulate_media(media="print")
    printed, title = opened.evaluate("document.body.innerText"), opened.title()
    figures = opened.evaluate(
        "[...document.querySelectorAll('data')].filter(e => e.checkVisibility()).map(e => e.innerText.trim())"
    )
    context.close()
    pages = PdfReader(small_province.settings.exports / "brief.pdf").pages
    text = " ".join(page.extract_text() for page in pages)
    footers = "".join(f"{title}{number}/{len(pages)}" for number in range(1, len(pages) + 1))
    assert len(pages) <= 4
    assert count_letters(text) == count_letters(printed) + count_letters(footers)
    missing = Counter(figures) - Counter(figure for figure in figures if figure in " ".join(text.split()))
    assert figures and not missing


def count_letters(text: str) -> Counter[str]:
    return Counter("".join(character for character in text.casefold() if character.isalnum()))
