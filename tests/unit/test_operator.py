"""The operator's command: what it says before there is anything, and which days a run takes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.landing.batches import write_batch
from pipelines.runs import plan
from pipelines.runs.plan import plan_run
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Source

FIRST, LAST = date(2025, 8, 1), date(2025, 8, 3)


def landed(settings: Settings, day: str) -> None:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"_row": pa.array([], pa.int64())}), out)
        return "by hand", ()

    write_batch(settings.landing, "dossier_log", day, write, run_id="t")


def planned(settings: Settings, **more: bool) -> tuple[str, list[str]]:
    chosen = plan_run(settings, FIRST, LAST, **({"again": False, "revalidate": False} | more))
    return chosen.job, [str(day) for day in chosen.days]


def test_status_before_the_first_release_says_what_to_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["status"], env={"THONGSUOT_DATA": str(tmp_path)})
    assert result.exit_code == 2 and "thongsuot run" in result.output


def test_a_wrong_partition_is_explained(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["run", "--partition", "06/08/2025"], env={"THONGSUOT_DATA": str(tmp_path)}
    )
    assert result.exit_code == 2 and "2025-08-01..2025-08-06" in result.output


@pytest.mark.parametrize("words", [["run"], ["run", "--partition", "2025-08-06"], ["rejections", "list"]])
def test_a_wrong_sources_yaml_is_told_by_line_and_nearest_name_and_nothing_runs(
    tmp_path: Path, words: list[str]
) -> None:
    wrong = tmp_path / "sources.yaml"
    text = (PROJECT / "sources.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("cursor: ThoiGianDongBo", "cursr: ThoiGianDongBo"), encoding="utf-8")
    line = 1 + text[: text.index("cursor: ThoiGianDongBo")].count("\n")
    result = CliRunner().invoke(
        main, words, env={"THONGSUOT_DATA": str(tmp_path / "data"), "THONGSUOT_SOURCES": str(wrong)}
    )
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert f"sources.yaml, line {line}:" in result.output and "did you mean `cursor`?" in result.output
    assert "the last release is still served" in result.output
    assert not (tmp_path / "data" / "landing").exists()


def test_days_without_a_batch_are_pulled(settings: Settings) -> None:
    assert planned(settings) == ("nightly", ["2025-08-01", "2025-08-02", "2025-08-03"])


def test_days_landed_but_never_validated_are_validated_and_not_pulled_again(settings: Settings) -> None:
    for day in ("2025-08-01", "2025-08-02", "2025-08-03"):
        landed(settings, day)
    assert planned(settings) == ("revalidate", ["2025-08-01", "2025-08-02", "2025-08-03"])


def test_again_pulls_what_was_landed(settings: Settings) -> None:
    landed(settings, "2025-08-02")
    assert planned(settings, again=True) == ("nightly", ["2025-08-01", "2025-08-02", "2025-08-03"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("releases", 2),
        ("releases show", 2),
        ("releases diff 1 2", 2),
        ("releases restore 1 --reason why --yes", 2),
        ("releases prune --json", 2),
        ("verify --json", 2),
        ("trace online_submission_rate key", 2),
        ("status --json", 2),
    ],
)
def test_before_the_first_release_no_command_makes_a_lake_and_each_says_that_it_has_no_answer(
    tmp_path: Path, words: str, code: int
) -> None:
    result = CliRunner().invoke(main, words.split(), env={"THONGSUOT_DATA": str(tmp_path)})
    assert result.exit_code == code and "No release yet" in result.stderr and not result.stdout
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    "words", ["run --partition 2025-08-01", "status", "releases", "verify", "backup DEST", "trace headline x"]
)
def test_a_lake_whose_server_does_not_answer_is_told_in_one_line_by_every_command(
    tmp_path: Path, words: str
) -> None:
    address = "postgresql://thongsuot:mat-khau-dai@127.0.0.1:9/lake"
    environment = {"THONGSUOT_DATA": str(tmp_path / "data"), "THONGSUOT_LAKE_CATALOGUE": address}
    (tmp_path / "data" / "lake").mkdir(parents=True)
    (tmp_path / "data" / "lake" / "catalog.moved.sqlite").touch()
    result = CliRunner().invoke(main, words.replace("DEST", str(tmp_path / "copy")).split(), env=environment)
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit), result.exception
    assert "127.0.0.1/lake does not answer" in result.stderr and "mat-khau-dai" not in result.output


def test_a_run_that_could_not_publish_pulls_nothing(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "catalog.sqlite").touch()
    environment = {
        "THONGSUOT_DATA": str(tmp_path),
        "THONGSUOT_LAKE_CATALOGUE": "postgresql://127.0.0.1:9/lake",
    }
    result = CliRunner().invoke(main, ["run", "--partition", "2025-08-01"], env=environment)
    assert result.exit_code == 2 and "`thongsuot migrate lake` moves them there" in result.stderr
    assert not (tmp_path / "landing").exists()


def test_whatever_one_source_cannot_be_looked_at_for_the_others_are_planned(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own step then shows it; the days that it may owe are pulled."""
    real = plan.find_missing_days

    def break_one(source: Source, days: list[date], settings: Settings) -> list[date]:
        if source.name == "task_tracker":
            raise OverflowError("timestamp out of range")
        return real(source, days, settings)

    monkeypatch.setattr(plan, "find_missing_days", break_one)
    assert planned(settings) == ("nightly", ["2025-08-01", "2025-08-02", "2025-08-03"])
