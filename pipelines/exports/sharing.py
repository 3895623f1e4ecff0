"""Exports are for readers: what lies in their folder may be read by others, unlike all else that is written.

The data directory itself stays closed. A web server reaches the folder where the administrator mounts or copies it.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.plain_files import list_below

READABLE_FOLDER, READABLE_FILE = 0o755, 0o644


def share_exports(folder: Path) -> None:
    """Modes 0755 and 0644 for the folder of exports and all in it; links are left alone."""
    if not folder.is_dir():
        return
    for path in (folder, *list_below(folder)):
        if path.is_symlink() or path.name.endswith(".partial"):
            continue
        mode = READABLE_FOLDER if path.is_dir() else READABLE_FILE
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
