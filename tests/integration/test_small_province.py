"""One hundredth of the province through the whole line, run once as an operator runs it, and nights after it.

Expected values: the demo's manifest (what was planted) and docs/domain.md's known answers scaled, not the marts.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys

import duckdb
import pytest

from pipelines.gate.record import list_release_findings
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import list_batches
from tests.conftest import Province
from tests.golden.rows import count_rows, read_golden
from tests.support.asking import ask_lake, read_manifest
from tests.support.commands import read_output

pytestmark = pytest.mark.slow


def test_the_first_release_passes_the_gate_without_a_finding(small_province: Province) -> None:
    with open_lake(small_province.settings) as con:
        facts = con.execute("select count(*) from lake.audit.release_facts where release_id = 1").fetchone()
        assert list_release_findings(con, 1) == []
    assert facts and facts[0] > 100  # it was looked at


def test_the_headline_is_the_published_one(small_province: Province) -> None:
    status = json.loads(read_output(small_province.settings, "status", "--json"))
    published = read_manifest(small_province)["calibrated"]
    assert (status["received"], status["online"]) == (published["received"], published["online"])
    assert (status["national_rank"], status["province_count"], status["rank_movement"]) == (20, 34, 5)
    assert status["tasks"] == {"total": 23, "completed": 14, "in_term": 9, "overdue": 0}
    assert status["release_id"] == 1


def test_every_table_has_the_rows_it_had(small_province: Province) -> None:
    counts = count_rows(small_province.settings.data)
    assert counts == read_golden("small"), "if meant: python -m tests.golden small DATA"


def test_every_planted_fault_is_rejected_for_its_own_reason_and_nothing_else_is(
    small_province: Province,
) -> None:
    planted = read_manifest(small_province)
    rejections = dict(
        ask_lake(
            small_province,
            "select rule, count(*) from lake.audit.rejections where source = 'dossier_log' group by 1",
        )
    )
    faults = planted["one_stop"]["rejected"]
    # A state of the future is also one that its own delivery could not know of.
    assert rejections == faults | {"recorded_after_export": faults["recorded_at_in_future"]}
    registers = [
        name for name, part in planted.items() if isinstance(part, dict) and {"by_day", "rejected"} <= {*part}
    ]
    assert "issue_register" in registers
    for register in registers:
        rows = ask_lake(
            small_province,
            f"select rule, count(*) from lake.audit.rejections where source = '{register}' group by 1",
        )
        # Four snapshots up to 06/08.
        assert dict(rows) == {rule: 4 * count for rule, count in planted[register]["rejected"].items()}


def test_the_trackers_marts_tell_what_was_planted(small_province: Province) -> None:
    planted = read_manifest(small_province)
    tasks = planted["task_tracker"]
    assert ask_lake(
        small_province,
        "select completed, total, withdrawn, reporters_expected, reporters_missing "
        "from lake.marts.task_completion "
        "where as_of_day = '2025-08-06' and owner_level = 'commune' and lead_agency_code = 'all'",
    ) == [(tasks["by_day"]["2025-08-06"]["commune_done"], 16 * 130, 0, 130, 0)]  # K4
    moved = tasks["history"]["due_moved"]
    assert ask_lake(
        small_province,
        "select task_code, from_value, to_value, seen_on::varchar from lake.marts.task_ledger_history "
        "where is_deadline_extended",
    ) == [(moved["task_code"], moved["from"], moved["to"], moved["first_seen"])]
    escalated = ask_lake(
        small_province,
        "select count(*) from lake.marts.issue_escalation where direction = 'escalated'",
    )
    # What went up before the first snapshot was never seen below.
    assert 0 < escalated[0][0] <= planted["issue_register"]["by_day"]["2025-08-06"]["escalated"]


def test_nothing_is_lost_in_silence(small_province: Province) -> None:
    rows = ask_lake(
        small_province,
        "select sum(rows_read), sum(rows_accepted + rows_rejected), bool_and(is_balanced) "
        "from lake.audit.reconciliation where source = 'dossier_log'",
    )
    with sqlite3.connect(small_province.settings.data / "demo" / "one_stop.sqlite") as con:
        pulled = con.execute(
            "select count(*) from ho_so_trang_thai where ThoiGianDongBo < '2025-08-07'"
        ).fetchone()[0]
    assert rows == [(pulled, pulled, True)]


def test_the_exported_file_holds_the_newest_release(small_province: Province) -> None:
    path = small_province.settings.data / "exports" / "marts.duckdb"
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select received, online from marts.online_submission_headline order by cutoff_at desc"
        ).fetchall()
    published = read_manifest(small_province)["calibrated"]
    assert rows[0] == (published["received"], published["online"])


def test_definitions_load_without_great_expectations(small_province: Province) -> None:
    code = "import sys, pipelines.definitions; print('great_expectations' in sys.modules)"
    environment = {**os.environ, "THONGSUOT_DATA": str(small_province.settings.data)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_batches_name_their_query_their_hash_and_their_run(small_province: Province) -> None:
    batches = list(list_batches(small_province.settings.landing, "dossier_log"))
    assert len(batches) == 67
    assert all("ThoiGianDongBo" in b.origin and len(b.sha256) == 64 and len(b.run_id) == 36 for b in batches)
