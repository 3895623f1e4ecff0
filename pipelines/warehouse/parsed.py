"""What dbt parsed: kept in a data directory with a mark of what it was parsed from, and once for all of them.

A parse costs more than the build of a small province and depends on the project alone, so the environment
that dbt is installed in keeps it for every data directory; so it does with what else follows from the project.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.landing.batches import write_json

# dbt's own copy of what it parsed is faster to read than the manifest; the mark says what it was parsed from.
MANIFEST, PARSED, MARK = "manifest.json", "partial_parse.msgpack", "parsed_from.sha256"
SHARED = Path(sys.prefix) / "var" / "thongsuot" / "parsed"
# Other checkouts of the project may use the same environment.
PARSES_KEPT = 4


def is_current(project: Path, target: Path) -> bool:
    """Whether `target` holds a parse of this project by this dbt, and nobody else's.

    To the byte, and by the environment's own copy where there is one: what the manifest says of a mart decides which
    of its counts are withheld from the public.
    """
    mark, shared = target / MARK, find_shared(project)
    if not mark.exists() or mark.read_text(encoding="utf-8") != _hash_parse(project, target):
        return False
    names = [name for name in (MANIFEST, PARSED) if (shared / name).is_file()]
    is_shared = all(filecmp.cmp(shared / name, target / name, shallow=False) for name in names)
    return is_shared and _is_whole(target / MANIFEST)


def _is_whole(manifest: Path) -> bool:
    """A full disk, or a kill, leaves a manifest that is cut: it is made anew, like any other derived file."""
    try:
        json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def mark_current(project: Path, target: Path) -> None:
    (target / MARK).write_text(_hash_parse(project, target), encoding="utf-8")


def copy_shared(project: Path, target: Path) -> bool:
    """Bring the environment's parse of this project into `target`; False where it has none."""
    return _copy_parse(find_shared(project), target)


def share_parse(project: Path, target: Path) -> None:
    """Keep the parse in `target` for other data directories; an environment that is read-only keeps none."""
    shared = find_shared(project)
    draft = shared.with_name(f".{shared.name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        if _copy_parse(target, draft):
            shutil.rmtree(shared, ignore_errors=True)
            draft.rename(shared)
        parses = sorted(SHARED.glob("[!.]*"), key=lambda path: path.stat().st_mtime)
    except OSError:
        parses = []
    for earlier in [draft, *parses[:-PARSES_KEPT]]:
        shutil.rmtree(earlier, ignore_errors=True)


def find_shared(project: Path) -> Path:
    """Named by the content, and by the place: a seed's node names the folder that it was parsed in."""
    place = hashlib.sha256(f"{project.resolve()} {hash_project(project)}".encode())
    return SHARED / place.hexdigest()[:16]


def read_derived(project: Path, target: Path, name: str, version_key: str) -> Any | None:
    """What `write_derived` kept under this name for this project and this dbt; None where it did not."""
    expected = f"{hash_project(project)} {version_key}"
    for path in (find_shared(project) / name, target / name):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["of"] == expected:
                return kept["content"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def write_derived(project: Path, target: Path, name: str, version_key: str, content: object) -> None:
    """Keep what follows from the project alone beside the environment's parse, else in this data directory."""
    of = f"{hash_project(project)} {version_key}"
    for path in (find_shared(project) / name, target / name):
        try:
            write_json(path, {"of": of, "content": content})
            return
        except OSError:  # an environment that is read-only
            continue


def _copy_parse(origin: Path, target: Path) -> bool:
    """Whether `origin` had both files of a parse; then `target` has them too, each whole."""
    if not _is_whole(origin / MANIFEST):
        return False
    try:
        for name in (MANIFEST, PARSED):
            draft = target / f".{name}.{os.getpid()}"
            shutil.copyfile(origin / name, draft)
            draft.replace(target / name)
    except OSError:
        return False
    return True


def hash_project(project: Path) -> str:
    """SHA-256 of every file of the project and of dbt's versions.

    By content: a file that is gone, or older than the manifest it comes after, is another project too.
    """
    folders = [project / name for name in ("models", "seeds", "macros", "tests")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    files += [project / "dbt_project.yml", project / "profiles.yml"]
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(project)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _hash_parse(project: Path, target: Path) -> str:
    """SHA-256 of the project and of what was parsed from it, both files."""
    digest = hashlib.sha256(hash_project(project).encode())
    for path in (target / PARSED, target / MANIFEST):
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
