"""Why a rate moved, on a week of nights whose every reason was planted by hand (tests/week.py)."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.explain.difference import find_difference
from pipelines.gate.record import list_release_findings
from pipelines.lake import inputs, ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import list_batches
from pipelines.settings import Settings
from pipelines.warehouse.build import hash_json
from tests import week as week_of_nights

pytestmark = pytest.mark.slow
SINCE, EARLIER_CUTOFF = "since_start", "2025-07-22 16:00:00"


def parts(week: Settings, release: int, period: str, unit: str = "province") -> dict[tuple, tuple[int, int]]:
    """(cause, field) → (Δ online, Δ received) against the release before."""
    with open_lake(week) as con:
        rows = con.execute(
            "select cause, field, numerator_change, denominator_change from lake.audit.release_changes "
            "where metric = 'online_submission_rate' and release_id = ? and period = ? and unit_code = ?",
            [release, period, unit],
        ).fetchall()
    return {(cause, what): (n, d) for cause, what, n, d in rows}


def test_an_ordinary_week_passes_the_gate_without_a_finding(week: Settings) -> None:
    with open_lake(week) as con:
        findings = {n: list_release_findings(con, n) for n in range(1, len(week_of_nights.NIGHTS) + 1)}
        facts = con.execute("select count(*) from lake.audit.release_facts where release_id = 5").fetchone()
    assert facts and facts[0] > 100  # it was looked at
    assert [n for n, rules in findings.items() if rules] == []


def test_the_fifth_tells_new_dossiers_from_late_ones_and_from_corrections(
    week: Settings,
) -> None:
    causes = parts(week, 3, SINCE)
    assert causes["late_arrival", None] == (2, 2)  # LATE and LATE_FOR_CUTOFF
    assert causes["correction", "channel"] == (-1, 0)  # CHANNEL, online at first
    assert set(causes) == {("new_in_period", None), ("late_arrival", None), ("correction", "channel")}
    # The cut-off of 22 July was passed by both: nothing is new there, one dossier was late.
    assert parts(week, 3, EARLIER_CUTOFF) == {("late_arrival", None): (1, 1)}


def test_a_corrected_unit_leaves_one_unit_and_joins_the_other(week: Settings) -> None:
    assert parts(week, 3, SINCE, week_of_nights.UNIT)["correction", "unit"] == (-1, -1)
    assert parts(week, 3, SINCE, week_of_nights.OTHER_UNIT)["correction", "unit"] == (1, 1)


def test_a_day_pulled_again_is_named_as_such(week: Settings) -> None:
    assert parts(week, 6, SINCE) == {("pulled_again", None): (-1, -1)}


def test_a_word_that_is_learned_releases_its_rows_and_forgotten_sends_them_back(week: Settings) -> None:
    learned, forgotten = parts(week, 7, SINCE), parts(week, 8, SINCE)
    assert learned["rejection_out", None] == (0, 1)  # UNKNOWN_CHANNEL, by post
    assert {cause for cause, _ in learned} == {"rejection_out"}
    assert {cause for cause, _ in forgotten} == {"rejection_in"}
    assert forgotten == {("rejection_in", what): (-n, -d) for (_, what), (n, d) in learned.items()}


def test_every_part_names_its_batch_and_on_request_its_dossiers(week: Settings) -> None:
    with open_lake(week) as con:
        difference = find_difference(con, 2, 3, dossiers=True)
    fifth = {b.batch_id for b in list_batches(week.landing, "dossier_log") if b.partition == "2025-08-05"}
    since = next(r for r in difference.rates if r.period == SINCE)
    late = next(p for p in since.parts if p.cause == "late_arrival")
    assert late.dossier_codes == sorted([week_of_nights.LATE, week_of_nights.LATE_FOR_CUTOFF])
    assert len(late.batches) == 1 and late.batches[0] in fifth


def test_steps_add_up_between_any_two_releases_in_either_direction(week: Settings) -> None:
    with open_lake(week) as con:
        last = ledger.list_releases(con)[-1].release_id
        assert last == 8
        for first, second in ((1, 8), (8, 1), (2, 6), (7, 3)):
            for rate in find_difference(con, first, second).rates:
                moved = (rate.after[0] - rate.before[0], rate.after[1] - rate.before[1])
                assert moved == (
                    sum(p.numerator_change for p in rate.parts),
                    sum(p.denominator_change for p in rate.parts),
                )
                assert "unexplained" not in {p.cause for p in rate.parts}


def test_the_explained_numbers_are_those_of_the_marts(week: Settings) -> None:
    with open_lake(week) as con:
        for release in ledger.list_releases(con):
            at = f"at (version => {release.snapshot_id})"
            since = con.execute(
                f"select numerator, denominator from lake.marts.online_submission_rate {at} where "
                "unit_code = 'province' and period = ? and as_of_day = ?::date",
                [SINCE, release.as_of],
            ).fetchall()
            cutoffs = con.execute(
                f"select online, received from lake.marts.online_submission_headline {at}"
            ).fetchall()
            explained = con.execute(
                "select numerator, denominator from lake.audit.release_rates "
                "where metric = 'online_submission_rate' and release_id = ? and unit_code = 'province'",
                [release.release_id],
            ).fetchall()
            assert sorted(explained) == sorted(since + cutoffs)


def test_the_command_says_the_same_and_its_exit_codes_can_be_used(
    week: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_DATA", str(week.data))
    monkeypatch.setenv("THONGSUOT_SOURCES", str(week.sources_file))
    run = CliRunner().invoke
    result = run(main, ["releases", "diff", "2", "3", "--json", "--mart", "dossier_register"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert {p["cause"] for r in answer["rates"] for p in r["parts"]} >= {"late_arrival", "correction"}
    assert answer["rows"]["added"] > 0 and answer["rows"]["columns"]["channel"] >= 1
    assert run(main, ["releases", "diff", "6", "8"]).exit_code == 0  # forgotten again: the same content
    assert run(main, ["releases", "diff", "2", "99"]).exit_code == 2
    text = run(main, ["releases", "diff", "2", "3", "--dossiers"]).stdout
    assert "đến muộn" in text and "late arrival" in text and week_of_nights.LATE in text
    # A pipe has 80 columns and loses nothing.
    [late] = {line.split("\t")[-1].split()[0] for line in text.splitlines() if line.startswith("đến muộn")}
    assert late in {batch.batch_id for batch in list_batches(week.landing, "dossier_log")}
    assert len(json.loads(run(main, ["releases", "--json"]).stdout)) == 8
    assert json.loads(run(main, ["releases", "show", "3", "--json"]).stdout)["release_id"] == 3


def read_log_at(week: Settings, release: ledger.Release) -> pd.DataFrame:
    """The rows of the newest batch of each day that had been pulled when the release was published."""
    newest: dict[str, Path] = {}
    for batch in sorted(list_batches(week.landing, "dossier_log"), key=lambda batch: batch.batch_id):
        if datetime.fromisoformat(batch.pulled_at) <= release.published_at:
            newest[batch.partition] = batch.path
    return pd.concat([pd.read_parquet(path) for path in newest.values()], ignore_index=True)


def naive(log: pd.DataFrame, at: datetime, channels: set[str]) -> tuple[int, int]:
    """(online, received) since 01/07/2025 at `at`; plain pandas, the row rules written by hand."""
    log = log.copy()
    for name in ("recorded_at", "synced_at"):
        log[name] = pd.to_datetime(log[name], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    good = log["dossier_code"].notna() & log["receiving_unit_code"].notna() & log["recorded_at"].notna()
    good &= log["status_code"].isin([str(n) for n in range(1, 11)])
    good &= log["channel"].isna() | log["channel"].isin(channels)
    good &= log["service_level"].isin(["2", "3", "4"])
    for name in ("received_at", "due_at", "finished_at"):
        is_present = log[name].notna()
        log[name] = pd.to_datetime(log[name], format="%Y%m%d%H%M%S", errors="coerce")
        good &= ~(is_present & log[name].isna())
    day = pd.Timedelta(days=1)
    good &= ~(log["recorded_at"] > log["synced_at"] + day) & ~(log["received_at"] > log["recorded_at"] + day)
    good &= ~(log["finished_at"] < log["received_at"])
    good &= ~log["procedure_name"].str.contains(r"\d{10}|á»|\[", regex=True)
    kept = log[good & (log["recorded_at"] <= at)].sort_values("synced_at", kind="stable")
    kept = kept.drop_duplicates(["dossier_code", "recorded_at", "status_code"], keep="last")
    kept = kept.assign(order=kept["status_code"].astype(int))
    kept = kept.sort_values(["dossier_code", "recorded_at", "order"])
    kept["received_at"] = kept.groupby("dossier_code")["received_at"].ffill()
    last = kept.groupby("dossier_code").tail(1)
    last = last[(last["received_at"] >= "2025-07-01") & (last["received_at"] <= at)]
    return int((last["channel"] == "2").sum()), len(last)


@pytest.mark.parametrize("release_id", range(1, 9))
def test_time_travel_answers_what_was_known_then(week: Settings, release_id: int) -> None:
    """as_of × release: an earlier day, in an earlier release, against a naive count of what had landed."""
    with open_lake(week) as con:
        release = ledger.find_release(ledger.list_releases(con), release_id)
        days = [date(2025, 7, 21), date(2025, 8, 1), date(2025, 8, 3), release.as_of.date()]
        at = f"at (version => {release.snapshot_id})"
        answered = dict(
            con.execute(
                f"select as_of_day, (numerator, denominator) from lake.marts.online_submission_rate {at} "
                "where unit_code = 'province' and period = ?",
                [SINCE],
            ).fetchall()
        )
        headline = dict(
            con.execute(
                f"select cutoff_at, (online, received) from lake.marts.online_submission_headline {at}"
            ).fetchall()
        )
    log = read_log_at(week, release)
    channels = {"1", "2", "3"} | ({"9"} if release_id == 7 else set())
    for day in days:
        counted = naive(log, datetime.combine(day, time(23, 59, 59)), channels)
        assert tuple(answered[day]) == counted, day
    for cutoff, counts in headline.items():
        assert tuple(counts) == naive(log, cutoff, channels), cutoff


def test_the_batches_of_a_release_are_those_that_had_landed(week: Settings) -> None:
    with open_lake(week) as con:
        chain = ledger.list_releases(con)
        for release in chain:
            batches = inputs.list_inputs(con, release.release_id)
            current = sorted([b.batch_id, b.sha256] for b in batches if b.standing == "current")
            assert hash_json(current) == release.input_sha256
            assert sum(b.standing == "current" for b in batches) == release.input_batches
        again = {(b.source, b.partition) for b in inputs.list_inputs(con, 6) if b.standing == "superseded"}
    # The day that was pulled again, with the snapshots of that day.
    assert {day for _, day in again} == {"2025-08-05"}
    assert {source for source, _ in again} >= {"dossier_log", "task_tracker"}
