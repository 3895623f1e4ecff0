"""Batches that were pulled in the future: the clock of a machine ran ahead, and what it said is a label."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import list_remaining

# Two machines never agree to the second.
TOLERANCE = timedelta(minutes=5)


def list_future_batches(landing: Path, now: datetime | None = None) -> list[Batch]:
    """Batches that say they were pulled after `now` (UTC) and are the newest of their partition that count."""
    now = (now or datetime.now(UTC)).replace(tzinfo=None) + TOLERANCE
    newest = {(batch.source, batch.partition): batch for batch in list_remaining(landing)}
    return [batch for batch in newest.values() if datetime.fromisoformat(batch.pulled_at) > now]


def describe_future_batch(batch: Batch) -> str:
    return (
        f"{batch.source} {batch.partition}: batch {batch.batch_id} says it was pulled at {batch.pulled_at} UTC, "
        "which is still to come: the clock of the machine ran ahead"
    )
