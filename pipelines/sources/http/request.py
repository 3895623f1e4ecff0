"""One request of a capture, its placeholders filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.options.http_requests import EarlierRequest, Moment, Paging
from pipelines.sources.errors import PermanentSourceError

MARK = re.compile(r"\{(\w+)\}")


class HttpRequest(NamedTuple):
    """`at`: source, day and what it asks for, before every message. `values`: placeholder → value.

    `form` is sent where there is one, else `json`; of a GET neither. `headers` go with every page, besides what the
    session sends. `may_be_empty`: no records are an answer.
    """

    at: str
    method: str
    url: str
    params: dict[str, Any]
    json: dict[str, Any]
    form: dict[str, Any]
    records: str
    paging: Paging
    values: Mapping[str, Any] = {}
    may_be_empty: bool = True
    headers: Mapping[str, str] = {}

    def encode_form(self) -> dict[str, str] | None:
        """Field → text; what is a list or an object is JSON text."""
        if self.method != "POST" or not self.form:
            return None
        return {name: _as_text(value) for name, value in self.form.items()}

    def body(self) -> dict[str, Any] | None:
        """The JSON of a POST without a form."""
        return self.json if self.method == "POST" and not self.form else None


def fill_request(
    question: Any | EarlierRequest,
    headers: Mapping[str, str],
    at: str,
    values: Mapping[str, Any],
    fill: Callable[[str], str],
) -> HttpRequest:
    """`question`: a source or an earlier request; `headers`: those of the source; `fill`: secrets and
    folders of a text.

    A text that is a placeholder alone takes the value as it is, a number as a number; in an address values are
    encoded, so that none of them leads to another path; PermanentSourceError where one still would.
    """

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            alone = MARK.fullmatch(value)
            if alone and alone[1] in values:
                return values[alone[1]]
            return _fill_marks(fill(value), values, str)
        if isinstance(value, Mapping):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    url = _fill_marks(fill(str(question.url)), values, lambda value: quote(str(value), safe=""))
    # Dots are never encoded, and a part of them alone is resolved on the way (RFC 3986 §5.2.4).
    if {".", ".."} & set(urlsplit(url).path.split("/")):
        raise PermanentSourceError(
            f"{at}a value makes `.` or `..` a part of `url`, which would lead to another path. Nothing was asked "
            "with it. Correct the values under `for_each` in sources.yaml, or the request that gives them."
        )
    return HttpRequest(
        at=at,
        method=question.method,
        url=url,
        params=filled(question.params),
        json=filled(question.request),
        form=filled(question.form),
        records=str(question.records),
        paging=question.paging,
        values=values,
        headers={name: _fill_marks(fill(text), values, str) for name, text in headers.items()},
    )


def write_moment(moment: Moment, day: date, now: datetime) -> str | int:
    """A bound of `day` in the place's zone, as the API wants it; numbers where the format is one of seconds."""
    at = now if moment.at == "now" else _find_bound(moment.at, day)
    if moment.format in ("epoch", "epoch_ms"):
        return int(at.timestamp()) * (1000 if moment.format == "epoch_ms" else 1)
    zoned = at.astimezone(ZoneInfo(moment.timezone) if moment.timezone else LOCAL_ZONE)
    return zoned.isoformat(timespec="seconds") if moment.format == "iso" else zoned.strftime(moment.format)


def _find_bound(at: str, day: date) -> datetime:
    next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    days = {
        "day_start": day,
        "day_end": day + timedelta(days=1),
        "last_second": day + timedelta(days=1),
        "month_start": day.replace(day=1),
        "month_end": next_month,
        "last_day_of_month": next_month - timedelta(days=1),
        "year_start": day.replace(month=1, day=1),
    }
    bound = datetime.combine(days[at], time(), LOCAL_ZONE)
    return datetime.combine(day, time(23, 59, 59), LOCAL_ZONE) if at == "last_second" else bound


def _fill_marks(text: str, values: Mapping[str, Any], write: Callable[[Any], str]) -> str:
    """Names that are no placeholders stay: a body may hold braces of its own."""
    return MARK.sub(lambda mark: write(values[mark[1]]) if mark[1] in values else mark[0], text)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
