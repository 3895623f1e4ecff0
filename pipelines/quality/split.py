"""The typed chunk → accepted and rejected Parquet of each of its batches.

A rejected row keeps the texts it was landed with, and per failed rule: column, value, reasons.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.landing.batches import Batch, rows_sql
from pipelines.landing.personal import find_scan
from pipelines.privacy.detectors import CODES, FREE_TEXT, REMOVED, Scan, redacted_sql
from pipelines.quality.expectations import RuleResult
from pipelines.quality.suite import Expectation
from pipelines.sources.contracts.contract import Source
from pipelines.sources.values.characters import FUNCTION
from pipelines.sources.values.codes import misshapen_sql
from pipelines.sources.values.misread_letters import MISREAD
from pipelines.sources.values.parsing import clean_cell_sql
from pipelines.sql import read_sql

# Rejected rows held in memory at once; a source whose words all changed rejects every row it has.
MANY = 100_000


class KeyedBatch(NamedTuple):
    """A batch within a chunk: its rows have the keys `first` .. `last`, in the order of `_row`."""

    batch: Batch
    first: int

    @property
    def last(self) -> int:
        return self.first + self.batch.rows - 1


def assign_keys(chunk: Sequence[Batch]) -> list[KeyedBatch]:
    keyed, first = [], 0
    for batch in chunk:
        keyed.append(KeyedBatch(batch, first))
        first += batch.rows
    return keyed


def collect_failures(con: duckdb.DuckDBPyConnection, results: Sequence[RuleResult]) -> bool:
    """Table `failures` (row × failed critical rule); True where these are MANY rows."""
    rejecting = [o for o in results if o.expectation.rejects]
    critical_rules = [o.expectation for o in rejecting]
    rules = {
        "rule": pa.array(range(len(critical_rules)), pa.int32()),
        "name": pa.array([e.rule for e in critical_rules], pa.string()),
        "detects": pa.array([e.detects for e in critical_rules], pa.string()),
        "column_name": pa.array([e.column for e in critical_rules], pa.string()),
        "reason_en": pa.array([e.reason_en for e in critical_rules], pa.string()),
        "reason_vi": pa.array([e.reason_vi for e in critical_rules], pa.string()),
    }
    failures = {
        "_key": pa.chunked_array([pa.array(o.failed) for o in rejecting], pa.int64()),
        "rule": pa.chunked_array(
            [pa.array(np.full(len(o.failed), i, np.int32)) for i, o in enumerate(rejecting)], pa.int32()
        ),
    }
    for name, columns in (("rules", rules), ("failures", failures)):
        con.register("incoming", pa.table(columns))
        con.execute(f"create or replace table {name} as from incoming")
        con.unregister("incoming")
    return len(np.unique(np.concatenate([o.failed for o in rejecting]))) > MANY if rejecting else False


def collect_texts(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    keyed: Sequence[KeyedBatch],
    sampled: np.ndarray,
    failing: Sequence[Expectation],
    *,
    many: bool,
) -> dict[str, str]:
    """Table `texts`, as `select_texts`, of the rows `sampled` and, unless they are too many to hold, of `failures`.

    Of the latter then also table `rejected`, for all batches at once; else each batch collects its own.
    `failing`: the rules that rows fail. Landed files are so read once for all that is told of single rows. Gives the
    columns, name → quoted.
    """
    con.register("sampled", pa.table({"_key": pa.array(sampled, pa.int64())}))
    keys = "select _key from sampled" + ("" if many else " union select _key from failures")
    texts, quoted = select_texts(source, keyed, keys)
    con.execute(f"create or replace table texts as {texts}")
    con.unregister("sampled")
    if not many and any(rule.rejects for rule in failing):
        rejected = _rejected_sql(source, "from texts", quoted, failing)
        con.execute(f"create or replace table rejected as {rejected}")
    return quoted


def write_accepted(
    con: duckdb.DuckDBPyConnection, source: Source, keyed: KeyedBatch, out: Path, *, whole: bool
) -> int:
    """Typed rows without a critical failure; `whole`: the batch has no such row.

    Nearly in landed order: an outer join with a reference table puts rows without a match behind the others of their
    vector. To sort them would cost a quarter of the writing, and every row has its `_row`.
    """
    names = ", ".join(duck.identifier(c.name) for c in source.columns)
    own_rows = f"_key between {keyed.first} and {keyed.last}"
    kept = "" if whole else f"and _key not in (select _key from failures where {own_rows})"
    return _copy(
        con,
        f"select {_identity(keyed.batch)}, _key - {keyed.first} + 1 as _row, {names} "
        f"from typed where {own_rows} {kept}",
        out,
    )


def write_rejected(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    keyed: KeyedBatch,
    out: Path,
    failing: Sequence[Expectation],
    *,
    many: bool,
) -> int:
    """Rows under their landed texts, with `row_key` and `failures`; `failing`: the rules that rows fail."""
    rows = "rejected"
    if many:
        texts, quoted = select_texts(source, [keyed], "select _key from failures")
        rows = f"({_rejected_sql(source, texts, quoted, failing)})"
    return _copy(
        con,
        f"select {_identity(keyed.batch)}, {duck.literal(source.name)} as source, * exclude (_key) "
        f"from {rows} where _key between {keyed.first} and {keyed.last} order by _row",
        out,
    )


def select_landed(keyed: Sequence[KeyedBatch]) -> str:
    """Every landed row of the chunk with `_batch` (its place) and `_key`; a column absent is NULL.

    The key follows from the batch's own row number: the same however often it is read.
    """
    # Landing writes texts; a column that came otherwise (a hand-made batch) is read as its text.
    texts = "".join(
        f", cast({q} as varchar) as {q}" for q in map(duck.identifier, list_landed_columns(keyed))
    )
    return (
        f"select file_index as _batch, {[p.first for p in keyed]}[file_index::bigint + 1] + _row - 1 "
        f"as _key, _row{texts} from {rows_sql([p.batch.path for p in keyed])}"
    )


def list_landed_columns(keyed: Sequence[KeyedBatch]) -> list[str]:
    landed_names = (name for p in keyed for name in pq.read_schema(p.batch.path).names)
    return [name for name in dict.fromkeys(landed_names) if name != "_row"]


def select_texts(source: Source, keyed: Sequence[KeyedBatch], keys: str) -> tuple[str, dict[str, str]]:
    """Landed texts of the rows whose `_key` is in `keys`, personal data removed, with `row_key`; columns."""
    quoted = {n: duck.identifier(n) for n in list_landed_columns(keyed)}
    codes, columns = source.code_columns(), {c.name: c for c in source.columns}
    # By identity: values are looked at by the pattern of free texts, moments aside.
    alike: dict[int, tuple[Scan, list[str]]] = {}
    for name in quoted:
        scan = find_scan(source, columns[name]) if name in columns else None
        scan = scan or (CODES if name in codes else FREE_TEXT)
        alike.setdefault(id(scan), (scan, []))[1].append(name)
    # A list for all columns that are looked at alike: a pattern costs more to compile than to match with these rows.
    lists = ", ".join(
        f"list_transform([{', '.join(quoted[n] for n in names)}], lambda _text: {redacted_sql('_text', scan)}) as _{at}"
        for at, (scan, names) in enumerate(alike.values())
    )
    redacted = {
        n: f"_{at}[{i}]" for at, (_, names) in enumerate(alike.values()) for i, n in enumerate(names, 1)
    }
    texts = "".join(f", {redacted[name]} as {q}" for name, q in quoted.items())
    key = " || '|' || ".join(f"coalesce({redacted[k]}, '')" for k in source.key if k in quoted)
    chosen = f"select * from ({select_landed(keyed)}) where _key in ({keys})"
    looked_at = f"select _key, _row{', ' + lists if lists else ''} from ({chosen})"
    return f"select _key, _row, {key or repr('')} as row_key{texts} from ({looked_at})", quoted


def _rejected_sql(source: Source, texts: str, quoted: dict[str, str], failing: Sequence[Expectation]) -> str:
    """`failures`: list of {rule, column_name, bad_value, reason_en, reason_vi} in the suite's order.

    `record_key`: the key as typed, by which a later delivery is recognised; NULL where a part is missing.
    `unit_code`: the unit concerned, to whom the row can be sent back.
    """
    landed = {name: f"landed.{column}" for name, column in quoted.items()}
    codes_and_words = source.code_columns() | {c.name for c in source.columns if c.meanings}
    failed = {name: f"failed_rules.{column}" for name, column in quoted.items()}
    at_fault = list_columns_at_fault(source, [rule for rule in failing if rule.rejects])
    value = " ".join(
        f"when {duck.literal(name)} then {_name_characters_sql(text) if name in codes_and_words else text}"
        for name, text in failed.items()
        if name in at_fault
    )
    units = ", ".join(f"typed.{duck.identifier(unit)}" for unit in source.unit)
    keys = [f"typed.{duck.identifier(key)}" for key in source.key]
    return read_sql(
        "pipelines.quality",
        "rejected_texts",
        texts=texts,
        fault=locate_fault(source, landed, "rules.detects", "rules.column_name", failing),
        value=f"case failed_rules.fault {value} end" if value else "null::varchar",
        # What stood in a key that was removed is known to nobody.
        whole_key=" and ".join(
            f"{key} is not null and not contains(cast({key} as varchar), {duck.literal(REMOVED)})"
            for key in keys
        ),
        key_texts=[f"cast({key} as varchar)" for key in keys],
        unit=redacted_sql(f"coalesce({units}, null)", CODES) if units else "null::varchar",
        columns=list(landed.values()),
    )


def list_columns_at_fault(source: Source, failing: Iterable[Expectation]) -> set[str]:
    """Columns that a row which fails one of these rules may be pointed to."""
    columns: set[str] = set()
    for rule in failing:
        columns |= {rule.column}
        if rule.detects:
            columns |= source.scanned_columns() | source.code_columns()
    return columns


def locate_fault(
    source: Source, quoted: dict[str, str], detects: str, column: str, failing: Iterable[Expectation]
) -> str:
    """SQL: the name of the column at fault; `detects`, `column`: SQL of a rule's own.

    A rule over all texts points to the first that holds what the rule detects. Its patterns stand there only if rows
    fail such a rule (`failing`): to compile them costs more than all the rest.
    """
    kinds = {rule.detects for rule in failing if rule.detects}
    scanned = [(n, q) for n, q in quoted.items() if n in source.scanned_columns()]
    free = source.free_text_columns()
    columns = {c.name: c for c in source.columns}
    conditions: dict[str, list[tuple[str, str]]] = {}
    if "personal" in kinds:
        conditions["personal"] = [(f"contains({q}, {duck.literal(REMOVED)})", n) for n, q in scanned]
    if "mojibake" in kinds:
        conditions["mojibake"] = [
            (f"regexp_matches({q}, {duck.literal(MISREAD)})", n) for n, q in scanned if n in free
        ]
    if "misshapen" in kinds:
        conditions["misshapen"] = [
            (misshapen_sql(source, columns[n], clean_cell_sql(source, columns[n], q)), n)
            for n, q in quoted.items()
            if n in source.code_columns()
        ]
    cases = " ".join(
        f"when {duck.literal(kind)} then {_first_of(of_kind)}"
        for kind, of_kind in conditions.items()
        if of_kind
    )
    return f"case {detects} {cases} else {column} end" if cases else column


def _first_of(conditions: list[tuple[str, str]]) -> str:
    """SQL: the name of the first column whose condition holds."""
    return f"case {' '.join(f'when {sql} then {duck.literal(name)}' for sql, name in conditions)} end"


def _name_characters_sql(value: str) -> str:
    """SQL of a code or word with the characters named that only look like others, or are not seen at all."""
    own = f"replace({value}, {duck.literal(REMOVED)}, '')"
    strange = f"case when strlen({value}) <> length({value}) then {FUNCTION}({own}) end"
    return f"{value} || coalesce(' [' || {strange} || ']', '')"


def _identity(batch: Batch) -> str:
    return (
        f"{duck.literal(batch.batch_id)} as batch_id, date {duck.literal(batch.partition)} as partition_key"
    )


def _copy(con: duckdb.DuckDBPyConnection, query: str, out: Path) -> int:
    """COPY to a draft, then rename; returns the rows written."""
    draft = out.with_name(f".{out.name}.{os.getpid()}.partial")
    row = con.execute(f"copy ({query}) to {duck.literal(draft)} {duck.PARQUET}").fetchone()
    draft.replace(out)
    return int(row[0]) if row else 0
