"""Small inputs that would be huge, endless or poisonous: refused in words, or made harmless, within seconds."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import Batch
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Column
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.http import fetch
from pipelines.sources.relation import today
from pipelines.sources.values.cells import format_value
from tests.support.work import few_seconds_of_work
from tests.unit.files_support import landed, pairs, put, source, workbook

DEEP = 900


def json_source(**changes: object):  # type: ignore[no-untyped-def]
    return source(path="{data}/in/{partition}.json", format="json", delimiter=None, records="rows", **changes)


@contextmanager
def serve(answer: bytes, pause: float = 0) -> Iterator[str]:
    """A server that sends these bytes; one at a time, with a pause before each, where there is one."""
    server = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def run() -> None:
        while not is_over.is_set():
            try:
                peer, _ = server.accept()
                peer.recv(65536)
                for part in (bytes([byte]) for byte in answer) if pause else (answer,):
                    peer.sendall(part)
                    if is_over.wait(pause):
                        break
                peer.close()
            except OSError:
                continue

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/rows"
    finally:
        is_over.set()
        server.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits for a connection
        server.close()


def pull(settings: Settings, url: str, **changes: object) -> Batch:
    one = source(connector="http", path=None, format=None, delimiter=None, encoding=None, url=url, records="rows",
                 method="GET", **changes)  # fmt: skip
    return landed(settings, one, today() - timedelta(days=1))


def answer_with(body: str | bytes) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(content), content)


@pytest.mark.parametrize(
    "number", ["1e300000000", "1e3000000000", "-1e999999999999999999999", "1e-300000000"]
)
def test_a_number_with_a_huge_exponent_is_refused_in_words(settings: Settings, number: str) -> None:
    with (
        serve(
            answer_with(f'{{"rows": [{{"Mã": "1", "Nội dung": {number}}}]}}'.encode().decode("latin-1"))
        ) as url,
        few_seconds_of_work(5),
        pytest.raises(PermanentSourceError, match="a number of more than 400 digits"),
    ):
        pull(settings, url)


def test_a_drivers_decimal_is_not_written_out_either() -> None:
    with pytest.raises(ValueError, match="more than 400 digits"):
        format_value(Decimal("1e300000000"), Column(name="amount", type="bigint"))


@pytest.mark.parametrize("deep", ["[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP])
def test_a_deeply_nested_document_is_refused_in_words(settings: Settings, deep: str) -> None:
    put(settings, "2025-08-06.json", f'{{"rows": [{{"Mã": "1", "Nội dung": {deep}}}]}}'.encode())
    with pytest.raises(PermanentSourceError, match="nested too deeply"):
        landed(settings, json_source())


def test_an_api_that_nests_deeply_is_refused_in_words(settings: Settings) -> None:
    answer = answer_with('{"rows": [{"a": ' + "[" * DEEP + "]" * DEEP + "}]}")
    with serve(answer) as url, pytest.raises(PermanentSourceError, match="nested too deeply"):
        pull(settings, url)


@pytest.mark.parametrize("packed", [False, True])
def test_one_long_text_that_many_rows_point_to_is_a_bomb(settings: Settings, packed: bool) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 2**20]))
    table = pa.table({"Mã": [str(n) for n in range(2000)], "Nội dung": long})
    path = put(settings, "2025-08-06.parquet", b"")
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 2**20
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    one = source(path="{data}/in/{partition}.parquet", format="parquet", delimiter=None, encoding=None)
    with few_seconds_of_work(20), pytest.raises(PermanentSourceError, match="a bomb"):
        landed(settings, one)


def test_pages_that_unpack_to_far_more_than_they_are_are_a_bomb(settings: Settings) -> None:
    table = pa.table({"Mã": ["1"] * 100, "Nội dung": [chr(97 + n % 26) * 2**20 for n in range(100)]})
    path = put(settings, "2025-08-06.parquet", b"")
    pq.write_table(table, path, compression="zstd", use_dictionary=False)
    one = source(path="{data}/in/{partition}.parquet", format="parquet", delimiter=None, encoding=None)
    with pytest.raises(PermanentSourceError, match="a bomb"):
        landed(settings, one)


def test_an_ordinary_parquet_file_with_many_rows_of_few_words_is_none(settings: Settings) -> None:
    words = pa.array(["Đất đai", "Hộ tịch", "Xây dựng"]).take(pa.array([n % 3 for n in range(300_000)]))
    table = pa.table({"Mã": [str(n) for n in range(300_000)], "Nội dung": words.dictionary_encode()})
    pq.write_table(table, put(settings, "2025-08-06.parquet", b""))
    one = source(path="{data}/in/{partition}.parquet", format="parquet", delimiter=None, encoding=None)
    assert landed(settings, one).rows == 300_000


def test_headers_that_trickle_in_for_ever_end_with_the_time_that_is_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "sleep", lambda seconds: None)
    monkeypatch.setattr(fetch, "ATTEMPTS", 2)
    began = time.monotonic()
    answer = b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 1000
    with serve(answer, pause=0.1) as url, pytest.raises(SourceError, match="not there after 1 seconds"):
        pull(settings, url, timeout_seconds=1)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("wish", ["²", "9" * 5000, "-1", "Mon, 99 Foo"])
def test_a_strange_retry_after_is_no_wish(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    monkeypatch.setattr(fetch, "sleep", lambda seconds: None)
    answer = f"HTTP/1.1 503 No\r\nRetry-After: {wish}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with serve(answer.encode()) as url, pytest.raises(SourceError, match="answered 503"):
        pull(settings, url)


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x07", "\x7f", "\x9b"])
def test_a_control_character_never_comes_to_rest(settings: Settings, sign: str) -> None:
    put(settings, "2025-08-06.csv", f"Mã;Nội dung\nA{sign}1;đỏ{sign}[31m\nB;x\ty\n".encode())
    assert pairs(settings, source()) == [("A\ufffd1", "đỏ\ufffd[31m"), ("B", "x\ty")]
    assert any(
        "rows with \ufffd" in note and note.endswith(": 1") for note in landed(settings, source()).notes
    )


def test_a_control_character_of_an_api_does_not_either(settings: Settings) -> None:
    with serve(answer_with(json.dumps({"rows": [{"Mã": "A\x00", "Nội dung": "x"}]}))) as url:
        batch = pull(settings, url)
    assert pq.read_table(batch.path)["code"].to_pylist() == ["A\ufffd"]


def test_a_workbook_whose_rows_are_all_taken_for_headings_is_refused(settings: Settings) -> None:
    rows = [["STT", "Mã", "Nội dung"], *([None, f"dòng {n}", None] for n in range(500))]
    workbook(settings, "2025-08-06.xlsx", {"Sổ": rows})
    one = source(path="{data}/in/{partition}.xlsx", format="xlsx", delimiter=None, encoding=None)
    with pytest.raises(PermanentSourceError, match="none of the 500 rows below the header is a record"):
        landed(settings, one)


@pytest.mark.parametrize("half", ["\\ud800", "\ud800", "\udfff"], ids=["escape", "high", "low"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32"])
def test_half_a_character_of_an_api_is_refused_in_words(settings: Settings, half: str, encoding: str) -> None:
    content = f'{{"rows": [{{"Mã": "{half}", "Nội dung": "x"}}]}}'.encode(encoding, "surrogatepass")
    with (
        serve(answer_with(content)) as url,
        pytest.raises(PermanentSourceError, match="half a character"),
    ):
        pull(settings, url)


@pytest.mark.parametrize("address", ["http://[not-closed/x", "http://\x1b[31mevil/", "//"])
def test_an_address_of_an_api_that_is_none_is_no_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    answer = f"HTTP/1.1 307 No\r\nLocation: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with serve(answer.encode()) as url, pytest.raises(SourceError) as error:
        pull(settings, url)
    assert "\x1b" not in str(error.value)


def test_more_columns_than_any_table_has_are_refused_before_they_take_the_memory(settings: Settings) -> None:
    header = ";".join(["Mã", "Nội dung", *(f"c{number}" for number in range(20_000))])
    put(settings, "2025-08-06.csv", f"{header}\n1;x\n".encode())
    with few_seconds_of_work(20), pytest.raises(PermanentSourceError, match="20,002 columns"):
        landed(settings, source())


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("304 Not Modified", "304, to a question that named no state"),
        ("206 Partial Content", "206, which is a part"),
    ],
)
def test_a_part_or_no_answer_at_all_that_nobody_asked_for_is_refused(
    settings: Settings, head: str, words: str
) -> None:
    whole = answer_with('{"rows": []}').replace(b"200 OK", head.encode())
    with serve(whole) as url, pytest.raises(SourceError, match=words):
        pull(settings, url)
