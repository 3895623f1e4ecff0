"""Which page of a capture named which key: a list that names one twice is broken, a log may tell an event twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.identity import list_identity
from pipelines.sources.http.position import HttpPage
from pipelines.sources.notes import CHECK

NOTE = f"{CHECK}keys that come on more than one page of the capture: the pages may overlap, and other rows be missing"


class KeyPages:
    """Of a list each key, as it is written, with the pages it stood on; of a log only the keys' hashes."""

    def __init__(self, source: Source, notes: list[str]) -> None:
        self._source, self._notes = source, notes
        self._identity = list_identity(source)
        self._pages: dict[tuple[str | None, ...], list[str]] = {}
        self._hashes: set[int] = set()

    def note(
        self, page: HttpPage, texts: Mapping[str, Sequence[str | None]], headers: Mapping[str, str]
    ) -> None:
        """`texts`: column → its values on the page; `headers`: column → header."""
        if self._identity:
            keys = zip(*(texts[name] for name in self._identity if name in texts), strict=True)
            for key in keys:
                self._pages.setdefault(key, []).append(self._name_page(page))
            return
        # What a page says once for all its records tells no record from another, and may differ from page to page.
        constants = self._source.page_constants
        names = [k for k in self._source.key if k in headers and headers[k] not in constants]
        if not names:
            return
        hashes = {hash(key) for key in zip(*(texts[name] for name in names), strict=True) if any(key)}
        if hashes & self._hashes and NOTE not in self._notes:
            self._notes.append(NOTE)
        self._hashes |= hashes

    def _name_page(self, page: HttpPage) -> str:
        """`page 2`, with what its request asked for where there are several."""
        _, bracket, values = page.request.at.partition("(")
        return f"page {page.number}" + (f" of {values.rpartition(')')[0]}" if bracket else "")

    def locate(
        self, con: duckdb.DuckDBPyConnection, columns: Sequence[str], texts: Sequence[Sequence[str | None]]
    ) -> list[str]:
        """The pages, in order, on which the keys that are written so stood."""
        return [page for key in texts for page in self._pages.get(tuple(key), ())]
