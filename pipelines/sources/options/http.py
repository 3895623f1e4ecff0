"""What sources.yaml may say of a JSON API (and of JSON files, which are its pages at rest)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pipelines.sources.options.frozen import Frozen


class HttpOptions(Frozen):
    """`records`: dotted path to the list of records; `page_constants`: page field → record column."""

    records: str | None = None
    page_constants: dict[str, str] = Field(default_factory=dict)
    request: dict[str, Any] = Field(default_factory=dict)
    total_pages: str = "paging.totalPages"

    def http_needs(self) -> tuple[str, ...]:
        """Keys without which an API cannot be pulled."""
        return ("url", "records")
