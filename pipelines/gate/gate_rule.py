"""What a mart gives to the gate: `meta.gate` of its YAML, read from dbt's manifest."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.lake.manifest import read_models


class GateFact(BaseModel):
    """One number of a mart. `value`, `weight`: SQL over its rows where `where` holds, as aggregates.

    `fact`: total (only grows), backlog_share (of all, what waits too long), rate or conflict_share (0..1);
    units_silent: a unit that stopped. `scope`: its name. `weight`: how many rows stand behind it; the value itself
    unless it is said.

    With `each` it is one fact per group that `value`, a condition, holds for: `of` names its source, `each` the thing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fact: str
    scope: str = ""
    value: str
    weight: str | None = None
    where: str = "true"
    of: str = ""
    each: str = ""


def read_gate_facts(manifest: Path) -> dict[str, list[GateFact]]:
    """mart → the numbers that it gives; ValueError naming the mart whose meta.gate is wrong."""
    facts: dict[str, list[GateFact]] = {}
    for name, node in read_models(manifest).items():
        try:
            entries = [GateFact(**entry) for entry in node["config"].get("meta", {}).get("gate", [])]
        except (TypeError, ValidationError) as error:
            raise ValueError(f"{name}: meta.gate: {error}") from None
        if entries:
            facts[name] = entries
    return facts
