"""Which code made a release: the git commit, and whether the tree was dirty."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path


def code_version(project: Path) -> str:
    """`<40 hex>` or `<40 hex>+dirty`; the package version where the project is no git checkout."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(project), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return f"thongsuot {version('thongsuot')}"
