"""Exports of the newest release made again from the lake, and compared byte by byte: no line of a ledger is believed.

Until a release seals it, a line of the ledger of exports is only as good as the folder; what it says of a brief, a form
or a package of open data is what the release gives, or it was forged.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.exports.export import Export
from pipelines.exports.maker import describe_maker
from pipelines.exports.registry import EXPORTS
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported import ExportEntry, find_edited_files, list_entries, list_newest_entries
from pipelines.lake.ledger import Release, find_release, list_kept, list_releases
from pipelines.landing.batches import hash_file
from pipelines.releases.findings import Finding, first_line
from pipelines.releases.verify import Verification, verify_releases
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.dbt import ensure_manifest

# Such a ledger or release is named already, and nothing can be made of it.
UNSOUND = frozenset(
    {"ledger_unreadable", "edited_export_ledger", "head_differs", "unreadable_content", "dropped_release"}
)


def verify_all(
    settings: Settings,
    *,
    expected_head: str | None = None,
    public_key: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
    prepare: Callable[[Settings], object] = ensure_manifest,
) -> Verification:
    """`verify_releases`, and the exports that lie there; the same errors. `prepare` brings a folder dbt's manifest."""
    verification = verify_releases(
        settings, expected_head=expected_head, public_key=public_key, progress=progress
    )
    if not verification.head or any(finding.kind in UNSOUND for finding in verification.findings):
        return verification
    progress("exports made again")
    return replace(verification, findings=[*verification.findings, *check_remade(settings, prepare)])


def check_remade(
    settings: Settings,
    prepare: Callable[[Settings], object] = ensure_manifest,
    release_id: int | None = None,
) -> Iterator[Finding]:
    """What lies there of a release, by default the newest, as its line says, is also what this release gives."""
    with open_lake(settings) as con:
        chain = list_releases(con)
        release = find_release(chain, release_id)
        if release not in list_kept(con, chain):
            return
    lines = list_newest_entries(list_entries(settings)).values()
    yield from _check_file_names([entry for entry in lines if entry.release_hash == release.release_hash])
    remakable = {export.name: export for export in EXPORTS if export.remake}
    entries = [
        entry
        for entry in lines
        if entry.release_hash == release.release_hash
        and entry.export in remakable
        and _lies_unedited(settings, entry)
    ]
    if not entries:
        return
    with _lay_out(settings) as scratch:
        try:
            prepare(scratch)
            maker = describe_maker(settings, load_contracts(settings.sources_file))
        except (ValueError, OSError, RuntimeError) as error:
            yield Finding(
                "unproven_export", f"exports cannot be made again to compare them: {first_line(error)}"
            )
            return
        for entry in entries:
            yield from _compare(scratch, remakable[entry.export], entry, release, maker)


def _check_file_names(entries: Sequence[ExportEntry]) -> Iterator[Finding]:
    """Each line is of an export that there is, and its files lie where this export writes."""
    exports = {export.name: export for export in EXPORTS}
    for entry in entries:
        export = exports.get(entry.export)
        if export is None:
            text = f"line {entry.number} of the ledger of exports is of {entry.export}, which is no export"
            yield Finding("edited_export_ledger", text)
            continue
        for name in sorted(entry.files) if export.files else ():
            if not any(fnmatchcase(name, pattern) for pattern in export.files):
                text = f"line {entry.number} of the ledger of exports is of {name}, which {entry.export} never writes"
                yield Finding("edited_export_ledger", text)


def _lies_unedited(settings: Settings, entry: ExportEntry) -> bool:
    is_there = any((settings.exports / name).exists() for name in entry.files)
    return is_there and not find_edited_files(settings, entry)


@contextmanager
def _lay_out(settings: Settings) -> Iterator[Settings]:
    """A data directory with the same lake and nothing else, gone afterwards, like the environment dbt reads."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="thongsuot-exports-") as folder:
        for name in (settings.lake.name, settings.extensions.name):
            Path(folder, name).symlink_to(settings.data / name)
        try:
            yield replace(settings, data=Path(folder))
        finally:
            os.environ.clear()
            os.environ.update(before)


def _compare(
    scratch: Settings, export: Export, entry: ExportEntry, release: Release, maker: str
) -> Iterator[Finding]:
    assert export.remake is not None
    try:
        result = export.remake(scratch, release.release_id)
    except Exception as error:  # whatever it is, the others are compared
        yield Finding(
            "unproven_export",
            f"exports/{entry.place} cannot be made again: {type(error).__name__}: {first_line(error)}",
        )
        return
    remade = {path.relative_to(scratch.exports).as_posix(): hash_file(path) for path in result.list_files()}
    differing = sorted(name for name in {*remade, *entry.files} if remade.get(name) != entry.files.get(name))
    if not differing:
        return
    names = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
    if entry.maker == maker:
        yield Finding(
            "edited_export", f"exports/{entry.place}: {names} is not what release {release.release_id} gives"
        )
    else:
        yield Finding(
            "unproven_export",
            f"exports/{entry.place}: {names} is not what release {release.release_id} gives by the code and settings "
            "here, and the line of its ledger says that others wrote it",
        )
