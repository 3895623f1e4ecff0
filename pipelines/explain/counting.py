"""Which items count in which rate of a release, by the rules of the marts that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from pipelines.explain.explain_rule import ExplainRule, RateRule
from pipelines.lake.ledger import Release
from pipelines.log import get_logger
from pipelines.sql import read_sql

LOG = get_logger(__name__)
COUNTED = """
    source varchar, metric varchar, period varchar, item_code varchar, unit_code varchar, counts boolean,
    begins timestamp, entry_field varchar, moment timestamp,
    flip varchar, watched_column varchar, watched varchar, is_recorded boolean, within varchar"""

SUMS = """
    metric varchar, period varchar, unit_code varchar, numerator bigint, denominator bigint, item_hashes hugeint"""
# Relations of the rows of a mart that only the release before has, and of those that only the one being made has.
Part = tuple[str, str]


class Side(NamedTuple):
    """`name`: before or after; `relations`: `schema.table` → relation of the release."""

    name: str
    release: Release
    relations: Mapping[str, str]
    # Mart → relation of some of its rows: only these are counted. What a rule reads beside its mart is read whole.
    some: Mapping[str, str] = {}


def sum_items(con: duckdb.DuckDBPyConnection, side: Side, rules: Sequence[ExplainRule]) -> None:
    """Temp table `sums_<side>`: what all items add up to, by rate, period and unit, with a sum of their hashes."""
    con.execute(f"create or replace temp table sums_{side.name} ({SUMS})")
    for items, values in _list_queries(con, side, rules):
        query = read_sql("pipelines.explain", "sums", table=f"sums_{side.name}", items=items)
        con.execute(query, values)


def count_differing_items(
    con: duckdb.DuckDBPyConnection,
    before: Side,
    after: Side,
    rules: Sequence[ExplainRule],
    parts: Mapping[str, Part],
) -> None:
    """Temp tables `counted_before` and `counted_after` with at least the items that differ; `sums_*` are there.

    `parts`: mart → its rows of before and of after that the other does not have. An item may differ though its rows
    are the same (as_of moved, or what the rule reads): then the rest does not add up to the same, and all are counted.
    """
    for narrowed in (dict(parts), {}):
        for place, side in enumerate((before, after)):
            some = {mart: part[place] for mart, part in narrowed.items()}
            _count_items(con, side._replace(some=some), rules)
        if not narrowed or con.execute(read_sql("pipelines.explain", "differing_rest")).fetchone() is None:
            return
        LOG.info("more items differ than rows of the marts do: every item is counted")


def _count_items(con: duckdb.DuckDBPyConnection, side: Side, rules: Sequence[ExplainRule]) -> None:
    """Temp table `counted_<side>`: rate × period × item, with its unit and whether it is in the numerator."""
    con.execute(f"create or replace temp table counted_{side.name} ({COUNTED})")
    for items, values in _list_queries(con, side, rules):
        con.execute(f"insert into counted_{side.name} by name {items}", values)


def _list_queries(
    con: duckdb.DuckDBPyConnection, side: Side, rules: Sequence[ExplainRule]
) -> Iterator[tuple[str, dict[str, datetime]]]:
    """Each rate's query of its items, and its parameters.

    A rate that an older release has no columns for is left out; for the release being made that is an error.
    """
    for rule in rules:
        for rate in rule.rates:
            items = counting_sql(rule, rate, side.relations, side.some)
            values = {"as_of": side.release.as_of} if re.search(r"\$as_of\b", items) else {}
            try:
                con.execute(f"describe {items}", values)
            except duckdb.BinderException:
                if side.name != "before":
                    raise
                continue
            yield items, values


def counting_sql(
    rule: ExplainRule, rate: RateRule, relations: Mapping[str, str], some: Mapping[str, str] | None = None
) -> str:
    """The query of one rate's items; `some`: mart → relation of the rows to count, where not all are."""
    return read_sql(
        "pipelines.explain",
        "counted",
        rule=rule,
        rate=rate,
        mart=(some or {}).get(rule.mart, relations[rule.mart]),
        reads={name.split(".")[1]: relations[name] for name in rule.reads},
    )
