"""Captures of APIs as they are: forms, several requests, bounds of a day; whole or not there."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.contracts.options.http_requests import Moment
from pipelines.sources.errors import NotProvided, PermanentSourceError, SourceError
from pipelines.sources.http.request import write_moment
from tests.support.api import (
    DAY,
    LETTERS,
    Clock,
    Request,
    Response,
    codes,
    issues,
    nothing_landed,
    serving,
    stop_clock,
)

# Units of two provinces and what each reports: the second request of a capture depends on the first.
UNITS = {"1": ["a", "b"], "2": ["c"]}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stop_clock(monkeypatch)


def test_a_form_s_field_may_be_json_as_text_and_holds_the_page(settings: Settings) -> None:
    def answer(request: Request, number: int) -> Response:
        assert request.body is None
        fields = json.loads(request.form["params"])
        assert (fields["type"], fields["day"], request.form["lang"]) == ("ref", "06/08/2025", "vi")
        return 200, [{"id": letter} for letter in "abc"[fields["pageIndex"] * 2 :][:2]]

    with serving(answer) as api:
        register = issues(
            api.url, method="POST", records=".", personal={},
            moments={"day": {"format": "%d/%m/%Y"}},
            form={"params": {"type": "ref", "day": "{day}", "pageSize": 2}, "lang": "vi"},
            paging={"by": "page", "into": "body", "name": "params.pageIndex", "first": 0},
        )  # fmt: skip
        assert codes(settings, register) == ["a", "b", "c"]
    assert api.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # 6 August 2025 begins in Việt Nam at 17:00 UTC of the 5th: 1 754 413 200 seconds after 1970.
        ({}, "2025-08-06T00:00:00+07:00"),
        ({"format": "%Y-%m-%dT%H:%M:%S.000Z", "timezone": "UTC"}, "2025-08-05T17:00:00.000Z"),
        ({"at": "day_end", "format": "epoch"}, 1754413200 + 86400),
        ({"format": "epoch_ms"}, 1754413200000),
        ({"at": "last_second", "format": "%d/%m/%Y %H:%M:%S"}, "06/08/2025 23:59:59"),
        ({"at": "month_start", "format": "%d/%m/%Y"}, "01/08/2025"),
        ({"at": "month_end", "format": "%d/%m/%Y"}, "01/09/2025"),
        ({"at": "last_day_of_month", "format": "%d/%m/%Y"}, "31/08/2025"),
        ({"at": "year_start", "format": "%Y"}, "2025"),
        ({"at": "now", "format": "%d/%m/%Y %H:%M"}, "07/08/2025 00:30"),
    ],
)
def test_bounds_of_a_day_are_written_as_the_api_wants_them(moment: dict[str, Any], expected: Any) -> None:
    now = datetime(2025, 8, 7, 0, 30, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    assert write_moment(Moment.model_validate(moment), DAY, now) == expected


def test_a_number_alone_in_a_json_body_stays_a_number(settings: Settings) -> None:
    with serving(lambda request, number: (200, {"items": [{"id": "a"}]})) as api:
        register = issues(
            api.url, method="POST", personal={}, request={"range": {"from": "{start}", "note": "since {start}"}},
            moments={"start": {"format": "epoch"}},
        )  # fmt: skip
        codes(settings, register)
    assert api.requests[0].body == {"range": {"from": 1754413200, "note": "since 1754413200"}}


def units_of_provinces(request: Request, number: int) -> Response:
    if request.path == "/provinces":
        return 200, [{"ma": "1"}, {"ma": "2"}, {"ma": "1"}]
    province, month = request.path.split("/")[2], request.query["month"]
    return 200, {"items": [{"id": f"{unit}-{month}"} for unit in UNITS[province]]}


def by_province_and_month(url: str, **changes: Any) -> Any:
    columns = (
        {"name": "issue_code", "raw": "id", "required": True},
        {"name": "unit_code", "raw": "province"},
        {"name": "title", "raw": "thang"},
    )
    base: dict[str, Any] = {
        "url": f"{url}units/{{province}}", "params": {"month": "{thang}"}, "columns": columns, "personal": {},
        "moments": {"thang": {"of": "month", "at": "month_start", "format": "%m/%Y"}},
        "for_each": {
            "province": {"from_request": {"url": f"{url}provinces", "records": ".", "value": "ma"}},
            "month": {"months_since": date(2025, 7, 1)},
        },
    }  # fmt: skip
    return issues(**(base | changes))


def test_one_capture_asks_for_every_province_and_every_month(settings: Settings) -> None:
    with serving(units_of_provinces) as api:
        register = by_province_and_month(api.url)
        rows = pq.read_table(land_partition(register, DAY, settings, run_id="t").path).to_pylist()
    assert [(row["issue_code"], row["unit_code"], row["title"]) for row in rows] == [
        ("a-07/2025", "1", "07/2025"), ("b-07/2025", "1", "07/2025"), ("a-08/2025", "1", "08/2025"),
        ("b-08/2025", "1", "08/2025"), ("c-07/2025", "2", "07/2025"), ("c-08/2025", "2", "08/2025"),
    ]  # fmt: skip
    assert [request.path for request in api.requests] == ["/provinces", *["/units/1"] * 2, *["/units/2"] * 2]


def at_units_of_2(response: Response) -> Any:
    return lambda path: response if path == "/units/2" else None


def at_list(response: Response) -> Any:
    return lambda path: response if path == "/provinces" else None


def at_every_unit(response: Response) -> Any:
    return lambda path: response if path != "/provinces" else None


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (at_units_of_2((500, b"")), SourceError,
         r"issues 2025-08-06 \(province 2, month 2025-07-01\): the API answered 500"),
        (at_units_of_2((403, b"")), PermanentSourceError, r"province 2.*answered 403"),
        (at_units_of_2((200, {"items": []})), PermanentSourceError,
         r"province 2.*no records came.*may_be_empty: true"),
        (at_units_of_2((200, {"items": [{"no": "x"}]})), PermanentSourceError,
         r"province 2.*page 1 has no 'issue_code'"),
        (at_every_unit((200, {"items": [{"id": "same"}]})), SourceError, r"1 key stands in this list more than once"),
        (at_list((200, [])), PermanentSourceError, "gives 0 records"),
        (at_list((200, [{"x": 1}])), PermanentSourceError, "not all with a value at 'ma'"),
    ],
)  # fmt: skip
def test_where_one_request_fails_nothing_lands(
    settings: Settings, spoil: Any, error: type[Exception], message: str
) -> None:
    def answer(request: Request, number: int) -> Response:
        return spoil(request.path) or units_of_provinces(request, number)

    with serving(answer) as api, pytest.raises(error, match=message):
        land_partition(by_province_and_month(api.url), DAY, settings, run_id="t")
    assert nothing_landed(settings)


def test_a_request_without_records_counts_where_the_place_says_so(settings: Settings) -> None:
    def answer(request: Request, number: int) -> Response:
        return 200, {"items": [{"id": "a"}] if request.query["unit"] == "2" else []}

    with serving(answer) as api:
        register = issues(
            api.url, params={"unit": "{unit}"}, personal={},
            for_each={"unit": {"values": [1, 2, 3], "may_be_empty": True}},
        )  # fmt: skip
        assert codes(settings, register) == ["a"]
    assert len(api.requests) == 3


@pytest.mark.parametrize("partitioning", ["snapshot_day", "change_day"])
def test_pages_that_overlap_while_the_total_fits_are_no_capture(
    settings: Settings, partitioning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """b comes twice, and d never; of a log, which may tell an event twice, it is a note."""
    pages = [["a", "b"], ["b", "c"]]

    def answer(request: Request, number: int) -> Response:
        page = int(request.query["page"])
        return 200, {"items": [{"id": i, "n": page} for i in pages[page - 1]], "total": 4}

    with serving(answer) as api:
        register = issues(
            api.url, paging={"by": "page", "total_records": "total"}, personal={},
            partitioning=partitioning, params={"day": "{partition}"},
        )  # fmt: skip
        if partitioning == "change_day":
            notes = land_partition(register, DAY, settings, run_id="t").notes
            assert any("keys that come on more than one page" in note for note in notes)
            return
        with pytest.raises(
            SourceError,
            match=r"1 key stands in this list more than once.*\(page 1; page 2\).*another is likely to be missing",
        ):
            land_partition(register, DAY, settings, run_id="t")
        assert nothing_landed(settings)
        accepted = register.model_copy(update={"repeated_keys": "accept"})
        assert land_partition(accepted, DAY, settings, run_id="t").rows == 4


def test_an_api_asked_by_moments_of_the_day_answers_for_the_past(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: date(2025, 9, 30))
    with serving(lambda request, number: LETTERS) as api:
        moments = {"since": {"format": "epoch"}}
        assert codes(settings, issues(api.url, params={"from": "{since}"}, moments=moments, personal={})) == [
            "a"
        ]
    assert api.requests[0].query == {"from": "1754413200"}


def test_headers_hold_what_a_request_is_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They went out as they stand in the file, and the API answered for today."""
    monkeypatch.setattr(relation, "today", lambda: date(2025, 9, 30))

    def answer(request: Request, number: int) -> Response:
        return (200, ["1", "2"]) if request.path == "/list" else (200, {"items": [{"id": str(number)}]})

    with serving(answer) as api:
        headers = {"X-Day": "{day}", "X-Unit": "no. {unit}", "X-Key": "k3y"}
        moments = {"day": {"format": "%d/%m/%Y"}}
        each = {"unit": {"from_request": {"url": f"{api.url}list", "records": ".", "value": "."}}}
        register = issues(f"{api.url}of", headers=headers, moments=moments, for_each=each, personal={})
        assert codes(settings, register) == ["2", "3"]
    names = ("X-Day", "X-Unit", "X-Key")
    assert [tuple(request.headers.get(name) for name in names) for request in api.requests] == [
        ("06/08/2025", None, "k3y"),
        ("06/08/2025", "no. 1", "k3y"),
        ("06/08/2025", "no. 2", "k3y"),
    ]


def test_a_day_that_only_the_earlier_request_holds_is_not_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: date(2025, 9, 30))
    with serving(lambda request, number: LETTERS) as api:
        question = {"url": f"{api.url}list", "params": {"day": "{partition}"}, "records": ".", "value": "."}
        register = issues(f"{api.url}of/{{unit}}", for_each={"unit": {"from_request": question}}, personal={})
        with pytest.raises(NotProvided):
            land_partition(register, DAY, settings, run_id="t")
    assert not api.requests and nothing_landed(settings)


def test_a_value_from_an_answer_leads_to_no_other_path(settings: Settings) -> None:
    def answer(request: Request, number: int) -> Response:
        return (200, ["../x?y=1"]) if request.path == "/list" else LETTERS

    with serving(answer) as api:
        each = {"unit": {"from_request": {"url": f"{api.url}list", "records": ".", "value": "."}}}
        codes(settings, issues(f"{api.url}of/{{unit}}", for_each=each, personal={}))
    assert api.requests[1].path == "/of/..%2Fx%3Fy%3D1"


@pytest.mark.parametrize("value", [".", ".."])
def test_a_value_of_dots_leads_to_no_other_path(settings: Settings, value: str) -> None:
    each = {"unit": {"values": [value]}}
    with serving(lambda request, number: LETTERS) as api:
        one = issues(f"{api.url}of/{{unit}}/list", for_each=each, personal={})
        with pytest.raises(PermanentSourceError, match=r"a part of `url`, which would lead to another path"):
            codes(settings, one)
    assert api.requests == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": {"a": "b"}}, "`form` is the body of a POST; add `method: POST`"),
        ({"method": "POST", "form": {"a": 1}, "request": {"b": 1}}, "two bodies of one POST"),
        ({"for_each": {"unit": {"values": ["1"]}}}, "nothing that is asked has `{unit}`"),
        ({"for_each": {"unit": {}}, "params": {"u": "{unit}"}}, "one of `values`, `months_since` and `from_request`"),
        ({"moments": {"x": {"of": "mont"}}}, "`mont` is neither partition nor a name"),
        ({"moments": {"x": {"format": "epochms"}}}, "did you mean `epoch_ms`"),
        ({"moments": {"x": {"timezone": "Asia/Hanoi"}}}, "not known; e.g. UTC"),
        ({"url": "https://{unit}.example/", "for_each": {"unit": {"values": ["1"]}}}, "may not choose the server"),
        ({"token": {"url": "https://id.example", "client_id": "x", "client_secret": "plain"}},
         "a secret stands in the environment only"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_when_the_file_is_read(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        issues(**({"url": "https://api.example/x"} | changes))
