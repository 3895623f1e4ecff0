"""From page to page of a capture, and how its end is told from a breaking off.

A page that repeats, an end that contradicts the API's own count, a link to elsewhere: no capture.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.http.fetch import Answer, Client, read_path


class HttpPage(NamedTuple):
    number: int
    records: list[Any]
    answer: Answer


def read_pages(
    source: Source, client: Client, url: str, params: dict[str, Any], body: dict[str, Any], known: str = ""
) -> Iterator[HttpPage]:
    """Every page of a capture, in order, one held at a time; whoever reads to the end has all of it."""
    paging, at = source.paging, client.at
    place: Any = paging.first if paging.first is not None else {"page": 1, "offset": 0}.get(paging.by)
    first, seen, count, told = place, set[bytes](), 0, None
    for number in range(1, source.max_pages + 1):
        asked = {"query": copy.deepcopy(params), "body": copy.deepcopy(body)}
        if place is not None and paging.by != "link":
            _put(asked[paging.into], paging.name, place, dotted=paging.into == "body")
        sent = asked["body"] if source.method == "POST" else None
        answer = client.fetch(url, asked["query"], sent, known if number == 1 else "")
        records = read_path(answer.page, str(source.records))
        if not isinstance(records, list):
            raise PermanentSourceError(
                f"{at}page {number} has no list at {source.records!r}. Nothing was landed. "
                f"Correct `records` of {source.name} in sources.yaml."
            )
        print_ = hashlib.sha256(json.dumps(records, default=str).encode()).digest()
        if records and print_ in seen:
            raise PermanentSourceError(
                f"{at}page {number} repeats an earlier page: the API does not page by {paging.by} "
                f"{paging.name!r}. Nothing was landed. Correct `paging` of {source.name} in sources.yaml."
            )
        seen.add(print_)
        count += len(records)
        told = _count(source, answer, number, at, paging.total_records)
        yield HttpPage(number, records, answer)

        if paging.by == "none":
            break
        if paging.by == "link":
            following = read_path(answer.page, paging.link) if paging.link else answer.link
            if not following:
                break
            url, params = _same_origin(source, at, url, str(following)), {}
            continue
        if paging.by == "token":
            place, before = read_path(answer.page, str(paging.token)), place
            if place in (None, "", False):
                break
            if place == before:
                raise PermanentSourceError(
                    f"{at}page {number} gives the token it was asked with, so the capture repeats for ever. "
                    f"Nothing was landed. Correct `paging` of {source.name} in sources.yaml."
                )
            continue
        total = _count(source, answer, number, at, paging.total_pages)
        if (total is not None and number >= total) or (total is None and told is not None and count >= told):
            break
        if not records:
            break
        place = first + (count if paging.by == "offset" else number)
    else:
        raise PermanentSourceError(
            f"{at}the capture has more than {source.max_pages} pages. Nothing was landed. "
            f"Correct `paging`, or raise `max_pages` of {source.name} in sources.yaml."
        )
    if told is not None and count != told:
        raise SourceError(
            f"{at}the API tells {told} records, and {count} came. Nothing was landed; the capture is tried "
            f"again as a whole, since the source may have changed while it was read."
        )


def _count(source: Source, answer: Answer, number: int, at: str, path: str | None) -> int | None:
    """What the API tells at a configured path; a page without it could be half a capture."""
    if path is None:
        return None
    said = read_path(answer.page, path)
    try:
        return int(said)
    except (TypeError, ValueError):
        raise PermanentSourceError(
            f"{at}page {number} has no number at {path!r}, so half a capture could not be told from a whole "
            f"one. Nothing was landed. Correct `paging` of {source.name} in sources.yaml."
        ) from None


def _same_origin(source: Source, at: str, url: str, following: str) -> str:
    """The next address; PermanentSourceError where it is another scheme, host or port."""
    there = urljoin(url, following)
    if urlsplit(there)[:2] != urlsplit(url)[:2]:
        raise PermanentSourceError(
            f"{at}the next page is said to be on {urlsplit(there).hostname}, another server than the "
            f"source's own; credentials go nowhere else. Nothing was landed. "
            f"Correct `url` or `paging` of {source.name} in sources.yaml."
        )
    return there


def _put(asked: dict[str, Any], name: str, value: Any, *, dotted: bool) -> None:
    *parents, last = name.split(".") if dotted else [name]
    for step in parents:
        asked = asked.setdefault(step, {})
    asked[last] = value
