"""What is written under the data directory is its account's alone; exports are for readers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.exports.sharing import share_exports
from pipelines.landing.batches import write_json
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_command_closes_the_data_directory_and_what_it_writes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "sources", "list"],
        env={**os.environ, "THONGSUOT_DATA": str(data)}, check=False, capture_output=True,
    )  # fmt: skip
    assert mode(data) == 0o700


def test_files_of_any_library_are_private(settings: Settings) -> None:
    settings.keep_private()
    write_json(settings.data / "a.json", {})
    (settings.data / "inner").mkdir()
    with duck.connect(settings.extensions, settings.data / "a.duckdb") as con:
        con.execute(f"copy (select 1) to '{settings.data}/a.parquet'")
    names = ("a.json", "a.duckdb", "a.parquet")
    assert {name: mode(settings.data / name) for name in names} == dict.fromkeys(names, 0o600)
    assert mode(settings.data) == mode(settings.data / "inner") == 0o700


def test_no_other_account_can_hold_the_writer_lock(settings: Settings) -> None:
    lock = settings.data / "writer.lock"
    settings.data.mkdir(exist_ok=True)
    lock.touch(0o666)
    with exclusive(settings):
        assert mode(lock) == 0o600


def test_exports_stay_readable_and_drafts_do_not(settings: Settings) -> None:
    settings.keep_private()
    folder = settings.exports / "open_data"
    folder.mkdir(parents=True)
    for name in ("marts.csv", "brief.partial"):
        (folder / name).touch()
    share_exports(settings.exports)
    assert (mode(settings.exports), mode(folder)) == (0o755, 0o755)
    assert (mode(folder / "marts.csv"), mode(folder / "brief.partial")) == (0o644, 0o600)
    assert mode(settings.data) == 0o700


def test_an_installation_without_exports_has_nothing_to_share(tmp_path: Path) -> None:
    share_exports(tmp_path / "exports")
