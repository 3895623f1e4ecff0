"""What the last screen of a run says of values that broke a rule: the cause, and the setting that would read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from pipelines.privacy.redaction import REMOVED
from pipelines.quality.hints import describe_hint, describe_signs, find_hint
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.source import Source

FORMATS: dict[str, tuple[str, ...]] = {"datetime_formats": ("%d/%m/%Y %H:%M",), "date_formats": ()}
SOURCE = cast(Source, SimpleNamespace(name="s", number_format="vi", columns=(), **FORMATS))
UNTOLD = cast(Source, SimpleNamespace(name="s", datetime_formats=(), date_formats=()))
MOMENT, DAY = Column(name="at", type="timestamp"), Column(name="day", type="date")
WORD = Column(name="status", value_map={"Đã tháo gỡ": "resolved", "Mới": "new"})
FRACTION = Column(name="progress", type="percent", percent_scale="fraction")
NUMBER, SHARE = Column(name="points", type="decimal"), Column(name="progress", type="percent")


@pytest.mark.parametrize(
    ("column", "rule", "texts", "words"),
    [
        (
            MOMENT,
            "at_unparseable",
            ["06/08/2025 4:05:00 CH"],
            ["'%d/%m/%Y %I:%M:%S %p'", "SA and CH stand for AM and PM"],
        ),
        (
            MOMENT,
            "at_unparseable",
            ["2025-07-28T08:00:00+07:00"],
            ["'%Y-%m-%dT%H:%M:%S%z' of `datetime_formats`"],
        ),
        (MOMENT, "at_unparseable", ["1754447400"], ["'epoch'", "seconds since 1970"]),
        (
            DAY,
            "day_unparseable",
            ["13/08/2025", "31/07/2025"],
            ["'%d/%m/%Y' of `date_formats` would read it"],
        ),
        (DAY, "day_unparseable", ["05/08/2025"], ["'%d/%m/%Y' of `date_formats` would read it"]),
        (DAY, "day_unparseable", ["45968", "45875.5"], ["a spreadsheet's number of a day"]),
        (DAY, "day_unparseable", ["#REF!", "#N/A"], ["an error of a spreadsheet's formula"]),
        (WORD, "status_unknown", ["ĐÃ THÁO GỠ"], ["the map has 'Đã tháo gỡ'", "letter by letter"]),
        (WORD, "status_unknown", ["\u00d0ã tháo gỡ"], ["U+00D0", "looks like Đ"]),
        (
            WORD,
            "status_unknown",
            ["Đã tháo gỡ".encode().decode("latin-1")],
            ["UTF-8 was read as another encoding"],
        ),
        (Column(name="code"), "code_misshapen", ["V\u039c-001"], ["U+039C", "looks like M"]),
        (NUMBER, "points_unparseable", ["10.84"], ["`number_format: en`", "s has vi"]),
        (FRACTION, "progress_out_of_range", ["72"], ["`percent_scale: fraction`", "say `whole`"]),
        (NUMBER, "points_unparseable", ["11 000"], ["grouped by blanks"]),
        (NUMBER, "points_unparseable", ["11\u2009000"], ["U+2009"]),
    ],
)
def test_the_cause_of_a_value_is_named(column: Column, rule: str, texts: list[str], words: list[str]) -> None:
    hint = find_hint(SOURCE, column, rule, texts)
    assert [word for word in words if word not in hint] == []


@pytest.mark.parametrize(
    ("column", "rule", "texts"),
    [
        (MOMENT, "at_unparseable", ["hôm qua"]),
        (DAY, "day_unparseable", ["31/02/2025"]),
        (WORD, "status_unknown", ["Treo"]),
        (NUMBER, "points_unparseable", ["rất tốt"]),
        # What was read and breaks another rule is not written wrongly.
        (NUMBER, "points_out_of_range", ["720.5"]),
        (SHARE, "progress_out_of_range", ["720"]),
        (MOMENT, "resolved_before_reported", ["2025-07-01 01:00:00"]),
        (NUMBER, "points_unparseable", ["100"]),
        (Column(name="code"), "code_misshapen", ["=1+1"]),
        # What was asked is something else than how it is written.
        (Column(name="note"), "personal_data_in_text", ["Ông X\u00e3 \u00d0\u1ed3ng"]),
        (Column(name="note"), "personal_data_in_text", ["Tá»‰nh Nghá»‡ An"]),
        (WORD, "status_move_unexpected", ["\u00d0ã tháo gỡ"]),
        (Column(name="code"), "state_repeated", ["V\u039c-001"]),
    ],
)
def test_where_nothing_is_known_nothing_is_said(column: Column, rule: str, texts: list[str]) -> None:
    assert find_hint(SOURCE, column, rule, texts) == ""


def test_two_formats_that_would_read_it_are_both_named() -> None:
    hint = find_hint(UNTOLD, DAY, "day_unparseable", ["05/08/2025"])
    assert "'%d/%m/%Y'" in hint and "'%m/%d/%Y'" in hint and "only the owner knows" in hint


def test_only_values_of_one_of_the_sources_columns_are_explained() -> None:
    sample = {"row": 1, "key": "", "column": "day", "value": "45968"}
    source = cast(Source, SimpleNamespace(name="s", number_format="vi", columns=(DAY,), **FORMATS))
    assert describe_hint(source, {"rule": "day_unparseable", "samples": [sample]}).startswith(
        ": a spreadsheet"
    )
    assert describe_hint(source, {"rule": "day_unparseable", "samples": [sample | {"value": None}]}) == ""
    assert describe_hint(source, {"rule": "r", "samples": [sample | {"column": "other"}]}) == ""
    assert describe_hint(source, {"rule": "r"}) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("X\u00e3 \u00d0\u1ed3ng", ": U+00D0 LATIN CAPITAL LETTER ETH (looks like Đ)"),
        ("Tá»‰nh Nghá»‡ An", ""),
        (f"Thu hồi (lô {REMOVED})", ""),
        ("H\ufffd s\u01a1", ""),
        ("Chuyện lạ", ""),
    ],
)
def test_signs_are_named_only_where_they_look_like_right_ones(value: str, words: str) -> None:
    samples = [{"value": None}, {"value": value}]
    assert describe_signs({"rule": "unit_code_unlisted", "samples": samples}) == words
    assert describe_signs({"rule": "status_move_unexpected", "samples": samples}) == ""


@pytest.mark.parametrize("kind", ["expect_column_values_to_match_regex", "expect_column_values_to_be_in_set"])
def test_a_rule_of_a_place_over_a_pattern_or_a_list_asks_how_a_value_is_written(kind: str) -> None:
    assert "U+039C" in find_hint(SOURCE, Column(name="code"), "our_own_codes", ["V\u039c-001"], kind)
    assert find_hint(SOURCE, Column(name="code"), "our_own_codes", ["V\u039c-001"]) == ""


def test_what_was_removed_is_no_hint() -> None:
    assert find_hint(SOURCE, WORD, "personal_data_in_text", [f"Thu hồi (lô {REMOVED})"]) == ""
