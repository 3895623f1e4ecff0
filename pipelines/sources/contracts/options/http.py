"""What sources.yaml may say of a JSON API (and of JSON files, which are its pages at rest)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.options.frozen import Frozen
from pipelines.sources.contracts.options.http_requests import ForEach, Moment, Paging, list_texts
from pipelines.sources.contracts.options.http_token import TokenGrant

# Moments that tell an API which day is meant; a month or a year would give today's state for every day of it.
OF_THE_DAY = ("day_start", "day_end", "last_second")


class HttpOptions(Frozen):
    """`${NAME}` (from the environment) and placeholders are filled into url, params, request, form, headers:
    `{partition}` (2025-08-06), and the names under `moments` and `for_each`.
    """

    records: str | None = Field(
        None, description="Dotted path to the list of records; '.' where the answer is the list."
    )
    page_constants: dict[str, str] = Field(
        default_factory=dict, description="Record column → path of what a page says once for all its records."
    )
    omits_empty: bool = Field(
        False,
        description="JSON: records leave out keys that have no value, so that a column which no record has counts "
        "as empty. Otherwise a column that no record of a delivery has stops the pull.",
    )
    method: Literal["GET", "POST"] = Field(
        "GET", description="POST sends `form`, or `request` as a JSON body."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Query parameters.")
    request: dict[str, Any] = Field(default_factory=dict, description="The JSON body of a POST.")
    form: dict[str, Any] = Field(
        default_factory=dict,
        description="The fields of a POST that is a form (application/x-www-form-urlencoded), instead of "
        "`request`. A field with keys or a list of its own is sent as JSON text.",
    )
    headers: dict[str, str] = Field(
        default_factory=dict, repr=False, description="E.g. Authorization: 'Bearer ${TOKEN}'."
    )
    token: TokenGrant | None = Field(
        None, description="Where a token is fetched (OAuth2, OpenID), which then goes with every request."
    )
    moments: dict[str, Moment] = Field(
        default_factory=dict,
        description="Placeholder → a moment of the day that is pulled, in the zone and format the API wants. "
        "A column may be mapped to it as to a header.",
    )
    for_each: dict[str, ForEach] = Field(
        default_factory=dict,
        description="Placeholder → the values it takes: one request for each, of several names for every "
        "combination, in this order. All of them are one capture, whole or not there. A column may be mapped to the "
        "name as to a header.",
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
    max_pages: int = Field(
        10_000, gt=0, description="A capture of more pages, those of all its requests together, is refused."
    )

    @model_validator(mode="after")
    def _answerable(self) -> HttpOptions:
        if faults := list(self._find_faults()):
            raise ValueError("\n".join(faults))
        return self

    def _find_faults(self) -> Iterator[str]:
        if self.form and self.request:
            yield "`form` and `request` are two bodies of one POST; leave one out"
        if self.method == "GET" and (self.form or self.request):
            yield f"`{'form' if self.form else 'request'}` is the body of a POST; add `method: POST`"
        for name in self.moments.keys() & self.for_each.keys():
            yield f"`{name}` stands under `moments` and `for_each`"
        for name, moment in self.moments.items():
            days = [n for n, each in self.for_each.items() if each.months_since]
            if moment.of not in ("partition", *days):
                yield (
                    f"`moments.{name}.of`: `{moment.of}` is neither partition nor a name of `for_each` with "
                    f"`months_since`{suggest_nearest(moment.of, ('partition', *days))}"
                )
        texts = list(self._list_texts())
        of_moments = {moment.of for moment in self.moments.values()}
        for name in self.for_each:
            if name not in of_moments and not any(f"{{{name}}}" in text for text in texts):
                yield f"`for_each.{name}`: nothing that is asked has `{{{name}}}`: every request would be the same"
            if f"{{{name}}}" in urlsplit(str(getattr(self, "url", ""))).netloc:
                yield f"`for_each.{name}` may not choose the server of `url`: credentials go to one address"

    def http_needs(self, _partitioning: str) -> tuple[str, ...]:
        """Keys without which an API cannot be pulled."""
        return ("url", "records")

    def asks_for_day_over_http(self) -> bool:
        """Whether the question for the records itself holds the day; one that only gives its values does not tell."""
        moments = (n for n, m in self.moments.items() if m.of == "partition" and m.at in OF_THE_DAY)
        marks = [f"{{{name}}}" for name in ("partition", *moments)]
        return any(mark in text for text in self._list_main_texts() for mark in marks)

    def _list_texts(self) -> Iterator[str]:
        earlier = [each.from_request for each in self.for_each.values() if each.from_request]
        yield from self._list_main_texts()
        for question in earlier:
            yield from list_texts([question.url, question.params, question.request, question.form])

    def _list_main_texts(self) -> Iterator[str]:
        return list_texts([getattr(self, "url", None), self.params, self.request, self.form, self.headers])
