"""What dbt is given: the batch that counts per partition, and the moment that counts."""

from __future__ import annotations

import copy
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from pipelines import duck
from pipelines.landing.batches import Batch, hash_file
from pipelines.quality.counting import select_current
from pipelines.runs.plan import DaysRefused, check_days
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Place, load_contracts
from pipelines.warehouse.accepted_files import AcceptedFile, write_files
from pipelines.warehouse.build import hash_nodes
from pipelines.warehouse.calendar import build_calendar, check_country, find_span, find_uncovered_years
from pipelines.warehouse.counting import NothingLanded, find_newest_day, refuse_blocked
from pipelines.warehouse.moment import MomentRefused, read_moment
from pipelines.warehouse.raw import write_parameters


class FakeReport:
    """The one thing `select_current` asks of a report."""

    def __init__(self, blocked: bool) -> None:
        self.blocked = blocked


def batch(batch_id: str, day: str) -> Batch:
    return Batch(batch_id, "dossier_log", day, 1, "", "", "", "", "", Path())


def test_the_newest_accepted_batch_of_a_partition_counts() -> None:
    old, new = batch("20250806T010000Z-a", "2025-08-06"), batch("20250806T020000Z-b", "2025-08-06")
    other = batch("20250805T010000Z-c", "2025-08-05")
    reported = [(other, FakeReport(False)), (old, FakeReport(False)), (new, FakeReport(False))]
    assert select_current(load_contracts(PROJECT / "sources.yaml"), reported) == {  # type: ignore[arg-type]
        ("dossier_log", "2025-08-05"): other,
        ("dossier_log", "2025-08-06"): new,
    }


def test_a_blocked_batch_leaves_the_one_before_it_in_force() -> None:
    old, new = batch("20250806T010000Z-a", "2025-08-06"), batch("20250806T020000Z-b", "2025-08-06")
    reported = [(old, FakeReport(False)), (new, FakeReport(True))]
    contracts = load_contracts(PROJECT / "sources.yaml")
    assert select_current(contracts, reported) == {("dossier_log", "2025-08-06"): old}  # type: ignore[arg-type]


def test_a_blocked_day_of_a_source_that_the_contract_names_no_more_blocks_nothing() -> None:
    gone = Batch("20250806T010000Z-a", "gone", "2025-08-06", 1, "", "", "", "", "", Path())
    refuse_blocked(load_contracts(PROJECT / "sources.yaml"), [(gone, FakeReport(True))], {})  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-08-06 16:00:00", datetime(2025, 8, 6, 16)),
        ("2025-08-06", datetime(2025, 8, 6, 23, 59, 59)),
        ("2025-08-06T16:00:00+07:00", datetime(2025, 8, 6, 16)),
        ("2025-08-06T16:00:00Z", datetime(2025, 8, 6, 23)),
    ],
)
def test_a_moment_is_read_as_local_time_and_a_day_as_its_end(text: str, moment: datetime) -> None:
    assert read_moment(text, now=datetime(2025, 8, 7)) == moment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2030-01-01", "means 2030-01-01 23:59:59, which is still to come"),
        ("2025-08-07", "2025-08-07 23:59:59, which is still to come: it is 2025-08-07 08:00:00"),
        ("2025-08-07T02:00:00Z", "2025-08-07 09:00:00, which is still to come"),
        ("the 6th", "'the 6th' is no moment: write '2025-08-06 16:00:00'"),
    ],
)
def test_a_moment_that_is_still_to_come_is_refused(text: str, message: str) -> None:
    with pytest.raises(MomentRefused, match=message):
        read_moment(text, now=datetime(2025, 8, 7, 8))


def test_the_library_calendar_misses_the_swap_of_january_2026() -> None:
    """docs/domain.md §7: why the override list exists; were the library mended, the override could go."""
    days = build_calendar().set_index("date")["is_working_day"]
    by_text = {str(day): working for day, working in days.items()}
    assert by_text["2025-09-02"] is False or not by_text["2025-09-02"]  # National Day
    assert by_text["2026-01-02"] and not by_text["2026-01-10"]


def test_the_names_of_holidays_do_not_follow_the_language_of_the_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for language in ("", "en_US.UTF-8", "vi_VN.UTF-8"):
        monkeypatch.setenv("LANGUAGE", language)
        frame = build_calendar("VN", date(2025, 9, 2), date(2025, 9, 2))
        assert list(frame["holiday_name"]) == ["Quốc khánh"]


def write_rows(path: Path, *moments: str, column: str = "seen_at") -> AcceptedFile:
    """A batch of these times, in a folder of its own name."""
    path.parent.mkdir(exist_ok=True)
    values = ", ".join(f"({duck.literal(moment)}::timestamp, 'x')" for moment in moments)
    rows = (
        f"select * from (values {values}) as t ({column}, code)"
        if moments
        else "select 'x' as code where false"
    )
    duckdb.execute(f"copy ({rows}) to {duck.literal(path)}")
    return AcceptedFile("log", path.stem, hash_file(path), path)


COLUMNS = {
    "log": {"seen_at": "timestamp", "due_on": "timestamp", "code": "varchar"},
    "other": {"code": "varchar"},
}


def span_of(
    folder: Path, *moments: str, since: str = "2025-07-01", as_of: str = "2025-08-06"
) -> tuple[str, str]:
    """The span of the calendar for rows of a log with these times."""
    with duckdb.connect() as con:
        con.execute("create schema raw")
        write_files(con, [write_rows(folder / "log" / "b.parquet", *moments)], COLUMNS)
        first, last = find_span(con, date.fromisoformat(since), date.fromisoformat(as_of))
    return str(first), str(last)


def test_days_are_read_once_and_of_a_batch_that_went_no_more(tmp_path: Path) -> None:
    early, late, empty = (
        write_rows(tmp_path / "log" / f"{name}.parquet", *moments, column=column)
        for name, column, moments in (
            ("a", "seen_at", ["2019-05-06 08:00:00", "2025-07-01 08:00:00"]),
            ("b", "due_on", ["2031-02-01 00:00:00"]),
            ("c", "seen_at", []),
        )
    )  # fmt: skip
    span = date(2025, 7, 1), date(2025, 8, 6)
    with duckdb.connect() as con:
        con.execute("create schema raw")
        write_files(con, [early, late, empty], COLUMNS)
        assert find_span(con, *span) == (date(2019, 1, 1), date(2031, 12, 31))
        # What is not read again is believed by its SHA-256 alone.
        early.path.unlink()
        write_files(con, [early, empty], COLUMNS)
        assert find_span(con, *span) == (date(2019, 1, 1), date(2027, 12, 31))
        again = write_rows(early.path, "2020-01-01 00:00:00")
        write_files(con, [again, empty], COLUMNS)
        assert find_span(con, *span) == (date(2020, 1, 1), date(2027, 12, 31))
        write_files(con, [], COLUMNS)
        assert find_span(con, *span) == (date(2024, 1, 1), date(2027, 12, 31))


def test_the_calendar_spans_what_the_data_need_and_never_less_than_before(tmp_path: Path) -> None:
    assert span_of(tmp_path, "2025-07-01 08:00:00") == ("2024-01-01", "2027-12-31")
    assert span_of(tmp_path, "2019-05-06 08:00:00", "2031-02-01 00:00:00") == ("2019-01-01", "2031-12-31")
    # A deadline that somebody typed wrongly.
    assert span_of(tmp_path, "2025-07-01 08:00:00", "2125-08-06 00:00:00") == ("2024-01-01", "2035-12-31")
    assert span_of(tmp_path, "2025-07-01 08:00:00", since="1998-03-01") == ("1998-01-01", "2027-12-31")


def test_on_the_first_of_january_2028_the_calendar_goes_on(tmp_path: Path) -> None:
    assert span_of(tmp_path, "2028-01-01 08:00:00", as_of="2028-01-01") == ("2024-01-01", "2030-12-31")
    assert span_of(tmp_path, "1995-01-01 08:00:00", since="1995-01-01", as_of="1996-02-29")[0] == "1995-01-01"
    assert len(build_calendar("DE-BE", date(2010, 1, 1), date(2030, 12, 31))) == 7670


def test_years_and_countries_that_no_calendar_knows_are_named() -> None:
    assert find_uncovered_years("VN", date(2024, 1, 1), date(2030, 1, 1)) == []
    assert find_uncovered_years("VN", date(2099, 1, 1), date(2102, 1, 1)) == [2101, 2102]
    assert 1980 in find_uncovered_years("DE-BE", date(1980, 1, 1), date(1995, 1, 1))
    with pytest.raises(ValueError, match="write an ISO code"):
        check_country("XX")


MANIFEST: dict[str, Any] = {
    "metadata": {"project_name": "thongsuot", "generated_at": "2025-08-06"},
    "nodes": {"model.thongsuot.a": {"checksum": {"name": "sha256", "checksum": "1"}}},
    "macros": {
        "macro.thongsuot.rate": {"package_name": "thongsuot", "macro_sql": "a / b"},
        "macro.dbt.any": {"package_name": "dbt", "macro_sql": "x"},
    },
}


@pytest.mark.parametrize(
    ("keys", "is_noticed"),
    [
        (("nodes", "model.thongsuot.a", "checksum", "checksum"), True),
        (("macros", "macro.thongsuot.rate", "macro_sql"), True),
        (("macros", "macro.dbt.any", "macro_sql"), False),
        (("metadata", "generated_at"), False),
    ],
)
def test_a_changed_model_or_macro_of_ours_changes_the_checksum_of_the_build(
    tmp_path: Path, keys: tuple[str, ...], is_noticed: bool
) -> None:
    changed = copy.deepcopy(MANIFEST)
    *steps, last = keys
    at = changed
    for step in steps:
        at = at[step]
    at[last] = "another"
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(MANIFEST), encoding="utf-8")
    after.write_text(json.dumps(changed), encoding="utf-8")
    assert (hash_nodes(before) != hash_nodes(after)) is is_noticed


class Rows(NamedTuple):
    """What `find_newest_day` asks of a report."""

    rows_accepted: int


def newest_day(deliveries: dict[tuple[str, str], int], **changes: object) -> str:
    """The day for which a build of these (source, day) → accepted rows answers."""
    contracts = load_contracts(PROJECT / "sources.yaml")
    source = contracts.sources["dossier_log"].model_copy(update=changes)
    contracts = contracts.model_copy(update={"sources": contracts.sources | {"dossier_log": source}})
    counting = {
        (name, day): Batch(f"{name}{day}", name, day, 1, *[""] * 5, Path()) for name, day in deliveries
    }
    reported = [(batch, Rows(deliveries[key])) for key, batch in counting.items()]
    return str(find_newest_day(contracts, reported, counting, Settings(Path("nowhere"))))  # type: ignore[arg-type]


def test_an_empty_delivery_and_a_snapshot_do_not_move_the_moment() -> None:
    days = {
        ("dossier_log", "2025-08-05"): 7,
        ("dossier_log", "2025-08-06"): 0,
        ("task_tracker", "2025-08-09"): 3,
    }
    assert newest_day(days) == "2025-08-05"
    assert newest_day(days, may_be_empty=True) == "2025-08-06"


def test_nothing_but_empty_deliveries_is_nothing_to_build_from() -> None:
    with pytest.raises(NothingLanded, match="with rows of dossier_log"):
        newest_day({("dossier_log", "2025-08-06"): 0})


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (
            date(2025, 8, 6),
            date(2025, 8, 7),
            "2025-08-07 is not over yet: the newest day to pull is 2025-08-06",
        ),
        (date(2030, 1, 1), date(2030, 1, 1), "2030-01-01 is not over yet"),
        (date(2025, 5, 31), date(2025, 8, 6), "2025-05-31 is before the first day, 2025-06-01"),
    ],
)
def test_days_that_nobody_can_deliver_are_refused_with_those_that_can(
    first: date, last: date, message: str
) -> None:
    contracts = load_contracts(PROJECT / "sources.yaml")
    with pytest.raises(DaysRefused, match=message):
        check_days(contracts, first, last, today=date(2025, 8, 7))
    check_days(contracts, date(2025, 6, 1), date(2025, 8, 6), today=date(2025, 8, 7))


def test_a_place_s_own_words_of_timeliness_reach_the_build_as_statuses_are_compared() -> None:
    place = load_contracts(PROJECT / "sources.yaml").place.model_dump()
    own = Place.model_validate(
        place | {"timeliness_words": {" Overdue": "late", "In Time": "in_time", "100%": "late"}}
    )
    with duckdb.connect() as con:
        con.execute("create schema raw")
        write_parameters(con, own, datetime(2025, 8, 6), date(2025, 8, 6))
        [row] = con.execute("select late_phrases, in_time_phrases from raw.run_parameters").fetchall()
    assert row == (["overdue", "100%"], ["in time"])
    with pytest.raises(ValueError, match="an empty word says nothing"):
        Place.model_validate(place | {"timeliness_words": {" ": "late"}})
