"""A query of more than six lines is read as SQL, in a file that sqlfluff checks (docs/contributing.md)."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.naming import ROOT

LONGEST = 6
SQL = re.compile(
    r"\bselect\b.*\bfrom\b|\binsert into\b|\bmerge into\b|\bwith \w+ as \("
    r"|\bcreate (or replace )?(temp |temporary )?(table|view|macro)\b|\bgrant \w+ on\b",
    re.IGNORECASE | re.DOTALL,
)
# File → why its query stays in Python.
ALLOWED = {
    "pipelines/quality/typing.py": "nothing in it but lists of columns, each made from the contract",
}


def find_long_sql(source: str) -> list[tuple[int, int]]:
    """(line, lines) of every text that is a long query; a docstring is none."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inner = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    queries = []
    for node in ast.walk(tree):
        if id(node) in docstrings | inner or (text := read_text(node)) is None or not SQL.search(text):
            continue
        lines = max(len(text.strip().splitlines()), (node.end_lineno or 0) - node.lineno + 1)
        if lines > LONGEST:
            queries.append((node.lineno, lines))
    return queries


def read_text(node: ast.AST) -> str | None:
    """Of an f-string what stands between its braces is one word."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None


def test_no_query_over_six_lines_stands_in_python() -> None:
    queries: dict[str, list[tuple[int, int]]] = {}
    for path in sorted((ROOT / "pipelines").rglob("*.py")):
        if places := find_long_sql(path.read_text(encoding="utf-8")):
            queries[path.relative_to(ROOT).as_posix()] = places
    unlisted = [
        f"{path}:{line}: {lines} lines of SQL; put them in `sql/` beside the module (pipelines/sql.py)"
        for path, places in queries.items()
        if path not in ALLOWED
        for line, lines in places
    ]
    assert not unlisted, "\n".join(unlisted)
    assert ALLOWED.keys() <= queries.keys(), "a file is allowed what it no longer has"


def test_every_sql_file_is_read_by_its_room() -> None:
    for path in sorted((ROOT / "pipelines").rglob("sql/*.sql")):
        room = path.parent.parent
        texts = [module.read_text(encoding="utf-8") for module in room.glob("*.py")]
        assert any(f'"{path.stem}"' in text or f"'{path.stem}'" in text for text in texts), path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('x = """\nselect a\n' + "\n" * 6 + 'from b\n"""', [(1, 10)]),
        ('x = f"""\ncreate or replace table {name} as\n' + "\n" * 6 + 'from b\n"""', [(1, 10)]),
        ("x = (\n" + "    'select a '\n" * 6 + "    'from b'\n)", [(2, 7)]),
        ('x = """\nselect a\nfrom b\n"""', []),
        ('def f():\n    """\nselect a\n' + "\n" * 6 + 'from b\n"""', []),
    ],
)
def test_long_sql_is_seen_however_it_is_written(source: str, expected: list[tuple[int, int]]) -> None:
    assert find_long_sql(source) == expected


def test_the_first_of_all_rows_is_taken_by_a_limit() -> None:
    # row_number() = 1 without a partition: of no rows DuckDB 1.5 makes one, with values from nowhere.
    numbered = re.compile(r"row_number\(\) over \(\s*order by")
    files = [path for room in ("pipelines", "dbt_project") for path in (ROOT / room).rglob("*.sql")]
    wrong = [path.name for path in files if numbered.search(path.read_text(encoding="utf-8"))]
    assert wrong == [], "write `order by … limit 1`"
