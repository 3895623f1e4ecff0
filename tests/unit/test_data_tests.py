"""Data tests as they are evaluated here: what passes, fails, cannot be asked, and what is left out."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipelines.settings import Settings
from pipelines.warehouse import data_tests, dbt, parsed
from pipelines.warehouse.data_tests import build_and_test, read_queries
from pipelines.warehouse.failures import describe_failures

QUERIES = {
    "test.p.sound": 'select * from "warehouse"."marts"."counts" where n < 0',
    "test.p.broken": 'select * from "warehouse"."marts"."counts" where n > 1',
    "test.p.wrong": 'select nowhere from "warehouse"."marts"."counts"',
    "test.p.of_two": 'select * from "warehouse"."marts"."counts", "warehouse"."marts"."failing"',
}
MODELS = [
    dbt.NodeResult("model.p.counts", "success", 0.1, "", 0),
    dbt.NodeResult("model.p.failing", "error", 0.1, "no such column", 0),
]


def _result(name: str, code: str, **config: Any) -> SimpleNamespace:
    whole = {**data_tests.CONFIGURATION, **dict.fromkeys(data_tests.UNSUPPORTED), **config}
    return SimpleNamespace(
        node=SimpleNamespace(unique_id=name, compiled_code=code, config=SimpleNamespace(**whole))
    )


@pytest.fixture
def compilations(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What dbt's compilations give, the next one last; nothing is shared with other data directories."""
    stack = [[_result(name, code) for name, code in QUERIES.items()]]
    monkeypatch.setattr(parsed, "SHARED", settings.data / "environment")
    monkeypatch.setattr(dbt, "read_parsed", lambda _: None)
    monkeypatch.setattr(dbt, "compile_tests", lambda *_: stack.pop())
    settings.dbt_target.mkdir(parents=True)
    return stack


def test_a_test_passes_fails_or_is_skipped_by_its_own_rows(
    settings: Settings, compilations: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema marts; create table marts.counts as from (values (1), (2), (3)) t(n)")
    depends = {name: {"depends_on": {"nodes": ["model.p.counts"]}} for name in QUERIES}
    depends["test.p.of_two"]["depends_on"]["nodes"].append("model.p.failing")
    (settings.dbt_target / parsed.MANIFEST).write_text(
        json.dumps({"nodes": depends, "sources": {}}), encoding="utf-8"
    )
    monkeypatch.setattr(dbt, "build_models", lambda _: MODELS)
    results = {result.unique_id: result for result in build_and_test(settings)}
    assert {name: (r.status, r.failures, r.failed) for name, r in results.items()} == {
        "model.p.counts": ("success", 0, False),
        "model.p.failing": ("error", 0, True),
        "test.p.sound": ("pass", 0, False),
        "test.p.broken": ("fail", 2, True),
        "test.p.wrong": ("error", 0, True),
        "test.p.of_two": ("skipped", 0, False),
    }
    text = describe_failures(settings, list(results.values()))
    assert "broken: fail, Got 2 results" in text and "wrong: error, Binder Error" in text


def test_tests_are_compiled_once_for_a_project(
    settings: Settings, compilations: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_queries(settings) == read_queries(settings) == QUERIES
    compilations.append([_result("test.p.other", "select 1")])
    monkeypatch.setattr(parsed, "hash_project", lambda _: "another project")
    assert read_queries(settings) == {"test.p.other": "select 1"}


@pytest.mark.parametrize("config", [{"severity": "WARN"}, {"where": "n > 1"}, {"error_if": "> 10"}])
def test_a_configuration_that_is_not_read_here_is_refused(
    settings: Settings, compilations: list[list[Any]], config: dict[str, str]
) -> None:
    compilations[:] = [[_result("test.p.lenient", "select 1", **config)]]
    with pytest.raises(dbt.DbtError, match=r"test\.p\.lenient"):
        read_queries(settings)
