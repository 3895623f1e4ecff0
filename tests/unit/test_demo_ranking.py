"""The demo's national ranking: rank arithmetic recomputed from the pages (docs/domain.md K1, K2)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo.ranking import serve_ranking, write_capture

EARLIER, CUTOFF = datetime(2025, 7, 22, 16), datetime(2025, 8, 6, 16)
# Nghệ An's totals: those of 06/08 are published; those of 22/07 are the demo's own.
TOTALS = {EARLIER: (184_058, 129_393), CUTOFF: (310_903, 224_930)}


def _capture(folder: Path, totals: dict[datetime, tuple[int, int]]) -> None:
    rates = tuple(online / received for received, online in totals.values())
    for at, (received, online) in totals.items():
        write_capture(folder / str(at.date()), at, received, online, rates)


def _rank(children: list[dict[str, Any]]) -> int:
    """1 + how many provinces have a higher online rate."""
    rate = {c["departmentCode"]: c["channelOnlineSum"] / c["totalReceived"] for c in children}
    return 1 + sum(other > rate["40"] for other in rate.values())


def _children(folder: Path, day: str) -> list[dict[str, Any]]:
    pages = [json.loads(p.read_text(encoding="utf-8")) for p in sorted((folder / day).glob("*.json"))]
    assert {page["code"] for page in pages} == {"OK"}
    return [child for page in pages for child in page["data"]["children"]]


@pytest.mark.parametrize("divisor", [1, 100])
def test_nghe_an_climbs_from_25_to_20_of_34(tmp_path: Path, divisor: int) -> None:
    _capture(tmp_path, {at: (r // divisor, o // divisor) for at, (r, o) in TOTALS.items()})
    earlier, final = (_children(tmp_path, day) for day in ("2025-07-22", "2025-08-06"))
    assert len(earlier) == len(final) == len({c["departmentCode"] for c in final}) == 34
    assert (_rank(earlier), _rank(final)) == (25, 20)


def test_the_published_totals_stand_on_the_page(tmp_path: Path) -> None:
    _capture(tmp_path, TOTALS)
    home = next(c for c in _children(tmp_path, "2025-08-06") if c["departmentCode"] == "40")
    assert (home["departmentName"], home["totalReceived"], home["channelOnlineSum"]) == (
        "Nghệ An", 310_903, 224_930,
    )  # fmt: skip


def test_channels_add_up_and_totals_only_grow(tmp_path: Path) -> None:
    _capture(tmp_path, TOTALS)
    earlier, final = (
        {c["departmentCode"]: c for c in _children(tmp_path, day)} for day in ("2025-07-22", "2025-08-06")
    )
    for code, child in final.items():
        parts = [child[f"channel{name}Sum"] for name in ("Online", "Direct", "Postal")]
        assert sum(parts) == child["totalReceived"] and min(parts) >= 0
        assert child["totalReceived"] >= earlier[code]["totalReceived"]


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    _capture(tmp_path, TOTALS)

    def post(url: str, **body: Any) -> Any:
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    with serve_ranking(tmp_path) as url:
        yield lambda **body: post(url, **body)


def test_the_server_pages_through_a_capture(ask: Callable[..., Any]) -> None:
    pages = [ask(captureDay="2025-08-06", currentPage=n, pageSize=15) for n in (1, 2, 3)]
    assert [len(page["data"]["children"]) for page in pages] == [15, 15, 4]
    assert {page["paging"]["totalPages"] for page in pages} == {3}
    assert ask(captureDay="2025-08-06", currentPage=4, pageSize=15)["data"]["children"] == []


def test_the_server_gives_the_newest_capture_unless_told(ask: Callable[..., Any]) -> None:
    assert ask(currentPage=1)["capturedAt"] == "2025-08-06T16:00:00+0700"
    assert ask(captureDay="2025-07-22")["capturedAt"] == "2025-07-22T16:00:00+0700"


def test_a_day_without_a_capture_is_not_found(ask: Callable[..., Any]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        ask(captureDay="2025-07-01")
