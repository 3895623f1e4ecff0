"""The detectors of docs/domain.md §8 over stored text: what they must find, and what is no personal data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from pipelines import duck
from pipelines.landing.batches import PLACE
from pipelines.privacy.detectors import (
    CODES,
    FREE_TEXT,
    REMOVED,
    VALUES,
    Scan,
    any_candidate_sql,
    count_personal_data,
    redacted_each_sql,
    redacted_sql,
    register_detectors,
)
from pipelines.privacy.redaction import find_personal_data, redact_text


def select_one(sql: str, *texts: str | None) -> object:
    row = register_detectors(duckdb.connect()).execute(sql, list(texts)).fetchone()
    assert row is not None
    return row[0]


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
    text = select_one(
        f"select {redacted_sql('t')} from (select ? as t)", "Gọi bà An 0912345678 hoặc an@example.com"
    )
    assert text == f"Gọi bà An {REMOVED} hoặc {REMOVED}"


@pytest.mark.parametrize("scan", [FREE_TEXT, CODES, VALUES])
@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("SĐT: 0912.345.678", None),
        ("an@example.com", True),
        ("06/08/2025 16:00:00", False),
        ("31/02/2025", False),
    ],
)
def test_a_text_is_replaced_alike_without_the_pattern_that_most_pass(
    text: str, is_found: bool | None, scan: Scan
) -> None:
    """In a code digits in groups count only where they are the whole of it."""
    is_replaced = scan is not CODES if is_found is None else is_found
    for sql in (redacted_sql("t", scan), redacted_each_sql("t", scan)):
        assert (REMOVED in str(select_one(f"select {sql} from (select ? as t)", text))) is is_replaced, sql


def test_a_text_without_personal_data_is_left_as_it_is() -> None:
    assert select_one(f"select {redacted_sql('t')} from (select ? as t)", "Đất đai") == "Đất đai"


@pytest.mark.parametrize(
    ("texts", "scan", "expected"),
    [
        (("Đất đai", "0912345678"), FREE_TEXT, True),
        (("0912 345 678", "Đất đai"), FREE_TEXT, True),
        ((None, "a@b.vn"), FREE_TEXT, True),
        (("186543210", None), FREE_TEXT, True),
        (("0912", "345678"), FREE_TEXT, False),
        (("186", "543", "210"), FREE_TEXT, False),
        ((None, None), FREE_TEXT, False),
        (("H41.033-20250714-0105014", "000.00.01.H26-260930-0012"), CODES, False),
        (("NV-2025-0012", "0912.345.678"), CODES, True),
        (("2025-08-06 16:00:00", "06/08/2025"), VALUES, False),
        (("06/08/2025 16:00:00", "gặp ông An 0912 345 678"), VALUES, True),
    ],
)
def test_one_match_over_a_row_finds_what_a_match_over_each_text_finds(
    texts: tuple[str | None, ...], scan: Scan, expected: bool
) -> None:
    names = [f"t{n}" for n in range(len(texts))]
    columns = ", ".join(f"?::varchar as {name}" for name in names)
    assert select_one(f"select {any_candidate_sql(names, scan)} from (select {columns})", *texts) is expected


@pytest.mark.parametrize("code", ["0912345678", "0912.345.678", "001203004567", "001 203 004 567", "a@b.vn"])
def test_a_key_that_is_somebodys_number_does_not_come_to_rest(code: str) -> None:
    assert select_one(f"select {redacted_sql('t', CODES)} from (select ? as t)", code) == REMOVED


@pytest.mark.parametrize(
    "code",
    ["H41.12-250805-0012", "000.00.01.H26-260930-0012", "G09.20-20260609-0092637", "1.012790.000.00.00.H41",
     "H15.50.05.13-261008-0975", "250805000012", "123456789", "NV-2025-0012", "20250806160000", "0000012345"],
)  # fmt: skip
def test_a_code_stays_what_it_is(code: str) -> None:
    assert select_one(f"select {redacted_sql('t', CODES)} from (select ? as t)", code) == code


def test_a_moment_in_fourteen_digits_holds_nothing_and_is_not_looked_at() -> None:
    def is_candidate(text: str) -> object:
        return select_one(f"select {any_candidate_sql([duck.literal(text)], VALUES)}")

    moment = datetime(1900, 1, 1)
    while moment < datetime(2099, 9, 1):
        assert find_personal_data(f"{moment:%Y%m%d%H%M%S}") == []
        moment += timedelta(days=97, hours=5, minutes=7, seconds=11)
    for at in (moment, datetime(1900, 1, 1), datetime(2025, 8, 6, 16)):
        assert is_candidate(f"{at:%Y%m%d%H%M%S}") is False
    for text in ("040085001234", "20250806160000 0912345678", "20251306160000", "0912345678"):
        assert is_candidate(text) is True


def test_the_id_of_a_batch_is_nobodys_number_whenever_it_landed() -> None:
    """Of every minute of a day: the twelve digits after the T have a citizen's structure in some of them."""
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    ids = [
        f"{moment + timedelta(minutes=minute, microseconds=61_001 * minute):{PLACE}}-{minute * 2_983_109 % 16**8:08x}"
        for minute in range(24 * 60)
    ]
    texts = [*ids, *(f"task_tracker 2026-11-30: batch {batch} no longer matches" for batch in ids)]
    assert [text for text in texts if redact_text(text) != text] == []
    assert REMOVED in redact_text("T082053123456Z"), "digits glued to letters are still looked at"
