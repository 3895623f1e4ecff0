"""Days that are pulled together are the batches that each would be alone: rows, notes, refusals, and after a kill."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines import duck
from pipelines.landing import ahead, batches
from pipelines.landing.batches import list_batches, verify_batch
from pipelines.landing.pull import land_partition
from pipelines.night import Night, land_source
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.database import connector
from pipelines.sources.errors import DeliveryRefused, SourceError

FIRST = date(2025, 8, 4)
TELEPHONE = "0912 345 678"
# Of each day its rows: code, level, time it is due, title. What is wrong with it stands beside it.
DAYS: list[list[tuple[Any, ...]]] = [
    [("a1", "4", "2025-08-20 08:00:00", "đất đai")],
    [("b1", "4", "2025-08-20 08:00:00", f"gọi {TELEPHONE}")],  # personal
    [("c1", "9", None, None), ("c2", "4", None, None)],  # a word that nobody knows
    [],
    [],
    [("d1", "4", None, "mất\x07chữ")],  # a control character
    [("1234567890123456800", "4", None, None), ("1234567890123457800", "4", None, None)],  # rounded
    [("e1", "4", None, None), ("E1.", "4", None, None)],  # one code written in two ways
    [(f"f{n}", "4", "chiều", None) for n in range(12)],  # no time that reads
    [(f"g{n}", "4", f"{day}/08/2025 08:00", None) for n, day in enumerate(range(13, 29))]
    + [
        (f"h{n}", "4", f"2025-{n + 1:02}-08 08:00:00", None) for n in range(12)
    ],  # two orders of day and month
    [("i1", "4", "2025-08-20 08:00:00", None)],
]
COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "dossier_code", "raw": "code", "required": True},
    {"name": "service_level", "raw": "level", "value_map": {"4": "full"}},
    {"name": "due_at", "raw": "due", "type": "timestamp"},
    {"name": "title"},
    {"name": "synced_at", "raw": "synced", "type": "timestamp"},
)


@pytest.fixture(autouse=True)
def few_days_tell_what_many_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each group is twice as large as the one before."""
    monkeypatch.setattr(ahead, "GROWTH", 2)


def source(folder: Path, days: Sequence[Sequence[tuple[Any, ...]]] = DAYS, **changes: Any) -> Source:
    with sqlite3.connect(folder / "log.sqlite") as con:
        con.execute("create table log (code, level, due, title, synced)")
        for number, rows in enumerate(days):
            synced = f"{FIRST + timedelta(number)} 10:00:00"
            con.executemany("insert into log values (?, ?, ?, ?, ?)", [(*row, synced) for row in rows])
    con.close()
    options = {
        "name": "dossier_log", "title_vi": "", "connector": "database", "grain": "", "key": ("dossier_code",),
        "suite": "x", "partitioning": "change_day", "url": f"sqlite:///{folder}/log.sqlite", "table": "log",
        "cursor": "synced", "cursor_format": "%Y-%m-%d %H:%M:%S", "max_rejected_share": 1,
        "datetime_formats": ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M"),
        "columns": COLUMNS,
    }  # fmt: skip
    return Source.model_validate(options | changes)


def list_days(days: Sequence[Any] = DAYS) -> list[date]:
    return [FIRST + timedelta(number) for number in range(len(days))]


def land_alone(one: Source, data: Path, days: Sequence[date]) -> tuple[dict[str, Any], str]:
    refusals = []
    for day in days:
        try:
            land_partition(one, day, Settings(data=data), run_id="t")
        except DeliveryRefused as error:
            refusals.append(str(error))
    return read_landing(data), "\n".join(refusals)


def land_together(one: Source, data: Path, days: Sequence[date]) -> tuple[dict[str, Any], str]:
    contracts: Any = SimpleNamespace(sources={one.name: one})
    try:
        land_source(Night(Settings(data=data), contracts, run_id="t", days=days), one)
    except DeliveryRefused as error:
        return read_landing(data), str(error)
    return read_landing(data), ""


def read_landing(data: Path) -> dict[str, Any]:
    """Day → all that its one batch says, but for what is another at every landing."""
    return {
        batch.partition: (
            pq.read_table(verify_batch(batch).path).to_pylist(), batch.notes, batch.origin, batch.columns,
            batch.schema_fingerprint, batch.rows,
        )
        for batch in list_batches(data / "landing")
    }  # fmt: skip


@pytest.fixture
def pulls(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The first day of each pull."""
    days: list[date] = []
    pull = connector.pull

    def note(source: Source, partition: date, *args: Any, **options: Any) -> Any:
        days.append(partition)
        return pull(source, partition, *args, **options)

    monkeypatch.setattr(connector, "pull", note)
    return days


def test_days_pulled_together_are_the_batches_that_each_is_alone(tmp_path: Path, pulls: list[date]) -> None:
    one, days = source(tmp_path), list_days()
    alone, refusals = land_alone(one, tmp_path / "alone", days)
    assert len(pulls) == len(days)
    pulls.clear()
    assert land_together(one, tmp_path / "together", days) == (alone, refusals)
    # One alone, then twice as many each time: 1 + 2 + 4 + the rest.
    assert pulls == [days[0], days[1], days[3], days[7]]

    notes = {day: batch[1] for day, batch in alone.items()}
    assert (
        len(alone) == len(days) - 1 and "2025-08-13: column 'due_at' writes its dates in two ways" in refusals
    )
    assert [bool(notes.get(str(day))) for day in days] == [
        False, False, True, False, False, True, True, True, True, False, False,
    ]  # fmt: skip
    assert TELEPHONE not in str(alone)


@pytest.mark.parametrize("kind", ["columns with types", "a query", "milestones"])
def test_one_question_for_many_days_gives_each_the_rows_of_its_own(tmp_path: Path, kind: str) -> None:
    """SQLite's cells have types of their own, whatever the column is declared as and the first day holds."""
    rows: list[list[tuple[Any, ...]]] = [
        [(None, None, None, None)],
        [(f"n{n}", level, "2025-08-20 08:00:00", "x") for n, level in enumerate([4, "4", 4.0, 4.5, "9"])],
        [("t", 1e20, None, 7), ("u", "4", "", "đất")],
        [],
        [("v", None, "2025-08-21 08:00:00", 2.5)],
        [("v", 3, "2025-08-22 08:00:00", "z")],
    ]
    changes: dict[str, Any] = {}
    if kind == "a query":
        query = "select * from log where synced like :partition || '%' -- a day's"
        changes = {"table": None, "query": query, "cursor": None, "partitioning": "snapshot_day"}
    if kind == "milestones":
        columns = ({**c, "mapped": False} if c["name"] == "synced_at" else c for c in COLUMNS)
        status = (
            {"name": "status_code", "raw": "level"},
            {"name": "recorded_at", "type": "timestamp", "mapped": False},
        )
        changes = {"milestones": {"due_at": "in"}, "columns": (*columns, *status)}
    one, days = source(tmp_path, rows, **changes), list_days(rows)
    if kind == "columns with types":
        with sqlite3.connect(tmp_path / "log.sqlite") as con:
            con.execute("alter table log rename to plain")
            con.execute("create table log (code text, level numeric, due timestamp, title, synced varchar)")
            con.execute("insert into log select * from plain")
        con.close()
    alone = land_alone(one, tmp_path / "alone", days)
    assert land_together(one, tmp_path / "together", days) == alone
    landed = [of_day for of_day, *_ in alone[0].values()]
    assert [bool(of_day) for of_day in landed] == [bool(of_day) for of_day in rows]
    if kind == "milestones":  # a state that the row itself tells is of the moment of its own day
        own = [str(day) in str(of_day) for day, of_day in zip(days, landed, strict=True)]
        assert own == [False, True, True, False, False, True]


def test_days_without_rows_have_batches_of_their_own(tmp_path: Path) -> None:
    land_together(source(tmp_path), tmp_path, list_days())
    ids = [batch.batch_id for batch in list_batches(tmp_path / "landing")]
    assert len(set(ids)) == len(ids)


def test_what_the_contract_forbids_stops_its_own_day(tmp_path: Path) -> None:
    one, days = source(tmp_path, drift={"unknown_word": "fail"}), list_days()
    alone, refusals = land_alone(one, tmp_path / "alone", days)
    assert land_together(one, tmp_path / "together", days) == (alone, refusals)
    assert refusals.count("Nothing was landed") + refusals.count("nothing was landed") == 2


def test_a_day_that_cannot_be_read_leaves_the_days_before_it_and_is_named(
    tmp_path: Path, pulls: list[date], caplog: pytest.LogCaptureFixture
) -> None:
    """The days that were to be pulled with it are pulled one by one."""
    days = [*DAYS[:4], [("x", "4", "overflow", None)], *DAYS[4:6]]
    query = (
        "select *, case due when 'overflow' then abs(-9223372036854775807 - 1) else due end as until from log"
    )
    until = {"name": "due_at", "raw": "until", "type": "timestamp"}
    columns = tuple(until if c["name"] == "due_at" else c for c in COLUMNS)
    one = source(tmp_path, days, table=None, query=query, columns=columns)
    with (
        caplog.at_level(logging.INFO, logger="pipelines"),
        pytest.raises(SourceError, match=r"dossier_log 2025-08-08: reading .* failed"),
    ):
        land_together(one, tmp_path / "together", list_days(days))
    # 0; 1 and 2; 3 with those that follow, and, since that failed, alone, as each after it.
    assert pulls == [list_days(days)[number] for number in (0, 1, 3, 3, 4)]
    [alone] = [record.fields for record in caplog.records if "one by one" in record.getMessage()]  # type: ignore[attr-defined]
    assert alone["partition"] == date(2025, 8, 7) and "reading sqlite" in alone["reason"]
    assert read_landing(tmp_path / "together") == land_alone(one, tmp_path / "alone", list_days(days)[:4])[0]


@pytest.mark.parametrize("column", ["code", "title"])
def test_bytes_that_are_no_text_are_refused_with_day_and_column(
    tmp_path: Path, pulls: list[date], column: str
) -> None:
    """SQLite keeps them as text. Checks of the batch look at a code; a free text came as far as its report."""
    days = list_days(DAYS[:5])
    one = source(tmp_path, DAYS[:5])
    with sqlite3.connect(tmp_path / "log.sqlite") as con:
        con.execute(f"update log set {column} = cast(x'ffff' as text) where synced like '2025-08-06%'")
    con.close()
    pattern = (
        f"dossier_log 2025-08-06: column '{column}' holds bytes that are not UTF-8 text. Nothing was landed"
    )
    with pytest.raises(SourceError, match=pattern):
        land_together(one, tmp_path, days)
    assert list(read_landing(tmp_path)) == ["2025-08-04", "2025-08-05"]
    # Together with the day before it, then alone, as that day.
    assert pulls == [days[0], days[1], days[1], days[2]]


def test_a_landing_that_was_stopped_pulls_no_landed_day_again(
    tmp_path: Path, pulls: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, days = source(tmp_path), list_days()
    write = batches.write_json

    def stop(path: Path, content: object) -> None:
        if path.parent.name == str(days[4]):
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(batches, "write_json", stop)
        land_together(one, tmp_path / "together", days)
    assert sorted(read_landing(tmp_path / "together")) == [str(day) for day in days[:4]]
    pulls.clear()
    landed = land_together(one, tmp_path / "together", days)
    assert landed == land_alone(one, tmp_path / "alone", days) and pulls[0] == days[4]


def test_days_of_many_rows_are_pulled_alone(
    tmp_path: Path, pulls: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "MOST_ROWS", 4)
    monkeypatch.setattr(ahead, "FEWEST_DAYS", 1)
    days = list_days()
    land_together(source(tmp_path), tmp_path, days)
    # Two days of up to two rows, until one has twelve; a day that was too much with the next is pulled again alone.
    assert pulls == [days[number] for number in (0, 1, 3, 5, 7, 7, 8, 8, 9, 10)]


def test_rows_that_come_after_empty_days_are_not_held_together(
    tmp_path: Path, pulls: list[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the days before had says nothing of those: no more of them is read together than may be."""
    monkeypatch.setattr(ahead, "MOST_ROWS", 10)
    rows: list[list[tuple[Any, ...]]] = [[], [], [], *([[(f"a{n}", "4", None, None) for n in range(9)]] * 4)]
    days = list_days(rows)
    land_together(source(tmp_path, rows), tmp_path, days)
    assert [batch.rows for batch in list_batches(tmp_path / "landing")] == [0, 0, 0, 9, 9, 9, 9]
    # 0; 1 and 2; 3 to 6 would be 36 rows: from there on alone.
    assert pulls == [days[number] for number in (0, 1, 3, 3, 4, 5, 6)]


def test_days_that_were_pulled_together_do_not_lie_in_memory_once_they_are_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "MOST_ROWS", 16)
    rows: list[list[tuple[Any, ...]]] = [[], [], [], *([[(f"a{n}", "4", None, None) for n in range(9)]] * 2)]
    one, settings, days = source(tmp_path, rows), Settings(data=tmp_path), list_days(rows)
    in_memory = []
    with duck.connect(settings.extensions) as con:
        together = ahead.DaysAhead(days)
        for day in days:
            land_partition(one, day, settings, run_id="t", con=con, ahead=together)
            in_memory.append(con.execute("from duckdb_tables() where table_name = 'gathered'").fetchone())
    assert [table is not None for table in in_memory] == [False, True, True, False, False]
