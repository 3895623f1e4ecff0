"""How a mart's change is explained: `meta.explain` of the mart, read from dbt's manifest.

What is SQL there is SQL over the mart; `$as_of` is the release's moment, and a table named under `reads`
goes by its own name without its schema. What a row of a log proves stands in the canon (`evidence`).
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Flip(BaseModel):
    """What moved where an item stays in its unit and only its numerator changes.

    `field`: the word for it. `unless_changed`: a column of the mart; where that changed too, it is the field.
    `is_recorded`: the field comes by an event of its own, so that one of the period is new, no correction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    field: str
    unless_changed: str | None = None
    is_recorded: bool = False


class RateRule(BaseModel):
    """`counts`: whether an item is in the numerator (NULL: not in the rate); `among`: the denominator.

    `within`: the metric of a wider numerator; an item that moved there moved here for the same reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    metric: str
    counts: str
    flip: Flip
    among: str = "true"
    within: str | None = None


class ExplainRule(BaseModel):
    """The rates that a mart's rows add up to. One row is one `item` of `unit` in each `period` it counts in.

    `begins`: when an item began to count; `moment`: up to when it is counted (NULL: a snapshot has no such).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    mart: str
    source: str
    item: str
    unit: str
    period: str
    rates: list[RateRule] = Field(min_length=1)
    reads: list[str] = []
    among: str = "true"
    begins: str = "null"
    moment: str = "$as_of"

    @property
    def entry_field(self) -> str | None:
        """The word for what moved where a correction makes an item count, or no longer."""
        return None if self.begins == "null" else self.begins

    @property
    def tables(self) -> set[str]:
        """What a release must hold so that the rule can be counted."""
        return {self.mart, *self.reads, "audit.batches", "audit.rejections"}


def read_explain_rules(models: dict[str, dict[str, Any]]) -> list[ExplainRule]:
    """Of every mart that has them, by the mart's name; ValueError names the mart that says too little."""
    rules = []
    for name, node in sorted(models.items()):
        explain = node["config"].get("meta", {}).get("explain")
        if explain is None:
            continue
        try:
            rules.append(ExplainRule.model_validate({**explain, "mart": name}))
        except ValidationError as error:
            raise ValueError(f"{name}: meta.explain: {error}") from None
    return rules


def list_metrics(models: dict[str, dict[str, Any]]) -> list[str]:
    """Every explained metric, in the order of the marts and of the rates in each."""
    return list(dict.fromkeys(rate.metric for rule in read_explain_rules(models) for rate in rule.rates))
