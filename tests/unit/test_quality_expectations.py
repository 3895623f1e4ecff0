"""Rules that differ only in their columns share one expectation; each keeps its own failing rows."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.quality import expectations
from pipelines.quality.expectations import ExpectationRaised, evaluate_frame, evaluate_frames
from pipelines.quality.suite import Expectation

NULL, NOT_NULL = "expect_column_values_to_be_null", "expect_column_values_to_not_be_null"
BETWEEN, PAIR = "expect_column_values_to_be_between", "expect_column_pair_values_a_to_be_greater_than_b"
FRAME = pd.DataFrame(
    {"a": [1.0, None, 3.0], "b": [None, None, 9.0], "c": [5.0, 5.0, None], "word": ["x", None, "y"]},
    index=[10, 20, 30],
)


def _rule(name: str, kind: str, **kwargs: object) -> Expectation:
    return Expectation(kind, kwargs, "critical", name, "reason", "lý do")


def _failing(*suite: Expectation) -> dict[str, list[int]]:
    return {r.expectation.rule: r.failed.tolist() for r in evaluate_frame(suite, FRAME, "test")}


def test_every_rule_keeps_its_own_failing_rows() -> None:
    pair = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
    assert _failing(
        _rule("a_empty", NULL, column="a"),
        _rule("a_small", BETWEEN, column="a", max_value=2),
        _rule("b_empty", NULL, column="b"),
        _rule("word_empty", NULL, column="word"),
        _rule("a_there", NOT_NULL, column="a"),
        _rule("c_there", NOT_NULL, column="c"),
        _rule("b_small", BETWEEN, column="b", max_value=2),
        _rule("c_tiny", BETWEEN, column="c", max_value=1),
        _rule("a_after_c", PAIR, column_A="a", column_B="c", **pair),
        _rule("c_after_a", PAIR, column_A="c", column_B="a", **pair),
    ) == {
        "a_empty": [10, 30],
        "a_small": [30],
        "b_empty": [30],
        "word_empty": [10, 30],
        "a_there": [20],
        "c_there": [30],
        "b_small": [30],
        "c_tiny": [10, 20],
        "a_after_c": [10],
        "c_after_a": [],
    }


def test_a_frame_too_long_to_stack_is_evaluated_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "STACKED_ROWS", 6)  # two of its columns
    rules = [_rule(f"{column}_empty", NULL, column=column) for column in "abc"]
    assert _failing(*rules) == {"a_empty": [10, 30], "b_empty": [30], "c_empty": [10, 20]}


def test_of_rules_alike_the_one_that_raises_is_named() -> None:
    alike = {"max_value": 2, "min_value": 3}  # no value is at most 2 and at least 3
    with pytest.raises(ExpectationRaised, match="rule first"):
        _failing(_rule("first", BETWEEN, column="a", **alike), _rule("second", BETWEEN, column="b", **alike))


def test_frames_of_different_lengths_are_evaluated_side_by_side() -> None:
    short = pd.DataFrame({"n": [1.0, 7.0]}, index=[5, 4])
    long = pd.DataFrame({"n": [1.0, None, 9.0, 9.0, 1.0], "m": [9.0] * 5}, index=[1, 2, 3, 4, 5])
    few = [_rule("n_small", BETWEEN, column="n", max_value=5), _rule("n_there", NOT_NULL, column="n")]
    many = [*few, _rule("m_small", BETWEEN, column="m", max_value=5)]
    results = evaluate_frames([(few, short), (many, long), (few, long.iloc[:0])], "test")
    assert [{r.expectation.rule: r.failed.tolist() for r in of_part} for of_part in results] == [
        {"n_small": [4], "n_there": []},
        {"n_small": [3, 4], "n_there": [2], "m_small": [1, 2, 3, 4, 5]},
        {"n_small": [], "n_there": []},
    ]


def test_a_rule_that_compares_rows_sees_each_row_once() -> None:
    short = pd.DataFrame({"n": [1.0, 2.0], "m": [3.0, 3.0]}, index=[5, 6])
    long = pd.DataFrame({"n": [1.0, 2.0, 3.0]})
    unique = [_rule(f"{c}_once", "expect_column_values_to_be_unique", column=c) for c in ("n", "m")]
    [of_short, _] = evaluate_frames([(unique, short), ([_rule("there", NOT_NULL, column="n")], long)], "test")
    assert [r.failed.tolist() for r in of_short] == [[], [5, 6]]
