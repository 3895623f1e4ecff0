"""Real browsers and a real Superset: collected where they are installed, and always (so that they fail by
name) with `THONGSUOT_BI=on`, which `make test-bi` sets. `CI_SLOW=1` asks for Superset, too."""

from __future__ import annotations

import os
from contextlib import suppress

from pipelines.superset import process as superset
from tests.support import chromium


def has_odbc() -> bool:
    """unixODBC's library and the driver are the system's: `apt-get install unixodbc odbc-postgresql`."""
    with suppress(ImportError):
        import pyodbc

        return "PostgreSQL Unicode" in pyodbc.drivers()
    return False


collect_ignore = []
if os.environ.get("THONGSUOT_BI") != "on":
    if not chromium.find_chromium():
        collect_ignore.append("test_brief_in_browser.py")
    if not superset.is_installed() and os.environ.get("CI_SLOW") != "1":
        collect_ignore.append("test_superset.py")
    if not has_odbc():
        collect_ignore.append("test_odbc.py")
