"""What goes by itself after its time, and what never does; a clock that runs ahead lets nothing go."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported import record_export
from pipelines.lake.ledger import list_kept, list_releases
from pipelines.operations.tidy import KEEP_DAYS, PARTS, VARIABLES, read_keep_days, tidy
from pipelines.releases.verify import verify_releases
from pipelines.settings import PROJECT, Settings, SettingsError
from tests.support.small_lake import release

# Their data are of 2025-08-06, and 400 days before that is 2024-07-02. The second is its month's last.
PUBLISHED = ["2024-01-05", "2024-01-20", "2024-06-10", "2024-06-30", "2024-07-03", "2024-07-20"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("old"))
    for number, day in enumerate(PUBLISHED):
        with time_machine.travel(datetime.fromisoformat(day).replace(tzinfo=UTC)):
            newest = release(settings, [("a", number)]).release
            folder = settings.exports / "open_data" / str(newest.release_id)
            folder.mkdir(parents=True)
            (folder / "task.csv").write_text(f"code,n\na,{number}\n")
            record_export(settings, "open_data", folder, [folder / "task.csv"], newest)
    (settings.exports / "open_data" / "latest").symlink_to("6")
    return settings


@pytest.fixture
def installation(old: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(old.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def list_packages(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.exports / "open_data").iterdir())


def test_contents_and_packages_go_but_each_months_last_and_the_copy_still_verifies(
    installation: Settings,
) -> None:
    now = datetime(2025, 8, 7, 3)
    planned = tidy(installation, now, dry_run=True)
    assert list_packages(installation) == ["1", "2", "3", "4", "5", "6", "latest"]
    assert tidy(installation, now) == planned
    names = {part.part: part.names for part in planned}
    assert names == {"packages": ["open_data/1", "open_data/3"], "releases": ["1", "3"], "runs": []}
    assert list_packages(installation) == ["2", "4", "5", "6", "latest"]
    with open_lake(installation) as con:
        chain = list_releases(con)
        assert [one.release_id for one in list_kept(con, chain)] == [2, 4, 5, 6]
    assert verify_releases(installation).findings == []
    assert all(not part.names for part in tidy(installation, now))


def test_a_clock_that_runs_ahead_lets_nothing_more_go(installation: Settings) -> None:
    names = {part.part: part.names for part in tidy(installation, datetime(2035, 1, 1), dry_run=True)}
    assert names["releases"] == ["1", "3"]


def test_a_setting_of_its_own_for_each_part(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THONGSUOT_KEEP_PACKAGES", "390")
    names = {part.part: part.names for part in tidy(installation, datetime(2025, 8, 7, 3), dry_run=True)}
    assert names["packages"] == ["open_data/1", "open_data/3", "open_data/5"] and names["releases"] == [
        "1",
        "3",
    ]


def test_a_part_that_cannot_be_looked_after_is_told_and_stops_no_other(installation: Settings) -> None:
    history = installation.dagster / "history" / "runs.db"
    history.parent.mkdir(parents=True)
    history.write_text("no database at all, however long one looks at it" * 100)
    env = installation.child_environment()
    result = CliRunner().invoke(main, ["tidy", "--json"], env=env)
    assert result.exit_code == 1
    parts = {part["part"]: part for part in json.loads(result.output)["parts"]}
    assert "not a database" in parts["runs"]["error"] and parts["releases"]["names"] == ["1", "3"]
    shutil.rmtree(installation.dagster)
    result = CliRunner().invoke(main, ["tidy"], env=env)
    assert result.exit_code == 0 and "runs (THONGSUOT_KEEP_RUNS=400): 0 went" in result.output


@pytest.mark.parametrize("part", sorted(PARTS))
def test_each_part_has_a_setting_a_wrong_one_is_named_and_the_handbook_has_it(part: str) -> None:
    assert read_keep_days(part, {}) == KEEP_DAYS
    for wrong in ("x", "0", "29"):
        with pytest.raises(SettingsError, match=VARIABLES[part]):
            read_keep_days(part, {VARIABLES[part]: wrong})
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"`{VARIABLES[part]}`" in page
