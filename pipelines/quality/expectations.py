"""Great Expectations, and nothing else of it: a suite run over one frame, failing row keys returned.

Imported inside a function: the import costs more than a second and 200 MB, which definitions must not pay.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipelines.quality.deferred_imports import defer_imports
from pipelines.quality.suite import COLUMN_ARGUMENTS, Expectation

# Rows of one frame in which columns stand one below the other.
STACKED_ROWS = 1_000_000
# A stack of no more rows is evaluated side by side with others.
SMALL_ROWS = 20_000
# What is in the name of an expectation that compares rows with each other.
OVER_ROWS = ("unique", "increasing", "decreasing")


# Rules, and the frame they are evaluated over.
Part = tuple[Sequence[Expectation], pd.DataFrame]


class ExpectationRaised(RuntimeError):
    """An expectation could not be evaluated: an error of ours, never of the data."""


@dataclass(frozen=True)
class RuleResult:
    """`failed`: the keys (int64, ascending) of the rows that failed one expectation."""

    expectation: Expectation
    failed: np.ndarray


def pass_every_rule(suite: Sequence[Expectation]) -> list[RuleResult]:
    return [RuleResult(e, np.empty(0, np.int64)) for e in suite]


class Stack(NamedTuple):
    """Rules that differ only in the columns they read, as one `rule` over `columns`, one below the other.

    `keys`: of the frame's rows, which the columns repeat for each of `rules`.
    """

    rules: Sequence[Expectation]
    rule: Expectation
    columns: pd.DataFrame
    keys: np.ndarray


def evaluate_frame(suite: Sequence[Expectation], frame: pd.DataFrame, name: str) -> list[RuleResult]:
    """Evaluate over a frame whose index is the row key, in the suite's order.

    ExpectationRaised where one of them raised: it would be reported as failed with no failing row.
    """
    return evaluate_frames([(suite, frame)], name)[0]


def evaluate_frames(parts: Sequence[Part], name: str) -> list[list[RuleResult]]:
    """`evaluate_frame` of each part. Great Expectations is called once for all that is small: it takes some ten
    milliseconds for each call and a few for each expectation, and more the more there are."""
    stacks = [list(_stack_alike(suite, frame)) for suite, frame in parts]
    small = [stack for of_part in stacks for stack in of_part if len(stack.columns) <= SMALL_ROWS]
    failed = _evaluate_abreast(small, name)
    results = []
    for (suite, frame), of_part in zip(parts, stacks, strict=True):
        own: dict[str, np.ndarray] = {}
        for stack in of_part:
            own |= failed[id(stack)] if id(stack) in failed else _evaluate_stack(stack, frame, name)
        rest = [e for e in suite if e.rule not in own] if len(frame) else []
        if rest:
            own |= _evaluate(rest, frame[sorted({c for e in rest for c in e.columns})], name)
        results.append([RuleResult(e, own[e.rule]) for e in suite] if len(frame) else pass_every_rule(suite))
    return results


def _stack_alike(suite: Sequence[Expectation], frame: pd.DataFrame) -> Iterator[Stack]:
    """As many rules in a stack as one frame can hold; none of rows that are compared with other rows."""
    groups: dict[str, list[Expectation]] = {}
    for expectation in suite if len(frame) else ():
        if "column_list" not in expectation.kwargs and not any(w in expectation.type for w in OVER_ROWS):
            limits = {k: v for k, v in expectation.kwargs.items() if k not in COLUMN_ARGUMENTS}
            types = [frame[column].dtype for column in expectation.columns]
            groups.setdefault(f"{expectation.type} {limits} {types}", []).append(expectation)
    size = max(STACKED_ROWS // max(len(frame), 1), 1)
    for alike in groups.values():
        for at in range(0, len(alike), size):
            rules = alike[at : at + size]
            arguments = [a for a in COLUMN_ARGUMENTS if a in rules[0].kwargs]
            columns = {
                a: pd.concat([frame[e.kwargs[a]] for e in rules], ignore_index=True) for a in arguments
            }
            rule = replace(rules[0], kwargs=rules[0].kwargs | {a: a for a in arguments})
            yield Stack(rules, rule, pd.DataFrame(columns), frame.index.to_numpy())


def _evaluate_stack(stack: Stack, frame: pd.DataFrame, name: str) -> dict[str, np.ndarray]:
    if len(stack.rules) == 1:
        [rule] = stack.rules
        return _evaluate([rule], frame[sorted(set(rule.columns))], name)
    try:
        [failed] = _evaluate([stack.rule], stack.columns, name).values()
    except ExpectationRaised:
        return {}  # evaluated each by itself, the one that raises is named
    return _list_failed_keys(stack, failed)


def _evaluate_abreast(stacks: Sequence[Stack], name: str) -> dict[int, dict[str, np.ndarray]]:
    """By the id of each stack. Side by side in one frame, where a shorter one begins again below its end."""
    if len(stacks) < 2:
        return {}
    longest = max(len(stack.columns) for stack in stacks)
    columns: dict[str, pd.Series[Any]] = {}
    rules = []
    for number, stack in enumerate(stacks):
        repeated = stack.columns.take(np.resize(np.arange(len(stack.columns)), longest))
        columns |= {f"{number} {a}": series.reset_index(drop=True) for a, series in repeated.items()}
        own = {str(argument): f"{number} {argument}" for argument in stack.columns}
        rules.append(replace(stack.rule, kwargs=stack.rule.kwargs | own, rule=str(number)))
    try:
        failed = _evaluate(rules, pd.DataFrame(columns), name)
    except ExpectationRaised:
        return {}
    return {id(stack): _list_failed_keys(stack, failed[str(n)]) for n, stack in enumerate(stacks)}


def _list_failed_keys(stack: Stack, failed: np.ndarray) -> dict[str, np.ndarray]:
    """Rule → keys, of rows of the stack; what lies below its end is a repetition."""
    rule, row = np.divmod(failed[failed < len(stack.columns)], len(stack.keys))
    return {e.rule: np.sort(stack.keys[row[rule == n]]) for n, e in enumerate(stack.rules)}


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
    """Without what only its plots, pages and tests of distributions use: half of the price, and of the memory."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with defer_imports("altair", "scipy.stats", "mistune", "jsonschema"):
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
