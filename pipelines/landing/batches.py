"""Landing: immutable batches. A batch is a Parquet file plus the JSON sidecar that makes it exist.

Here: writing, listing, hashing. Not here: where rows come from (`sources`), what they mean (`quality`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from pipelines import duck
from pipelines.masking import make_printable, mask_secrets
from pipelines.privacy.redaction import redact_text

MOST_NOTES = 100
# How the id of a batch begins.
PLACE = "%Y%m%dT%H%M%S%fZ"


class LandingError(RuntimeError):
    """A batch that cannot be written or trusted; the text names source, partition and batch."""


@dataclass(frozen=True)
class Batch:
    """One pull, as its sidecar tells it. `rows` and `sha256` are those of the Parquet file."""

    batch_id: str
    source: str
    partition: str
    rows: int
    sha256: str
    schema_fingerprint: str
    origin: str
    pulled_at: str
    run_id: str
    folder: Path = field(compare=False)
    notes: tuple[str, ...] = ()
    # By which the source can be asked whether this batch is still the whole truth of its partition.
    validator: str = ""
    # Canonical columns that had a header; empty also in sidecars of before they were recorded.
    columns: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.batch_id}.parquet"

    @property
    def sidecar(self) -> Path:
        return self.folder / f"{self.batch_id}.json"


class Written(NamedTuple):
    """What a Parquet file was written of: the query or file, what the reader wants known, and as in `Batch`."""

    origin: str
    notes: tuple[str, ...] = ()
    validator: str = ""
    columns: tuple[str, ...] = ()


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal; empty for what is no file with an end (a pipe, a folder)."""
    if not path.is_file():
        path.stat()  # FileNotFoundError where there is none
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_batch(
    root: Path,
    source: str,
    partition: str,
    write: Callable[[Path], tuple[Any, ...]],
    *,
    run_id: str,
    pulled_at: datetime | None = None,
) -> Batch:
    """Write one batch; it becomes visible with the rename of its sidecar, or not at all.

    `pulled_at`: when the source was asked, where that was before now. `write(path)` writes the Parquet file and
    returns a `Written`, or a tuple of what it begins with. What looks personal in origin and notes is removed: a
    sheet's or a file's name may hold a telephone.
    """
    folder = root / source / partition
    folder.mkdir(parents=True, exist_ok=True)
    pulled_at = pulled_at or datetime.now(UTC)
    draft = folder / f".{pulled_at:%Y%m%dT%H%M%S%f}.{os.getpid()}.partial"
    try:
        written = Written(*write(draft))
        metadata = pq.read_metadata(draft)
        schema = ",".join(f"{f.name}:{f.type}" for f in pq.read_schema(draft))
        digest = hash_file(draft)
        batch = Batch(
            batch_id=f"{find_next_place(folder, pulled_at):{PLACE}}-{digest[:8]}",
            source=source,
            partition=partition,
            rows=metadata.num_rows,
            sha256=digest,
            schema_fingerprint=hashlib.sha256(schema.encode()).hexdigest()[:16],
            origin=_make_tellable(written.origin),
            pulled_at=pulled_at.strftime("%Y-%m-%d %H:%M:%S"),
            run_id=run_id,
            folder=folder,
            notes=tuple(map(_make_tellable, _cut_notes(written.notes))),
            validator=written.validator,
            columns=written.columns,
        )
        _flush(draft)
        draft.replace(batch.path)
    finally:
        draft.unlink(missing_ok=True)
        with suppress(OSError):  # a day without a batch leaves no empty folder
            folder.rmdir()
    write_json(batch.sidecar, {k: v for k, v in asdict(batch).items() if k != "folder"})
    return batch


def _cut_notes(notes: Sequence[str]) -> Sequence[str]:
    """An API may say something else on each of ten thousand pages: the first ones are told, the others counted."""
    if len(notes) <= MOST_NOTES:
        return notes
    return [*notes[:MOST_NOTES], f"{len(notes) - MOST_NOTES} more notes, not kept"]


def _make_tellable(text: str) -> str:
    """Without secrets, without personal data, and without what a terminal obeys."""
    return redact_text(make_printable(mask_secrets(text)))


def find_next_place(folder: Path, pulled_at: datetime) -> datetime:
    """What the next name in a folder begins with: the moment (UTC), but always after all earlier names.

    So batches count in the order in which they landed, also where a clock ran ahead: it is a label.
    """
    places = [
        datetime.strptime(match[0], PLACE).replace(tzinfo=UTC)
        for path in folder.glob("*.json")
        if (match := re.match(r"\d{8}T\d{12}Z", path.name))
    ]
    return max([pulled_at, *(place + timedelta(microseconds=1) for place in places)])


def list_batches(root: Path, source: str | None = None) -> Iterator[Batch]:
    """Every whole batch under `root`, oldest first within a partition."""
    for sidecar in sorted(root.glob(f"{source or '*'}/*/*.json")):
        yield read_sidecar(sidecar)


def read_json(path: Path) -> Any:
    """What a file of ours says; ValueError where it is no such file, or no JSON that we would write."""
    if not path.is_file():
        path.stat()  # FileNotFoundError where there is none
        raise ValueError(f"{path} is no plain file")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None


def read_sidecar(sidecar: Path) -> Batch:
    """ValueError, TypeError or KeyError where the file is no sidecar."""
    content = read_json(sidecar)
    lists = {"notes": tuple(content["notes"]), "columns": tuple(content.get("columns", ()))}
    return Batch(**content | lists, folder=sidecar.parent)


def find_newest_batches(root: Path, source: str) -> dict[str, Batch]:
    """partition → its newest batch (batch ids sort in the order in which they landed)."""
    return {batch.partition: batch for batch in list_batches(root, source)}


def find_newest_batch(root: Path, source: str, partition: str) -> Batch | None:
    """The newest batch of one partition; None where it has none."""
    sidecars = sorted((root / source / partition).glob("*.json"))
    return read_sidecar(sidecars[-1]) if sidecars else None


def verify_batch(batch: Batch) -> Batch:
    """The same batch, or LandingError where its bytes no longer match the sidecar."""
    if not batch.path.exists() or hash_file(batch.path) != batch.sha256:
        raise LandingError(
            f"{batch.source} {batch.partition}: batch {batch.batch_id} no longer matches the SHA-256 "
            f"in its sidecar (missing or edited file {batch.path.name}). "
            f"Restore the file from backup, or pull the partition again to make a new batch."
        )
    return batch


def list_columns(path: Path) -> list[str]:
    """The columns of a landed file, by its footer: a query for them costs a small day as much as its rows."""
    return list(pq.read_schema(path).names)


def rows_sql(paths: Iterable[Path]) -> str:
    """A relation of landed rows: `_row`, the place in its batch's file from 1, and the landed columns.

    The place is not stored: numbering rows while writing would hold the whole COPY to one thread. Files
    never change, so it is the same however often they are read. `file_index` and `filename` can be asked.
    """
    files = ", ".join(duck.literal(path) for path in paths)
    return (
        f"(select file_index, filename, file_row_number + 1 as _row, columns(lambda c: c <> '_row') "
        f"from read_parquet([{files}], union_by_name = true))"
    )


def write_json(path: Path, content: object) -> None:
    """Atomic: readers see the old file or the whole new one."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1))


def write_text(path: Path, text: str) -> None:
    """Atomic: readers see the old file or the whole new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        draft.write_text(text, encoding="utf-8")
        _flush(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
