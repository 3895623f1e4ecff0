"""A table with one row per dossier, unfolded: each time a state, its status as of the export."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.mapping import map_columns, match_headers
from pipelines.sources.relation import Relation
from pipelines.sources.states import unfold_milestones

DAY = date(2025, 8, 6)
TABLE = Source.model_validate(
    {
        "name": "dossier_log", "title_vi": "", "connector": "files", "path": "x", "format": "csv", "grain": "",
        "key": (), "partitioning": "whole_table", "suite": "x", "max_rejected_share": 0, "null_values": ("", "-"),
        "datetime_formats": ("%d/%m/%Y %H:%M",), "snapshot_at": "17:00:00",
        "milestones": {"received_at": "in", "finished_at": "done"},
        "columns": (
            {"name": "code"}, {"name": "received_at", "type": "timestamp"},
            {"name": "finished_at", "type": "timestamp"}, {"name": "status_code"},
            {"name": "recorded_at", "type": "timestamp", "mapped": False},
        ),
    }
)  # fmt: skip


def unfolded(*rows: tuple[str | None, ...], **changes: object) -> list[tuple]:
    with duckdb.connect() as con:
        con.execute("create table t (code varchar, r varchar, f varchar, s varchar)")
        con.executemany("insert into t values (?, ?, ?, ?)", rows)
        columns = {"code": "code", "received_at": "r", "finished_at": "f", "status_code": "s"}
        log = unfold_milestones(TABLE.model_copy(update=changes), Relation("t", columns, "", ()), DAY)
        selected = ", ".join(log.columns[c] for c in ("recorded_at", "status_code", "finished_at"))
        return con.execute(f"select {selected} from {log.sql}").fetchall()


def test_every_time_that_is_given_is_a_state_that_knows_nothing_later() -> None:
    assert unfolded(("A", "01/07/2025 08:00", "02/07/2025 09:00", "done")) == [
        ("01/07/2025 08:00", "in", None),
        ("02/07/2025 09:00", "done", "02/07/2025 09:00"),
    ]


def test_a_status_that_no_time_stands_for_holds_as_of_the_export() -> None:
    assert unfolded(("A", "01/07/2025 08:00", "-", "waiting")) == [
        ("01/07/2025 08:00", "in", None),
        ("06/08/2025 17:00", "waiting", "-"),
    ]


def test_a_row_without_time_and_status_stays_one_row_for_the_suite_to_reject() -> None:
    assert unfolded(("A", "", " ", None)) == [(None, None, " ")]


def test_a_source_without_milestones_is_left_as_it_is() -> None:
    relation = Relation("t", {"code": "c"}, "", ())
    assert unfold_milestones(TABLE.model_copy(update={"milestones": {}}), relation, DAY) is relation


def test_a_table_with_neither_time_nor_status_is_refused() -> None:
    with pytest.raises(PermanentSourceError, match="Correct `milestones` of dossier_log"):
        unfold_milestones(TABLE, Relation("t", {"code": "c"}, "", ()), DAY)


def test_the_moment_of_the_export_is_local_whatever_zone_the_source_writes_in() -> None:
    """17:00 in Viet Nam is 10:00 UTC."""
    utc = {"timezone": "UTC"}
    assert unfolded(("A", None, None, "open"), **utc) == [("06/08/2025 10:00", "open", None)]
    zoned = {"datetime_formats": ("%Y-%m-%dT%H:%M:%S%z",)}
    assert unfolded(("A", None, None, "open"), **zoned) == [("2025-08-06T17:00:00+0700", "open", None)]


def test_a_milestone_whose_header_is_not_there_is_missing_not_a_step_that_nobody_took() -> None:
    headers = ["code", "Thời gian received_at", "finished_at", "status_code"]
    assert match_headers(TABLE, headers).missing == ("received_at",)
    with pytest.raises(
        PermanentSourceError, match=r"'received_at'.*nearest header is 'Thời gian received_at'"
    ):
        map_columns(TABLE, str(DAY), headers)


def test_milestones_of_a_source_whose_rows_are_no_states_are_refused() -> None:
    with pytest.raises(ValueError, match="`milestones`: issue_register is no log of states"):
        Source.model_validate({**TABLE.model_dump(), "name": "issue_register"})
