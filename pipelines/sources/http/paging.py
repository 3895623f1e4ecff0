"""The pages of a capture, one after the other, and how its end is told from a breaking off.

A page that repeats, an end that contradicts the API's own count: no capture.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.http.fetch import Answer, Client
from pipelines.sources.http.position import (
    Capture,
    HttpPage,
    PagePosition,
    Progress,
    find_first,
    find_next,
    read_count,
)
from pipelines.sources.values.json_path import describe_no_list, read_path


def read_pages(
    source: Source, client: Client, url: str, params: dict[str, Any], body: dict[str, Any], etag: str = ""
) -> Iterator[HttpPage]:
    """Every page of a capture, in order, one in memory at a time; whoever reads to the end has all of it.

    `etag` goes with the first page alone. SourceError where the records that came are not as many as the
    API itself counts, PermanentSourceError where the pages do not lead to an end.
    """
    capture = Capture(source, client.at)
    position: PagePosition | None = find_first(source, url, params)
    fingerprints: set[bytes] = set()
    record_count, record_total = 0, None
    number = 0
    while position is not None:
        number += 1
        _refuse_too_many(capture, number)
        answer = _ask(source, client, position, body, etag if number == 1 else "")
        page = HttpPage(number, _list_records(capture, number, answer), answer)
        _refuse_repetition(capture, page, fingerprints)
        record_count += len(page.records)
        record_total = read_count(capture, page, source.paging.total_records)
        yield page
        position = find_next(capture, position, Progress(page, record_count, record_total))
    if record_total is not None and record_count != record_total:
        raise SourceError(
            f"{client.at}the API tells {record_total} records, and {record_count} came. Nothing was landed; "
            f"the capture is tried again as a whole, since the source may have changed while it was read."
        )


def _ask(source: Source, client: Client, position: PagePosition, body: dict[str, Any], etag: str) -> Answer:
    query, content = copy.deepcopy(position.params), copy.deepcopy(body)
    if position.value is not None:
        if source.paging.into == "body":
            *parents, last = source.paging.name.split(".")
            inner = content
            for step in parents:
                inner = inner.setdefault(step, {})
            inner[last] = position.value
        else:
            query[source.paging.name] = position.value
    return client.fetch(position.url, query, content if source.method == "POST" else None, etag)


def _list_records(capture: Capture, number: int, answer: Answer) -> list[Any]:
    records = read_path(answer.page, str(capture.source.records))
    if not isinstance(records, list):
        if reason := describe_no_list(answer.page, str(capture.source.records)):
            raise PermanentSourceError(f"{capture.at}page {number}: {reason}. Nothing was landed.")
        raise PermanentSourceError(
            f"{capture.at}page {number} has no list at {capture.source.records!r}. Nothing was landed. "
            f"Correct `records` of {capture.source.name} in sources.yaml."
        )
    return records


def _refuse_too_many(capture: Capture, number: int) -> None:
    if number > capture.source.max_pages:
        raise PermanentSourceError(
            f"{capture.at}the capture has more than {capture.source.max_pages} pages. Nothing was landed. "
            f"Correct `paging`, or raise `max_pages` of {capture.source.name} in sources.yaml."
        )


def _refuse_repetition(capture: Capture, page: HttpPage, fingerprints: set[bytes]) -> None:
    """`fingerprints`: of the pages before; this page's is added. Empty pages may repeat."""
    fingerprint = hashlib.sha256(json.dumps(page.records, default=str).encode()).digest()
    if page.records and fingerprint in fingerprints:
        paging = capture.source.paging
        raise PermanentSourceError(
            f"{capture.at}page {page.number} repeats an earlier page: the API does not page by {paging.by} "
            f"{paging.name!r}. Nothing was landed. "
            f"Correct `paging` of {capture.source.name} in sources.yaml."
        )
    fingerprints.add(fingerprint)
