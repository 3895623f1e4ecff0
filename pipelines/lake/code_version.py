"""Which code made a release: the git commit, and whether the tree was dirty."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple


class CodeVersion(NamedTuple):
    """`commit`: 40 hex digits, or the package's version where the project is no git checkout."""

    commit: str
    is_dirty: bool


def code_version(project: Path) -> CodeVersion:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(project), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return CodeVersion(git("rev-parse", "HEAD"), bool(git("status", "--porcelain")))
    except (OSError, subprocess.CalledProcessError):
        return CodeVersion(f"thongsuot {version('thongsuot')}", False)
