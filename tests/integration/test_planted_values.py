"""No personal value that the demo planted rests outside its sources."""

from __future__ import annotations

import re

import duckdb
import pytest

from pipelines import duck
from pipelines.privacy.detectors import count_personal_data
from pipelines.sources.contracts.contract import load_contracts
from tests.conftest import Province
from tests.support.planted import READERS

pytestmark = pytest.mark.slow


def texts_of(con: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    """Every distinct text of a stored relation, lists and structs printed."""
    columns = [row[0] for row in con.execute(f"describe from {relation}").fetchall()]
    return {
        text
        for column in columns
        for (text,) in con.execute(
            f"select distinct {duck.identifier(column)}::varchar from {relation}"
        ).fetchall()
        if text is not None
    }


def test_no_planted_personal_value_rests_outside_the_sources(small_province: Province) -> None:
    """Every file under the data directory but the demo's own sources, read as what it is: Parquet and
    DuckDB files by column, everything else as text. Planted: every value of every personal column."""
    data = small_province.settings.data
    contracts = load_contracts(small_province.settings.sources_file)
    columns = {
        (source.name, header): texts
        for source in contracts.sources.values()
        if source.personal
        for header, texts in READERS[source.name](data / "demo", source.personal).items()
        if header != "ChucDanh"  # a job title
    }
    assert [column for column, texts in columns.items() if not texts] == [], (
        "nothing personal is planted there"
    )
    planted = set().union(*columns.values())
    assert len(planted) > 10_000
    tokens = re.compile(r"\b0\d{9,11}\b|[\w.]+@[\w.-]+|\b\d{12}\b")
    # Some of every column: a file is searched for each of them.
    sample = {
        text
        for texts in columns.values()
        for text in sorted(t for t in texts if not tokens.fullmatch(t))[:40]
    }
    names = re.compile("|".join(map(re.escape, sorted(sample))))
    files = [
        p for p in data.rglob("*") if p.is_file() and not p.is_symlink() and data / "demo" not in p.parents
    ]
    assert len([p for p in files if p.suffix == ".parquet"]) > 100
    for path in files:
        if path.suffix == ".parquet":
            with duck.connect(small_province.settings.extensions) as con:
                relation = f"read_parquet({duck.literal(path)})"
                # A file's own name is random, and may hold twelve digits in a row.
                assert {column for column, _ in count_personal_data(con, relation)} <= {"path"}, path
                assert not texts_of(con, relation) & planted, path
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                for table in tables:
                    relation = duck.identifier(*table)
                    assert {column for column, _ in count_personal_data(con, relation)} <= {"path"}, (
                        path,
                        table,
                    )
                    assert not texts_of(con, relation) & planted, (path, table)
        else:
            content = path.read_bytes().decode("utf-8", "ignore")
            assert not set(tokens.findall(content)) & planted, path
            assert not names.search(content), path
