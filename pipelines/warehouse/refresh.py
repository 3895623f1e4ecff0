"""A build out of the one before: models that say how (`meta.rebuild`) are derived again for touched keys alone.

Sums move by what the rows of these keys gave before and give now.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.warehouse.accepted_files import KEYS, has_table, write_key_batches
from pipelines.warehouse.compiled import DataTest
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.lineage import Lineage, source_of
from pipelines.warehouse.narrowing import KeySet, Narrowing, RefreshRefused
from pipelines.warehouse.rebuild_rule import RebuildRule
from pipelines.warehouse.sample_check import draw_sample
from pipelines.warehouse.statements import DATABASE, TABLE, VIEW, Statement, create_relation
from pipelines.warehouse.tail import ALWAYS, Tails
from pipelines.warehouse.touched_keys import TouchedKeys, count_rows
from pipelines.warehouse.touched_rows import TouchedRows


class ChangeKind(Enum):
    """What became of a relation. MOMENT: nothing but the columns that move with as_of; KEYS: rows of touched keys;
    SUMS: some sums moved; DAYS: rows from a day on."""

    MOMENT = "moment"
    KEYS = "keys"
    SUMS = "sums"
    DAYS = "days"
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
        self.touched = TouchedKeys(con, self.lineage)
        self.samples = {key: KeySet(key, f"sample_{key}") for key in self.lineage.keys}
        self.rows = TouchedRows(
            con, self.lineage, {key: KeySet(key, f"read_{key}") for key in self.lineage.keys}
        )
        self.before = Narrowing(con, self.lineage, "before", self.rows)
        self.after = Narrowing(con, self.lineage, "after", self.rows)
        self.tails = Tails(con, self.lineage)
        self.changes: dict[str, ChangeKind] = {}
        self.contents: dict[str, tuple[object, ...]] = {}
        # Of what is compared, of sums and of models by their values: a relation with what differs or moved.
        self.moved: dict[str, str] = {}
        self.replaced: dict[str, KeySet] = {}
        # Table → a query of the values, in some of its columns, of all rows that left it and came into it.
        self.replaced_rows: dict[str, str] = {}

    def count_touched(self) -> int:
        return sum(map(self.touched.count, self.lineage.keys))

    def gather_keys(self, as_of_before: datetime, as_of: datetime) -> None:
        self.moment_day = min(as_of_before, as_of).date()
        if has_table(self.con, KEYS):
            moved = {name: query for name, query in self.deliveries.items() if query}
            write_key_batches(self.con, self.lineage.list_keyed_tables(), moved)
        for key in self.lineage.keys:
            self.touched.gather(key, self.deliveries, *sorted((as_of_before, as_of)))
            draw_sample(self.con, self.lineage, self.samples[key], self.touched.all[key])
            self.con.execute(
                f"create temp table {self.rows.keys[key].table} as "
                f"from {self.touched.all[key].table} union from {self.samples[key].table}"
            )

    def note_before(self) -> None:
        """What the touched keys gave to sums, and what the other parents of keyed models held."""
        for unique_id, rule in self.lineage.rules.items():
            if rule.by and rule.sums:
                self.before.derive_part(
                    self.lineage.statements[unique_id], self.touched.find(unique_id, rule.by)
                )
        for name in self.deliveries:
            self.rows.forget(source_of(name))
        self.tails.note_before()
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
        if rule and rule.compared:
            return self._compare_rows(statement, rule.by or "", rule.moment)
        if rule and rule.day and (first := self._find_first_day(statement)) != ALWAYS:
            return self._replace_days(statement, rule.day, first) if first else None
        key = rule.by if rule else self.lineage.find_key_of_staging(statement)
        if rule is None and key not in self.lineage.keys:
            key = None
        if rule and rule.of and self._can_narrow(statement, None, rule):
            return self._move_sums(statement, self._derive_moved(statement, rule.of), rule.sums)
        if key and self._can_narrow(statement, key, rule):
            if statement.kind == VIEW:
                if key not in self.lineage.keys:
                    self.moved[unique_id] = self._find_keys(statement, key).table
                return ChangeKind.KEYS
            if rule and rule.sums:
                own = self.touched.find(unique_id, key)
                before = self.before.name_part(unique_id, own)
                return self._move_sums(statement, self.after.derive_part(statement, own), rule.sums, before)
            self._replace_rows(statement, key)
            return ChangeKind.KEYS
        if statement.kind == TABLE:
            create_relation(self.con, statement, self.project)
        self.rows.forget(unique_id)
        if unique_id not in self.contents or self._read_content(unique_id) != self.contents[unique_id]:
            return ChangeKind.WHOLE
        return ChangeKind.MOMENT if rule and rule.moment else None

    def _can_narrow(self, statement: Statement, key: str | None, rule: RebuildRule | None) -> bool:
        """Whether nothing but rows of touched keys can be another; without a key: but sums that this one adds up."""
        for parent in statement.parents:
            change = self.changes.get(parent)
            if key:
                is_followed = self.lineage.is_keyed(parent, key)
            else:
                is_followed = rule is not None and rule.of == ".".join(self.lineage.locate(parent))
            if (
                change == ChangeKind.WHOLE
                or (change in (ChangeKind.KEYS, ChangeKind.SUMS, ChangeKind.DAYS) and not is_followed)
                or (
                    change == ChangeKind.MOMENT and not is_followed and (rule is None or rule.touched is None)
                )
            ):
                return False
        return True

    def _find_first_day(self, statement: Statement) -> date | None:
        """From which day on rows can be others; None: none can, ALWAYS: all."""
        parents, days = self.tails.list_parents(statement), set[date | None]()
        for parent in statement.parents:
            change, rule = self.changes.get(parent), self.lineage.rules.get(parent)
            if change is None:
                continue
            if rule and rule.moment:
                days.add(self.moment_day)
            if parent in parents:
                days.add(self.tails.find_first_day(statement, parent, self.moved.get(parent)))
            elif change != ChangeKind.MOMENT:
                return ALWAYS
        return min((day for day in days if day), default=None)

    def _replace_days(self, statement: Statement, day: str, first: date) -> ChangeKind:
        unique_id, column = statement.unique_id, duck.identifier(day)
        part, since = self._name_table(unique_id, "tail"), f"{column} >= {duck.literal(first)}::date"
        sql = self.after.replace_parents(statement, self.tails.replace_parents(statement, first))
        names = ", ".join(map(duck.identifier, self.lineage.list_columns(unique_id)))
        self.con.execute(f"create temp table {part} as select {names} from ({sql}) where {since}")
        replaced = self._name_table(unique_id, "days")
        self.con.execute(
            f"create temp table {replaced} as select {column} from {statement.relation} where {since} "
            f"union select {column} from {part}"
        )
        self.con.execute(f"delete from {statement.relation} where {since}")
        self.con.execute(f"insert into {statement.relation} ({names}) select {names} from {part}")
        self.rows.forget(unique_id)
        self.tails.first_days[unique_id] = first
        self.replaced_rows[unique_id] = f"from {replaced}"
        return ChangeKind.DAYS

    def _find_keys(self, statement: Statement, key: str) -> KeySet:
        """The keys of which a model's rows are derived again; of a column that no accepted row has: that moved in a
        parent."""
        if key in self.lineage.keys:
            return self.touched.find(statement.unique_id, key)
        keys = KeySet(key, f"touched_{statement.schema}_{statement.name}")
        column = duck.identifier(key)
        moved = [self.moved[parent] for parent in statement.parents if parent in self.moved]
        rows = " union ".join(f"select {column} from {relation}" for relation in moved)
        self.con.execute(
            f"create temp table {keys.table} as {rows or f'select {column} from {statement.relation} where false'}"
        )
        return keys

    def _replace_rows(self, statement: Statement, key: str) -> None:
        unique_id, column = statement.unique_id, duck.identifier(key)
        keys = self.replaced[unique_id] = self._find_keys(statement, key)
        part = self.after.derive_part(statement, keys)
        self.con.execute(f"delete from {statement.relation} where {column} in (from {keys.table})")
        names = ", ".join(map(duck.identifier, self.lineage.list_columns(unique_id)))
        self.con.execute(f"insert into {statement.relation} ({names}) select {names} from {part}")
        self.rows.replace(unique_id, keys, part)
        self.moved[unique_id] = keys.table
        self.replaced_rows[unique_id] = f"select {column} from {keys.table}"

    def _compare_rows(self, statement: Statement, key: str, moment: Sequence[str]) -> ChangeKind | None:
        """Made whole; the keys of rows that differ are touched, beside what moves with every as_of."""
        unique_id, column = statement.unique_id, duck.identifier(key)
        before, keys = self._name_table(unique_id, "before"), KeySet(key, f"differing_{statement.name}")
        self.con.execute(f"create temp table {before} as from {statement.relation}")
        create_relation(self.con, statement, self.project)
        self.rows.forget(unique_id)
        names = [name for name in self.lineage.list_columns(unique_id) if name not in moment]
        earlier, later = (
            f"select {', '.join(map(duck.identifier, names))} from {relation}"
            for relation in (before, statement.relation)
        )
        self.con.execute(
            f"create temp table {keys.table} as select distinct {column} from "
            f"((({earlier}) except all ({later})) union all (({later}) except all ({earlier})))"
        )
        if count_rows(self.con, f"{keys.table} where {column} is null"):
            raise RefreshRefused(f"a row of {statement.relation} has no {key}")
        if not count_rows(self.con, keys.table):
            return ChangeKind.MOMENT if moment else None
        if key in self.lineage.keys:
            self._touch_more(unique_id, keys)
        self.moved[unique_id] = keys.table
        return ChangeKind.KEYS

    def _touch_more(self, unique_id: str, keys: KeySet) -> None:
        """Keys that only a comparison told are derived again too, in the models above; before that nothing of theirs
        was changed."""
        above = [
            name
            for name, rule in self.lineage.rules.items()
            if rule.by == keys.column and unique_id in self.lineage.list_moving(name, keys.column)
        ]
        for name in above:
            if self.lineage.rules[name].sums and unique_id in self.lineage.statements[name].parents:
                raise RefreshRefused(
                    f"{name}: what it gave before cannot be told, {unique_id} is new already"
                )
        self.rows.add(keys, set().union(*(self.lineage.list_read(name, keys.column) for name in above)))
        every = self.touched.all[keys.column].table
        self.con.execute(f"insert into {every} (from {keys.table} except from {every})")
        for (key, models), own in self.touched.sets.items():
            if key != keys.column or unique_id not in models:
                continue
            more = KeySet(key, f"more_{own.name}_{len(self.moved)}")
            self.con.execute(f"create temp table {more.table} as from {keys.table} except from {own.table}")
            for name in above:
                if self.lineage.rules[name].sums and self.touched.find(name, key) == own:
                    gave = self.before.derive_part(self.lineage.statements[name], more)
                    self.con.execute(f"insert into {self.before.name_part(name, own)} by name from {gave}")
            self.con.execute(f"insert into {own.table} from {more.table}")

    def _derive_moved(self, statement: Statement, of: str) -> str:
        """What sums of sums moved by: what they give of what these moved by."""
        parts = {
            parent: self.moved[parent]
            for parent in statement.parents
            if parent in self.moved and of == ".".join(self.lineage.locate(parent))
        }
        rows = self._name_table(statement.unique_id, "gains")
        sql = self.after.replace_parents(statement, parts)
        self.con.execute(f"create temp table {rows} as {sql}{'' if parts else ' limit 0'}")
        return rows

    def _name_table(self, unique_id: str, word: str) -> str:
        return duck.identifier("temp", "main", "_".join((word, *self.lineage.locate(unique_id))))

    def _move_sums(
        self, statement: Statement, after: str, sums: Sequence[str], before: str | None = None
    ) -> ChangeKind | None:
        """`after`, `before`: what touched keys give and gave. None where no sum is another now."""
        columns = self.lineage.list_columns(statement.unique_id)
        if missing := set(sums) - set(columns):
            raise RefreshRefused(
                f"{statement.unique_id}: meta.rebuild sums {missing}, which it does not have"
            )
        moved, new = (self._name_table(statement.unique_id, word) for word in ("moved", "new"))
        groups = [name for name in columns if name not in sums]
        keys, values = (", ".join(map(duck.identifier, names)) for names in (groups, sums))
        taken = ", ".join(f"-{duck.identifier(name)}" for name in sums)
        added = ", ".join(f"sum({name}) as {name}" for name in map(duck.identifier, sums))
        is_any = " or ".join(f"sum({duck.identifier(name)}) <> 0" for name in sums)
        is_same = " and ".join(f"t.{n} is not distinct from m.{n}" for n in map(duck.identifier, groups))
        rows = f"select {keys}, {values} from {after}"
        if before:
            rows += f" union all select {keys}, {taken} from {before}"
        self.con.execute(
            f"create temp table {moved} as select {keys}, {added} from ({rows}) group by {keys} having {is_any}"
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
        self.moved[statement.unique_id] = moved
        self.replaced_rows[statement.unique_id] = f"select {keys} from {moved}"
        return ChangeKind.SUMS if count_rows(self.con, moved) else None

    def narrow_tests(self, tests: Mapping[str, DataTest]) -> dict[str, DataTest | None]:
        """What is left to ask of tests that passed on the build of before; None: nothing, it passes still."""
        return {unique_id: self._narrow_test(test) for unique_id, test in tests.items()}

    def _narrow_test(self, test: DataTest) -> DataTest | None:
        """Where a verdict on the rows of one key needs no others, those of the touched keys are asked."""
        if not any(parent in self.changes for parent in test.parents):
            return None
        if not test.is_of_rows or (rows := self._find_rows_to_ask(test.parents[0], test.together)) is None:
            return test
        name = duck.identifier(DATABASE, *self.lineage.locate(test.parents[0]))
        return test._replace(query=test.query.replace(name, rows))

    def _find_rows_to_ask(self, unique_id: str, together: Sequence[str]) -> str | None:
        """The rows of which alone a verdict can be another, where those that agree in some columns are judged
        together; None: all of them."""
        rule, change = self.lineage.rules.get(unique_id), self.changes.get(unique_id)
        if rule and rule.day and change == ChangeKind.DAYS:
            return self._name_table(unique_id, "tail") if not together or rule.day in together else None
        if rule is None or rule.compared or change not in (ChangeKind.KEYS, ChangeKind.SUMS):
            return None
        if change == ChangeKind.SUMS:
            groups = set(self.lineage.list_columns(unique_id)) - set(rule.sums)
            return None if together and not groups <= set(together) else self._name_table(unique_id, "new")
        if rule.by is None or (together and rule.by not in together):
            return None
        keys = self.replaced.get(unique_id) or self.touched.find(unique_id, rule.by)
        return self.after.find_part(unique_id, keys)
