"""One source of rows: where it is, how it is pulled, and what its columns, words and days mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from pipelines.sources.connectors import CONNECTORS, find_connector
from pipelines.sources.contracts.canon import FOLDER, classify_header, read_canon
from pipelines.sources.contracts.column import Column, PersonalClass
from pipelines.sources.contracts.filling import fill_address, fill_text
from pipelines.sources.contracts.names import fold_name, suggest_nearest
from pipelines.sources.contracts.options.database import DatabaseOptions
from pipelines.sources.contracts.options.drift import Drift
from pipelines.sources.contracts.options.files import FileOptions
from pipelines.sources.contracts.options.http import HttpOptions
from pipelines.sources.contracts.options.registered import describe_one_of, require_one_of
from pipelines.sources.contracts.table_contract import TableContract

# What the name of a reference table begins with where it is read like a source.
REFERENCE_PREFIX = "reference_"
CONNECTOR_NAMES = [connector.name for connector in CONNECTORS]
ConnectorName = Annotated[str, require_one_of(CONNECTOR_NAMES), describe_one_of(CONNECTOR_NAMES)]

# A key without a shape of its own has no blanks inside.
KEY_SHAPE = r"\S+"


class StepColumns(NamedTuple):
    """Of a log of states: the column of when a step was taken, and that of the state it led to."""

    at: str
    state: str


class Source(DatabaseOptions, FileOptions, HttpOptions, TableContract):
    """One source: where it is, how it is read, what its columns mean.

    `place_suite`: the file of rules beside sources.yaml, if there is one; `country` is that of the place.
    """

    title_vi: str
    description: str = ""
    connector: ConnectorName = Field(description="How the source is reached.")
    grain: str = Field(description="What one row is.")
    key: tuple[str, ...] = Field(description="The canonical columns that identify a row.")
    partitioning: Literal["change_day", "snapshot_day", "whole_table"] = Field(
        description="change_day: a day gives what changed on it. snapshot_day: every delivery is kept and "
        "compared. whole_table: every delivery is the whole table, and the newest one counts."
    )
    milestones: dict[str, str] = Field(
        default_factory=dict,
        description="For a table with one row per dossier: time column → the status word it stands for. "
        "In the order of a dossier's life. Each time that is given becomes a row of the log; so does the "
        "row's own status, at `snapshot_at`.",
    )
    snapshot_at: time = Field(
        time(23, 59, 59), description="When a delivery of the table is taken, local time of its day."
    )
    personal: dict[str, PersonalClass] = Field(
        default_factory=dict, description="Headers that hold personal data → class. Never pulled."
    )
    extra_columns: dict[str, Literal["none", "free_text"]] = Field(
        default_factory=dict,
        description="Headers beyond the canonical columns to land as well. free_text is scanned for "
        "personal data. Headers named nowhere are dropped.",
    )
    drift: Drift = Field(default_factory=Drift, description="What happens when the source changes its shape.")

    derived: dict[str, str] = Field(
        default_factory=dict,
        description="Helper columns for the suite: name → DuckDB expression over typed columns.",
    )
    max_rejected_share: float = Field(
        0.02, ge=0, le=1, description="More rejected rows than this share block the batch."
    )
    may_be_empty: bool = Field(
        False,
        description="A delivery without rows is one (a log on a holiday). Otherwise it is a day whose data "
        "are missing: it moves no number's moment, and where rows were known it is refused.",
    )
    repeated_keys: Literal["refuse", "accept"] = Field(
        "refuse",
        description="A key that comes twice in a whole delivery: pages that overlap, a sheet or a file that stands "
        "there twice, so that another record never came. accept: the source itself lists it twice; the later row "
        "counts.",
    )
    suite: str = Field(description="The suite's file under expectations/.")
    place_suite: str | None = None
    country: str = "VN"
    unit: tuple[str, ...] = Field(
        (), description="Columns that name the unit a row belongs to; the first that a row fills counts."
    )
    owner: str = Field("team:data-engineering", description="Who answers for the source.")
    freshness_hours: int = Field(
        30,
        gt=0,
        description="Older than this, the source counts as stale. Where nothing is said: 30 hours and the days that "
        "its units have for a report (a week for a weekly file, a weekend where they report on working days).",
    )

    @model_validator(mode="before")
    @classmethod
    def _extra_columns_are_columns(cls, entry: Any) -> Any:
        """Landed under their folded header, as text."""
        extra = entry.get("extra_columns") if isinstance(entry, dict) else None
        columns = entry.get("columns") if isinstance(entry, dict) else None
        if not isinstance(extra, dict) or not isinstance(columns, list | tuple):
            return entry
        extras = [
            {
                "name": fold_name(str(raw)),
                "raw": raw,
                "scan": kind != "none",
                "description": "A column of this place.",
            }
            for raw, kind in extra.items()
        ]
        own_names = {
            c["name"] if isinstance(c, dict) else c.name for c in columns if isinstance(c, dict | Column)
        }
        return {**entry, "columns": [*columns, *(c for c in extras if c["name"] not in own_names)]}

    @model_validator(mode="after")
    def _whole(self) -> Source:
        if faults := list(self._faults()):
            raise ValueError("\n".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        for key in find_connector(self.connector).list_needs(self, self.partitioning):
            if getattr(self, key) is None:
                yield f"connector {self.connector} needs `{key}`"
        names = [c.name for c in self.columns]
        for name in {n for n in names if names.count(n) > 1}:
            yield f"column `{name}` stands there twice"
        for key in self.key:
            if key not in names:
                yield f"key column `{key}` is not a column{suggest_nearest(key, names)}"
        if self.milestones and not self.step_columns:
            yield f"`milestones`: {self.name} is no log of states"
        for column in self.columns:
            if column.required and not column.mapped and column.name not in (self.step_columns or ()):
                yield f"`columns` does not say where `{column.name}` comes from; {self.name} needs it"
        yield from self._faults_of_milestones(names)
        personal = {fold_name(raw) for raw in self.personal}
        for column in self.columns:
            for raw in dict.fromkeys((column.raw, *column.aliases)):
                if column.mapped and raw and (fold_name(raw) in personal or classify_header(raw)):
                    key = "`extra_columns`" if raw in self.extra_columns else f"column `{column.name}`"
                    yield f"{key} would pull `{raw}`, a personal column; name it under `personal` alone"
        if not self.datetime_formats and any(c.type == "timestamp" and c.mapped for c in self.columns):
            yield "timestamp columns need `datetime_formats`"

    def _faults_of_milestones(self, names: Sequence[str]) -> Iterator[str]:
        state = self.step_columns.state if self.step_columns else None
        words = next((c.meanings for c in self.columns if c.name == state), None)
        for at, word in self.milestones.items():
            if at not in names:
                yield f"`milestones`: `{at}` is not a column{suggest_nearest(at, names)}"
            if words and unicodedata.normalize("NFC", word) not in words:
                yield f"`milestones`: {word!r} is no word of `columns.{state}`{suggest_nearest(word, words)}"

    @property
    def step_columns(self) -> StepColumns | None:
        """What `milestones` fill; None where there are none, or the source is no log of states."""
        canonical = read_canon().sources.get(self.name) if self.milestones else None
        return (
            StepColumns(canonical.evidence.at, canonical.evidence.state)
            if canonical and canonical.evidence
            else None
        )

    def resolved_url(self, data: Path) -> str:
        """The address with `{data}` and `${ENV}` filled in; never stored, logged or shown."""
        return fill_address(self.name, str(self.url), data)

    def fill_text(self, text: str, data: Path) -> str:
        """Any text of the contract with `{data}`, `{project}` and `${ENV}` filled in; never shown."""
        return fill_text(self.name, text, data)

    def resolved_path(self, data: Path, partition: str) -> Path:
        return Path(fill_text(self.name, str(self.path), data).replace("{partition}", partition))

    def holds_history(self) -> bool:
        """One file with the whole of a log: each row has its own time, so that it answers for any past day."""
        canonical = read_canon().sources.get(self.name)
        is_one_file = self.path is not None and "{partition}" not in self.path and not self.inbox
        is_log = canonical is not None and canonical.kind == "log" and not self.milestones
        return is_one_file and is_log and self.partitioning == "whole_table"

    @property
    def is_reference(self) -> bool:
        """A reference table, read as if it were a source."""
        return self.name.startswith(REFERENCE_PREFIX)

    @property
    def suite_path(self) -> Path:
        return FOLDER / self.suite

    def scanned_columns(self) -> frozenset[str]:
        """Free text, codes and keys: every text that is neither a mapped word nor exempted."""
        return frozenset(c.name for c in self.columns if c.type == "text" and c.scan and not c.meanings)

    def free_text_columns(self) -> frozenset[str]:
        """Text that people wrote: scanned, and no code."""
        return self.scanned_columns() - self.code_columns()

    def code_columns(self) -> frozenset[str]:
        """Texts that identify: those of the key, and what is called a code; mapped words are none."""
        return frozenset(
            c.name
            for c in self.columns
            if c.type == "text" and not c.meanings and (c.name in self.key or c.name.endswith("_code"))
        )

    def find_shape(self, column: Column) -> str | None:
        """The regular expression that a code of this column fits: its own, for keys at least no blanks."""
        return column.shape or (KEY_SHAPE if column.name in self.key else None)

    def accepted_columns(self) -> dict[str, str]:
        """column → DuckDB type of the accepted Parquet, in order."""
        return add_identity({c.name: c.sql_type for c in self.columns})


def add_identity(columns: dict[str, str]) -> dict[str, str]:
    """What every accepted row says first: its batch, its day, and its row in the batch."""
    return {"batch_id": "varchar", "partition_key": "date", "_row": "bigint", **columns}
