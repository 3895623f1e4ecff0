"""A night with nothing new keeps the build that is there; whatever a build rests on makes a new one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines import night
from pipelines.landing.batches import write_json
from pipelines.landing.withdrawals import FOLDER, Withdrawal
from pipelines.night import Night, build_warehouse
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import basis, dbt
from tests.cases.support import copy_case, land_and_validate

DAYS = "2025-08-05"
NODES = [dbt.NodeResult("model.thongsuot.a.v1", "success", 0.5, "", 0)]


class Place:
    """A small place, landed and validated, whose dbt is a pencil: it counts how often it was called."""

    def __init__(self, settings: Settings, patch: pytest.MonkeyPatch) -> None:
        self.settings, self.builds, self.nodes = settings, 0, NODES
        settings.dbt_target.mkdir(parents=True)
        empty = {"metadata": {"project_name": "thongsuot"}, "nodes": {}, "macros": {}}
        (settings.dbt_target / "manifest.json").write_text(json.dumps(empty), encoding="utf-8")
        patch.setattr(night, "build_and_test", self._build)
        land_and_validate(settings, DAYS)

    def _build(self, settings: Settings) -> list[dbt.NodeResult]:
        self.builds += 1
        return self.nodes

    def build(self, as_of: datetime | None = None) -> night.BuildResult:
        contracts = load_contracts(self.settings.sources_file)
        return build_warehouse(
            Night(self.settings, contracts, run_id="test", as_of=as_of, build=night.build_and_test)
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(copy_case("header_only_export", tmp_path), monkeypatch)
    assert place.build().is_new
    return place


def test_nothing_new_is_not_built_again_and_says_how_each_node_ended(place: Place) -> None:
    again = place.build()
    assert not again.is_new and again.nodes == NODES and place.builds == 1


def _touch(pattern: str) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        path = next(place.settings.data.glob(pattern))
        os.utime(path, ns=(0, 0))

    return change


def _edit_report(place: Place) -> None:
    path = next(place.settings.quality.glob("*/*/*.json"))
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def _land_again(place: Place) -> None:
    land_and_validate(place.settings, DAYS)


def _write_to_the_warehouse(place: Place) -> None:
    with duckdb.connect(str(place.settings.warehouse)) as con:
        con.execute("create table raw.by_hand as select 1 as one")


def _edit_the_contract(place: Place) -> None:
    path = place.settings.sources_file
    path.write_text(path.read_text(encoding="utf-8").replace("first_day: ", "is_demo: true\nfirst_day: "))


def _withdraw(place: Place) -> None:
    event = Withdrawal(
        1, "withdrawn", "dossier_log", "2025-08-01", "none", "me", "a try", "2025-08-05 00:00:00"
    )
    folder = place.settings.landing / FOLDER
    folder.mkdir()
    write_json(folder / "000001.json", asdict(event))


def _forget(place: Place) -> None:
    place.settings.build_record.unlink()


def _tear_the_record(place: Place) -> None:
    place.settings.build_record.write_text('{"inputs_sha256": "', encoding="utf-8")


CHANGES: dict[str, Callable[[Place], None]] = {
    "accepted rows": _touch("quality/*/*/*.accepted.parquet"),
    "a report": _edit_report,
    "batches": _land_again,
    "a withdrawal": _withdraw,
    "the warehouse by hand": _write_to_the_warehouse,
    "sources.yaml": _edit_the_contract,
    "a stopped build": _forget,
    "half a record": _tear_the_record,
}


def test_what_a_build_rests_on_makes_a_new_one(place: Place) -> None:
    for name, change in CHANGES.items():
        change(place)
        assert place.build().is_new, name
        assert not place.build().is_new, name


def test_another_moment_and_another_project_make_a_new_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of = datetime(2025, 8, 5, 16)
    assert place.build(as_of).is_new and not place.build(as_of).is_new
    assert place.build(as_of - timedelta(hours=1)).is_new
    monkeypatch.setattr(basis, "hash_project", lambda _: "another")
    assert place.build(as_of - timedelta(hours=1)).is_new


def test_a_build_that_failed_is_made_again(place: Place) -> None:
    _forget(place)
    place.nodes = [replace(NODES[0], status="error")]
    assert place.build().failed and place.build().is_new
    place.nodes = NODES
    assert place.build().is_new and not place.build().is_new
