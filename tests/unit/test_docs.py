"""The pages name what there is: their links resolve, their paths exist, decisions are numbered and complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pipelines.cli import main
from pipelines.settings import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
DECISIONS = sorted((PROJECT / "docs" / "decisions").glob("0*.md"))
# Only where the project's own paths are meant: onboarding and pulling name those of a reader's machine.
PATHS = re.compile(
    r"`((?:pipelines|tests|dbt_project|expectations|benchmarks|scripts|docs|bi|reference)/[\w./*-]*)`"
)
# Also what alerts and the doctor tell people to type; one that goes on in another line, or by a value, is not whole.
COMMANDS = re.compile(r"^(?:\$ )?(thongsuot .*)$|`(thongsuot [^`\n{]*)`", re.MULTILINE)
TELLING = [*PAGES, *sorted((PROJECT / "pipelines" / "operations").glob("*.py"))]
MODULES = re.compile(r"`(test_\w+\.py)`")


def name_of(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_resolves(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", TELLING, ids=name_of)
def test_every_command_and_option_exists(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it tells of commands that were
    for words in sorted({"".join(pair) for pair in COMMANDS.findall(page.read_text(encoding="utf-8"))}):
        command: click.Command = main
        _, *rest = shlex.split(words.split("#")[0])
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            subcommand = command.commands.get(rest[0])
            assert subcommand is not None, f"{words}: there is no {rest[0]}"
            command, rest = subcommand, rest[1:]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, words


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
