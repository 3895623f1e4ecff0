"""`thongsuot` in a forked child, which has its imports already; whole runs are real processes (tests/conftest.py)."""

from __future__ import annotations

import os

from click.testing import CliRunner

from pipelines.settings import Settings
from tests import crashing


def read_output(settings: Settings, *words: str) -> str:
    """What the command prints, 200 columns wide."""
    return str(crashing.ask_in_child(_run, settings, words))


def _run(settings: Settings, words: tuple[str, ...]) -> str:
    os.environ.update(settings.child_environment() | {"COLUMNS": "200"})
    from pipelines.cli import main

    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.stdout
