"""A Chromium that is already there, for tests in a real browser and for pictures; the line itself needs none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
# Where `playwright install chromium` puts its own (PLAYWRIGHT_BROWSERS_PATH, or the user's cache).
PLAYWRIGHT = ("chromium_headless_shell-*/*/*headless*shell", "chromium-*/*/chrome")
QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
HOW_TO_GET_ONE = (
    "`apt-get install chromium` or `.venv/bin/playwright install chromium`, or name one in THONGSUOT_CHROMIUM"
)


def find_chromium() -> str | None:
    """`THONGSUOT_CHROMIUM`, or the first known browser on PATH, or Playwright's own, the newest first."""
    configured = os.environ.get("THONGSUOT_CHROMIUM")
    if configured:
        return configured
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or next((str(path) for pattern in PLAYWRIGHT for path in _list_downloaded(pattern)), None)


def _list_downloaded(pattern: str) -> list[Path]:
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright"
    return sorted((path for path in Path(folder).glob(pattern) if os.access(path, os.X_OK)), reverse=True)
