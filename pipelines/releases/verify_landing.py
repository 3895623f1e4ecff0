"""Landing, as `verify` reads it: the batches of a release still hold and tell what they did."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import inputs, ledger
from pipelines.landing.batches import hash_file, read_sidecar
from pipelines.landing.clock import describe_future_batch, list_future_batches
from pipelines.landing.withdrawals import WrongRecord, list_withdrawals
from pipelines.releases.findings import Finding
from pipelines.settings import Settings

Published = dict[tuple[str, str], dict[str, str]]

# What a batch's sidecar says of its pull, by the column of `audit.batches` that published it.
SIDECAR = {
    "partition_key": "partition", "rows_read": "rows", "sha256": "sha256",
    "schema_fingerprint": "schema_fingerprint", "origin": "origin", "pulled_at": "pulled_at",
    "run_id": "run_id", "source": "source", "batch_id": "batch_id",
}  # fmt: skip


def read_published(con: duckdb.DuckDBPyConnection) -> Published:
    """(source, batch) → what the newest release says of its pull; nothing where it cannot be read."""
    listed = ", ".join(f"{column}::varchar" for column in SIDECAR)
    try:
        rows = con.execute(f"select source, batch_id, {listed} from {lake.ALIAS}.audit.batches").fetchall()
    except duckdb.Error:
        return {}  # told already: `unreadable_content`
    return {(source, batch): dict(zip(SIDECAR, values, strict=True)) for source, batch, *values in rows}


def check_clock(settings: Settings) -> Iterator[Finding]:
    try:
        future = list_future_batches(settings.landing)
    except (ValueError, TypeError, KeyError):
        return  # a sidecar that cannot be read is named by its batch
    for batch in future:
        yield Finding("clock_ahead", f"landing: {describe_future_batch(batch)}")


def check_landing(
    settings: Settings, batches: list[inputs.ReleasedBatch], published: Published
) -> Iterator[Finding]:
    """Every batch that a release was made of still has the bytes it landed with, and tells the same pull."""
    yield from check_clock(settings)
    for batch in batches:
        path = settings.landing / batch.source / batch.partition / f"{batch.batch_id}.parquet"
        name = f"{batch.source} {batch.partition}, batch {batch.batch_id}"
        if not path.exists():
            yield Finding("missing_batch", f"landing: {name} is missing")
        elif hash_file(path) != batch.sha256:
            yield Finding("edited_batch", f"landing: the bytes of {name} no longer match its SHA-256")
        if not path.with_suffix(".json").exists():
            yield Finding("missing_batch", f"landing: the sidecar of {name} is missing, so it counts no more")
            continue
        try:
            sidecar = read_sidecar(path.with_suffix(".json"))
        except (ValueError, TypeError, KeyError):
            yield Finding("edited_sidecar", f"landing: the sidecar of {name} cannot be read")
            continue
        # A release restored since may know nothing of it.
        for column, value in published.get((batch.source, batch.batch_id), {}).items():
            if str(getattr(sidecar, SIDECAR[column])) != value:
                yield Finding(
                    "edited_sidecar",
                    f"landing: the sidecar of {name} says another `{SIDECAR[column]}` than was published",
                )


def check_withdrawals(con: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[Finding]:
    """Every event that the newest release published is still on record, in the same words."""
    try:
        events = list_withdrawals(settings.landing)
    except WrongRecord as error:
        yield Finding("edited_withdrawal", str(error))
        return
    if not ledger.table_exists(con, "audit", "withdrawals"):
        return
    cursor = con.execute(f"from {lake.ALIAS}.audit.withdrawals order by event_id")
    names = [column[0] for column in cursor.description or []]
    published = [dict(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]
    kept = {str(e.event_id): {**vars(e), "partition_key": e.partition} for e in events}
    for event in published:
        there = kept.get(event["event_id"], {})
        wrong = [name for name in names if str(there.get(name, "")) != event[name]]
        if wrong:
            what = "is missing" if not there else f"says another `{wrong[0]}` than was published"
            batch = f"{event['source']} {event['partition_key']}, batch {event['batch_id']}"
            yield Finding(
                "edited_withdrawal",
                f"landing: event {event['event_id']} ({event['event']} {batch}) {what}",
            )
