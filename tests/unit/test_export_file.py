"""The file `marts.duckdb` with its comments for every client, and what the UI shows of an export."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import duckdb

from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.exports.export import ExportResult
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, released


def test_the_file_carries_the_descriptions_and_opens_without_extensions(settings: Settings) -> None:
    rate = SampleMart(
        "select 'A' as unit_code, 20::bigint as received", ("unit_code",),
        description="EN Received by unit. / VI Tiếp nhận theo đơn vị.",
        columns={"received": "EN Received. / VI Tiếp nhận."},
    )  # fmt: skip
    released(settings, {"marts.rate": rate})
    path = duckdb_file.write_marts_file(settings).path
    with duckdb.connect(str(path), read_only=True, config={"autoinstall_known_extensions": False}) as con:
        con.execute("set autoload_known_extensions = false")
        assert con.execute("from rate").fetchall() == [("A", 20)]
        comment = con.execute("select comment from duckdb_tables() where table_name = 'rate'").fetchone()
        assert comment == ("EN Received by unit. / VI Tiếp nhận theo đơn vị.",)
        column = con.execute("select comment from duckdb_columns() where column_name = 'received'").fetchone()
        assert column == ("EN Received. / VI Tiếp nhận.",)


def test_the_brief_is_a_link_in_the_ui_where_the_folder_is_published(
    settings: Settings, tmp_path: Path
) -> None:
    from pipelines.defs.exports import show_result

    release = released(settings, {"marts.rate": SampleMart("select 1 as code", ("code",))}).release
    here = Settings(data=tmp_path)
    result = ExportResult(here.exports / "brief.html", release, True)
    here.exports.mkdir()
    (here.exports / "brief.html").write_text("<h1>")
    # Answered by the web server that shows the UI, whatever its port: a browser follows no file:// from there.
    assert show_result(result, here)["open"] == dg.MetadataValue.url("/exports/brief.html")
    there = Settings.from_env(
        {"THONGSUOT_DATA": str(tmp_path), "THONGSUOT_EXPORTS_URL": "https://bi.example/x/"}
    )
    assert show_result(result, there)["open"] == dg.MetadataValue.url("https://bi.example/x/brief.html")


def test_secrets_of_the_settings_are_in_no_repr() -> None:
    settings = Settings.from_env(
        {"THONGSUOT_POSTGRES_URL": "postgresql://u:hush@h/d", "THONGSUOT_BI_PASSWORD": "hush2"}
    )
    assert settings.postgres_url and "hush" not in repr(settings)
