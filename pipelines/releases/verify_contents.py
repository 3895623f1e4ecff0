"""The lake's files and what they hold, as `verify` reads them: byte by byte, then row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb

from pipelines import duck
from pipelines.lake import catalogue as lake
from pipelines.lake import files
from pipelines.lake.content_hash import (
    LANES,
    Content,
    describe_columns,
    lanes_sql,
    row_hash_sql,
    seal_content,
    sum_lanes_by,
)
from pipelines.lake.ledger import Release
from pipelines.lake.location import locate_lake
from pipelines.releases.findings import Finding, first_line
from pipelines.settings import Settings

# So many states of a table are read by one query: to plan it costs more than to read a small table.
TOGETHER = 16
# (release, table) → the files that the catalogue names for it.
TableFiles = dict[tuple[int, str], frozenset[str]]


def check_files(
    con: duckdb.DuckDBPyConnection, settings: Settings, kept: list[Release]
) -> tuple[TableFiles, list[Finding]]:
    """Every file the catalogue names for a kept release is there, byte by byte as it was written.

    Returns (release, table) → its files as well, those that strike rows out among them.
    """
    table_files: TableFiles = {}
    for release in kept:
        for mart in release.marts:
            table_files[release.release_id, mart] = files.list_table_files(con, mart, release.snapshot_id)
    recorded, location = files.read_recorded(con), locate_lake(settings)
    findings = []
    tables: dict[str, tuple[str, set[int]]] = {}
    for (release_id, mart), paths in table_files.items():
        for path in paths:
            tables.setdefault(location.files.name_file(path), (mart, set()))[1].add(release_id)
    missing = location.files.list_missing(con, tables)
    hashes = location.files.hash_files(con, sorted((tables.keys() & recorded.keys()) - missing))
    for name, (table, release_ids) in sorted(tables.items()):
        releases = frozenset(release_ids)
        if name in missing:
            findings.append(Finding("missing_file", f"the lake's file '{name}' is missing", table, releases))
        elif name not in recorded:
            text = f"the catalogue names the file '{name}', which no release wrote"
            findings.append(Finding("edited_catalogue", text, table, releases))
        elif hashes[name] != recorded[name][2]:
            findings.append(
                Finding(
                    "edited_file",
                    f"the lake's file '{name}', written by release {recorded[name][0]}, was edited: "
                    "its SHA-256 is another one",
                    table,
                    releases,
                )
            )
    return table_files, findings


def check_contents(
    con: duckdb.DuckDBPyConnection,
    earlier: list[Release],
    table_files: TableFiles,
    spoilt: set[str],
    progress: Callable[[str], None],
    *,
    is_clean: bool,
) -> Iterator[Finding]:
    """Each table of the kept releases before the newest, read through time travel, hashes to what the ledger holds.

    A row's hash is computed once per file that holds it: files never change, releases only choose. A
    table that is the same files and the same hash as in the release before is not read again, as long as
    nothing foreign is in the catalogue (`is_clean`). The newest release is read by `check_head`.
    """
    for mart in sorted({name for release in earlier for name in release.marts}):
        if mart in spoilt:
            continue  # told already, by the name of its file
        progress(mart)
        states = list(_list_states(mart, earlier, table_files, is_clean=is_clean))
        table = _TableReader(con, mart, table_files)
        for start in range(0, len(states), TOGETHER):
            yield from table.check(states[start : start + TOGETHER])


def _list_states(
    mart: str, earlier: list[Release], table_files: TableFiles, *, is_clean: bool
) -> Iterator[Release]:
    """The releases in which the table is to be read."""
    unchanged = None
    for release in earlier:
        if mart in release.marts:
            state = table_files[release.release_id, mart], release.marts[mart]
            if not is_clean or state != unchanged:
                yield release
            unchanged = state


class _TableReader:
    """One table at many releases; the hashes of the rows of files that were read rest in `row_hashes`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, mart: str, table_files: TableFiles) -> None:
        self._con, self._mart, self._table_files = con, mart, table_files
        self._begin()

    def _begin(self) -> None:
        self._hashed: set[str] = set()
        lanes = ", ".join(f"{lane} ubigint" for lane in LANES)
        self._con.execute(
            f"create or replace temp table row_hashes (filename varchar, file_row_number bigint, {lanes})"
        )

    def check(self, states: list[Release]) -> Iterator[Finding]:
        """Together; where one cannot be read, by halves, so that the others are held to their hash all the same."""
        try:
            contents = self._hash(states)
        except duckdb.Error as error:
            self._con.execute("rollback")
            self._con.execute("begin")
            self._begin()
            if len(states) > 1:
                half = len(states) // 2
                yield from self.check(states[:half])
                yield from self.check(states[half:])
                return
            text = f"{self._mart} of release {states[0].release_id} cannot be read: {first_line(error)}"
            yield Finding("unreadable_content", text, self._mart, frozenset({states[0].release_id}))
            return
        for release, content in zip(states, contents, strict=True):
            published = release.marts[self._mart]
            if content != published:
                yield Finding(
                    "edited_catalogue",
                    f"{self._mart} of release {release.release_id} is not what was published though its files "
                    f"are whole: the catalogue was edited ({content.rows} rows, {published.rows} published)",
                    self._mart,
                    frozenset({release.release_id}),
                )

    def _hash(self, states: list[Release]) -> list[Content]:
        relations = {
            release.release_id: f"{duck.identifier(lake.ALIAS, *self._mart.split('.'))} "
            f"at (version => {release.snapshot_id})"
            for release in states
        }
        described = {number: describe_columns(self._con, relation) for number, relation in relations.items()}
        self._hash_fresh_files(relations, described)
        chosen = " union all ".join(
            f"select {number} as release_id, filename, file_row_number from {relation}"
            for number, relation in relations.items()
        )
        # As numbers: to read them out of the digits costs more than all the rest, and rows stay for many releases.
        sums = sum_lanes_by(
            self._con, f"from ({chosen}) join row_hashes using (filename, file_row_number)", "release_id"
        )
        return [seal_content(columns, *sums.get(number, (0, 0))) for number, columns in described.items()]

    def _hash_fresh_files(self, relations: dict[int, str], described: dict[int, dict[str, str]]) -> None:
        """Of each file by the first release that shows it. A row of a file that the catalogue does not list is in
        no sum, and the content another one."""
        queries = []
        for number, relation in relations.items():
            files_then = self._table_files[number, self._mart]
            fresh = files_then - self._hashed
            if fresh:
                where = f" where filename in ({', '.join(map(duck.literal, sorted(fresh)))})"
                queries.append(
                    f"select filename, file_row_number, {row_hash_sql(described[number])} as h from {relation}"
                    + ("" if fresh == files_then else where)
                )
                self._hashed |= fresh
        if queries:
            self._con.execute(
                f"insert into row_hashes select filename, file_row_number, {lanes_sql()} "
                f"from ({' union all '.join(queries)})"
            )
