"""An answer that says of itself that it is not all, from a source that nobody pages: a finding, never silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from tests.support.api import DAY, issues, serving, stop_clock
from tests.unit.files_support import landed, put, source

RECORDS = [{"id": "A", "unit": {"code": "18001"}}, {"id": "B", "unit": {"code": "18002"}}]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch)


ANSWERS: list[tuple[dict[str, Any], str | None]] = [
    ({"total": 200}, "`total` says 200"),
    ({"recordsFiltered": "3"}, "`recordsFiltered` says 3"),
    ({"meta": {"totalElements": 45}}, "`meta.totalElements` says 45"),
    ({"page": {"size": 2, "hasNext": True}}, "`page.hasNext` says so"),
    ({"@odata.nextLink": "https://x?skip=2"}, "`@odata.nextLink` says so"),
    ({"tongSo": 9}, "`tongSo` says 9"),
    ({"total": 2, "hasMore": False, "next": None, "links": {"next": ""}}, None),
    # Sums of what the records say are no counts of them.
    ({"totalReceived": 12345, "pageCount": 7, "pageSize": 50}, None),
]


@pytest.mark.parametrize(("about", "reason"), ANSWERS)
def test_an_answer_that_promises_more_than_it_holds_is_a_finding(
    settings: Settings, about: dict[str, Any], reason: str | None
) -> None:
    with serving(lambda request, number: (200, {"items": RECORDS} | about)) as api:
        notes = land_partition(issues(api.url), DAY, settings, run_id="t").notes
        silent = land_partition(issues(api.url, paging={"by": "none"}), DAY, settings, run_id="t").notes
    assert [
        note for note in notes if note.startswith("please check: the source has more than the 2 records")
    ] == ([note for note in notes if reason and reason in note])
    assert bool(reason) is any("has more than" in note for note in notes)
    assert not any("has more than" in note for note in silent)


def test_pages_at_rest_are_counted_together(settings: Settings) -> None:
    columns = ({"name": "code", "raw": "id", "required": True},)
    one = source(
        path="{data}/in/{partition}", format="json", delimiter=None, records="data.items", columns=columns
    )
    for number, record in enumerate(RECORDS, 1):
        page = {"data": {"items": [record], "total": 2, "hasNext": number == 1}}
        put(settings, f"2025-08-06/page_{number}.json", json.dumps(page).encode())
    assert not any("has more than" in note for note in landed(settings, one).notes)
    page["data"]["total"] = 3
    put(settings, "2025-08-06/page_2.json", json.dumps(page).encode())
    [note] = [note for note in landed(settings, one).notes if "has more than" in note]
    assert "the 2 records that came: `data.total` says 3" in note


def test_an_optional_column_that_an_api_had_is_not_lost_with_a_note(settings: Settings) -> None:
    answers = [RECORDS, [{"id": "A"}, {"id": "B"}]]
    with serving(lambda request, number: (200, {"items": answers[min(number, 2) - 1]})) as api:
        assert land_partition(issues(api.url), DAY, settings, run_id="t").columns == (
            "issue_code",
            "unit_code",
        )
        with pytest.raises(
            PermanentSourceError, match=r"column 'unit_code' .* is gone; the delivery of 2025-08-06"
        ):
            land_partition(issues(api.url), DAY, settings, run_id="t")
