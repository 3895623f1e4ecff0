"""Which relations follow from which, and which rows of them from the rows of one key alone (`meta.rebuild`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import duckdb

from pipelines import duck
from pipelines.warehouse.rebuild_rule import RebuildRule
from pipelines.warehouse.statements import SEED, VIEW, Statement


class Lineage:
    """The statements of a project over schema raw as it lies in a warehouse."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], accepted: Collection[str]
    ) -> None:
        """`accepted`: the tables of schema raw that hold accepted rows."""
        self.con, self.accepted = con, accepted
        self.statements = {statement.unique_id: statement for statement in statements}
        self.rules: dict[str, RebuildRule] = {s.unique_id: rule for s in statements if (rule := s.rule)}
        self._keyed: dict[tuple[str, str], bool] = {}
        self._moving: dict[tuple[str, str], frozenset[str]] = {}
        self._columns: dict[str, list[str]] = {}

    @cached_property
    def columns(self) -> list[str]:
        """By which some model is derived again."""
        return sorted({rule.by for rule in self.rules.values() if rule.by})

    @cached_property
    def keys(self) -> list[str]:
        """Those that begin in accepted rows; of others sums and what is compared tell which values are touched."""
        return [column for column in self.columns if self.list_deliveries(column)]

    def list_keyed_tables(self) -> dict[str, list[str]]:
        """Key → the tables of accepted rows that have it."""
        return {key: self.list_deliveries(key) for key in self.keys}

    def is_keyed(self, unique_id: str, key: str) -> bool:
        """Whether a relation's rows of one key depend on that key alone: as it says, or as accepted rows do."""
        slot = (unique_id, key)
        if slot not in self._keyed:
            self._keyed[slot] = self._is_keyed(unique_id, key)
        return self._keyed[slot]

    def _is_keyed(self, unique_id: str, key: str) -> bool:
        statement, rule = self.statements.get(unique_id), self.rules.get(unique_id)
        if statement is None:
            return _table_of(unique_id) in self.accepted and key in self.list_columns(unique_id)
        if rule and rule.sums:
            return key != rule.by and key not in rule.sums and key in self.list_columns(unique_id)
        if rule:
            return rule.by == key
        return self.find_key_of_staging(statement) == key

    def find_key_of_staging(self, statement: Statement) -> str | None:
        """A view of accepted rows, one of each, is keyed as they are."""
        if statement.kind != VIEW or not statement.parents or self.statements.keys() & statement.parents:
            return None
        return next((k for k in self.columns if all(self.is_keyed(p, k) for p in statement.parents)), None)

    def list_deliveries(self, key: str) -> list[str]:
        """The tables of accepted rows from which the models by a key follow."""
        open_ends = [unique_id for unique_id, rule in self.rules.items() if rule.by == key]
        seen: set[str] = set()
        while open_ends:
            unique_id = open_ends.pop()
            if unique_id not in seen and (statement := self.statements.get(unique_id)):
                open_ends += [parent for parent in statement.parents if self.is_keyed(parent, key)]
            seen.add(unique_id)
        return [name for name in self.accepted if source_of(name) in seen]

    def list_moving(self, unique_id: str, key: str) -> frozenset[str]:
        """The models that touch keys of a keyed relation (`touched`, `compared`): it, and those it follows from."""
        if (unique_id, key) not in self._moving:
            statement, rule = self.statements.get(unique_id), self.rules.get(unique_id)
            parents = [p for p in statement.parents if self.is_keyed(p, key)] if statement else []
            own = {unique_id} if rule and (rule.touched or rule.compared) else set()
            self._moving[unique_id, key] = frozenset(own).union(*(self.list_moving(p, key) for p in parents))
        return self._moving[unique_id, key]

    def list_read(self, unique_id: str, key: str) -> set[str]:
        """What a relation's rows of a key are read from: its keyed parents, of views those below."""
        relations: set[str] = set()
        statement = self.statements[unique_id]
        for parent in statement.parents:
            if self.is_keyed(parent, key):
                below = self.statements.get(parent)
                relations |= self.list_read(parent, key) if below and below.kind == VIEW else {parent}
        return relations

    def list_compared(self) -> list[str]:
        """What is small and read whole: bookkeeping, and the parents of keyed models that are not keyed themselves."""
        fixed = {
            parent
            for unique_id, rule in self.rules.items()
            for parent in self.statements[unique_id].parents
            if (rule.by and not rule.compared and not self.is_keyed(parent, rule.by))
            or (rule.of and rule.of != ".".join(self.locate(parent)))
            or (rule.day and ".".join(self.locate(parent)) not in rule.days)
        }
        parents = {parent for statement in self.statements.values() for parent in statement.parents}
        books = {p for p in parents - self.statements.keys() if _table_of(p) not in self.accepted}
        seeds = {unique_id for unique_id, statement in self.statements.items() if statement.kind == SEED}
        return sorted(fixed - seeds | books)

    def relation(self, unique_id: str) -> str:
        return duck.identifier(*self.locate(unique_id))

    def locate(self, unique_id: str) -> tuple[str, str]:
        """Schema and table."""
        statement = self.statements.get(unique_id)
        return (statement.schema, statement.name) if statement else ("raw", _table_of(unique_id))

    def list_columns(self, unique_id: str) -> list[str]:
        """Of one code they are the same in every build."""
        if unique_id not in self._columns:
            self._columns[unique_id] = list(duck.describe_table(self.con, *self.locate(unique_id)))
        return self._columns[unique_id]


def source_of(table: str) -> str:
    """How dbt names a table of schema raw."""
    return f"source.thongsuot.raw.{table}"


def _table_of(source: str) -> str:
    return source.rpartition(".")[2]
