"""What a backup holds of a lake on servers: the same files as of one on a disk, to be restored to either."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from pipelines.lake.catalogue import open_lake
from pipelines.lake.copy_lake import connect_both, copy_catalogue, copy_files
from pipelines.lake.file_places import FolderFiles
from pipelines.lake.location import FileLake, locate_lake
from pipelines.operations.backup_store import StoredFile, object_path, store_file
from pipelines.settings import Settings

FILES = "lake/files"


def has_bucket(settings: Settings) -> bool:
    return settings.lake_servers is not None and bool(settings.lake_servers.files)


def store_remote_catalogue(settings: Settings, folder: Path) -> None:
    """Leave it as `catalog.sqlite` in `folder`, with the path of files that a lake in the data directory has."""
    target = FileLake(folder / "catalog.sqlite", FolderFiles(settings.lake / "files"))
    origin = locate_lake(settings)
    with connect_both(settings, origin, target) as con:
        copy_catalogue(con, origin, target)


def copy_remote_files(
    settings: Settings, destination: Path, before: dict[str, StoredFile]
) -> dict[str, StoredFile]:
    """Path under the data directory → what was stored, of files in a bucket. Files of a lake never change: what the
    last backup has by name and size is not fetched."""
    if not has_bucket(settings):
        return {}
    origin = locate_lake(settings)
    with open_lake(settings) as con:
        sizes = origin.files.list_sizes(con)
    stored = {
        f"{FILES}/{name}": one
        for name, size in sizes.items()
        if (one := before.get(f"{FILES}/{name}")) is not None
        and one.size == size
        and object_path(destination, one.sha256).exists()
    }
    needed = [name for name in sizes if f"{FILES}/{name}" not in stored]
    with tempfile.TemporaryDirectory(prefix=".files-", dir=destination) as folder:
        target = locate_lake(replace(settings, data=Path(folder), lake_servers=None))
        with connect_both(settings, origin, target) as con:
            copy_files(con, origin, target, needed)
        for name in needed:
            if not Path(target.files.root, name).exists():
                continue  # pruned meanwhile; where it matters, verify says so
            stored[f"{FILES}/{name}"] = store_file(destination, Path(target.files.root, name))
    return stored
