"""docs/bi.md is true: its queries and snippets are run as they stand, on every store it names for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from pipelines.exports.postgres.export import load_postgres
from pipelines.lake.catalogue import open_lake
from pipelines.settings import PROJECT
from tests.conftest import Province

pytestmark = pytest.mark.slow
PAGE = (PROJECT / "docs" / "bi.md").read_text(encoding="utf-8")
# A query that must find nothing.
EMPTY = ("audit.reconciliation",)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def bi_reader(small_province: Province, postgres: str) -> Iterator[psycopg.Connection]:
    """The release on a real PostgreSQL, read as BI reads it."""
    load_postgres(replace(small_province.settings, postgres_url=postgres, bi_password="doc"))
    with psycopg.connect(postgres.replace("postgres:@", "bi_reader:doc@"), autocommit=True) as pg:
        yield pg


def plain(rows: list[tuple]) -> list[tuple[str, ...]]:
    """Values as text: the two engines differ in types of sums and truncated dates, not in what they say."""
    return [tuple(re.sub(r"( 00:00:00)(\+\d\d(:\d\d)?)?$", "", str(value)) for value in row) for row in rows]


@pytest.mark.parametrize("query", blocks("sql"))
def test_a_query_says_the_same_in_postgres_in_the_file_and_in_the_lake(
    query: str, small_province: Province, bi_reader: psycopg.Connection
) -> None:
    expected = plain(bi_reader.execute(query.encode()).fetchall())
    file = small_province.settings.exports / "marts.duckdb"
    with duckdb.connect(str(file), read_only=True) as con:
        assert plain(con.execute(query).fetchall()) == expected
    with open_lake(small_province.settings) as con:
        con.execute("use lake")
        assert plain(con.execute(query).fetchall()) == expected
    assert bool(expected) is not any(name in query for name in EMPTY)


def test_the_page_has_ten_queries_and_a_snippet_for_each_python_reader() -> None:
    assert len(blocks("sql")) == 10 and len(blocks("python")) == 3


@pytest.mark.parametrize("snippet", blocks("python"))
def test_a_snippet_runs_beside_the_data(snippet: str, small_province: Province, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(small_province.settings.data)
    process = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout.strip()


def test_comments_reach_postgres_in_both_languages(bi_reader: psycopg.Connection) -> None:
    comments = dict(
        bi_reader.execute(
            "select a.attname, col_description(a.attrelid, a.attnum) from pg_attribute a "
            "where a.attrelid = 'marts.online_submission_rate'::regclass and a.attnum > 0"
        ).fetchall()
    )
    assert comments["rate"].startswith("EN numerator ÷ denominator") and " / VI " in comments["rate"]
    assert all(comments.values())
