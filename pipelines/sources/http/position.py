"""Where the next page of a capture is asked for, by each way of paging; none where the capture is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.http.failures import read_host
from pipelines.sources.http.fetch import Answer
from pipelines.sources.http.request import HttpRequest
from pipelines.sources.values.json_path import read_path

# Digits of a number of records or pages; below zero there is none.
LONGEST_COUNT = 15


class HttpPage(NamedTuple):
    """One answer: its number among its request's, from 1, and its records as the API sent them."""

    request: HttpRequest
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


def find_first(request: HttpRequest) -> PagePosition:
    """Page 1, offset 0, or what `paging.first` says; a link needs no value."""
    value = None if request.paging.by == "link" else _first_value(request)
    return PagePosition(request.url, request.params, value)


def find_next(request: HttpRequest, position: PagePosition, progress: Progress) -> PagePosition | None:
    """The position after `position`, whose page is the newest in `progress`; None at the end.

    PermanentSourceError where the API leads to another server, in a circle, or does not count as configured.
    """
    return WAYS[request.paging.by](request, position, progress)


def read_count(request: HttpRequest, page: HttpPage, path: str | None) -> int | None:
    """What the API tells at a configured path; a page without it could be half a capture."""
    if path is None:
        return None
    value = read_path(page.answer.page, path)
    text = "" if isinstance(value, bool) else str(value).removesuffix(".0")
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT):
        raise PermanentSourceError(
            f"{request.at}page {page.number} has no number at {path!r}, so half a capture could not be told "
            f"from a whole one. Nothing was landed. "
            f"Correct `paging` in sources.yaml."
        )
    return int(text)


def _first_value(request: HttpRequest) -> Any:
    if request.paging.first is not None:
        return request.paging.first
    return {"page": 1, "offset": 0}.get(request.paging.by)


def _end(request: HttpRequest, position: PagePosition, progress: Progress) -> None:
    """A capture of one page."""


def _follow_link(request: HttpRequest, position: PagePosition, progress: Progress) -> PagePosition | None:
    answer, path = progress.page.answer, request.paging.link
    link = read_path(answer.page, path) if path else answer.link
    if not link:
        return None
    # The link has its own query.
    return PagePosition(require_same_origin(request, position.url, str(link)), {})


def _follow_token(request: HttpRequest, position: PagePosition, progress: Progress) -> PagePosition | None:
    token = read_path(progress.page.answer.page, str(request.paging.token))
    if token in (None, "", False):
        return None
    if token == position.value:
        raise PermanentSourceError(
            f"{request.at}page {progress.page.number} gives the token it was asked with, so the capture repeats "
            f"for ever. Nothing was landed. Correct `paging` in sources.yaml."
        )
    return position._replace(value=token)


def _count_pages(request: HttpRequest, position: PagePosition, progress: Progress) -> PagePosition | None:
    if _is_last(request, progress):
        return None
    return position._replace(value=_first_value(request) + progress.page.number)


def _count_records(request: HttpRequest, position: PagePosition, progress: Progress) -> PagePosition | None:
    if _is_last(request, progress):
        return None
    return position._replace(value=_first_value(request) + progress.record_count)


def _is_last(request: HttpRequest, progress: Progress) -> bool:
    """By the API's number of pages, else by its number of records; an empty page is always the last."""
    page_total = read_count(request, progress.page, request.paging.total_pages)
    if page_total is not None:
        has_all = progress.page.number >= page_total
    else:
        has_all = progress.record_total is not None and progress.record_count >= progress.record_total
    return has_all or not progress.page.records


def require_same_origin(request: HttpRequest, url: str, link: str) -> str:
    """The next address; PermanentSourceError where it is another scheme, host or port."""
    try:
        address = urljoin(url, link)
        is_own = urlsplit(address)[:2] == urlsplit(url)[:2]
    except ValueError:  # a bracket that is not closed
        address, is_own = "", False
    if not is_own:
        raise PermanentSourceError(
            f"{request.at}the next page is said to be on {read_host(address) or 'no server'}, another server than the "
            f"source's own; credentials go nowhere else. Nothing was landed. "
            f"Correct `url` or `paging` in sources.yaml."
        )
    return address


WAYS: dict[str, Callable[[HttpRequest, PagePosition, Progress], PagePosition | None]] = {
    "none": _end,
    "link": _follow_link,
    "token": _follow_token,
    "page": _count_pages,
    "offset": _count_records,
}
