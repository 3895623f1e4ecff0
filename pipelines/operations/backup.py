"""`thongsuot backup`: everything that cannot be made again, consistent while a run publishes, and verified as a copy.

The order makes it so: the ledger of exports and the catalogue first, as one state; then files, which are written
before anything names them and never change. What the catalogue names is there, and what came later does not count.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pipelines.lake.catalogue import catalog_file
from pipelines.lake.exported import ledger_file, list_entries, list_newest_entries
from pipelines.lake.location import describe_other_lake, has_lake, locate_lake
from pipelines.operations.backup_remote import copy_remote_files, has_bucket, store_remote_catalogue
from pipelines.operations.backup_store import (
    BackupError,
    Manifest,
    StoredFile,
    drop_old_backups,
    has_open_log,
    list_manifests,
    name_next,
    object_path,
    open_store,
    store_file,
    write_manifest,
)
from pipelines.operations.records import LastBackup, record_backup
from pipelines.plain_files import list_below, walk_below
from pipelines.releases.verify import Verification, verify_releases
from pipelines.settings import LOCAL_ZONE, Settings

# Made anew from what is backed up, or of this machine alone.
DERIVED = frozenset(
    {"warehouse.duckdb", "warehouse.duckdb.wal", "warehouse.build.json", "warehouse.sha256", "warehouse.release.json",
     "dbt", "duckdb_extensions", "duckdb_tmp", "writer.lock", "operations"}
)  # fmt: skip
DERIVED_OF_DAGSTER = frozenset({"running", "confirmations", "ui.lock"})
# A draft, or what SQLite keeps beside a database; the database itself is copied with what stands there.
UNFINISHED = (".partial", "-wal", "-shm", "-journal", ".new")
# In these the JSON beside a file makes it count, and is written last: files that are listed after it are there.
ROOMS_WITH_SIDECARS = ("quality", "landing")
KEEP = 14
TRIES = 3
PAUSE_SECONDS = 20.0
# Of the batches themselves: the next copy would say it again.
NOT_OF_THE_COPY = ("clock_ahead",)


def back_up(
    settings: Settings,
    destination: Path,
    *,
    keep: int = KEEP,
    progress: Callable[[str], None] = lambda _: None,
    pause_seconds: float = PAUSE_SECONDS,
) -> Manifest:
    """The new backup; its `findings` say where the copy is not whole, and then no older one is dropped.

    A run at work may validate a batch anew while it is copied: then what changed is copied again.
    """
    began = datetime.now(LOCAL_ZONE).replace(tzinfo=None)
    _check_places(settings, destination)
    with open_store(destination):
        manifests = list_manifests(destination)
        before = manifests[-1].files if manifests else {}
        for attempt in range(TRIES):
            progress("copy")
            # An object that was damaged since is found by verify, and then every file is read again.
            files = copy_files(settings, destination, before, is_new=attempt > 0)
            progress("verify the copy")
            verification = verify_copy(settings, destination, files)
            if all(finding.kind in NOT_OF_THE_COPY for finding in verification.findings):
                break
            if attempt < TRIES - 1:
                time.sleep(pause_seconds)
        ended = datetime.now(UTC)
        manifest = Manifest(
            at=name_next(destination, ended),
            data=str(settings.data),
            version=version("thongsuot"),
            releases=verification.releases,
            head=verification.head,
            findings=[f"{finding.kind}: {finding.text}" for finding in verification.findings],
            files=files,
            made_at=ended.replace(tzinfo=None).isoformat(timespec="seconds"),
        )
        write_manifest(destination, manifest)
        if not manifest.findings:
            drop_old_backups(destination, keep)
    if not manifest.findings:
        at = began.isoformat(timespec="seconds")
        record_backup(settings, LastBackup(at, str(destination), True, manifest.size))
    return manifest


def _check_places(settings: Settings, destination: Path) -> None:
    if other := describe_other_lake(settings):
        raise BackupError(f"{other} Nothing was backed up.")
    if not has_lake(settings):
        raise BackupError(
            f"No release yet: there is no lake at {locate_lake(settings).describe()}. Run `thongsuot run` first."
        )
    data, target = settings.data.resolve(), destination.resolve()
    if target.is_relative_to(data) or data.is_relative_to(target):
        raise BackupError(f"{target} and {data} lie in one another: back up to another disk.")


def copy_files(
    settings: Settings, destination: Path, before: dict[str, StoredFile], *, is_new: bool = False
) -> dict[str, StoredFile]:
    """Path under the data directory → what was stored. `before`: the last backup's; what is unchanged is not read."""
    files = _copy_catalogue(settings, destination)
    if settings.lake_servers is not None:
        files |= copy_remote_files(settings, destination, {} if is_new else before)
    first = {
        path.relative_to(settings.data).as_posix() for path in (catalog_file(settings), ledger_file(settings))
    }
    for path in list_files(settings):
        name = path.relative_to(settings.data).as_posix()
        if name in first:
            continue
        try:
            stored = None if is_new else _find_unchanged(destination, path, before.get(name))
            files[name] = stored or store_file(destination, path, is_new=is_new)
        except FileNotFoundError:
            continue  # replaced or pruned meanwhile; where it matters, verify says so
    for place in _list_unsettled_exports(settings, files):
        del files[place]
    return files


def _copy_catalogue(settings: Settings, destination: Path) -> dict[str, StoredFile]:
    """The catalogue and the ledger of exports as one state: no export was recorded between two readings of it."""
    catalogue, exports = catalog_file(settings), ledger_file(settings)
    while True:
        before = exports.read_bytes() if exports.exists() else b""
        stored = {catalogue: _store_catalogue(settings, destination)}
        if exports.exists():
            stored[exports] = store_file(destination, exports)
        if before == (exports.read_bytes() if exports.exists() else b""):
            return {path.relative_to(settings.data).as_posix(): one for path, one in stored.items()}


def _store_catalogue(settings: Settings, destination: Path) -> StoredFile:
    """One state of it; what lies in PostgreSQL is stored as the file that a lake on a disk has."""
    if settings.lake_servers is None:
        return store_file(destination, catalog_file(settings))
    with tempfile.TemporaryDirectory(prefix=".catalogue-", dir=destination) as folder:
        store_remote_catalogue(settings, Path(folder))
        return store_file(destination, Path(folder, "catalog.sqlite"))


def list_files(settings: Settings) -> Iterator[Path]:
    """All that is to be copied, the lake first, then reports, then batches, then the rest."""
    rooms = ["lake", *ROOMS_WITH_SIDECARS]
    others = sorted(path.name for path in settings.data.iterdir())
    for room in [*rooms, *(name for name in others if name not in DERIVED and name not in rooms)]:
        top = settings.data / room
        if not top.is_dir():
            if top.is_file() and not top.is_symlink():
                yield top
            continue
        sidecars = set(list_below(top, "*.json")) if room in ROOMS_WITH_SIDECARS else None
        for folder, folders, names in walk_below(top):
            if folder == settings.lake and has_bucket(settings):  # what lay here before they went there
                folders[:] = [name for name in folders if name != "files"]
            if folder == settings.dagster:
                folders[:] = [name for name in folders if name not in DERIVED_OF_DAGSTER]
            for path in (folder / name for name in names):
                is_late = sidecars is not None and path.suffix == ".json" and path not in sidecars
                is_ours = not path.name.endswith(UNFINISHED) and path.name not in DERIVED_OF_DAGSTER
                # A pipe has no end, and a link leads to what is not ours to copy.
                if is_ours and not is_late and path.is_file() and not path.is_symlink():
                    yield path


def _find_unchanged(destination: Path, path: Path, stored: StoredFile | None) -> StoredFile | None:
    if stored is None or not object_path(destination, stored.sha256).exists() or has_open_log(path):
        return None
    about = path.stat()
    return stored if (about.st_size, about.st_mtime_ns) == (stored.size, stored.changed_ns) else None


def _list_unsettled_exports(settings: Settings, files: dict[str, StoredFile]) -> list[str]:
    """Files of exports that a run was replacing: the copy is not what the ledger has. The next run writes them anew."""
    unsettled: set[str] = set()
    for entry in list_newest_entries(list_entries(settings)).values():
        names = {f"exports/{name}": sha256 for name, sha256 in entry.files.items()}
        if any(files[name].sha256 != sha256 for name, sha256 in names.items() if name in files):
            unsettled |= names.keys() & files.keys()
    return sorted(unsettled)


def verify_copy(settings: Settings, destination: Path, files: dict[str, StoredFile]) -> Verification:
    """`verify` on the files as the backup has them, under their own names in a folder of the destination."""
    with tempfile.TemporaryDirectory(prefix=".check-", dir=destination) as folder:
        for name, stored in files.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            # The catalogue is opened, and a reader of SQLite writes beside it: that one is a copy.
            if name.startswith("lake/catalog"):
                shutil.copyfile(object_path(destination, stored.sha256), target)
            else:
                _link_or_copy(object_path(destination, stored.sha256), target)
        return verify_releases(replace(settings, data=Path(folder), lake_servers=None))


def _link_or_copy(origin: Path, target: Path) -> None:
    try:
        os.link(origin, target)
    except OSError:  # a file system without links
        shutil.copyfile(origin, target)
