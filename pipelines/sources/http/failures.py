"""What is said of an exchange that failed, and whether another try can help."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from pipelines.masking import make_printable
from pipelines.sources.errors import PermanentSourceError, SourceError, Unchanged

NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)


class TryAgain(SourceError):
    """429, 5xx, or an answer that is none: worth another try, not before `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthorized(PermanentSourceError):
    """401: the credentials are not, or no longer, good."""


def read_host(address: str) -> str:
    """The host of an address that a server names, as a terminal may get it; empty where there is none."""
    try:
        return make_printable(urlsplit(address).hostname or "")
    except ValueError:
        return ""


def classify_answer(at: str, answer: requests.Response) -> None:
    status = answer.status_code
    where = f"{at}the API answered {status}"
    is_conditional = answer.request is not None and "If-None-Match" in answer.request.headers
    if status == 304 and is_conditional:
        raise Unchanged(f"{at}the API says that nothing changed since the last capture.")
    if status in (408, 425, 429) or status >= 500:
        pause = _parse_retry_after(answer.headers.get("Retry-After", ""))
        rate = " Lower `requests_per_second` in sources.yaml, or" if status == 429 else ""
        raise TryAgain(
            f"{where}, and kept doing so. Nothing was landed.{rate or ' Run again later, or'} "
            f"ask the API's owner.",
            pause,
        )
    if status in (206, 304):
        what = "which is a part of what was asked" if status == 206 else "to a question that named no state"
        raise PermanentSourceError(f"{where}, {what}. Nothing was landed. Ask the API's owner.")
    if 300 <= status < 400:
        there = read_host(answer.headers.get("Location", "")) or "another path"
        raise PermanentSourceError(
            f"{where} and redirects to {there}, which is not followed: credentials go nowhere else. "
            f"Nothing was landed. If that address is right, write it into `url` in sources.yaml."
        )
    if status == 401:
        raise Unauthorized(f"{where}. Nothing was landed. Check the address and the credentials.")
    if status >= 400:
        raise PermanentSourceError(f"{where}. Nothing was landed. Check the address and the credentials.")


def _parse_retry_after(header: str) -> float:
    """Retry-After is a number of seconds or a date (RFC 9110 §10.2.3); anything else is no wish."""
    if header.isascii() and header.isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0


def describe_failure(at: str, error: Exception) -> SourceError:
    """In our own words: those of a library may repeat an address with its secrets."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, requests.exceptions.SSLError):
        return PermanentSourceError(
            f"{at}the API's certificate is not trusted. Nothing was landed. "
            f"Name the authority's file in REQUESTS_CA_BUNDLE; verification is never switched off."
        )
    if isinstance(error, NO_ADDRESS):
        return PermanentSourceError(f"{at}`url` in sources.yaml is no web address.")
    if isinstance(error, requests.exceptions.InvalidHeader):
        return PermanentSourceError(
            f"{at}a header holds what no header may (a line end, a blank before it). Check the secrets "
            f"of `headers` and `token` in the environment."
        )
    return TryAgain(
        f"{at}no whole answer from the API ({type(error).__name__}). Nothing was landed; "
        f"the capture is tried again as a whole."
    )
