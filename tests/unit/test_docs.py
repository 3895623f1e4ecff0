"""The pages name what there is: their links resolve, their paths exist, decisions are numbered and complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.settings import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
DECISIONS = sorted((PROJECT / "docs" / "decisions").glob("0*.md"))
# Only where the project's own paths are meant: onboarding and pulling name those of a reader's machine.
PATHS = re.compile(
    r"`((?:pipelines|tests|dbt_project|expectations|benchmarks|scripts|docs|bi|reference)/[\w./*-]*)`"
)
MODULES = re.compile(r"`(test_\w+\.py)`")


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_resolves(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_of_the_project_exists(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it tells of paths that were
    text = page.read_text(encoding="utf-8")
    missing = [path for path in PATHS.findall(text) if not list(PROJECT.glob(path.rstrip("/")))]
    missing += [name for name in MODULES.findall(text) if not list((PROJECT / "tests").rglob(name))]
    assert not missing


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = (PROJECT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((0[^)]+)\)", index) == [path.name for path in DECISIONS]


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_a_date_an_alternative_and_evidence(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {path.name[:4]}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Rejected",
        "Evidence",
    ]
    assert len(text.splitlines()) <= 40
