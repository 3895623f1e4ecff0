"""A batch withdrawn by name: it counts no more, the delivery before it counts again, and nothing is edited."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.landing.batches import hash_file, list_batches
from pipelines.landing.withdrawals import find_withdrawn, list_withdrawals, record_events, select_batches
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.counting import NothingLanded
from tests.cases.support import copy_case, land_and_validate, prepare_build
from tests.nights import read_days

FIRST, SECOND, FUTURE = "2025-08-05", "2025-08-06", "2030-01-01"
BOTH = ("dossier_log", "issue_register")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Both sources delivered their first day whole; files of a day wait that nobody can have delivered yet."""
    settings = copy_case("header_only_export", tmp_path_factory.mktemp("landed"))
    for kind in ("export", "issues"):
        folder = settings.data / "in"
        (folder / f"{kind}_{FUTURE}.csv").write_bytes((folder / f"{kind}_{FIRST}.csv").read_bytes())
    land_and_validate(settings, FIRST)
    return settings


@pytest.fixture
def case(landed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy that a test may change."""
    shutil.copytree(landed.sources_file.parent, tmp_path / "case")
    settings = Settings(data=tmp_path / "case" / "place", sources_file=tmp_path / "case" / "sources.yaml")
    monkeypatch.setenv("THONGSUOT_DATA", str(settings.data))
    monkeypatch.setenv("THONGSUOT_SOURCES", str(settings.sources_file))
    return settings


def withdraw(settings: Settings, event: str = "withdrawn", **words: str) -> None:
    chosen = select_batches(settings.landing, event, BOTH, **words)
    record_events(settings.landing, event, chosen, "Nguyễn A", "gửi nhầm")


def ask(settings: Settings, query: str) -> list[tuple]:
    with duckdb.connect(str(settings.warehouse), read_only=True) as con:
        return con.execute(query).fetchall()


def test_a_future_day_landed_by_older_code_has_a_way_out(case: Settings) -> None:
    land_and_validate(case, FUTURE)
    assert prepare_build(case) == datetime(2030, 1, 1, 23, 59, 59)
    files = {path: hash_file(path) for path in case.landing.rglob("*") if path.is_file()}
    withdraw(case, day=FUTURE)
    assert prepare_build(case) == datetime(2025, 8, 5, 23, 59, 59)
    standings = ask(
        case, "select source, partition_key::varchar, standing, is_current from raw.batches order by all"
    )
    assert standings == [
        (source, day, standing, standing == "current")
        for source in BOTH
        for day, standing in ((FIRST, "current"), (FUTURE, "withdrawn"))
    ] + [row for row in standings if row[0] == "reference_units"]
    assert ask(case, "select event_id, event, author, reason from raw.withdrawals order by 1") == [
        (n, "withdrawn", "Nguyễn A", "gửi nhầm") for n in (1, 2)
    ]
    # What was landed is as it was, to the byte; and the order can be taken back.
    assert {path: hash_file(path) for path in files} == files
    withdraw(case, "restored", day=FUTURE)
    assert prepare_build(case) == datetime(2030, 1, 1, 23, 59, 59)
    assert [event.event for event in list_withdrawals(case.landing)] == ["withdrawn"] * 2 + ["restored"] * 2


def test_the_pull_before_of_the_same_day_counts_again(case: Settings) -> None:
    land_and_validate(case, FIRST)
    pulls = [batch.batch_id for batch in list_batches(case.landing, "issue_register")]
    query = "select batch_id, standing from raw.batches where source = 'issue_register' order by batch_id"
    prepare_build(case)
    assert ask(case, query) == list(zip(pulls, ("superseded", "current"), strict=True))
    withdraw(case, batch_id=pulls[1])
    prepare_build(case)
    assert ask(case, query) == list(zip(pulls, ("current", "withdrawn"), strict=True))
    withdraw(case, batch_id=pulls[0])
    with pytest.raises(LookupError, match="does not count already"):
        withdraw(case, batch_id=pulls[0])
    withdraw(case, "restored", batch_id=pulls[1])
    prepare_build(case)
    assert ask(case, query) == list(zip(pulls, ("withdrawn", "current"), strict=True))


def test_a_blocked_day_that_is_withdrawn_blocks_nothing_and_is_not_pulled_by_itself(case: Settings) -> None:
    land_and_validate(case, SECOND)
    with pytest.raises(NothingLanded, match="0 rows, where"):
        prepare_build(case)
    withdraw(case, day=SECOND)
    assert prepare_build(case) == datetime(2025, 8, 5, 23, 59, 59)
    contracts = load_contracts(case.sources_file)
    for source in contracts.sources.values():
        assert find_missing_days(source, read_days(f"{FIRST}..{SECOND}"), case) == []


def test_rows_rejected_in_a_withdrawn_batch_are_settled_by_its_withdrawal(case: Settings) -> None:
    text = (case.data / "in" / f"issues_{FIRST}.csv").read_text(encoding="utf-8").splitlines()
    text[1] = text[1].replace(text[1].split(";")[3], "Chuyện lạ")
    (case.data / "in" / f"issues_{SECOND}.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    contract = case.sources_file.read_text(encoding="utf-8")
    case.sources_file.write_text(
        contract.replace("  issue_register:\n", "  issue_register:\n    max_rejected_share: 0.5\n"),
        encoding="utf-8",
    )
    land_and_validate(case, SECOND)
    withdraw(case, day=SECOND, batch_id=max(b.batch_id for b in list_batches(case.landing, "dossier_log")))
    query = "select rule, is_current, resolved_by_batch = batch_id from raw.rejections where source = 'issue_register'"
    prepare_build(case)
    before = ask(case, query)
    assert before and all(is_current and settled is None for _, is_current, settled in before)
    withdraw(case, day=SECOND)
    prepare_build(case)
    assert ask(case, query) == [(rule, False, True) for rule, _, _ in before]


def test_the_command_names_what_there_is_and_records_who_and_why(case: Settings) -> None:
    def call(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["batches", *words])
        return result.exit_code, result.output

    who = ("--by", "Nguyễn A", "--reason", "gửi nhầm")
    assert call("withdraw", *who)[0] == 2  # everything at once is no order
    code, text = call("withdraw", "--day", "2025-08-09", *who)
    assert code == 2 and "no landed batch of 2025-08-09" in text and FIRST in text
    code, text = call("withdraw", "--day", FIRST, "--source", "dossier", *who)
    assert code == 2 and "dossier_log, issue_register" in text
    code, text = call("withdraw", "--day", FIRST, "--by", " ", "--reason", "x")
    assert code == 2 and "--by" in text and "write who, or why" in text
    *_, newest = list_batches(case.landing, "issue_register")
    batch = newest.batch_id
    code, text = call("withdraw", "--day", SECOND, "--batch", batch, *who)
    assert code == 2 and f"batch {batch} is of {FIRST}, not of {SECOND}" in text
    code, text = call("confirm", "--day", FIRST, "--source", "issue_register")
    assert code == 0 and f"withdraw issue_register {FIRST} batch {batch}: set" in text
    assert call("confirm", "--day", FIRST, "--restore")[0] == 2  # nothing was withdrawn
    code, text = call("withdraw", "--day", FIRST, "--source", "issue_register", *who)
    assert code == 0 and "withdrawn" in text and "thongsuot run" in text
    assert {source for source, _ in find_withdrawn(case.landing)} == {"issue_register"}
    code, text = call("list")
    header, *lines = [line.split("\t") for line in text.splitlines()]
    by_source = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert by_source["issue_register"]["standing"] == "withdrawn"
    assert by_source["issue_register"]["withdrawn_by"] == "Nguyễn A"
    assert by_source["dossier_log"]["standing"] == "current"
    assert [row["source"] for row in json.loads(call("list", "--standing", "withdrawn", "--json")[1])] == [
        "issue_register"
    ]
    assert call("restore", "--day", FIRST, *who)[0] == 0 and not find_withdrawn(case.landing)
