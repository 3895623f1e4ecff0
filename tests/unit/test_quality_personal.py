"""The detectors of docs/domain.md §8 over stored text: what they must find, and what is no personal data."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.privacy.detectors import (
    DETECTORS,
    REMOVED,
    any_detected_sql,
    count_personal_data,
    redacted_sql,
)


def count_detected(text: str) -> dict[tuple[str, str], int]:
    con = duckdb.connect()
    con.execute("create table stored (n bigint, note varchar)")
    con.execute("insert into stored values (123456789012, ?), (1, 'Nghệ An'), (2, null)", [text])
    return count_personal_data(con, "stored")


@pytest.mark.parametrize(
    ("text", "detector"),
    [
        ("CCCD 040085001234", "citizen id"),
        ("CMND 186543210", "9-digit id"),
        ("SĐT: 0912345678", "phone"),
        ("gọi +84912345678", "phone"),
        ("84 trước: 84387654321", "phone"),
        ("nguyen.van.a@nghean.gov.vn", "e-mail"),
    ],
)
def test_personal_data_in_a_text_column_is_found_by_its_detector(text: str, detector: str) -> None:
    assert count_detected(text) == {("note", detector): 1}


@pytest.mark.parametrize(
    "text",
    [
        "20250806160000",  # a time, which holds digits of a phone
        "20250912345678",
        "000.00.01.H26-260930-0012",
        "G09.20-20260609-0092637",
        "H41.033-20250714-0105014",
        "1.012790.000.00.00.H41",
        "16681",
        "310.903 hồ sơ",
    ],
)
def test_codes_times_and_counts_are_no_personal_data(text: str) -> None:
    assert count_detected(text) == {}


def test_what_is_found_is_replaced_and_the_rest_of_the_text_stays() -> None:
    text = "Gọi bà An 0912345678 hoặc an@example.com"
    [(text,)] = duckdb.execute(f"select {redacted_sql('t')} from (select ? as t)", [text]).fetchall()
    assert text == f"Gọi bà An {REMOVED} hoặc {REMOVED}"


def test_a_text_without_personal_data_is_left_as_it_is() -> None:
    [(text,)] = duckdb.execute(f"select {redacted_sql('t')} from (select 'Đất đai' as t)").fetchall()
    assert text == "Đất đai"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Đất đai", "0912345678"), True),
        (("0912345678", "Đất đai"), True),
        ((None, "a@b.vn"), True),
        (("186543210", None), True),
        (("0912", "345678"), False),
        (("186", "543", "210"), False),
        (("20250806160000", "H41.033-20250714-0105014"), False),
        ((None, None), False),
    ],
)
def test_one_match_over_a_row_finds_what_a_match_over_each_text_finds(
    texts: tuple[str | None, ...], expected: bool
) -> None:
    names = [f"t{n}" for n in range(len(texts))]
    columns = ", ".join(f"?::varchar as {name}" for name in names)
    row = duckdb.execute(
        f"select {any_detected_sql(names, DETECTORS)} from (select {columns})", list(texts)
    ).fetchone()
    assert row == (expected,)
