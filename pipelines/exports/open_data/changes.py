"""What a package says of the one before: table by table whether the mart behind it is new, changed or the same."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from pipelines.exports.common import PublishedTable
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release, list_releases

NO_EARLIER = "The first release. · Bản phát hành đầu tiên."
# Whether there was such a table, and whether its content hash is the same → the words.
STATES = {
    (False, False): "new · mới",
    (True, False): "changed · có thay đổi",
    (True, True): "unchanged · giữ nguyên",
}


def write_changes(con: duckdb.DuckDBPyConnection, release: Release, tables: Sequence[PublishedTable]) -> str:
    """`tables`, as the release has them, against the release before, in Markdown; a sentence where there is none."""
    earlier = [one for one in list_releases(con) if one.release_id < release.release_id]
    if not earlier:
        return NO_EARLIER
    before = earlier[-1]
    then, now = _hash_marts(con, before), _hash_marts(con, release)
    lines = [
        f"Against release {before.release_id}, as of {before.as_of}. · So với bản {before.release_id}.",
        "",
        "| table · bảng | content · nội dung |",
        "|---|---|",
    ]
    for table in sorted(tables, key=lambda table: table.name):
        name = table.qualified
        lines.append(f"| `{table.name}` | {STATES[name in then, name in then and then[name] == now[name]]} |")
    return "\n".join(lines)


def _hash_marts(con: duckdb.DuckDBPyConnection, release: Release) -> dict[str, str]:
    """Qualified name → content hash."""
    return dict(
        con.execute(
            f"select mart, content_sha256 from {ALIAS}.audit.release_marts where release_id = ?",
            [release.release_id],
        ).fetchall()
    )
