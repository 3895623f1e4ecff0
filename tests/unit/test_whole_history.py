"""One file that holds the whole history of a log, whatever the decade."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.landing.pull import land_partition
from pipelines.night import Night, land_source
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.sources.errors import NotProvided

LOG = "case,time,state\nC1,2011-03-04 09:00,in\nC2,2012-11-30 10:00,in\nC1,2012-12-01 09:00,out\n"
SOURCE: dict[str, Any] = {
    "connector": "files",
    "partitioning": "whole_table",
    "path": "log.csv",
    "format": "csv",
    "datetime_formats": ["%Y-%m-%d %H:%M"],
    "columns": {
        "dossier_code": "case",
        "recorded_at": "time",
        "status_code": {"raw": "state", "value_map": {"in": 2, "out": 9}},
    },
}
DAYS = [date(2012, 12, 1) + timedelta(days=n) for n in range(31)]


def night_of(place: Path, **changes: Any) -> Night:
    (place / "log.csv").write_text(LOG, encoding="utf-8")
    (place / "units.csv").write_text("unit_code\nX\n", encoding="utf-8")
    content = {
        "place": {"code": "X", "name": "X", "counts_since": "2011-01-01"},
        "first_day": "2011-01-01",
        "sources": {"dossier_log": SOURCE | changes},
        "reference": {"units": {"path": "units.csv"}},
    }
    (place / "sources.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    settings = Settings(data=place / "data", sources_file=place / "sources.yaml")
    return Night(settings, load_contracts(settings.sources_file), run_id="t", days=DAYS, only_missing=False)


def test_it_is_landed_once_under_the_last_day_that_is_asked_for(tmp_path: Path) -> None:
    night = night_of(tmp_path)
    source = night.contracts.sources["dossier_log"]
    assert find_missing_days(source, DAYS, night.settings) == [date(2012, 12, 31)]
    [batch] = land_source(night, source).batches
    assert batch.partition == "2012-12-31" and pq.read_table(batch.path).num_rows == 3
    assert find_missing_days(source, DAYS, night.settings) == []


def test_a_table_of_things_as_they_stand_now_is_no_history(tmp_path: Path) -> None:
    """Its rows say how things are today: under a day of 2012 that would be a false past."""
    columns = SOURCE["columns"] | {"received_at": "time"}
    night = night_of(tmp_path, milestones={"received_at": "in"}, columns=columns)
    landed = land_source(night, night.contracts.sources["dossier_log"])
    assert landed.batches == [] and landed.not_provided == DAYS


@pytest.mark.parametrize("changes", [{"partitioning": "change_day"}, {"path": "log-{partition}.csv"}])
def test_only_one_file_of_a_whole_table_is_a_history(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert not night_of(tmp_path, **changes).contracts.sources["dossier_log"].holds_history()


def test_a_message_names_the_folder_wherever_the_shell_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    night = night_of(tmp_path, path="in/log-{partition}.csv")
    with pytest.raises(NotProvided, match=f"no file log-2012-12-31.csv in {tmp_path}/in/"):
        land_partition(night.contracts.sources["dossier_log"], DAYS[-1], night.settings, run_id="t")
