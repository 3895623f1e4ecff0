"""Great Expectations, and nothing else of it: a suite run over one frame, failing row keys returned.

Imported inside a function: the import costs more than a second and 200 MB, which definitions must not pay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from pipelines.quality.deferred_imports import defer_imports
from pipelines.quality.suite import COLUMN_ARGUMENTS, Expectation

# Rows of one frame in which columns stand one below the other.
STACKED_ROWS = 1_000_000


class ExpectationRaised(RuntimeError):
    """An expectation could not be evaluated: an error of ours, never of the data."""


@dataclass(frozen=True)
class RuleResult:
    """`failed`: the keys (int64, ascending) of the rows that failed one expectation."""

    expectation: Expectation
    failed: np.ndarray


def pass_every_rule(suite: Sequence[Expectation]) -> list[RuleResult]:
    return [RuleResult(e, np.empty(0, np.int64)) for e in suite]


def evaluate_frame(suite: Sequence[Expectation], frame: pd.DataFrame, name: str) -> list[RuleResult]:
    """Evaluate over a frame whose index is the row key, in the suite's order.

    ExpectationRaised where one of them raised: it would be reported as failed with no failing row.
    """
    if not len(frame) or not suite:
        return pass_every_rule(suite)
    failed: dict[str, np.ndarray] = {}
    for rules in _group_alike(suite, frame):
        failed |= _evaluate_alike(rules, frame, name) if len(rules) > 1 else {}
    rest = [e for e in suite if e.rule not in failed]
    if rest:
        failed |= _evaluate(rest, frame[sorted({c for e in rest for c in e.columns})], name)
    return [RuleResult(e, failed[e.rule]) for e in suite]


def _group_alike(suite: Sequence[Expectation], frame: pd.DataFrame) -> list[list[Expectation]]:
    """Rules that differ only in the columns they read, as many in a group as one frame can stack."""
    groups: dict[str, list[Expectation]] = {}
    for expectation in suite:
        if "column_list" not in expectation.kwargs:
            limits = {k: v for k, v in expectation.kwargs.items() if k not in COLUMN_ARGUMENTS}
            types = [frame[column].dtype for column in expectation.columns]
            groups.setdefault(f"{expectation.type} {limits} {types}", []).append(expectation)
    size = max(STACKED_ROWS // len(frame), 1)
    return [rules[at : at + size] for rules in groups.values() for at in range(0, len(rules), size)]


def _evaluate_alike(rules: list[Expectation], frame: pd.DataFrame, name: str) -> dict[str, np.ndarray]:
    """One expectation over the columns of all, one below the other.

    Great Expectations takes some ten milliseconds for each expectation, and more the more there are.
    """
    arguments = [a for a in COLUMN_ARGUMENTS if a in rules[0].kwargs]
    columns = {a: pd.concat([frame[e.kwargs[a]] for e in rules], ignore_index=True) for a in arguments}
    stack = replace(rules[0], kwargs=rules[0].kwargs | {a: a for a in arguments})
    try:
        [failed] = _evaluate([stack], pd.DataFrame(columns), name).values()
    except ExpectationRaised:
        return {}  # evaluated each by itself, the one that raises is named
    keys = frame.index.to_numpy()
    rule, row = np.divmod(failed, len(frame))
    return {e.rule: np.sort(keys[row[rule == n]]) for n, e in enumerate(rules)}


def _evaluate(suite: Sequence[Expectation], frame: pd.DataFrame, name: str) -> dict[str, np.ndarray]:
    gx = _import_great_expectations()
    from great_expectations.expectations.registry import get_expectation_impl

    definition = _open_definition()
    built = gx.ExpectationSuite(name=name)
    for expectation in suite:
        rule = expectation.rule
        try:
            implementation = get_expectation_impl(expectation.type)
            check = implementation(**expectation.kwargs, severity=expectation.severity, meta={"rule": rule})
        except Exception as error:
            raise _raised(name, rule, f"{type(error).__name__}: {error}") from error
        built.add_expectation(check)
    validated = definition.get_batch(batch_parameters={"dataframe": frame}).validate(
        built, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False}
    )
    return dict(_failing_rows(name, result) for result in validated.results)


def _import_great_expectations() -> ModuleType:
    """Without what only its plots and its tests of distributions use: half of the price, and of the memory."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with defer_imports("altair", "scipy.stats"):
        import great_expectations

    return great_expectations


@cache
def _open_definition() -> Any:
    """Great Expectations' "batch definition" for any frame: setting one up costs as much as evaluating a frame."""
    gx = _import_great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")


def _failing_rows(name: str, result: Any) -> tuple[str, np.ndarray]:
    rule = result.expectation_config.meta["rule"]
    info = result.exception_info or {}
    for info_part in (info, *(v for v in info.values() if isinstance(v, dict))):
        if info_part.get("raised_exception"):
            raise _raised(name, rule, info_part.get("exception_message"))
    failed = result.result.get("unexpected_index_list") or []
    if len(failed) != (result.result.get("unexpected_count") or 0):
        raise _raised(name, rule, "failing rows were counted but not named")
    return rule, np.sort(np.asarray(failed, dtype=np.int64))


def _raised(name: str, rule: str, what: object) -> ExpectationRaised:
    return ExpectationRaised(
        f"suite {name}, rule {rule}: the expectation could not be evaluated ({what}). "
        f"This is an error of the pipeline or its suite, not of the data; nothing was accepted."
    )
