"""docs/audit.md shows what the commands print: its samples are run again, on the week they were taken from.

A sample may leave out lines and columns and write … for the middle of a text. Hashes, batches, the
moment of publishing and the count of files are another run's; all else must stand in the output as it stands there.
"""

from __future__ import annotations

import re
import shlex

import pytest
from click.testing import CliRunner

from pipelines.cli import listing, main, releases
from pipelines.cli.console import console
from pipelines.settings import PROJECT, Settings

pytestmark = pytest.mark.slow
PAGE = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"```\n\$ thongsuot (.*)\n((?:.*\n)*?)```", PAGE)
# A build of minutes, held to its result by test_verify.
REBUILD = "--rebuild"
OTHER_RUN = (
    (r"\d{8}T\d{12}Z-[0-9a-f]{8}", "BATCH"),
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{16}\b", "HASH"),
    (r"\b20(?!25-0[678]-)\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", "TIME"),
    (r"\d+ tệp", "N tệp"),
    (r"sqlite:///\S*/one_stop", "sqlite:///…/one_stop"),
)


def cells(line: str) -> list[str]:
    for pattern, word in OTHER_RUN:
        line = re.sub(pattern, word, line)
    return [" ".join(cell.split()) for cell in re.split("[│┃]", line) if cell.strip()]


def is_found(sample_cells: list[str], printed: list[str]) -> bool:
    """Every shown cell, in order, among those printed."""
    rest = iter(printed)
    return all(
        any(re.fullmatch(".*".join(map(re.escape, cell.split("…"))), other) for other in rest)
        for cell in sample_cells
    )


@pytest.mark.parametrize(
    ("words", "sample"), [pytest.param(*s, id=s[0]) for s in SAMPLES if REBUILD not in s[0]]
)
def test_a_sample_is_what_the_command_prints(
    words: str, sample: str, week: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_DATA", str(week.data))
    monkeypatch.setenv("THONGSUOT_SOURCES", str(week.sources_file))
    monkeypatch.setattr(console, "width", 220)
    monkeypatch.setattr(listing, "is_piped", lambda: False)
    monkeypatch.setattr(releases, "is_piped", lambda: False)
    result = CliRunner().invoke(main, shlex.split(words))
    assert result.exit_code == (1 if "diff" in words else 0), result.output
    printed = [cells(line) for line in result.output.splitlines()]
    expected = [cells(line) for line in sample.splitlines() if line != "…"]
    assert [one for one in expected if not any(is_found(one, other) for other in printed)] == []


def test_each_question_of_the_page_has_its_sample() -> None:
    questions = ["releases", "verify", "releases diff", "trace", "verify --rebuild"]
    assert len(SAMPLES) == len(questions)
    assert all(words.startswith(question) for (words, _), question in zip(SAMPLES, questions, strict=True))
