"""Where the suite's time goes: seconds per module, written by `--seconds FILE`, so that a diff shows a change.

Those of tests/seconds.csv decide which module starts first.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

# A quick module's seconds are the machine's noise.
SHORTEST = 1.0
COMMITTED = Path(__file__).parents[1] / "seconds.csv"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=Path, help="write the seconds of each module to this CSV file")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if path := config.getoption("--seconds"):
        reports = [report for reports in terminalreporter.stats.values() for report in reports]
        write_seconds(path, (report for report in reports if isinstance(report, pytest.TestReport)))


def read_seconds(path: Path = COMMITTED) -> dict[str, float]:
    """Module → its seconds, where they are worth a line."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["module"]: float(row["seconds"]) for row in csv.DictReader(file)}


def write_seconds(path: Path, reports: Iterable[pytest.TestReport]) -> None:
    """`module,seconds`, the longest first; setup, call and teardown together; quick modules in one line."""
    seconds: Counter[str] = Counter()
    for report in reports:
        seconds[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
    long = {module: spent for module, spent in seconds.items() if spent >= SHORTEST}
    lines = sorted(long.items(), key=lambda line: (-line[1], line[0]))
    lines.append((f"{len(seconds) - len(long)} others", sum(seconds.values()) - sum(long.values())))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("module", "seconds"))
        writer.writerows((module, round(spent)) for module, spent in lines)
