"""One question to an API and its answer: politely paced, tried again while that can help, bounded.

No redirect is followed and no `.netrc` is read: credentials go to the configured address and nowhere else.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError, Unchanged
from pipelines.sources.values.json_path import read_path

USER_AGENT = f"thongsuot/{version('thongsuot')} (provincial data pipeline)"
ATTEMPTS = 5
MAX_RETRY_AFTER_SECONDS = 120.0
READ_BYTES = 65_536
BACKOFF = wait_exponential_jitter(initial=1, max=30)

# The only clocks here, so that tests need not wait.
sleep = time.sleep
clock = time.monotonic


class TryAgain(SourceError):
    """429, 5xx, or an answer that is none: worth another try, not before `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Answer(NamedTuple):
    """`page`: the JSON, its decimals exact; `link`: the Link header's rel=next."""

    page: Any
    link: str | None
    etag: str | None


class Client:
    """A session with one source for one capture. Use as a context manager."""

    def __init__(
        self, source: Source, at: str, headers: Mapping[str, str], longest_pause: float = math.inf
    ) -> None:
        self.source, self.at, self.longest_pause = source, at, longest_pause
        self.session = requests.Session()
        self.session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", **headers})
        self.session.auth = _no_netrc
        self.free_at = clock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def fetch(self, url: str, params: dict[str, Any], body: dict[str, Any] | None, etag: str = "") -> Answer:
        """The answer; SourceError after the last try, PermanentSourceError where none can help.

        `known`: the ETag of what is landed already; Unchanged where the API says that it still holds.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgain),
            wait=_pause,
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._fetch_once, url, params, body, etag)

    def _wait(self, seconds: float) -> None:
        sleep(min(seconds, self.longest_pause))

    def _fetch_once(self, url: str, params: dict[str, Any], body: dict[str, Any] | None, etag: str) -> Answer:
        now = clock()
        if now < self.free_at:
            self._wait(self.free_at - now)
        self.free_at = max(now, self.free_at) + 1 / self.source.requests_per_second
        deadline = clock() + self.source.timeout_seconds
        try:
            answer = self.session.request(
                self.source.method,
                url,
                params=params or None,
                json=body,
                headers={"If-None-Match": etag} if etag else None,
                timeout=self.source.timeout_seconds,
                allow_redirects=False,
                stream=True,
            )
            with answer:
                self._classify_answer(answer)
                content = self._read_body(answer, deadline)
        except requests.exceptions.SSLError:
            raise PermanentSourceError(
                f"{self.at}the API's certificate is not trusted. Nothing was landed. "
                f"Name the authority's file in REQUESTS_CA_BUNDLE; verification is never switched off."
            ) from None
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
        ):
            raise PermanentSourceError(f"{self.at}`url` in sources.yaml is no web address.") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TryAgain(
                f"{self.at}no whole answer from the API ({type(error).__name__}). Nothing was landed; "
                f"the capture is tried again as a whole."
            ) from None
        return Answer(
            self._parse_json(content), answer.links.get("next", {}).get("url"), answer.headers.get("ETag")
        )

    def _classify_answer(self, answer: requests.Response) -> None:
        status = answer.status_code
        where = f"{self.at}the API answered {status}"
        if status == 304:
            raise Unchanged(f"{self.at}the API says that nothing changed since the last capture.")
        if status in (408, 425, 429) or status >= 500:
            pause = _parse_retry_after(answer.headers.get("Retry-After", ""))
            rate = " Lower `requests_per_second` in sources.yaml, or" if status == 429 else ""
            raise TryAgain(
                f"{where}, and kept doing so. Nothing was landed.{rate or ' Run again later, or'} "
                f"ask the API's owner.",
                pause,
            )
        if 300 <= status < 400:
            there = urlsplit(answer.headers.get("Location", "")).hostname or "another path"
            raise PermanentSourceError(
                f"{where} and redirects to {there}, which is not followed: credentials go nowhere else. "
                f"Nothing was landed. If that address is right, write it into `url` in sources.yaml."
            )
        if status >= 400:
            raise PermanentSourceError(f"{where}. Nothing was landed. Check the address and the credentials.")

    def _read_body(self, answer: requests.Response, deadline: float) -> bytes:
        """The body, whatever it trickles in by: each read has its timeout, and so has the whole."""
        content = bytearray()
        while piece := answer.raw.read1(READ_BYTES, decode_content=True):
            content += piece
            if len(content) > self.source.max_page_mib * 2**20:
                raise PermanentSourceError(
                    f"{self.at}an answer is larger than {self.source.max_page_mib} MiB. Nothing was landed. "
                    f"Ask for smaller pages, or raise `max_page_mib` in sources.yaml."
                )
            if clock() > deadline:
                raise TryAgain(
                    f"{self.at}an answer was not there after {self.source.timeout_seconds:g} seconds. "
                    f"Nothing was landed. Ask for smaller pages, or raise `timeout_seconds` in sources.yaml."
                )
        return bytes(content)

    def _parse_json(self, content: bytes) -> Any:
        try:
            page = json.loads(content, parse_float=Decimal, parse_constant=str)
        except (ValueError, RecursionError):
            raise TryAgain(
                f"{self.at}the API answered something that is not JSON. Nothing was landed. Open the address "
                f"by hand: a login page or a proxy's error says what to correct, `url` or the credentials."
            ) from None
        for path, good in self.source.success.items():
            if (value := read_path(page, path)) != good:
                raise TryAgain(
                    f"{self.at}the API answered with {path} {value!r:.80}. Nothing was landed. Ask the API's "
                    f"owner what it means, or correct `success` in sources.yaml."
                )
        return page


def _pause(state: RetryCallState) -> float:
    """Backoff with jitter, or what the server asked for where that is longer."""
    error = state.outcome and state.outcome.exception()
    retry_after = error.retry_after if isinstance(error, TryAgain) else 0
    return max(BACKOFF(state), min(retry_after, MAX_RETRY_AFTER_SECONDS))


def _parse_retry_after(header: str) -> float:
    """Retry-After is a number of seconds or a date (RFC 9110 §10.2.3); anything else is no wish."""
    if header.isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0


def _no_netrc(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared
