"""The ledger of exports: which files were written of which release, with their SHA-256; it is only appended to.

One line of JSON each in `lake/exports.jsonl`, chained by hash. Each release seals the newest line before it, so that
no line can be changed or struck out behind the chain of releases.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import GENESIS, Release, seal, table_exists
from pipelines.landing.batches import hash_file
from pipelines.settings import Settings


@dataclass(frozen=True)
class ExportEntry:
    """One writing of an export. `place`: its file or folder under `exports`; `files`: path under `exports` → SHA-256.

    Of a database: its address, and table → what the database says of its rows. `written_at`: UTC.
    """

    number: int
    export: str
    place: str
    release_id: int
    release_hash: str
    written_at: str
    files: dict[str, str]
    previous_hash: str
    entry_hash: str = ""

    def chain_hash(self) -> str:
        """SHA-256 over every field but `entry_hash` itself."""
        return seal({k: v for k, v in asdict(self).items() if k != "entry_hash"})


class ExportLedgerBroken(ValueError):
    """A line that is no entry."""


def ledger_file(settings: Settings) -> Path:
    return settings.lake / "exports.jsonl"


def list_entries(settings: Settings) -> list[ExportEntry]:
    """Oldest first; ExportLedgerBroken for a line that is none. What a killed writer left of a line is not there."""
    path = ledger_file(settings)
    if not path.exists():
        return []
    if not path.is_file():
        raise ExportLedgerBroken(f"{path} is no plain file: put it back from backup")
    entries = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1):
        try:
            entries.append(_read_entry(line))
        except (ValueError, TypeError, RecursionError):
            raise ExportLedgerBroken(
                f"line {number} of {path} is no entry: put the file back from backup"
            ) from None
    return entries


def _read_entry(line: bytes) -> ExportEntry:
    """ValueError or TypeError for what is none, or names a file that is not below `exports`."""
    entry = ExportEntry(**json.loads(line))
    texts = [
        entry.export,
        entry.place,
        entry.release_hash,
        entry.written_at,
        entry.previous_hash,
        entry.entry_hash,
    ]
    names = {**entry.files}
    if not all(isinstance(text, str) for text in (*texts, *names, *names.values())):
        raise TypeError("a text is none")
    if type(entry.number) is not int or type(entry.release_id) is not int:
        raise TypeError("a number is none")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        raise ValueError("a file lies elsewhere")
    return entry


def list_newest_entries(entries: Sequence[ExportEntry]) -> dict[str, ExportEntry]:
    """place → its newest entry."""
    return {entry.place: entry for entry in entries}


def record_export(
    settings: Settings, export: str, place: Path, files: Sequence[Path], release: Release
) -> None:
    """Append what lies there now, where it is not what the newest entry of the place says."""
    hashes = {path.relative_to(settings.exports).as_posix(): hash_file(path) for path in sorted(files)}
    record_hashes(settings, export, place.relative_to(settings.exports).as_posix(), hashes, release)


def record_hashes(
    settings: Settings, export: str, where: str, hashes: dict[str, str], release: Release
) -> None:
    """The same by hashes: of files, or of tables in a database, whose address is the place then."""
    entries = list_entries(settings)
    newest = list_newest_entries(entries).get(where)
    if newest and (newest.files, newest.release_hash) == (hashes, release.release_hash):
        return
    entry = ExportEntry(
        number=len(entries) + 1,
        export=export,
        place=where,
        release_id=release.release_id,
        release_hash=release.release_hash,
        written_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        files=hashes,
        previous_hash=entries[-1].entry_hash if entries else GENESIS,
    )
    _append(ledger_file(settings), replace(entry, entry_hash=entry.chain_hash()))


def _append(path: Path, entry: ExportEntry) -> None:
    line = json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"
    whole = path.read_bytes().rpartition(b"\n")[:2] if path.exists() else ()
    with path.open("r+b" if path.exists() else "w+b") as stream:
        stream.truncate(sum(map(len, whole)))
        stream.seek(0, os.SEEK_END)
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def find_edited_files(settings: Settings, entry: ExportEntry) -> dict[str, str]:
    """Path under `exports` → `edited` or `deleted`. A place that is gone as a whole misleads nobody: none."""
    present = {name: settings.exports / name for name in entry.files if (settings.exports / name).exists()}
    if not present:
        return {}
    edited = {name: "edited" for name, path in present.items() if hash_file(path) != entry.files[name]}
    return edited | {name: "deleted" for name in entry.files if name not in present}


def list_unrecorded_files(settings: Settings, entries: Sequence[ExportEntry]) -> dict[str, str]:
    """Path under `exports` → why no reader should open it: no export wrote it, or a link leads elsewhere than it did.

    Nothing where no export was ever recorded. What a killed writer left is called `.partial` and read by nobody.
    """
    if not entries or not settings.exports.is_dir():
        return {}
    newest = {entry.export: entry for entry in entries}
    recorded = {name for entry in list_newest_entries(entries).values() for name in entry.files}
    strange = {}
    for path in sorted(settings.exports.rglob("*")):
        name = path.relative_to(settings.exports).as_posix()
        if path.is_symlink():
            places = [settings.exports / entry.place for entry in newest.values()]
            if path.resolve() not in [place.resolve() for place in places if not place.is_symlink()]:
                strange[name] = "is a link that does not lead to what an export wrote last"
        elif not path.is_dir() and name not in recorded and not name.endswith(".partial"):
            strange[name] = "was written by no export"
    return strange


def set_edited_aside(settings: Settings, export: str) -> list[Path]:
    """Move files of an export that are not what was written out of the readers' way, so that they are written anew.

    Returns where they lie now. What was exported of older releases stays: nothing would write it again.
    """
    entries = [entry for entry in list_entries(settings) if entry.export == export]
    newest = max((entry.release_id for entry in entries), default=0)
    moved = []
    for entry in list_newest_entries(entries).values():
        if entry.release_id < newest or not find_edited_files(settings, entry):
            continue
        for name in entry.files:
            path = settings.exports / name
            if path.exists():
                target = settings.data / "set_aside" / f"{hash_file(path)[:12]}-{name.replace('/', '-')}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
                moved.append(target)
    return moved


def seal_exports(con: duckdb.DuckDBPyConnection, settings: Settings, release_id: int) -> None:
    """Note the newest line in a release, inside the caller's transaction; nothing where there is none."""
    if entries := list_entries(settings):
        con.execute(
            f"insert into {ALIAS}.audit.release_exports values (?, ?, ?)",
            [release_id, len(entries), entries[-1].entry_hash],
        )


def list_seals(con: duckdb.DuckDBPyConnection) -> list[tuple[int, int, str]]:
    """(release, lines then, hash of the newest of them)."""
    if not table_exists(con, "audit", "release_exports"):
        return []
    return con.execute(f"from {ALIAS}.audit.release_exports order by release_id").fetchall()
