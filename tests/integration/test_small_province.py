"""One hundredth of the province through the whole line, run once as an operator runs it, and nights after it.

Expected values: the demo's manifest (what was planted) and docs/domain.md's known answers scaled, not the marts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from pipelines import duck
from pipelines.gate.record import list_release_findings
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import find_newest_batches, list_batches
from pipelines.night import build, publish_release
from pipelines.privacy.detectors import count_personal_data
from pipelines.releases.publish import Publication
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import dbt
from pipelines.warehouse.counting import NothingLanded
from tests import crashing, nights
from tests.conftest import Province
from tests.golden.rows import count_rows, read_golden
from tests.support.compiled import build_compiled
from tests.support.copies import copy_installation
from tests.support.planted import READERS

pytestmark = pytest.mark.slow


def copied(province: Province, compiled: Settings, data: Path) -> Province:
    """The project's SQL is compiled there, for nights that run it without dbt."""
    copy_installation(province.settings.data, data, "dbt")
    settings = Settings(data=data)
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    return Province(settings)


@pytest.fixture
def province(small_province: Province, compiled: Settings, tmp_path: Path) -> Province:
    """A copy that a test may change."""
    return copied(small_province, compiled, tmp_path / "data")


def manifest(province: Province) -> dict:
    return json.loads((province.settings.data / "demo" / "manifest.json").read_text(encoding="utf-8"))


def ask(province: Province, sql: str) -> list[tuple]:
    with open_lake(province.settings) as con:
        return con.execute(sql).fetchall()


def read_mart_hashes(province: Province) -> dict[str, str]:
    """mart → content hash in the newest release, audit tables aside (they name the batches)."""
    with open_lake(province.settings) as con:
        marts = ledger.list_releases(con)[-1].marts
    return {name: m.sha256 for name, m in marts.items() if name.startswith("marts.")}


def test_the_first_release_passes_the_gate_without_a_finding(small_province: Province) -> None:
    with open_lake(small_province.settings) as con:
        facts = con.execute("select count(*) from lake.audit.release_facts where release_id = 1").fetchone()
        assert list_release_findings(con, 1) == []
    assert facts and facts[0] > 100  # it was looked at


def test_the_headline_is_the_published_one(small_province: Province) -> None:
    status = json.loads(small_province.thongsuot("status", "--json").stdout)
    published = manifest(small_province)["calibrated"]
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
    planted = manifest(small_province)
    rejections = dict(
        ask(
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
        rows = ask(
            small_province,
            f"select rule, count(*) from lake.audit.rejections where source = '{register}' group by 1",
        )
        # Four snapshots up to 06/08.
        assert dict(rows) == {rule: 4 * count for rule, count in planted[register]["rejected"].items()}


def test_the_trackers_marts_tell_what_was_planted(small_province: Province) -> None:
    planted = manifest(small_province)
    tasks = planted["task_tracker"]
    assert ask(
        small_province,
        "select completed, total, withdrawn, reporters_expected, reporters_missing "
        "from lake.marts.task_completion "
        "where as_of_day = '2025-08-06' and owner_level = 'commune' and lead_agency_code = 'all'",
    ) == [(tasks["by_day"]["2025-08-06"]["commune_done"], 16 * 130, 0, 130, 0)]  # K4
    moved = tasks["history"]["due_moved"]
    assert ask(
        small_province,
        "select task_code, from_value, to_value, seen_on::varchar from lake.marts.task_ledger_history "
        "where is_deadline_extended",
    ) == [(moved["task_code"], moved["from"], moved["to"], moved["first_seen"])]
    escalated = ask(
        small_province,
        "select count(*) from lake.marts.issue_escalation where direction = 'escalated'",
    )
    # What went up before the first snapshot was never seen below.
    assert 0 < escalated[0][0] <= planted["issue_register"]["by_day"]["2025-08-06"]["escalated"]


def test_nothing_is_lost_in_silence(small_province: Province) -> None:
    rows = ask(
        small_province,
        "select sum(rows_read), sum(rows_accepted + rows_rejected), bool_and(is_balanced) "
        "from lake.audit.reconciliation where source = 'dossier_log'",
    )
    with sqlite3.connect(small_province.settings.data / "demo" / "one_stop.sqlite") as con:
        pulled = con.execute(
            "select count(*) from ho_so_trang_thai where ThoiGianDongBo < '2025-08-07'"
        ).fetchone()[0]
    assert rows == [(pulled, pulled, True)]


def build_again(settings: Settings) -> Publication:
    night = nights.night_of(settings, build=build_compiled)
    build(night)
    return publish_release(night)


def test_a_second_night_publishes_nothing_and_says_why(province: Province) -> None:
    """The first was built by dbt, this one from compiled SQL: they agree in every table."""
    publication = crashing.ask_in_child(build_again, province.settings)
    assert not publication.is_new and "same content" in publication.why
    assert ask(province, "select count(*) from lake.audit.releases") == [(1,)]


def pull_again(settings: Settings, day: str) -> None:
    nights.run_night(settings, day, build=build_compiled)


def test_a_day_pulled_again_makes_a_new_batch_and_moves_no_number(province: Province) -> None:
    before, old = (
        read_mart_hashes(province),
        find_newest_batches(province.settings.landing, "dossier_log")["2025-07-15"],
    )
    crashing.ask_in_child(pull_again, province.settings, "2025-07-15")
    fresh = find_newest_batches(province.settings.landing, "dossier_log")["2025-07-15"]
    assert fresh.batch_id != old.batch_id and fresh.rows == old.rows
    assert read_mart_hashes(province) == before
    current = ask(
        province, "select count(*) from lake.audit.batches where source = 'dossier_log' and is_current"
    )
    assert current == [(67,)]


def run_models(settings: Settings) -> None:
    nights.run_night(settings, "-", build=dbt.build_models)


def test_everything_but_landing_can_be_dropped_and_comes_back_the_same(province: Province) -> None:
    before, quality = read_mart_hashes(province), province.settings.quality
    for part in ("quality", "lake", "dbt", "exports"):
        shutil.rmtree(province.settings.data / part)
    province.settings.warehouse.unlink()
    crashing.ask_in_child(run_models, province.settings)
    assert len(list((quality / "dossier_log").iterdir())) == 67
    assert read_mart_hashes(province) == before


class Polled(NamedTuple):
    """A province after one more night, and what a reader saw while that night was running."""

    province: Province
    seen: set[tuple]
    errors: list[str]


@pytest.fixture(scope="module")
def next_night(
    small_province: Province, compiled: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Polled:
    province = copied(small_province, compiled, tmp_path_factory.mktemp("next") / "data")
    stop, seen, errors = threading.Event(), set[tuple](), list[str]()

    def poll() -> None:
        while not stop.wait(0.05):  # a reader, not a load test: the run needs the cores
            try:
                with open_lake(province.settings) as con:
                    con.execute("begin")
                    answers = [con.execute(query).fetchone() for query in POLLED]
                    con.execute("commit")
                assert answers[1] == answers[2]  # two marts that must agree within one release
                seen.add(tuple(answers))
            except Exception as error:  # every one counts against the promise
                errors.append(repr(error))

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        crashing.ask_in_child(pull_again, province.settings, "2025-08-07")
    finally:
        stop.set()
        reader.join()
    return Polled(province, seen, errors)


POLLED = [
    "select max(release_id) from lake.audit.releases",
    "select sum(received) from lake.marts.submission_by_channel_daily",
    "select count(*) from lake.marts.dossier_register where is_received",
    "select max(received) from lake.marts.online_submission_headline",
]


def test_readers_see_one_whole_release_while_a_run_is_writing(next_night: Polled) -> None:
    assert next_night.errors == []
    assert {answers[0] for answers in next_night.seen} == {(1,), (2,)}
    assert len(next_night.seen) == 2  # the old release and the new one, never a mixture


def test_late_arrivals_of_the_next_day_are_counted_where_they_belong(next_night: Polled) -> None:
    planted = manifest(next_night.province)
    headline = (
        "select received from lake.marts.online_submission_headline {} "
        "where cutoff_at = timestamp '2025-08-06 16:00:00'"
    )
    on_time, late = planted["calibrated"]["received"], planted["one_stop"]["late_dossiers"]
    assert late > 0 and ask(next_night.province, headline.format("")) == [(on_time + late,)]
    # and the number published the day before can still be read
    first = ask(next_night.province, "select snapshot_id from lake.audit.releases where release_id = 1")
    assert ask(next_night.province, headline.format(f"at (version => {first[0][0]})")) == [(on_time,)]


def run_blocked(settings: Settings, day: str) -> str:
    try:
        pull_again(settings, day)
    except NothingLanded as error:
        return str(error)
    return ""


def test_a_blocked_batch_stops_the_line_and_the_last_release_is_served(province: Province) -> None:
    with sqlite3.connect(province.settings.data / "demo" / "one_stop.sqlite") as con:
        con.execute("update ho_so_trang_thai set TrangThaiHoSo = '77' where ThoiGianDongBo >= '2025-08-07'")
    con.close()
    result = province.thongsuot("run", "--partition", "2025-08-07", check=False)
    output = " ".join(result.stdout.split())
    assert result.returncode == 1
    for words in ("dossier_log 2025-08-07", "status_code_unknown", "last release"):
        assert words in output
    # And trying again does not publish the day without it.
    assert "status_code_unknown" in crashing.ask_in_child(run_blocked, province.settings, "2025-08-07")
    assert ask(province, "select count(*) from lake.audit.releases") == [(1,)]


def texts_of(con: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    """Every distinct text of a stored relation, lists and structs printed."""
    columns = [row[0] for row in con.execute(f"describe from {relation}").fetchall()]
    return {
        text
        for column in columns
        for (text,) in con.execute(
            f"select distinct {duck.identifier(column)}::varchar from {relation}"
        ).fetchall()
        if text is not None
    }


def test_no_planted_personal_value_rests_outside_the_sources(small_province: Province) -> None:
    """Every file under the data directory but the demo's own sources, read as what it is: Parquet and
    DuckDB files by column, everything else as text. Planted: every value of every personal column."""
    data = small_province.settings.data
    contracts = load_contracts(small_province.settings.sources_file)
    columns = {
        (source.name, header): texts
        for source in contracts.sources.values()
        if source.personal
        for header, texts in READERS[source.name](data / "demo", source.personal).items()
        if header != "ChucDanh"  # a job title
    }
    assert [column for column, texts in columns.items() if not texts] == [], (
        "nothing personal is planted there"
    )
    planted = set().union(*columns.values())
    assert len(planted) > 10_000
    tokens = re.compile(r"\b0\d{9,11}\b|[\w.]+@[\w.-]+|\b\d{12}\b")
    # Some of every column: a file is searched for each of them.
    sample = {
        text
        for texts in columns.values()
        for text in sorted(t for t in texts if not tokens.fullmatch(t))[:40]
    }
    names = re.compile("|".join(map(re.escape, sorted(sample))))
    files = [
        p for p in data.rglob("*") if p.is_file() and not p.is_symlink() and data / "demo" not in p.parents
    ]
    assert len([p for p in files if p.suffix == ".parquet"]) > 100
    for path in files:
        if path.suffix == ".parquet":
            with duck.connect(small_province.settings.extensions) as con:
                relation = f"read_parquet({duck.literal(path)})"
                # A file's own name is random, and may hold twelve digits in a row.
                assert {column for column, _ in count_personal_data(con, relation)} <= {"path"}, path
                assert not texts_of(con, relation) & planted, path
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
                for table in tables:
                    relation = duck.identifier(*table)
                    assert {column for column, _ in count_personal_data(con, relation)} <= {"path"}, (
                        path,
                        table,
                    )
                    assert not texts_of(con, relation) & planted, (path, table)
        else:
            content = path.read_bytes().decode("utf-8", "ignore")
            assert not set(tokens.findall(content)) & planted, path
            assert not names.search(content), path


def test_the_exported_file_holds_the_newest_release(small_province: Province) -> None:
    path = small_province.settings.data / "exports" / "marts.duckdb"
    with duckdb.connect(str(path), read_only=True) as con:
        rows = con.execute(
            "select received, online from marts.online_submission_headline order by cutoff_at desc"
        ).fetchall()
    published = manifest(small_province)["calibrated"]
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
