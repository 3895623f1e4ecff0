"""The dashboards as files, without Superset: they name only marts and columns that exist, and say what dbt says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest
import yaml

from pipelines.lake import ledger
from pipelines.settings import PROJECT, Settings
from pipelines.superset import process as superset
from pipelines.superset.datasets import described

Node = dict[str, Any]
OWN_VALUE = re.compile(r"case when count\(\*\) = 1 then max\((\w+)\) end")
# The chosen unit's own value, or that of the whole place where none is chosen; of several units nothing.
CHOSEN_VALUE = re.compile(
    r"case when count\(\*\) = 1 then max\((\w+)\) when sum\(case when unit_level = 'province' then 1 else 0 end\) = 1 "
    r"then max\(case when unit_level = 'province' then \1 end\) end"
)


def read(folder: str) -> dict[str, Node]:
    files = sorted((superset.ASSETS / folder).rglob("*.yaml"))
    assert files
    return {f.stem: yaml.safe_load(f.read_text(encoding="utf-8")) for f in files}


@pytest.fixture(scope="module")
def datasets() -> dict[str, Node]:
    return read("datasets")


@pytest.fixture(scope="module")
def charts() -> dict[str, Node]:
    return read("charts")


@pytest.fixture(scope="module")
def dashboards() -> dict[str, Node]:
    return read("dashboards")


def list_models() -> dict[str, Node]:
    """`schema.table` → published models, as dbt's manifest gives them: repeated descriptions stand in docs blocks."""
    folder = PROJECT / "dbt_project" / "models"
    blocks = re.findall(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", (folder / "_docs.md").read_text("utf-8"))
    docs = {f"{{{{ doc('{name}') }}}}": text for name, text in blocks}
    models = {}
    for path in [*(folder / "marts").rglob("*.yml"), *(folder / "audit").rglob("*.yml")]:
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            columns = {
                c["name"]: {**c, "description": docs.get(c["description"], c["description"])}
                for c in model["columns"]
            }
            schema = "audit" if model["name"].startswith("audit_") else "marts"
            name = f"{schema}.{model['name'].removeprefix('audit_')}"
            models[name] = {
                "description": docs.get(model["description"], model["description"]),
                "columns": columns,
            }
    return models


def by_uuid(nodes: dict[str, Node]) -> dict[str, Node]:
    return {node["uuid"]: node for node in nodes.values()}


def list_query_columns(query: Node) -> Iterator[str]:
    for column in query["columns"]:
        yield column if isinstance(column, str) else column["sqlExpression"]
    yield from (f["col"] for f in query["filters"])
    yield from (name for name, _ in query.get("orderby", []) if name not in query.get("metrics", []))


def test_datasets_say_what_the_marts_say(datasets: dict[str, Node]) -> None:
    models = list_models()
    for name, dataset in datasets.items():
        if model := models.get(f"{dataset['schema']}.{name}"):
            assert described(dataset, model) == dataset, f"{name}: run `thongsuot docs`"
        elif dataset["sql"]:
            tables = re.findall(r"(?:from|join) ([\w.]+) as", dataset["sql"])
            assert tables and set(tables) <= set(models), f"{name}: of marts alone"
        else:
            assert {c["column_name"] for c in dataset["columns"] if not c["expression"]} <= set(
                re.findall(r"(\w+) \w+(?: not null)?(?:,|$)", ledger.TABLES[name])
            )


def test_uuids_are_unique_and_references_resolve(
    datasets: dict[str, Node], charts: dict[str, Node], dashboards: dict[str, Node]
) -> None:
    groups = [read("databases"), datasets, charts, dashboards]
    uuids = [node["uuid"] for group in groups for node in group.values()]
    assert len(uuids) == len(set(uuids))
    (database,) = groups[0].values()
    assert {d["database_uuid"] for d in datasets.values()} == {database["uuid"]}
    assert {c["dataset_uuid"] for c in charts.values()} <= set(by_uuid(datasets))
    for dashboard in dashboards.values():
        places = [p for p in dashboard["position"].values() if isinstance(p, dict) and p["type"] == "CHART"]
        assert {p["meta"]["uuid"] for p in places} <= set(by_uuid(charts))
        for place in places:
            assert place["meta"]["sliceName"] == by_uuid(charts)[place["meta"]["uuid"]]["slice_name"]
        for native in dashboard["metadata"]["native_filter_configuration"]:
            (target,) = native["targets"]
            columns = {c["column_name"] for c in by_uuid(datasets)[target["datasetUuid"]]["columns"]}
            assert target["column"]["name"] in columns


def test_charts_ask_only_for_what_their_dataset_has(
    datasets: dict[str, Node], charts: dict[str, Node]
) -> None:
    for name, chart in charts.items():
        dataset = by_uuid(datasets)[chart["dataset_uuid"]]
        columns = {c["column_name"] for c in dataset["columns"]}
        metrics = {m["metric_name"] for m in dataset["metrics"]}
        params = chart["params"]
        drawn = params.get("metrics") or [m for m in [params.get("metric")] if m]
        (query,) = json.loads(chart["query_context"])["queries"]
        assert query.get("metrics", []) == drawn and set(drawn) <= metrics, name
        assert set(list_query_columns(query)) <= columns, name
        if params.get("query_mode") == "raw":
            assert query["columns"] == params["all_columns"] and query["row_limit"] == params["row_limit"]
            assert query["orderby"] == [json.loads(o) for o in params["order_by_cols"]], name


def test_filters_reach_only_charts_that_have_their_column(
    datasets: dict[str, Node], charts: dict[str, Node], dashboards: dict[str, Node]
) -> None:
    for dashboard in dashboards.values():
        for native in dashboard["metadata"]["native_filter_configuration"]:
            column, excluded = native["targets"][0]["column"]["name"], native["scope"]["excluded"]
            for place in dashboard["position"].values():
                if isinstance(place, dict) and place["type"] == "CHART":
                    chart = by_uuid(charts)[place["meta"]["uuid"]]
                    columns = by_uuid(datasets)[chart["dataset_uuid"]]["columns"]
                    if place["meta"]["chartId"] not in excluded:
                        assert column in {c["column_name"] for c in columns}, chart["slice_name"]


def test_a_rate_is_never_added_up_nor_averaged(datasets: dict[str, Node]) -> None:
    """A measure is the mart's own value of a single row, or a sum or count of its counts."""
    for name, dataset in datasets.items():
        kinds = {c["column_name"]: c["type"] for c in dataset["columns"]}
        for metric in dataset["metrics"]:
            expression = metric["expression"]
            own = OWN_VALUE.fullmatch(expression) or CHOSEN_VALUE.fullmatch(expression)
            columns = set(re.findall(r"\w+", expression)) & set(kinds)
            assert own or "DOUBLE" not in {kinds[n] for n in columns}, f"{name}.{metric['metric_name']}"
            assert columns or expression == "count(*)"


def test_titles_stand_in_both_languages(
    datasets: dict[str, Node], charts: dict[str, Node], dashboards: dict[str, Node]
) -> None:
    for title in [c["slice_name"] for c in charts.values()] + [
        d["dashboard_title"] for d in dashboards.values()
    ]:
        assert " · " in title
    for dataset in datasets.values():
        for column in dataset["columns"]:
            assert re.match(r"EN .+ / VI .+", column["description"]), column["column_name"]


def test_every_chart_says_what_it_covers(charts: dict[str, Node]) -> None:
    silent = [name for name, chart in charts.items() if len((chart["description"] or "").split(". ")) < 2]
    assert silent == [], "a sentence in each language: the whole province, or the units chosen"


def test_a_tile_that_a_unit_cannot_change_says_that_it_is_the_whole_province(
    datasets: dict[str, Node], charts: dict[str, Node], dashboards: dict[str, Node]
) -> None:
    for dashboard in dashboards.values():
        natives = dashboard["metadata"]["native_filter_configuration"]
        units = [n for n in natives if n["targets"][0]["column"]["name"] == "unit_name"]
        for place in dashboard["position"].values():
            if isinstance(place, dict) and place["type"] == "CHART":
                chart = by_uuid(charts)[place["meta"]["uuid"]]
                fixed = [n for n in units if place["meta"]["chartId"] in n["scope"]["excluded"]]
                if fixed and chart["viz_type"] == "big_number_total":
                    assert chart["slice_name"].startswith("Toàn tỉnh"), chart["slice_name"]


def test_points_are_points_and_a_count_of_days_says_which_days(
    datasets: dict[str, Node], charts: dict[str, Node]
) -> None:
    for name, chart in charts.items():
        formats = chart["params"].get("column_config", {})
        signed = [
            c
            for c, f in formats.items()
            if f.get("d3NumberFormat", "").startswith("+") and "%" in f["d3NumberFormat"]
        ]
        assert signed == [], f"{name}: a difference of rates is in points"
    for dataset in datasets.values():
        for column in dataset["columns"]:
            if (
                re.search(r"days_(late|left|since)|age_working_days", column["column_name"])
                and column["verbose_name"]
            ):
                assert re.search("ngày (lịch|làm việc)", column["verbose_name"]), column["column_name"]


def test_a_password_reaches_superset_apart_and_never_the_bundle(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path, postgres_url="postgresql://publisher:p1@db.example:5433/tỉnh?sslmode=require",
        bi_password="p2",
    )  # fmt: skip
    address = superset.marts_address(settings)
    assert address.uri == (
        "postgresql+psycopg2://bi_reader:XXXXXXXXXX@db.example:5433/t%E1%BB%89nh?sslmode=require"
    )
    assert address.password == "p2"
    contents = superset.contents(address)
    assert yaml.safe_load(contents[superset.DATABASE])["sqlalchemy_uri"] == address.uri
    assert not any("p1" in text or "p2" in text for text in (contents[superset.DATABASE], repr(settings)))
    with pytest.raises(superset.SupersetError, match="THONGSUOT_BI_PASSWORD"):
        superset.marts_address(Settings(data=tmp_path, postgres_url="postgresql://db.example/x"))


def test_without_a_release_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(superset.SupersetError, match="thongsuot run"):
        superset.marts_address(Settings(data=tmp_path))


def test_a_taken_port_is_not_mistaken_for_ours() -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(superset.SupersetError, match="--port"):
            superset._ensure_free(other.getsockname()[1])


@pytest.mark.parametrize(
    "statement",
    [
        "set memory_limit = '1TB'",
        "set threads = 500",
        "set max_temp_directory_size = '1TB'",
        "set extension_directory = '/tmp'",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "select * from read_text('/etc/hostname')",
        "attach '/tmp/other.duckdb' as other",
        "copy figures to '/tmp/figures.csv'",
        "load httpfs",
        "update figures set n = 2",
    ],
)
def test_who_writes_sql_over_marts_duckdb_reaches_nothing_else(tmp_path: Path, statement: str) -> None:
    settings = Settings(data=tmp_path)
    settings.exports.mkdir(parents=True)
    with duckdb.connect(str(settings.exports / "marts.duckdb")) as file:
        file.execute("create table figures as select 1 as n")
    options = dict(parse_qsl(urlsplit(superset.marts_address(settings).uri).query))
    with duckdb.connect(str(settings.exports / "marts.duckdb"), config=options) as con:
        assert con.execute("select n from figures").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error):
            con.execute(statement)
