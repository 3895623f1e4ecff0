"""The calendar of holidays against the days of a sample: a country or years that it does not know."""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines import duck
from pipelines.examine.advice import Examination
from pipelines.sources.contracts.contract import Place, Source
from pipelines.sources.values.moments import is_of_moments, read_moment_sql, settle_moment_sql
from pipelines.sources.values.parsing import clean_text_sql
from pipelines.warehouse.calendar import check_country, find_uncovered_years


def examine_calendar(seen: Examination, source: Source, place: Place, con: duckdb.DuckDBPyConnection) -> None:
    """Adds to `seen` what working days cannot be counted by; the days of table `sample` and of the place."""
    try:
        check_country(place.country)
    except ValueError as error:
        seen.add_advice("error", "calendar", str(error))
        return
    days = [place.counts_since, *_find_ends(source, con)]
    years = find_uncovered_years(place.country, min(days), max(days))
    if years:
        span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
        seen.add_advice(
            "warning",
            "calendar",
            f"the calendar of {place.country} lists no public holidays in {len(years)} years ({span}): only weekends "
            f"are days off there; name others in `reference.working_day_overrides`",
        )


def _find_ends(source: Source, con: duckdb.DuckDBPyConnection) -> list[date]:
    """First and last day of each column of times or dates, as the contract reads them."""
    present = {str(row[0]) for row in con.execute("describe sample").fetchall()}
    ends: list[date] = []
    for column in source.columns:
        if column.name not in present or not is_of_moments(column):
            continue
        text = duck.identifier(column.name)
        moment = settle_moment_sql(source, text, read_moment_sql(source, column, text))
        row = con.execute(
            f"select min(m)::date, max(m)::date from (select {moment} as m from "
            f"(select {clean_text_sql(source, column)} as {text} from sample))"
        ).fetchone()
        ends += [day for day in row or () if day]
    return ends
