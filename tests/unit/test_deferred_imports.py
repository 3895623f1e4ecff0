"""A module that is imported on first use: what uses it at once or later gets the module itself."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipelines.quality.deferred_imports import DeferredModule, defer_imports
from pipelines.quality.expectations import evaluate_frame
from pipelines.quality.suite import NULLNESS, Expectation


@pytest.fixture
def plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that nothing has imported, with a module below it."""
    folder = tmp_path / "plots_of_this_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("colour = 'red'\n")
    (folder / "lines.py").write_text("width = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in (folder.name, f"{folder.name}.lines"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder.name


def test_a_deferred_module_is_imported_at_its_first_use(plots: str) -> None:
    with defer_imports(plots):
        kept = importlib.import_module(plots)
    assert isinstance(kept, DeferredModule)
    assert plots not in sys.modules
    assert kept.colour == "red"
    assert importlib.import_module(plots) is sys.modules[plots] is not kept


def test_what_is_used_within_is_loaded_within(plots: str) -> None:
    with defer_imports(plots):
        assert importlib.import_module(f"{plots}.lines").width == 2
        assert importlib.import_module(plots).colour == "red"
    assert not isinstance(sys.modules[plots], DeferredModule)


def test_a_module_that_is_loaded_is_not_deferred(plots: str) -> None:
    loaded = importlib.import_module(plots)
    with defer_imports(plots):
        assert importlib.import_module(plots) is loaded
    assert sys.modules[plots] is loaded


def test_a_module_that_is_not_there_is_missed_at_its_first_use() -> None:
    with defer_imports("no_such_module_of_ours"):
        absent = importlib.import_module("no_such_module_of_ours")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_of_ours"):
        _ = absent.anything


def test_garbage_is_collected_again_after_an_import_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), defer_imports():
        assert not gc.isenabled()
        _ = 1 / 0
    assert gc.isenabled()


def test_great_expectations_finds_what_it_plots_with() -> None:
    rule = Expectation(NULLNESS[0], {"column": "n"}, "critical", "there", "en", "vi")
    assert evaluate_frame([rule], pd.DataFrame({"n": [None, 1.0]}), "suite")[0].failed.tolist() == [1]
    plotting = importlib.import_module(
        "great_expectations.expectations.core.expect_column_kl_divergence_to_be_less_than"
    )
    assert plotting.stats.norm.cdf(0) == 0.5
    assert plotting.alt.Chart.__name__ == "Chart"
