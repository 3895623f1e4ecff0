"""What is exported, and the file: comments for every client, switched on and off by settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.exports.common import Exported
from pipelines.settings import EXPORTS, Settings
from tests.unit.hand_made import HandMade, released


def test_the_file_carries_the_descriptions_and_opens_without_extensions(settings: Settings) -> None:
    rate = HandMade(
        "select 'A' as unit_code, 20::bigint as received", ("unit_code",),
        description="EN Received by unit. / VI Tiếp nhận theo đơn vị.",
        columns={"received": "EN Received. / VI Tiếp nhận."},
    )  # fmt: skip
    released(settings, {"marts.rate": rate})
    path = duckdb_file.export(settings).path
    with duckdb.connect(str(path), read_only=True, config={"autoinstall_known_extensions": False}) as con:
        con.execute("set autoload_known_extensions = false")
        assert con.execute("from rate").fetchall() == [("A", 20)]
        told = con.execute("select comment from duckdb_tables() where table_name = 'rate'").fetchone()
        assert told == ("EN Received by unit. / VI Tiếp nhận theo đơn vị.",)
        column = con.execute("select comment from duckdb_columns() where column_name = 'received'").fetchone()
        assert column == ("EN Received. / VI Tiếp nhận.",)


def test_every_export_is_on_unless_the_environment_chooses() -> None:
    assert Settings.from_env({}).exports_on == EXPORTS
    assert Settings.from_env({"THONGSUOT_EXPORTS": "brief, marts_duckdb"}).exports_on == {
        "brief",
        "marts_duckdb",
    }
    assert Settings.from_env({"THONGSUOT_EXPORTS": ""}).exports_on == frozenset()
    with pytest.raises(ValueError, match=r"THONGSUOT_EXPORTS names breif; known: .*brief"):
        Settings.from_env({"THONGSUOT_EXPORTS": "breif"})


def test_the_brief_is_a_link_in_the_ui_where_the_folder_is_published(tmp_path: Path) -> None:
    from pipelines.defs.exports import metadata

    here = Settings(data=tmp_path)
    done = Exported(here.exports / "brief.html", 1, True)
    assert metadata(done, here)["open"] == dg.MetadataValue.url((tmp_path / "exports/brief.html").as_uri())
    there = Settings.from_env(
        {"THONGSUOT_DATA": str(tmp_path), "THONGSUOT_EXPORTS_URL": "https://bi.example/x/"}
    )
    assert metadata(done, there)["open"] == dg.MetadataValue.url("https://bi.example/x/brief.html")


def test_secrets_of_the_settings_are_in_no_repr() -> None:
    held = Settings.from_env(
        {"THONGSUOT_POSTGRES_URL": "postgresql://u:hush@h/d", "THONGSUOT_BI_PASSWORD": "hush2"}
    )
    assert held.postgres_url and "hush" not in repr(held)


def test_postgres_is_an_asset_only_where_it_has_an_address() -> None:
    """In a process of its own: definitions are made from the environment when they load."""
    code = (
        "from pipelines.defs.exports import wanted; from pipelines.settings import Settings; "
        "print([e.name for e in wanted(Settings.from_env({}))], "
        "[e.name for e in wanted(Settings.from_env({'THONGSUOT_POSTGRES_URL': 'postgresql://h/d', "
        "'THONGSUOT_EXPORTS': 'postgres'}))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    without, alone = told.strip().split("] [")
    assert "marts_duckdb" in without and "brief" in without and "postgres" not in without
    assert alone == "'postgres']"
