"""The canon: one folder per source says all that is known of it, and a forgotten place is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.quality.suite import read_suite
from pipelines.settings import PROJECT
from pipelines.sources.contracts.canon import FOLDER, CanonError, find_suite, read_canon
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.canon_files import find_stale_files

CANON = read_canon()
MODELS = PROJECT / "dbt_project" / "models"
each_source = pytest.mark.parametrize("source", CANON.sources)


def test_every_generated_file_is_what_the_canon_says() -> None:
    stale = [str(path) for path in find_stale_files()]
    assert not stale, f"run `thongsuot docs`: {', '.join(stale)}"


@each_source
def test_a_source_has_its_suite_its_staging_and_its_reports(source: str) -> None:
    kept = f"int_{source}", f"int_{source}_duplicates"
    models = [
        f"stg_{source}",
        f"int_{source}_reports",
        *(kept if CANON.sources[source].kind == "log" else ()),
    ]
    absent = [name for name in models if not list(MODELS.rglob(f"{name}.sql"))]
    assert not absent, f"{source}: no model {', '.join(absent)}"
    assert read_suite(FOLDER / find_suite(source)).rows


@each_source
def test_the_staging_of_a_source_reads_every_column_of_its_keys(source: str) -> None:
    sql = (MODELS / "staging" / f"stg_{source}.sql").read_text(encoding="utf-8")
    contract = CANON.sources[source]
    columns = {*contract.key, *(contract.staged_key or contract.key), *contract.unit}
    unread = [column for column in sorted(columns) if column not in sql]
    assert not unread, f"stg_{source}.sql does not read {', '.join(unread)}"


def test_no_source_is_required_and_one_says_for_which_moment_the_numbers_answer() -> None:
    assert not any(source.required for source in CANON.sources.values())
    assert any(source.moves_as_of for source in CANON.sources.values())


def broken_canon(tmp_path: Path, old: str, new: str) -> str:
    folder = tmp_path / "expectations"
    shutil.copytree(FOLDER, folder)
    contract = folder / "issue_register" / "contract.yaml"
    text = contract.read_text(encoding="utf-8")
    assert text.count(old) == 1
    contract.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CanonError) as error:
        read_canon(folder)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key: [issue_code]", "key: [isue_code]", "`key`: `isue_code` is not a column"),
        ("silence: withdrawn\n", "", "a snapshot says what its `silence` means"),
        ("kind: snapshot", "kind: list", "kind: Input should be 'log' or 'snapshot'"),
        ("grain: issue\n", "grain: issue\ngrian: x\n", "grian: Extra inputs are not permitted"),
        ("expects: every", "expects: some", "reports.province.expects"),
        ("unit: [unit_code]", "unit: [unit]", "`unit`: `unit` is not a column"),
        ("dated_by: reported_at", "dated_by: reported", "`counted_in.dated_by`: `reported` is not a column"),
        ("office: [reported_at]", "office: [status]", "`times`: `status` is no column of times"),
        ("defaults: {unit_code: unknown, ", "defaults: {unit: unknown, ", "`unit` is not a column"),
    ],
)
def test_a_wrong_contract_is_refused_with_its_file_and_key(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    error = broken_canon(tmp_path, old, new)
    assert error.startswith("issue_register/contract.yaml: ")
    assert message in error


def test_a_source_is_stale_when_its_units_owed_a_report_unless_the_place_says_otherwise() -> None:
    """30 hours; a weekly file's week more; the log's 30 stand in sources.yaml, its canon allows a weekend."""
    contracts = load_contracts(PROJECT / "sources.yaml")
    assert {name: source.freshness_hours for name, source in contracts.sources.items()} == {
        "dossier_log": 30, "task_tracker": 198, "issue_register": 198, "national_ranking": 198, "national_index": 198,
        "citizen_feedback": 198,
    }  # fmt: skip
    assert read_canon().sources["dossier_log"].allowed_age_hours() == 78
