"""One question to an API and its answer: politely paced, tried again while that can help, bounded.

No redirect is followed and no `.netrc` is read: credentials go to the configured address and nowhere else.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

import requests
import urllib3
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from pipelines.masking import mask_secrets
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.options.http_requests import Paging
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.http.deadline import Deadline, watch_connections
from pipelines.sources.http.failures import TryAgain, Unauthorized, classify_answer, describe_failure
from pipelines.sources.http.request import HttpRequest
from pipelines.sources.http.token import TokenKeeper
from pipelines.sources.values.json_document import (
    OutOfRange,
    check_depth,
    check_text,
    make_object,
    read_decimal,
    refuse_constant,
)
from pipelines.sources.values.json_path import read_path

USER_AGENT = f"thongsuot/{version('thongsuot')} (provincial data pipeline)"
ATTEMPTS = 5
MAX_RETRY_AFTER_SECONDS = 120.0
READ_BYTES = 65_536
BACKOFF = wait_exponential_jitter(initial=1, max=30)

# The only clocks here, so that tests need not wait.
sleep = time.sleep
clock = time.monotonic


class Answer(NamedTuple):
    """`page`: the JSON, its decimals exact; `link`: the Link header's rel=next."""

    page: Any
    link: str | None
    etag: str | None


class Client:
    """A session with one source for one capture. Use as a context manager.

    `at`: source and day; `fill`: the secrets of a text. The headers of a request go to the API, and to no other
    address.
    """

    def __init__(
        self,
        source: Source,
        at: str,
        fill: Callable[[str], str],
        longest_pause: float = math.inf,
    ) -> None:
        self.source, self.longest_pause = source, longest_pause
        self.session, self.free_at = open_session({}), clock()
        self.tokens = TokenKeeper(source.token, at, fill) if source.token else None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def fetch(self, request: HttpRequest, etag: str = "") -> Answer:
        """The answer; SourceError after the last try, PermanentSourceError where none can help.

        `etag`: that of what is landed already; Unchanged where the API says that it still holds.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(TryAgain),
            wait=_pause,
            stop=stop_after_attempt(ATTEMPTS),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._fetch_once, request, etag)

    def _wait(self, seconds: float) -> None:
        sleep(min(seconds, self.longest_pause))

    def _fetch_once(self, request: HttpRequest, etag: str) -> Answer:
        headers = {**request.headers, **({"If-None-Match": etag} if etag else {})}
        if self.tokens is None:
            return self._send(request, headers)
        with_token = headers | self.tokens.header(self._post_form)
        try:
            return self._send(request, with_token)
        except Unauthorized:
            self.tokens.forget()
        with_token = headers | self.tokens.header(self._post_form)
        try:
            return self._send(request, with_token)
        except Unauthorized:
            raise Unauthorized(
                f"{request.at}the API answered 401, also to a token that was fetched anew. Nothing was landed. "
                f"Ask the API's owner whether `client_id` may read this, and check `token.scope` in sources.yaml."
            ) from None

    def _post_form(self, at: str, url: str, form: dict[str, str], headers: dict[str, str]) -> Any:
        """The JSON that a token endpoint answers; the source's own headers are not sent there."""
        request = HttpRequest(at, "POST", url, {}, {}, dict(form), ".", Paging.model_validate({}))
        with open_session(headers) as session:
            return self._ask(session, request, {}).page

    def _send(self, request: HttpRequest, headers: dict[str, str]) -> Answer:
        answer = self._ask(self.session, request, headers)
        for path, good in self.source.success.items():
            if (value := read_path(answer.page, path)) != good:
                # Masked before it is cut: half a secret would no longer be known as one.
                words = mask_secrets(repr(value))[:80]
                raise TryAgain(
                    f"{request.at}the API answered with {path} {words}. Nothing was landed. Ask the API's "
                    f"owner what it means, or correct `success` in sources.yaml."
                )
        return answer

    def _ask(self, session: requests.Session, request: HttpRequest, headers: dict[str, str]) -> Answer:
        """One question on the wire, never faster than the source allows."""
        now = clock()
        if now < self.free_at:
            self._wait(self.free_at - now)
        self.free_at = max(now, self.free_at) + 1 / self.source.requests_per_second
        deadline = Deadline(self.source.timeout_seconds)
        try:
            with deadline:
                content, answer = self._exchange(session, request, headers)
        # ValueError: the library reads an address of the server's that is none.
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
            SourceError,
        ) as error:
            # What broke once the deadline had shut the connection is late, and nothing else.
            failure = self._late(request.at) if deadline.is_over else describe_failure(request.at, error)
            raise failure from None
        if deadline.is_over:  # an answer without a length ends where its connection does
            raise self._late(request.at)
        link = answer.links.get("next", {}).get("url")
        return Answer(_parse_json(request.at, content), link, answer.headers.get("ETag"))

    def _exchange(
        self, session: requests.Session, request: HttpRequest, headers: dict[str, str]
    ) -> tuple[bytes, requests.Response]:
        """The body, and the answer that it came with."""
        limit = clock() + self.source.timeout_seconds
        answer = session.request(
            request.method,
            request.url,
            params=request.params or None,
            data=request.encode_form(),
            json=request.body(),
            headers=headers,
            timeout=self.source.timeout_seconds,
            allow_redirects=False,
            stream=True,
        )
        with answer:
            classify_answer(request.at, answer)
            return self._read_body(request.at, answer, limit), answer

    def _late(self, at: str) -> TryAgain:
        return TryAgain(
            f"{at}an answer was not there after {self.source.timeout_seconds:g} seconds. "
            f"Nothing was landed. Ask for smaller pages, or raise `timeout_seconds` in sources.yaml."
        )

    def _read_body(self, at: str, answer: requests.Response, limit: float) -> bytes:
        """The body, whatever it trickles in by: each read has its timeout, and so has the whole."""
        content = bytearray()
        while piece := answer.raw.read1(READ_BYTES, decode_content=True):
            content += piece
            if len(content) > self.source.max_page_mib * 2**20:
                raise PermanentSourceError(
                    f"{at}an answer is larger than {self.source.max_page_mib} MiB. Nothing was landed. "
                    f"Ask for smaller pages, or raise `max_page_mib` in sources.yaml."
                )
            if clock() > limit:
                raise self._late(at)
        return bytes(content)


def _parse_json(at: str, content: bytes) -> Any:
    try:
        # As Python's own parser reads bytes: half a character passes, and is told below by what it is.
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        page = json.loads(
            text,
            parse_float=read_decimal,
            parse_constant=refuse_constant,
            object_pairs_hook=make_object,
        )
        check_depth(page)
        check_text(text, page)
        return page
    except OutOfRange as error:
        raise PermanentSourceError(
            f"{at}the API's answer is refused: {error}. Nothing was landed. Ask the API's owner."
        ) from None
    except (ValueError, RecursionError):
        raise TryAgain(
            f"{at}the API answered something that is not JSON. Nothing was landed. Open the address "
            f"by hand: a login page or a proxy's error says what to correct, `url` or the credentials."
        ) from None


def open_session(headers: Mapping[str, str]) -> requests.Session:
    """It reads no `.netrc`: the machine's passwords would take the place of a configured header."""
    session = requests.Session()
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", **headers})
    session.auth = _no_netrc
    watch_connections(session)
    return session


def _pause(state: RetryCallState) -> float:
    """Backoff with jitter, or what the server asked for where that is longer."""
    error = state.outcome and state.outcome.exception()
    retry_after = error.retry_after if isinstance(error, TryAgain) else 0
    return max(BACKOFF(state), min(retry_after, MAX_RETRY_AFTER_SECONDS))


def _no_netrc(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    return prepared
