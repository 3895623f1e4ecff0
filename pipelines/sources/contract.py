"""Contracts: what each source is, column by column. One fact one home (DESIGN §4).

`sources.yaml` → frozen models. Here: columns, types, aliases, value maps, personal-data classes,
thresholds, freshness. Not here: rules (the suites in `expectations/`) and pulling (the connectors).
"""

from __future__ import annotations

import difflib
import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROJECT = Path(__file__).resolve().parents[2]

ColumnType = Literal["text", "integer", "bigint", "boolean", "timestamp", "date", "percent"]

SQL_TYPES: dict[str, str] = {
    "text": "varchar",
    "integer": "integer",
    "bigint": "bigint",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "percent": "integer",
}


class ContractError(ValueError):
    """sources.yaml is wrong; the text names file, key, what is wrong and the nearest valid name."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(Frozen):
    """One canonical column. `value_map`: source word → canonical word; unmapped words are rejected."""

    name: str
    type: ColumnType = "text"
    raw: str | None = None
    aliases: tuple[str, ...] = ()
    required: bool = False
    value_map: dict[str, str] | None = None
    default: str | None = None
    title_vi: str = ""
    description: str = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


class Source(Frozen):
    """One source: where it is, how it is read, what its columns mean."""

    name: str
    title_vi: str
    description: str = ""
    connector: Literal["database", "files", "http"]
    grain: str
    key: tuple[str, ...]
    partitioning: Literal["change_day", "snapshot_day"]
    columns: tuple[Column, ...]
    personal: dict[str, str] = Field(default_factory=dict)

    url: str | None = None
    table: str | None = None
    db_schema: str | None = None
    cursor: str | None = None
    cursor_format: str | None = None

    path: str | None = None
    format: Literal["csv", "xlsx", "json"] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheets: dict[str, dict[str, str]] | None = None
    header_marker: str = "STT"

    records: str | None = None
    page_constants: dict[str, str] = Field(default_factory=dict)
    request: dict[str, Any] = Field(default_factory=dict)
    total_pages: str = "paging.totalPages"

    datetime_formats: tuple[str, ...] = ()
    date_formats: tuple[str, ...] = ("%d/%m/%Y", "%Y-%m-%d")
    timezone: str = "Asia/Ho_Chi_Minh"
    null_values: tuple[str, ...] = ("",)
    # vi: 1.234,56; en: 1,234.56. How texts are read; native numeric cells arrive as plain digits.
    number_format: Literal["vi", "en"] = "vi"

    # Helper columns for the suite's rules: name → DuckDB expression over the typed columns.
    derived: dict[str, str] = Field(default_factory=dict)
    max_rejected_share: float = Field(ge=0, le=1)
    suite: str
    owner: str = "team:data-engineering"
    freshness_hours: int = Field(default=30, gt=0)

    def resolved_url(self, data: Path) -> str:
        """The address with `{data}` and `${ENV}` filled in; never stored, logged or shown."""
        return _fill(self, str(self.url), data)

    def resolved_path(self, data: Path, partition: str) -> Path:
        return Path(_fill(self, str(self.path), data).replace("{partition}", partition))

    @property
    def suite_path(self) -> Path:
        return PROJECT / "expectations" / self.suite

    def free_text_columns(self) -> frozenset[str]:
        """Text that people wrote: no code, no key, no mapped word. Scanned for personal data."""
        return frozenset(
            c.name
            for c in self.columns
            if c.type == "text"
            and not c.value_map
            and c.name not in self.key
            and not c.name.endswith("_code")
        )

    def accepted_columns(self) -> dict[str, str]:
        """column → DuckDB type of the accepted Parquet, in order."""
        typed = {c.name: c.sql_type for c in self.columns}
        return {"batch_id": "varchar", "partition_key": "date", "_row": "bigint", **typed}


class ReferenceTable(Frozen):
    """A reference file (CSV, UTF-8, header = column names) and its columns' DuckDB types."""

    path: str
    columns: dict[str, str]

    def resolved_path(self, data: Path) -> Path:
        return Path(self.path.replace("{data}", str(data)).replace("{project}", str(PROJECT)))


class Contracts(Frozen):
    """The whole of sources.yaml."""

    first_day: date
    is_demo: bool = False
    national_code: str = "40"
    sources: dict[str, Source]
    reference: dict[str, ReferenceTable]


def load_contracts(path: Path) -> Contracts:
    """ContractError with file, key and nearest valid name where the file is wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file. Set THONGSUOT_SOURCES to your sources.yaml.") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ContractError(f"{path.name}: expected keys such as `sources` and `reference`.")
    for name, source in (content.get("sources") or {}).items():
        if isinstance(source, dict):
            source["name"] = name
            columns = source.get("columns")
            if isinstance(columns, dict):
                source["columns"] = [{"name": c, **(said or {})} for c, said in columns.items()]
    try:
        return Contracts.model_validate(content)
    except ValidationError as error:
        raise ContractError(f"{path.name}: " + "; ".join(_explain(e) for e in error.errors())) from None


def _explain(error: Any) -> str:
    where = ".".join(str(step) for step in error["loc"])
    said = f"`{where}`: {error['msg']}"
    if error["type"] == "extra_forbidden":
        model = Column if "columns" in error["loc"] else Source
        near = difflib.get_close_matches(str(error["loc"][-1]), model.model_fields, 1, 0.5)
        said = f"`{where}` is not a known key" + (f"; did you mean `{near[0]}`?" if near else "")
    return said


def _fill(source: Source, text: str, data: Path) -> str:
    def secret(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise ContractError(
                f"{source.name}: the environment has no {match[1]}, which sources.yaml names. Set it."
            )
        return value

    return re.sub(r"\$\{(\w+)\}", secret, text.replace("{data}", str(data)))
