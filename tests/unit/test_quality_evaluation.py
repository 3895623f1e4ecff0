"""Distinct values go to Great Expectations; what fails is found again among the rows."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.quality.evaluation import evaluate_suite, group_rules, is_blind_to_digits
from pipelines.quality.suite import Expectation

MATCH = "expect_column_values_to_match_regex"


def matches(regex: str) -> Expectation:
    return Expectation(MATCH, {"column": "code", "regex": regex}, "warning", "malformed", "reason", "lý do")


@pytest.mark.parametrize(
    ("regex", "is_blind"),
    [
        (r"^\d\.\d{6}(?:\.000)?$", False),
        (r"^\d\.\d{6}$", True),
        (r"^[0-9A-Z]{3}\.[A-Z]\d{2}-\d{4,}$", True),
        (r"^[1-9]\d*$", False),
        (r"^(a)\1$", False),
        (r"^[A-Z]+$", True),
    ],
)
def test_a_pattern_that_tells_digits_apart_gets_them(regex: str, is_blind: bool) -> None:
    assert is_blind_to_digits(matches(regex)) is is_blind


@pytest.mark.parametrize("regex", [r"^[A-Z]\d{2}-\d{3}$", r"^[A-Z][0-4]\d-\d{3}$"])
def test_every_row_of_a_shape_that_fails_is_found(regex: str) -> None:
    codes = ["H41-001", "H41-017", "H41-17", "h41-001", "H41-99", None, "H41-001", "K59-12"]
    with duckdb.connect() as con:
        con.execute("create table t as select unnest($1) as code, unnest(range(8)) as _key", [codes])
        [result] = evaluate_suite(con, [matches(regex)], "t", "test")
    assert result.failed.tolist() == [2, 3, 4, 7]


def test_what_no_row_can_fail_is_asked_of_the_doubtful_alone() -> None:
    null = "expect_column_values_to_be_null"
    rules = [
        Expectation(null, {"column": column}, "warning", column, "reason", "lý do")
        for column in ("a", "b", "c")
    ]
    with duckdb.connect() as con:
        con.execute("""
            create table t as select _key, doubt, doubt.a as a, doubt.b as b, c
            from (values (0, null, 'x'), (1, {'a': '?', 'b': null}, null), (2, {'a': '?', 'b': '!'}, 'x'),
                (3, null, null)) as v(_key, doubt, c)
        """)
        frames = group_rules(rules, {}, {"a", "b"}, "doubt")
        results = evaluate_suite(con, rules, "t", "test", frames)
    assert [r.failed.tolist() for r in results] == [[1, 2], [2], [0, 2]]
