"""Every model and test is compiled for both engines, and nothing in them is read differently in silence.

What Spark refuses is heard; what is listed here it would run, with another result (Apache Spark, as a second engine).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.warehouse.compiled import Compiled, read_compiled, read_compiled_for_spark
from pipelines.warehouse.statements import SEED

DIALECT = Path(__file__).resolve().parents[2] / "dbt_project" / "macros" / "dialect"
ENDS_ORDER = re.compile(r"\b(rows|range|limit|window|union|from|where)\b")
LITERAL = re.compile(r"'((?:[^']|'')*)'")
# What reads alike but does not mean the same, and what to write instead.
TRAPS = {
    r"\bconcat\s*\(": "DuckDB leaves a NULL out, Spark gives NULL: write ||, or concat_ws",
    r"\b(?:any_value|first|last|arbitrary)\s*\(": "each engine has its own first row: order, then take one",
    r"\bcount\s*\(\s*distinct\s+[\w.]+\s*,": "Spark leaves out rows with a NULL: count distinct tuple_of(…)",
    r"\b(?:max_by|min_by)\s*\((?!\s*([\w.]+)\s*,\s*case when \1 is not null then)":
        "DuckDB leaves out a NULL that it would give: order by `case when x is not null then y end`",
    r"\bregexp_replace\s*\([^,]+,\s*'(?!\^)[^']*(?<!\$)'": "DuckDB replaces the first match, Spark all: anchor it",
    r"\bround\s*\([^()]*,|\bcast\s*\(\s*[\w.]+\s+as\s+decimal":
        "each engine cuts a double in its own way: round(1000 * x), and divide",
    r"\b(?:now|current_timestamp|current_date|today)\b\s*\(": "a build is a function of as_of",
}  # fmt: skip
# Heard as well, but only where Spark runs.
DUCKDB_ALONE = (
    r"::", r"\bexclude\s*\(", r"\breplace\s*\(\s*\w+\s+as\b", r"\bunnest\s*\(", r"\brow\s*\(", r"\bstrftime\s*\(",
    r"\bas\s+varchar\b", r"\bisodow\b", r"\bisoyear\b", r"\bstarts_with\s*\(", r"ignore nulls\s*\)", r"\bqualify\b",
    r'"warehouse"',
)  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, Compiled]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    return read_compiled(settings), read_compiled_for_spark(settings)


@pytest.fixture(scope="module")
def texts(both: tuple[Compiled, Compiled]) -> dict[str, str]:
    """Node → what Spark is given, without comments."""
    compiled = both[1]
    models = {s.unique_id: s.sql for s in compiled.statements if s.kind != SEED}
    queries = models | {name: test.query for name, test in compiled.tests.items()}
    return {name: re.sub(r"--.*", "", text) for name, text in queries.items()}


def list_ordered(text: str) -> Iterator[str]:
    """What each ORDER BY orders by, one by one."""
    for begin in re.finditer(r"\border by\b", text):
        depth, start, at = 0, begin.end(), begin.end()
        while at < len(text):
            letter = text[at]
            ends = depth == 0 and (letter == ")" or (text[at - 1].isspace() and ENDS_ORDER.match(text, at)))
            if ends or (letter == "," and depth == 0):
                yield text[start:at].strip()
                start = at + 1
            if ends:
                break
            depth += {"(": 1, ")": -1}.get(letter, 0)
            at += 1
        else:
            yield text[start:].strip()


def test_every_model_and_test_is_compiled_for_both(both: tuple[Compiled, Compiled]) -> None:
    here, there = both
    assert [s._replace(sql="") for s in here.statements] == [s._replace(sql="") for s in there.statements]
    assert {n: t.parents for n, t in here.tests.items()} == {n: t.parents for n, t in there.tests.items()}
    differing = [s for s, t in zip(here.statements, there.statements, strict=True) if s.sql != t.sql]
    assert len(differing) > len(here.statements) / 2  # each that names a relation


def test_spark_is_given_nothing_that_only_duckdb_reads(texts: dict[str, str]) -> None:
    wrong = [(name, word) for name, text in texts.items() for word in DUCKDB_ALONE if re.search(word, text)]
    assert wrong == [], f"what the engines say differently stands in {DIALECT}"


def test_what_is_ordered_upwards_says_where_nulls_stand(texts: dict[str, str]) -> None:
    # DuckDB puts them last either way, Spark last only where the order falls.
    wrong = [
        (name, item)
        for name, text in texts.items()
        for item in list_ordered(text)
        if not re.search(r"\b(nulls (first|last)|desc)$", item)
    ]
    assert wrong == [], "write `nulls last`"


def test_no_literal_holds_a_backslash_or_a_quote(texts: dict[str, str]) -> None:
    # Spark takes `\.` for `.`, and joins 'a''b' to ab.
    wrong = [
        (name, literal)
        for name, text in texts.items()
        for literal in LITERAL.findall(text)
        if "\\" in literal or "''" in literal
    ]
    assert wrong == [], "write [.] for a dot"


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_is_read_by_one_engine_in_its_own_way(texts: dict[str, str], trap: str) -> None:
    wrong = [(name, match.group()) for name, text in texts.items() for match in re.finditer(trap, text)]
    assert wrong == [], TRAPS[trap]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("over (partition by a order by b, c desc rows unbounded preceding)", ["b", "c desc"]),
        ("order by case when x in (1, 2) then 1 end nulls last, f(a, b)",
         ["case when x in (1, 2) then 1 end nulls last", "f(a, b)"]),
        ("window w as (order by a)", ["a"]),
    ],
)  # fmt: skip
def test_the_order_is_read(text: str, items: list[str]) -> None:
    assert list(list_ordered(text)) == items


@pytest.mark.parametrize(
    "text",
    ["concat(a, b)", "max_by(a, b)", "min_by(a, case when b is not null then c end)", "first(a)",
     "count(distinct a, b)", "regexp_replace(a, 'x', '')", "now()", "round(a, 2)", "cast(a as decimal(9, 3))"],
)  # fmt: skip
def test_a_trap_is_seen(text: str) -> None:
    assert any(re.search(trap, text) for trap in TRAPS)


@pytest.mark.parametrize(
    "text",
    ["concat_ws('+', a)", "max_by(a, case when a is not null then b end)", "first_value(a)", "last_value(a)",
     "count(distinct struct(a, b))", "regexp_replace(a, '([.]x)$', '')"],
)  # fmt: skip
def test_what_is_no_trap_passes(text: str) -> None:
    assert not any(re.search(trap, text) for trap in TRAPS)
