"""The night after the week (tests/week.py): four sources that a test may spoil, and what must stay as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import duckdb
import pytest
import yaml

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import find_newest_batches, list_batches, verify_batch
from pipelines.quality.reports import Report, read_report
from pipelines.settings import RetryPolicy, Settings
from tests import week as planted
from tests.portal import PORTAL
from tests.support.copies import copy_installation

# The week (tests/week.py) ends on 7 August with release 8; this is the night after it.
DAY, RELEASE = date(2025, 8, 8), 8
EVE = date(2025, 8, 7)
NO_PAUSES = RetryPolicy(longest_pause=0)
# The sources that these tests spoil; any other is delivered as it is.
SOURCES = ("dossier_log", "issue_register", "task_tracker", "national_ranking")
Answer = Callable[[int], tuple[int, bytes]]
# The pages that the API gives when it is well.
CAPTURE: dict[int, tuple[int, bytes]] = {}


class Sources(NamedTuple):
    """The four source systems of the night, as files and an API that a test may spoil."""

    settings: Settings
    api: dict[str, Answer]

    @property
    def one_stop(self) -> Path:
        return self.settings.data / "demo" / "one_stop.sqlite"

    @property
    def tracker(self) -> Path:
        return self.settings.data / "demo" / "task_tracker" / f"{DAY}.xlsx"

    @property
    def register(self) -> Path:
        return self.settings.data / "demo" / "issue_register" / f"{DAY}.csv"

    @property
    def units(self) -> Path:
        return self.settings.data / "units.csv"

    def sql(self, statement: str) -> None:
        with closing(sqlite3.connect(self.one_stop)) as con:
            con.executescript(statement)

    def tell(self, number: int, **changes: str | None) -> str:
        """One more state in the log: a sound one but for the changes; the code of its dossier."""
        values = {
            "MaHoSo": planted.code(str(DAY), number), "ThoiDiemXuLy": f"{DAY} 09:00:00",
            "ThoiGianDongBo": f"{DAY} 09:05:00", "NgayTiepNhan": "20250808090000",
            "NgayNopHoSo": "20250808090000",
        } | changes  # fmt: skip
        assigned = ", ".join(f"{name} = ?" for name in values)
        with closing(sqlite3.connect(self.one_stop)) as con:
            con.execute(
                "create temp table new_state as select * from ho_so_trang_thai where MaHoSo = ?",
                [planted.LATE],
            )
            con.execute(f"update new_state set {assigned}", list(values.values()))
            con.execute("insert into ho_so_trang_thai select * from new_state")
            con.commit()
        return str(values["MaHoSo"])


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[str, dict[str, Answer]]]:
    """The ranking's portal; a test says how it answers for a page."""
    answers: dict[str, Answer] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answers["answer"](int(request["currentPage"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", answers
    server.shutdown()
    server.server_close()


def bring_up(week: Settings, api: tuple[str, dict[str, Answer]], data: Path) -> Sources:
    """A copy of the week before the night of 8 August: every source would deliver something good.

    Its ranking is asked over HTTP and its units are a file of its own. Nobody waits: pauses before another
    try take no time.
    """
    copy_installation(week.data, data, ".rebuild.*")
    settings = Settings(data=data, sources_file=data / "sources.yaml", retries=NO_PAUSES)
    shutil.copy(settings.project / "reference" / "units.csv", data / "units.csv")
    url, answers = api
    text = week.sources_file.read_text(encoding="utf-8")
    units = "{project}/reference/units.csv"
    assert text.count(units) == 1
    content = yaml.safe_load(text.replace(units, "{data}/units.csv"))
    ranking = content["sources"]["national_ranking"]
    files_only = {"connector", "path", "format"}
    content["sources"]["national_ranking"] = (
        {key: value for key, value in ranking.items() if key not in files_only} | PORTAL | {"url": url}
    )
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    settings.sources_file.write_text(text, encoding="utf-8")
    sources = Sources(settings, answers)
    good(sources)
    return sources


def good(sources: Sources) -> None:
    """The last night's files under the new day, and two states more in the log."""
    demo = sources.settings.data / "demo"
    for snapshot in demo.glob(f"*/{EVE}*"):
        tonight = snapshot.with_name(snapshot.name.replace(str(EVE), str(DAY)))
        if snapshot.is_dir():
            shutil.copytree(snapshot, tonight, dirs_exist_ok=True)
        else:
            shutil.copy(snapshot, tonight)
    pages = sorted((demo / "national_ranking" / "2025-08-07").iterdir())
    sources.api["answer"] = lambda n: (200, pages[n - 1].read_bytes().replace(b"08-07T", b"08-08T"))
    sources.tell(1)
    sources.tell(2)
    shutil.copytree(demo, demo.with_name("demo.good"), dirs_exist_ok=True)


def still_answers(sources: Sources, former: tuple[Any, ...]) -> None:
    """The lake and the exported file say what they said, of the release they said it of."""
    assert answered(sources.settings) == former
    assert former[0] == RELEASE


def answered(settings: Settings) -> tuple[Any, ...]:
    query = "select count(*), sum(numerator), sum(denominator), max(as_of_day) from {}.online_submission_rate"
    with open_lake(settings) as con:
        newest = ledger.list_releases(con)[-1]
        lake = con.execute(query.format("lake.marts")).fetchone()
    with duckdb.connect(str(settings.exports / "marts.duckdb"), read_only=True) as con:
        file = con.execute(query.format("marts")).fetchone()
        of = con.execute("select max(release_id) from audit.releases").fetchone()
    return newest.release_id, newest.release_hash, lake, file, of


def nothing_half(settings: Settings) -> None:
    """No draft, no file without its sidecar, every batch whole."""
    listed = [batch for batch in list_batches(settings.landing) if verify_batch(batch)]
    files = {path for path in settings.landing.rglob("*") if path.is_file()}
    assert files == {file for batch in listed for file in (batch.path, batch.sidecar)}
    assert not list(settings.quality.rglob("*.partial"))


def report_of(settings: Settings, source: str, day: date = DAY) -> Report:
    report = read_report(settings.quality, find_newest_batches(settings.landing, source)[str(day)])
    assert report is not None
    return report
