"""All requests of a capture, one after the other: one, or one for each value that `for_each` gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.options.http_requests import ForEach
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.http.fetch import Client
from pipelines.sources.http.paging import PageLimit, read_pages
from pipelines.sources.http.position import HttpPage, require_same_origin
from pipelines.sources.http.request import MARK, HttpRequest, fill_request, write_moment
from pipelines.sources.values.json_path import read_path

# What a message may show of a value: a code or a name, not what could be a person's number.
PLAIN_VALUE = re.compile(r"[^@\n]{1,40}")
LONG_NUMBER = re.compile(r"\d{9}")


def read_capture(
    source: Source, client: Client, partition: date, fill: Callable[[str], str], etag: str = ""
) -> Iterator[HttpPage]:
    """Every page of every request, in order; whoever reads to the end has the whole capture.

    PermanentSourceError where one of several requests gives no records though `for_each` does not allow it.
    """
    limit = PageLimit(source.max_pages, source.pull_seconds)
    for request in list_requests(source, client, partition, fill, limit):
        count = 0
        for page in read_pages(request, client, limit, etag):
            count += len(page.records)
            yield page
        if not count and not request.may_be_empty:
            raise PermanentSourceError(
                f"{request.at}no records came, and the others of the capture would stand for the whole. Nothing was "
                f"landed. Ask the source; where that is an answer, set `may_be_empty: true` under `for_each` of "
                f"{source.name} in sources.yaml."
            )


def list_requests(
    source: Source, client: Client, partition: date, fill: Callable[[str], str], limit: PageLimit
) -> Iterator[HttpRequest]:
    """In the order of `for_each`, the last name changing fastest."""
    now = datetime.now(LOCAL_ZONE).replace(microsecond=0)

    def values_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Moments are written anew for each value: some of them are of its month."""
        days = {"partition": partition} | {n: v for n, v in chosen.items() if isinstance(v, date)}
        moments = {n: write_moment(m, days[m.of], now) for n, m in source.moments.items() if m.of in days}
        texts = {n: str(v) if isinstance(v, date) else v for n, v in chosen.items()}
        return {"partition": str(partition), **moments, **texts}

    def expand(names: list[str], chosen: dict[str, Any]) -> Iterator[HttpRequest]:
        at = f"{source.name} {partition}{_describe_values(chosen)}: "
        if not names:
            request = fill_request(source, source.headers, at, values_of(chosen), fill)
            may_be_empty = not chosen or any(source.for_each[name].may_be_empty for name in chosen)
            yield request._replace(may_be_empty=may_be_empty)
            return
        first, *others = names
        each = source.for_each[first]
        for value in _list_values(source, client, partition, each, at, values_of(chosen), fill, limit):
            yield from expand(others, {**chosen, first: value})

    yield from expand(list(source.for_each), {})


def _list_values(
    source: Source,
    client: Client,
    partition: date,
    each: ForEach,
    at: str,
    values: Mapping[str, Any],
    fill: Callable[[str], str],
    limit: PageLimit,
) -> list[Any]:
    """Each value once, in order; months as their first days."""
    if each.values is not None:
        return list(dict.fromkeys(each.values))
    if each.months_since is not None:
        first, last = each.months_since, partition
        count = (last.year - first.year) * 12 + last.month - first.month + 1
        months = (first.month - 1 + n for n in range(count))
        return [date(first.year + month // 12, month % 12 + 1, 1) for month in months]
    assert each.from_request is not None
    # What is only chosen later is in no header yet.
    later = (source.for_each.keys() | source.moments.keys()) - values.keys()
    headers = {n: text for n, text in source.headers.items() if later.isdisjoint(MARK.findall(text))}
    request = fill_request(each.from_request, headers, at, values, fill)
    require_same_origin(request, fill(str(source.url)), request.url)
    records = [record for page in read_pages(request, client, limit) for record in page.records]
    record_values = [read_path(record, each.from_request.value) for record in records]
    if not record_values or any(not isinstance(v, str | int) or v == "" for v in record_values):
        raise PermanentSourceError(
            f"{at}the request of `for_each` gives {len(records)} records, not all with a value at "
            f"{each.from_request.value!r}. Nothing was landed. Correct `from_request` of {source.name} in sources.yaml."
        )
    return list(dict.fromkeys(record_values))


def _describe_values(chosen: Mapping[str, Any]) -> str:
    """` (province 42, month 2025-07-01)`; a value that might be a person's is not shown."""
    if not chosen:
        return ""
    texts = {name: str(value) for name, value in chosen.items()}
    plain = {
        name: text if PLAIN_VALUE.fullmatch(text) and not LONG_NUMBER.search(text) else "…"
        for name, text in texts.items()
    }
    return f" ({', '.join(f'{name} {text}' for name, text in plain.items())})"
