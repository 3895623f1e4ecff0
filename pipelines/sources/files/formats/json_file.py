"""JSON exports: a document with a list of records, a plain list, or one object per line (NDJSON).

Numbers keep the digits the file writes; nested values stay JSON text, or are named by a dotted path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.sources.contracts.contract import Source
from pipelines.sources.files.formats.encoding import find_codec, find_contradiction, open_as_utf8
from pipelines.sources.files.formats.foreign import find_foreign
from pipelines.sources.files.formats.fragment import Document, ReadSession, TableFragment, Unreadable
from pipelines.sources.files.unpacking import MIB, Member
from pipelines.sources.values.json_document import parse_json
from pipelines.sources.values.json_path import describe_no_list, has_path, read_path
from pipelines.sources.values.list_rest import find_rest
from pipelines.sources.values.native import Number, format_cell
from pipelines.sources.values.number_formats import LostDigits, require_exact_text

ROWS_AT_ONCE = 20_000
# What a server writes for a script: `callback({…});`. And what no JSON allows: `[1, 2,]`.
CALL = re.compile(r"\s*[\w.$]+\s*\(\s*[\[{]")
TRAILING_COMMA = re.compile(r",\s*[\]}]")


def read_document(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """One document; nothing where its list is empty (other pages may hold the records)."""
    source = session.source
    limit = source.limits.document_mb
    try:
        encoding = _check_encoding(source, member)
        with open_as_utf8(member.open(), encoding) as stream:
            data = stream.read(limit * MIB + 1)
        if len(data) > limit * MIB:
            raise ValueError(f"it is larger than {limit} MiB (`limits.document_mb`); ask for NDJSON")
        document = _parse_document(data.decode())
        records = _find_records(source, document)
        total_records, total_pages = (
            _read_total(document, path) for path in (source.paging.total_records, source.paging.total_pages)
        )
        session.documents.append(
            Document(member, len(records), total_records, total_pages, find_rest(source, document))
        )
    except ValueError as error:
        raise Unreadable(member, str(error)) from None
    if not records:
        return
    headers = list_headers(source, records)

    def select(mapped: Mapping[str, str]) -> str:
        table = session.register_texts(
            {name: _format_column(session, records, name, header) for name, header in mapped.items()}
        )
        return f"from {table}"

    yield TableFragment(member, headers, select)


def read_lines(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """NDJSON, read twice: once for its keys, once for its values, in constant memory."""
    source = session.source
    headers: dict[str, None] = {}
    try:
        encoding = _check_encoding(source, member)
        for record in _read_lines(source, member, encoding):
            headers |= dict.fromkeys(list_headers(source, [record]))
    except ValueError as error:
        raise Unreadable(member, str(error)) from None
    if not headers:
        return

    def select(mapped: Mapping[str, str]) -> str:
        def batches() -> Iterator[list[Mapping[str, Any]]]:
            chunk: list[Mapping[str, Any]] = []
            for record in _read_lines(source, member, encoding):
                chunk.append(record)
                if len(chunk) == ROWS_AT_ONCE:
                    yield chunk
                    chunk = []
            yield chunk

        return f"from {session.register(_Stream(session, member, mapped, batches))}"

    yield TableFragment(member, list(headers), select)


class _Stream:
    """DuckDB asks for the stream anew in every scan, so that a relation can be read more than once."""

    def __init__(self, session: ReadSession, member: Member, mapped: Mapping[str, str], batches: Any) -> None:
        self._session, self._member, self._mapped, self._batches = session, member, mapped, batches

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        schema = pa.schema([(name, pa.string()) for name in self._mapped])

        def arrow() -> Iterator[Any]:
            try:
                for records in self._batches():
                    columns = [
                        pa.array(_format_column(self._session, records, name, header), pa.string())
                        for name, header in self._mapped.items()
                    ]
                    yield pa.record_batch(columns, schema=schema)
            except Exception as error:
                self._session.failure = Unreadable(self._member, str(error))
                raise

        return pa.RecordBatchReader.from_batches(schema, arrow()).__arrow_c_stream__(requested_schema)


def list_headers(source: Source, records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys of all records, in order of appearance, and the dotted paths that the contract names."""
    keys = dict.fromkeys(key for record in records for key in record)
    paths = (n for c in source.columns for n in c.headers if "." in n and n not in keys)
    return [*keys, *(n for n in paths if any(has_path(record, n) for record in records))]


def _check_encoding(source: Source, member: Member) -> str:
    encoding, sample = find_codec(source.encoding), member.sample()
    if not sample.strip():
        raise ValueError("it is empty: not even an empty list")
    if kind := find_foreign(sample):
        raise ValueError(str(kind))
    if wrong := find_contradiction(sample, encoding):
        raise ValueError(wrong)
    return encoding


def _parse_document(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        lines = text.lstrip().splitlines()[:2]
        if len(lines) == 2 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines):
            raise ValueError("it holds one object a line; set `format: ndjson`") from error
        if CALL.match(text):
            raise ValueError(
                "it is a call of a script (JSONP), no JSON; ask for the answer without `callback`"
            ) from error
        if comma := TRAILING_COMMA.search(text):
            line = text.count("\n", 0, comma.start()) + 1
            raise ValueError(
                f"line {line}: a comma stands before a closing bracket, which is no JSON; ask for a valid export"
            ) from error
        raise


def _find_records(source: Source, document: Any) -> list[Mapping[str, Any]]:
    """The list of records with what the page says once; ValueError where there is no such list."""
    records = document if source.records is None else read_path(document, source.records)
    if not isinstance(records, list):
        if reason := describe_no_list(document, source.records or "."):
            raise ValueError(reason)
        where = f"no list at {source.records!r}" if source.records else "no list at the top"
        names = ", ".join(map(str, document)) if isinstance(document, Mapping) else ""
        keys = f"; its keys are {names}" if names else "; it is empty" if document in ({}, []) else ""
        if isinstance(document, Mapping) and document and not any(map(is_nested, document.values())):
            keys += "; without any list it may be the answer of an error: open it"
        raise ValueError(f"{where}{keys[:300]}. Correct `records` of {source.name} in sources.yaml")
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            raise ValueError(f"record {number} is no object")
    constants = {name: read_path(document, where) for name, where in source.page_constants.items()}
    return [constants | record for record in records] if constants else records


def is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _read_total(document: Any, path: str | None) -> int | None:
    """How many there are in all, as this document says; ValueError where it should and does not."""
    if path is None:
        return None
    try:
        return int(str(read_path(document, path)))
    except ValueError:
        raise ValueError(f"it has no number at {path!r} (`paging`)") from None


def _read_lines(source: Source, member: Member, encoding: str) -> Iterator[Mapping[str, Any]]:
    limit = source.limits.line_mb * MIB
    with open_as_utf8(member.open(), encoding) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(limit + 1), b""), 1):
            if len(line) > limit:
                raise ValueError(f"line {number} is longer than `limits.line_mb` allows")
            if not line.strip():
                continue
            if line.lstrip().startswith(b"["):
                raise ValueError(
                    f"line {number} begins a list, no object: it is one document; set `format: json`"
                )
            try:
                record = parse_json(line.decode())
            except ValueError as error:
                if line.rstrip().endswith(b"},"):
                    raise ValueError(
                        f"line {number} ends with a comma: its lines are the records of a list without its brackets. "
                        f"Ask for one object a line without commas, or for the whole list and set `format: json`"
                    ) from None
                end = "" if line.endswith(b"\n") else ", the last one, without a line end"
                raise ValueError(f"line {number}{end}: {error}") from None
            if not isinstance(record, Mapping):
                raise ValueError(f"line {number} is no object")
            yield record


def _read_value(record: Mapping[str, Any], header: str) -> Any:
    value = record[header] if header in record else read_path(record, header)
    return _as_json(value) if isinstance(value, Mapping | list) else value


def _as_json(value: Any) -> str:
    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {key: plain(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [plain(inner) for inner in part]
        return json.loads(part) if isinstance(part, Number) else part

    return json.dumps(plain(value), ensure_ascii=False)


def _format_column(
    session: ReadSession, records: Iterable[Mapping[str, Any]], name: str, header: str
) -> list[str | None]:
    column = session.columns.get(name)
    values = [_read_value(record, header) for record in records]
    try:
        if name in session.source.code_columns():
            for value in values:
                if isinstance(value, Number):
                    require_exact_text(value)
        return [format_cell(value, session.source, column) for value in values]
    except LostDigits as error:
        raise ValueError(f"{header!r}: {error}") from None
