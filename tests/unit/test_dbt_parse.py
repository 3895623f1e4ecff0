"""dbt parses when the project or dbt is another one, and only then; dbt itself is not started here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import dbt


@pytest.fixture
def parses(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The commands that dbt was given; each writes what a parse writes."""
    commands: list[str] = []

    def invoke(settings: Settings, *words: str, manifest: Any = None) -> SimpleNamespace:
        commands.append(words[0])
        (settings.dbt_target / dbt.PARSED).write_bytes(b"parsed")
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
    monkeypatch.setattr(dbt, "_invoke", invoke)
    return commands


def test_a_project_that_was_parsed_is_not_parsed_again_wherever_its_target_is_copied(
    settings: Settings, parses: list[str]
) -> None:
    assert dbt.ensure_manifest(settings) == settings.dbt_target / "manifest.json"
    dbt.ensure_manifest(settings)
    assert parses == ["parse"]


CHANGES: dict[str, Callable[[Settings, pytest.MonkeyPatch], object]] = {
    "a changed file": lambda s, _: (s.dbt_project / "models/one.sql").write_text("select 2"),
    "a file that is gone": lambda s, _: (s.dbt_project / "tests/t.sql").unlink(),
    "a renamed file": lambda s, _: (s.dbt_project / "models/one.sql").rename(
        s.dbt_project / "models/two.sql"
    ),
    "another profile": lambda s, _: (s.dbt_project / "profiles.yml").write_text("threads: 1"),
    "another dbt": lambda _, patch: patch.setattr(dbt, "version", lambda name: "9.9"),
    "a parse by another hand": lambda s, _: (s.dbt_target / dbt.PARSED).write_bytes(b"of another project"),
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
