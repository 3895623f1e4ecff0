"""A secret of the environment stands in nothing that is stored or printed, whoever repeats it and however."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
import traceback
import unicodedata
from datetime import date
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from rich.console import Console

from pipelines.cli.console import OperatorConsole
from pipelines.landing.pull import land_partition
from pipelines.log import get_logger, print_steps
from pipelines.masking import (
    MaskedStream,
    list_public_variables,
    make_printable,
    mask_secrets,
    mask_values,
    register_secret,
)
from pipelines.settings import Settings, SettingsError
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import SourceError
from tests.support.api import DAY, Request, Response, issues, serving, stop_clock
from tests.support.leaks import list_leaks

# Every character that one of the forms writes otherwise.
SECRET = 'Pa-S3cret/é+"&<w0rd%'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), quote(SECRET)),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr(SECRET)[1:-1],
        html.escape(SECRET),
        repr(SECRET.encode())[2:-1],
        unicodedata.normalize("NFD", SECRET),
        quote(unicodedata.normalize("NFD", SECRET)),
        "".join(f"%{byte:02x}" for byte in SECRET.encode()),
        json.dumps(json.dumps(SECRET))[3:-3],
        SECRET.encode().hex(),
    ],
)  # fmt: skip
def test_every_way_to_write_a_secret_is_masked(form: str) -> None:
    register_secret(SECRET)
    assert mask_secrets(f"the server says: {form}!") == "the server says: ***!"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", " \n> ", " │\n│ "])
@pytest.mark.parametrize("place", [1, 7, len(SECRET) - 1])
def test_a_secret_broken_over_lines_is_masked(line_end: str, place: int) -> None:
    register_secret(SECRET)
    assert mask_secrets(f"it says {SECRET[:place]}{line_end}{SECRET[place:]}!") == "it says ***!"


@pytest.mark.parametrize("is_in_base64", [False, True])
def test_no_line_of_a_key_is_told(is_in_base64: bool) -> None:
    lines = ["MC4CAQAwBQYDK2VwBCIEIPq1", "c3VwZXIgc2VjcmV0IGtleSBieXRlcw=="]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    register_secret(base64.b64encode(key.encode()).decode() if is_in_base64 else key)
    for line in lines:
        assert mask_secrets(f"line {line!r} cannot be read") == "line '***' cannot be read"
    assert mask_secrets("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize("user", ["", "u", "us", "reader", "người đọc"])
def test_a_secret_in_base64_is_masked_wherever_it_begins(user: str) -> None:
    register_secret(SECRET)
    header = base64.b64encode(f"{user}:{SECRET}".encode()).decode()
    masked = mask_secrets(f"Basic {header}")
    assert "***" in masked
    rest = masked.removeprefix("Basic ").replace("***", "")
    assert len(rest) <= len(base64.b64encode(f"{user}:".encode())) + 4


def test_what_is_too_short_to_guard_anything_is_a_word() -> None:
    for value in ("abc", "5432", "1", ""):
        register_secret(value)
    assert mask_secrets("abc 5432 1 rows") == "abc 5432 1 rows"


@pytest.mark.parametrize(
    ("address", "secrets", "public"),
    [
        (
            "postgresql://reader:hush-hush@db.example:5432/one_stop",
            ["hush-hush"],
            ["reader", "db.example", "one_stop"],
        ),
        ("postgresql://reader:p%40ss%2Fw@db.example/x", ["p%40ss%2Fw", "p@ss/w"], ["db.example"]),
        ("mysql://reader:p@ss/w0rd#1@db.example/x", ["p@ss/w0rd#1"], ["db.example"]),
        ("https://api.example/x?token=abc-def-1&page=2", ["abc-def-1"], ["api.example", "page=2"]),
        ("https://api.example/0123456789abcdef01/issues", ["0123456789abcdef01"], ["issues"]),
        ("https://Tok3n-x@api.example/issues", ["Tok3n-x"], ["api.example", "issues"]),
        ("https://province@api.example/issues", [], ["province", "api.example"]),
        ("https://t%E1%BB%89nh@api.example/issues", [], ["t%E1%BB%89nh"]),
        ("https://tokenoflettersonly@api.example/", ["tokenoflettersonly"], ["api.example"]),
        ("https://Tok3n%2Fx@api.example:8443/", ["Tok3n%2Fx", "Tok3n/x"], ["api.example:8443"]),
        ("https://0123456789abcdef01:x-oauth-basic@api.example/", ["0123456789abcdef01"], ["api.example"]),
        ("https://reader:hush-hush@api.example/", ["hush-hush"], ["reader", "api.example"]),
        ("postgresql://reader@db.example/x", [], ["reader@db.example"]),
        ("sqlite:////srv/one_stop.db", [], ["/srv/one_stop.db", "sqlite:////srv/one_stop.db"]),
    ],
)
def test_of_an_address_only_what_is_secret_is_masked(
    address: str, secrets: list[str], public: list[str]
) -> None:
    register_secret(address)
    assert all(mask_secrets(secret) == "***" for secret in secrets)
    assert all(mask_secrets(word) == word for word in public)


def test_values_of_any_depth_are_masked_and_names_stay() -> None:
    register_secret("warehouse")
    values = {"warehouse": ["the warehouse", ("warehouse", 1)], "rows": 3}
    assert mask_values(values) == {"warehouse": ["the ***", ("***", 1)], "rows": 3}


def test_errors_of_sources_and_log_records_repeat_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    register_secret(SECRET)
    stream = io.StringIO()
    with print_steps(stream), caplog.at_level(logging.INFO, "pipelines"):
        get_logger("pipelines.x").info(f"tried {SECRET}", url=f"http://x/{quote(SECRET)}")
    fields = caplog.records[0].fields  # type: ignore[attr-defined]
    assert SECRET not in caplog.text + str(SourceError(f"refused {SECRET}"))
    assert fields == {"url": "http://x/***"}
    assert stream.getvalue().split(" ", 1)[1] == "tried *** url=http://x/***\n"


def test_a_traceback_on_the_standard_error_is_masked() -> None:
    register_secret(SECRET)
    stream = io.StringIO()
    try:
        raise ValueError(f"no host {SECRET!r}")
    except ValueError:
        traceback.print_exc(file=MaskedStream(stream))
    assert "ValueError" in stream.getvalue() and "S3cret" not in stream.getvalue()


@pytest.mark.parametrize("place", range(1, len(SECRET)))
def test_a_secret_that_comes_in_pieces_is_masked(place: int) -> None:
    register_secret(SECRET)
    stream = io.StringIO()
    masked = MaskedStream(stream)
    for piece in ("it says ", SECRET[:place], SECRET[place:], "! and more\n"):
        masked.write(piece)
        masked.flush()
    assert stream.getvalue() == "it says ***! and more\n"


def test_what_only_begins_as_a_secret_is_written_when_it_goes_on_otherwise_or_ends() -> None:
    register_secret("abcabcabcabd")
    stream = io.StringIO()
    masked = MaskedStream(stream)
    masked.write("x abcabcabcabcabd and abcab")
    assert stream.getvalue() == "x abc*** and "
    masked.write("x abc")
    masked.release()
    assert stream.getvalue() == "x abc*** and abcabx abc"
    masked.write("abcabcabc")
    masked.release()  # so much of it is as good as the whole
    assert stream.getvalue().endswith("x abc***")


def test_a_secret_that_another_one_begins_with_is_not_cut_in_two() -> None:
    for secret in ("abcdef", "abcdefghijkl"):
        register_secret(secret)
    stream = io.StringIO()
    masked = MaskedStream(stream)
    for piece in ("abcdef", "ghij", "kl, abcdef", "."):
        masked.write(piece)
    assert stream.getvalue() == "***, ***."


def test_bytes_do_not_pass_by_the_mask() -> None:
    register_secret(SECRET)
    inner = io.BytesIO()
    masked = MaskedStream(io.TextIOWrapper(inner, encoding="utf-8", write_through=True))
    masked.write("first ")
    assert masked.buffer.write(f"says {SECRET}".encode() + b" \xff") > 0
    assert inner.getvalue() == b"first says *** \xff"


def test_children_that_read_foreign_files_get_no_secret() -> None:
    register_secret(SECRET, "ISSUES_LOGIN")
    environment = {
        "PATH": "/bin", "ISSUES_LOGIN": SECRET, "COPY": f"x {SECRET}", "OTHER_PASSWORD": "unread", "LANG": "C",
    }  # fmt: skip
    assert list_public_variables(environment) == {"PATH": "/bin", "LANG": "C"}


# Each connector, failing.


def echo(request: Request, number: int) -> Response:
    """A server that repeats what it was asked with, as a careless one does."""
    return 200, {"code": f"refused: {request.headers.get('Authorization')} for {request.path}"}


def failing_api(url: str) -> Source:
    return issues(
        f"{url}${{API_PATH}}/issues", success={"code": "OK"}, headers={"Authorization": "Bearer ${API_TOKEN}"}
    )


def failing_database(url: str) -> Source:
    return issues(
        "postgresql://reader:${API_TOKEN}@127.0.0.1:1/${API_PATH}", connector="database", table="issues",
        records=None,
    )  # fmt: skip


def failing_driver(url: str) -> Source:
    return failing_database(url).model_copy(update={"scanner": False})


def failing_file(url: str) -> Source:
    return issues(url, connector="files", format="csv", path="/nowhere/${API_PATH}/x.csv", records=None)


@pytest.mark.parametrize("make", [failing_api, failing_database, failing_driver, failing_file])
def test_no_connector_that_fails_leaves_a_secret_anywhere(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    make: Any,
) -> None:
    stop_clock(monkeypatch)
    monkeypatch.setenv("API_TOKEN", "TOKEN-SECRET-123/é")
    monkeypatch.setenv("API_PATH", "path-secret-456")
    monkeypatch.setattr(relation, "today", lambda: date(2025, 8, 6))
    with serving(echo) as api, caplog.at_level(logging.INFO), pytest.raises(SourceError) as error:
        land_partition(make(api.url), DAY, settings, run_id="t")
    stack = "".join(traceback.format_exception(error.value))
    output = "".join([*capfd.readouterr(), caplog.text, mask_secrets(stack), str(error.value)])
    assert "TOKEN-SECRET" not in output and "path-secret" not in output
    assert "TOKEN-SECRET" not in str(error.value.__cause__)
    assert list_leaks(settings.data, "TOKEN-SECRET", "path-secret") == []


def test_an_origin_holds_no_secret_of_the_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch)
    monkeypatch.setenv("API_PATH", "path-secret-456")
    with serving(lambda request, number: (200, {"items": []})) as api:
        batch = land_partition(issues(f"{api.url}${{API_PATH}}/issues"), DAY, settings, run_id="t")
    assert batch.origin.endswith("${API_PATH}/issues")
    assert list_leaks(settings.data, "path-secret") == []


# Settings.


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://publisher:Pa%ss@db.example/x",
        "postgresql://publisher:Pa/ss@db.example/x",
        "postgresql://publisher:Pa#ss@db.example/x",
        "postgresql://publisher:Pa@ss@db.example/x",
        "postgresql://publisher:Pa-ss@db.example:port/x",
        "mysql://publisher:Pa-ss@db.example/x",
        "host=db.example password=Pa-ss",
        "http://[publisher:Pa-ss",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="THONGSUOT_POSTGRES_URL") as error:
        Settings.from_env({"THONGSUOT_POSTGRES_URL": url})
    assert "Pa" not in str(error.value) and "publisher" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("postgresql+psycopg2://u:p-word@db.example:5433/x", "postgresql://u:p-word@db.example:5433/x"),
        ("postgres://u@[::1]:5433/x", "postgres://u@[::1]:5433/x"),
        (
            "postgresql://u:p%40ss@a:1,b:2/x?sslmode=require",
            "postgresql://u:p%40ss@a:1,b:2/x?sslmode=require",
        ),
        ("postgresql://u:@/x?host=/run/postgresql", "postgresql://u:@/x?host=/run/postgresql"),
    ],
)
def test_an_address_is_read_as_postgresql_reads_it(url: str, read: str) -> None:
    assert Settings.from_env({"THONGSUOT_POSTGRES_URL": url}).postgres_url == read


# The terminal.


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("\x1b[31mred\x1b]0;title", "�[31mred�]0;title"),
        ("a\x9b2Jb", "a�2Jb"),
        ("abc\u202ecba", "abc�cba"),
        ("hàng\tmột\ndòng hai", "hàng\tmột\ndòng hai"),
        ("Nguyễn\u00a0Văn 🙂", "Nguyễn\u00a0Văn 🙂"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, visible: str) -> None:
    assert make_printable(text) == visible
    stream = io.StringIO()
    OperatorConsole(file=stream, force_terminal=False, width=80).print(text, markup=False, highlight=False)
    plain = io.StringIO()
    Console(file=plain, force_terminal=False, width=80).print(visible, markup=False, highlight=False)
    assert stream.getvalue() == plain.getvalue()


def test_a_value_begins_no_new_line_of_the_log() -> None:
    stream = io.StringIO()
    with print_steps(stream):
        get_logger("pipelines.x").info("landed", source="a\n12:00:00 published release=9", file="x\x1b[2J")
    assert len(stream.getvalue().splitlines()) == 1 and "\x1b" not in stream.getvalue()
