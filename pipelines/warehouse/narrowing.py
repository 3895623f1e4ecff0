"""The compiled SQL of a model over some keys alone: it stays as it is, its parents become smaller ones of its own."""

from __future__ import annotations

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.statements import DATABASE, VIEW, Statement


class RefreshRefused(RuntimeError):
    """The build cannot be derived from the one before; the text says why. A full one can be made."""


class Narrowing:
    """Temporary tables with the rows of some keys, each laid out once for all who read it.

    `word` tells the tables of several narrowings apart; `is_derived`: tables are derived again from accepted rows, not
    read from the warehouse. The keys stand in the table `keys_of(key)`.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lineage: Lineage, word: str, keys_word: str, *, is_derived: bool = False
    ) -> None:  # fmt: skip
        self.con, self.lineage, self.word, self.keys_word = con, lineage, word, keys_word
        self.is_derived = is_derived
        self.parts: dict[tuple[str, str], str] = {}

    def keys_of(self, key: str) -> str:
        return duck.identifier("temp", "main", f"{self.keys_word}_{key}")

    def name_part(self, unique_id: str, word: str = "") -> str:
        return duck.identifier("temp", "main", "_".join((word or self.word, *self.lineage.locate(unique_id))))

    def narrow(self, statement: Statement, key: str) -> str:
        """The statement's SQL over its parents' rows of the keys."""
        sql = statement.sql
        for parent in statement.parents:
            if self.lineage.is_keyed(parent, key):
                name = duck.identifier(DATABASE, *self.lineage.locate(parent))
                if name not in sql:
                    raise RefreshRefused(f"{statement.unique_id} does not read {name} by its whole name")
                sql = sql.replace(name, self.find_part(parent, key))
        return sql

    def find_part(self, unique_id: str, key: str) -> str:
        """A relation's rows of the keys; of a view a view over smaller parents."""
        slot = (unique_id, key)
        if slot not in self.parts:
            part, statement = self.name_part(unique_id), self.lineage.statements.get(unique_id)
            if statement and (statement.kind == VIEW or self.is_derived):
                kind = "view" if statement.kind == VIEW else "table"
                self.con.execute(f"create temp {kind} {part} as {self.narrow(statement, key)}")
            else:
                self.con.execute(f"create temp table {part} as from {self._select_rows(unique_id, key)}")
            self.parts[slot] = part
        return self.parts[slot]

    def derive_part(self, statement: Statement, key: str) -> str:
        """The statement's own rows of the keys, derived."""
        part = self.name_part(statement.unique_id)
        self.con.execute(f"create temp table {part} as {self.narrow(statement, key)}")
        self.parts[statement.unique_id, key] = part
        return part

    def _select_rows(self, unique_id: str, key: str) -> str:
        return (
            f"{self.lineage.relation(unique_id)} where {duck.identifier(key)} in (from {self.keys_of(key)})"
        )
