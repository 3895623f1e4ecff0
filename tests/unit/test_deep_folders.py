"""Folders that lie in folders without end, in a data directory: told in words, by every command that looks there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.exports.marts_duckdb import EXPORT
from pipelines.night import write_export
from pipelines.operations.backup import back_up
from pipelines.operations.check_machine import check_permissions
from pipelines.operations.disk import measure_parts
from pipelines.plain_files import TooDeep, list_below
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import release

# Beyond the depth at which Python's own walks end.
LEVELS = 1100
WORDS = "folders lie in folders without end below"


@pytest.fixture(params=["exports", "lake/files/marts", "landing/log", "quality/log"])
def deep(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir(mode=0o700)
    release(settings, [("a", 1)])
    write_export(settings, EXPORT)
    settings.keep_private()
    folders = [settings.data / request.param]
    folders[0].mkdir(parents=True, exist_ok=True, mode=0o700)
    for _ in range(LEVELS):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir(mode=0o700)
    yield settings
    for folder in reversed(folders[1:]):  # what removes a test's folder does not get through either
        folder.rmdir()


def test_no_backup_is_made_without_a_word(deep: Settings, tmp_path: Path) -> None:
    with pytest.raises(TooDeep, match=f"{WORDS} {deep.data}/"):
        back_up(deep, tmp_path / "backup")


def test_the_watch_and_the_doctor_go_on(deep: Settings, request: pytest.FixtureRequest) -> None:
    assert measure_parts(deep)["lake"] > 0
    [diagnosis] = check_permissions(deep)
    if request.node.callspec.params["deep"] == "exports":  # it is for readers
        assert diagnosis.level == "ok"
    else:
        assert diagnosis.level == "fail" and WORDS in diagnosis.text


@pytest.mark.parametrize("deep", ["exports"], indirect=True)
def test_verify_names_those_of_the_exports(deep: Settings) -> None:
    [finding] = verify_releases(deep).findings
    assert finding.kind == "ledger_unreadable" and f"{WORDS} {deep.exports}" in finding.text


@pytest.mark.parametrize("deep", ["lake/files/marts"], indirect=True)
def test_a_release_names_those_of_the_lake_and_is_not_made(deep: Settings) -> None:
    with pytest.raises(TooDeep, match=f"{WORDS} {deep.lake}"):
        release(deep, [("a", 2)])
    assert not verify_releases(deep).findings


def test_all_that_lies_below_is_listed_and_no_link_is_followed(tmp_path: Path) -> None:
    for name in ("a/b/x.parquet", "a/y.json", ".hidden/z.parquet", "u.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for pattern in ("*", "*.parquet"):
        assert list_below(tmp_path, pattern) == sorted(tmp_path.rglob(pattern))
    assert list_below(tmp_path / "none") == []
