"""Promise 3 at the gate: rows read = accepted + rejected, counted again in what rests on disk."""

from __future__ import annotations

import pyarrow.parquet as pq

from pipelines.landing.batches import Batch
from pipelines.quality.reports import Report


class Unbalanced(RuntimeError):
    """Rows were lost or doubled between landing and the split; never to be published."""


def reconcile_batch(batch: Batch, report: Report) -> Report:
    """The same report; Unbalanced where sidecar, report and Parquet files do not add up."""
    accepted = pq.read_metadata(report.accepted).num_rows
    rejected = pq.read_metadata(report.rejected).num_rows if report.rejected.exists() else 0
    read = pq.read_metadata(batch.path).num_rows
    if read == batch.rows == accepted + rejected and (read, accepted, rejected) == (
        report.rows_read,
        report.rows_accepted,
        report.rows_rejected,
    ):
        return report
    raise Unbalanced(
        f"{batch.source} {batch.partition}: batch {batch.batch_id} does not add up: landed {read} rows "
        f"(sidecar {batch.rows}), accepted {accepted} + rejected {rejected} = {accepted + rejected} "
        f"(report: {report.rows_accepted} + {report.rows_rejected} of {report.rows_read}). "
        f"Nothing of it counts. Validate the batch again; if it happens again, report this error."
    )
