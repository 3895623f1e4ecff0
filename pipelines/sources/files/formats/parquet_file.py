"""Parquet exports: typed columns as the texts that typing reads back, by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from pipelines import duck
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.files.file_set import MAGIC
from pipelines.sources.files.formats.csv_file import clean_sql
from pipelines.sources.files.formats.foreign import describe_text, find_foreign
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.formats.parquet_weight import check_weight
from pipelines.sources.files.unpacking import MIB, Member
from pipelines.sources.values.cells import NUMERIC
from pipelines.sources.values.native import ISO
from pipelines.sources.values.number_formats import DIGITS_KEPT, INEXACT

NESTED = ("STRUCT", "MAP", "UNION")
FLOATS = ("FLOAT", "DOUBLE")
PAR1 = b"PAR1"


def read_parquet(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """Unreadable where it is no whole Parquet file."""
    source = session.source
    try:
        if member.plain and not MAGIC.search(str(member.file)):
            location, size = str(member.file), member.file.stat().st_size
        else:
            limit = source.limits.document_mb
            with member.open() as stream:
                data = stream.read(limit * MIB + 1)
            if len(data) > limit * MIB:
                raise ValueError(f"it unpacks to more than {limit} MiB; deliver Parquet as it is")
            location, size = session.streams.add_content(data), len(data)
        check_weight(session.con, location, size, source.limits)
        session.members[location] = member
        relation = f"read_parquet({duck.literal(location)}, binary_as_string = true)"
        described = session.con.execute(f"describe from {relation}").fetchall()
    except (duckdb.Error, ValueError, OSError) as error:
        sample = member.sample()
        kind = (
            None if sample.startswith(PAR1) else find_foreign(sample) or describe_text(sample, "Parquet file")
        )
        raise Unreadable(member, str(kind) if kind else _describe(error, sample)) from None
    kinds = {str(name): str(kind) for name, kind, *_ in described}

    def select(mapped: Mapping[str, str]) -> str:
        _require_kept_digits(session, relation, {n: raw for n, raw in mapped.items() if kinds[raw] in FLOATS})
        texts = ", ".join(
            f"{text_sql(duck.identifier(raw), kinds[raw], source, session.columns.get(name))} "
            f"as {duck.identifier(name)}"
            for name, raw in mapped.items()
        )
        return f"select {texts} from {relation}"

    yield TableFragment(member, list(kinds), select)


def _describe(error: Exception, sample: bytes) -> str:
    """What DuckDB says of a Parquet file's end names paths of this machine."""
    if type(error) is ValueError:
        return str(error).splitlines()[0][:200]
    begins = (
        "begins as one and does not end so: it was cut short" if sample.startswith(PAR1) else "begins as none"
    )
    return f"no whole Parquet file: it {begins}, or is damaged"


def _require_kept_digits(session: ReadSession, relation: str, floats: Mapping[str, str]) -> None:
    """ValueError for a code kept as a floating-point number: digits beyond the fifteenth are lost."""
    for name in floats.keys() & session.source.code_columns():
        cell = duck.identifier(floats[name])
        row = session.con.execute(  # what is no number (NaN, infinity) lost no digits
            f"select max(abs({cell})) filter (isfinite({cell})) >= 1e{DIGITS_KEPT} from {relation}"
        ).fetchone()
        if row and row[0]:
            raise ValueError(f"column {name!r} holds {INEXACT}")


def text_sql(cell: str, kind: str, source: Source, column: Column | None) -> str:
    """SQL of a typed cell's text; moments are written to the second, in the column's own format."""
    if kind == "VARCHAR":
        return clean_sql(cell)
    if kind.endswith("]") or kind.startswith(NESTED):
        return f"cast(to_json({cell}) as varchar)"
    if kind in FLOATS or kind.startswith("DECIMAL"):
        return _number(cell, kind, source, column)
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return _moment(cell, kind, source, column)
    return f"cast({cell} as varchar)"


def _number(cell: str, kind: str, source: Source, column: Column | None) -> str:
    """Zeros at the end of a decimal belong to a code (1.012790), as in `cells`; a number has none."""
    numeric = column is not None and column.type in NUMERIC
    if kind.startswith("DECIMAL"):
        text = f"cast({cell} as varchar)"
        if numeric and not kind.endswith(",0)"):
            text = f"rtrim(rtrim({text}, '0'), '.')"
    else:
        text = (
            f"case when isnan({cell}) then null when {cell} = trunc({cell}) and abs({cell}) < 1e15 "
            f"then cast(cast({cell} as bigint) as varchar) else cast({cell} as varchar) end"
        )
    return f"replace({text}, '.', ',')" if numeric and source.number_format == "vi" else text


def _moment(cell: str, kind: str, source: Source, column: Column | None) -> str:
    formats = {"timestamp": source.datetime_formats, "date": source.date_formats}.get(
        column.type if column else "text", ISO[:1] if kind != "DATE" else ISO[2:]
    )
    ordered = sorted(formats, key=lambda f: f not in ISO)
    plain = next((f for f in ordered if "%z" not in f), None)
    if kind == "TIMESTAMP WITH TIME ZONE":
        if plain is None:
            return f"strftime({cell}, {duck.literal(ordered[0])})" if ordered else f"cast({cell} as varchar)"
        cell = f"timezone({duck.literal(source.timezone)}, {cell})"
    return f"strftime(cast({cell} as timestamp), {duck.literal(plain or ISO[0])})"
