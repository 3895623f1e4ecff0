"""Drafts that a killed process left: files that were being written, and never became anything.

A draft names its process, `.<name>.<pid>.partial`; one whose process is gone is removed when the next run starts. So is
what DuckDB could not hold in memory (`duckdb_tmp/<pid>-<instance>`).
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime

from pipelines import duck
from pipelines.log import get_logger
from pipelines.runs.processes import is_process_since
from pipelines.settings import Settings

LOG = get_logger(__name__)
DRAFT = re.compile(r"^\..+\.(\d{1,10})\.partial$")
SPILLED = re.compile(r"^(\d{1,10})-\w+$")


def remove_drafts(settings: Settings) -> list[str]:
    """Remove drafts of landing and validation, and spilled rows, whose process is gone; their names."""
    removed = []
    drafts = [
        (DRAFT, path) for room in (settings.landing, settings.quality) for path in room.glob("*/*/.*.partial")
    ]
    spilled = [(SPILLED, path) for path in (settings.extensions.parent / duck.SPILL).glob("*")]
    for pattern, path in (*drafts, *spilled):
        match = pattern.match(path.name)
        try:
            changed_at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
            if match and not is_process_since(int(match[1]), changed_at):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path.name)
        except OSError as error:
            LOG.warning("a draft of a killed run stays", file=path.name, error=error.strerror)
    return sorted(removed)
