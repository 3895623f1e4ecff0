"""Where backups rest: each content once, by its SHA-256, and a manifest per backup that says which file has which.

So a backup costs what changed, any file system will do, and what was damaged since shows by its own name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from pipelines.landing.batches import hash_file, write_text

CHUNK = 2**20
SQLITE = b"SQLite format 3\0"


class BackupError(RuntimeError):
    """It cannot be made or read back; the text says what to do."""


class StoredFile(NamedTuple):
    """`sha256` of what was copied; `size` and `changed_ns` of the file when it was."""

    sha256: str
    size: int
    changed_ns: int


@dataclass(frozen=True)
class Manifest:
    """One backup. `at`: UTC, its name; `findings`: what `verify` said of the copy, none where it is whole."""

    at: str
    data: str
    version: str
    releases: int
    head: str
    findings: list[str]
    files: dict[str, StoredFile]

    @property
    def size(self) -> int:
        return sum(one.size for one in self.files.values())


@contextmanager
def open_store(folder: Path) -> Iterator[None]:
    """Alone at work on the folder; BackupError where another backup is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "backup.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is at work on {folder}: wait for it.") from None
        yield


def list_manifests(folder: Path) -> list[Manifest]:
    """Oldest first; BackupError for one that cannot be read."""
    return [read_manifest(path) for path in sorted((folder / "backups").glob("*.json"))]


def read_manifest(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {name: StoredFile(*one) for name, one in content.pop("files").items()}
        return Manifest(**content, files=files)
    except (OSError, ValueError, TypeError, KeyError):
        raise BackupError(f"{path} is no list of a backup: take another one, or put the file back.") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """The backup exists from now on; all that it names is on the disk."""
    os.sync()
    (folder / "backups").mkdir(exist_ok=True)
    write_text(folder / "backups" / f"{manifest.at}.json", json.dumps(asdict(manifest)))


def object_path(folder: Path, sha256: str) -> Path:
    return folder / "objects" / sha256[:2] / sha256


def store_file(folder: Path, path: Path, *, is_new: bool = False) -> StoredFile:
    """Copy the content of a file; FileNotFoundError where it went meanwhile. `is_new`: an object there is replaced."""
    draft = folder / "objects" / f".{os.getpid()}.partial"
    draft.parent.mkdir(exist_ok=True)
    try:
        before = path.stat()
        sha256 = _copy_database(path, draft) if is_database(path) else _copy_bytes(path, draft)
        target = object_path(folder, sha256)
        if is_new or not target.exists():
            target.parent.mkdir(exist_ok=True)
            draft.replace(target)
        return StoredFile(sha256, before.st_size, before.st_mtime_ns)
    finally:
        draft.unlink(missing_ok=True)


def is_database(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(SQLITE)) == SQLITE


def has_open_log(path: Path) -> bool:
    """A database whose newest changes stand in its log: the file itself says nothing of them."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _copy_bytes(path: Path, draft: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source, draft.open("wb") as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _copy_database(path: Path, draft: Path) -> str:
    """One state of it, whoever writes meanwhile: copied by SQLite itself, in one step."""
    draft.unlink(missing_ok=True)
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=60)) as source,
        closing(sqlite3.connect(draft)) as target,
    ):
        source.backup(target)
    return hash_file(draft)


def restore_file(folder: Path, stored: StoredFile, target: Path) -> None:
    """BackupError where the content is gone or is not what it was."""
    origin = object_path(folder, stored.sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(origin, target)
    except FileNotFoundError:
        raise BackupError(f"{origin} is missing: this backup is not whole, take another one.") from None
    if hash_file(target) != stored.sha256:
        raise BackupError(f"{origin} is damaged: this backup is not whole, take another one.")


def drop_old_backups(folder: Path, keep: int) -> int:
    """All but the newest `keep` whole backups and what is newer; how many went. Contents that nobody names go too."""
    manifests = list_manifests(folder)
    whole = [manifest.at for manifest in manifests if not manifest.findings]
    earliest = whole[-keep] if len(whole) >= keep else ""
    old = [manifest for manifest in manifests if manifest.at < earliest]
    for manifest in old:
        (folder / "backups" / f"{manifest.at}.json").unlink()
    needed = {one.sha256 for manifest in manifests if manifest not in old for one in manifest.files.values()}
    for path in (folder / "objects").glob("*/*"):
        if path.name not in needed:
            path.unlink()
    return len(old)
