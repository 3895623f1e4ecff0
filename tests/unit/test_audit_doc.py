"""docs/audit.md names what there is: commands and their options, findings, causes, tables of the ledger."""

from __future__ import annotations

import re
import shlex
from typing import get_args

import click
import pytest

from pipelines.cli import main
from pipelines.explain.words import CAUSES
from pipelines.lake.ledger import TABLES
from pipelines.releases.findings import Kind
from pipelines.settings import PROJECT

PAGE = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^\$ (thongsuot .*)|`(thongsuot [^`]*)`", PAGE, re.MULTILINE)))


def rows_below(heading: str) -> list[str]:
    """The first cells of the table whose heading begins so."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1] for row in table]


@pytest.mark.parametrize("words", ["".join(pair) for pair in COMMANDS])
def test_every_command_and_option_on_the_page_exists(words: str) -> None:
    command: click.Command = main
    _, *rest = shlex.split(words.split("#")[0])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        subcommand = command.commands.get(rest[0])
        assert subcommand is not None, f"{words}: there is no {rest[0]}"
        command, rest = subcommand, rest[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options


def test_every_command_of_the_audit_answers_programs_too() -> None:
    group = main.commands["releases"]
    assert isinstance(group, click.Group)
    commands = {**group.commands, **{name: main.commands[name] for name in ("releases", "verify", "trace")}}
    silent = [
        name for name, command in commands.items() if not any("--json" in p.opts for p in command.params)
    ]
    assert silent == []


def test_the_page_explains_each_finding_and_each_cause_once() -> None:
    kinds = re.findall(r"`(\w+)`", "".join(rows_below("| `verify` says |")))
    assert sorted(kinds) == sorted(get_args(Kind))
    causes = re.findall(r"`(\w+)`", "".join(rows_below("| cause |")))
    assert sorted(causes) == sorted(CAUSES)


def test_the_page_names_every_table_of_the_ledger_and_no_other() -> None:
    tables = set(re.findall(r"`(?:audit\.)?(releases|release_\w+)`", PAGE))
    assert tables == set(TABLES)
