"""What a row of a mart counts: `meta.trace` of the mart, read from dbt's manifest.

`condition` is SQL over `relation`; `$name` in it is a value of the mart's row. A mart that counts no items
says `none` and why; it is traced to its sources through the models between.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class TraceRule(BaseModel):
    """`items`: column of `relation` that names them, also in the landed rows of `source`.

    `counts`: the column of the mart's row that says how many there are, where there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str
    relation: str
    items: str
    condition: str
    counts: str | None = None


def read_trace_rule(name: str, meta: dict[str, Any]) -> TraceRule | None:
    """The rule of mart `name`; None where it counts no items. ValueError where it says neither."""
    trace = meta.get("trace")
    if not isinstance(trace, dict):
        raise ValueError(f"{name} has no meta.trace: say what a row counts, or `none` and why")
    if set(trace) == {"none"} and trace["none"]:
        return None
    try:
        return TraceRule.model_validate(trace)
    except ValidationError as error:
        raise ValueError(f"{name}: meta.trace: {error}") from None
