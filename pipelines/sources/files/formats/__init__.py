"""How files are written: one line per format, read by the contracts (names) and by the files connector.

A reader gives the tables of one export, `reader(session, member) -> Iterator[TableFragment]`; Unreadable where
it is none. Its module is imported when it is first used, so that reading a contract loads no parser.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Format(NamedTuple):
    """`reader` and `describer` as `module:function` of this package.

    `describer(member, encoding, message)`: DuckDB's complaint in words for the operator. `delimiter`: what
    stands between cells unless the contract says otherwise; only delimited text may need its cells cleaned.
    `is_zip`: a ZIP of this format is one export, not an archive of exports. `has_pages`: a folder may hold
    a capture in pages (page_*.json). `is_keyed`: each record names its own values, so that a part of a delivery
    may lack a name that another has.
    """

    name: str
    reader: str
    describer: str = ""
    delimiter: str | None = None
    is_zip: bool = False
    has_pages: bool = False
    is_keyed: bool = False

    def load_reader(self) -> Callable[..., Any]:
        return load_function(self.reader)

    def load_describer(self) -> Callable[..., str] | None:
        return load_function(self.describer) if self.describer else None


FORMATS = (
    Format("csv", "csv_file:read_csv", "csv_failures:describe_failure", delimiter=","),
    Format("tsv", "csv_file:read_csv", "csv_failures:describe_failure", delimiter="\t"),
    Format("json", "json_file:read_document", has_pages=True, is_keyed=True),
    Format("ndjson", "json_file:read_lines", is_keyed=True),
    Format("parquet", "parquet_file:read_parquet"),
    Format("xlsx", "workbook:read_workbook", is_zip=True),
    Format("xls", "workbook:read_workbook", is_zip=True),
)


def find_format(name: str | None) -> Format:
    """KeyError where no format has that name; a loaded contract names only registered ones."""
    return {entry.name: entry for entry in FORMATS}[str(name)]


def load_function(reference: str) -> Callable[..., Any]:
    """`module:function` of this package → the function."""
    module, _, name = reference.partition(":")
    function: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), name)
    return function
