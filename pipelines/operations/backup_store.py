"""Where backups rest: each content once, by its SHA-256, and a manifest per backup that says which file has which.

So a backup costs what changed, any file system will do, and what was damaged since shows by its own name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipelines.landing.batches import PLACE, find_next_place, hash_file, write_text
from pipelines.plain_files import NotPlain, open_lock_file, read_plain_text

CHUNK = 2**20
# Bytes of a list: ten million files.
LARGEST_LIST = 2**31
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
    """One backup. `at`: its name, in the order of their making; `findings`: of the copy, none where it is whole.

    `made_at`: UTC, in ISO form, what the clock said then; "" in one from before that was written down.
    """

    at: str
    data: str
    version: str
    releases: int
    head: str
    findings: list[str]
    files: dict[str, StoredFile]
    made_at: str = ""

    @property
    def size(self) -> int:
        return sum(one.size for one in self.files.values())


@contextmanager
def open_store(folder: Path) -> Iterator[None]:
    """Alone at work on the folder; BackupError where another backup is."""
    for room in (folder, folder / "backups", folder / "objects"):
        try:
            room.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise BackupError(f"{room} cannot be used: {error.strerror}. Take it away.") from None
    try:
        lock = open_lock_file(folder / "backup.lock")
    except (NotPlain, OSError) as error:
        raise BackupError(f"{folder / 'backup.lock'} cannot be used: {error}. Take it away.") from None
    with lock as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup is at work on {folder}: wait for it.") from None
        yield


def name_next(folder: Path, now: datetime) -> str:
    """Of the backup that is made at `now` (UTC): the newest name is that of the one that was made last.

    One of a night under a clock that ran ahead would else be restored in place of later ones, for as long.
    """
    return f"{find_next_place(folder / 'backups', now):{PLACE}}"


def list_manifests(folder: Path) -> list[Manifest]:
    """Oldest first; BackupError for one that cannot be read."""
    return [read_manifest(path) for path in sorted((folder / "backups").glob("*.json"))]


def read_manifest(path: Path) -> Manifest:
    """BackupError for a file that this program did not write so: whoever keeps backups may write there, too."""
    try:
        content = json.loads(read_plain_text(path, LARGEST_LIST))
        files = {name: StoredFile(*one) for name, one in content.pop("files").items()}
        manifest = Manifest(**content, files=files)
        _check_manifest(path, manifest)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BackupError(f"{path} is no list of a backup: take another one, or put the file back.") from None
    return manifest


def _check_manifest(path: Path, manifest: Manifest) -> None:
    """ValueError where a part is not of its kind: contents and files are found by what stands there."""
    texts = [manifest.at, manifest.data, manifest.version, manifest.head, manifest.made_at]
    texts += [*manifest.findings, *manifest.files]
    if (
        manifest.at != path.stem
        or type(manifest.releases) is not int
        or not isinstance(manifest.findings, list)
    ):
        raise ValueError("another backup's name")
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("a text is none")
    for name, stored in manifest.files.items():
        if not re.fullmatch("[0-9a-f]{64}", stored.sha256) or type(stored.size) is not int:
            raise ValueError("a content is none")
        if Path(name).is_absolute() or not Path(name).parts or ".." in Path(name).parts:
            raise ValueError("a file lies elsewhere")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """The backup exists from now on; all that it names is on the disk."""
    os.sync()
    write_text(folder / "backups" / f"{manifest.at}.json", json.dumps(asdict(manifest)))


def object_path(folder: Path, sha256: str) -> Path:
    return folder / "objects" / sha256[:2] / sha256


def store_file(folder: Path, path: Path, *, is_new: bool = False) -> StoredFile:
    """Copy the content of a file; FileNotFoundError where it went meanwhile. `is_new`: an object there is replaced."""
    draft = folder / "objects" / f".{os.getpid()}.partial"
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
    """False for what is no file with an end, which is not opened."""
    if not path.is_file():
        return False
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
    """BackupError where the content is gone or is not what it was; such a content is not left there."""
    origin = object_path(folder, stored.sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not origin.is_file():
        raise BackupError(f"{origin} is missing: this backup is not whole, take another one.")
    shutil.copyfile(origin, target)
    if hash_file(target) != stored.sha256:
        target.unlink()
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
