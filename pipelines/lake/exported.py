"""The ledger of exports: which files were written of which release, with their SHA-256; it is only appended to.

One line of JSON each in `lake/exports.jsonl`, chained by hash. Each release seals the newest line before it, so that
no line can be changed or struck out behind the chain of releases.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import GENESIS, Release, seal, table_exists
from pipelines.landing.batches import hash_file
from pipelines.plain_files import list_below
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
    # By which code, contracts and settings (exports/maker.py); empty in lines of before this was recorded.
    maker: str = ""

    def chain_hash(self) -> str:
        """SHA-256 over every field but `entry_hash` itself."""
        return seal({k: v for k, v in self.list_fields().items() if k != "entry_hash"})

    def list_fields(self) -> dict[str, Any]:
        """As they stand in a line."""
        return {name: value for name, value in asdict(self).items() if name != "maker" or value}


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
        entry.maker,
    ]
    names = {**entry.files}
    if not all(isinstance(text, str) for text in (*texts, *names, *names.values())):
        raise TypeError("a text is none")
    if type(entry.number) is not int or type(entry.release_id) is not int:
        raise TypeError("a number is none")
    for name in (entry.place, *names):
        if Path(name).is_absolute() or ".." in Path(name).parts or not name.isprintable():
            raise ValueError("a file lies elsewhere")
    return entry


def list_newest_entries(entries: Sequence[ExportEntry]) -> dict[str, ExportEntry]:
    """place → its newest entry."""
    return {entry.place: entry for entry in entries}


def find_newest_entry(settings: Settings, place: Path) -> ExportEntry | None:
    """What was recorded last of a file or folder under `exports`."""
    return list_newest_entries(list_entries(settings)).get(place.relative_to(settings.exports).as_posix())


def record_export(
    settings: Settings, export: str, place: Path, files: Sequence[Path], release: Release, maker: str = ""
) -> None:
    """Append what lies there now, where it is not what the newest entry of the place says.

    `maker`: of what was written just now; empty where it was left as it lay.
    """
    hashes = {path.relative_to(settings.exports).as_posix(): hash_file(path) for path in sorted(files)}
    record_hashes(settings, export, place.relative_to(settings.exports).as_posix(), hashes, release, maker)


def record_hashes(
    settings: Settings, export: str, where: str, hashes: dict[str, str], release: Release, maker: str = ""
) -> None:
    """The same by hashes: of files, or of tables in a database, whose address is the place then."""
    entries = list_entries(settings)
    newest = list_newest_entries(entries).get(where)
    is_same = newest is not None and (newest.files, newest.release_hash) == (hashes, release.release_hash)
    if newest is not None and is_same and maker in ("", newest.maker):
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
        maker=maker or (newest.maker if newest and newest.release_hash == release.release_hash else ""),
    )
    _append(ledger_file(settings), replace(entry, entry_hash=entry.chain_hash()))


def _append(path: Path, entry: ExportEntry) -> None:
    line = json.dumps(entry.list_fields(), ensure_ascii=False).encode() + b"\n"
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
    for path in list_below(settings.exports):
        name = path.relative_to(settings.exports).as_posix()
        if path.is_symlink():
            places = [settings.exports / entry.place for entry in newest.values()]
            if path.resolve() not in [place.resolve() for place in places if not place.is_symlink()]:
                strange[name] = "is a link that does not lead to what an export wrote last"
        elif not path.is_dir() and name not in recorded and not name.endswith(".partial"):
            strange[name] = "was written by no export"
    return strange


def set_unrecorded_aside(settings: Settings, export: str, patterns: Sequence[str] = ()) -> list[Path]:
    """Move files of an export that are not what was recorded out of the readers' way, so that they are written anew.

    `patterns`: those under `exports` in which only this export writes; what lies there and was never recorded goes
    too. Somebody put it there, or a run was stopped before it could record it. Returns where they lie now. What was
    exported of older releases stays: nothing would write it again.
    """
    entries = [entry for entry in list_entries(settings) if entry.export == export]
    if not entries:  # what an earlier version wrote
        return []
    newest = max(entry.release_id for entry in entries)
    moved = []
    for entry in list_newest_entries(entries).values():
        if entry.release_id == newest and find_edited_files(settings, entry):
            moved += [
                _set_aside(settings, name) for name in entry.files if (settings.exports / name).exists()
            ]
    recorded = {name for entry in list_newest_entries(entries).values() for name in entry.files}
    for path in sorted({path for pattern in patterns for path in settings.exports.glob(pattern)}):
        name = path.relative_to(settings.exports).as_posix()
        is_file = path.is_symlink() or not path.is_dir()
        is_draft = path.name.endswith(".partial")
        # Through a link the file is another place's.
        if is_file and not is_draft and name not in recorded and not path.parent.is_symlink():
            moved.append(_set_aside(settings, name))
    return moved


def _set_aside(settings: Settings, name: str) -> Path:
    """Where the file lies now; a folder that is left empty goes."""
    path = settings.exports / name
    digest = "link" if path.is_symlink() else hash_file(path)[:12]
    target = settings.data / "set_aside" / f"{digest}-{name.replace('/', '-')}"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
    if not target.is_symlink():
        target.chmod(0o600)  # as an export it was for every reader
    if path.parent != settings.exports:
        with suppress(OSError):
            path.parent.rmdir()
    return target


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
