"""The files of a lake: where they lie, and what every such place must offer."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from pipelines import duck
from pipelines.landing.batches import hash_file
from pipelines.plain_files import list_below

# Bytes of a bucket's files that are in memory at once.
AT_ONCE = 64 * 2**20


class Files(Protocol):
    """A place of files, all below one root. A name is what follows the root; DuckDB reads and writes root + name."""

    @property
    def root(self) -> str:
        """It ends with a slash; DuckLake's `data_path`."""

    def name_file(self, path: str) -> str:
        """Its name under the lake, or the whole path of what lies elsewhere."""

    def list_sizes(self, con: duckdb.DuckDBPyConnection, room: str = "") -> dict[str, int]:
        """Name → bytes of every Parquet file, those that a stopped writer left behind among them."""

    def list_missing(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> set[str]:
        """Those of the names that are not there."""

    def hash_files(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, str]:
        """Name → SHA-256 of its bytes; without those that a pruning took away meanwhile."""

    def make_room(self, name: str) -> None:
        """What a file of this name needs before it can be written."""

    def find_fault_of_root(self, con: duckdb.DuckDBPyConnection, root: str, recorded: dict[str, str]) -> str:
        """Why readers may not be sent to another root; empty for this one, one that is gone, or a true copy.

        `recorded`: name → SHA-256.
        """


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder; a name is a path below it."""

    folder: Path

    @property
    def root(self) -> str:
        return f"{self.folder}/"

    def name_file(self, path: str) -> str:
        return path.removeprefix(self.root)

    def list_sizes(self, con: duckdb.DuckDBPyConnection, room: str = "") -> dict[str, int]:
        return {
            path.relative_to(self.folder).as_posix(): path.stat().st_size
            for path in list_below(self.folder / room, "*.parquet")
        }

    def list_missing(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> set[str]:
        return {name for name in names if not (self.folder / name).exists()}

    def hash_files(self, con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> dict[str, str]:
        return {name: hash_file(path) for name in names if (path := self.folder / name).exists()}

    def make_room(self, name: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)

    def find_fault_of_root(self, con: duckdb.DuckDBPyConnection, root: str, recorded: dict[str, str]) -> str:
        """A lake that was moved or copied names the folder where it was made, and is whole."""
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
        for some in _share_out({name: sizes[name] for name in names if name in sizes}):
            paths = ", ".join(duck.literal(self.root + name) for name in some)
            query = f"select filename, sha256(content) from read_blob([{paths}])"
            hashes |= {self.name_file(path): sha256 for path, sha256 in con.execute(query).fetchall()}
        return hashes

    def make_room(self, name: str) -> None:
        """A bucket has no folders."""

    def find_fault_of_root(self, con: duckdb.DuckDBPyConnection, root: str, recorded: dict[str, str]) -> str:
        return "" if root == self.root else f"the lake's files lie in {self.root}"


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


def locate_files(root: str) -> Files:
    """By the root that an attached lake has."""
    return BucketFiles(root) if "://" in root else FolderFiles(Path(root))
