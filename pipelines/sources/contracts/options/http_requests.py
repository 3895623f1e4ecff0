"""The requests of one capture: how each goes on, what changes from one to the next, and how moments are written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.options.frozen import Frozen

# Ways of writing a moment that strftime does not have.
MOMENT_FORMATS = ("iso", "epoch", "epoch_ms")


class Paging(Frozen):
    """How a capture goes on after its first page. Paths are dotted (`paging.totalPages`)."""

    by: Literal["page", "offset", "token", "link", "none"] = Field(
        "none",
        description="page number, record offset, token of the answer, link to the next page, or one page.",
    )
    into: Literal["query", "body"] = Field(
        "query", description="Where number, offset or token stands; body: in `request` or `form`."
    )
    name: str = Field("page", description="Its name there; dotted inside the body.")
    first: int | None = Field(None, description="The first page's number (1) or offset (0).")
    token: str | None = Field(
        None, description="by token: path of the next token; none there ends the capture."
    )
    link: str | None = Field(
        None, description="by link: path of the next address; without it the Link header's rel=next."
    )
    total_pages: str | None = Field(
        None, description="Path of the number of pages, in an answer or a JSON file."
    )
    total_records: str | None = Field(
        None, description="Path of the number of records, in an answer or a JSON file: checked at the end."
    )

    @model_validator(mode="after")
    def _whole(self) -> Paging:
        if self.by == "token" and not self.token:
            raise ValueError("paging by token needs `token`, the path of the next token in the answer")
        return self


class Moment(Frozen):
    """A moment of the day that is pulled, as an API wants it written."""

    at: Literal[
        "day_start", "day_end", "last_second", "month_start", "month_end", "last_day_of_month", "year_start", "now"
    ] = Field(
        "day_start",
        description="Bounds in the place's own zone. day_end is the next day's start, last_second 23:59:59, month_end "
        "the next month's start; now is when the capture begins.",
    )  # fmt: skip
    of: str = Field(
        "partition", description="The day it is of: partition, or a name of `for_each` with `months_since`."
    )
    format: str = Field(
        "iso",
        description="How it is written: with % as in %d/%m/%Y %H:%M:%S, iso (2025-08-06T00:00:00+07:00), epoch or "
        "epoch_ms (numbers).",
    )
    timezone: str | None = Field(
        None, description="The zone it is written in, e.g. UTC; the place's own unless said."
    )

    @field_validator("format")
    @classmethod
    def _writes_something(cls, layout: str) -> str:
        if "%" not in layout and layout not in MOMENT_FORMATS:
            near = suggest_nearest(layout, MOMENT_FORMATS)
            raise ValueError(
                f"{layout!r} is no format: write one with %, or {', '.join(MOMENT_FORMATS)}{near}"
            )
        return layout

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"timezone {zone!r} is not known; e.g. UTC or Asia/Ho_Chi_Minh")
        return zone


class EarlierRequest(Frozen):
    """A request to the same server whose records give the values of a placeholder."""

    url: str = Field(description="Its address, on the same server as `url`.")
    method: Literal["GET", "POST"] = Field(
        "GET", description="POST sends `form`, or `request` as a JSON body."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Query parameters.")
    request: dict[str, Any] = Field(default_factory=dict, description="The JSON body of a POST.")
    form: dict[str, Any] = Field(default_factory=dict, description="The fields of a POST that is a form.")
    records: str = Field(description="Dotted path to the list of records; '.' where the answer is the list.")
    value: str = Field(description="Dotted path of the value in a record; '.' where the record is the value.")
    paging: Paging = Field(Paging.model_validate({}), description="How to get from page to page.")


class ForEach(Frozen):
    """Where the values of a placeholder come from: a list, the months up to the day, or an earlier request."""

    values: tuple[str | int, ...] | None = Field(None, min_length=1, description="The values themselves.")
    months_since: date | None = Field(
        None,
        description="The first days of every month from this one to that of the day pulled; `moments` with `of` write "
        "them as the API wants.",
    )
    from_request: EarlierRequest | None = Field(
        None,
        description="The values are asked of the API first; placeholders that stand before this one may be in it.",
    )
    may_be_empty: bool = Field(
        False,
        description="A request without records is an answer; otherwise the capture is refused as partial.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> ForEach:
        origins = (self.values, self.months_since, self.from_request)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("say one of `values`, `months_since` and `from_request`")
        return self


def list_texts(value: Any) -> Iterator[str]:
    """Every text in a value of any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from list_texts(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from list_texts(one)
