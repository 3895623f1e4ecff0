"""A capture over HTTP is whole or it is not there; credentials go to one address only."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipelines.demo.ranking import serve_ranking, write_capture
from pipelines.landing.pull import land_partition
from pipelines.settings import PROJECT, Settings
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Source, load_contracts
from pipelines.sources.errors import NotProvided, PermanentSourceError, SourceError
from pipelines.sources.http import fetch
from tests.portal import PORTAL
from tests.support.api import (
    DAY,
    Clock,
    Request,
    Response,
    codes,
    issues,
    nothing_landed,
    serving,
    stop_clock,
)

ELSEWHERE = "https://elsewhere.example/x?token=1"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stop_clock(monkeypatch)


def in_turn(*answers: Response) -> Callable[[Request, int], Response]:
    """These answers one after the other, then the last for ever."""
    return lambda _, number: answers[min(number, len(answers)) - 1]


def ranking(url: str) -> Source:
    demo = load_contracts(PROJECT / "sources.yaml").sources["national_ranking"]
    return Source.model_validate(demo.model_dump() | PORTAL | {"url": url, "omits_empty": True})


def page(number: int, pages: int, code: str = "40") -> dict[str, Any]:
    child = {"departmentCode": code, "totalReceived": 10, "channelOnlineSum": 7}
    return {
        "code": "OK", "capturedAt": "2025-08-06T16:00:00+0700", "data": {"children": [child]},
        "paging": {"currentPage": number, "totalPages": pages},
    }  # fmt: skip


def test_all_pages_of_a_capture_become_one_batch(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "ranking"
    write_capture(folder / str(DAY), datetime(2025, 8, 6, 16), 310_903, 224_930, (0.70, 224_930 / 310_903))
    with serve_ranking(folder) as url:
        batch = land_partition(ranking(url), DAY, settings, run_id="t")
    rows = pq.read_table(batch.path).to_pylist()
    assert len(rows) == 34
    ours = next(r for r in rows if r["province_code"] == "40")
    assert (ours["received_total"], ours["online_total"]) == ("310903", "224930")
    assert batch.origin.startswith("http://127.0.0.1:")


# How the API pages → how its server answers a question. Each holds a, b, c.
LETTERS = [{"id": letter, "reporter": "Lê Mẫu"} for letter in "abc"]


def by_page(request: Request, number: int) -> Response:
    at = int(request.query["p"])
    return 200, {"items": LETTERS[at - 1 : at], "pages": 3}


def by_page_until_empty(request: Request, number: int) -> Response:
    at = int(request.body["paging"]["no"])
    return 200, {"items": LETTERS[at : at + 1]}


def by_offset(request: Request, number: int) -> Response:
    at = int(request.query["skip"])
    return 200, {"items": LETTERS[at : at + 2], "total": 3}


def by_token(request: Request, number: int) -> Response:
    at = int(request.query.get("after", "0"))
    return 200, {"items": LETTERS[at : at + 1], "meta": {"next": str(at + 1) if at < 2 else None}}


def by_header(request: Request, number: int) -> Response:
    at = int(request.query.get("at", "0"))
    link = {"Link": f'</?at={at + 1}&unit=79>; rel="next"'} if at < 2 else {}
    return 200, {"items": LETTERS[at : at + 1]}, link


def by_field(request: Request, number: int) -> Response:
    at = int(request.query.get("at", "0"))
    return 200, {"items": LETTERS[at : at + 1], "next": f"?at={at + 1}" if at < 2 else ""}


def single(request: Request, number: int) -> Response:
    return 200, {"items": LETTERS}


@pytest.mark.parametrize(
    ("answer", "paging", "method"),
    [
        (by_page, {"by": "page", "name": "p", "total_pages": "pages"}, "GET"),
        (by_page_until_empty, {"by": "page", "into": "body", "name": "paging.no", "first": 0}, "POST"),
        (by_offset, {"by": "offset", "name": "skip", "total_records": "total"}, "GET"),
        (by_token, {"by": "token", "name": "after", "token": "meta.next"}, "GET"),
        (by_header, {"by": "link"}, "GET"),
        (by_field, {"by": "link", "link": "next"}, "GET"),
        (single, {"by": "none"}, "GET"),
    ],
)
def test_every_way_of_paging_gives_the_whole(
    settings: Settings, answer: Callable[[Request, int], Response], paging: dict[str, Any], method: str
) -> None:
    with serving(answer) as api:
        assert codes(settings, issues(api.url, paging=paging, method=method)) == ["a", "b", "c"]


def test_day_secrets_and_names_are_filled_in(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISSUES_TOKEN", "s3cret-word")
    with serving(single) as api:
        register = issues(
            api.url, method="POST", params={"day": "{partition}"},
            request={"filter": {"days": ["{partition}"]}},
            headers={"Authorization": "Bearer ${ISSUES_TOKEN}"},
        )  # fmt: skip
        batch = land_partition(register, DAY, settings, run_id="t")
    assert api.requests[0].query == {"day": "2025-08-06"}
    assert api.requests[0].body == {"filter": {"days": ["2025-08-06"]}}
    assert api.requests[0].headers["Authorization"] == "Bearer s3cret-word"
    assert api.requests[0].headers["User-Agent"].startswith("thongsuot/")
    assert "s3cret-word" not in batch.sidecar.read_text(encoding="utf-8") + repr(register)


def test_no_stranger_s_password_is_sent(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc of the machine would otherwise take the place of the configured header."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password other-word\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(single) as api:
        land_partition(issues(api.url, headers={"Authorization": "Bearer x"}), DAY, settings, run_id="t")
    assert api.requests[0].headers["Authorization"] == "Bearer x"


def test_values_of_json_are_landed_exactly_and_personal_ones_not(settings: Settings) -> None:
    record = b'{"id": 79.00010, "unit": {"code": true}, "reporter": "L\\u00ea", "more": 1}'
    body = b'{"items": [' + record + b', {"id": "x"}]}'
    with serving(in_turn((200, body))) as api:
        batch = land_partition(issues(api.url), DAY, settings, run_id="t")
    assert pq.read_table(batch.path).to_pylist() == [
        {"issue_code": "79.00010", "unit_code": "true"},
        {"issue_code": "x", "unit_code": None},
    ]
    assert batch.notes == ("columns not in the contract, dropped: more",)


def test_a_column_that_only_a_later_page_has_is_landed(settings: Settings) -> None:
    pages = in_turn(
        (200, {"items": [{"id": "a"}], "pages": 2}),
        (200, {"items": [{"id": "b", "unit": {"code": "u"}}], "pages": 2}),
    )
    with serving(pages) as api:
        register = issues(api.url, paging={"by": "page", "total_pages": "pages"})
        rows = pq.read_table(land_partition(register, DAY, settings, run_id="t").path).to_pylist()
    assert [(row["issue_code"], row["unit_code"]) for row in rows] == [("a", None), ("b", "u")]


def test_an_empty_answer_is_an_empty_batch(settings: Settings) -> None:
    with serving(in_turn((200, {"items": []}))) as api:
        assert land_partition(issues(api.url), DAY, settings, run_id="t").rows == 0


def test_a_server_that_recovers_is_asked_again(settings: Settings, clock: Clock) -> None:
    answers = (
        (500, b""),
        (429, b""),
        (200, b"<html>busy</html>"),
        (200, page(1, 1) | {"code": "BUSY"}),
        (200, page(1, 1)),
    )
    with serving(in_turn(*answers)) as api:
        assert land_partition(ranking(api.url), DAY, settings, run_id="t").rows == 1
    assert clock.naps == [1.5] * 4


@pytest.mark.parametrize(
    ("message", "waited"),
    [("7", 7), ("86400", fetch.MAX_RETRY_AFTER_SECONDS), ("0", 1.5), ("soon", 1.5), ("-5", 1.5)],
)
def test_the_server_says_when_to_come_back(
    settings: Settings, clock: Clock, message: str, waited: float
) -> None:
    with serving(in_turn((429, b"", {"Retry-After": message}), (200, {"items": LETTERS}))) as api:
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert clock.naps == [waited]


def test_the_server_may_say_it_as_a_date(settings: Settings, clock: Clock) -> None:
    date_ = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with serving(in_turn((503, b"", {"Retry-After": date_}), (200, {"items": LETTERS}))) as api:
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert 50 < clock.naps[0] <= 60


def test_no_more_questions_a_second_than_allowed(settings: Settings, clock: Clock) -> None:
    with serving(by_page) as api:
        paging = {"by": "page", "name": "p", "total_pages": "pages"}
        codes(settings, issues(api.url, paging=paging, requests_per_second=0.5))
    assert clock.naps == [2, 2]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b""), "answered 500"),
        ((429, b""), "answered 429"),
        ((200, b"<html></html>"), "not JSON"),
        ((200, json.dumps(page(1, 2)).encode()[:40]), "not JSON"),
        ((200, b"[" * 200_000), "not JSON"),
        ((200, b'{"items": []}', {"Content-Length": "1000"}), "no whole answer"),
        ((200, b"no gzip", {"Content-Encoding": "gzip"}), "no whole answer"),
    ],
)
def test_a_server_that_does_not_recover_lands_nothing(
    settings: Settings, answer: Response, message: str
) -> None:
    with (
        serving(in_turn(answer)) as api,
        pytest.raises(SourceError, match=f"national_ranking 2025-08-06: .*{message}"),
    ):
        land_partition(ranking(api.url), DAY, settings, run_id="t")
    assert nothing_landed(settings) and len(api.requests) == fetch.ATTEMPTS


def test_half_a_capture_never_becomes_a_batch(settings: Settings) -> None:
    with (
        serving(in_turn((200, page(1, 3)), (500, b""))) as api,
        pytest.raises(SourceError, match="answered 500"),
    ):
        land_partition(ranking(api.url), DAY, settings, run_id="t")
    assert nothing_landed(settings)


@pytest.mark.parametrize(
    ("answer", "changes", "message"),
    [
        ((401, b""), {}, "answered 401.*credentials"),
        ((302, b"", {"Location": ELSEWHERE}), {}, "redirects to elsewhere.example,"),
        ((200, {"items": LETTERS}), {"paging": {"by": "page"}}, "page 2 repeats an earlier page"),
        ((200, {"items": [], "next": "x"}), {"paging": {"by": "token", "token": "next"}}, "repeats for ever"),
        ((200, {"items": [], "next": ELSEWHERE}), {"paging": {"by": "link", "link": "next"}},
         "on elsewhere.example, another server"),
        ((200, {"items": [], "next": "?a"}), {"paging": {"by": "link", "link": "next"}, "pull_seconds": 0.4},
         "had not ended after 0.4 seconds"),
        ((200, {"items": [], "next": "?a"}), {"paging": {"by": "link", "link": "next"}, "max_pages": 3},
         "more than 3 pages"),
        ((200, {"items": []}), {"paging": {"by": "page", "total_pages": "n"}}, "page 1 has no number at 'n'"),
        *[((200, {"items": [{"id": "a"}], "n": n}), {"paging": {"by": "page", "total_pages": "n"}},
           "page 1 has no number at 'n'") for n in (-5, True, 1.5, "1_000", "٣", "9" * 5000, None, [1])],
        ((200, {"data": []}), {}, "page 1 has no list at 'items'"),
        ((200, {"items": [{"x": 1}]}), {}, "required column 'issue_code'"),
        ((200, b"x" * (2**20 + 1)), {"max_page_mib": 1}, "larger than 1 MiB"),
        ((200, b'{"items": [{"id": "a", "id": "b"}]}'), {}, "holds the key 'id' twice"),
        ((200, b'{"items": [{"id": "a", "n": NaN}]}'), {}, "holds NaN, which is no JSON number"),
    ],
)  # fmt: skip
def test_what_another_try_cannot_help_is_not_tried(
    settings: Settings, answer: Response, changes: dict[str, Any], message: str
) -> None:
    with (
        serving(in_turn(answer)) as api,
        pytest.raises(PermanentSourceError, match=f"issues 2025-08-06: .*{message}"),
    ):
        land_partition(issues(api.url, **changes), DAY, settings, run_id="t")
    assert nothing_landed(settings) and len(api.requests) <= 3


def test_a_later_page_without_a_needed_column_stops_the_capture(settings: Settings) -> None:
    pages = in_turn((200, {"items": [{"id": "a"}], "pages": 2}), (200, {"items": [{"no": "b"}], "pages": 2}))
    with serving(pages) as api, pytest.raises(PermanentSourceError, match="page 2 has no 'issue_code'"):
        land_partition(
            issues(api.url, paging={"by": "page", "total_pages": "pages"}), DAY, settings, run_id="t"
        )
    assert nothing_landed(settings)


def test_the_api_s_own_count_is_checked(settings: Settings) -> None:
    with serving(in_turn((200, {"items": LETTERS, "total": 4}))) as api:
        register = issues(api.url, paging={"by": "none", "total_records": "total"})
        with pytest.raises(SourceError, match="tells 4 records, and 3 came"):
            land_partition(register, DAY, settings, run_id="t")
    assert nothing_landed(settings)


def test_an_answer_that_only_trickles_is_given_up(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time; the whole does not. Every look at the clock is ten seconds later."""
    monkeypatch.setattr(fetch, "READ_BYTES", 1)

    def later() -> float:
        clock.now += 10
        return clock.now

    monkeypatch.setattr(fetch, "clock", later)
    with serving(single) as api, pytest.raises(SourceError, match="not there after 30 seconds"):
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert nothing_landed(settings)


def test_an_unchanged_capture_makes_no_second_batch(settings: Settings) -> None:
    """But only for the day that has it: another day gets its own batch in full."""

    def tagged(request: Request, number: int) -> Response:
        if request.headers.get("If-None-Match") == '"v1"':
            return 304, b""
        return 200, {"items": LETTERS}, {"ETag": '"v1"'}

    with serving(tagged) as api:
        first, again = (land_partition(issues(api.url), DAY, settings, run_id="t") for _ in range(2))
        assert first == again and len(list(settings.landing.rglob("*.json"))) == 1
        assert land_partition(issues(api.url), DAY - timedelta(days=1), settings, run_id="t").rows == 3
        changed = issues(api.url, columns=({"name": "issue_code", "raw": "id", "required": True},))
        assert land_partition(changed, DAY, settings, run_id="t") != first


def test_an_api_without_a_day_is_never_asked_for_the_past(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: date(2025, 8, 8))
    with serving(single) as api, pytest.raises(NotProvided, match="put the day into its address"):
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert api.requests == []


def test_a_token_needs_a_place_to_be_found() -> None:
    with pytest.raises(ValidationError, match="paging by token needs `token`"):
        issues("http://127.0.0.1/", paging={"by": "token"})


@pytest.mark.parametrize(
    ("record", "changes", "message"),
    [
        ({"id": "b", "note": "x"}, {"drift": {"extra_column": "fail"}}, "page 2: columns not in the contract.*note"),
        ({"id": "b", "Unit.code": "u", "unit.CODE": "v"}, {}, "page 2: the headers .* read alike"),
    ],
)  # fmt: skip
def test_what_the_first_page_may_not_hold_no_later_one_may(
    settings: Settings, record: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    paging = {"by": "page", "total_pages": "pages"}
    pages = [{"id": "a", "unit": {"code": "u"}}, record]
    with (
        serving(lambda request, number: (200, {"items": [pages[number - 1]], "pages": 2})) as api,
        pytest.raises(PermanentSourceError, match=message),
    ):
        land_partition(issues(api.url, paging=paging, personal={}, **changes), DAY, settings, run_id="t")
    assert nothing_landed(settings)


def test_a_key_that_comes_a_hundred_thousand_times_is_told_in_a_few_lines(settings: Settings) -> None:
    page = {"items": [{"id": "a"}] * 100_000}
    with serving(in_turn((200, page))) as api, pytest.raises(SourceError) as error:
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert len(str(error.value)) < 11_000 and "99999 rows too many" in str(error.value)
