"""What sources.yaml may say of a JSON API (and of JSON files, which are its pages at rest)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from pipelines.sources.contracts.options.frozen import Frozen


class Paging(Frozen):
    """How a capture goes on after its first page. Paths are dotted (`paging.totalPages`)."""

    by: Literal["page", "offset", "token", "link", "none"] = Field(
        "none",
        description="page number, record offset, token of the answer, link to the next page, or one page.",
    )
    into: Literal["query", "body"] = Field("query", description="Where number, offset or token stands.")
    name: str = Field("page", description="Its name there; dotted inside the body.")
    first: int | None = Field(None, description="The first page's number (1) or offset (0).")
    token: str | None = Field(
        None, description="by token: path of the next token; none there ends the capture."
    )
    link: str | None = Field(
        None, description="by link: path of the next address; without it the Link header's rel=next."
    )
    total_pages: str | None = Field(None, description="Path of the number of pages, where the API tells it.")
    total_records: str | None = Field(None, description="Path of the number of records: checked at the end.")

    @model_validator(mode="after")
    def _whole(self) -> Paging:
        if self.by == "token" and not self.token:
            raise ValueError("paging by token needs `token`, the path of the next token in the answer")
        return self


class HttpOptions(Frozen):
    """`${NAME}` (from the environment) and `{partition}` are filled into url, params, request, headers."""

    records: str | None = Field(
        None, description="Dotted path to the list of records; '.' where the answer is the list."
    )
    page_constants: dict[str, str] = Field(
        default_factory=dict, description="Record column → path of what a page says once for all its records."
    )
    method: Literal["GET", "POST"] = Field("GET", description="POST sends `request` as a JSON body.")
    params: dict[str, Any] = Field(default_factory=dict, description="Query parameters.")
    request: dict[str, Any] = Field(default_factory=dict, description="The JSON body of a POST.")
    headers: dict[str, str] = Field(
        default_factory=dict, repr=False, description="E.g. Authorization: 'Bearer ${TOKEN}'."
    )
    paging: Paging = Field(Paging.model_validate({}), description="How to get from page to page.")
    success: dict[str, str | int | bool] = Field(
        default_factory=dict,
        description="Path → value that a good answer has, where the API answers 200 to errors too.",
    )
    requests_per_second: float = Field(2, gt=0, description="Never faster than this.")
    timeout_seconds: float = Field(
        30, gt=0, description="For one answer, from the question to its last byte."
    )
    max_page_mib: int = Field(64, gt=0, description="A larger answer is refused.")
    max_pages: int = Field(10_000, gt=0, description="A capture of more pages is refused.")

    def http_needs(self, _partitioning: str) -> tuple[str, ...]:
        """Keys without which an API cannot be pulled."""
        return ("url", "records")

    def asks_for_day_over_http(self) -> bool:
        """Whether the day stands anywhere in what is asked."""
        request = (self.params, self.request, self.headers, getattr(self, "url", None))
        return any("{partition}" in text for text in _texts(request))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
