"""JSON over HTTP: a capture is all its pages or nothing.

Pages go into the batch as they come, one in memory at a time, mapped before anything is written: no spool
file, so personal columns rest nowhere. If any page fails the COPY fails, and the draft is gone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import duckdb

from pipelines import duck
from pipelines.privacy.detectors import FREE_TEXT, redacted_sql
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.http.capture import read_capture
from pipelines.sources.http.fetch import Client
from pipelines.sources.http.key_pages import KeyPages
from pipelines.sources.http.position import HttpPage
from pipelines.sources.mapping import (
    HeaderMatch,
    check_absence,
    describe_drift,
    list_names,
    map_columns,
    match_headers,
    observes_matches,
)
from pipelines.sources.relation import Relation, refuse_the_past, register_chunks
from pipelines.sources.values.cells import format_value
from pipelines.sources.values.json_path import read_path
from pipelines.sources.values.list_rest import describe_rest, find_rest

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def pull(
    source: Source,
    partition: date,
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    *,
    validator: str = "",
    leave_out: Collection[str] = (),
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

    def fill(text: str) -> str:
        return source.fill_text(text, settings.data)

    contract, _, landed_etag = validator.partition(":")
    single = source.paging.by == "none" and not source.for_each
    etag_before = landed_etag if single and contract == _hash_contract(source) else ""
    with Client(source, at, fill, settings.retries.longest_pause) as client:
        capture = read_capture(source, client, partition, fill, etag_before)
        first = next(capture)
        names = [c.name for c in source.columns if c.mapped]
        headers = _list_headers(source, first)
        notes: list[str] = []
        if first.records:
            notes += map_columns(source, str(partition), headers, is_part=True).notes
        notes += _note_open_credentials(source, fill)
        pages = KeyPages(source, notes)
        matches: list[HeaderMatch] = []

        def read_chunks() -> Iterator[list[list[str | None]]]:
            for page in chain([first], capture):
                match = match_headers(source, _list_headers(source, page), is_part=True)
                matches.extend([match] if page.records else [])
                chunk = _format_records(source, page, match, notes)
                _note_rest(source, page, notes)
                pages.note(page, dict(zip(names, chunk, strict=True)), match.columns)
                yield chunk

        with register_chunks(con, names, read_chunks()) as rows:
            etag = first.answer.etag if single else None
            new_validator = f"{_hash_contract(source)}:{etag}" if etag else ""
            expressions = {name: duck.identifier(name) for name in names}
            origin = _describe_origin(source)
            yield Relation(rows, expressions, origin, notes, new_validator, pages.locate, is_volatile=True)
        notes.extend(check_absence(source, str(partition), matches))


def expects_delivery(source: Source, partition: date, settings: Settings) -> bool:
    """An API is asked for every day."""
    return True


def find_newest_delivery(source: Source, settings: Settings) -> date | None:
    """None: what an API has is known only by asking it."""
    return None


def _hash_contract(source: Source) -> str:
    """Changes with the contract and with what is removed from texts: then 304 is not enough."""
    text = source.model_dump_json() + redacted_sql("text", FREE_TEXT)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _describe_origin(source: Source) -> str:
    """The address as sources.yaml writes it: without secrets, login and query."""
    return re.sub(r"//[^/@]*@", "//", str(source.url)).partition("?")[0]


def _note_open_credentials(source: Source, fill: Callable[[str], str]) -> list[str]:
    """Whether anybody on the way can read what the source logs in with."""
    urls = [str(source.url)] if source.headers or source.token else []
    addresses = [urlsplit(fill(url)) for url in (*urls, *([source.token.url] if source.token else []))]
    if any(a.scheme == "http" and a.hostname not in LOOPBACK for a in addresses):
        return ["the credentials of this source cross the network in the clear: its url is http"]
    return []


def _list_headers(source: Source, page: HttpPage) -> list[str]:
    """Every name that any record of the page has, nested ones dotted, in order of appearance."""
    names = dict.fromkeys([*source.page_constants, *_choose_values(source, page)])
    for record in page.records:
        names.update(dict.fromkeys(_flatten(record)))
    return list(names)


def _choose_values(source: Source, page: HttpPage) -> dict[str, Any]:
    """Placeholders that a column is mapped to, with their values: what was asked belongs to the answer."""
    headers = {fold_name(header) for column in source.columns for header in column.headers}
    return {name: value for name, value in page.request.values.items() if fold_name(name) in headers}


def _format_records(
    source: Source, page: HttpPage, match: HeaderMatch, notes: list[str]
) -> list[list[str | None]]:
    """The page's records as columns of text; what it newly drops is added to the notes."""
    constants = {name: read_path(page.answer.page, path) for name, path in source.page_constants.items()}
    constants = _choose_values(source, page) | constants
    if page.records and match.missing and not observes_matches():
        raise PermanentSourceError(
            f"{page.request.at}page {page.number} has no {', '.join(map(repr, match.missing))}, which the source "
            f"needs. Nothing was landed. Correct `columns` of {source.name} in sources.yaml, or ask the source."
        )
    if page.records and not observes_matches() and (faults := describe_drift(source, match)):
        raise PermanentSourceError(
            f"{page.request.at}page {page.number}: {' '.join(faults)} Nothing was landed."
        )
    if match.unknown and source.drift.extra_column == "warn":
        note = f"columns not in the contract, dropped: {list_names(match.unknown)}"
        if note not in notes:
            notes.append(note)
    records = [constants | _flatten(record) for record in page.records]
    try:
        return [
            [format_value(r.get(match.columns.get(c.name, "")), c, source.number_format) for r in records]
            for c in source.columns
            if c.mapped
        ]
    except ValueError as error:
        raise PermanentSourceError(
            f"{page.request.at}page {page.number}: {error}. Nothing was landed."
        ) from None


def _note_rest(source: Source, page: HttpPage, notes: list[str]) -> None:
    """Where the answer says that there is more than its list, and nobody asks for it."""
    note = describe_rest([find_rest(source, page.answer.page)], len(page.records))
    if note and note not in notes:
        notes.append(note)


def _flatten(record: Any, prefix: str = "") -> dict[str, Any]:
    """`{"unit": {"code": 1}}` → `{"unit.code": 1}`; what is no object has no columns."""
    flat: dict[str, Any] = {}
    for name, value in record.items() if isinstance(record, Mapping) else ():
        flat |= (
            _flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
    return flat
