"""How a model is derived again where only some of its inputs changed: `meta.rebuild`, beside the model.

A model that says nothing is made whole whenever one of its parents changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class RebuildRule(BaseModel):
    """`by`: the column whose values each row depends on alone: its rows follow from the parents' rows of that value.

    `sums`: the table adds up what the values of `by` give, in these columns; all others say what is added up, and a
    row whose sums are all zero is not there. `touched`: `schema.table` (above this one or itself, and with the column
    `by`) → which of its rows a move of as_of touches; `earlier` and `later` are the two as_of. `moment`: the columns of
    a table of parameters that move with every as_of; who says `touched` answers for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    by: str | None = None
    sums: tuple[str, ...] = ()
    touched: Mapping[str, str] | None = None
    moment: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check_parts(self) -> RebuildRule:
        if (self.by is None) == (not self.moment):
            raise ValueError("say `by`, or `moment`")
        if self.by is None and (self.sums or self.touched is not None):
            raise ValueError("`sums` and `touched` need `by`")
        return self


def read_rebuild_rule(name: str, meta: Mapping[str, Any]) -> RebuildRule | None:
    """None where the model says nothing; ValueError names a model that says it wrongly."""
    if "rebuild" not in meta:
        return None
    try:
        return RebuildRule.model_validate(meta["rebuild"])
    except ValidationError as error:
        raise ValueError(f"{name}: meta.rebuild: {error}") from None
