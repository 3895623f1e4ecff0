"""JSON over HTTP: a capture is all its pages or nothing (DESIGN §10, half a page).

Polite by default: one thread, at most 2 requests per second, an honest user agent (DOMAIN §3).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import duckdb
import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from pipelines.settings import Settings
from pipelines.sources.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.files import dig, from_pages
from pipelines.sources.relation import Relation

USER_AGENT = "thongsuot/0.1 (provincial data pipeline)"
SECONDS_BETWEEN_REQUESTS = 0.5
TIMEOUT_SECONDS = 30
MAX_PAGES = 1_000
MAX_RETRY_AFTER_SECONDS = 60


class Refused(SourceError):
    """429 or 5xx: worth another try after a pause."""


@contextmanager
def pull(
    source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
) -> Iterator[Relation]:
    """One capture, whole; SourceError after the last try, PermanentSourceError on 4xx."""
    url = source.resolved_url(settings.data)
    with requests.Session() as session:
        session.headers["User-Agent"] = USER_AGENT
        pages = list(_pages(source, partition, session, url))
    address = urlsplit(url)
    shown = f"{address.scheme}://{address.hostname}:{address.port or ''}{address.path}"
    yield from_pages(source, partition, pages, con, shown)


def _pages(source: Source, partition: date, session: requests.Session, url: str) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for number in range(1, MAX_PAGES + 1):
        if number > 1:
            time.sleep(SECONDS_BETWEEN_REQUESTS)
        body = {**source.request, "currentPage": number, "captureDay": str(partition)}
        retrying = Retrying(
            retry=retry_if_exception_type((Refused, requests.ConnectionError, requests.Timeout)),
            wait=wait_exponential_jitter(initial=1, max=30),
            stop=stop_after_attempt(5),
            reraise=True,
        )
        try:
            page = retrying(_ask, source, partition, session, url, body)
        except requests.RequestException as error:
            raise SourceError(
                f"{source.name} {partition}: no answer from the API ({type(error).__name__}), "
                f"page {number}. Nothing was landed; the capture is tried again as a whole."
            ) from None
        said = str(dig(page, str(source.records)))
        if said in seen:
            raise PermanentSourceError(
                f"{source.name} {partition}: page {number} repeats an earlier page; "
                f"the API does not page by `currentPage`. Correct the source's `request`."
            )
        seen.add(said)
        yield page
        pages = dig(page, source.total_pages)
        if pages is None:
            raise PermanentSourceError(
                f"{source.name} {partition}: page {number} has no {source.total_pages!r}, so half a "
                f"capture could not be told from a whole one. Correct the source's `total_pages`."
            )
        if number >= int(pages):
            return
    raise PermanentSourceError(f"{source.name} {partition}: more than {MAX_PAGES} pages.")


def _ask(
    source: Source, partition: date, session: requests.Session, url: str, body: dict[str, Any]
) -> dict[str, Any]:
    answer = session.post(url, json=body, timeout=TIMEOUT_SECONDS)
    where = f"{source.name} {partition}: the API answered {answer.status_code}"
    if answer.status_code == 429 or answer.status_code >= 500:
        said = answer.headers.get("Retry-After", "")
        # The header may also be a date; then the back-off alone decides.
        time.sleep(min(int(said), MAX_RETRY_AFTER_SECONDS) if said.isdigit() else 0)
        raise Refused(f"{where}, and kept doing so. Nothing was landed.")
    if answer.status_code >= 400:
        raise PermanentSourceError(f"{where}. Check the address and the credentials.")
    try:
        page = answer.json()
    except requests.JSONDecodeError:
        raise Refused(f"{where} with something that is not JSON. Nothing was landed.") from None
    if not isinstance(page, dict):
        raise Refused(f"{where} with JSON that is no object. Nothing was landed.")
    if page.get("code") not in (None, "OK"):
        raise Refused(f"{where} with code {page.get('code')!r}. Nothing was landed.")
    return page
