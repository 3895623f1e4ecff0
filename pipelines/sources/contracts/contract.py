"""Contracts: what each source is, column by column. One fact one home.

`sources.yaml` over the canon (`expectations/`) → frozen models. Here: columns, words, personal-data classes,
thresholds, freshness. Not here: rules (the suites in `expectations/`) and pulling (the connectors).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, model_validator

from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.completion import complete_contracts
from pipelines.sources.contracts.contract_file import ContractError, read_contracts
from pipelines.sources.contracts.gate import GateLimit, list_gate_rules
from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.options.frozen import Frozen
from pipelines.sources.contracts.place import Place
from pipelines.sources.contracts.problems import MOST_PROBLEMS, collect_problems
from pipelines.sources.contracts.reference_table import ReferenceTable
from pipelines.sources.contracts.source import Source, add_identity

__all__ = ["Column", "ContractError", "Contracts", "Place", "ReferenceTable", "Source", "load_contracts"]


class Contracts(Frozen):
    """The whole of sources.yaml."""

    place: Place
    first_day: date = Field(description="The first day that is pulled.")
    last_day: date | None = Field(None, description="The last day that is pulled; without it, yesterday.")
    is_demo: bool = False
    sources: dict[str, Source]
    reference: dict[str, ReferenceTable]
    gate: dict[str, GateLimit] = Field(
        default_factory=dict,
        description="Rule over a release (expectations/release.json) → this place's own threshold.",
    )

    @model_validator(mode="after")
    def _existing_rules(self) -> Contracts:
        rules = list_gate_rules()
        for name, own in self.gate.items():
            if name not in rules:
                raise ValueError(
                    f"`gate`: `{name}` is no rule over a release{suggest_nearest(name, [*rules])}"
                )
            if own.limit is not None and not rules[name]:
                raise ValueError(
                    f"`gate`: `{name}` compares with a list, so it has no `limit`; set `severity`"
                )
        return self

    @model_validator(mode="after")
    def _needed_tables(self) -> Contracts:
        canon = read_canon()
        for name, table in canon.reference.items():
            if table.required and name not in self.reference:
                raise ValueError(f"`reference` has no `{name}`, which every place needs")
        if not self.sources:
            raise ValueError(f"`sources` is empty; any one of {', '.join(canon.sources)} will do")
        return self

    def accepted_columns(self) -> dict[str, dict[str, str]]:
        """source → its accepted columns, also for the canonical sources that this place does not have."""
        absent = {
            name: add_identity({c.name: c.sql_type for c in source.column_models})
            for name, source in read_canon().sources.items()
        }
        return absent | {name: source.accepted_columns() for name, source in self.sources.items()}

    def reference_columns(self) -> dict[str, dict[str, str]]:
        """reference table → column → DuckDB type, also for the tables that this place does not have."""
        return {
            name: {c.name: c.sql_type for c in table.column_models}
            for name, table in read_canon().reference.items()
        }


def load_contracts(path: Path) -> Contracts:
    """ContractError with every fault: file, line, key and nearest valid name."""
    file = read_contracts(path)
    misfits = complete_contracts(file.content, path.resolve().parent)
    if len(misfits) == MOST_PROBLEMS:
        raise file.refuse(misfits)
    contracts, faults = collect_problems(Contracts, file.content)
    if contracts is None or misfits:
        raise file.refuse([*misfits, *faults])
    return contracts
