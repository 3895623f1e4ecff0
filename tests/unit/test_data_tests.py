"""What dbt compiled: kept once for a project; data tests pass, fail, cannot be asked, or are left out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dbt_common.contracts.constraints import ConstraintType

from pipelines import duck
from pipelines.settings import Settings
from pipelines.warehouse import compiled, dbt, parsed
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.data_tests import build_and_test
from pipelines.warehouse.failures import describe_failures
from tests.support.small_lake import BATCHES

QUERIES = {
    "test.p.sound": 'select * from "marts"."counts" where n < 0',
    "test.p.broken": 'select * from "marts"."counts" where n > 1',
    "test.p.wrong": 'select nowhere from "marts"."counts"',
    "test.p.of_two": 'select * from "marts"."counts", "marts"."failing"',
}
MODELS = {
    "model.p.counts": "select unnest([1, 2, 3]) as n",
    "model.p.failing": "select nowhere",
}


NOT_NULL = SimpleNamespace(type=ConstraintType.not_null)


class Config(SimpleNamespace):
    """As dbt's: an attribute, or a key that may be absent."""

    def get(self, key: str) -> Any:
        return getattr(self, key, None)


def make_test(name: str, query: str, parents: tuple[str, ...] = ("model.p.counts",), **config: Any) -> Any:
    return SimpleNamespace(
        unique_id=name, resource_type="test", compiled_code=query, depends_on=SimpleNamespace(nodes=parents),
        config=Config(**{**compiled.TEST_CONFIGURATION, **config}),
    )  # fmt: skip


def make_model(name: str, query: str, parents: tuple[str, ...] = (), **config: Any) -> Any:
    enforced = SimpleNamespace(enforced=config.pop("enforced", False))
    return SimpleNamespace(
        unique_id=name, resource_type="model", compiled_code=query, schema="marts", alias=name.rpartition(".")[2],
        depends_on=SimpleNamespace(nodes=parents), columns=config.pop("columns", {}), constraints=[],
        config=Config(materialized="table", contract=enforced, **config),
    )  # fmt: skip


@pytest.fixture
def compilations(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """What dbt's compilations give, the next one last; nothing is shared with other data directories."""
    tests = [make_test(name, query) for name, query in QUERIES.items()]
    tests[-1].depends_on.nodes += ("model.p.failing",)
    stack = [[*(make_model(name, query) for name, query in MODELS.items()), *tests]]
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema raw")
        con.execute(BATCHES)
    monkeypatch.setattr(parsed, "SHARED", settings.data / "environment")
    monkeypatch.setattr(dbt, "load_seeds", lambda _: [])
    monkeypatch.setattr(dbt, "ensure_manifest", lambda _: None)
    monkeypatch.setattr(dbt, "compile_nodes", lambda _: stack.pop())
    settings.dbt_target.mkdir(parents=True)
    return stack


def test_a_test_passes_fails_or_is_skipped_by_its_own_rows(
    settings: Settings, compilations: list[list[Any]]
) -> None:
    results = {result.unique_id: result for result in build_and_test(settings)}
    assert {name: (r.status, r.failures, r.failed) for name, r in results.items()} == {
        "model.p.counts": ("success", 0, False),
        "model.p.failing": ("error", 0, True),
        "test.p.sound": ("pass", 0, False),
        "test.p.broken": ("fail", 2, True),
        "test.p.wrong": ("error", 0, True),
        "test.p.of_two": ("skipped", 0, False),
    }
    depends = {name: {"depends_on": {"nodes": []}} for name in results}
    (settings.dbt_target / parsed.MANIFEST).write_text(json.dumps({"nodes": depends, "sources": {}}))
    text = describe_failures(settings, list(results.values()))
    assert "broken: fail, Got 2 results" in text and "wrong: error, Binder Error" in text


def test_a_project_is_compiled_once(
    settings: Settings, compilations: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_compiled(settings)
    assert {name: test.query for name, test in first.tests.items()} == QUERIES
    assert read_compiled(settings) == first
    compilations.append([make_test("test.p.other", "select 1")])
    monkeypatch.setattr(parsed, "hash_project", lambda _: "another project")
    assert list(read_compiled(settings).tests) == ["test.p.other"]


def test_parents_come_first(settings: Settings, compilations: list[list[Any]]) -> None:
    compilations[:] = [
        [make_model("model.p.a", "select 1", ("model.p.z",)), make_model("model.p.z", "select 1")]
    ]
    assert [s.unique_id for s in read_compiled(settings).statements] == ["model.p.z", "model.p.a"]


def test_a_contract_is_kept_in_the_words_of_the_engine(
    settings: Settings, compilations: list[list[Any]]
) -> None:
    columns = {
        "a": SimpleNamespace(data_type="decimal(5, 2)", constraints=[NOT_NULL]),
        "b": SimpleNamespace(data_type="timestamp with time zone", constraints=[]),
    }
    compilations[:] = [[make_model("model.p.a", "select 1", columns=columns, enforced=True)]]
    [statement] = read_compiled(settings).statements
    assert statement.columns == {"a": ("DECIMAL(5,2)", True), "b": ("TIMESTAMP WITH TIME ZONE", False)}


UNSUPPORTED = {
    "a warning": make_test("test.p.x", "select 1", severity="WARN"),
    "a part of the rows": make_test("test.p.x", "select 1", where="n > 1"),
    "a limit": make_test("test.p.x", "select 1", error_if="> 10"),
    "a hook": make_model("model.p.x", "select 1", post_hook=["drop table t"]),
    "state": make_model("model.p.x", "select 1") ,
    "a check": make_model(
        "model.p.x", "select 1", enforced=True,
        columns={"a": SimpleNamespace(data_type="int", constraints=[SimpleNamespace(type=ConstraintType.check)])},
    ),
}  # fmt: skip
UNSUPPORTED["state"].config.materialized = "incremental"


@pytest.mark.parametrize("node", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_only_dbt_would_do_is_refused(
    settings: Settings, compilations: list[list[Any]], node: Any
) -> None:
    compilations[:] = [[node]]
    with pytest.raises(dbt.DbtError, match=node.unique_id):
        read_compiled(settings)


def test_the_project_has_no_operation_and_no_snapshot() -> None:
    """They are no nodes that are compiled."""
    project = Settings(data=Path()).dbt_project
    assert "on-run-" not in (project / "dbt_project.yml").read_text(encoding="utf-8")
    assert not list(project.rglob("*.py")) and not (project / "snapshots").exists()
