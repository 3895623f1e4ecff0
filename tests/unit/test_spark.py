"""A build on Spark as far as it goes without Spark: what is missing is named, what goes out and what comes back.

`tests/spark` has the real one.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines import duck
from pipelines.cli import main
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.inputs import find_engine
from pipelines.releases.publish import publish
from pipelines.settings import Settings, SparkSettings
from pipelines.warehouse.compiled import Compiled, read_compiled, read_compiled_for_spark
from pipelines.warehouse.engine import EngineRecord, describe_duckdb, write_engine
from pipelines.warehouse.sealed_build import seal_build
from pipelines.warehouse.spark import build as spark_build
from pipelines.warehouse.spark.build import (
    FOR_LITTLE,
    SMALL_BYTES,
    SparkStopped,
    choose_tuning,
    describe_settings,
    find_last_error,
    make_plan,
    run_job,
)
from pipelines.warehouse.spark.extra import SparkMissing, check_java
from pipelines.warehouse.spark.job import Volumes
from pipelines.warehouse.spark.layout import translate_type, write_layout
from pipelines.warehouse.statements import SEED
from tests.support.small_lake import build


def test_without_the_extra_a_run_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_SPARK_PYTHON", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("THONGSUOT_ENGINE", "spark")
    monkeypatch.setenv("THONGSUOT_DATA", str(tmp_path / "data"))
    result = CliRunner().invoke(main, ["run"])
    assert result.exit_code == 2
    [line] = result.stderr.strip().splitlines()
    assert "make install-spark" in line and str(tmp_path) in line


@pytest.mark.parametrize(
    ("answer", "text"),
    [("", "does not start"), ('openjdk version "11.0.22" 2024-01-16', "is Java 11"),
     ('java version "1.8.0_401"', "is Java 8")],
)  # fmt: skip
def test_java_is_asked_for_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, text: str
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    if answer:
        java.write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkMissing, match=text) as error:
        check_java()
    assert "Java 17 or newer" in str(error.value) and "\n" not in str(error.value)


def test_java_17_and_newer_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\" 2023-10-17' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    check_java()


def test_what_a_contract_requires_goes_out_with_the_plan(settings: Settings) -> None:
    # DuckDB refuses a NULL by its constraint; Spark has none, so the job counts them.
    compiled = read_compiled(settings)
    plan = make_plan(settings, read_compiled_for_spark(settings), [], {})
    required = {
        (node["unique_id"], name)
        for node in plan["nodes"]
        for name, (_, is_required) in node.get("columns", {}).items()
        if is_required
    }
    assert required == {
        (statement.unique_id, name)
        for statement in compiled.statements
        if statement.kind != SEED
        for name, column in statement.columns.items()
        if column.is_required
    }
    assert len(required) > 300
    assert {node["unique_id"] for node in plan["nodes"] if "query" in node} == compiled.tests.keys()
    json.dumps(plan)


def test_a_small_place_is_built_without_what_much_data_need(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "raw" / "log" / "rows.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert choose_tuning(tmp_path) == FOR_LITTLE
    os.truncate(file, SMALL_BYTES)
    assert choose_tuning(tmp_path) == {}
    # Whoever sets one of them has the last word.
    own = replace(settings, spark=SparkSettings(settings={"spark.sql.shuffle.partitions": "9"}))
    plan = make_plan(own, Compiled([], {}), [], FOR_LITTLE)
    assert plan["settings"] == {**FOR_LITTLE, "spark.sql.shuffle.partitions": "9"}


def test_what_a_query_reads_is_measured_through_views(tmp_path: Path) -> None:
    for name, size in (("log", 1000), ("days", 30)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-0.parquet").write_bytes(b"x" * size)
    (tmp_path / "log" / "_SUCCESS").write_bytes(b"no rows")

    def describe(name: str, kind: str, sql: str = "") -> dict[str, str]:
        return {"schema": "raw", "name": name, "kind": kind, "sql": sql, "location": str(tmp_path / name)}

    nodes = [
        describe("days", "table"),
        describe("recent", "view", "select * from `raw`.`log` join `raw`.`days`"),
        describe("outer", "view", "select * from `raw`.`recent`"),
    ]
    plan = {"sources": [describe("log", "")], "nodes": [*nodes, {"query": "select 1"}]}
    volumes = Volumes(plan)
    assert volumes.measure(["select * from `raw`.`days`"]) == 30
    assert volumes.measure(["select * from `raw`.`outer`", "select * from `raw`.`log`"]) == 1030
    assert volumes.measure(["select 1"]) == 0


def test_duckdb_builds_with_nothing_of_spark() -> None:
    code = (
        "import sys, pipelines.cli, pipelines.cli.run, pipelines.night, pipelines.warehouse.data_tests\n"
        "print([name for name in sys.modules if 'spark' in name])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # What says that Spark is missing, for `verify --rebuild --engine`; it imports nothing further.
    assert ast.literal_eval(answer.stdout) == ["pipelines.warehouse.spark", "pipelines.warehouse.spark.extra"]
    assert find_spec("pyspark") is None


def test_raw_tables_are_copied_with_their_types_and_an_empty_one_too(
    settings: Settings, tmp_path: Path
) -> None:
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema raw")
        con.execute(
            "create table raw.batches (source varchar, partition_key date, batch_id varchar, is_current boolean)"
        )
        con.execute("create table raw.words (a varchar[], b timestamp, c decimal(5, 2), d bigint)")
        con.execute("insert into raw.words values (['x'], timestamp '2025-07-01 00:30:00', 1.25, 7)")
        tables = {table["name"]: table for table in write_layout(con, settings, ("raw",), tmp_path / "out")}
    assert tables["words"]["columns"] == {
        "a": "array<string>", "b": "timestamp_ntz", "c": "decimal(5,2)", "d": "bigint",
    }  # fmt: skip
    assert [len(list(Path(tables[name]["location"]).glob("*.parquet"))) for name in ("batches", "words")] == [
        1,
        1,
    ]


def test_every_type_of_a_contract_has_its_name_in_spark(settings: Settings) -> None:
    kinds = {column.type for s in read_compiled(settings).statements for column in s.columns.values()}
    assert {kind: translate_type(kind) for kind in kinds} and "DECIMAL(5,2)" in kinds


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A job that says one thing, then dies."""
    script = tmp_path / "job.py"
    script.write_text(
        'import sys\nprint(\'{"unique_id": "a"}\', flush=True)\n'
        "print('java.lang.OutOfMemoryError: Java heap space', file=sys.stderr)\nsys.exit(52)\n"
    )
    monkeypatch.setattr(spark_build.job, "__file__", str(script))
    yield tmp_path / "plan.json"


def test_a_job_that_dies_is_no_build(stopped: Path) -> None:
    events: list[dict[str, Any]] = []
    with pytest.raises(SparkStopped, match=r"exit code 52.*OutOfMemoryError"):
        events.extend(run_job(Path(sys.executable), stopped, "local[1]"))


def test_a_cluster_that_does_not_answer_is_named_and_not_what_followed() -> None:
    # As Spark 4.3 wrote it where nobody listened at the master's address.
    lines = [
        "Caused by: java.net.ConnectException: finishConnect(..) failed with error(-111): Connection refused",
        "26/11/30 20:44:03 ERROR StandaloneSchedulerBackend: All masters are unresponsive! Giving up.",
        "Traceback (most recent call last):",
        ": java.lang.IllegalStateException: Cannot call methods on a stopped SparkContext.",
    ]
    assert "All masters are unresponsive" in find_last_error(lines)
    assert find_last_error([lines[0], "bye"]) == lines[0]
    assert find_last_error([]) == "nothing"


def test_a_release_says_what_built_it(settings: Settings) -> None:
    build(settings, [("a", 1)])
    with duck.connect(settings.extensions, settings.warehouse) as con:
        write_engine(con, EngineRecord("spark", "4.3.0", {"master": "local[2]"}))
    seal_build(settings)
    publication = publish(settings, run_id="run", author="test", reason="by hand")
    with open_lake(settings) as con:
        engine = find_engine(con, publication.release.release_id)
    assert engine is not None
    assert (engine.engine, engine.version, json.loads(engine.settings)) == (
        "spark",
        "4.3.0",
        {"master": "local[2]"},
    )


def test_the_same_from_another_engine_is_no_release_and_says_so(settings: Settings) -> None:
    for record in (EngineRecord("duckdb", "1.5.5", {}), EngineRecord("spark", "4.3.0", {})):
        build(settings, [("a", 1)])
        with duck.connect(settings.extensions, settings.warehouse) as con:
            write_engine(con, record)
        seal_build(settings)
        publication = publish(settings, run_id="run", author="test", reason="by hand")
    assert not publication.is_new
    assert publication.why == (
        "nothing new: every table has the same content as in release 1, though duckdb built that and spark this one"
    )


def test_an_edited_engine_is_told(settings: Settings) -> None:
    build(settings, [("a", 1)])
    with duck.connect(settings.extensions, settings.warehouse) as con:
        write_engine(con, describe_duckdb(con))
    seal_build(settings)
    release = publish(settings, run_id="run", author="test", reason="by hand").release
    assert release
    with open_lake(settings, read_only=False) as con:
        assert ledger.find_edited_details(con, [release]) == []
        con.execute("begin")
        con.execute("update lake.audit.release_engines set engine = 'spark'")
        assert ledger.find_edited_details(con, [release]) == [release.release_id]
        con.execute("rollback")


def test_a_secret_of_spark_is_named_and_not_written_down(settings: Settings) -> None:
    spark = SparkSettings(settings={"spark.hadoop.fs.s3a.secret.key": "hush", "spark.executor.cores": "2"})
    visible = describe_settings(replace(settings, spark=spark))
    assert "hush" not in visible.values() and visible["spark.executor.cores"] == "2"
