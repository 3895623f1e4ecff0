"""JSON over HTTP: a capture is all its pages or nothing.

Pages go into the batch as they come, one in memory at a time, mapped before anything is written: no spool
file, so personal columns rest nowhere. If any page fails the COPY fails, and the draft is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import duckdb

from pipelines import duck
from pipelines.privacy import detectors as personal
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.http.fetch import Client
from pipelines.sources.http.paging import read_pages
from pipelines.sources.http.position import HttpPage
from pipelines.sources.mapping import map_columns, match_headers
from pipelines.sources.relation import Relation, refuse_the_past, register_chunks
from pipelines.sources.values.cells import format_value
from pipelines.sources.values.json_path import read_path

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def pull(
    source: Source,
    partition: date,
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    *,
    validator: str = "",
) -> Iterator[Relation]:
    """One capture, whole; SourceError after the last try, PermanentSourceError where none can help.

    `validator`: that of the batch that is landed for this very partition. Unchanged where the API answers
    304 to it: that batch stays the partition's, and nothing new is landed. It is sent only for a capture
    of one page (a first page says nothing about the others) under the same contract, so nothing can be
    missed by it.
    """
    if not source.asks_for_day_over_http():
        refuse_the_past(source, partition)
    at = f"{source.name} {partition}: "

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return source.fill_text(value, settings.data).replace("{partition}", str(partition))
        if isinstance(value, Mapping):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    url = filled(str(source.url))
    address = urlsplit(url)
    contract, _, landed_etag = validator.partition(":")
    single = source.paging.by == "none"
    etag_before = landed_etag if single and contract == _hash_contract(source) else ""
    with Client(source, at, filled(source.headers), settings.retries.longest_pause) as client:
        capture = read_pages(source, client, url, filled(source.params), filled(source.request), etag_before)
        first = next(capture)
        columns = [c for c in source.columns if c.mapped]
        headers = _list_headers(source, first)
        notes = list(map_columns(source, str(partition), headers).notes) if first.records else []
        if source.headers and address.scheme == "http" and address.hostname not in LOOPBACK:
            notes.append("the credentials of this source cross the network in the clear: its url is http")
        chunks = (_format_records(source, at, page, columns, notes) for page in chain([first], capture))
        with register_chunks(con, [c.name for c in columns], chunks) as rows:
            origin = f"{address.scheme}://{address.hostname}:{address.port or ''}{address.path}"
            etag = first.answer.etag if single else None
            new_validator = f"{_hash_contract(source)}:{etag}" if etag else ""
            expressions = {c.name: duck.identifier(c.name) for c in columns}
            yield Relation(rows, expressions, origin, notes, new_validator)


def expects_delivery(source: Source, partition: date, settings: Settings) -> bool:
    """An API is asked for every day."""
    return True


def find_newest_delivery(source: Source, settings: Settings) -> date | None:
    """None: what an API has is known only by asking it."""
    return None


def _hash_contract(source: Source) -> str:
    """Changes with the contract and with what is removed from texts: then 304 is not enough."""
    text = source.model_dump_json() + personal.redacted_sql("text")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _list_headers(source: Source, page: HttpPage) -> list[str]:
    """Every name that any record of the page has, nested ones dotted, in order of appearance."""
    names = dict.fromkeys(source.page_constants)
    for record in page.records:
        names.update(dict.fromkeys(_flatten(record)))
    return list(names)


def _format_records(
    source: Source, at: str, page: HttpPage, columns: list[Column], notes: list[str]
) -> list[list[str | None]]:
    """The page's records as columns of text; what it newly drops is added to the notes."""
    constants = {name: read_path(page.answer.page, path) for name, path in source.page_constants.items()}
    match = match_headers(source, _list_headers(source, page))
    if page.records and match.missing and page.number > 1:  # of the first, `map_columns` has told
        raise PermanentSourceError(
            f"{at}page {page.number} has no {', '.join(map(repr, match.missing))}, which the source needs. "
            f"Nothing was landed. Correct `columns` of {source.name} in sources.yaml, or ask the source."
        )
    if match.unknown and source.drift.extra_column == "warn":
        note = f"columns not in the contract, dropped: {', '.join(match.unknown)}"
        if note not in notes:
            notes.append(note)
    records = [constants | _flatten(record) for record in page.records]
    try:
        return [
            [format_value(r.get(match.columns.get(c.name, "")), c, source.number_format) for r in records]
            for c in columns
        ]
    except ValueError as error:
        raise PermanentSourceError(f"{at}page {page.number}: {error}. Nothing was landed.") from None


def _flatten(record: Any, prefix: str = "") -> dict[str, Any]:
    """`{"unit": {"code": 1}}` → `{"unit.code": 1}`; what is no object has no columns."""
    flat: dict[str, Any] = {}
    for name, value in record.items() if isinstance(record, Mapping) else ():
        flat |= (
            _flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
    return flat
