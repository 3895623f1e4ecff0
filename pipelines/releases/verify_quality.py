"""What a release was made of between landing and the build: accepted and rejected rows, reports, sidecars.

Each release records their hashes; `verify` compares them, and a run builds on none that it did not make itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipelines.lake import catalogue as lake
from pipelines.lake import inputs, ledger
from pipelines.lake.location import has_lake
from pipelines.landing.batches import Batch, hash_file, read_sidecar
from pipelines.quality.reports import EditedRows, describe_revalidation, read_report
from pipelines.releases.findings import Finding, Kind
from pipelines.settings import Settings

# Of each file: inode, size, and when it was changed.
Identity = tuple[tuple[int, int, int, int], ...]
# No file system's clock has longer ticks (FAT: two seconds).
SETTLED_NS = 3 * 10**9


def check_quality(
    settings: Settings, recorded: list[inputs.RecordedQuality], edited_sidecars: list[str]
) -> Iterator[Finding]:
    """Every file between landing and the build is what the newest release recorded.

    `edited_sidecars`: what was found of them already; one that is missing is named by its batch.
    """
    for row in recorded:
        name = f"{row.source} {row.partition}, batch {row.batch_id}"
        sidecar = settings.landing / row.source / row.partition / f"{row.batch_id}.json"
        if not sidecar.exists():
            continue
        if any(row.batch_id in text for text in edited_sidecars):
            continue
        if hash_file(sidecar) != row.sidecar_sha256:
            yield Finding("edited_sidecar", f"landing: the sidecar of {name} is not what it was")
            continue
        if row.report_sha256 is None:
            continue
        report = read_report(settings.quality, read_sidecar(sidecar))
        if report is None:
            yield Finding("missing_report", f"quality: the report of {name} is missing or cannot be read")
            continue
        if report.digest != row.report_sha256:
            yield Finding("edited_report", f"quality: the report of {name} says otherwise than it did")
        files = report.list_files()
        checked: tuple[tuple[str, str | None, Kind], ...] = (
            ("accepted", row.accepted_sha256, "edited_rows"),
            ("rejected", row.rejected_sha256, "edited_rows"),
            ("page", report.files.get("page"), "edited_report"),
        )
        for word, sha256, kind in checked:
            path = files.get(word)
            if word == "page" and sha256 is None:
                continue
            if (hash_file(path) if path else None) != sha256:
                what = "edited" if path and sha256 else "missing" if sha256 else "there, and was not"
                yield Finding(kind, f"quality: the {word} file of {name} is {what}")


class NewestRecord(NamedTuple):
    """What the newest release recorded of its batches; `landed`: (source, batch) → SHA-256 of the batch."""

    release_id: int
    quality: list[inputs.RecordedQuality]
    landed: dict[tuple[str, str], str]


# The catalogue's files as they were when the record was read, and the record: a run asks for each of its sources.
_KEPT: dict[Path, tuple[Identity, NewestRecord]] = {}


def read_newest_record(settings: Settings) -> NewestRecord | None:
    """None without a release. Read once for as long as nobody writes to the catalogue: its files say so, not we."""
    if not has_lake(settings):
        return None
    catalogue = lake.catalog_file(settings)
    identity = identify_catalogue(catalogue) if settings.lake_servers is None else None
    if identity is not None and _KEPT.get(catalogue, (None,))[0] == identity:
        return _KEPT[catalogue][1]
    with lake.open_lake(settings) as con:
        chain = ledger.list_releases(con)
        if not chain:
            return None
        release_id = chain[-1].release_id
        batches = inputs.list_inputs(con, release_id)
        landed = {(batch.source, batch.batch_id): batch.sha256 for batch in batches}
        record = NewestRecord(release_id, inputs.list_quality(con, release_id), landed)
    if identity is not None and identify_catalogue(catalogue) == identity:
        _KEPT[catalogue] = identity, record
    return record


def identify_catalogue(catalogue: Path) -> Identity | None:
    """What changes with every write to the catalogue or its log; None while a write may still hide in the same tick
    of the file system's clock."""
    files = [path for path in (catalogue, catalogue.with_name(f"{catalogue.name}-wal")) if path.exists()]
    states = [path.stat() for path in files]
    if any(time.time_ns() - max(one.st_ctime_ns, one.st_mtime_ns) < SETTLED_NS for one in states):
        return None
    return tuple((one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in states if one.st_size)


def find_suspect_batches(settings: Settings, source: str | None = None) -> list[Batch]:
    """Batches of the newest release whose report is not what that release recorded: to be validated again.

    EditedRows where a batch itself is not the one that was recorded.
    """
    record = read_newest_record(settings)
    if record is None:
        return []
    suspects = []
    for row in record.quality:
        sidecar = settings.landing / row.source / row.partition / f"{row.batch_id}.json"
        if (source is not None and row.source != source) or not sidecar.exists():
            continue
        batch = read_sidecar(sidecar)
        if batch.sha256 != record.landed.get((row.source, row.batch_id), batch.sha256):
            raise EditedRows(
                f"{row.source} {row.partition}: batch {row.batch_id} is not the one that release "
                f"{record.release_id} was made of: its sidecar names another SHA-256. Nothing was built. Put it "
                f"back from backup, or pull the day again (`thongsuot run --again --partition {row.partition}`)."
            )
        if row.report_sha256 is not None:
            report = read_report(settings.quality, batch)
            if report is None or report.digest != row.report_sha256:
                suspects.append(batch)
                continue
            files = report.hash_files()
            if (files.get("accepted"), files.get("rejected")) != (row.accepted_sha256, row.rejected_sha256):
                suspects.append(batch)
    return suspects


def refuse_suspect_reports(settings: Settings, run_id: str) -> None:
    """EditedRows where a report is not what the newest release recorded, and this run did not make it anew."""
    for batch in find_suspect_batches(settings):
        report = read_report(settings.quality, batch)
        if report is not None and report.run_id != run_id:
            raise EditedRows(
                f"{batch.source} {batch.partition}: the report of batch {batch.batch_id} is not what the newest "
                f"release was made of. Nothing was built. {describe_revalidation(batch.partition)}"
            )
