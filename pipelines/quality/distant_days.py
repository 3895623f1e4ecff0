"""Dates so many years away from the delivery that nobody may have meant them: a slip of the hand (2052 for 2025), or
what a system writes where there is no end (2050-12-31) and no list of placeholders can foresee.

They stay values, for a date may well be meant so; each row is told at the end of the run.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines import duck
from pipelines.quality.suite import Expectation
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.contract import Source
from pipelines.sources.values.moments import is_of_moments

YEARS_AHEAD = 10
# A list names what is going on; of a dossier, states and documents of long ago may still arrive.
YEARS_BACK, YEARS_BACK_OF_HISTORIES = 10, 20


def list_distance_rules(source: Source) -> Iterator[Expectation]:
    """A rule for each mapped column of times or dates: a place takes one out or replaces it by its name."""
    back = count_years_back(source)
    for column in _list_columns(source):
        title = column.title_vi or column.name
        yield Expectation(
            type="expect_column_values_to_be_null",
            kwargs={"column": f"{column.name}__distant"},
            severity="warning",
            rule=f"{column.name}_distant",
            reason_en=f"{column.name} lies {YEARS_AHEAD} years or more ahead of the delivery, or {back} behind it "
            f"(kept): a mistyped year, or a day that stands for none; then name it under `placeholder_dates` in "
            f"sources.yaml",
            reason_vi=f"{title} cách ngày của lô từ {YEARS_AHEAD} năm trở lên về sau, hoặc từ {back} năm trở lên về "
            f'trước (vẫn giữ lại): gõ nhầm năm, hoặc là ngày quy ước cho "không có"; nếu vậy, khai báo ở '
            f"`placeholder_dates` trong sources.yaml",
            tells_rows=True,
        )


def select_distant(source: Source, relation: str) -> str:
    """SELECT over `relation` (typed columns and `_partition`) with columns `<column>__distant`: true, or NULL."""
    columns = _list_columns(source)
    if not columns:
        return f"select * from {relation}"
    # The first days of the first year that is near, and of the first that is not any more.
    since = f"date_trunc('year', _partition) - interval {count_years_back(source) - 1} year"
    until = f"date_trunc('year', _partition) + interval {YEARS_AHEAD} year"
    distant = "".join(
        f", case when {name} < _since or {name} >= _until then true end as {duck.identifier(f'{column.name}__distant')}"
        for column in columns
        for name in (duck.identifier(column.name),)
    )
    return (
        f"select * exclude (_since, _until){distant} "
        f"from (select *, ({since})::timestamp as _since, ({until})::timestamp as _until from {relation})"
    )


def count_years_back(source: Source) -> int:
    """How many years before its delivery a row of the source may speak of."""
    is_list = source.partitioning == "snapshot_day"
    return YEARS_BACK if is_list else YEARS_BACK_OF_HISTORIES


def _list_columns(source: Source) -> list[Column]:
    return [column for column in source.columns if is_of_moments(column) and column.mapped]
