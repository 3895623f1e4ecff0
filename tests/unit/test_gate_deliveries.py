"""What the gate measures of each delivery: days landed together, columns that empty in steps, doubts one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.gate.columns import list_empty_columns
from pipelines.gate.deliveries import Delivery, list_deliveries
from pipelines.gate.examine import list_blind_spots
from pipelines.gate.facts import (
    Fact,
    list_delivery_doubts,
    list_delivery_facts,
    list_mart_facts,
    list_reference_sizes,
)
from pipelines.gate.gate_rule import GateFact
from pipelines.gate.repetitions import list_overdue, list_repetitions
from pipelines.gate.units import list_unlisted_units
from pipelines.gate.volumes import list_volumes
from pipelines.landing.batches import write_batch
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.sources.notes import CHECK, name_doubt
from tests.unit.test_gate_comparison import PREVIOUS

LOG, FIRST = "dossier_log", date(2025, 7, 1)
MAY_BE_EMPTY = {"may_be_empty": True}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            "create table batches (source varchar, partition_key date, batch_id varchar, is_current boolean, "
            "rows_read bigint, rows_accepted bigint, rows_rejected bigint)"
        )
        con.execute(
            "create table checks (source varchar, batch_id varchar, rule varchar, scope varchar, severity varchar, "
            "evaluated bigint, unexpected bigint, column_name varchar, observed double, reason_en varchar, "
            "reason_vi varchar)"
        )
        yield con


def read_place(**changes: object) -> Contracts:
    contracts = load_contracts(PROJECT / "sources.yaml")
    log = contracts.sources[LOG].model_copy(update=changes)
    return contracts.model_copy(update={"sources": {LOG: log}})


def land(con: duckdb.DuckDBPyConnection, number: int, rows: int, flagged: int = 0, rejected: int = 0) -> str:
    """Day `number` of the log, with one rule of each kind; the batch's name."""
    batch, day = f"b{number}", FIRST + timedelta(days=number)
    con.execute(
        "insert into batches values (?, ?, ?, true, ?, ?, ?)",
        [LOG, day, batch, rows, rows - rejected, rejected],
    )
    if rows:
        con.execute(
            "insert into checks values (?, ?, 'odd', 'row', 'warning', ?, ?, null, null, '', '')",
            [LOG, batch, rows, flagged],
        )
        con.execute(
            "insert into checks values (?, ?, 'wrong', 'row', 'critical', ?, ?, null, null, '', '')",
            [LOG, batch, rows, rejected],
        )
    return batch


def measure(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, counted: Sequence[str]
) -> dict[tuple[str, str], list[tuple[float, str, bool]]]:
    """(fact, scope) → value, day and whether the next release is compared with it."""
    deliveries = list(list_deliveries(con, contracts, "batches", {(LOG, batch) for batch in counted}))
    facts: dict[tuple[str, str], list[tuple[float, str, bool]]] = {}
    for fact in list_delivery_facts(con, contracts, deliveries, datetime(2025, 7, 9), "batches", "checks"):
        facts.setdefault((fact.fact, fact.scope), []).append(
            (fact.value, "".join(fact.days), fact.is_recorded)
        )
    return {key: sorted(values, key=lambda value: value[1]) for key, values in facts.items()}


def test_every_day_that_a_run_lands_is_asked_and_only_the_newest_is_recorded(
    con: duckdb.DuckDBPyConnection,
) -> None:
    land(con, 0, 100, flagged=90)  # counted before: told then
    land(con, 1, 100, flagged=60, rejected=5)
    land(con, 2, 100)
    facts = measure(con, read_place(), ["b0"])
    assert facts["flagged_share", "dossier_log.odd"] == [
        (0.6, "2025-07-02", False),
        (0.0, "2025-07-03", True),
    ]
    assert facts["rejected_share", "dossier_log.wrong"] == [
        (0.05, "2025-07-02", False),
        (0.0, "2025-07-03", True),
    ]
    assert facts["rejected_share", LOG] == [(0.05, "2025-07-02", False), (0.0, "2025-07-03", True)]
    assert facts["rows", LOG] == [(100.0, "2025-07-03", True)]


def test_an_empty_day_after_a_faulty_one_hides_nothing_of_it(con: duckdb.DuckDBPyConnection) -> None:
    land(con, 0, 100)
    land(con, 1, 100, flagged=60)
    land(con, 2, 0)
    holiday = measure(con, read_place(**MAY_BE_EMPTY), ["b0"])
    assert holiday["flagged_share", "dossier_log.odd"] == [(0.6, "2025-07-02", False)]
    assert holiday["rows", LOG] == [(0.0, "2025-07-03", True)] and ("days_empty", LOG) not in holiday
    due = measure(con, read_place(), ["b0"])
    assert due["flagged_share", "dossier_log.odd"] == [(0.6, "2025-07-02", True)]
    assert due["days_empty", LOG][0][0] == 1


def test_a_broken_rule_over_a_whole_delivery_is_a_fact(con: duckdb.DuckDBPyConnection) -> None:
    batch = land(con, 1, 200)
    for rule, column, broken in (
        ("newest_row_old", "hours_behind", 1),
        ("volume_unusual", "volume_ratio", 1),
    ):
        row = [LOG, batch, rule, broken, column]
        con.execute(
            "insert into checks values (?, ?, ?, 'batch', 'warning', 1, ?, ?, 30.4, 'it is old', 'cũ')", row
        )
    facts = measure(con, read_place(), [])
    assert facts["delivery_flagged", "dossier_log.newest_row_old"] == [(1.0, "2025-07-02", True)]
    assert ("delivery_flagged", "dossier_log.volume_unusual") not in facts
    deliveries = list(list_deliveries(con, read_place(), "batches", set()))
    [flagged] = [
        fact
        for fact in list_delivery_facts(
            con, read_place(), deliveries, datetime(2025, 7, 9), "batches", "checks"
        )
        if fact.fact == "delivery_flagged"
    ]
    assert (flagged.details, flagged.details_vi) == (("30: it is old",), ("30: cũ",))


def deliver(rows: dict[str, int], counted: int) -> list[Delivery]:
    """A batch a day, of which the first `counted` are not new."""
    return [
        Delivery(LOG, day, day, count, is_newest=place == len(rows) - 1, is_fresh=place >= counted)
        for place, (day, count) in enumerate(rows.items())
    ]


def test_a_day_is_measured_by_its_weekday_of_the_last_weeks_unless_it_is_a_holiday_or_a_list() -> None:
    # Wednesdays; a tenth of today's rows came before July. 27 August is half, 3 September twice; the Monday is alone.
    rows = {"2025-06-25": 50, "2025-07-30": 500, "2025-08-06": 520, "2025-08-13": 0, "2025-08-20": 480,
            "2025-08-25": 10, "2025-08-27": 250, "2025-09-03": 960}  # fmt: skip
    facts = list(list_volumes(read_place(), deliver(rows, 5)))
    assert [(f.days, f.value, f.weight, f.usual, f.is_recorded) for f in facts] == [
        (("2025-08-27",), 0.5, 250, 500, False), (("2025-09-03",), 0.5, 480, 480, True),
    ]  # fmt: skip
    assert list(list_volumes(read_place(partitioning="snapshot_day"), deliver(rows, 5))) == []
    # The National Day falls on a Tuesday.
    tuesdays = {"2025-08-19": 500, "2025-08-26": 500, "2025-09-02": 20}
    assert list(list_volumes(read_place(), deliver(tuesdays, 2))) == []


def test_a_reference_table_is_measured_by_its_newest_file(con: duckdb.DuckDBPyConnection) -> None:
    for source, day, rows in (
        ("reference_units", "2025-08-01", 130),
        ("reference_units", "2025-08-06", 65),
        (LOG, "2025-08-06", 9),
    ):
        con.execute("insert into batches values (?, ?, 'b', true, ?, ?, 0)", [source, day, rows, rows])
    [fact] = list_reference_sizes(con, "batches")
    assert fact[:3] == ("total", "danh mục · reference table units", 65.0)


def test_a_whole_table_is_compared_with_those_that_it_replaces(con: duckdb.DuckDBPyConnection) -> None:
    """They count no more, so that a column that emptied had nothing to be measured by."""
    con.execute("alter table batches add column standing varchar")
    for number, standing in enumerate(("superseded", "withdrawn", "superseded", "current")):
        day = FIRST + timedelta(days=number)
        con.execute(
            "insert into batches values (?, ?, ?, ?, 9, 9, 0, ?)",
            [LOG, day, f"b{number}", standing == "current", standing],
        )
    deliveries = list(list_deliveries(con, read_place(partitioning="whole_table"), "batches", set()))
    assert [(d.batch_id, d.is_newest, d.is_fresh) for d in deliveries] == [
        ("b0", False, False), ("b2", False, False), ("b3", True, True),
    ]  # fmt: skip


def hash_days(con: duckdb.DuckDBPyConnection, contents: dict[str, str]) -> None:
    """Day → what is delivered for it; an `x` was withdrawn since."""
    con.execute("create table hashes (source varchar, partition_key date, sha256 varchar, origin varchar, "
                "standing varchar, rows_accepted bigint)")  # fmt: skip
    for day, content in contents.items():
        standing = "withdrawn" if content.endswith("x") else "current"
        content = content.rstrip("x")
        # A file's own hash counts: what is landed of a table may depend on its day.
        origin, sha256 = (
            ("http://x/", content) if content.islower() else (f"{day} sha256:{content * 64}", day)
        )
        con.execute("insert into hashes values (?, ?, ?, ?, ?, 60)", [LOG, day, sha256, origin, standing])


@pytest.mark.parametrize(
    ("contents", "partitioning", "expected"),
    [
        # A Thursday's list that is the Wednesday's; a Saturday's that is the Friday's is no wonder.
        ({"2025-08-06": "a", "2025-08-07": "a"}, "snapshot_day", [("delivery_unchanged", "2025-08-06")]),
        ({"2025-08-08": "a", "2025-08-09": "a"}, "snapshot_day", []),
        ({"2025-08-05": "a", "2025-08-06": "b", "2025-08-07": "a"}, "whole_table", [("delivery_again", "2025-08-05")]),
        # What came between counts no more.
        ({"2025-08-05": "a", "2025-08-06": "bx", "2025-08-07": "a"}, "whole_table",
         [("delivery_unchanged", "2025-08-05")]),
        ({"2025-08-06": "a", "2025-08-07": "a"}, "change_day", [("delivery_again", "2025-08-06")]),
        ({"2025-08-06": "a", "2025-08-07": "b"}, "change_day", []),
        ({"2025-08-06": "1", "2025-08-07": "1"}, "whole_table", [("delivery_unchanged", "2025-08-06")]),
    ],
)  # fmt: skip
def test_a_delivery_with_the_rows_of_another_day_is_told(
    con: duckdb.DuckDBPyConnection,
    contents: dict[str, str],
    partitioning: str,
    expected: list[tuple[str, str]],
) -> None:
    hash_days(con, contents)
    deliveries = deliver(dict.fromkeys(contents, 60), len(contents) - 1)
    facts = list_repetitions(con, read_place(partitioning=partitioning), deliveries, "hashes")
    assert [(f.fact, *f.details) for f in facts if f.value] == expected


@pytest.mark.parametrize(("as_of", "overdue"), [(14, 0), (15, 1), (20, 6)])
def test_a_list_is_overdue_once_it_stays_away_longer_than_it_ever_did(
    con: duckdb.DuckDBPyConnection, as_of: int, overdue: int
) -> None:
    """Every working day, and not once over a week-end; the newest is of the 11th."""
    hash_days(con, {f"2025-08-{day:02d}": str(day) for day in (5, 6, 7, 8, 11)})
    contracts = read_place(partitioning="snapshot_day")
    [fact] = list_overdue(con, contracts, datetime(2025, 8, as_of, 23), "hashes")
    assert (fact.value, fact.details) == (overdue, ("2025-08-11",))


def test_a_unit_that_stopped_is_measured_by_the_marts_own_words(con: duckdb.DuckDBPyConnection) -> None:
    """A stopped two days ago; B yesterday; C comes and goes; D began late; E reports."""
    model = PROJECT / "dbt_project" / "models" / "marts" / "reporting" / "reporting_completeness_v1.yml"
    meta = yaml.safe_load(model.read_text(encoding="utf-8"))["models"][0]["config"]["meta"]
    con.execute(
        "create table completeness (as_of_day date, source varchar, unit_code varchar, unit_name varchar, "
        "reason varchar)"
    )
    silent = {"A": (22, 23), "B": (23,), "C": (5, 6, 23), "D": (22, 23), "E": ()}
    for number in range(1, 24):
        for unit, days in silent.items():
            if unit == "D" and number < 10:
                continue
            reason = "unit_silent" if number in days else "delivered"
            day = FIRST + timedelta(days=number)
            con.execute(
                "insert into completeness values (?, ?, ?, 'Xã', ?)", [day, "dossier_log", unit, reason]
            )
    facts = list_mart_facts(con, {"m": [GateFact(**entry) for entry in meta["gate"]]}, {"m": "completeness"})
    assert [(f.scope, f.weight) for f in facts] == [("dossier_log: A Xã", 2.0)]


def list_columns(
    data: Path, shares: Sequence[float], counted: int, rows: int = 200
) -> list[tuple[str, float, str]]:
    """What is unusual of `due_at`: `shares` are empty in deliveries of which the first `counted` are not new."""
    settings, deliveries = Settings(data=data), []
    for place, share in enumerate(shares):
        delivery = Delivery(
            LOG,
            str(FIRST + timedelta(days=place)),
            f"b{place}",
            rows,
            is_newest=place == len(shares) - 1,
            is_fresh=place >= counted,
        )
        path = delivery.find_accepted(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        empty = round(share * rows)
        pq.write_table(
            pa.table({"due_at": pa.array([None] * empty + ["x"] * (rows - empty), pa.string())}), path
        )
        deliveries.append(delivery)
    with duckdb.connect() as con:
        facts = list(list_empty_columns(con, read_place(), settings, deliveries))
    return [
        (f.fact, round(f.value, 2), "".join(f.days))
        for f in facts
        if f.value >= 0.3 and f.fact != "empty_share"
    ]


def test_a_column_that_empties_in_two_steps_is_found_at_both(tmp_path: Path) -> None:
    assert list_columns(tmp_path, [0.1, 0.1, 0.1, 0.6], 3) == [("emptied_share", 0.5, "2025-07-04")]
    # The release before had 60 per cent and nothing to say against all: its own deliveries have.
    assert list_columns(tmp_path, [0.1, 0.1, 0.1, 0.6, 1.0], 4) == [
        ("empty_column", 1.0, "2025-07-05"), ("emptied_share", 0.9, "2025-07-05"),
    ]  # fmt: skip


def test_a_column_that_was_empty_on_one_of_several_days_is_found_though_it_is_filled_again(
    tmp_path: Path,
) -> None:
    assert ("empty_column", 1.0, "2025-07-04") in list_columns(tmp_path, [0.1, 0.1, 0.1, 1.0, 0.1], 3)


@pytest.mark.parametrize(
    "shares",
    [
        [0.1, 0.9, 0.2, 0.95, 0.1, 0.9, 0.1, 0.95],  # it swings of itself
        [0.1, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 1.0],  # so empty three times before
        [0.9, 0.9, 0.9, 1.0],  # a refusal: rare
        [1.0, 1.0, 1.0, 1.0],  # never filled
        [1.0, 0.1],  # filled now
    ],
)
def test_a_column_that_is_as_it_uses_to_be_is_quiet(tmp_path: Path, shares: list[float]) -> None:
    assert list_columns(tmp_path, shares, len(shares) - 1) == []


def test_each_code_that_the_list_of_units_does_not_know_is_a_fact_of_its_own(tmp_path: Path) -> None:
    settings, deliveries = Settings(data=tmp_path), deliver({"2025-08-05": 3, "2025-08-06": 4}, 1)
    for delivery, codes in zip(deliveries, (["OLD", "A", "A"], ["A", "NEW", "NEW", None]), strict=True):
        path = delivery.find_accepted(settings)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"receiving_unit_code": pa.array(codes, pa.string())}), path)
    with duckdb.connect() as con:
        con.execute("create table units as select 'A' as unit_code")
        facts = list(list_unlisted_units(con, read_place(), settings, deliveries, "units"))
    assert [(f.scope, f.weight, f.details) for f in facts] == [
        ("dossier_log: receiving_unit_code NEW", 2, ("NEW (2)",))
    ]


def doubt(settings: Settings, number: int, *notes: str) -> Delivery:
    """Day `number` with these notes of its pull."""

    def write(path: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"a": [1]}), path)
        return "origin", notes

    batch = write_batch(settings.landing, LOG, str(FIRST + timedelta(days=number)), write, run_id="r")
    return Delivery(LOG, batch.partition, batch.batch_id, 1, is_newest=True, is_fresh=True)


def test_a_doubt_that_leaves_hides_none_that_comes(settings: Settings) -> None:
    before = {("doubts", "dossier_log: sheet # is hidden; it was read"): 1.0, ("doubts", "other: x"): 1.0}
    delivery = doubt(
        settings, 1, f"{CHECK}sheet 31: column 'Ngày 1' holds 12 native dates", "columns dropped: a"
    )
    facts = list(list_delivery_doubts(settings, [delivery], before))
    assert [(f.scope, f.value, f.details, f.days) for f in facts] == [
        ("dossier_log: sheet #: column 'Ngày 1' holds # native dates", 1.0,
         ("sheet 31: column 'Ngày 1' holds 12 native dates",), ("2025-07-02",)),
        ("dossier_log: sheet # is hidden; it was read", 0.0, ("sheet # is hidden; it was read",), ()),
    ]  # fmt: skip


def test_doubts_of_several_days_are_told_once_with_their_days(settings: Settings) -> None:
    text = f"{CHECK}sheet A: 3 rows are hidden and read (row 4, 7 …)"
    first = doubt(settings, 1, text)._replace(is_newest=False)
    second = doubt(settings, 2, text.replace("3 rows", "12 rows").replace("4, 7 …", "9"))
    [fact] = list_delivery_doubts(settings, [first, second], {})
    assert fact.days == ("2025-07-02", "2025-07-03")


def test_a_doubt_is_the_same_whatever_its_counts_and_examples() -> None:
    text = "2 codes in unit_code are written in two ways, and count as two, such as 'a.' and 'a'"
    assert name_doubt(text) == "# codes in unit_code are written in two ways, and count as two"
    assert name_doubt("hidden columns were read: 'A1', 'B'") != name_doubt(
        "hidden columns were read: 'A2', 'B'"
    )


def test_what_cannot_be_looked_at_is_a_fact_and_lost_only_where_it_was_there(settings: Settings) -> None:
    def list_blind(
        missing: list[str], before: dict[tuple[str, str], float], **words: object
    ) -> list[tuple[str, float]]:
        facts: list[Fact] = list(list_blind_spots(missing, cast("None", words.get("previous")), before))
        return [(fact.scope, fact.value) for fact in facts]

    assert list_blind([], {}) == []
    assert list_blind(["audit.batches"], {}) == [("audit.batches", 1.0)]
    assert list_blind(["audit.batches"], {("rows", LOG): 5.0}) == [("audit.batches", 2.0)]
    # A release by code that had no gate.
    assert list_blind([], {}, previous=PREVIOUS) == [("release 1", 1.0)]
    assert list_blind([], {("rows", LOG): 5.0}, previous=PREVIOUS) == []
