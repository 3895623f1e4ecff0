"""A key that comes on two pages, or in two requests, of a capture: they overlap, and another record never came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import SourceError
from pipelines.sources.http.position import HttpPage

NOTE = "keys that come on more than one page of the capture: the pages may overlap, and other rows be missing"


class RepeatedKeys:
    """The keys of the pages so far, as hashes.

    A log may tell an event twice: there, and where the place says so, it is a note on the batch.
    """

    def __init__(self, source: Source, notes: list[str]) -> None:
        self.source, self.notes = source, notes
        self.is_refused = source.repeated_keys == "refuse" and source.partitioning != "change_day"
        self.hashes: set[int] = set()

    def check_page(
        self, page: HttpPage, texts: Mapping[str, Sequence[str | None]], headers: Mapping[str, str]
    ) -> None:
        """`texts`: column → its values on the page; `headers`: column → header. SourceError names the page.

        What a page says once for all its records tells no record from another, and may differ from page to page.
        """
        names = [k for k in self.source.key if k in headers and headers[k] not in self.source.page_constants]
        if not names:
            return
        hashes = {hash(key) for key in zip(*(texts[name] for name in names), strict=True) if any(key)}
        count = len(hashes & self.hashes)
        self.hashes |= hashes
        if count and self.is_refused:
            raise SourceError(
                f"{page.request.at}page {page.number} repeats {count} keys ({', '.join(names)}) of an earlier page or "
                f"request: they overlap, so others may be missing. Nothing was landed; the capture is tried again as a "
                f"whole. Where it stays so, sort the list by its key (`params`), or, where the API itself lists them "
                f"twice, set `repeated_keys: accept` of {self.source.name} in sources.yaml."
            )
        if count and NOTE not in self.notes:
            self.notes.append(NOTE)
