"""On a cluster of two workers: every table equal to DuckDB's, also where a worker dies; a release of one engine comes
out of the other."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.spark_cluster import Cluster
from pipelines import duck
from pipelines.lake.content_hash import Content, hash_content
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_and_test
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.spark import build as spark_build
from pipelines.warehouse.spark.build import run_job
from pipelines.warehouse.spark.extra import find_python
from tests.conftest import Province
from tests.spark.trap_province import write_trap_province

pytestmark = pytest.mark.slow


def find_settings(cluster: Cluster, data: Path) -> Settings:
    return Settings(data=data, engine="spark", spark=cluster.spark)


def build(settings: Settings) -> tuple[dict[str, NodeResult], dict[str, Content]]:
    """Each node's end, and the content of every published table."""
    settings.data.mkdir(parents=True)
    write_trap_province(settings.warehouse)
    results = {result.unique_id: result for result in build_and_test(settings)}
    with duckdb.connect(str(settings.warehouse), read_only=True) as con:
        names = con.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema in ('seeds', 'marts', 'audit') order by all"
        ).fetchall()
        return results, {".".join(name): hash_content(con, duck.identifier(*name)) for name in names}


@pytest.fixture(scope="module")
def by_duckdb(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, NodeResult], dict[str, Content]]:
    return build(Settings(data=tmp_path_factory.mktemp("duckdb") / "data"))


def describe_ends(results: dict[str, NodeResult]) -> dict[str, tuple[str, int]]:
    return {name: (result.status, result.failures) for name, result in results.items()}


def list_busy(cluster: Cluster) -> list[str]:
    """Workers that an executor of a build ran in."""
    return [
        f"worker-{number}"
        for number in range(len(cluster.workers))
        if list((cluster.folder / f"worker-{number}").glob("app-*/*/stderr"))
    ]


def write_plan(folder: Path) -> Path:
    """A source of two rows; a view, and tables that keep their contract, lack a value, are of another type, rest on
    one that failed, are empty; tests that hold, do not, cannot be asked, rest on what was not built."""
    (folder / "codes").mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("create table codes (code varchar, n bigint)")
        con.execute("insert into codes values ('a', 1), (null, 2)")
        con.execute(f"copy codes to {duck.literal(folder / 'codes' / 'rows.parquet')} (format parquet)")

    def model(
        name: str, sql: str, *parents: str, kind: str = "table", **columns: tuple[str, bool]
    ) -> dict[str, Any]:
        return {
            "unique_id": name, "parents": parents, "schema": "marts", "name": name, "kind": kind, "sql": sql,
            "columns": columns, "location": str(folder / "marts" / name),
        }  # fmt: skip

    plan = {
        "folder": str(folder), "master": "local[2]", "memory": "512m", "settings": {}, "threads": 2,
        "little_bytes": 1000,
        "schemas": ["marts", "raw"],
        "sources": [
            {"schema": "raw", "name": "codes", "location": str(folder / "codes"),
             "columns": {"code": "string", "n": "bigint"}},
        ],
        "nodes": [
            model("seen", "select * from raw.codes", kind="view"),
            model("sound", "select n, code from marts.seen where code is not null", "seen",
                  code=("string", True), n=("bigint", False)),
            model("lacking", "select code from marts.seen", "seen", code=("string", True)),
            model("other", "select cast(n as int) as n from marts.seen", "seen", n=("bigint", False)),
            model("upon", "select * from marts.lacking", "lacking"),
            model("empty", "select code from marts.seen where n > 2", "seen", code=("string", True)),
            {"unique_id": "holds", "parents": ["sound"], "query": "select * from marts.sound where n > 1"},
            {"unique_id": "fails", "parents": ["seen"], "query": "select * from marts.seen"},
            {"unique_id": "breaks", "parents": ["seen"], "query": "select * from marts.seen where int(code) = 1"},
            {"unique_id": "rests", "parents": ["lacking"], "query": "select * from marts.lacking"},
        ],
    }  # fmt: skip
    file = folder / "plan.json"
    file.write_text(json.dumps(plan), encoding="utf-8")
    return file


def test_a_null_a_type_or_a_parent_fails_its_own_node(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "plan")
    events = list(run_job(find_python(Settings(data=tmp_path)), plan, "local[2]"))
    assert (
        events[0]["engine"] == "spark" and events[0]["settings"]["spark.sql.timestampType"] == "TIMESTAMP_NTZ"
    )
    ends = {event["unique_id"]: event for event in events[1:]}
    assert {name: event["status"] for name, event in ends.items()} == {
        "seen": "success", "sound": "success", "lacking": "error", "other": "error", "upon": "skipped",
        "empty": "success", "holds": "pass", "fails": "fail", "breaks": "error", "rests": "skipped",
    }  # fmt: skip
    assert "NOT NULL constraint failed: code" in ends["lacking"]["message"]
    assert "n is int, the contract says bigint" in ends["other"]["message"]
    assert ends["fails"]["failures"] == 2 and "CAST_INVALID_INPUT" in ends["breaks"]["message"]
    # In the order of the contract, whatever the query's.
    rows = duckdb.sql(
        f"from read_parquet({duck.literal(tmp_path / 'plan' / 'marts' / 'sound' / '*.parquet')})"
    )
    assert (rows.columns, rows.fetchall()) == (["code", "n"], [("a", 1)])


def test_a_province_of_traps_is_the_same_on_two_workers(
    cluster: Cluster,
    by_duckdb: tuple[dict[str, NodeResult], dict[str, Content]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        spark_build, "SMALL_BYTES", 0
    )  # some nodes as of a large province, some as of a small one
    monkeypatch.setattr(spark_build, "LITTLE_BYTES", 20_000)
    results, contents = build(find_settings(cluster, tmp_path / "data"))
    expected_results, expected = by_duckdb
    assert describe_ends(results) == describe_ends(expected_results)
    assert contents == expected
    assert sum(content.rows > 0 for content in contents.values()) > 30
    assert list_busy(cluster) == ["worker-0", "worker-1"]


def test_a_worker_that_dies_in_mid_build_takes_nothing_with_it(
    cluster: Cluster,
    by_duckdb: tuple[dict[str, NodeResult], dict[str, Content]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def kill_after_some_nodes(*words):  # type: ignore[no-untyped-def]
        for number, event in enumerate(run_job(*words)):
            if number == 30 and not ended.is_set():
                cluster.workers[0].kill()
                ended.set()
            yield event

    monkeypatch.setattr(spark_build, "run_job", kill_after_some_nodes)
    results, contents = build(find_settings(cluster, tmp_path / "data"))
    assert ended.is_set()
    # It ends right, or fails as a whole: a build of which a node failed is never finished, and never published.
    if not any(result.failed for result in results.values()):
        assert describe_ends(results) == describe_ends(by_duckdb[0])
        assert contents == by_duckdb[1]
    cluster.start_worker()


def test_a_release_of_duckdb_comes_out_of_spark(cluster: Cluster, small_province: Province) -> None:
    from pipelines.releases.rebuild import rebuild

    rebuilt = rebuild(replace(small_province.settings, spark=cluster.spark), 1, engine="spark")
    assert rebuilt.findings == []
    assert any("came out the same on spark" in note for note in rebuilt.notes)
