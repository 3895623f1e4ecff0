"""The same one-stop system on PostgreSQL, for tests and trials of that connector."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLE = "ho_so_trang_thai"


def load_into_postgres(sqlite_file: Path, url: str) -> int:
    """COPY the one-stop table of a demo province into a PostgreSQL database; returns its rows.

    `url`: libpq or SQLAlchemy (`postgresql+psycopg://…`). A table of that name is replaced.
    """
    import psycopg
    from psycopg import sql

    plain = "postgresql://" + url.split("://", 1)[1] if url.startswith("postgresql+") else url
    with closing(sqlite3.connect(sqlite_file)) as lite, psycopg.connect(plain) as con:
        rows = lite.execute(f"select * from {TABLE} order by rowid")
        names = [column[0] for column in rows.description]
        table = sql.Identifier(TABLE)
        columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(n)) for n in names)
        con.execute(sql.SQL("drop table if exists {}").format(table))
        con.execute(sql.SQL("create table {} ({})").format(table, columns))
        count = 0
        with con.cursor().copy(sql.SQL("copy {} from stdin").format(table)) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        cursor = sql.Identifier("ThoiGianDongBo")
        con.execute(sql.SQL("create index on {} ({})").format(table, cursor))
    return count
