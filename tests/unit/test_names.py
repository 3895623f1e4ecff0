"""A value is called by the noun that it is, and one word means one thing (docs/contributing.md, Names)."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.unit.naming import ROOT, folder_of, list_modules, read_bindings, split_words

# A participle does not say what the value is: a text, rows, a report? `is_found` and `made_at` do.
PARTICIPLES = {
    "asked", "found", "given", "held", "judge", "judged", "known", "made", "mine", "named", "owed",
    "placed", "said", "served", "shown", "told", "wanted",
}  # fmt: skip
# Words that once had two meanings: docs/contributing.md, Glossary, has the one for each.
RETIRED_CLASSES = {
    "Exported", "Line", "LineOutcome", "Outcome", "Page", "Part", "Placed", "Reading", "Refused",
}  # fmt: skip
RETIRED_FUNCTIONS = {"change", "columns", "content", "file", "find", "place"}

# A CTE, an alias, a table or view.
SQL_NAME = re.compile(
    r"\b([a-z_]\w*)\s*(?:\([\w\s,]*\)\s*)?as\s+(?:materialized\s*)?\(|\bas\s+([a-z_]\w*)"
    r"|\b(?:table|view)\s+(?:if not exists\s+)?([a-z_]\w*)"
)
SQL_VERB = re.compile(r"\b(select|table|view|from|group by)\b.*\bas\b|\bas\b.*\b(from|select)\b", re.DOTALL)

# folder, or class name → file, line and identifier
Places = dict[str, list[str]]


@functools.cache
def bindings() -> list[tuple[Path, int, str, bool]]:
    return [
        (path, *binding)
        for path in list_modules()
        for binding in read_bindings(path.read_text(encoding="utf-8"))
    ]


def locate(path: Path, line: int, name: str) -> str:
    return f"{path.relative_to(ROOT)}:{line} {name}"


def find_participles() -> Places:
    places: Places = defaultdict(list)
    for path, line, name, _ in bindings():
        if not is_sentence(name) and PARTICIPLES.intersection(split_words(name)):
            places[folder_of(path)].append(locate(path, line, name))
    return places


def find_participles_in_sql() -> Places:
    """Names that SQL binds: CTEs, tables, views, aliases; in files, and in texts of Python that are SQL."""
    places: Places = defaultdict(list)
    files = [path for room in ("pipelines", "dbt_project") for path in (ROOT / room).rglob("*.sql")]
    texts = [(path, path.read_text(encoding="utf-8")) for path in files]
    modules = [path for path in list_modules() if path != Path(__file__)]
    texts += [(path, text) for path in modules for text in list_texts(path) if SQL_VERB.search(text)]
    for path, text in texts:
        for name in read_sql_names(text):
            if not is_sentence(name) and PARTICIPLES.intersection(split_words(name)):
                places[folder_of(path)].append(f"{path.relative_to(ROOT)} {name}")
    return places


def list_texts(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def read_sql_names(text: str) -> list[str]:
    code = "\n".join(line.split("--")[0] for line in text.splitlines())
    return [name for names in SQL_NAME.findall(code) for name in names if name]


def is_sentence(name: str) -> bool:
    """A test is named by what it asserts; a truth and a moment are named by a participle, rightly."""
    return name.startswith(("test_", "is_", "has_", "was_")) or name.endswith("_at")


def find_letters() -> Places:
    places: Places = defaultdict(list)
    for path, line, name, is_brief in bindings():
        if len(name) == 1 and name != "_" and not is_brief:
            places[folder_of(path)].append(locate(path, line, name))
    return places


@functools.cache
def find_definitions() -> list[tuple[Path, ast.ClassDef | ast.FunctionDef]]:
    """Classes, and functions of a module (not methods); a fixture is called by the noun that it gives."""
    definitions = []
    for path in list_modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and not is_fixture(node)):
                definitions.append((path, node))
    return definitions


def is_fixture(node: ast.FunctionDef) -> bool:
    return any("pytest.fixture" in ast.unparse(decorator) for decorator in node.decorator_list)


def find_retired() -> Places:
    places: Places = defaultdict(list)
    for path, node in find_definitions():
        retired = RETIRED_CLASSES if isinstance(node, ast.ClassDef) else RETIRED_FUNCTIONS
        if node.name in retired:
            places[folder_of(path)].append(locate(path, node.lineno, node.name))
    return places


def find_homonyms() -> Places:
    homes: Places = defaultdict(list)
    for path, node in find_definitions():
        is_public = isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        if is_public and folder_of(path) == "pipelines":
            homes[node.name].append(locate(path, node.lineno, node.name))
    return {name: places for name, places in homes.items() if len(places) > 1}


def test_no_value_is_called_by_a_participle() -> None:
    assert find_participles() == {}


def test_no_table_and_no_column_of_sql_is_called_by_a_participle() -> None:
    assert find_participles_in_sql() == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("with told as (select 1) -- as said", ["told"]),
        ("create or replace temp table held as from x", ["held"]),
        ("select a as said, unnest(?) as given (t)", ["said", "given"]),
        ("told (a, b) as materialized (select 1)", ["told"]),
    ],
)
def test_every_way_to_bind_a_name_in_sql_is_seen(text: str, names: list[str]) -> None:
    assert [name for name in read_sql_names(text) if name in PARTICIPLES] == names


def test_one_letter_is_for_a_lambda_or_a_comprehension() -> None:
    assert find_letters() == {}


def test_no_name_that_the_glossary_replaced_comes_back() -> None:
    assert find_retired() == {}


def test_no_two_public_classes_have_one_name() -> None:
    assert find_homonyms() == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("said = 1", ["said"]),
        ("def f(told): ...", ["f", "told"]),
        ("import a as found", ["found"]),
        ("class Told:\n    asked: int", ["Told", "asked"]),
        ("self.known = 1", ["known"]),
        ("for held, (a, b) in x: pass", ["held", "a", "b"]),
        ("with x as mine: pass", ["mine"]),
        ("try: pass\nexcept E as said: pass", ["said"]),
        ("match x:\n    case {'a': named, **rest}: pass", ["named", "rest"]),
        ("if (wanted := 1): pass", ["wanted"]),
    ],
)
def test_every_way_to_bind_a_name_is_seen(source: str, names: list[str]) -> None:
    assert Counter(name for _, name, _ in read_bindings(source)) == Counter(names)


def test_a_letter_of_a_comprehension_or_lambda_is_told_from_another() -> None:
    source = "[n for n in x]\nlambda k: k\nm = 1"
    assert {name: is_brief for _, name, is_brief in read_bindings(source)} == {
        "n": True,
        "k": True,
        "m": False,
    }


def test_a_word_within_a_name_is_seen() -> None:
    assert split_words("RAW_TOLD") == ["raw", "told"]
    assert split_words("LineOutcome") == ["line", "outcome"]
    assert split_words("_said_of") == ["said", "of"]
