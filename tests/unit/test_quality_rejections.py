"""Rejected rows over time: since when, until when, cured by which delivery; listed, grouped, sent back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines import duck
from pipelines.cli import main
from pipelines.landing.batches import Batch, write_batch
from pipelines.quality.rejections import find_reported_batches, write_rejections
from pipelines.quality.split import KeyedBatch, select_texts
from pipelines.quality.unit_workbooks import write_unit_workbooks
from pipelines.quality.validate import validate_batches
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Contracts, Source, load_contracts

RULES: list[dict[str, Any]] = [
    {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "case_id"},
        "severity": "critical",
        "meta": {"rule": "case_missing", "reason_en": "no case", "reason_vi": "Thiếu mã"},
    },
    {
        "type": "expect_column_values_to_be_null",
        "kwargs": {"column": "channel__raw"},
        "severity": "critical",
        "meta": {"rule": "channel_unknown", "reason_en": "unknown channel", "reason_vi": "Kênh lạ"},
    },
]
SOUND = ("C-1", "2", "16681")


def make_contracts(settings: Settings, partitioning: str = "change_day") -> Contracts:
    suite = settings.data / "log.json"
    suite.write_text(json.dumps({"name": "log", "expectations": RULES}), encoding="utf-8")
    source = {
        "name": "log", "title_vi": "Nhật ký", "connector": "files", "grain": "case", "key": ["case_id"],
        "partitioning": partitioning, "path": "x.csv", "format": "csv", "max_rejected_share": 0.9,
        "suite": str(suite), "unit": ["unit_code"], "cursor": "day", "cursor_format": "%Y-%m-%d",
        "columns": [
            {"name": "case_id", "title_vi": "Mã hồ sơ"},
            {"name": "channel", "value_map": {"1": "in_person", "2": "online"}, "title_vi": "Kênh"},
            {"name": "unit_code"},
        ],
    }  # fmt: skip
    sources = {"log": Source.model_validate(source)}
    return load_contracts(PROJECT / "sources.yaml").model_copy(update={"sources": sources, "reference": {}})


def delivered(settings: Settings, contracts: Contracts, day: str, *rows: Sequence[str | None]) -> Batch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        names = ("case_id", "channel", "unit_code")
        columns = {n: pa.array([row[i] for row in rows], pa.string()) for i, n in enumerate(names)}
        pq.write_table(pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **columns}), out)
        return "by hand", ()

    batch = write_batch(settings.landing, "log", day, write, run_id="test")
    validate_batches(contracts.sources["log"], [batch], settings)
    return batch


def list_resolutions(settings: Settings, contracts: Contracts) -> list[tuple[Any, ...]]:
    """(batch, row key, rule, first seen, last seen, resolved by), in the order of the pulls."""
    with duck.connect(settings.extensions) as con:
        write_rejections(con, contracts, find_reported_batches(settings, contracts), "r")
        return con.execute(
            "select batch_id, row_key, rule, first_seen_batch, last_seen_batch, resolved_by_batch "
            "from r order by batch_id, _row"
        ).fetchall()


def test_nothing_rejected_is_nothing_told(settings: Settings) -> None:
    contracts = make_contracts(settings)
    assert list_resolutions(settings, contracts) == []
    delivered(settings, contracts, "2025-08-05", SOUND)
    assert list_resolutions(settings, contracts) == []


def test_a_correction_on_a_later_day_resolves_the_row_and_is_named(settings: Settings) -> None:
    contracts = make_contracts(settings)
    wrong = delivered(settings, contracts, "2025-08-05", SOUND, ("C-2", "9", "16681"), ("C-3", "9", "16681"))
    right = delivered(settings, contracts, "2025-08-07", ("C-2", "2", "16681"))
    wrong_id = wrong.batch_id
    assert list_resolutions(settings, contracts) == [
        (wrong_id, "C-2", "channel_unknown", wrong_id, wrong_id, right.batch_id),
        (wrong_id, "C-3", "channel_unknown", wrong_id, wrong_id, None),
    ]


def test_a_sound_state_of_an_earlier_day_resolves_nothing(settings: Settings) -> None:
    contracts = make_contracts(settings)
    delivered(settings, contracts, "2025-08-04", ("C-2", "2", "16681"))
    delivered(settings, contracts, "2025-08-05", SOUND, ("C-2", "9", "16681"))
    assert [row[5] for row in list_resolutions(settings, contracts)] == [None]


def test_a_day_delivered_again_resolves_what_it_no_longer_rejects_and_prolongs_the_rest(
    settings: Settings,
) -> None:
    contracts = make_contracts(settings)
    one = delivered(settings, contracts, "2025-08-05", ("C-2", "9", None), (None, "2", None), SOUND).batch_id
    two = delivered(settings, contracts, "2025-08-05", ("C-2", "9", None), SOUND, SOUND).batch_id
    assert list_resolutions(settings, contracts) == [
        (one, "C-2", "channel_unknown", one, two, None),
        (one, "", "case_missing", one, one, two),
        (two, "C-2", "channel_unknown", one, two, None),
    ]


@pytest.mark.parametrize("partitioning", ["snapshot_day", "whole_table"])
def test_a_delivery_of_the_whole_resolves_what_earlier_ones_rejected_and_it_does_not(
    settings: Settings, partitioning: str
) -> None:
    contracts = make_contracts(settings, partitioning)
    one = delivered(settings, contracts, "2025-08-05", ("C-2", "9", None), (None, "2", None), SOUND).batch_id
    two = delivered(settings, contracts, "2025-08-06", ("C-2", "9", None), ("C-3", "2", None), SOUND).batch_id
    three = delivered(
        settings, contracts, "2025-08-07", ("C-2", "1", None), ("C-3", "2", None), SOUND
    ).batch_id
    assert list_resolutions(settings, contracts) == [
        (one, "C-2", "channel_unknown", one, two, three),
        (one, "", "case_missing", one, one, three),
        (two, "C-2", "channel_unknown", one, two, three),
    ]


def test_a_blocked_correction_resolves_nothing(settings: Settings) -> None:
    contracts = make_contracts(settings)
    delivered(settings, contracts, "2025-08-05", ("C-2", "9", None), SOUND)
    # Eleven of twelve rows rejected: more than the threshold, so none of the batch counts.
    delivered(settings, contracts, "2025-08-06", ("C-2", "2", None), *[("C-9", "9", None)] * 11)
    assert [row[5] for row in list_resolutions(settings, contracts) if row[1] == "C-2"] == [None]


@pytest.fixture
def province(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three rejected rows of two units and one of none, one of them cured two days later."""
    contracts = make_contracts(settings)
    monkeypatch.setattr("pipelines.sources.contracts.contract.load_contracts", lambda _: contracts)
    monkeypatch.setenv("THONGSUOT_DATA", str(settings.data))
    delivered(
        settings, contracts, "2025-08-05",
        SOUND, ("C-2", "9", "16681"), ("=C-3", "+9", "16690"), (None, "2", None), ("C-4", "9", "16681"),
    )  # fmt: skip
    delivered(settings, contracts, "2025-08-07", ("C-4", "1", "16681"))
    return settings


def thongsuot(*words: str) -> str:
    result = CliRunner().invoke(main, ["rejections", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_shows_what_is_open_and_all_of_it_when_asked(province: Settings) -> None:
    open_rows = json.loads(thongsuot("list", "--json"))
    assert [(r["row_key"], r["unit_code"], r["state"]) for r in open_rows] == [
        ("C-2", "16681", "open"), ("=C-3", "16690", "open"), ("", None, "open"),
    ]  # fmt: skip
    every = json.loads(thongsuot("list", "--all", "--json"))
    assert {r["row_key"]: r["state"] for r in every} == {
        "C-2": "open", "=C-3": "open", "": "open", "C-4": "resolved",
    }  # fmt: skip
    assert [r["row_key"] for r in json.loads(thongsuot("list", "--unit", "16690", "--json"))] == ["=C-3"]
    assert "Kênh lạ" in thongsuot("list", "--rule", "channel_unknown")


def test_groups_count_by_rule_unit_source_and_day(province: Settings) -> None:
    def counted(by: str) -> dict[str, int]:
        return {g[by]: g["open"] for g in json.loads(thongsuot("groups", "--by", by, "--json"))}

    assert counted("rule") == {"channel_unknown": 2, "case_missing": 1}
    assert counted("unit") == {"16681": 1, "16690": 1, None: 1}
    assert counted("source") == {"log": 3}
    assert counted("day") == {"2025-08-05": 3}


def test_the_export_has_a_sheet_per_unit_in_vietnamese_and_no_formula(
    province: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "back.xlsx"
    answer = json.loads(thongsuot("export", "--out", str(out), "--json"))
    assert answer == {"files": [str(out)], "units": 3, "rows": 3, "faults": 3}
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["16681", "16690", "Không rõ đơn vị"]
    sheet = book["16690"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    header = next(row for row in rows if row[0] == "STT")
    assert header[1:] == [
        "Nguồn", "Ngày dữ liệu", "Dòng số", "Khóa của dòng", "Cột sai", "Giá trị sai", "Lý do", "Quy tắc",
        "Bị loại lần đầu", "Bị loại gần nhất",
    ]  # fmt: skip
    row = rows[rows.index(header) + 1]
    assert row[:8] == ["1", "Nhật ký", "05/08/2025", "3", "=C-3", "Kênh", "+9", "Kênh lạ"]
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_the_export_can_be_a_file_per_unit(province: Settings, tmp_path: Path) -> None:
    answer = json.loads(thongsuot("export", "--per-unit", "--out", str(tmp_path / "units"), "--json"))
    assert [Path(f).name for f in answer["files"]] == ["16681.xlsx", "16690.xlsx", "khong-ro-don-vi.xlsx"]


def test_nothing_to_list_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THONGSUOT_DATA", str(settings.data))
    settings.landing.mkdir()
    assert "no rejected rows" in thongsuot("list")
    assert "no rejected rows" in thongsuot("export", "--out", str(settings.data / "x.xlsx"))


@pytest.mark.parametrize(
    ("words", "list_resolutions"),
    [
        (("--rule", "chanel_unknown"), "did you mean `channel_unknown`?"),
        (("--source", "lgo"), "there is no `lgo`"),
        (("--day", "05/08/2025"), "write 2025-08-06"),
    ],
)
def test_a_misspelt_filter_is_refused_rather_than_nothing_found(
    province: Settings, words: tuple[str, str], list_resolutions: str
) -> None:
    result = CliRunner().invoke(main, ["rejections", "list", *words])
    assert result.exit_code == 2 and list_resolutions in result.output


def test_a_workbook_per_unit_replaces_no_other(settings: Settings, tmp_path: Path) -> None:
    contracts = make_contracts(settings)
    rows = [
        {"source": "log", "day": date(2025, 8, 5), "row": 1, "row_key": "C-2", "unit_code": unit}
        | {"column": "channel", "value": "9", "rule": "r", "reason_vi": "Kênh lạ"}
        | {"first_seen": date(2025, 8, 5), "last_seen": date(2025, 8, 5)}
        for unit in ("a/b", "a_b", "A_b", "x" * 400)
    ]
    files = write_unit_workbooks(rows, contracts, {}, tmp_path / "units", per_unit=True)
    assert len({path.name.casefold() for path in files}) == 4 and all(path.exists() for path in files)


def test_the_code_at_fault_is_named_and_no_word_for_none_beside_it(
    settings: Settings, tmp_path: Path
) -> None:
    """`-` has not the shape of a unit's code, and is none."""
    misshapen = {
        "type": "expect_column_values_to_be_null", "kwargs": {"column": "texts__misshapen"}, "severity": "critical",
        "meta": {"rule": "code_misshapen", "reason_en": "no code", "reason_vi": "Mã sai"},
    }  # fmt: skip
    suite = tmp_path / "log.json"
    suite.write_text(json.dumps({"name": "log", "expectations": [misshapen]}), encoding="utf-8")
    source = Source.model_validate(
        {
            "name": "log", "title_vi": "", "connector": "files", "grain": "case", "key": ["case_id"], "path": "x.csv",
            "partitioning": "snapshot_day", "format": "csv", "max_rejected_share": 1, "suite": str(suite),
            "columns": [{"name": "unit_code", "shape": r"\d{5}"}, {"name": "case_id", "required": True}],
        }
    )  # fmt: skip

    def write(out: Path) -> tuple[str]:
        pq.write_table(pa.table({"unit_code": ["—", "N/A"], "case_id": ["C 1", "C-2"]}), out)
        return ("by hand",)

    [report] = validate_batches(
        source, [write_batch(settings.landing, "log", "2025-08-06", write, run_id="t")], settings
    )
    [failures] = pq.read_table(report.rejected)["failures"].to_pylist()
    assert [(failure["column_name"], failure["bad_value"]) for failure in failures] == [("case_id", "C 1")]


def test_times_of_a_row_are_not_searched_letter_by_letter(tmp_path: Path) -> None:
    """A time has many digits and is nobody's number: only the text that may hold one is looked at closely."""
    texts = {
        "dossier_code": "H41.16-250701-0000001",
        "procedure_name": "Cấp lại thẻ, gọi 0912345678",
        "recorded_at": "2025-07-01 10:00:00",
        "received_at": "20250701100000",
    }
    path = tmp_path / "batch.parquet"
    pq.write_table(pa.table({name: [text] for name, text in texts.items()}), path)
    keyed = KeyedBatch(cast(Batch, SimpleNamespace(path=path, rows=1)), 0)
    searched: list[str] = []

    def redact(text: str) -> str:
        searched.append(text)
        return "removed"

    source = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"]
    query, _ = select_texts(source, [keyed], "select 0")
    with duckdb.connect() as con:
        for name in ("redact_personal_text", "redact_personal_code"):
            con.create_function(name, redact, ["VARCHAR"], "VARCHAR")
        [row] = con.execute(f"select * exclude (_key, _row, row_key) from ({query})").fetchall()
    assert searched == [texts["procedure_name"]]
    assert row == tuple({**texts, "procedure_name": "removed"}.values())
