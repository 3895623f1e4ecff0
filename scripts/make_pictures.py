"""The pictures of README and docs, taken from what an installation shows now: brief, reports, Dagster, Superset.

`make pictures` after `make run`. What this machine lacks is said in words, the rest is made; a page that does not come
up is named, and its picture stays as it was.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image
from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from pipelines.exports.brief.paper import draw_pages
from pipelines.runs.ports import find_ui
from pipelines.settings import PROJECT, Settings
from pipelines.superset import process as superset
from scripts.pages_in_pictures import DASHBOARDS, Picture, list_files, list_ui
from tests.support.chromium import HOW_TO_GET_ONE, QUIET, find_chromium

PICTURES = PROJECT / "docs" / "pictures"
WIDTH, HEIGHT = 1200, 860
PAPER_DOTS_PER_INCH = 96
UI_PORT, SUPERSET_PORT = 3099, 8099
START_SECONDS, PAGE_SECONDS = 120, 120
# So long nothing is asked any more: then the last chart is drawn. A page that keeps asking is taken at last.
QUIET_SECONDS, UNQUIET_SECONDS = 4, 45
UNREADY = re.compile("Waiting on|Loading")
COLOURS = 255


def main() -> int:
    settings = Settings.from_env()
    brief = settings.exports / "brief.html"
    if not brief.exists():
        print(f"There is no {brief}: `make run` first.", file=sys.stderr)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    keep(draw_pages(brief.read_text(encoding="utf-8"), PAPER_DOTS_PER_INCH)[0], "brief-paper")
    executable = find_chromium()
    if executable is None:
        print(
            f"No Chromium: only the brief on paper was drawn; for the rest {HOW_TO_GET_ONE}.", file=sys.stderr
        )
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", *QUIET])
        failures = [
            *take_all(browser, list_files(settings)),
            *take_ui(browser, settings),
            *take_dashboards(browser, settings),
        ]
        browser.close()
    for failure in failures:
        print(failure, file=sys.stderr)
    return bool(failures)


def take_ui(browser: Browser, settings: Settings) -> list[str]:
    """Of the UI that runs on this data directory, or of one that is started for it."""
    running_ui = find_ui(settings)
    if running_ui:
        return take_all(browser, list_ui(settings, running_ui))
    command = [sys.executable, "-m", "pipelines.cli", "ui", "--port", str(UI_PORT)]
    address = f"http://127.0.0.1:{UI_PORT}"
    with started(command, f"{address}/server_info") as is_up:
        if not is_up:
            return ["Dagster did not answer: its pictures are as they were."]
        return take_all(browser, list_ui(settings, address))


def take_dashboards(browser: Browser, settings: Settings) -> list[str]:
    if not superset.is_installed():
        return ["Superset is not installed (`make superset` does that): its pictures are as they were."]
    with superset.serve(settings, SUPERSET_PORT) as server:

        def log_in(page: Page) -> None:
            page.goto(f"{server.url}/login/")
            page.fill("#username", server.viewer)
            page.fill("#password", server.viewer_password)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "/login" not in url)

        return take_all(browser, [picture.at(server.url) for picture in DASHBOARDS], log_in)


def take_all(
    browser: Browser, pictures: list[Picture], prepare: Callable[[Page], None] = lambda page: None
) -> list[str]:
    """Take each picture; what failed, in words."""
    failures = []
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    open_requests: set[Request] = set()
    page.on("request", lambda request: open_requests.add(request))
    page.on("requestfinished", lambda request: open_requests.discard(request))
    page.on("requestfailed", lambda request: open_requests.discard(request))
    prepare(page)
    for picture in pictures:
        try:
            keep(take(page, picture, open_requests), picture.name)
        except Error as error:
            failures.append(f"{picture.name}: {error.message.splitlines()[0]} ({picture.address})")
    page.close()
    return failures


def take(page: Page, picture: Picture, open_requests: set[Request]) -> bytes:
    page.set_viewport_size({"width": picture.width or WIDTH, "height": max(HEIGHT, picture.height)})
    page.goto(picture.address, wait_until="load", timeout=PAGE_SECONDS * 1000)
    for text in picture.texts:
        page.get_by_text(text).first.wait_for(timeout=PAGE_SECONDS * 1000)
    if picture.is_served:
        await_silence(page, open_requests)
    if picture.part:
        return page.locator(picture.part).first.screenshot()
    return page.screenshot(
        clip={"x": 0, "y": 0, "width": picture.width or WIDTH, "height": picture.height or HEIGHT}
    )


def await_silence(page: Page, open_requests: set[Request]) -> None:
    """Until the page has asked nothing for a while, and says of nothing that it waits; at most UNQUIET_SECONDS."""
    deadline, silent_since = time.monotonic() + UNQUIET_SECONDS, time.monotonic()
    while time.monotonic() < min(deadline, silent_since + QUIET_SECONDS):
        page.wait_for_timeout(250)
        if open_requests or page.get_by_text(UNREADY).count():
            silent_since = time.monotonic()


def keep(png: bytes, name: str) -> None:
    """With a palette: letters stay sharp, and the repository small."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    path = PICTURES / f"{name}.png"
    few.save(path, optimize=True)
    print(f"{path} ({path.stat().st_size // 1000} kB)")


@contextmanager
def started(command: list[str], health: str) -> Iterator[bool]:
    """A server for as long as the pictures need it; whether it answered in time."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ, **quiet) as process:
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
