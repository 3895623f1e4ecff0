"""What goes by itself after its time, and what never does; a clock that runs ahead lets nothing go."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import time_machine
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.lake.catalogue import label_transaction, open_lake
from pipelines.lake.exported import record_export
from pipelines.lake.ledger import list_kept, list_releases
from pipelines.landing.batches import write_batch
from pipelines.operations import tidy as tidying
from pipelines.operations.incidents import Incident
from pipelines.operations.records import LastBackup, record_backup
from pipelines.operations.state import read_state
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.tidy import DEFAULTS, PARTS, VARIABLES, TidyRefused, read_keep_days, tidy
from pipelines.operations.upkeep import find_failed_tidy
from pipelines.operations.view import View
from pipelines.releases.holds import ACCEPTED, close_hold, list_holds, record_hold
from pipelines.releases.retention import prune
from pipelines.releases.spared import find_spared
from pipelines.releases.verify import verify_releases
from pipelines.runs.lock import Busy
from pipelines.settings import LOCAL_ZONE, PROJECT, Settings, SettingsError
from tests.support.servers import find_free_port
from tests.support.small_lake import labelled, release

# Their data are of 2025-08-06, and 400 days before that is 2024-07-02. The second is its month's last.
NOW = datetime(2025, 8, 7, 3)
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
def installation(old: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One that lets contents go, too, and was backed up just now."""
    shutil.copytree(old.data, tmp_path / "data", symlinks=True)
    monkeypatch.setenv("THONGSUOT_KEEP_RELEASES", "400")
    settings = Settings(data=tmp_path / "data")
    back_up_at(settings, NOW)
    return settings


def back_up_at(settings: Settings, moment: datetime) -> None:
    record_backup(settings, LastBackup(moment.isoformat(), "/mnt/backup", True, 1))


def list_packages(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.exports / "open_data").iterdir())


def test_contents_and_packages_go_but_each_months_last_and_the_copy_still_verifies(
    installation: Settings,
) -> None:
    planned = tidy(installation, NOW, dry_run=True)
    assert list_packages(installation) == ["1", "2", "3", "4", "5", "6", "latest"]
    assert tidy(installation, NOW) == planned
    names = {part.part: part.names for part in planned}
    assert names == {"packages": ["open_data/1", "open_data/3"], "releases": ["1", "3"], "runs": []}
    assert list_packages(installation) == ["2", "4", "5", "6", "latest"]
    with open_lake(installation) as con:
        chain = list_releases(con)
        assert [one.release_id for one in list_kept(con, chain)] == [2, 4, 5, 6]
    assert verify_releases(installation).findings == []
    assert all(not part.names for part in tidy(installation, NOW))


def test_a_clock_that_runs_ahead_lets_nothing_more_go(installation: Settings) -> None:
    names = {part.part: part.names for part in tidy(installation, datetime(2035, 1, 1), dry_run=True)}
    assert names["releases"] == ["1", "3"]


def test_a_setting_of_its_own_for_each_part(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THONGSUOT_KEEP_PACKAGES", "390")
    names = {part.part: part.names for part in tidy(installation, NOW, dry_run=True)}
    assert names["packages"] == ["open_data/1", "open_data/3", "open_data/5"] and names["releases"] == [
        "1",
        "3",
    ]


def test_a_part_that_cannot_be_looked_after_is_told_and_stops_no_other(installation: Settings) -> None:
    history = installation.dagster / "history" / "runs.db"
    history.parent.mkdir(parents=True)
    history.write_text("no database at all, however long one looks at it" * 100)
    back_up_at(installation, datetime.now(LOCAL_ZONE).replace(tzinfo=None))
    env = installation.child_environment()
    result = CliRunner().invoke(main, ["tidy", "--json"], env=env)
    assert result.exit_code == 1
    parts = {part["part"]: part for part in json.loads(result.output)["parts"]}
    assert "not a database" in parts["runs"]["error"] and parts["releases"]["names"] == ["1", "3"]
    (incident,) = see_failure(installation)
    assert (
        incident.kind == "tidy_failed"
        and "runs: " in incident.what_en
        and "not a database" in incident.what_en
    )
    CliRunner().invoke(main, ["tidy", "--dry-run"], env=env)
    assert see_failure(installation) == [incident]
    shutil.rmtree(installation.dagster)
    result = CliRunner().invoke(main, ["tidy"], env=env)
    assert result.exit_code == 0 and "runs (THONGSUOT_KEEP_RUNS=400): 0 went" in result.output
    assert see_failure(installation) == []


def see_failure(settings: Settings) -> list[Incident]:
    return list(find_failed_tidy(View(settings, Thresholds(), NOW, read_state(settings))))


@pytest.mark.parametrize("variable", ["THONGSUOT_KEEP_RUNS", "THONGSUOT_LAKE_CATALOGUE"])
def test_what_stops_it_before_it_begins_is_told_too(installation: Settings, variable: str) -> None:
    """A setting that cannot be used; a server that does not answer."""
    back_up_at(installation, datetime.now(LOCAL_ZONE).replace(tzinfo=None))
    value = "soon" if variable == "THONGSUOT_KEEP_RUNS" else f"postgresql://127.0.0.1:{find_free_port()}/lake"
    env = {**installation.child_environment(), variable: value}
    result = CliRunner().invoke(main, ["tidy"], env=env)
    assert result.exit_code == 2
    (incident,) = see_failure(installation)
    assert "what is old stays" in incident.what_en and incident.what_en.count("\n") == 1


def test_to_wait_for_a_long_run_in_vain_is_no_failure_and_a_wrong_folder_is_not_made(
    installation: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Busy), tidying.recording(installation):
        raise Busy(installation, 1800, None)
    assert see_failure(installation) == []
    nowhere = Settings(data=tmp_path / "mistyped")
    with pytest.raises(FileNotFoundError), tidying.recording(nowhere):
        raise FileNotFoundError("no lake")
    assert not nowhere.data.exists()


def find_names(parts: list[tidying.Tidied]) -> dict[str, list[str]]:
    return {part.part: part.names for part in parts}


def test_contents_stay_unless_somebody_says_how_long(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("THONGSUOT_KEEP_RELEASES")
    names = find_names(tidy(installation, NOW))
    assert names == {"releases": [], "packages": ["open_data/1", "open_data/3"], "runs": []}
    with open_lake(installation) as con:
        assert len(list_kept(con, list_releases(con))) == 6


@pytest.mark.parametrize("hours", [None, 27, -1000])
def test_nothing_goes_without_a_whole_backup_of_the_last_day(
    installation: Settings, hours: int | None
) -> None:
    """None was made, it is too old, or it says a time that is still to come."""
    (installation.data / "operations" / "backup.json").unlink()
    if hours:
        back_up_at(installation, NOW - timedelta(hours=hours))
    with pytest.raises(TidyRefused, match="thongsuot backup"):
        tidy(installation, NOW)
    assert list_packages(installation) == ["1", "2", "3", "4", "5", "6", "latest"]
    env = installation.child_environment()
    result = CliRunner().invoke(main, ["tidy"], env=env)
    assert result.exit_code == 2 and "thongsuot backup" in result.output
    assert see_failure(installation) == []  # `backup_old` tells it


def land_cutoff(settings: Settings, moment: str) -> None:
    def write(path: Path) -> tuple[str, tuple[str, ...]]:
        rows = {"cutoff_at": [moment, "soon"], "label_vi": ["Mốc", ""], "label_en": ["Cut-off", ""]}
        pq.write_table(pa.table(rows), path)
        return "by hand", ()

    write_batch(settings.landing, "reference_reporting_cutoffs", "2025-08-06", write, run_id="t")


def test_the_releases_of_a_cutoff_stay(installation: Settings) -> None:
    land_cutoff(installation, "2025-08-06 16:00:00")
    assert find_names(tidy(installation, NOW, dry_run=True))["releases"] == ["1", "3"]
    land_cutoff(installation, "2025-08-06")  # its end, which all of these answer for
    names = find_names(tidy(installation, NOW))
    assert names["releases"] == [] and names["packages"] == []
    pruned = prune(installation, author="a", reason="by hand", keep_days=0, now=datetime(2030, 1, 1))
    assert pruned.releases == []


def test_what_was_accepted_asked_for_or_listed_stays(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_lake(installation, read_only=False) as con:
        chain = list_releases(con)
        assert find_spared(con, installation, chain) == set()
        record_hold(con, chain, chain[-1], [])
        con.execute("begin")
        close_hold(con, chain, list_holds(con)[-1], ACCEPTED, chain[-1])
        label_transaction(con, "a", "accepted")
        con.execute("commit")
        assert find_spared(con, installation, chain) == {6}
        back = replace(chain[3], as_of=chain[3].as_of - timedelta(hours=8))
        assert find_spared(con, installation, [*chain[:3], back, *chain[4:]]) == {4, 6}
    monkeypatch.setenv("THONGSUOT_KEEP_ALSO", "3, 99")
    names = find_names(tidy(installation, NOW, dry_run=True))
    assert names["releases"] == ["1"] and names["packages"] == ["open_data/1"]
    monkeypatch.setenv("THONGSUOT_KEEP_ALSO", "three")
    with pytest.raises(SettingsError, match="THONGSUOT_KEEP_ALSO"):
        tidy(installation, NOW)


def test_what_went_before_an_error_is_told(installation: Settings) -> None:
    (installation.exports / "open_data" / ".3.gone").write_text("a file where the folder is to go")
    part = {part.part: part for part in tidy(installation, NOW)}["packages"]
    assert part.names == ["open_data/1"] and ".3.gone" in part.error


@pytest.mark.parametrize("keep", ["400", "forever"])
def test_of_a_lake_in_doubt_no_package_goes(
    installation: Settings, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    labelled("delete from lake.marts.task")(installation)
    monkeypatch.setenv("THONGSUOT_KEEP_RELEASES", keep)
    part = {part.part: part for part in tidy(installation, NOW)}["packages"]
    assert part.names == [] and part.error
    assert list_packages(installation) == ["1", "2", "3", "4", "5", "6", "latest"]


@pytest.mark.parametrize("part", sorted(PARTS))
def test_each_part_has_a_setting_a_wrong_one_is_named_and_the_handbook_has_it(part: str) -> None:
    assert DEFAULTS[part] in ("forever", "400") and read_keep_days(part, {}) == (
        None if part == "releases" else 400
    )
    assert read_keep_days(part, {VARIABLES[part]: " forever "}) is None
    for wrong in ("x", "0", "29", "999999", "for ever"):
        with pytest.raises(SettingsError, match=VARIABLES[part]):
            read_keep_days(part, {VARIABLES[part]: wrong})
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"`{VARIABLES[part]}`" in page
