"""The pages of a capture, one after the other, and how its end is told from a breaking off.

A page that repeats, an end that contradicts the API's own count: no capture.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.http import fetch
from pipelines.sources.http.fetch import Answer, Client
from pipelines.sources.http.position import (
    HttpPage,
    PagePosition,
    Progress,
    find_first,
    find_next,
    read_count,
)
from pipelines.sources.http.request import HttpRequest
from pipelines.sources.values.json_path import describe_no_list, read_path


class PageLimit:
    """How many pages a capture may still have, and how long it may go on, all its requests together."""

    def __init__(self, pages: int, seconds: float) -> None:
        self.pages, self.left = pages, pages
        self.seconds, self.ends_at = seconds, fetch.clock() + seconds

    def take(self, request: HttpRequest) -> None:
        """PermanentSourceError where there is no page or no time left."""
        self.left -= 1
        if fetch.clock() > self.ends_at:
            raise PermanentSourceError(
                f"{request.at}the capture had not ended after {self.seconds:g} seconds. Nothing was landed. "
                f"Ask for larger pages or for less, or raise `pull_seconds` in sources.yaml."
            )
        if self.left < 0:
            raise PermanentSourceError(
                f"{request.at}the capture has more than {self.pages} pages. Nothing was landed. "
                f"Correct `paging` or `for_each`, or raise `max_pages` in sources.yaml."
            )


def read_pages(request: HttpRequest, client: Client, limit: PageLimit, etag: str = "") -> Iterator[HttpPage]:
    """Every page of a request, in order, one in memory at a time; whoever reads to the end has all of it.

    `etag` goes with the first page alone. SourceError where the records that came are not as many as the
    API itself counts, PermanentSourceError where the pages do not lead to an end.
    """
    position: PagePosition | None = find_first(request)
    fingerprints: set[bytes] = set()
    record_count, record_total = 0, None
    number = 0
    while position is not None:
        number += 1
        limit.take(request)
        answer = client.fetch(_set_position(request, position), etag if number == 1 else "")
        page = HttpPage(request, number, _list_records(request, number, answer), answer)
        _refuse_repetition(page, fingerprints)
        record_count += len(page.records)
        record_total = read_count(request, page, request.paging.total_records)
        yield page
        position = find_next(request, position, Progress(page, record_count, record_total))
    if record_total is not None and record_count != record_total:
        raise SourceError(
            f"{request.at}the API tells {record_total} records, and {record_count} came. Nothing was landed; "
            f"the capture is tried again as a whole, since the source may have changed while it was read."
        )


def _set_position(request: HttpRequest, position: PagePosition) -> HttpRequest:
    """The request of one page: number, offset or token in its query, its form or its JSON body."""
    at = request._replace(url=position.url, params=dict(position.params))
    if position.value is None:
        return at
    if request.paging.into == "query":
        return at._replace(params={**at.params, request.paging.name: position.value})
    if request.form:
        return at._replace(form=_set_inside(request.form, request.paging.name, position.value))
    return at._replace(json=_set_inside(request.json, request.paging.name, position.value))


def _set_inside(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(body)
    *parents, last = path.split(".")
    inner = content
    for step in parents:
        inner = inner.setdefault(step, {})
    inner[last] = value
    return content


def _list_records(request: HttpRequest, number: int, answer: Answer) -> list[Any]:
    records = read_path(answer.page, request.records)
    if not isinstance(records, list):
        if reason := describe_no_list(answer.page, request.records):
            raise PermanentSourceError(f"{request.at}page {number}: {reason}. Nothing was landed.")
        raise PermanentSourceError(
            f"{request.at}page {number} has no list at {request.records!r}. Nothing was landed. "
            f"Correct `records` in sources.yaml."
        )
    return records


def _refuse_repetition(page: HttpPage, fingerprints: set[bytes]) -> None:
    """`fingerprints`: of the pages before; this page's is added. Empty pages may repeat."""
    fingerprint = hashlib.sha256(json.dumps(page.records, default=str).encode()).digest()
    if page.records and fingerprint in fingerprints:
        paging = page.request.paging
        raise PermanentSourceError(
            f"{page.request.at}page {page.number} repeats an earlier page: the API does not page by {paging.by} "
            f"{paging.name!r}. Nothing was landed. Correct `paging` in sources.yaml."
        )
    fingerprints.add(fingerprint)
