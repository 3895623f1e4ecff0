"""dbt parses when the project or dbt is another one, and only then; dbt itself is not started here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from pipelines.settings import Settings
from pipelines.warehouse import dbt, parsed


@pytest.fixture
def parses(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The commands that dbt was given; each writes what a parse writes."""
    commands: list[str] = []

    def invoke(settings: Settings, *words: str, manifest: Any = None) -> SimpleNamespace:
        commands.append(words[0])
        (settings.dbt_target / parsed.PARSED).write_bytes(b"parsed")
        (settings.dbt_target / parsed.MANIFEST).write_text("{}")
        return SimpleNamespace(success=True, exception=None)

    project = tmp_path / "project"
    for name in (
        "models/one.sql",
        "seeds/codes.csv",
        "macros/m.sql",
        "tests/t.sql",
        "dbt_project.yml",
        "profiles.yml",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    monkeypatch.setattr(Settings, "dbt_project", property(lambda _: project))
    monkeypatch.setattr(parsed, "SHARED", tmp_path / "environment")
    monkeypatch.setattr(dbt, "_invoke", invoke)
    return commands


def test_a_project_that_was_parsed_is_not_parsed_again_wherever_its_target_is_copied(
    settings: Settings, parses: list[str]
) -> None:
    assert dbt.ensure_manifest(settings) == settings.dbt_target / "manifest.json"
    dbt.ensure_manifest(settings)
    assert parses == ["parse"]


def test_a_second_data_directory_takes_the_parse_of_the_first(
    settings: Settings, parses: list[str], tmp_path: Path
) -> None:
    dbt.ensure_manifest(settings)
    other = replace(settings, data=tmp_path / "other")
    assert dbt.ensure_manifest(other).read_text() == "{}"
    assert (other.dbt_target / parsed.PARSED).read_bytes() == b"parsed"
    assert parses == ["parse"]


def test_a_parse_by_another_hand_is_replaced(settings: Settings, parses: list[str]) -> None:
    dbt.ensure_manifest(settings)
    (settings.dbt_target / parsed.PARSED).write_bytes(b"of another project")
    dbt.ensure_manifest(settings)
    assert (settings.dbt_target / parsed.PARSED).read_bytes() == b"parsed"


def test_a_manifest_that_a_full_disk_cut_is_made_anew(settings: Settings, parses: list[str]) -> None:
    manifest = dbt.ensure_manifest(settings)
    manifest.write_text("{")
    assert dbt.ensure_manifest(settings).read_text() == "{}"
    for whole in (manifest, next(parsed.SHARED.iterdir()) / parsed.MANIFEST):
        whole.write_text("{")
    assert dbt.ensure_manifest(settings).read_text() == "{}" and parses == ["parse", "parse"]


def test_a_manifest_that_somebody_edited_is_replaced_also_with_a_mark_that_fits(
    settings: Settings, parses: list[str]
) -> None:
    """It says which counts of open data are withheld."""
    manifest = dbt.ensure_manifest(settings)
    manifest.write_text('{"nodes": {}}')
    assert dbt.ensure_manifest(settings).read_text() == "{}"
    manifest.write_text('{"nodes": {}}')
    parsed.mark_current(settings.dbt_project, settings.dbt_target)
    assert dbt.ensure_manifest(settings).read_text() == "{}" and parses == ["parse"]


def test_half_a_shared_parse_is_none(settings: Settings, parses: list[str], tmp_path: Path) -> None:
    dbt.ensure_manifest(settings)
    [shared] = parsed.SHARED.iterdir()
    (shared / parsed.PARSED).unlink()
    dbt.ensure_manifest(replace(settings, data=tmp_path / "other"))
    assert parses == ["parse", "parse"]
    assert (shared / parsed.PARSED).read_bytes() == b"parsed"


def test_an_environment_that_cannot_be_written_keeps_no_parse(
    settings: Settings, parses: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(parsed, "SHARED", tmp_path / "a file" / "parsed")
    dbt.ensure_manifest(settings)
    dbt.ensure_manifest(replace(settings, data=tmp_path / "other"))
    assert parses == ["parse", "parse"]


def test_old_parses_are_cleared_away(settings: Settings, parses: list[str]) -> None:
    for number in range(parsed.PARSES_KEPT + 2):
        (settings.dbt_project / "models/one.sql").write_text(f"select {number}")
        dbt.ensure_manifest(settings)
    assert len(list(parsed.SHARED.iterdir())) == parsed.PARSES_KEPT


CHANGES: dict[str, Callable[[Settings, pytest.MonkeyPatch], object]] = {
    "a changed file": lambda s, _: (s.dbt_project / "models/one.sql").write_text("select 2"),
    "a file that is gone": lambda s, _: (s.dbt_project / "tests/t.sql").unlink(),
    "a renamed file": lambda s, _: (s.dbt_project / "models/one.sql").rename(
        s.dbt_project / "models/two.sql"
    ),
    "another profile": lambda s, _: (s.dbt_project / "profiles.yml").write_text("threads: 1"),
    "another dbt": lambda _, patch: patch.setattr(parsed, "version", lambda name: "9.9"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_project_or_another_dbt_is_parsed(
    settings: Settings,
    parses: list[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Settings, pytest.MonkeyPatch], object],
) -> None:
    dbt.ensure_manifest(settings)
    change(settings, monkeypatch)
    dbt.ensure_manifest(settings)
    assert parses == ["parse", "parse"]


def test_dbt_leaves_the_environment_as_it_was_but_for_what_others_set_meanwhile(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given another folder to compile in: what this process asks for later is of its own."""
    within: list[str | None] = []

    def invoke(runner: dbtRunner, words: list[str]) -> None:
        within.append(os.environ.get("THONGSUOT_DATA"))
        monkeypatch.setenv("SET_BY_A_THREAD", "meanwhile")

    monkeypatch.setattr(dbtRunner, "invoke", invoke)
    monkeypatch.setenv("THONGSUOT_DATA", "/srv/own")
    monkeypatch.delenv("THONGSUOT_WAREHOUSE", raising=False)
    dbt._invoke(settings, "parse")
    assert within == [str(settings.data)] and os.environ["THONGSUOT_DATA"] == "/srv/own"
    assert "THONGSUOT_WAREHOUSE" not in os.environ and os.environ["SET_BY_A_THREAD"] == "meanwhile"
