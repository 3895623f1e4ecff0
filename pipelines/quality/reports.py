"""What validation found about a batch: one JSON beside its accepted and rejected rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.landing.batches import Batch, hash_file, read_json, write_json
from pipelines.quality.hints import describe_hint
from pipelines.sources.contracts.source import Source


class EditedRows(RuntimeError):
    """What validation wrote is not there as it wrote it; the text names source, day, batch and the next step."""


@dataclass(frozen=True)
class Report:
    """`results`: one dict per rule (rule, column, severity, scope row | batch, unexpected, samples, reasons).

    `blocked`: more rows rejected than the source's threshold allows, or a critical rule over the whole
    batch failed; `rules`: the checksum of the contract and suite that judged the batch; `references`:
    reference table → the batch its codes were looked up in; `files`: accepted, rejected, page → SHA-256 of the
    file that was written with the report; `run_id`: the run that validated the batch.
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
    files: dict[str, str] = field(default_factory=dict)
    run_id: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of what was found, whoever asked: the same batch, rules and history give the same."""
        content = {k: v for k, v in vars(self).items() if k not in ("folder", "files", "run_id")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=list).encode()).hexdigest()

    def hash_files(self) -> dict[str, str]:
        """As the report says; of one that says nothing (of before files were hashed) as they lie there."""
        return self.files or {word: hash_file(path) for word, path in self.list_files().items()}

    def list_files(self) -> dict[str, Path]:
        """What there is beside the report, by its word in `files`."""
        files = {"accepted": self.accepted, "rejected": self.rejected, "page": self.page}
        return {word: path for word, path in files.items() if path.exists()}

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

    def describe_block(self, source: Source) -> str:
        """Why the batch does not count, and what to do next: whoever reads it has nothing else at hand."""
        limit = source.max_rejected_share
        again = f"`thongsuot run --again --partition {self.partition}`"
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
                f"is still served. Ask the source for the whole delivery, then pull the day again: {again}.{advice}"
            )
        worst = sorted(
            (r for r in self.results if r["severity"] == "critical" and r["unexpected"]),
            key=lambda r: -r["unexpected"],
        )
        rules = ", ".join(
            f"{r['rule']} ({r['unexpected']}, first row {min(r['sample_rows'])}: {r['reason_en']}{quote_sample(r)}"
            f"{describe_hint(source, r)})"
            if r["sample_rows"]
            else f"{r['rule']} ({r['unexpected']}: {r['reason_en']})"
            for r in worst[:3]
        )
        share = self.rows_rejected / self.rows_read if self.rows_read else 0
        settings = " and ".join(dict.fromkeys(name for r in worst for name in name_settings(r)))
        mending = f"correct {settings} of {self.source} there" if settings else "correct it"
        more = ", more than" if self.rows_rejected > limit * self.rows_read else "; at most"
        return (
            f"{self.source} {self.partition}: batch {self.batch_id} is blocked: {self.rows_rejected} "
            f"of {self.rows_read} rows rejected ({share:.1%}){more} {limit:.1%}. Rules: {rules}. The last "
            f"release is still served. Where sources.yaml reads it wrongly, {mending} and run again "
            f"(`thongsuot sources check {self.source} --partition {self.partition}` shows what it reads); where the "
            f"delivery is wrong, ask for a mended one, then pull the day again: {again}."
        )


def name_settings(result: Mapping[str, Any]) -> Iterator[str]:
    """The keys of sources.yaml that decide whether a value breaks this rule."""
    if "format" in result["reason_en"]:
        yield "`datetime_formats` or `date_formats`"
    elif result["rule"].endswith("_unknown"):
        yield f"the `value_map` of `{result['rule'].removesuffix('_unknown')}`"


def quote_sample(result: Mapping[str, Any], most: int = 40) -> str:
    """The first value that broke the rule; nothing where there is none."""
    value = next((str(sample["value"]) for sample in result.get("samples", ()) if sample["value"]), None)
    if value is None:
        return ""
    return f"; {value!r}" if len(value) <= most else f"; {value[:most]!r}…"


def find_report_folder(root: Path, batch: Batch) -> Path:
    return root / batch.source / batch.partition


def write_report(report: Report) -> None:
    content = {k: v for k, v in vars(report).items() if k != "folder"}
    write_json(report.path, content)


def read_report(root: Path, batch: Batch) -> Report | None:
    """The report of a batch; None while it was not validated, or where what lies there is no whole report."""
    folder = find_report_folder(root, batch)
    path = folder / f"{batch.batch_id}.json"
    try:
        content = read_json(path)
        return Report(**content | {"results": tuple(content["results"]), "folder": folder})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def verify_report(report: Report) -> Report:
    """The same report, or EditedRows where its rows are not those that were validated.

    A report of before files were hashed vouches for none.
    """
    files = report.list_files()
    for word in ("accepted", "rejected"):
        sha256 = report.files.get(word)
        if report.files and (hash_file(files[word]) if word in files else None) != sha256:
            raise EditedRows(
                f"{report.source} {report.partition}: the {word} rows of batch {report.batch_id} are not those that "
                f"validation wrote (missing or edited file {report.batch_id}.{word}.parquet). Nothing was built. "
                f"{describe_revalidation(report.partition)}"
            )
    return report


def describe_revalidation(partition: str) -> str:
    return (
        "Keep a copy as evidence, then validate the day again from its batch: "
        f"`thongsuot run --revalidate --partition {partition}`."
    )
