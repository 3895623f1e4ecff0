"""Tokens of an API: fetched once, anew where they end or are refused; neither they nor the secret come to rest."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError, SourceError
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


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return stop_clock(monkeypatch)


def with_token(answers: list[Response], lifetime: Any = 3600) -> Any:
    """An API that takes the newest token only; `answers`: those of the API to a good token, the last for ever."""
    tokens: list[str] = []

    def answer(request: Request, number: int) -> Response:
        if request.path == "/token":
            assert request.headers.get("X-Key") is None
            tokens.append(f"t0ken-{len(tokens) + 1}")
            return 200, {"access_token": tokens[-1], "expires_in": lifetime, "token_type": "Bearer"}
        if not tokens or request.headers.get("Authorization") != f"Bearer {tokens[-1]}":
            return 401, b""
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return answer


def vendor(url: str, **changes: Any) -> Any:
    grant = {
        "url": f"{url}token",
        "client_id": "province",
        "client_secret": "${VENDOR_SECRET}",
        "scope": "stats",
    }
    return issues(url, token=grant, personal={}, headers={"X-Key": "k3y"}, **changes)


def test_a_token_is_fetched_once_and_goes_with_every_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_SECRET", "p@ss&word")
    with serving(
        with_token([(200, {"items": [{"id": "a"}], "pages": 2}), (200, {"items": [{"id": "b"}], "pages": 2})])
    ) as api:
        register = vendor(api.url, paging={"by": "page", "total_pages": "pages"})
        batch = land_partition(register, DAY, settings, run_id="t")
    token, *others = api.requests
    assert token.form == {"grant_type": "client_credentials", "client_id": "province",
                          "client_secret": "p@ss&word", "scope": "stats"}  # fmt: skip
    assert [request.path for request in others] == ["/", "/"]
    stored = batch.sidecar.read_text(encoding="utf-8") + repr(register)
    assert "p@ss" not in stored and "t0ken" not in stored


def test_id_and_secret_may_stand_in_the_header(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6749 §2.3.1: both form-encoded, then Basic."""
    monkeypatch.setenv("VENDOR_SECRET", "p@ss word")
    with serving(with_token([LETTERS])) as api:
        grant = {
            "url": f"{api.url}token",
            "client_id": "me",
            "client_secret": "${VENDOR_SECRET}",
            "login": "header",
        }
        codes(settings, issues(api.url, token=grant, personal={}))
    # base64 of me:p%40ss+word
    assert api.requests[0].headers["Authorization"] == "Basic bWU6cCU0MHNzK3dvcmQ="
    assert api.requests[0].form == {"grant_type": "client_credentials"}


def test_a_token_that_ends_under_way_is_fetched_anew(
    settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute's token, used for half of it; 20 seconds lie between two questions.

    Page 1 is asked for at second 20, page 2 at 40 with the token that was good at 20; then another is needed.
    """
    monkeypatch.setenv("VENDOR_SECRET", "s")
    pages = [(200, {"items": [{"id": letter}], "pages": 3}) for letter in "abc"]
    with serving(with_token(pages, lifetime=60)) as api:
        register = vendor(api.url, paging={"by": "page", "total_pages": "pages"}, requests_per_second=0.05)
        assert codes(settings, register) == ["a", "b", "c"]
    assert [request.path for request in api.requests] == ["/token", "/", "/", "/token", "/"]


def test_a_token_that_is_refused_is_fetched_anew_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENDOR_SECRET", "s3cret")
    with serving(with_token([(401, b""), LETTERS])) as api:
        assert codes(settings, vendor(api.url)) == ["a"]
    assert [request.path for request in api.requests] == ["/token", "/", "/token", "/"]
    with (
        serving(with_token([(401, b"")])) as api,
        pytest.raises(PermanentSourceError, match="401, also to a token that was fetched anew") as caught,
    ):
        land_partition(vendor(api.url), date(2025, 8, 5), settings, run_id="t")
    assert [request.path for request in api.requests] == ["/token", "/", "/token", "/"]
    assert "s3cret" not in str(caught.value) and "t0ken" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message", "tries"),
    [
        ((401, {"error": "invalid_client", "hint": "s3cret"}), "token endpoint: the API answered 401", 1),
        ((400, {"error": "invalid_scope"}), "token endpoint: the API answered 400", 1),
        ((200, {"token": "x"}), "no token at 'access_token'", 1),
        ((200, {"access_token": "a\nb"}), "no token at 'access_token'", 1),
        ((200, {"access_token": "đường-dài"}), "no token at 'access_token'", 1),
        ((200, {"access_token": "x" * 2**20}), "no token at 'access_token'", 1),
        ((503, b""), "token endpoint: the API answered 503", 5),
    ],
)
def test_a_token_endpoint_that_gives_none_is_named_and_repeats_no_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: Response, message: str, tries: int
) -> None:
    monkeypatch.setenv("VENDOR_SECRET", "s3cret")
    with serving(lambda request, number: answer) as api, pytest.raises(SourceError, match=message) as caught:
        land_partition(vendor(api.url), DAY, settings, run_id="t")
    assert len(api.requests) == tries and "s3cret" not in str(caught.value) and nothing_landed(settings)
