"""The content hash of a table: order-independent, and moved by the rows that a night changes.

Each row's SHA-256, summed modulo 2^256 with that of the columns' names and types.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import duckdb

from pipelines import duck

# Types whose printed form can hold no `|`.
PLAIN = ("BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "HUGEINT", "DECIMAL")
MODULUS = 1 << 256
# Column → where in the 64 hexadecimal digits of a row's hash the number of 64 bits begins that it holds.
LANES = {"lane_1": 1, "lane_2": 17, "lane_3": 33, "lane_4": 49}


@dataclass(frozen=True)
class Content:
    """Row count and order-independent hash of a table's columns and rows: SHA-256 summed modulo 2^256."""

    rows: int
    sha256: str


def describe_columns(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """column → DuckDB type, in table order. `relation`: anything that may follow FROM."""
    return {row[0]: row[1] for row in con.execute(f"describe from {relation}").fetchall()}


def has_columns(con: duckdb.DuckDBPyConnection, relation: str, described: dict[str, str]) -> bool:
    """Whether it has these columns of these types in this order, on which a row's hash depends."""
    return list(describe_columns(con, relation).items()) == list(described.items())


def hash_content(con: duckdb.DuckDBPyConnection, relation: str) -> Content:
    """The content hash: equal for equal multisets of rows, whatever order they lie in."""
    described = describe_columns(con, relation)
    return seal_content(described, *sum_hashes(con, f"select {row_hash_sql(described)} as h from {relation}"))


def hash_rows_in_order(con: duckdb.DuckDBPyConnection, relation: str) -> str:
    """SHA-256 of the columns and of all rows' hashes, sorted: for small tables, where nobody needs to move a sum.

    A sum of hashes can be met by somebody who is free to invent many rows (Wagner's generalized birthday, 2002).
    """
    described = describe_columns(con, relation)
    hashes = f"select {row_hash_sql(described)} as h from {relation}"
    row = con.execute(f"select coalesce(string_agg(h, '' order by h), '') from ({hashes})").fetchone()
    assert row is not None
    return seal_rows(described, row[0])


def join_hashes_by(con: duckdb.DuckDBPyConnection, relation: str, key: str) -> dict[int, str]:
    """Number in the column `key` → the hashes of its rows, sorted, as `seal_rows` takes them."""
    hashes = f"select {key}, {row_hash_sql(describe_columns(con, relation))} as h from {relation}"
    query = f"select {key}, string_agg(h, '' order by h) from ({hashes}) group by {key}"
    return {int(number): joined for number, joined in con.execute(query).fetchall()}


def hash_content_by(con: duckdb.DuckDBPyConnection, relation: str, key: str) -> dict[int, Content]:
    """Number in the column `key` → the content hash of its rows."""
    described = describe_columns(con, relation)
    hashes = f"select {key}, {row_hash_sql(described)} as h from {relation}"
    sums = sum_lanes_by(con, f"select {key}, {lanes_sql()} from ({hashes})", key)
    return {number: seal_content(described, *of_one) for number, of_one in sums.items()}


def seal_rows(described: dict[str, str], joined: str) -> str:
    """SHA-256 of the columns and of rows' hashes that were sorted and joined."""
    return hashlib.sha256(f"columns {json.dumps(list(described.items()))} {joined}".encode()).hexdigest()


def have_same_rows(con: duckdb.DuckDBPyConnection, left: str, right: str) -> bool:
    """Whether two relations hold the same columns and the same multiset of rows, by two sums of 64-bit
    hashes: enough against slips of our own, at a tenth of what SHA-256 costs."""
    described = describe_columns(con, left)
    if not has_columns(con, right, described):
        return False
    hashed = f"hash({', '.join(map(duck.identifier, described))})"
    sums = [
        con.execute(f"select count(*), sum({hashed}), bit_xor({hashed}) from {relation}").fetchone()
        for relation in (left, right)
    ]
    return sums[0] == sums[1]


def row_hash_sql(described: dict[str, str]) -> str:
    """SQL: SHA-256 of one row. `|` announces what follows (`||` a bar, `|,` the next column, `|0` NULL),
    so that two different rows never read the same; column names and types are hashed once, apart.
    """
    texts = [
        f"coalesce(replace({duck.identifier(c)}, '|', '||'), '|0')"
        if kind == "VARCHAR"
        else f"coalesce(replace({duck.identifier(c)}::varchar, '|', '||'), '|0')"
        if not kind.startswith(PLAIN)
        else f"coalesce({duck.identifier(c)}::varchar, '|0')"
        for c, kind in described.items()
    ]
    return f"sha256(concat_ws('|,', {', '.join(texts)}))"


def sum_hashes(con: duckdb.DuckDBPyConnection, hashes: str) -> tuple[int, int]:
    """`hashes`: a query of row hashes named `h`; how many they are, and their sum modulo 2^256."""
    return sum_lanes(con, f"select {lanes_sql()} from ({hashes})")


def lanes_sql() -> str:
    """SQL: the columns of `LANES` out of a row's hash `h`."""
    return ", ".join(f"('0x' || substr(h, {begin}, 16))::ubigint as {lane}" for lane, begin in LANES.items())


def sum_lanes(con: duckdb.DuckDBPyConnection, lanes: str) -> tuple[int, int]:
    """The same of hashes that were read as numbers before. `lanes`: a query of the columns of `LANES`."""
    return sum_lanes_by(con, f"select 1 as k, * from ({lanes})", "k").get(1, (0, 0))


def sum_lanes_by(con: duckdb.DuckDBPyConnection, lanes: str, key: str) -> dict[int, tuple[int, int]]:
    """Number in the column `key` → how many hashes have it, and their sum modulo 2^256."""
    sums = ", ".join(f"sum({lane})" for lane in LANES)
    groups = {}
    for number, rows, *parts in con.execute(
        f"select {key}, count(*), {sums} from ({lanes}) group by {key}"
    ).fetchall():
        total = 0
        for lane in parts:
            total = (total << 64) + int(lane)
        groups[int(number)] = int(rows), total % MODULUS
    return groups


def seal_content(described: dict[str, str], rows: int, total: int) -> Content:
    """The SHA-256 of the columns plus those of all rows, modulo 2^256 (an additive multiset hash).

    A sum, so that a night changes it by what the night changed (`move_content`). The bytes of every file are
    in the chain by their own SHA-256: whoever would forge a sum can only choose among written rows.
    """
    schema = json.dumps(list(described.items()))
    head = int(hashlib.sha256(f"columns {schema}".encode()).hexdigest(), 16)
    return Content(rows, f"{(head + total) % MODULUS:064x}")


def move_content(before: Content, removed: tuple[int, int], added: tuple[int, int]) -> Content:
    """The content of a table of the same columns once rows left and others came."""
    total = (int(before.sha256, 16) - removed[1] + added[1]) % MODULUS
    return Content(before.rows - removed[0] + added[0], f"{total:064x}")
