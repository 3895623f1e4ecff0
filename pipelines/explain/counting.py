"""Which items count in which rate of a release, by the rules of the marts that hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import duckdb

from pipelines.explain.explain_rule import ExplainRule, RateRule
from pipelines.lake.ledger import Release
from pipelines.sql import read_sql

COUNTED = """
    source varchar, metric varchar, period varchar, item_code varchar, unit_code varchar, counts boolean,
    begins timestamp, entry_field varchar, moment timestamp,
    flip varchar, watched_column varchar, watched varchar, is_recorded boolean, within varchar"""


def count_items(
    con: duckdb.DuckDBPyConnection,
    side: str,
    release: Release,
    relations: Mapping[str, str],
    rules: Sequence[ExplainRule],
) -> None:
    """Temp table `counted_<side>`: rate × period × item, with its unit and whether it is in the numerator.

    `relations`: `schema.table` → relation of the release. A rate that an older release has no columns for
    (`side` is before) is left out; for the release being made that is an error.
    """
    con.execute(f"create or replace temp table counted_{side} ({COUNTED})")
    for rule in rules:
        for rate in rule.rates:
            query = counting_sql(rule, rate, relations)
            values = {"as_of": release.as_of} if re.search(r"\$as_of\b", query) else {}
            try:
                con.execute(f"insert into counted_{side} by name {query}", values)
            except duckdb.BinderException:
                if side != "before":
                    raise


def counting_sql(rule: ExplainRule, rate: RateRule, relations: Mapping[str, str]) -> str:
    """The query of one rate's items."""
    return read_sql(
        "pipelines.explain",
        "counted",
        rule=rule,
        rate=rate,
        mart=relations[rule.mart],
        reads={name.split(".")[1]: relations[name] for name in rule.reads},
    )
