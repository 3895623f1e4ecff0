"""Copies of an installation that a test may spoil: what is never written twice is linked, the rest copied."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Batches, reports and the lake's data files are written under another name and renamed, then left alone.
WRITTEN_ONCE = {"landing": (".parquet", ".json"), "quality": (".parquet",), "lake": (".parquet",)}


def copy_installation(origin: Path, folder: Path, *left_out: str) -> None:
    """`folder` is made anew; symbolic links stay links. `left_out`: patterns of names, as a shell has them."""

    def link_or_copy(source: str, target: str) -> None:
        room = Path(source).relative_to(origin).parts[0]
        if source.endswith(WRITTEN_ONCE.get(room, ())) and not Path(source).is_symlink():
            os.link(source, target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        origin, folder, symlinks=True, copy_function=link_or_copy, ignore=shutil.ignore_patterns(*left_out)
    )
