"""Adding an export is its module, a line of the registry and a dbt exposure; what was forgotten is named."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import pipelines.exports
from pipelines.cli import main
from pipelines.exports.export import Export
from pipelines.exports.registry import EXPORTS, UnknownExport, enabled_exports
from pipelines.settings import PROJECT, Settings
from tests.integration import test_crash_exports


def names(settings: Settings) -> set[str]:
    return {export.name for export in enabled_exports(settings)}


def test_every_module_that_defines_an_export_is_registered() -> None:
    modules = pkgutil.walk_packages(pipelines.exports.__path__, "pipelines.exports.")
    defined = {
        module.name: value.name
        for module in modules
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, Export)
    }
    registered = {export.name for export in EXPORTS}
    assert {m: name for m, name in defined.items() if name not in registered} == {}, "add to registry.py"
    assert len(registered) == len(EXPORTS), "two exports have one name"


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_every_export_has_words_in_both_languages(export: Export) -> None:
    words = ("title_vi", "title_en", "description_vi", "description_en")
    assert [word for word in words if not getattr(export, word).strip()] == [], export.name


def test_every_export_is_tried_with_a_kill_at_each_boundary_or_says_where_it_is() -> None:
    matrix, elsewhere = test_crash_exports.MATRIX, test_crash_exports.ELSEWHERE
    silent = [e.name for e in EXPORTS if e.name not in {*matrix, *elsewhere}]
    assert silent == [], "add them to MATRIX of tests/integration/test_crash_exports.py"
    for name, (module, test) in elsewhere.items():
        code = (PROJECT / "tests" / module).read_text(encoding="utf-8")
        assert f"def {test}(" in code, f"{name}: {module} has no {test}"


def test_the_example_environment_names_exports_that_exist_and_switches_none_off() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    line = re.search(r"^#THONGSUOT_EXPORTS=(.*)$", text, re.M)
    assert line, ".env.example: THONGSUOT_EXPORTS stands there commented out"
    assert set(line[1].split(",")) < {export.name for export in EXPORTS}


def test_every_export_that_this_place_can_have_is_on_unless_the_environment_chooses() -> None:
    every = {export.name for export in EXPORTS}
    address = {"THONGSUOT_POSTGRES_URL": "postgresql://h/d"}
    assert names(Settings.from_env(address)) == every
    assert names(Settings.from_env({})) == every - {"postgres"}
    assert names(Settings.from_env({"THONGSUOT_EXPORTS": "brief, marts_duckdb"})) == {"brief", "marts_duckdb"}
    assert names(Settings.from_env({"THONGSUOT_EXPORTS": ""})) == set()
    assert names(Settings.from_env({**address, "THONGSUOT_EXPORTS": "postgres"})) == {"postgres"}


def test_a_name_that_is_no_export_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownExport, match=r"THONGSUOT_EXPORTS names breif; there are brief, "):
        enabled_exports(Settings.from_env({"THONGSUOT_EXPORTS": "breif"}))
    monkeypatch.setenv("THONGSUOT_DATA", str(tmp_path))
    monkeypatch.setenv("THONGSUOT_EXPORTS", "breif")
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert len(result.output.strip().splitlines()) == 1 and "breif" in result.output
