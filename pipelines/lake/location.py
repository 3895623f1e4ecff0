"""Where a lake lies: in the data directory, or on servers, its catalogue in PostgreSQL and its files in a bucket.

Nothing else knows it: others ask for files by their names under the lake, and for a connection (catalogue.py).
"""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipelines import duck
from pipelines.addresses import LakeServers, SettingsError
from pipelines.landing.batches import hash_file
from pipelines.masking import mask_secrets
from pipelines.plain_files import list_below
from pipelines.settings import Settings

BUSY_TIMEOUT_MS = 30_000
# Seconds until a server counts as gone.
CONNECT_TIMEOUT = 10
# Bytes of a bucket's files that are in memory at once.
AT_ONCE = 64 * 2**20
LOGIN = ("host", "port", "user", "password")


class LakeUnreachable(ConnectionError):
    """A server of the lake does not answer, or does not let us in: nothing is known of the lake itself."""

    def __init__(self, place: str, error: Exception) -> None:
        reason = mask_secrets(str(error)).strip().splitlines()[0]
        super().__init__(
            f"{place} does not answer, or lets nobody in: {reason}. `thongsuot doctor` tries it again."
        )


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder; a name is a path below it."""

    folder: Path

    @property
    def root(self) -> str:
        return f"{self.folder}/"

    def name_file(self, path: str) -> str:
        """Its name under the lake, or the whole path of what lies elsewhere."""
        return path.removeprefix(self.root)

    def list_sizes(self, con: duckdb.DuckDBPyConnection, room: str = "") -> dict[str, int]:
        """Name → bytes of every Parquet file, those that a stopped writer left behind among them."""
        return {
            path.relative_to(self.folder).as_posix(): path.stat().st_size
            for path in list_below(self.folder / room, "*.parquet")
        }

    def list_missing(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> set[str]:
        return {name for name in names if not (self.folder / name).exists()}

    def hash_files(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, str]:
        """Name → SHA-256 of its bytes; all of them are there."""
        return {name: hash_file(self.folder / name) for name in names}

    def find_fault_of_root(self, con: duckdb.DuckDBPyConnection, root: str, recorded: dict[str, str]) -> str:
        """Why readers may not be sent to another root; empty for this one, one that is gone, or a true copy.

        A lake that was moved or copied names the folder where it was made, and is whole. `recorded`: name → SHA-256.
        """
        other = Path(root)
        if not other.is_absolute():
            return "it is no folder of this machine"
        if other.resolve() == self.folder.resolve():
            return ""
        for name in self.list_sizes(con):
            path = other / name
            if not path.exists() or filecmp.cmp(self.folder / name, path, shallow=False):
                continue
            if name not in recorded or hash_file(path) != recorded[name]:
                return f"{name} is another file there"
        return ""


@dataclass(frozen=True)
class BucketFiles:
    """Files in a bucket, read and hashed by DuckDB; a name is what follows the root."""

    root: str

    def name_file(self, path: str) -> str:
        return path.removeprefix(self.root)

    def list_sizes(self, con: duckdb.DuckDBPyConnection, room: str = "") -> dict[str, int]:
        pattern = f"{self.root}{room + '/' if room else ''}**/*.parquet"
        rows = con.execute(f"select filename, size from read_blob({duck.literal(pattern)})").fetchall()
        return {self.name_file(path): size for path, size in rows}

    def list_missing(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> set[str]:
        """What lies outside the lake is nobody's file, and is not looked for."""
        present = self.list_sizes(con)
        return {name for name in names if "://" not in name and name not in present}

    def hash_files(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, str]:
        sizes = self.list_sizes(con)
        hashes: dict[str, str] = {}
        for some in _share_out({name: sizes[name] for name in names}):
            paths = ", ".join(duck.literal(self.root + name) for name in some)
            query = f"select filename, sha256(content) from read_blob([{paths}])"
            hashes |= {self.name_file(path): sha256 for path, sha256 in con.execute(query).fetchall()}
        return hashes

    def find_fault_of_root(self, con: duckdb.DuckDBPyConnection, root: str, recorded: dict[str, str]) -> str:
        return "" if root == self.root else f"the lake's files lie in {self.root}"


Files = FolderFiles | BucketFiles


def _share_out(sizes: dict[str, int]) -> Iterator[Sequence[str]]:
    """Names in groups of no more than `AT_ONCE` bytes, a larger file alone."""
    group: list[str] = []
    total = 0
    for name, size in sizes.items():
        if group and total + size > AT_ONCE:
            yield group
            group, total = [], 0
        group.append(name)
        total += size
    if group:
        yield group


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
        return "ducklake:postgres:" + " ".join(f"{name}={value}" for name, value in others.items())

    def _parse(self) -> dict[str, object]:
        return {k: v for k, v in conninfo_to_dict(self.servers.catalogue).items() if v is not None}

    def describe(self) -> str:
        """The catalogue's address, without a password."""
        parts = self._parse()
        return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"

    def exists(self) -> bool:
        """LakeUnreachable where the server does not answer."""
        options = {"connect_timeout": CONNECT_TIMEOUT, **self._parse()}
        try:
            with psycopg.connect(**options) as con:  # type: ignore[arg-type]
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

    @staticmethod
    def _create_secret(
        con: duckdb.DuckDBPyConnection, name: str, kind: str, values: dict[str, object]
    ) -> None:
        listed = [f"{key} {duck.literal(value)}" for key, value in values.items() if value is not None]
        con.execute(f"create or replace secret {name} (type {kind}, {', '.join(listed)})")


LakeLocation = FileLake | ServerLake


def locate_files(root: str) -> Files:
    """By the root that an attached lake has."""
    return BucketFiles(root) if "://" in root else FolderFiles(Path(root))


def locate_lake(settings: Settings) -> LakeLocation:
    folder = FolderFiles(settings.lake / "files")
    servers = settings.lake_servers
    if servers is None:
        return FileLake(settings.lake / "catalog.sqlite", folder)
    return ServerLake(servers, BucketFiles(servers.files) if servers.files else folder)


def moved_catalogue(settings: Settings) -> Path:
    """Where the catalogue of the data directory rests once its lake has gone to servers."""
    return settings.lake / "catalog.moved.sqlite"


def check_place(settings: Settings) -> None:
    """SettingsError where a second chain would begin beside the one that there is."""
    catalogue = settings.lake / "catalog.sqlite"
    if settings.lake_servers is not None and catalogue.exists():
        raise SettingsError(
            f"THONGSUOT_LAKE_CATALOGUE names a server, and {catalogue} holds releases: `thongsuot migrate lake` "
            "moves them there. Nothing was published."
        )
    moved = moved_catalogue(settings)
    if settings.lake_servers is None and moved.exists() and not catalogue.exists():
        raise SettingsError(
            f"This lake was moved to a server ({moved} is what it was before): THONGSUOT_LAKE_CATALOGUE must name it. "
            "Nothing was published."
        )


def has_lake(settings: Settings) -> bool:
    """Whether anything was ever published; LakeUnreachable where a server does not answer."""
    return locate_lake(settings).exists()
