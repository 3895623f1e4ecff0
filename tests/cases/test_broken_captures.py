"""A key twice in a whole list, a page that is missing, fewer records than were told: no capture at all."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pipelines.sources import relation
from pipelines.sources.errors import PermanentSourceError, SourceError
from tests.cases.case_place import CasePlace

DAY = "2025-08-06"
PROVINCES = [
    {
        "departmentCode": f"{n:02d}",
        "departmentName": f"Tỉnh {n}",
        "totalReceived": 1000 + n,
        "channelOnlineSum": 900,
    }
    for n in range(9, 43)
]
ISSUES = [
    {"code": f"VM-{n:03d}", "reported": "2025-08-01T08:00:00", "unit": "18001", "status": "open"}
    for n in range(1, 31)
]


class Portal(ThreadingHTTPServer):
    """34 provinces and 30 issues, ten a page; `mode`: how the pages go wrong while the totals are right."""

    mode = "ok"


class Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        every = PROVINCES if address.path == "/ranking" else ISSUES
        start = (int(query["page"]) - 1) * 10 if "page" in query else int(query["offset"])
        rows: list[Any] | None = every[start : start + 10]
        if self.server.mode == "overlap" and start == 10:
            rows = [every[9], *every[10:19]]
        total = len(every)
        if self.server.mode == "grows":
            total += start
        if self.server.mode == "nulls":
            rows, total = None, 0
        name = "children" if address.path == "/ranking" else "items"
        body = json.dumps(
            {"code": "OK", "capturedAt": f"{DAY}T08:00:{start:02d}", "data": {name: rows, "total": total}}
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    monkeypatch.setattr(relation, "today", lambda: date.fromisoformat(DAY))
    server = Portal(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def place(portal: Portal, tmp_path: Path) -> CasePlace:
    place = CasePlace("paging_overlap", tmp_path)
    place.change_sources("127.0.0.1:8765", f"127.0.0.1:{portal.server_port}")
    place.change_sources("success:", "requests_per_second: 1000\n    success:")
    return place


@pytest.mark.parametrize(
    ("source", "rows", "key"),
    [("national_ranking", 34, "'18' (page 1; page 2)"), ("issue_register", 30, "'VM-010' (page 1; page 2)")],
)
def test_pages_that_overlap_are_no_capture_though_the_total_fits(
    portal: Portal, place: CasePlace, source: str, rows: int, key: str
) -> None:
    portal.mode = "overlap"
    with pytest.raises(SourceError) as broken:
        place.validate_day(source, DAY)
    assert f"1 key stands in this list more than once, 1 row too many: {key}" in str(broken.value)
    assert not isinstance(broken.value, PermanentSourceError)
    assert not list(place.settings.landing.glob(f"{source}/*/*"))
    portal.mode = "ok"
    assert len(place.validate_day(source, DAY).accepted) == rows


def test_a_total_that_changes_is_no_capture_and_a_null_list_is_named(
    portal: Portal, place: CasePlace
) -> None:
    portal.mode = "grows"
    with pytest.raises(SourceError, match="the API tells"):
        place.validate_day("issue_register", DAY)
    portal.mode = "nulls"
    with pytest.raises(SourceError, match=r"items is null \(no records\?\)"):
        place.validate_day("issue_register", DAY)


def test_a_list_that_may_name_a_key_twice_says_so(portal: Portal, place: CasePlace) -> None:
    portal.mode = "overlap"
    place.change_sources("url: http", "repeated_keys: accept\n    url: http")
    assert place.validate_day("issue_register", DAY).count_unexpected("issue_repeated") == 1


def test_a_dossier_that_stands_in_two_files_of_one_table_is_named_with_both(tmp_path: Path) -> None:
    place = CasePlace("eth_for_d_stroke", tmp_path)
    place.change_sources("export_{partition}.csv", "export_{partition}*.csv")
    header, first, *_ = (place.inbox / "export_2025-08-05.csv").read_text(encoding="utf-8").splitlines()
    more = place.inbox / "export_2025-08-05_2.csv"
    # Later in its life, so that its last state differs; a blank after the code is no other code.
    code = next(cell for cell in first.split(";") if cell.startswith("H42"))
    more.write_text(f"{header}\n{first.replace(code, code + ' ')}\n", encoding="utf-8")
    with pytest.raises(PermanentSourceError) as refused:
        place.validate_day("dossier_log", "2025-08-05")
    assert f"'{code}' (export_2025-08-05.csv; export_2025-08-05_2.csv)" in str(refused.value)


def test_a_page_that_is_missing_or_fewer_records_than_told_are_no_capture(tmp_path: Path) -> None:
    place = CasePlace("null_list", tmp_path)
    place.change_sources("issues_{partition}.json", "pages_{partition}")
    place.change_sources(
        "format: json",
        "format: json\n    omits_empty: true\n    paging: {total_records: data.total, total_pages: data.pages}",
    )
    folder = place.inbox / f"pages_{DAY}"
    folder.mkdir()
    issues = [
        {
            "Mã vướng mắc": f"VM-{n:03d}",
            "Ngày phản ánh": "01/08/2025 08:00",
            "Mã đơn vị": "18001",
            "Trạng thái": "Mới",
        }
        for n in range(1, 31)
    ]
    for number in range(1, 4):
        page = {"data": {"items": issues[number * 10 - 10 : number * 10], "total": 30, "pages": 3}}
        (folder / f"page_{number}.json").write_text(json.dumps(page), encoding="utf-8")
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    (folder / "page_2.json").unlink()
    with pytest.raises(PermanentSourceError, match=r"page_3\.json these are missing: 2\."):
        place.validate_day("issue_register", DAY)
    shutil.copy(whole / "page_2.json", folder)
    (folder / "page_3.json").unlink()
    with pytest.raises(PermanentSourceError, match=r"there are 30 records .* and 20 came"):
        place.validate_day("issue_register", DAY)
    shutil.copy(whole / "page_3.json", folder)
    assert len(place.validate_day("issue_register", DAY).accepted) == 30
