"""The brief as PDF by a Chromium that is already there; without one the page itself prints the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipelines.masking import list_public_variables

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
QUIET = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
SECONDS = 60

NO_PDF = "no PDF: no Chromium found (set THONGSUOT_CHROMIUM); the page prints on A4 as it is"


def find_chromium() -> str | None:
    """`THONGSUOT_CHROMIUM`, or the first known browser on PATH."""
    configured = os.environ.get("THONGSUOT_CHROMIUM")
    return configured or next((path for name in NAMES if (path := shutil.which(name))), None)


def print_pdf(page: Path, pdf: Path) -> str:
    """Print `page` to `pdf`; what happened, in words. A brief without its PDF is no failure."""
    browser = find_chromium()
    if browser is None:
        return NO_PDF
    draft = pdf.with_suffix(".pdf.partial")
    with tempfile.TemporaryDirectory(prefix="thongsuot-") as profile:
        command = [browser, *QUIET, f"--user-data-dir={profile}", "--no-pdf-header-footer",
                   f"--print-to-pdf={draft}", page.as_uri()]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses to run as root with its sandbox
        try:
            output = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env=list_public_variables(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no PDF: {browser}: {error}"
    if output.returncode or not draft.exists():
        return f"no PDF: {browser} ended with {output.returncode}: {output.stderr[-300:].strip()}"
    draft.replace(pdf)
    return str(pdf)
