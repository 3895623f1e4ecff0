"""The compiled SQL of a model over some keys alone: it stays as it is, its parents become smaller ones of its own."""

from __future__ import annotations

from typing import NamedTuple

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


class Narrowing:
    """Temporary tables with the rows of some keys, each laid out once for all who read it.

    `word` tells the tables of several narrowings apart; `is_derived`: tables are derived again from accepted rows, not
    read from the warehouse.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lineage: Lineage, word: str, *, is_derived: bool = False
    ) -> None:
        self.con, self.lineage, self.word, self.is_derived = con, lineage, word, is_derived
        self.parts: dict[tuple[str, KeySet], str] = {}

    def name_part(self, unique_id: str, keys: KeySet, word: str = "") -> str:
        words = (word or self.word, *self.lineage.locate(unique_id), keys.name)
        return duck.identifier("temp", "main", "_".join(words))

    def narrow(self, statement: Statement, keys: KeySet) -> str:
        """The statement's SQL over its parents' rows of the keys."""
        sql = statement.sql
        for parent in statement.parents:
            if self.lineage.is_keyed(parent, keys.column):
                name = duck.identifier(DATABASE, *self.lineage.locate(parent))
                if name not in sql:
                    raise RefreshRefused(f"{statement.unique_id} does not read {name} by its whole name")
                sql = sql.replace(name, self.find_part(parent, keys))
        return sql

    def find_part(self, unique_id: str, keys: KeySet) -> str:
        """A relation's rows of the keys; of a view a view over smaller parents."""
        slot = (unique_id, keys)
        if slot not in self.parts:
            part, statement = self.name_part(unique_id, keys), self.lineage.statements.get(unique_id)
            if statement and (statement.kind == VIEW or self.is_derived):
                kind = "view" if statement.kind == VIEW else "table"
                self.con.execute(f"create temp {kind} {part} as {self.narrow(statement, keys)}")
            else:
                self.con.execute(f"create temp table {part} as from {self._select_rows(unique_id, keys)}")
            self.parts[slot] = part
        return self.parts[slot]

    def derive_part(self, statement: Statement, keys: KeySet) -> str:
        """The statement's own rows of the keys, derived."""
        part = self.name_part(statement.unique_id, keys)
        self.con.execute(f"create temp table {part} as {self.narrow(statement, keys)}")
        self.parts[statement.unique_id, keys] = part
        return part

    def _select_rows(self, unique_id: str, keys: KeySet) -> str:
        return (
            f"{self.lineage.relation(unique_id)} where {duck.identifier(keys.column)} in (from {keys.table})"
        )
