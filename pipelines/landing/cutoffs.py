"""The moments that a place reports at, as its reference list was landed last."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from pipelines.landing.batches import find_newest_batches
from pipelines.sources.contracts.source import REFERENCE_PREFIX


def list_cutoffs(landing: Path) -> dict[str, str]:
    """Moment → label of the place's list as it was landed last, newest first; empty before the first run."""
    batches = find_newest_batches(landing, f"{REFERENCE_PREFIX}reporting_cutoffs")
    if not batches:
        return {}
    rows = pq.read_table(batches[max(batches)].path).to_pylist()
    labels = {row["cutoff_at"]: f"{row['label_vi']} · {row['label_en']}" for row in rows}
    return dict(sorted(labels.items(), reverse=True))
