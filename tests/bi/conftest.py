"""Real browsers: collected where a Chromium is found, and always (so that it fails by name) with
`THONGSUOT_BI=on`, which `make test-bi` sets."""

from __future__ import annotations

import os

from pipelines.releases.exports import chromium

collect_ignore = (
    [] if chromium.find() or os.environ.get("THONGSUOT_BI") == "on" else ["test_brief_in_browser.py"]
)
