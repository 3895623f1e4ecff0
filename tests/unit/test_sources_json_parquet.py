"""JSON, NDJSON and Parquet exports: exact digits, clear refusals, the same rows in any format."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.files import connector as files
from tests.unit.files_support import DAY, landed, pairs, put, rows, source

RECORDS = [{"Mã": "007", "Nội dung": "Nghê\u0323 An\u00a0"}, {"Nội dung": None, "Mã": 8}]
READ = [("007", "Nghệ An"), ("8", None)]


def json_source(form: str = "json", **changes: object) -> Source:
    return source(**{"path": "{data}/in/{partition}.json", "format": form, "delimiter": None} | changes)  # type: ignore[arg-type]


def test_a_plain_list_is_read(settings: Settings) -> None:
    put(settings, "2025-08-06.json", json.dumps(RECORDS).encode())
    assert pairs(settings, json_source()) == READ


def test_one_document_with_records_and_what_it_says_once(settings: Settings) -> None:
    put(settings, "2025-08-06.json", json.dumps({"at": "2025-08-06", "data": {"rows": RECORDS}}).encode())
    one = json_source(
        records="data.rows",
        page_constants={"at": "at"},
        columns=({"name": "code", "raw": "Mã"}, {"name": "at", "raw": "at"}),
    )
    assert [tuple(row.values()) for row in rows(settings, one)] == [
        ("007", "2025-08-06"), ("8", "2025-08-06"),
    ]  # fmt: skip


def test_a_folder_of_pages_is_one_batch_and_an_empty_page_is_no_harm(settings: Settings) -> None:
    for number, page in enumerate([RECORDS[:1], [], RECORDS[1:]], 1):
        put(settings, f"2025-08-06/page_{number}.json", json.dumps({"rows": page}).encode())
    one = json_source(path="{data}/in/{partition}", records="rows")
    assert pairs(settings, one) == READ
    assert landed(settings, one).origin.count("sha256:") == 3


def test_one_object_per_line(settings: Settings) -> None:
    lines = "\r\n".join(json.dumps(record, ensure_ascii=False) for record in RECORDS)
    put(settings, "2025-08-06.json", ("\ufeff" + lines + "\n\n").encode())
    assert pairs(settings, json_source("ndjson")) == READ


def test_a_key_that_only_a_late_line_has_is_found(settings: Settings) -> None:
    lines = [json.dumps({"Mã": str(number)}) for number in range(30_000)] + [
        json.dumps({"Mã": "x", "Nội dung": "y"})
    ]
    put(settings, "2025-08-06.json", "\n".join(lines).encode())
    assert pairs(settings, json_source("ndjson"))[-1] == ("x", "y")


def test_digits_stay_as_written_and_a_fraction_is_no_thousand(settings: Settings) -> None:
    text = '[{"Mã": 123456789012345678901234567890, "a": 1.234, "b": 1.0, "c": 1.10, "d": true}]'
    put(settings, "2025-08-06.json", text.encode())
    columns = ({"name": "code", "raw": "Mã"}, *({"name": number, "type": t} for number, t in
               [("a", "integer"), ("b", "integer"), ("c", "text"), ("d", "boolean")]))  # fmt: skip
    row = rows(settings, json_source(columns=columns))[0]
    assert list(row.values()) == ["123456789012345678901234567890", "1,234", "1", "1.10", "true"]


def test_nested_values_are_named_by_a_path_or_kept_as_json(settings: Settings) -> None:
    put(settings, "2025-08-06.json", json.dumps([{"Mã": 1, "unit": {"code": "U1", "n": 2}}]).encode())
    columns = (
        {"name": "code", "raw": "Mã"},
        {"name": "u", "raw": "unit.code"},
        {"name": "all", "raw": "unit"},
    )
    row = rows(settings, json_source(columns=columns))[0]
    assert (row["u"], json.loads(row["all"])) == ("U1", {"code": "U1", "n": 2})


@pytest.mark.parametrize("number", ["1e999999999", "1e99999999999999999999999", "-1e-9999999"])
def test_a_number_that_would_be_gigabytes_of_digits_stays_as_written(settings: Settings, number: str) -> None:
    put(settings, "2025-08-06.json", f'[{{"Mã": "x", "Nội dung": {number}}}]'.encode())
    assert rows(settings, json_source())[0]["note"] == number
    put(settings, "2025-08-06.json", f'[{{"Mã": {number}}}]'.encode())
    with pytest.raises(PermanentSourceError, match="its digits are lost"):
        landed(settings, json_source())


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("json", b"", "it is empty"),
        ("json", b"[]", "holds no records"),
        ("json", b'{"rows": []}', "no list at the top; its keys are rows"),
        ("json", b"{}", "no list at the top; it is empty. "),
        (
            "json",
            b'{"message": "oops", "status": 500}',
            "message, status; without any list .* the answer of an error",
        ),
        ("json", b'callback([{"a": 1}]);', "a call of a script .JSONP., no JSON"),
        ("json", b'[{"a": 1},\n {"a": 2},]', "line 2: a comma stands before a closing bracket"),
        ("json", b'[{"a": 1}, 2]', "record 2 is no object"),
        ("json", b'[{"a": NaN}]', "NaN, which is no JSON number"),
        ("json", b'[{"a": 1}, {"a"', "cut short"),
        ("json", b'[{"a": 1} {"a": 2}]', "no valid JSON at line 1, column 11"),
        ("json", b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ("json", b"<html>login</html>", "log-in page"),
        ("json", '[{"Mã": "x"}]'.encode("utf-16"), "set `encoding: utf-16`"),
        ("json", b'[{"a": "\xff"}]', "byte 8 is not utf-8"),
        ("json", b'[{"M\\u00e3": "\\ud800"}]', "half a character"),
        ("ndjson", b'{"a": 1}\n{"a": \n', "line 2: "),
        ("ndjson", b'{"a": 1}\n{"a": 2', "line 2, the last one, without a line end: it is cut short"),
        ("json", b'[{"a": 1, "b": 2, "a": 3}]', "holds the key 'a' twice"),
        ("json", b'{"a": 1}\n{"a": 2}\n', "one object a line; set `format: ndjson`"),
        ("ndjson", b'{"a": 1}\n{"a": 2, "a": 2}\n', "line 2: an object holds the key 'a' twice"),
        ("ndjson", b'[{"a": 1},\n{"a": 2}]\n', "line 1.*set `format: json`"),
        ("ndjson", b'[{"a": 1}, {"a": 2}]\n', "line 1 begins a list.*set `format: json`"),
        ("ndjson", b'{"a": 1}\n2\n', "line 2 is no object"),
        ("ndjson", b'{"a": "' + b"x" * 3_000_000 + b'"}', "line 1 is longer than `limits.line_mb`"),
        ("ndjson", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "line 1.*nested too deeply"),
    ],
)
def test_a_broken_export_is_refused_in_clear_words(
    settings: Settings, form: str, content: bytes, message: str
) -> None:
    put(settings, "2025-08-06.json", content)
    with pytest.raises(PermanentSourceError, match=f"register 2025-08-06: 2025-08-06.json .*{message}"):
        landed(settings, json_source(form))
    assert not list(settings.landing.rglob("*.parquet"))


def test_a_document_larger_than_allowed_points_to_ndjson(settings: Settings) -> None:
    put(settings, "2025-08-06.json", json.dumps([{"Mã": "x" * 2_000_000}]).encode())
    with pytest.raises(
        PermanentSourceError, match=r"larger than 1 MiB \(`limits.document_mb`\); ask for NDJSON"
    ):
        landed(settings, json_source(limits={"document_mb": 1}))


# --- Parquet --------------------------------------------------------------------------------------

TYPED: list[tuple[str, str, Any, Any]] = [
    ("code", "text", pa.array(["007 "]), "007"),
    ("whole", "integer", pa.array([12.0]), "12"),
    ("fraction", "integer", pa.array([1.234]), "1,234"),
    # As a database's decimal: zeros at the end belong to a code.
    ("procedure_code", "text", pa.array([Decimal("1.012790")], pa.decimal128(10, 6)), "1.012790"),
    ("money", "bigint", pa.array([Decimal("12.00")], pa.decimal128(10, 2)), "12"),
    ("day", "date", pa.array([date(2025, 8, 1)]), "01/08/2025"),
    (
        "moment",
        "timestamp",
        pa.array([datetime(2025, 8, 1, 9, 5)], pa.timestamp("us")),
        "01/08/2025 09:05:00",
    ),
    (
        "instant",
        "timestamp",
        pa.array([datetime(2025, 8, 1, 20, 0, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "02/08/2025 03:00:00",
    ),
    ("flag", "boolean", pa.array([True]), "true"),
    ("nothing", "integer", pa.array([float("nan")]), None),
    ("blob", "text", pa.array([b"abc"]), "abc"),
    ("nested", "text", pa.array([{"a": 1}]), '{"a":1}'),
]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Ho_Chi_Minh"])
def test_typed_columns_become_text_that_typing_reads_back_in_any_zone(
    settings: Settings, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    (settings.data / "in").mkdir()
    pq.write_table(
        pa.table({number: a for number, _, a, _ in TYPED}), settings.data / "in" / "2025-08-06.parquet"
    )
    one = source(
        path="{data}/in/{partition}.parquet",
        format="parquet",
        columns=tuple({"name": name, "type": kind} for name, kind, _, _ in TYPED),
        datetime_formats=("%d/%m/%Y %H:%M:%S",),
        date_formats=("%d/%m/%Y",),
    )
    try:
        row = rows(settings, one)[0]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert list(row.values()) == [expected for *_, expected in TYPED]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty; "),
        (b"PAR1", "no whole Parquet file: it begins as one and does not end so: it was cut short"),
        (b"no parquet", "no whole Parquet file: it begins as none"),
        (b"ma;ten\nNV-1;x\n", "it is text with delimiters, no Parquet file.*`format: csv`"),
        (b"PAR1" + b"x" * 100 + b"PAR1", "no whole Parquet file"),
    ],
)
def test_what_is_no_whole_parquet_file_is_refused(settings: Settings, content: bytes, message: str) -> None:
    put(settings, "2025-08-06.parquet", content)
    with pytest.raises(PermanentSourceError, match=message):
        landed(settings, source(path="{data}/in/{partition}.parquet", format="parquet"))


def test_a_code_that_was_a_floating_point_number_is_refused_for_the_digits_that_it_lost(
    settings: Settings,
) -> None:
    buffer = pa.BufferOutputStream()
    headers = [str(column.raw) for column in source().columns]
    numbers = pa.array([1e18, 2e18], pa.float64())
    pq.write_table(pa.table(dict.fromkeys(headers, numbers)), buffer)
    put(settings, "2025-08-06.parquet", buffer.getvalue().to_pybytes())
    with pytest.raises(PermanentSourceError, match="column 'code' holds a code written as a number"):
        landed(settings, source(path="{data}/in/{partition}.parquet", format="parquet"))


def test_an_object_in_the_place_of_the_list_is_called_so(settings: Settings) -> None:
    document = {"data": {"rows": {"007": {"Mã": "007", "Nội dung": "a"}, "8": {"Mã": "8", "Nội dung": "b"}}}}
    put(settings, "2025-08-06.json", json.dumps(document).encode())
    with pytest.raises(
        PermanentSourceError, match="rows is an object with a record under each of its 2 keys"
    ):
        landed(settings, json_source(records="data.rows"))


# --- properties -----------------------------------------------------------------------------------

PROPERTY = cases(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers()
    # A code with an exponent, or more digits than a float keeps, is refused.
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: "e" not in repr(f) and len(repr(f)) < 16)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def collected(settings: Settings, one: Source) -> list[tuple]:
    with duckdb.connect() as con, files.pull(one, DAY, settings, con) as relation:
        return con.execute(f"select {', '.join(relation.columns.values())} from {relation.sql}").fetchall()


@PROPERTY
@given(st.lists(st.dictionaries(st.sampled_from(["Mã", "Nội dung", "khác"]), VALUE), min_size=1, max_size=5))
def test_any_records_give_as_many_rows_in_either_json_form(settings: Settings, records: list) -> None:
    records = [{"Mã": "x", "Nội dung": "y"}, *records]
    put(settings, "2025-08-06.json", json.dumps(records).encode())
    document = collected(settings, json_source())
    put(settings, "2025-08-06.json", "\n".join(map(json.dumps, records)).encode())
    assert len(document) == len(records) and collected(settings, json_source("ndjson")) == document


@PROPERTY
@given(st.binary(max_size=200), st.sampled_from(["json", "ndjson", "parquet"]))
def test_random_bytes_are_read_or_refused_and_never_crash(
    settings: Settings, content: bytes, form: str
) -> None:
    put(settings, "2025-08-06.json", content)
    with pytest.raises(SourceError, match="register 2025-08-06"):
        collected(settings, json_source(form, columns=({"name": "code", "raw": "zz", "required": True},)))


def test_the_same_records_are_the_same_rows_in_every_format(settings: Settings) -> None:
    records = [{"Mã": "1", "Nội dung": "a"}, {"Mã": "2", "Nội dung": "b"}]
    put(settings, "2025-08-06.json", json.dumps(records).encode())
    first = pairs(settings, json_source())
    put(settings, "2025-08-06.ndjson", "\n".join(map(json.dumps, records)).encode())
    assert pairs(settings, json_source("ndjson", path="{data}/in/{partition}.ndjson")) == first
    pq.write_table(pa.Table.from_pylist(records), settings.data / "in" / "2025-08-06.parquet")
    assert pairs(settings, source(path="{data}/in/{partition}.parquet", format="parquet")) == first
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n1;a\n2;b\n".encode())
    assert pairs(settings, source()) == first
    assert os.listdir(settings.data / "in")  # noqa: PTH208


def test_a_file_that_breaks_before_it_is_opened_is_named(settings: Settings) -> None:
    put(
        settings, "2025-08-06.parquet", b"\x1f\x8bPAR1" + b"\x15\x04" * 100
    )  # packed, and damaged where it begins
    with pytest.raises(
        PermanentSourceError, match=r"register 2025-08-06: 2025-08-06\.parquet cannot be read"
    ):
        landed(settings, json_source("parquet", path="{data}/in/{partition}.parquet"))
