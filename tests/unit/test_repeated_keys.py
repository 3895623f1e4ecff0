"""What is said of keys that a list names twice, and of those that are only written alike."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.landing.repeated_keys import describe_repetition, find_repetition
from tests.support.api import issues


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["A-1", "A-1"], "1 key stands in this list more than once, 1 row too many: 'A-1'"),
        (
            ["A-1", "a-1."],
            "1 key stands in this list more than once if case, blanks and signs at the end do not count, "
            "1 row too many: 'A-1' and 'a-1.'",
        ),
    ],
)
def test_keys_that_are_only_alike_are_not_called_the_same(keys: list[str], message: str) -> None:
    con = duckdb.connect()
    con.execute("create table batch as select unnest(?) as issue_code", [keys])
    repetition = find_repetition(con, issues("https://api.example/x", personal={}), "batch")
    assert repetition is not None
    assert (
        describe_repetition(repetition._replace(examples=[sorted(repetition.examples[0])]), [[]]) == message
    )
