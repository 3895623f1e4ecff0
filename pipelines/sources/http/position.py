"""Where the next page of a capture is asked for, by each way of paging; none where the capture is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.http.fetch import Answer
from pipelines.sources.values.json_path import read_path


class HttpPage(NamedTuple):
    """One answer: its number in the capture, from 1, and its records as the API sent them."""

    number: int
    records: list[Any]
    answer: Answer


class PagePosition(NamedTuple):
    """`value`: the page number, offset or token; None where the address alone says which page it is."""

    url: str
    params: dict[str, Any]
    value: Any = None


class Progress(NamedTuple):
    """The newest page, how many records came so far, and how many the API counts, if it says so."""

    page: HttpPage
    record_count: int
    record_total: int | None


class Capture(NamedTuple):
    """What stays the same from page to page. `at`: source and day, before every message."""

    source: Source
    at: str


def find_first(source: Source, url: str, params: dict[str, Any]) -> PagePosition:
    """Page 1, offset 0, or what `paging.first` says; a link needs no value."""
    if source.paging.by == "link":
        return PagePosition(url, params)
    return PagePosition(url, params, _first_value(source))


def find_next(capture: Capture, position: PagePosition, progress: Progress) -> PagePosition | None:
    """The position after `position`, whose page is the newest in `progress`; None at the end.

    PermanentSourceError where the API leads to another server, in a circle, or does not count as configured.
    """
    return WAYS[capture.source.paging.by](capture, position, progress)


def read_count(capture: Capture, page: HttpPage, path: str | None) -> int | None:
    """What the API tells at a configured path; a page without it could be half a capture."""
    if path is None:
        return None
    value = read_path(page.answer.page, path)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise PermanentSourceError(
            f"{capture.at}page {page.number} has no number at {path!r}, so half a capture could not be told "
            f"from a whole one. Nothing was landed. "
            f"Correct `paging` of {capture.source.name} in sources.yaml."
        ) from None


def _first_value(source: Source) -> Any:
    if source.paging.first is not None:
        return source.paging.first
    return {"page": 1, "offset": 0}.get(source.paging.by)


def _end(capture: Capture, position: PagePosition, progress: Progress) -> None:
    """A capture of one page."""


def _follow_link(capture: Capture, position: PagePosition, progress: Progress) -> PagePosition | None:
    answer, path = progress.page.answer, capture.source.paging.link
    link = read_path(answer.page, path) if path else answer.link
    if not link:
        return None
    # The link has its own query.
    return PagePosition(_require_same_origin(capture, position.url, str(link)), {})


def _follow_token(capture: Capture, position: PagePosition, progress: Progress) -> PagePosition | None:
    token = read_path(progress.page.answer.page, str(capture.source.paging.token))
    if token in (None, "", False):
        return None
    if token == position.value:
        raise PermanentSourceError(
            f"{capture.at}page {progress.page.number} gives the token it was asked with, so the capture repeats "
            f"for ever. Nothing was landed. Correct `paging` of {capture.source.name} in sources.yaml."
        )
    return position._replace(value=token)


def _count_pages(capture: Capture, position: PagePosition, progress: Progress) -> PagePosition | None:
    if _is_last(capture, progress):
        return None
    return position._replace(value=_first_value(capture.source) + progress.page.number)


def _count_records(capture: Capture, position: PagePosition, progress: Progress) -> PagePosition | None:
    if _is_last(capture, progress):
        return None
    return position._replace(value=_first_value(capture.source) + progress.record_count)


def _is_last(capture: Capture, progress: Progress) -> bool:
    """By the API's number of pages, else by its number of records; an empty page is always the last."""
    page_total = read_count(capture, progress.page, capture.source.paging.total_pages)
    if page_total is not None:
        has_all = progress.page.number >= page_total
    else:
        has_all = progress.record_total is not None and progress.record_count >= progress.record_total
    return has_all or not progress.page.records


def _require_same_origin(capture: Capture, url: str, link: str) -> str:
    """The next address; PermanentSourceError where it is another scheme, host or port."""
    address = urljoin(url, link)
    if urlsplit(address)[:2] != urlsplit(url)[:2]:
        raise PermanentSourceError(
            f"{capture.at}the next page is said to be on {urlsplit(address).hostname}, another server than the "
            f"source's own; credentials go nowhere else. Nothing was landed. "
            f"Correct `url` or `paging` of {capture.source.name} in sources.yaml."
        )
    return address


WAYS: dict[str, Callable[[Capture, PagePosition, Progress], PagePosition | None]] = {
    "none": _end,
    "link": _follow_link,
    "token": _follow_token,
    "page": _count_pages,
    "offset": _count_records,
}
