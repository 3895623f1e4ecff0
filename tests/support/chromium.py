"""A Chromium that is already there, for tests in a real browser and for pictures; the line itself needs none."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip


def find_chromium() -> str | None:
    """`THONGSUOT_CHROMIUM`, or the first known browser on PATH."""
    configured = os.environ.get("THONGSUOT_CHROMIUM")
    return configured or next((path for name in NAMES if (path := shutil.which(name))), None)
