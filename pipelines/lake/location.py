"""Where a lake lies: in the data directory, or on servers, its catalogue in PostgreSQL and its files in a bucket.

Nothing else knows it: others ask for files by their names under the lake, and for a connection (catalogue.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipelines import duck
from pipelines.addresses import LakeServers, SettingsError
from pipelines.lake.catalogue_lock import hold_lock
from pipelines.lake.file_places import BucketFiles, Files, FolderFiles
from pipelines.lake.server_errors import LakeReadOnly, LakeUnreachable
from pipelines.settings import Settings

BUSY_TIMEOUT_MS = 30_000
# Seconds until a server counts as gone.
CONNECT_TIMEOUT = 10
# How PostgreSQL, without and with TLS, and HTTP say that the other end went away.
BROKEN_OFF = re.compile(
    r"server closed the connection|terminating connection|connection to (?:the )?server|error for HTTP |HTTP 5\d\d"
    r"|SSL connection has been closed|SSL SYSCALL error|could not (?:receive data from|send data to) server"
)
FORBIDDEN = re.compile(r"permission denied for|read-only transaction|HTTP 403|AccessDenied")
LOGIN = ("host", "port", "user", "password")


class LakeLocation(Protocol):
    """What a lake's place must offer: how DuckLake attaches it, and who may write."""

    @property
    def files(self) -> Files: ...

    @property
    def extensions(self) -> tuple[str, ...]:
        """Of DuckDB, that it needs."""

    @property
    def uri(self) -> str:
        """For `attach`, without any secret: errors repeat it."""

    @property
    def options(self) -> tuple[str, ...]:
        """For `attach`, of its catalogue."""

    def describe(self) -> str:
        """Where it is, in words."""

    def exists(self) -> bool:
        """Whether there is a catalogue; LakeUnreachable where a server does not answer."""

    def log_in(self, con: duckdb.DuckDBPyConnection) -> None:
        """What a connection needs before it attaches; LakeUnreachable where it is not let in."""

    def attach_tables(self, con: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
        """The catalogue's own tables, as the database that holds them has them; the connection is logged in."""

    @contextmanager
    def hold_catalogue(self, seconds: float) -> Iterator[None]:
        """Inside, no other machine writes; OtherWriter where one does for longer than that."""


@dataclass(frozen=True)
class FileLake:
    """All in one folder, the catalogue in SQLite."""

    catalogue: Path
    files: FolderFiles
    extensions: tuple[str, ...] = ("sqlite_scanner", "ducklake")

    @property
    def options(self) -> tuple[str, ...]:
        return ("meta_journal_mode 'WAL'", f"meta_busy_timeout {BUSY_TIMEOUT_MS}")

    @property
    def uri(self) -> str:
        return f"ducklake:sqlite:{self.catalogue}"

    def describe(self) -> str:
        return str(self.catalogue.parent)

    def exists(self) -> bool:
        return self.catalogue.exists()

    def log_in(self, con: duckdb.DuckDBPyConnection) -> None:
        """A folder asks for no login."""

    def attach_tables(self, con: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
        mode = ", read_only" if read_only else ""
        con.execute(f"attach {duck.literal(self.catalogue)} as {name} (type sqlite{mode})")

    @contextmanager
    def hold_catalogue(self, seconds: float) -> Iterator[None]:
        """Who writes to the data directory has its lock."""
        yield


@dataclass(frozen=True)
class ServerLake:
    """The catalogue in a PostgreSQL database of its own."""

    servers: LakeServers
    files: Files

    @property
    def extensions(self) -> tuple[str, ...]:
        of_files = ("httpfs",) if self.servers.files else ()
        return ("postgres_scanner", "ducklake", *of_files)

    @property
    def options(self) -> tuple[str, ...]:
        return ("meta_secret 'lake_catalogue'",)

    @property
    def uri(self) -> str:
        """Without the login, which DuckDB's errors would repeat."""
        others = {k: v for k, v in self._parse().items() if k not in (*LOGIN, "dbname")}
        others.setdefault("connect_timeout", CONNECT_TIMEOUT)
        return "ducklake:postgres:" + make_conninfo(**others)

    def _parse(self) -> dict[str, Any]:
        return {k: v for k, v in conninfo_to_dict(self.servers.catalogue).items() if v is not None}

    def _list_options(self) -> dict[str, Any]:
        return {"connect_timeout": CONNECT_TIMEOUT, **self._parse()}

    def describe(self) -> str:
        """The catalogue's address, without a password."""
        parts = self._parse()
        return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"

    def exists(self) -> bool:
        """LakeUnreachable where the server does not answer."""
        try:
            with psycopg.connect(**self._list_options()) as con:
                row = con.execute("select to_regclass('ducklake_metadata') is not null").fetchone()
        except psycopg.Error as error:
            raise LakeUnreachable(self.describe(), error) from None
        return bool(row and row[0])

    def log_in(self, con: duckdb.DuckDBPyConnection) -> None:
        """Secrets of this connection alone: what stands in ATTACH is repeated by errors."""
        parts = self._parse()
        login = {**{k: parts[k] for k in LOGIN if k in parts}, "database": parts.get("dbname")}
        self._create_secret(con, "lake_catalogue", "postgres", login)
        if not self.servers.files:
            return
        servers = self.servers
        bucket: dict[str, object] = {
            "scope": servers.files, "region": servers.region,
            "key_id": servers.key_id or None, "secret": servers.secret or None,
        }  # fmt: skip
        if servers.endpoint:
            scheme, _, host = servers.endpoint.partition("://")
            bucket |= {"endpoint": host, "url_style": "path", "use_ssl": str(scheme == "https").lower()}
        self._create_secret(con, "lake_files", "s3", bucket)
        # A file of the lake never changes: asked for its size once, not at each of many reads.
        con.execute("set enable_http_metadata_cache = true")
        try:  # a wrong key or address is no damage of the lake, and is not told as one
            con.execute(f"select count(*) from glob({duck.literal(servers.files + 'none*')})").fetchone()
        except duckdb.Error as error:
            raise LakeUnreachable(servers.files, error) from None

    def attach_tables(self, con: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
        address = self.uri.removeprefix("ducklake:postgres:")
        mode = ", read_only" if read_only else ""
        con.execute(f"attach {duck.literal(address)} as {name} (type postgres, secret lake_catalogue{mode})")

    @contextmanager
    def hold_catalogue(self, seconds: float) -> Iterator[None]:
        with hold_lock(self.describe(), self._list_options(), seconds):
            yield

    @staticmethod
    def _create_secret(
        con: duckdb.DuckDBPyConnection, name: str, kind: str, values: dict[str, object]
    ) -> None:
        listed = [f"{key} {duck.literal(value)}" for key, value in values.items() if value is not None]
        con.execute(f"create or replace secret {name} (type {kind}, {', '.join(listed)})")


def locate_lake(settings: Settings) -> LakeLocation:
    folder = FolderFiles(settings.lake / "files")
    servers = settings.lake_servers
    if servers is None:
        return FileLake(settings.lake / "catalog.sqlite", folder)
    return ServerLake(servers, BucketFiles(servers.files) if servers.files else folder)


def moved_catalogue(settings: Settings) -> Path:
    """Where the catalogue of the data directory rests once its lake has gone to servers."""
    return settings.lake / "catalog.moved.sqlite"


def describe_other_lake(settings: Settings) -> str:
    """Where releases lie that the settings do not name, and what to do; empty where there are none."""
    catalogue, moved = settings.lake / "catalog.sqlite", moved_catalogue(settings)
    if settings.lake_servers is not None and catalogue.exists():
        return (
            f"THONGSUOT_LAKE_CATALOGUE names a server, and {catalogue} holds releases: `thongsuot migrate lake` "
            "moves them there; without THONGSUOT_LAKE_CATALOGUE and THONGSUOT_LAKE_FILES they are read where they lie."
        )
    if settings.lake_servers is None and moved.exists() and not catalogue.exists():
        return (
            f"This lake was moved to a server ({moved} is what it was before): "
            "THONGSUOT_LAKE_CATALOGUE must name it."
        )
    return ""


def check_place(settings: Settings) -> None:
    """SettingsError where a second chain would begin beside the one that there is."""
    if other := describe_other_lake(settings):
        raise SettingsError(f"{other} Nothing was published.")


def has_lake(settings: Settings) -> bool:
    """Whether anything was ever published; LakeUnreachable where a server does not answer."""
    return locate_lake(settings).exists()


def find_lost_server(settings: Settings) -> LakeUnreachable | None:
    """Why a server of the lake cannot be used now."""
    if settings.lake_servers is None:
        return None
    location = locate_lake(settings)
    try:
        location.exists()
        with duck.connect(settings.extensions, loading=location.extensions) as con:
            location.log_in(con)
    except LakeUnreachable as error:
        return error
    return None


@contextmanager
def name_lost_server(settings: Settings) -> Iterator[None]:
    """Inside, what DuckDB says of a server that went away is told as LakeUnreachable, also where it is back by now."""
    try:
        yield
    except duckdb.Error as error:
        lost = find_lost_server(settings)
        if lost is None and settings.lake_servers is not None:
            place = locate_lake(settings).describe()
            if FORBIDDEN.search(str(error)):
                lost = LakeReadOnly(place, error)
            elif BROKEN_OFF.search(str(error)):
                lost = LakeUnreachable(place, error)
        if lost is None:
            raise
        # From nothing: a run tells the innermost cause, and that would be DuckDB's again.
        raise lost from None
