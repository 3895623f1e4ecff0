"""No personal value that the demo planted rests outside its sources."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines import duck
from pipelines.privacy.detectors import count_personal_data
from pipelines.privacy.redaction import find_personal_data
from pipelines.sources.contracts.contract import load_contracts
from tests.conftest import Province
from tests.support.planted import READERS

pytestmark = pytest.mark.slow


def collect_texts(
    con: duckdb.DuckDBPyConnection, relation: str, texts: dict[str, str], printed: dict[str, str]
) -> None:
    """Every distinct text of a stored relation → where it stands; `printed`: numbers, lists and structs.

    A file's own name is random, and may hold twelve digits in a row: `path` is no text.
    """
    for column, kind, *_ in con.execute(f"describe from {relation}").fetchall():
        cell = f"{duck.identifier(column)}::varchar"
        rows = con.execute(f"select distinct {cell} from {relation} where {cell} is not null").fetchall()
        chosen = texts if kind == "VARCHAR" and column != "path" else printed
        chosen.update((text, f"{relation[:200]} {column}") for (text,) in rows)


def group_tables(data: Path, files: list[Path]) -> dict[str, list[Path]]:
    """Folder and kind of file, days aside → its Parquet files, to be read at once; an exported file is a table."""
    tables: dict[str, list[Path]] = {}
    for path in files:
        place = path.relative_to(data)
        folders = [name for name in place.parent.parts if not name.startswith("2025-")]
        kind = place.name if "exports" in folders else "".join(place.suffixes)
        tables.setdefault("/".join([*folders, kind]), []).append(path)
    return tables


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
    tables = group_tables(data, [path for path in files if path.suffix == ".parquet"])
    assert sum(map(len, tables.values())) > 100
    texts: dict[str, str] = {}
    printed: dict[str, str] = {}
    with duck.connect(small_province.settings.extensions) as con:
        for parts in tables.values():
            listed = ", ".join(duck.literal(path) for path in parts)
            collect_texts(con, f"read_parquet([{listed}], union_by_name = true)", texts, printed)
    for path in files:
        if path.suffix == ".parquet":
            continue
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                stored_tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                for table in stored_tables:
                    collect_texts(con, duck.identifier(*table), texts, printed)
        else:
            content = path.read_bytes().decode("utf-8", "ignore")
            assert not set(tokens.findall(content)) & planted, path
            assert not names.search(content), path
    assert len(texts) > 10_000
    assert [(text, places[text]) for places in (texts, printed) for text in places.keys() & planted] == []
    stored = pa.table({"text": list(texts)})
    with duck.connect(small_province.settings.extensions) as con:
        con.register("stored", stored)
        assert count_personal_data(con, "stored") == {}, [
            (text, place) for text, place in texts.items() if find_personal_data(text)
        ]
