"""Contracts: what each source is, column by column. One fact one home.

`sources.yaml` over the canon (`expectations/`) → frozen models. Here: columns, words, personal-data classes,
thresholds, freshness. Not here: rules (the suites in `expectations/`) and pulling (the connectors).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.connectors import CONNECTORS, find_connector
from pipelines.sources.contracts.canon import FOLDER, classify_header, read_canon
from pipelines.sources.contracts.column import Column, PersonalClass
from pipelines.sources.contracts.completion import complete_contracts
from pipelines.sources.contracts.contract_file import ContractError, read_contracts
from pipelines.sources.contracts.filling import fill_address, fill_text
from pipelines.sources.contracts.names import fold_name, suggest_nearest
from pipelines.sources.contracts.options.database import DatabaseOptions
from pipelines.sources.contracts.options.drift import Drift
from pipelines.sources.contracts.options.files import FileOptions
from pipelines.sources.contracts.options.frozen import Frozen
from pipelines.sources.contracts.options.http import HttpOptions
from pipelines.sources.contracts.options.registered import describe_one_of, require_one_of
from pipelines.sources.contracts.problems import collect_problems

ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
CONNECTOR_NAMES = [connector.name for connector in CONNECTORS]
ConnectorName = Annotated[str, require_one_of(CONNECTOR_NAMES), describe_one_of(CONNECTOR_NAMES)]

__all__ = ["Column", "ContractError", "Contracts", "Place", "ReferenceTable", "Source", "load_contracts"]


class TableContract(Frozen):
    """How texts are read, the same for sources and reference tables."""

    name: str
    columns: tuple[Column, ...] = Field(
        (), description="Canonical column → the source's header, or header, words and default."
    )
    datetime_formats: tuple[str, ...] = Field(
        (), description="strptime formats of times, tried in order; never inferred. %z for a zone or offset."
    )
    date_formats: tuple[str, ...] = Field(
        ("%d/%m/%Y", "%Y-%m-%d"), description="strptime formats of dates, tried in order."
    )
    timezone: str = Field(str(LOCAL_ZONE), description="The zone in which zone-less times are written.")
    null_values: tuple[str, ...] = Field(("",), description="Texts that say nothing, e.g. '-'.")
    number_format: Literal["vi", "en"] = Field("vi", description="vi: 1.234,56; en: 1,234.56.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"timezone {zone!r} is not known; e.g. Asia/Ho_Chi_Minh") from None
        return zone


class Source(DatabaseOptions, FileOptions, HttpOptions, TableContract):
    """One source: where it is, how it is read, what its columns mean."""

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
    suite: str = Field(description="The suite's file under expectations/.")
    unit: tuple[str, ...] = Field(
        (), description="Columns that name the unit a row belongs to; the first that a row fills counts."
    )
    owner: str = Field("team:data-engineering", description="Who answers for the source.")
    freshness_hours: int = Field(30, gt=0, description="Older than this, the source counts as stale.")

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
        filled_by_milestones = {"recorded_at", "status_code"} if self.milestones else set()
        for column in self.columns:
            if column.required and not column.mapped and column.name not in filled_by_milestones:
                yield f"`columns` does not say where `{column.name}` comes from; {self.name} needs it"
        status = next((c.meanings for c in self.columns if c.name == "status_code"), None)
        for at, word in self.milestones.items():
            if at not in names:
                yield f"`milestones`: `{at}` is not a column{suggest_nearest(at, names)}"
            if status and unicodedata.normalize("NFC", word) not in status:
                yield f"`milestones`: {word!r} is no word of `columns.status_code`{suggest_nearest(word, status)}"
        personal = {fold_name(raw) for raw in self.personal}
        for column in self.columns:
            for raw in dict.fromkeys((column.raw, *column.aliases)):
                if column.mapped and raw and (fold_name(raw) in personal or classify_header(raw)):
                    key = "`extra_columns`" if raw in self.extra_columns else f"column `{column.name}`"
                    yield f"{key} would pull `{raw}`, a personal column; name it under `personal` alone"
        if not self.datetime_formats and any(c.type == "timestamp" and c.mapped for c in self.columns):
            yield "timestamp columns need `datetime_formats`"

    def resolved_url(self, data: Path) -> str:
        """The address with `{data}` and `${ENV}` filled in; never stored, logged or shown."""
        return fill_address(self.name, str(self.url), data)

    def fill_text(self, text: str, data: Path) -> str:
        """Any text of the contract with `{data}`, `{project}` and `${ENV}` filled in; never shown."""
        return fill_text(self.name, text, data)

    def resolved_path(self, data: Path, partition: str) -> Path:
        return Path(fill_text(self.name, str(self.path), data).replace("{partition}", partition))

    @property
    def suite_path(self) -> Path:
        return FOLDER / self.suite

    def scanned_columns(self) -> frozenset[str]:
        """Free text and codes: every text that is neither a key nor a mapped word, nor exempted."""
        return frozenset(
            c.name
            for c in self.columns
            if c.type == "text" and c.scan and not c.meanings and c.name not in self.key
        )

    def free_text_columns(self) -> frozenset[str]:
        """Text that people wrote: scanned, and no code."""
        return frozenset(name for name in self.scanned_columns() if not name.endswith("_code"))

    def accepted_columns(self) -> dict[str, str]:
        """column → DuckDB type of the accepted Parquet, in order."""
        return _accepted({c.name: c.sql_type for c in self.columns})


class ReferenceTable(FileOptions, TableContract):
    """A reference file of the place. Columns without a mapping are read under their canonical names."""

    path: str = Field(description="The file; {project} and {data} are filled in.")
    title_vi: str = ""
    description: str = ""

    def as_source(self) -> Source:
        """The same file as a source, so that one set of readers serves both."""
        keys = self.model_dump(exclude={"title_vi", "description"}, exclude_none=True)
        suffix = Path(self.path).suffix.removeprefix(".") or "csv"
        return Source.model_validate(
            {
                "format": {"tsv": "csv", "xls": "xlsx"}.get(suffix, suffix),
                **keys,
                "name": f"reference_{self.name}",
                "title_vi": "",
                "connector": "files",
                "grain": "",
                "key": (),
                "partitioning": "whole_table",
                "datetime_formats": self.datetime_formats or ISO,
                "date_formats": self.date_formats,
                "max_rejected_share": 0,
                "suite": "",
            }
        )


class Place(Frozen):
    """Whose numbers these are, and when and where its days begin."""

    code: str = Field(description="Its code in the national ranking.")
    name: str = Field(description="What it is called.")
    counts_since: date = Field(description="The day counting starts; the longest period begins here.")
    country: str = Field("VN", description="ISO code; public holidays are its own.")
    stopped_is: Literal["end", "pause"] = Field(
        "end", description="Status 8: an end state, as in the reference formulas, or a pause of the clock."
    )
    timezone: str = Field("Asia/Ho_Chi_Minh", description="The zone in which days begin and times are shown.")
    whole_name: str = Field(
        default_factory=lambda: read_canon().whole.name_vi,
        description="What all its units together are called: Toàn tỉnh, Toàn thành phố.",
    )

    @model_validator(mode="after")
    def _one_clock(self) -> Place:
        if self.timezone != str(LOCAL_ZONE):
            message = f"`timezone` is {self.timezone}, but this process counts days in {LOCAL_ZONE}. "
            raise ValueError(
                message + "Name this file in THONGSUOT_SOURCES, so that it is read at the start."
            )
        return self


class Contracts(Frozen):
    """The whole of sources.yaml."""

    place: Place
    first_day: date = Field(description="The first day that is pulled.")
    last_day: date | None = Field(None, description="The last day that is pulled; without it, yesterday.")
    is_demo: bool = False
    sources: dict[str, Source]
    reference: dict[str, ReferenceTable]

    @model_validator(mode="after")
    def _needed_tables(self) -> Contracts:
        canon = read_canon()
        for name, table in canon.reference.items():
            if table.required and name not in self.reference:
                raise ValueError(f"`reference` has no `{name}`, which every place needs")
        for name, source in canon.sources.items():
            if source.required and name not in self.sources and set(self.sources) & set(canon.sources):
                raise ValueError(f"`sources` has no `{name}`, which every place needs")
        return self

    def accepted_columns(self) -> dict[str, dict[str, str]]:
        """source → its accepted columns, also for the canonical sources that this place does not have."""
        absent = {
            name: _accepted({c.name: c.sql_type for c in source.column_models})
            for name, source in read_canon().sources.items()
        }
        return absent | {name: source.accepted_columns() for name, source in self.sources.items()}

    def reference_columns(self) -> dict[str, dict[str, str]]:
        """reference table → column → DuckDB type, also for the tables that this place does not have."""
        return {
            name: {c.name: c.sql_type for c in table.column_models}
            for name, table in read_canon().reference.items()
        }


def load_contracts(path: Path) -> Contracts:
    """ContractError with every fault: file, line, key and nearest valid name."""
    file = read_contracts(path)
    misfits = complete_contracts(file.content)
    contracts, faults = collect_problems(Contracts, file.content)
    if contracts is None or misfits:
        raise file.refuse([*misfits, *faults])
    return contracts


def _accepted(columns: dict[str, str]) -> dict[str, str]:
    return {"batch_id": "varchar", "partition_key": "date", "_row": "bigint", **columns}
