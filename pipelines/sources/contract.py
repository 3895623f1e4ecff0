"""Contracts: what each source is, column by column. One fact one home (DESIGN §4).

`sources.yaml` → frozen models. Here: columns, types, aliases, value maps, personal-data classes,
thresholds, freshness. Not here: rules (the suites in `expectations/`) and pulling (the connectors).
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator, model_validator

from pipelines.sources.contract_file import ContractError, nearest, read_contracts
from pipelines.sources.options.database import DatabaseOptions
from pipelines.sources.options.files import FileOptions
from pipelines.sources.options.frozen import Frozen
from pipelines.sources.options.http import HttpOptions

__all__ = ["Column", "ContractError", "Contracts", "ReferenceTable", "Source", "load_contracts"]

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


class Column(Frozen):
    """One canonical column. `value_map`: source word → canonical word; unmapped words are rejected.

    `default` stands where the source says nothing, as canonical text (`in_person`, `"false"`).
    """

    name: str
    type: ColumnType = "text"
    raw: str | None = None
    aliases: tuple[str, ...] = ()
    required: bool = False
    value_map: dict[str, str] | None = None
    default: str | None = None
    title_vi: str = ""
    description: str = ""

    @field_validator("value_map")
    @classmethod
    def _words_in_nfc(cls, words: dict[str, str] | None) -> dict[str, str] | None:
        return words and {unicodedata.normalize("NFC", word): said for word, said in words.items()}

    @model_validator(mode="after")
    def _canonical_words_fit_the_type(self) -> Column:
        fits = {"integer": r"-?\d+", "bigint": r"-?\d+", "boolean": "true|false"}.get(self.type, ".*")
        for said in (*(self.value_map or {}).values(), *([self.default] if self.default else [])):
            if not re.fullmatch(fits, said):
                raise ValueError(f"{said!r} is no {self.type}; canonical words must fit the type")
        return self

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.type]


class Source(DatabaseOptions, FileOptions, HttpOptions):
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

    @model_validator(mode="after")
    def _whole(self) -> Source:
        for key in {
            "database": self.database_needs(self.partitioning),
            "files": self.files_need(),
            "http": self.http_needs(),
        }[self.connector]:
            if getattr(self, key) is None:
                raise ValueError(f"connector {self.connector} needs `{key}`")
        names = [c.name for c in self.columns]
        for name in {n for n in names if names.count(n) > 1}:
            raise ValueError(f"column `{name}` stands there twice")
        for key in self.key:
            if key not in names:
                raise ValueError(f"key column `{key}` is not a column{nearest(key, names)}")
        for column in self.columns:
            if column.raw in self.personal:
                raise ValueError(f"column `{column.name}` would pull `{column.raw}`, a personal column")
        if not self.datetime_formats and any(c.type == "timestamp" for c in self.columns):
            raise ValueError("timestamp columns need `datetime_formats`")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"timezone {self.timezone!r} is not known; e.g. Asia/Ho_Chi_Minh") from None
        return self

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


class Place(Frozen):
    """Whose numbers: `code` as in the national ranking, `counts_since` the day counting starts."""

    code: str
    name: str
    counts_since: date


class Contracts(Frozen):
    """The whole of sources.yaml."""

    place: Place
    first_day: date
    is_demo: bool = False
    sources: dict[str, Source]
    reference: dict[str, ReferenceTable]


def load_contracts(path: Path) -> Contracts:
    """ContractError with file, key and nearest valid name where the file is wrong."""
    content = read_contracts(path)
    for name, source in content["sources"].items():
        if isinstance(source, dict):
            source["name"] = name
            columns = source.get("columns")
            if isinstance(columns, dict):
                source["columns"] = [_column(c, said) for c, said in columns.items()]
    try:
        return Contracts.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(_explain(e, content) for e in error.errors())
    raise ContractError(f"{path.name}: {wrong}")


def _column(name: Any, said: Any) -> Any:
    """A column as written: its name is the key; unquoted whole numbers are words like any other."""
    if not isinstance(said, dict | None):
        return said
    column = {"name": name, **(said or {})}
    if isinstance(column.get("value_map"), dict):
        column["value_map"] = {
            str(k) if type(k) is int else k: str(v) if type(v) is int else v
            for k, v in column["value_map"].items()
        }
    return column


def _explain(error: Any, content: dict[str, Any]) -> str:
    """`sources.dossier_log.columns.channel.typ` is not a known key; did you mean `type`?"""
    steps, at = [], content
    for step in error["loc"]:
        at = at[step] if isinstance(at, dict | list) and step in _keys(at) else {}
        steps.append(at.get("name", step) if isinstance(step, int) and isinstance(at, dict) else step)
    where = ".".join(map(str, steps))
    if error["type"] == "extra_forbidden":
        parents: dict[Any, type[Frozen]] = {"columns": Column, "sources": Source, "reference": ReferenceTable}
        model: type[Frozen] = next(
            (parents[s] for s in reversed(error["loc"][:-1]) if s in parents), Contracts
        )
        return f"`{where}` is not a known key{nearest(error['loc'][-1], model.model_fields)}"
    if error["type"] == "string_type":
        return f"`{where}`: expected a text; put it in quotes"
    return f"`{where}`: {error['msg'].removeprefix('Value error, ')}"


def _keys(at: dict[Any, Any] | list[Any]) -> Iterable[Any]:
    return range(len(at)) if isinstance(at, list) else at


def _fill(source: Source, text: str, data: Path) -> str:
    def secret(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise ContractError(
                f"{source.name}: the environment has no {match[1]}, which sources.yaml names. Set it."
            )
        return value

    return re.sub(r"\$\{(\w+)\}", secret, text.replace("{data}", str(data)))
