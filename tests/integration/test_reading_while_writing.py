"""Readers for the whole of a nightly run: what they see (`make bench` has eight, and what they wait)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from benchmarks.readers import READERS, run_watched
from pipelines.exports.postgres.export import load_postgres
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing
from tests.conftest import Province
from tests.nights import run_night
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow


def run_next_night(settings: Settings) -> None:
    run_night(settings, "2025-08-07", build=build_models, exports=("marts_duckdb", "postgres"))


def test_readers_meet_no_error_and_no_mixture_and_postgres_got_the_difference(
    small_province: Province, compiled: Settings, postgres: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    copy_installation(small_province.settings.data, data, "dbt")
    settings = replace(small_province.settings, data=data, postgres_url=postgres)
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    load_postgres(settings)

    def run() -> float:
        crashing.ask_in_child(run_next_night, settings)
        return 0

    _, seen = run_watched(str(data), postgres, run, kinds=sorted(set(READERS)))
    assert {reader.kind for reader in seen} == set(READERS)
    for reader in seen:
        assert (reader.errors, reader.mixed) == ([], [])
        assert reader.releases == {1, 2}, reader.kind
    with psycopg.connect(postgres) as pg:
        loads = pg.execute("select release_id, how from marts.releases order by loaded_at").fetchall()
    assert loads == [(1, "compared in full"), (2, "difference from 1")]
    assert not load_postgres(settings, compare_all=True).rewritten, (
        "the difference made it equal, row for row"
    )
