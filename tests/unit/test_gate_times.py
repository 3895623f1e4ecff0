"""Times that moved between two lists, and times at hours at which nobody works, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.gate.deliveries import Delivery
from pipelines.gate.evaluate import Comparand, evaluate_release, list_findings
from pipelines.gate.facts import Fact
from pipelines.gate.release_rules import read_release_rules
from pipelines.gate.times import list_foreign_hours, list_moved_times
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts

ISSUES = "issue_register"
# Two hundred moments of a desk that opens at seven and closes at half past five, every two or three minutes.
DESK = [datetime(2025, 8, 6, 7, 30) + timedelta(minutes=3 * n) for n in range(200)]


def shift(moments: Sequence[datetime], **by: float) -> list[datetime]:
    return [moment + timedelta(**by) for moment in moments]


def write_list(path: Path, **columns: Sequence[datetime]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(next(iter(columns.values())))
    pq.write_table(pa.table({"issue_code": [f"VM-{n}" for n in range(count)], **columns}), path)
    return str(path)


def name_findings(cases: Sequence[Sequence[Fact]]) -> list[tuple[str, str, str]]:
    """Of each case, as a source of its own: rule, outcome and what people are told; ("", "", "") where nothing is."""
    facts = [fact._replace(scope=f"{n}: {fact.scope}") for n, of_case in enumerate(cases) for fact in of_case]
    findings = list_findings(evaluate_release(read_release_rules({}), facts, Comparand({})))
    texts = {finding.scope: (finding.rule, finding.outcome, finding.text_en) for finding in findings}
    return [texts.get(str(n), ("", "", "")) for n in range(len(cases))]


def compare(folder: Path, now: Sequence[datetime], column: str = "reported_at") -> list[Fact]:
    """A list whose records had the times of DESK, and have `now`."""
    files = [[write_list(folder / f"{n}.parquet", **{column: each})] for n, each in enumerate((DESK, now))]
    with duckdb.connect() as con:
        return list(list_moved_times(con, ISSUES, ["issue_code"], *files))


def test_times_that_moved_are_told_with_by_how_much(tmp_path: Path) -> None:
    # A quarter of all, each by another amount: day and month were exchanged.
    exchanged = [*shift(DESK[:2], days=31), *(at + timedelta(days=n) for n, at in enumerate(DESK[2:50], 1))]
    year_end = [datetime(2025, 12, 31) if n % 3 == 0 else at for n, at in enumerate(DESK)]
    cases = [
        (compare(tmp_path, shift(DESK, hours=-7)), "reported_at 200: 200 × -7 h"),
        (compare(tmp_path, shift(DESK, days=-31)), "reported_at 200: 200 × -31 d"),
        (compare(tmp_path, shift(DESK, days=365, minutes=-30)), "reported_at 200: 200 × +364 d 23 h 30 min"),
        (compare(tmp_path, [*exchanged, *DESK[50:]]), "reported_at 50: 3 × +31 d"),
        (compare(tmp_path, shift(DESK, days=-365), "due_at"), "due_at 200: 200 × -365 d"),
        # The end of the year for a third of them: 67 of two hundred, 146 days later, each by another hour.
        (
            compare(tmp_path, year_end, "due_at"),
            "due_at 67: 1 × +14",
        ),
    ]
    findings = name_findings([facts for facts, _ in cases])
    for (rule, outcome, text), (_, expected) in zip(findings, cases, strict=True):
        assert (rule, outcome) == ("times_moved", "warned") and expected in text


def test_times_that_stay_or_move_by_themselves_are_quiet(tmp_path: Path) -> None:
    cases = [
        compare(tmp_path, DESK),
        # Written in whole minutes now; forty of two hundred corrected, which is one in five; others come and go.
        compare(tmp_path, shift(DESK, seconds=59)),
        compare(tmp_path, [*shift(DESK[:40], hours=-7), *DESK[40:]]),
        compare(tmp_path, DESK[:90]),
        # Forty deadlines were put off, each by its own.
        compare(tmp_path, [at + timedelta(days=n) for n, at in enumerate(DESK[:41])] + DESK[41:], "due_at"),
    ]
    assert [rule for rule, _, _ in name_findings(cases)] == [""] * len(cases)


def measure(folder: Path, moments: Sequence[datetime]) -> list[Fact]:
    settings, contracts = Settings(data=folder), load_contracts(PROJECT / "sources.yaml")
    delivery = Delivery(ISSUES, "2025-08-06", "b1", len(moments), is_newest=True, is_fresh=True)
    write_list(delivery.find_accepted(settings), reported_at=moments)
    with duckdb.connect() as con:
        return list(list_foreign_hours(con, contracts, settings, [delivery]))


def test_a_desk_that_seems_to_work_at_night_is_told_on_the_first_day(tmp_path: Path) -> None:
    cases = [
        # 7:30 to 17:27 written as 0:30 to 10:27: what is 14:00 or later, 70 of 200, shows as 7:00 or later.
        (measure(tmp_path, shift(DESK, hours=-7)), "reported_at 35%; +7 h: 100%"),
        # Shifted twice, 14:30 to 0:27: before 11:00, 70 of 200, shows as before 18:00.
        (measure(tmp_path, shift(DESK, hours=7)), "reported_at 35%; -7 h: 100%"),
    ]
    findings = name_findings([facts for facts, _ in cases])
    for (rule, outcome, text), (_, expected) in zip(findings, cases, strict=True):
        assert (rule, outcome) == ("hours_foreign", "warned") and expected in text


def test_honest_hours_are_quiet(tmp_path: Path) -> None:
    midnight = datetime(2025, 8, 6)
    cases = [
        measure(tmp_path, moments)
        for moments in (
            DESK,
            # Day and night; a robot at two and at three; no time of day; a few alone; half of it in the evening.
            [midnight + timedelta(minutes=7 * n) for n in range(205)],
            [midnight + timedelta(hours=2 + n % 2, minutes=15) for n in range(200)],
            [midnight] * 200,
            shift(DESK[::8], hours=-7),
            [*shift(DESK[::2], hours=5), *DESK[::2]],
        )
    ]
    assert [rule for rule, _, _ in name_findings(cases)] == [""] * len(cases)
