"""Tables by day of which a night moves the last days alone: the first day that can be another, and the rows from it on.

A row of a day follows from what the parents have up to that day (`meta.rebuild.days`), and from what all days read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.rebuild_rule import DayParent, Take
from pipelines.warehouse.statements import Statement

# Of a parent that does not say since when it is another: since before any day.
ALWAYS = date.min


class DayContents(NamedTuple):
    """`days`: day → count and two sums of hashes of the rows; `groups`: the different values of some columns."""

    days: Mapping[date | None, Any]
    groups: set[tuple[Any, ...]]


class Tails:
    """`note_before` while everything is as it was; the first days once the parents are new."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lineage: Lineage) -> None:
        self.con, self.lineage = con, lineage
        self.before: dict[tuple[str, str], DayContents] = {}
        self.first_days: dict[str, date] = {}

    def list_parents(self, statement: Statement) -> dict[str, DayParent]:
        """The parents that have days; RefreshRefused where one is none, or what moved is asked of one without sums."""
        rule = self.lineage.rules[statement.unique_id]
        by_name = {".".join(self.lineage.locate(parent)): parent for parent in statement.parents}
        if missing := rule.days.keys() - by_name.keys():
            raise RefreshRefused(
                f"{statement.unique_id}: meta.rebuild names {missing}, which it does not read"
            )
        days = {by_name[name]: parent for name, parent in rule.days.items()}
        for unique_id, parent in days.items():
            below = self.lineage.rules.get(unique_id)
            if parent.take == Take.MOVED and not (below and below.sums):
                raise RefreshRefused(f"{statement.unique_id}: {unique_id} has no sums that move")
        return days

    def note_before(self) -> None:
        for unique_id, rule in self.lineage.rules.items():
            if rule.day:
                for parent, days in self.list_parents(self.lineage.statements[unique_id]).items():
                    self.before[unique_id, parent] = self._read(parent, days)

    def _read(self, unique_id: str, parent: DayParent) -> DayContents:
        """Of what says its first day itself nothing but the groups."""
        relation, rule = self.lineage.relation(unique_id), self.lineage.rules.get(unique_id)
        days, groups = dict[date | None, Any](), set[tuple[Any, ...]]()
        if parent.same:
            names = ", ".join(map(duck.identifier, parent.same))
            groups = set(self.con.execute(f"select distinct {names} from {relation}").fetchall())
        if rule is None or not (rule.day or rule.sums):
            moving = rule.moment if rule else ()
            names = ", ".join(
                duck.identifier(name) for name in self.lineage.list_columns(unique_id) if name not in moving
            )
            rows = self.con.execute(
                f"select {duck.identifier(parent.day)}::date, count(*), sum(hash({names})), bit_xor(hash({names})) "
                f"from {relation} group by 1"
            ).fetchall()
            days = {day: sums for day, *sums in rows}
        return DayContents(days, groups)

    def find_first_day(self, statement: Statement, unique_id: str, moved: str | None) -> date | None:
        """Since when a parent that changed is another; None: it is not. `moved`: by what its sums moved."""
        parent, rule = self.list_parents(statement)[unique_id], self.lineage.rules.get(unique_id)
        before, now = self.before[statement.unique_id, unique_id], self._read(unique_id, parent)
        if before.groups != now.groups:
            return ALWAYS
        if rule and rule.day:
            return self.first_days.get(unique_id, ALWAYS)
        if rule and rule.sums:
            if moved is None:
                return ALWAYS
            days = self.con.execute(
                f"select distinct {duck.identifier(parent.day)}::date from {moved}"
            ).fetchall()
            differing = {day for (day,) in days}
        else:
            differing = {
                day
                for day in before.days.keys() | now.days.keys()
                if before.days.get(day) != now.days.get(day)
            }
        return None if not differing else ALWAYS if None in differing else min(differing)

    def replace_parents(self, statement: Statement, first: date, last: date | None = None) -> dict[str, str]:
        """Parent → what its SQL reads instead of it, for the rows from a day on, until another one or the last."""
        return {
            unique_id: f"({self._select(unique_id, parent, first, last)})"
            for unique_id, parent in self.list_parents(statement).items()
            if parent.take != Take.ALL
        }

    def _select(self, unique_id: str, parent: DayParent, first: date, last: date | None) -> str:
        relation, day = self.lineage.relation(unique_id), duck.identifier(parent.day)
        if parent.take == Take.FROM:
            since = first - timedelta(days=min(parent.back, (first - date.min).days))
            until = f" and {day} < {duck.literal(last + timedelta(days=1))}::date" if last else ""
            return f"select * from {relation} where {day} >= {duck.literal(since)}::date{until}"
        # What moved before the first day is already so on that day. What moves later stays, whoever has nothing else.
        sums = self.lineage.rules[unique_id].sums
        names = [name for name in self.lineage.list_columns(unique_id) if name not in (*sums, parent.day)]
        begin = f"{duck.literal(first)}::date"
        columns = [
            f"case when {day} < {begin} then {begin} else {day} end as {day}",
            *map(duck.identifier, names),
        ]
        columns += [f"sum({name}) as {name}" for name in map(duck.identifier, sums)]
        return f"select {', '.join(columns)} from {relation} group by all"
