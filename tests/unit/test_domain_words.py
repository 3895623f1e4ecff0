"""The rooms that would serve any domain name no source, mart, column or place of this one.

What a mart or source means stands in its own folder under `expectations/`, its YAML under `dbt_project/` or in
`sources.yaml`; a generic room that knows it is a place that the next source forgets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import PROJECT

PACKAGE = PROJECT / "pipelines"
GENERIC = [
    "privacy", "sources", "landing", "quality", "examine", "lake", "explain", "gate", "releases", "runs", "night.py",
    "warehouse", "cli", "defs", "superset", "exports", "settings.py", "definitions.py", "duck.py", "sql.py",
]  # fmt: skip
WORDS = re.compile(
    r"dossier|\btask_|_task_|\bissue_|province|since_2025|\bonline_|toàn tỉnh|feedback|satisfaction|ranking",
    re.IGNORECASE,
)
# File → how many words of the domain it has, and why it must.
ALLOWED: dict[str, tuple[int, str]] = {
    "cli/difference.py": (3, "the JSON that `releases diff` promises"),
    "cli/releases.py": (5, "the option --dossiers"),
    "cli/run.py": (4, "the demo is a province"),
    "cli/trace.py": (2, "the words of a terminal"),
    "explain/difference.py": (4, "the option --dossiers and the JSON that `releases diff` promises"),
    "explain/sql/changes.sql": (1, "the same"),
    "exports/brief/changes.py": (1, "the metric that the brief explains"),
    "exports/brief/communes.py": (9, "what a chair must do, by the columns of these marts"),
    "exports/brief/content.py": (1, "the mart of the daily rate"),
    "exports/brief/export.py": (1, "the name of its exposure"),
    "exports/brief/issues.py": (1, "a column of the mart"),
    "exports/brief/map_picture.py": (1, "the words of the picture"),
    "exports/brief/pages.py": (2, "the brief is a page about these marts"),
    "exports/brief/sections.py": (10, "the marts that the brief reads, named once"),
    "exports/brief/tasks.py": (3, "columns of the mart"),
    "exports/brief/units.py": (1, "columns of the mart"),
    "exports/headline.py": (9, "the headline is three figures of these marts"),
    "exports/open_data/tables.py": (1, "a column of the issues that the Open311 file is made from"),
    "exports/rate_chart.py": (1, "the chart of one mart"),
    "lake/ledger.py": (1, "a column of the published table audit.release_movements"),
    "sources/contracts/place.py": (2, "examples in the descriptions of keys"),
    "sources/contracts/source.py": (1, "an example in the description of a key"),
}


def list_files() -> list[Path]:
    """Python and SQL of the generic rooms."""
    paths: list[Path] = []
    for room in GENERIC:
        path = PACKAGE / room
        paths += [p for p in path.rglob("*") if ".sql" in p.suffixes or p.suffix == ".py"]
        paths += [path] if path.is_file() else []
    return sorted(paths)


def find_words(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [f"line {line}: {value[:80]}" for line, value in read_code(text) if WORDS.search(value)]
    lines = enumerate(text.splitlines(), 1)
    return [
        f"line {line}: {value.strip()[:80]}" for line, value in lines if WORDS.search(value.split("--")[0])
    ]


def read_code(source: str) -> Iterator[tuple[int, str]]:
    """Identifiers and texts with their line; docstrings and comments may give examples."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield getattr(node, "lineno", 0), name


@pytest.mark.parametrize("path", list_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_generic_room_names_nothing_of_the_domain(path: Path) -> None:
    words = find_words(path)
    allowed, _ = ALLOWED.get(str(path.relative_to(PACKAGE)), (0, ""))
    assert len(words) == allowed, f"{allowed} allowed; now:\n" + "\n".join(words)


def test_every_generic_room_exists_and_every_exception_is_needed() -> None:
    assert all((PACKAGE / room).exists() for room in GENERIC)
    assert all((PACKAGE / path).exists() and reason for path, (_, reason) in ALLOWED.items())


def test_the_words_are_seen_in_names_and_texts_and_not_in_docstrings() -> None:
    source = '"""Of a dossier."""\n# a province\ndef f(task_code): return x["online_rate"]\n'
    assert [value for _, value in read_code(source) if WORDS.search(value)] == ["task_code", "online_rate"]


def test_no_model_knows_a_state_of_a_dossier_by_its_number() -> None:
    """What a state is and how it counts stands in the seed dossier_statuses; the next code is a line of it."""
    models = sorted((PROJECT / "dbt_project" / "models").rglob("*.sql"))
    by_number = re.compile(r"status_code\s*(=|<>|!=|not in|in)\s*\(?\s*\d", re.IGNORECASE)
    assert models
    assert [path.name for path in models if by_number.search(path.read_text(encoding="utf-8"))] == []
