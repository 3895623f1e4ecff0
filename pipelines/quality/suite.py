"""Great Expectations, and nothing else of it: a suite of plain JSON run over one frame.

Imported inside the function: the import costs 7–9 s and 270 MB, which definitions must not pay.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

KEY = "_key"
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


class ExpectationRaised(RuntimeError):
    """An expectation could not be evaluated: an error of ours, never of the data (PLATFORM)."""


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite. `rejects`: a row that fails it is rejected; others warn."""

    type: str
    kwargs: dict[str, Any]
    severity: str
    rule: str
    reason_en: str
    reason_vi: str

    @property
    def rejects(self) -> bool:
        return self.severity == "critical"

    @property
    def columns(self) -> list[str]:
        return [self.kwargs[a] for a in COLUMN_ARGUMENTS if a in self.kwargs]


@dataclass(frozen=True)
class Outcome:
    """The keys of the rows that failed one expectation."""

    expectation: Expectation
    failed: list[int]


def load_suite(path: Path) -> list[Expectation]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [Expectation(e["type"], e["kwargs"], e["severity"], **e["meta"]) for e in content["expectations"]]


def needed_columns(suite: list[Expectation]) -> list[str]:
    return sorted({column for e in suite for column in e.columns})


def run_suite(suite: list[Expectation], frame: pd.DataFrame, name: str) -> list[Outcome]:
    """Evaluate over a frame with `_key` and `needed_columns`; ExpectationRaised where one could not."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    built = gx.ExpectationSuite(name=name)
    for e in suite:
        built.add_expectation(get_expectation_impl(e.type)(**e.kwargs, meta={"rule": e.rule}))
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    definition = batch.add_batch_definition_whole_dataframe("all")
    validated = definition.get_batch(batch_parameters={"dataframe": frame}).validate(
        built,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [KEY],
            "return_unexpected_index_query": False,
        },
    )
    by_rule = {e.rule: e for e in suite}
    outcomes = []
    for result in validated.results:
        said = result.to_json_dict()
        rule = said["expectation_config"]["meta"]["rule"]
        raised = said.get("exception_info") or {}
        if raised.get("raised_exception") or any(
            isinstance(v, dict) and v.get("raised_exception") for v in raised.values()
        ):
            raise ExpectationRaised(
                f"suite {name}, rule {rule}: the expectation could not be evaluated. This is an error "
                f"of the pipeline, not of the data; nothing was accepted. {raised}"
            )
        failed = [entry[KEY] for entry in said["result"].get("unexpected_index_list") or []]
        outcomes.append(Outcome(by_rule[rule], failed))
    return outcomes
