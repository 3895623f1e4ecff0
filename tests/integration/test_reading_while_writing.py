"""Readers for the whole of a nightly run: what they see (`make bench` has eight, and what they wait)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from benchmarks.readers import READERS, run_watched
from pipelines.exports.postgres.export import load_postgres
from tests.conftest import Province

pytestmark = pytest.mark.slow


def test_readers_meet_no_error_and_no_mixture_and_postgres_got_the_difference(
    small_province: Province, postgres: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_province.settings.data, data, symlinks=True)
    settings = replace(small_province.settings, data=data, postgres_url=postgres)
    load_postgres(settings)
    env = {**os.environ, "THONGSUOT_DATA": str(data), "THONGSUOT_POSTGRES_URL": postgres}
    nightly = [sys.executable, "-m", "pipelines.cli", "run", "--partition", "2025-08-07"]

    def run() -> float:
        process = subprocess.run(nightly, env=env, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
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
