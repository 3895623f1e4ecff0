"""Our pages beside Dagster's: exports and reports are read, nothing else of the data directory is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from dagster import DagsterInstance

from pipelines.cli import main
from pipelines.runs.ports import SUPERSET_PORT, find_listener, find_ui, own_ui
from pipelines.settings import Settings
from pipelines.web.guard import Guard
from pipelines.web.pages import NO_DASHBOARDS, join_apps
from tests.unit.test_web_guard import Server


async def dagster(scope: Any, receive: Any, send: Any) -> None:
    """In Dagster's place: says that it was asked."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"dagster"})


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path / "data")
    for path, text in {
        "exports/brief.html": "<h1>brief</h1>",
        "exports/brief/1.html": "<h1>Xã Một</h1>",
        "exports/open_data/3/README.md": "# open",
        "exports/.secret": "hush",
        "quality/log/2025-08-06/b.html": "<h1>report</h1>",
        "quality/log/2025-08-06/b.json": "{}",
        "landing/log/2025-08-06/b.json": "{}",
    }.items():
        file = settings.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    os.mkfifo(settings.exports / "pipe")
    (settings.exports / "open_data" / "latest").symlink_to("3")
    (settings.exports / "outside").symlink_to(settings.landing)
    return settings


@pytest.fixture
def server(installation: Settings) -> Server:
    return Server(cast(DagsterInstance, None), Guard(join_apps(dagster, installation)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/exports/brief.html", "<h1>brief</h1>"),
        ("/exports/brief/1.html", "<h1>Xã Một</h1>"),
        ("/exports/open_data/latest/README.md", "# open"),
        ("/reports/log/2025-08-06/b.html", "<h1>report</h1>"),
        ("/runs", "dagster"),
        ("/exportsx", "dagster"),
    ],
)
def test_what_may_be_read_is_read_and_the_rest_of_the_paths_is_dagsters(
    server: Server, path: str, text: str
) -> None:
    answer = server.ask("GET", path)
    assert (answer.status, answer.body) == (200, text)


@pytest.mark.parametrize(
    "path",
    [
        "/exports/../landing/log/2025-08-06/b.json",
        pytest.param("/exports/" + "a" * 5_000, id="a name longer than any"),
        pytest.param("/exports/" + "a/" * 5_000, id="a path longer than any"),
        "/exports/outside/log/2025-08-06/b.json",
        "/exports/.secret",
        "/exports/brief/nobody.html",
        "/reports/log/2025-08-06/b.json",
        "/reports/../exports/brief.html",
        "/exports/\0",
        "/exports/brief.html\0.txt",
        "/exports/\x1b[31m",
        "/exports/pipe",
    ],
)
def test_nothing_else_of_the_data_directory_is_served(server: Server, path: str) -> None:
    answer = server.ask("GET", path)
    assert answer.status == 404 and "hush" not in answer.body


def test_a_page_of_ours_is_no_page_of_dagsters(server: Server) -> None:
    """In its own origin a browser sends `Origin: null`, which the guard refuses."""
    for path in ("/exports/brief.html", "/reports/log/2025-08-06/b.html"):
        policy = server.ask("GET", path).headers["content-security-policy"]
        assert policy.startswith("sandbox ") and "allow-same-origin" not in policy
    foreign = server.ask("POST", "/graphql", "{}", origin="null", content_type="application/json")
    assert foreign.status == 403


def test_a_page_of_another_site_reads_none_of_them(server: Server) -> None:
    assert server.ask("GET", "/exports/brief.html", host="evil.example").status == 421
    assert server.ask("GET", "/exports/brief.html", sec_fetch_site="cross-site").status == 403


@pytest.mark.skipif(find_listener(SUPERSET_PORT) is not None, reason="a Superset runs on this machine")
def test_without_superset_the_way_to_it_says_how_to_start_it(server: Server) -> None:
    answer = server.ask("GET", "/dashboards")
    assert (answer.status, answer.body) == (503, NO_DASHBOARDS)


def test_open_names_the_page_of_the_ui_that_runs_and_else_the_file(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_DATA", str(installation.data))

    def say(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["open", *words, "--print"])
        return result.exit_code, result.output.strip()

    assert say() == (0, (installation.exports / "brief.html").as_uri())
    code, text = say("ui")
    assert code == 1 and "`thongsuot ui` starts it" in text
    with own_ui(installation, "http://127.0.0.1:3001"):
        assert find_ui(installation) == "http://127.0.0.1:3001"
        assert say() == (0, "http://127.0.0.1:3001/exports/brief.html")
        assert say("ui") == (0, "http://127.0.0.1:3001")
    assert find_ui(installation) is None
    code, text = say("docs")
    assert code == 1 and "`thongsuot docs --site` writes it" in text
