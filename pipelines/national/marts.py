"""The national marts: what each present place says of itself as a whole, side by side and summed.

Figures are SQL (`sql/`); what was not read from a sound release never comes here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import ALIAS, open_lake, scratch_table
from pipelines.lake.manifest import Mart
from pipelines.national.lakes import PlaceState
from pipelines.releases.findings import first_line
from pipelines.sources.contracts.canon import read_canon
from pipelines.sql import read_sql

PACKAGE = "pipelines.national"
# What is read of each place → its columns.
READ = {
    "place_rates": "as_of_day date, period varchar, period_start date, numerator bigint, denominator bigint, "
    "strict_numerator bigint, target double",
    "place_rank": "cutoff_at timestamp, rank_captured_at timestamp, national_rank integer, province_count integer",
    "place_index": "component varchar, as_of_day date, numerator bigint, denominator bigint, rate double",
}
PLACES = """
    place_code varchar, place_name varchar, is_present boolean, missing_reason varchar, missing_detail varchar,
    missing_since timestamp, as_of timestamp, published_at timestamp, release_id bigint, release_hash varchar,
    chain_head varchar, is_signed boolean"""
# In the order in which one reads the other.
MARTS = (
    Mart("marts", "national_places", ("place_code",)),
    Mart("marts", "national_rates", ("place_code", "period")),
    Mart("marts", "national_headline", ("period",)),
    Mart("marts", "national_ranks", ("place_code",)),
    Mart("marts", "national_index", ("place_code", "component")),
)


def create_marts(
    con: duckdb.DuckDBPyConnection,
    states: Sequence[PlaceState],
    moment: datetime,
    missing_before: Mapping[str, datetime],
) -> dict[Mart, str]:
    """Temporary tables of the national marts; returns mart → its relation.

    `missing_before`: place → since when the national release before has missed it.
    """
    con.execute(f"create or replace temp table places ({PLACES})")
    con.executemany(
        f"insert into places values ({', '.join('?' * 12)})",
        [_describe(state, moment, missing_before) for state in states],
    )
    for name, columns in READ.items():
        con.execute(f"create or replace temp table {name} (place_code varchar, {columns})")
    for state in states:
        if state.is_present:
            _insert_figures(con, state)
    con.execute("create or replace temp table national_places as from places")
    for mart in MARTS[1:]:
        con.execute(f"create or replace temp table {mart.name} as {read_sql(PACKAGE, mart.name)}")
    for mart in MARTS:  # publishing reads them side by side, which sees no temporary table
        con.execute(
            f"create or replace table {scratch_table(mart.name)} as from {duck.identifier(mart.name)}"
        )
    return {mart: scratch_table(mart.name) for mart in MARTS}


def _describe(state: PlaceState, moment: datetime, missing_before: Mapping[str, datetime]) -> list[object]:
    code, release = state.place.code, state.release
    since = None if state.is_present else missing_before.get(code, moment)
    fields = (
        [release.as_of, release.published_at, release.release_id, release.release_hash]
        if release
        else 4 * [None]
    )
    return [
        code, state.place.name, state.is_present, state.reason or None, state.detail or None, since, *fields,
        state.head or None, state.is_signed,
    ]  # fmt: skip


def read_figures(state: PlaceState) -> PlaceState:
    """With what a place says of itself, at the snapshot of the very release that is cited; broken where that release
    has no such tables or columns, as another version of the product made it."""
    assert state.copy is not None and state.release is not None
    try:
        with open_lake(state.copy, snapshot_id=state.release.snapshot_id) as lake:
            figures = {
                name: lake.execute(
                    read_sql(PACKAGE, name, lake=ALIAS, whole=read_canon().whole.code)
                ).fetchall()
                for name in READ
            }
    except duckdb.Error as error:
        detail = f"release {state.release.release_id} lacks what is read of a place: {first_line(error)}"
        return replace(state, reason="broken", detail=detail)
    return replace(state, figures=figures)


def _insert_figures(con: duckdb.DuckDBPyConnection, state: PlaceState) -> None:
    for name, rows in state.figures.items():
        if rows:
            marks = ", ".join("?" * (1 + len(rows[0])))
            con.executemany(
                f"insert into {name} values ({marks})", [[state.place.code, *row] for row in rows]
            )
