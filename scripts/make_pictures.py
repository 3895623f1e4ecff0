"""The pictures of README and docs, taken from what an installation shows now: brief, reports, Dagster, Superset.

`make pictures` after `make run`. A page that cannot be brought up is named and left as it was.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from pipelines.settings import PROJECT, Settings
from pipelines.superset import process as superset
from tests.support.chromium import QUIET, find_chromium

PICTURES = PROJECT / "docs" / "pictures"
WIDTH, HEIGHT = 1200, 860
UI_PORT, SUPERSET_PORT = 3099, 8099
START_SECONDS = 120
# Picture → page under the address of Dagster's web server.
UI_PAGES = {
    "dagster-lineage": "/asset-groups",
    "dagster-mart": "/assets/marts/online_submission_headline",
    "dagster-partition": "/assets/landing/dossier_log?view=partitions&partition=2025-08-06",
}
SUPERSET_PAGES = {name: f"/superset/dashboard/{name}/" for name in ("online-submission", "service-quality")}


def main() -> int:
    settings, executable = Settings.from_env(), find_chromium()
    if executable is None or not (settings.exports / "brief.html").exists():
        print("pictures need a Chromium (THONGSUOT_CHROMIUM) and a release (`make run`)", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", *QUIET])
        take_files(browser, settings)
        take_ui(browser)
        take_dashboards(browser, settings)
        browser.close()
    return 0


def take_files(browser: Browser, settings: Settings) -> None:
    """What lies on disk: the brief, a commune's page, the map, the newest validation report of the log."""
    brief = settings.exports / "brief.html"
    page = open_page(browser)
    page.goto(brief.as_uri())
    save(page, "brief")
    if page.locator("#map").count():
        page.locator("#map").screenshot(path=PICTURES / "brief-map.png")
    page.locator("#index").screenshot(path=PICTURES / "brief-index.png")
    for name, paths in (
        ("brief-commune", sorted((settings.exports / "brief").glob("*.html"))[:1]),
        ("report", sorted(settings.quality.glob("dossier_log/*/*.html"))[-1:]),
    ):
        for path in paths:
            page.goto(path.as_uri())
            save(page, name)
    page.close()


def take_ui(browser: Browser) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "ui", "--port", str(UI_PORT)]
    with running(command, f"http://127.0.0.1:{UI_PORT}/server_info") as is_up:
        if not is_up:
            print("Dagster did not answer: its pictures are left as they were", file=sys.stderr)
            return
        page = open_page(browser)
        for name, address in UI_PAGES.items():
            page.goto(f"http://127.0.0.1:{UI_PORT}{address}", wait_until="networkidle")
            page.wait_for_timeout(4000)
            save(page, name)
        page.close()


def take_dashboards(browser: Browser, settings: Settings) -> None:
    if not superset.is_installed():
        print(
            "Superset is not installed (`make superset`): its pictures are left as they were", file=sys.stderr
        )
        return
    with superset.serve(settings, SUPERSET_PORT) as server:
        page = open_page(browser, height=1500)
        page.goto(f"{server.url}/login/")
        page.fill("#username", server.viewer)
        page.fill("#password", server.viewer_password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        for name, address in SUPERSET_PAGES.items():
            page.goto(f"{server.url}{address}", wait_until="networkidle")
            page.wait_for_timeout(8000)
            save(page, f"superset-{name}")
        page.close()


def open_page(browser: Browser, height: int = HEIGHT) -> Page:
    return browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")


def save(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")


@contextmanager
def running(command: list[str], health: str) -> Iterator[bool]:
    """A server for as long as the pictures need it; whether it answered in time."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _answers(health, process)
        finally:
            process.terminate()


def _answers(health: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return True
        except OSError:
            time.sleep(1)
    return False


if __name__ == "__main__":
    sys.exit(main())
