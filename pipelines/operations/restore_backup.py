"""`thongsuot restore-backup`: a backup becomes an installation again, in an empty data directory, and is verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.data_format import begin_restoring, check_format_of, end_restoring
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported_copy import restore_ledger
from pipelines.lake.location import has_lake
from pipelines.operations.backup import DERIVED, DERIVED_OF_DAGSTER
from pipelines.operations.backup_store import BackupError, Manifest, list_manifests, restore_file
from pipelines.releases.verify import Verification, verify_releases
from pipelines.settings import Settings

# What a command may leave in a directory that holds no data.
HARMLESS = frozenset({"duckdb_extensions", "duckdb_tmp", "writer.lock", "operations", "lost+found"})
FORMAT = "format.json"
CATALOGUE = "lake/catalog.sqlite"
FILES = "lake/files/"
# Made anew, and believed by what reads them: of a list that names them all the same (an earlier version's, or an edited
# one) they are left out. The record of the format comes last.
UNRESTORED = DERIVED | {FORMAT, "format.restored"}


def choose_backup(folder: Path, at: str | None) -> Manifest:
    """The one of this name, or the newest that is whole; BackupError says which there are."""
    manifests = list_manifests(folder)
    chosen = [m for m in manifests if m.at == at] if at else [m for m in manifests if not m.findings]
    if not chosen:
        names = ", ".join(manifest.at for manifest in manifests) or "none"
        raise BackupError(f"{folder} has no such backup; there are: {names}.")
    return chosen[-1]


def restore_backup(
    settings: Settings, folder: Path, at: str | None = None, progress: Callable[[str], None] = lambda _: None,
    *, keep_lake: bool = False,
) -> tuple[Manifest, Verification]:  # fmt: skip
    """Every file of the backup, its content checked, then `verify`. BackupError where the directory is not empty.

    `keep_lake`: the lake stands on the servers that the settings name, with the backup's releases and those since; it
    is what is verified, and the backup's head must be in its chain. LakeUnreachable where they do not answer.
    Until the last file is there the directory says that it is being restored, and every other command refuses it.
    """
    manifest = choose_backup(folder, at)
    # A list that was made up, or cut: it would give an installation without its releases.
    if manifest.releases and CATALOGUE not in manifest.files:
        raise BackupError(
            f"The backup {manifest.at} says that it holds {manifest.releases} releases, and lists no {CATALOGUE}: "
            f"it is not whole. Take another one (`--backup NAME`). Nothing was changed."
        )
    if keep_lake and (settings.lake_servers is None or not has_lake(settings)):
        raise BackupError(
            "There is no lake on servers to be kept: THONGSUOT_LAKE_CATALOGUE names none that has releases. "
            "Nothing was changed."
        )
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    others = sorted(path.name for path in settings.data.iterdir() if not _is_harmless(path))
    if others:
        raise BackupError(
            f"{settings.data} is not empty ({', '.join(others[:5])}): restore into an empty directory "
            "(THONGSUOT_DATA), and move what is left of the old one away first. Nothing was changed."
        )
    begin_restoring(settings.data)
    for number, (name, stored) in enumerate(sorted(manifest.files.items()), 1):
        is_of_lake = name == CATALOGUE or name.startswith(FILES)
        if not _is_derived(settings, name) and not (keep_lake and is_of_lake):
            restore_file(folder, stored, settings.data / name)
        if number % 100 == 0:
            progress(f"{number} of {len(manifest.files)} files")
    if FORMAT in manifest.files:
        draft = settings.data / "format.restored"
        restore_file(folder, manifest.files[FORMAT], draft)
        check_format_of(draft)
        draft.replace(settings.data / FORMAT)
    else:
        end_restoring(settings.data)
    progress("verify")
    if keep_lake:
        with open_lake(settings) as con:
            restore_ledger(con, settings)
        return manifest, verify_releases(settings, expected_head=manifest.head)
    return manifest, verify_releases(replace(settings, lake_servers=None))


def describe_lost_exports(verification: Verification) -> str:
    """What a kept lake shows that the backup is older than: no line of the ledger of exports can be made again, and to
    take the releases' seals back would let anybody strike lines out. Empty where no line is missing.
    """
    if all(finding.kind != "edited_export_ledger" for finding in verification.findings):
        return ""
    return (
        "Exports were written and sealed since the backup, and their lines of lake/exports.jsonl are lost: `verify` "
        "says edited_export_ledger for them from now on, also after the next nights. A newer copy of that file ends "
        "it, put in its place before the next run. Without one, keep this answer: it says why "
        "(docs/operations.md#the-exports-of-a-lost-disk)."
    )


def _is_harmless(path: Path) -> bool:
    return path.name in HARMLESS or (path.is_dir() and not path.is_symlink() and not any(path.iterdir()))


def _is_derived(settings: Settings, name: str) -> bool:
    """A confirmation of a forged list would let its writer roll the place back."""
    top, *below = Path(name).parts
    is_of_dagster = settings.data / top == settings.dagster and bool(below) and below[0] in DERIVED_OF_DAGSTER
    return top in UNRESTORED or is_of_dagster
