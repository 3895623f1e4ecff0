"""The role `bi_reader`: what it may do, the limits that its sessions begin with, and what an administrator must do.

PostgreSQL lets every role change its own settings, so limits are set again by each export; the grants are the
defence. What the publisher has no right to mend is reported, never passed over.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg
from psycopg import sql as pgsql

from pipelines.log import get_logger
from pipelines.sql import read_sql

LOG = get_logger(__name__)
READER = "bi_reader"
LIMITS = {
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "10min",
    "default_transaction_read_only": "on",
    "search_path": "marts, audit",
}
# A reader cannot lift these: an administrator's setting, and a count.
DISK_LIMIT = "5GB"
CONNECTIONS = 40


def ensure_reader(pg: psycopg.Connection) -> bool:
    """The role, where a database administrator has not made it already; whether it was made now."""
    if pg.execute("select from pg_roles where rolname = %s", [READER]).fetchone() is not None:
        return False
    pg.execute(f"create role {READER} login connection limit {CONNECTIONS}")
    return True


def secure_reader(pg: psycopg.Connection) -> list[str]:
    """Limits set anew, functions taken away; what was otherwise than it should be, in words."""
    remarks = [f"{READER} {excess}" for (excess,) in _read(pg, "reader_rights")]
    remarks += _set_limits(pg)
    remarks += _revoke_functions(pg)
    for remark in remarks:
        LOG.warning("the reader of PostgreSQL is not as it should be", remark=remark)
    return remarks


def has_lost_rights(pg: psycopg.Connection) -> bool:
    """Whether it cannot read all that is published, as after a `revoke` or `drop owned` of an administrator."""
    return bool(_read(pg, "lost_rights"))


def set_password(pg: psycopg.Connection, password: str) -> None:
    """Hashed here: the password itself never reaches the server's log."""
    verifier = pg.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256")
    pg.execute(
        pgsql.SQL("alter role {} password {}").format(
            pgsql.Identifier(READER), pgsql.Literal(verifier.decode())
        )
    )


def _set_limits(pg: psycopg.Connection) -> list[str]:
    """Only where they differ. Settings that the reader made for itself, everywhere or in this database, go."""
    rows = _read(pg, "reader_settings")
    everywhere = {name: value for name, value, is_local in rows if not is_local}
    local = [name for name, _, is_local in rows if is_local]
    is_superuser = pg.info.parameter_status("is_superuser") == "on"
    expected = {**LIMITS, **({"temp_file_limit": DISK_LIMIT} if is_superuser else {})}
    # An administrator's own limit of the disk stays.
    changed = sorted(
        name
        for name in {*everywhere, *expected} - {"temp_file_limit"}
        if not _is_same(everywhere.get(name), expected.get(name))
    )
    is_new = not rows
    if not changed and not local and ("temp_file_limit" in everywhere or not is_superuser):
        return []
    try:
        with pg.transaction():
            pg.execute(f"alter role {READER} reset all")
            pg.execute(
                pgsql.SQL("alter role {} in database {} reset all").format(
                    pgsql.Identifier(READER), pgsql.Identifier(pg.info.dbname)
                )
            )
            for name, value in expected.items():
                _set(pg, name, value)
    except psycopg.errors.InsufficientPrivilege:
        return [
            f"limits of {READER} differ, and the publisher may not set them: {', '.join([*changed, *local])}"
        ]
    return [] if is_new else [f"limits of {READER} were changed, set again: {', '.join([*changed, *local])}"]


def _set(pg: psycopg.Connection, name: str, value: str) -> None:
    items = [pgsql.Literal(part.strip()) for part in value.split(",")]
    pg.execute(
        pgsql.SQL("alter role {} set {} = {}").format(
            pgsql.Identifier(READER), pgsql.Identifier(name), pgsql.SQL(", ").join(items)
        )
    )


def _is_same(value: str | None, expected: str | None) -> bool:
    return (value or "").replace('"', "").replace(" ", "") == (expected or "").replace(" ", "")


def _revoke_functions(pg: psycopg.Connection) -> list[str]:
    """From everybody in this database, which serves one purpose; only a superuser may."""
    functions = [signature for (signature,) in _read(pg, "excessive_functions")]
    if not functions:
        return []
    with suppress(psycopg.errors.InsufficientPrivilege), pg.transaction():
        for signature in functions:
            pg.execute(f"revoke execute on function {signature} from public")
    # Who owns nothing of it is only warned by PostgreSQL, so it is asked what holds now.
    if left := _read(pg, "excessive_functions"):
        return [f"a superuser has to revoke {len(left)} functions from PUBLIC once (docs/security.md)"]
    return []


def _read(pg: psycopg.Connection, name: str) -> list[tuple]:
    return pg.execute(read_sql("pipelines.exports.postgres", name, reader=READER)).fetchall()
