"""How a model is derived again where only some of its inputs changed: `meta.rebuild`, beside the model.

A model that says nothing is made whole whenever one of its parents changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError, model_validator


class Take(Enum):
    """Which rows of a parent the rows from a day on are derived of. FROM: those from that day on; MOVED: all, and what
    moved before that day moved on it (a parent of sums, to be added up to a day; no other column holds a later day that
    the table compares with its own); ALL: all."""

    FROM = "from"
    MOVED = "moved"
    ALL = "all"


class DayParent(BaseModel):
    """`day`: the parent's column of days, or of moments; `back`: so many days more; `same`: columns of which every
    day reads the different values, whatever their day."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    day: str
    take: Take = Take.FROM
    back: NonNegativeInt = 0
    same: tuple[str, ...] = ()


class RebuildRule(BaseModel):
    """`by`: the column whose values each row depends on alone: its rows follow from the parents' rows of that value.

    `sums`: the table adds up what the values of `by` give, in these columns; all others say what is added up, and a
    row whose sums are all zero is not there. `of` instead of `by`: `schema.table` of sums, a parent whose rows it adds
    up; it moves by what they moved. A column that no accepted row has can be `by` of a model above: its values are
    touched where sums of theirs moved, or rows that are compared.

    `compared`: small, made whole, and then compared row by row: what differs is touched by `by` in the models above.

    `day`: its column of days; a row of a day follows from what parents have up to that day, as `days` says of each
    (`schema.table`), and from all of the others. The rows from the first day on that can be another are derived again.

    `touched`: `schema.table` (above this one or itself, and with the column `by`) → which of its rows a move of as_of
    touches; `earlier` and `later` are the two as_of; `{}`: none. `moment`: the columns of a table of parameters, or of
    one that is compared, that move with every as_of; who says `touched`, or reads what is compared by its own `by`,
    answers for them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    by: str | None = None
    of: str | None = None
    sums: tuple[str, ...] = ()
    compared: bool = False
    touched: Mapping[str, str] | None = None
    moment: tuple[str, ...] = ()
    day: str | None = None
    days: Mapping[str, DayParent] = {}

    @model_validator(mode="after")
    def _check_parts(self) -> RebuildRule:
        words = (self.by, self.of, self.day, (self.moment and not self.compared) or None)
        if sum(word is not None for word in words) != 1:
            raise ValueError(
                "say `by`, `of`, `day` or `moment`; `moment` beside `by` only of what is compared"
            )
        if (self.day is None) != (not self.days):
            raise ValueError("`day` and `days` belong together")
        if (self.of and not self.sums) or (self.sums and self.by is None and self.of is None):
            raise ValueError("`sums` are by a column or of another table, which has sums too")
        if self.touched is not None and self.by is None and (self.of is None or self.touched):
            raise ValueError("`touched` needs `by`; of sums of sums as_of touches nothing by itself")
        if self.compared and (self.by is None or self.sums or self.touched is not None):
            raise ValueError("what is compared says `by`, neither `sums` nor `touched`")
        return self


def read_rebuild_rule(name: str, meta: Mapping[str, Any]) -> RebuildRule | None:
    """None where the model says nothing; ValueError names a model that says it wrongly."""
    if "rebuild" not in meta:
        return None
    try:
        return RebuildRule.model_validate(meta["rebuild"])
    except ValidationError as error:
        raise ValueError(f"{name}: meta.rebuild: {error}") from None
