"""The compiled SQL of a model over some keys alone: it stays as it is, its parents become smaller ones of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.statements import DATABASE, VIEW, Statement


class RefreshRefused(RuntimeError):
    """The build cannot be derived from the one before; the text says why. A full one can be made."""


class KeySet(NamedTuple):
    """Values of a column, in a temporary table of their own."""

    column: str
    name: str

    @property
    def table(self) -> str:
        return duck.identifier("temp", "main", self.name)


class Rows(Protocol):
    """Where the rows of keys are read, of relations that are not derived."""

    keys: Mapping[str, KeySet]

    def find(self, unique_id: str, key: str) -> str: ...


class Narrowing:
    """Views of the rows of some keys, and tables of those that are derived.

    `word` tells what several narrowings lay out apart; `rows`: what holds the rows of all keys; `is_derived`: tables
    are derived again from accepted rows, not read.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lineage: Lineage, word: str, rows: Rows, *, is_derived: bool = False
    ) -> None:  # fmt: skip
        self.con, self.lineage, self.word, self.rows, self.is_derived = con, lineage, word, rows, is_derived
        self.parts: dict[tuple[str, KeySet], str] = {}

    def name_part(self, unique_id: str, keys: KeySet, word: str = "") -> str:
        words = (word or self.word, *self.lineage.locate(unique_id), keys.name)
        return duck.identifier("temp", "main", "_".join(words))

    def narrow(self, statement: Statement, keys: KeySet) -> str:
        """The statement's SQL over its parents' rows of the keys."""
        return self.replace_parents(
            statement,
            {
                parent: self.find_part(parent, keys)
                for parent in statement.parents
                if self.lineage.is_keyed(parent, keys.column)
            },
        )

    def replace_parents(self, statement: Statement, parts: Mapping[str, str]) -> str:
        """The statement's SQL over other relations in the place of parents; RefreshRefused where it hides one."""
        sql = statement.sql
        for parent, part in parts.items():
            name = duck.identifier(DATABASE, *self.lineage.locate(parent))
            if name not in sql:
                raise RefreshRefused(f"{statement.unique_id} does not read {name} by its whole name")
            sql = sql.replace(name, part)
        return sql

    def find_part(self, unique_id: str, keys: KeySet) -> str:
        """A relation's rows of the keys; of a view a view over smaller parents."""
        slot = (unique_id, keys)
        if slot not in self.parts:
            part, statement = self.name_part(unique_id, keys), self.lineage.statements.get(unique_id)
            is_view = statement is not None and statement.kind == VIEW
            if statement and (is_view or (self.is_derived and self._is_derivable(unique_id))):
                kind = "view" if is_view else "table"
                self.con.execute(f"create temp {kind} {part} as {self.narrow(statement, keys)}")
            else:
                self.con.execute(f"create temp view {part} as {self._select_rows(unique_id, keys)}")
            self.parts[slot] = part
        return self.parts[slot]

    def _is_derivable(self, unique_id: str) -> bool:
        """Whether its rows follow from accepted rows of the keys."""
        rule = self.lineage.rules.get(unique_id)
        return rule is not None and not rule.sums and not rule.compared

    def derive_part(self, statement: Statement, keys: KeySet) -> str:
        """The statement's own rows of the keys, derived."""
        part = self.name_part(statement.unique_id, keys)
        self.con.execute(f"create temp table {part} as {self.narrow(statement, keys)}")
        self.parts[statement.unique_id, keys] = part
        return part

    def _select_rows(self, unique_id: str, keys: KeySet) -> str:
        column, is_gathered = duck.identifier(keys.column), keys.column in self.rows.keys
        rows = self.rows.find(unique_id, keys.column) if is_gathered else self.lineage.relation(unique_id)
        return f"select * from {rows} where {column} in (from {keys.table})"
