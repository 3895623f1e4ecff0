"""What validation found about a batch: one JSON beside its accepted and rejected rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.landing.batches import Batch, write_json


@dataclass(frozen=True)
class Report:
    """`results`: one dict per rule (rule, column, severity, scope row | batch, unexpected, samples, reasons).

    `blocked`: more rows rejected than the source's threshold allows, or a critical rule over the whole
    batch failed; `rules`: the checksum of the contract and suite that judged the batch; `references`:
    reference table → the batch its codes were looked up in.
    """

    batch_id: str
    source: str
    partition: str
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    blocked: bool
    results: tuple[dict[str, Any], ...]
    folder: Path
    rules: str = ""
    references: dict[str, str] = field(default_factory=dict)

    @property
    def accepted(self) -> Path:
        return self.folder / f"{self.batch_id}.accepted.parquet"

    @property
    def rejected(self) -> Path:
        """Exists only where a row was rejected."""
        return self.folder / f"{self.batch_id}.rejected.parquet"

    @property
    def path(self) -> Path:
        return self.folder / f"{self.batch_id}.json"

    @property
    def page(self) -> Path:
        """The same for people: one HTML file that needs nothing else."""
        return self.folder / f"{self.batch_id}.html"

    def describe_block(self, limit: float) -> str:
        """Why the batch does not count, and what to do next."""
        whole = [r for r in self.results if r["severity"] == "critical" and r["scope"] == "batch"]
        if failed := [r for r in whole if r["unexpected"]]:
            rules = "; ".join(f"{r['reason_en']} ({r['rule']})" for r in failed)
            advice = (
                " Where a delivery of this source may really be empty, set `may_be_empty: true` in sources.yaml."
                if any(r["rule"] == "batch_emptied" for r in failed)
                else ""
            )
            return (
                f"{self.source} {self.partition}: batch {self.batch_id} is refused: {rules}. The last release "
                f"is still served. Ask the source for the whole delivery, then pull the day again.{advice}"
            )
        worst = sorted(
            (r for r in self.results if r["severity"] == "critical" and r["unexpected"]),
            key=lambda r: -r["unexpected"],
        )
        rules = ", ".join(
            f"{r['rule']} ({r['unexpected']}, first row {min(r['sample_rows'])}: {r['reason_en']})"
            if r["sample_rows"]
            else f"{r['rule']} ({r['unexpected']}: {r['reason_en']})"
            for r in worst[:3]
        )
        share = self.rows_rejected / self.rows_read if self.rows_read else 0
        more = ", more than" if self.rows_rejected > limit * self.rows_read else "; at most"
        return (
            f"{self.source} {self.partition}: batch {self.batch_id} is blocked: {self.rows_rejected} "
            f"of {self.rows_read} rows rejected ({share:.1%}){more} {limit:.1%}. Rules: {rules}. The last "
            f"release is still served. Correct the source or its mapping, then pull the day again."
        )


def find_report_folder(root: Path, batch: Batch) -> Path:
    return root / batch.source / batch.partition


def write_report(report: Report) -> None:
    content = {k: v for k, v in vars(report).items() if k != "folder"}
    write_json(report.path, content)


def read_report(root: Path, batch: Batch) -> Report | None:
    """The report of a batch; None while it was not validated."""
    folder = find_report_folder(root, batch)
    path = folder / f"{batch.batch_id}.json"
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return Report(**content | {"results": tuple(content["results"]), "folder": folder})
