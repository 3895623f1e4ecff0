"""docs/audit.md names what there is: findings, causes, tables of the ledger (its commands: test_docs)."""

from __future__ import annotations

import re
from typing import get_args

import click

from pipelines.cli import main
from pipelines.explain.words import CAUSES
from pipelines.lake.ledger import TABLES
from pipelines.releases.findings import Kind
from pipelines.settings import PROJECT

PAGE = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[str]:
    """The first cells of the table whose heading begins so."""
    table = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1] for row in table]


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
