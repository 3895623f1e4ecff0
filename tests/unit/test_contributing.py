"""docs/contributing.md names what is generated, and what a connector offers, as the code has it."""

from __future__ import annotations

import re

from pipelines.settings import PROJECT
from pipelines.sources.connectors import ConnectorModule
from pipelines.warehouse.canon_files import render_files

PAGE = (PROJECT / "docs" / "contributing.md").read_text(encoding="utf-8")
# Written from dbt's manifest, not from the canon.
FROM_THE_MANIFEST = {
    "dbt_project/models/exposures.yml",
    "docs/marts.md",
    "bi/superset/assets/datasets/",
}


def list_generated() -> set[str]:
    """The paths of the table of what `thongsuot docs` writes; `<source>` stands for any name."""
    table = PAGE[PAGE.index("| written by `thongsuot docs`") :].split("\n\n")[0]
    return {row.split("`")[1] for row in table.splitlines()[2:]}


def matches(pattern: str, path: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("<source>", r"[a-z]\w*"), path) is not None


def test_every_generated_file_stands_in_the_table() -> None:
    patterns = list_generated()
    for path in map(str, render_files()):
        assert [p for p in patterns if matches(p, path)], (
            f"{path} is not in the table of docs/contributing.md"
        )


def test_every_line_of_the_table_is_a_file_that_is_generated() -> None:
    patterns = list_generated()
    assert patterns >= FROM_THE_MANIFEST
    paths = [str(path) for path in render_files()]
    idle = [p for p in patterns - FROM_THE_MANIFEST if not any(matches(p, path) for path in paths)]
    assert idle == [], "docs/contributing.md says that these are generated"
    assert [p for p in FROM_THE_MANIFEST if not (PROJECT / p).exists()] == []


def test_the_page_names_the_functions_of_a_connector() -> None:
    functions = [name for name in vars(ConnectorModule) if not name.startswith("_")]
    assert [name for name in functions if f"`{name}`" not in PAGE] == []
    assert f"with the {['no', 'one', 'two', 'three', 'four', 'five'][len(functions)]} functions" in PAGE
