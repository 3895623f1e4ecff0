"""A build out of the one before: models that say how (`meta.rebuild`) are derived again for touched keys alone.

Sums move by what the rows of these keys gave before and give now.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.warehouse.compiled import DataTest
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.lineage import Lineage, source_of
from pipelines.warehouse.narrowing import Narrowing, RefreshRefused
from pipelines.warehouse.rebuild_rule import RebuildRule
from pipelines.warehouse.statements import DATABASE, TABLE, VIEW, Statement, create_relation
from pipelines.warehouse.touched_keys import TouchedKeys, count_rows


class ChangeKind(Enum):
    """What became of a relation. MOMENT: nothing but the columns that move with as_of; KEYS: rows of touched keys."""

    MOMENT = "moment"
    KEYS = "keys"
    WHOLE = "whole"


class Refresh:
    """`gather_keys` and `note_before` while everything is as it was, `derive` once schema `raw` is new."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], project: Path,
        deliveries: Mapping[str, str | None],
    ) -> None:  # fmt: skip
        """`deliveries`: every table of accepted rows → a query of the rows of its batches that came or went since,
        None where all are as they were. What else lies in schema `raw` is compared by content.
        """
        self.con, self.project, self.deliveries = con, project, deliveries
        self.lineage = Lineage(con, statements, list(deliveries))
        self.before = Narrowing(con, self.lineage, "before")
        self.after = Narrowing(con, self.lineage, "after")
        self.touched = TouchedKeys(con, self.lineage)
        self.changes: dict[str, ChangeKind] = {}
        self.contents: dict[str, tuple[object, ...]] = {}

    def count_touched(self) -> int:
        return sum(map(self.touched.count, self.lineage.keys))

    def gather_keys(self, as_of_before: datetime, as_of: datetime) -> None:
        for key in self.lineage.keys:
            self.touched.gather(key, self.deliveries, *sorted((as_of_before, as_of)))

    def note_before(self) -> None:
        """What the touched keys gave to sums, and what the other parents of keyed models held."""
        for unique_id, rule in self.lineage.rules.items():
            if rule.by and rule.sums:
                self.before.derive_part(
                    self.lineage.statements[unique_id], self.touched.find(unique_id, rule.by)
                )
        for unique_id in self.lineage.list_compared():
            self.contents[unique_id] = self._read_content(unique_id)

    def _read_content(self, unique_id: str) -> tuple[object, ...]:
        """Columns, how many rows, and two sums of their hashes; of a moment's table without the columns that move."""
        rule = self.lineage.rules.get(unique_id)
        moving = ", ".join(map(duck.identifier, rule.moment)) if rule else ""
        rows = f"select *{f' exclude ({moving})' if moving else ''} from {self.lineage.relation(unique_id)}"
        described = [row[:2] for row in self.con.execute(f"describe {rows}").fetchall()]
        hashed = f"hash({', '.join(duck.identifier(name) for name, _ in described)})"
        sums = self.con.execute(f"select count(*), sum({hashed}), bit_xor({hashed}) from ({rows})").fetchone()
        return (*described, *(sums or ()))

    def derive(self) -> Iterator[NodeResult]:
        """Every statement in turn, as far as it is touched; duckdb.Error or RefreshRefused where one fails."""
        for name, query in self.deliveries.items():
            if query:
                self.changes[source_of(name)] = ChangeKind.KEYS
        for unique_id in self.contents.keys() - self.lineage.statements.keys():
            if self._read_content(unique_id) != self.contents[unique_id]:
                self.changes[unique_id] = ChangeKind.WHOLE
        for statement in self.lineage.statements.values():
            start = time.monotonic()
            if any(parent in self.changes for parent in statement.parents) and (
                change := self._derive(statement)
            ):
                self.changes[statement.unique_id] = change
            yield NodeResult(statement.unique_id, "success", time.monotonic() - start, "", 0)

    def _derive(self, statement: Statement) -> ChangeKind | None:
        unique_id, rule = statement.unique_id, self.lineage.rules.get(statement.unique_id)
        if statement.kind == VIEW:
            create_relation(self.con, statement, self.project)
        key = rule.by if rule else self.lineage.find_key_of_staging(statement)
        if key and self._can_narrow(statement, key, rule):
            if statement.kind == VIEW:
                return ChangeKind.KEYS
            if rule and rule.sums:
                return ChangeKind.WHOLE if self._move_sums(statement, key, rule.sums) else None
            self._replace_rows(statement, key)
            return ChangeKind.KEYS
        if statement.kind == TABLE:
            create_relation(self.con, statement, self.project)
        if unique_id not in self.contents or self._read_content(unique_id) != self.contents[unique_id]:
            return ChangeKind.WHOLE
        return ChangeKind.MOMENT if rule and rule.moment else None

    def _can_narrow(self, statement: Statement, key: str, rule: RebuildRule | None) -> bool:
        """Whether nothing but rows of touched keys can be another."""
        for parent in statement.parents:
            change = self.changes.get(parent)
            if change == ChangeKind.WHOLE or (
                change == ChangeKind.KEYS and not self.lineage.is_keyed(parent, key)
            ):
                return False
            if change == ChangeKind.MOMENT and (rule is None or rule.touched is None):
                return False
        return True

    def _replace_rows(self, statement: Statement, key: str) -> None:
        keys = self.touched.find(statement.unique_id, key)
        part, column = self.after.derive_part(statement, keys), duck.identifier(key)
        self.con.execute(f"delete from {statement.relation} where {column} in (from {keys.table})")
        names = ", ".join(map(duck.identifier, self.lineage.list_columns(statement.unique_id)))
        self.con.execute(f"insert into {statement.relation} ({names}) select {names} from {part}")

    def _move_sums(self, statement: Statement, key: str, sums: Sequence[str]) -> bool:
        """Whether any sum is another now."""
        columns = self.lineage.list_columns(statement.unique_id)
        if missing := set(sums) - set(columns):
            raise RefreshRefused(
                f"{statement.unique_id}: meta.rebuild sums {missing}, which it does not have"
            )
        own = self.touched.find(statement.unique_id, key)
        before, moved, new = (
            self.after.name_part(statement.unique_id, own, word) for word in ("before", "moved", "new")
        )
        after = self.after.derive_part(statement, own)
        groups = [name for name in columns if name not in sums]
        keys, values = (", ".join(map(duck.identifier, names)) for names in (groups, sums))
        taken = ", ".join(f"-{duck.identifier(name)}" for name in sums)
        added = ", ".join(f"sum({name}) as {name}" for name in map(duck.identifier, sums))
        is_any = " or ".join(f"sum({duck.identifier(name)}) <> 0" for name in sums)
        is_same = " and ".join(f"t.{n} is not distinct from m.{n}" for n in map(duck.identifier, groups))
        self.con.execute(
            f"create temp table {moved} as select {keys}, {added} from (select {keys}, {values} from {after} "
            f"union all select {keys}, {taken} from {before}) group by {keys} having {is_any}"
        )
        self.con.execute(
            f"create temp table {new} as select {keys}, {added} from (select {keys}, {values} from {moved} "
            f"union all select {keys}, {values} from {statement.relation} as t semi join {moved} as m on {is_same}) "
            f"group by {keys} having {is_any}"
        )
        self.con.execute(f"delete from {statement.relation} as t using {moved} as m where {is_same}")
        self.con.execute(
            f"insert into {statement.relation} ({keys}, {values}) select {keys}, {values} from {new}"
        )
        return count_rows(self.con, moved) > 0

    def narrow_tests(self, tests: Mapping[str, DataTest]) -> dict[str, DataTest | None]:
        """What is left to ask of tests that passed on the build of before; None: nothing, it passes still."""
        return {unique_id: self._narrow_test(test) for unique_id, test in tests.items()}

    def _narrow_test(self, test: DataTest) -> DataTest | None:
        """Where a verdict on the rows of one key needs no others, those of the touched keys are asked."""
        if not any(parent in self.changes for parent in test.parents):
            return None
        if not test.is_of_rows or self.changes[test.parents[0]] != ChangeKind.KEYS:
            return test
        [parent] = test.parents
        rule = self.lineage.rules.get(parent)
        if rule is None or rule.by is None or (test.together and rule.by not in test.together):
            return test
        name = duck.identifier(DATABASE, *self.lineage.locate(parent))
        return test._replace(
            query=test.query.replace(name, self.after.find_part(parent, self.touched.find(parent, rule.by)))
        )
