"""Environment → one frozen Settings: where data rest, where the project lies, which clock counts.

Besides it only a few are read where they act: `THONGSUOT_DUCKDB_MEMORY`, `THONGSUOT_DUCKDB_THREADS`, `THONGSUOT_LOG`,
`THONGSUOT_SCHEDULES`, `THONGSUOT_UI_HOSTS`, those of the watch (operations/thresholds.py, channels.py), and the
`${NAME}` secrets that a source names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from pipelines.addresses import DAGSTER_URL, LakeServers, SettingsError, read_lake_servers, read_postgres_url
from pipelines.masking import register_secret
from pipelines.plain_files import read_plain_text
from pipelines.plain_yaml import load_yaml

PROJECT = Path(__file__).resolve().parents[1]


def _zone_of_the_place() -> ZoneInfo:
    """`place.timezone` of sources.yaml, read once: days, partitions and schedules all turn on it.

    A file that cannot be read leaves the default; loading the contracts then says what is wrong.
    """
    try:
        path = Path(os.environ.get("THONGSUOT_SOURCES") or PROJECT / "sources.yaml").expanduser()
        return ZoneInfo(load_yaml(read_plain_text(path))["place"]["timezone"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, yaml.YAMLError, ZoneInfoNotFoundError):
        return ZoneInfo("Asia/Ho_Chi_Minh")


LOCAL_ZONE = _zone_of_the_place()
# A run with this tag pulls only days without a batch; one from the UI pulls what it was asked for.
ONLY_MISSING_TAG = "thongsuot/only_missing"


ENGINES = ("duckdb", "spark")
# What this process writes is its own account's alone, also through Dagster, dbt and DuckDB, and their children.
PRIVATE_UMASK = 0o077
PRIVATE_FOLDER = 0o700


class RetryPolicy(NamedTuple):
    """How a pull that failed for now is tried again, as a whole.

    `pulls`: further tries; `first_pause`: seconds before the first of them, twice as long before each
    next one; `longest_pause`: seconds that no pause exceeds, those between two pages of an API included.
    """

    pulls: int = 3
    first_pause: float = 20
    longest_pause: float = 3600

    def pause_before(self, retry: int) -> float:
        """Seconds before the n-th further try, counted from 0."""
        return min(self.first_pause * 2**retry, self.longest_pause)


class SparkSettings(NamedTuple):
    """Where a build on Spark runs. `master`: local[N], or spark://host:7077; `memory`: of the driver, and of each
    executor; `python`: one that has pyspark, the extra's own where empty; `threads`: models at a time; `settings`:
    further ones of Spark.
    """

    master: str = "local[2]"
    memory: str = "1g"
    python: str = ""
    threads: int = 2
    settings: Mapping[str, str] = {}  # no proxy: settings go to child processes


def has_schedules() -> bool:
    """Whether the schedules and the inboxes' sensors are on from the start (`THONGSUOT_SCHEDULES=on`)."""
    return os.environ.get("THONGSUOT_SCHEDULES") == "on"


def _read_path(variable: str, text: str) -> Path:
    """SettingsError for what no file system takes: links in a circle, an unknown `~user`, a name that is too long."""
    try:
        path = Path(text).expanduser().resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError):
        raise SettingsError(f"{variable} is no path that this machine can follow.") from None
    return path


def _is_name_of_file(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a key is no path at all
        return False


def _read_engine(name: str) -> str:
    if name not in ENGINES:
        raise SettingsError(f"THONGSUOT_ENGINE is {name!r}: write {' or '.join(ENGINES)}.")
    return name


def _read_spark(env: Mapping[str, str]) -> SparkSettings:
    """`THONGSUOT_SPARK_MASTER`, `_MEMORY`, `_PYTHON`, `_THREADS`, and `_SETTINGS`: `name=value`, blanks between."""
    usual = SparkSettings()
    memory = env.get("THONGSUOT_SPARK_MEMORY") or usual.memory
    if not re.fullmatch(r"\d+[mg]", memory):
        raise SettingsError(
            "THONGSUOT_SPARK_MEMORY is no amount: write it as Java does, such as 1g or 1500m."
        )
    master = env.get("THONGSUOT_SPARK_MASTER") or usual.master
    if not re.fullmatch(r"local\[(\d+|\*)\]|(spark|k8s)://\S+|yarn", master):
        raise SettingsError("THONGSUOT_SPARK_MASTER is no master: write local[2], or spark://host:7077.")
    threads = env.get("THONGSUOT_SPARK_THREADS") or str(usual.threads)
    if not re.fullmatch(r"[1-9]\d?", threads):
        raise SettingsError(
            "THONGSUOT_SPARK_THREADS is no count: write how many models at a time, such as 4."
        )
    further = (env.get("THONGSUOT_SPARK_SETTINGS") or "").split()
    if any(not re.fullmatch(r"spark\.[\w.]+=\S+", setting) for setting in further):
        raise SettingsError("THONGSUOT_SPARK_SETTINGS: write spark.name=value, several with a blank between.")
    pairs = dict(setting.split("=", 1) for setting in further)
    return SparkSettings(master, memory, env.get("THONGSUOT_SPARK_PYTHON") or "", int(threads), pairs)


@dataclass(frozen=True)
class Settings:
    """Paths of one installation; every property lies under `data` unless it is the project's own."""

    data: Path
    sources_file: Path = PROJECT / "sources.yaml"
    project: Path = PROJECT
    # Names of what is exported after a release (exports/registry.py checks them); None: everything.
    exports_on: frozenset[str] | None = None
    # Where a web server publishes the folder of exports, for links that a browser may follow.
    exports_url: str | None = None
    # It may hold a secret, like the password below.
    postgres_url: str | None = field(default=None, repr=False)
    bi_password: str | None = field(default=None, repr=False)
    # None: the lake lies in the data directory.
    lake_servers: LakeServers | None = field(default=None, repr=False)
    # With which each release signs the head of the chain.
    signing_key: str | None = field(default=None, repr=False)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    # What builds the models: duckdb, or spark (docs/scaling.md).
    engine: str = "duckdb"
    spark: SparkSettings = field(default_factory=SparkSettings)

    def __post_init__(self) -> None:
        """Secrets are masked from here on, whatever repeats them."""
        servers = self.lake_servers
        for secret in (
            self.postgres_url, self.bi_password, servers and servers.catalogue, servers and servers.secret,
        ):  # fmt: skip
            if secret:
                register_secret(secret)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """`THONGSUOT_DATA` (default `./data`), `THONGSUOT_SOURCES` (default the demo's), the exports.

        SettingsError for an address that is none; the text repeats nothing of it.
        """
        env = os.environ if env is None else env
        data = _read_path("THONGSUOT_DATA", env.get("THONGSUOT_DATA") or "data")
        sources = _read_path(
            "THONGSUOT_SOURCES", env.get("THONGSUOT_SOURCES") or str(PROJECT / "sources.yaml")
        )
        exports = env.get("THONGSUOT_EXPORTS")
        if env.get("THONGSUOT_LOG", "") not in ("", "text", "json"):
            raise SettingsError("THONGSUOT_LOG is text or json.")
        read_postgres_url(DAGSTER_URL, env.get(DAGSTER_URL) or None)
        key = env.get("THONGSUOT_SIGNING_KEY")
        if key and not _is_name_of_file(key):  # that is no secret
            register_secret(key, "THONGSUOT_SIGNING_KEY")
        return cls(
            data=data,
            sources_file=sources,
            exports_on=None if exports is None else frozenset(exports.replace(",", " ").split()),
            exports_url=env.get("THONGSUOT_EXPORTS_URL") or None,
            postgres_url=read_postgres_url(
                "THONGSUOT_POSTGRES_URL", env.get("THONGSUOT_POSTGRES_URL") or None
            ),
            bi_password=env.get("THONGSUOT_BI_PASSWORD") or None,
            lake_servers=read_lake_servers(env),
            signing_key=env.get("THONGSUOT_SIGNING_KEY") or None,
            engine=_read_engine(env.get("THONGSUOT_ENGINE") or "duckdb"),
            spark=_read_spark(env),
        )

    @property
    def landing(self) -> Path:
        return self.data / "landing"

    @property
    def quality(self) -> Path:
        return self.data / "quality"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse.duckdb"

    @property
    def spark_files(self) -> Path:
        """What a build on Spark reads and leaves (warehouse/spark/)."""
        return self.data / "spark"

    @property
    def build_record(self) -> Path:
        """What the build in the warehouse was made of (warehouse/kept_build.py)."""
        return self.data / "warehouse.build.json"

    @property
    def build_seal(self) -> Path:
        """SHA-256 of the warehouse as its build left it (warehouse/sealed_build.py)."""
        return self.data / "warehouse.sha256"

    @property
    def build_release(self) -> Path:
        """Which release holds what the sealed build gave (warehouse/sealed_build.py)."""
        return self.data / "warehouse.release.json"

    @property
    def lake(self) -> Path:
        return self.data / "lake"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def dagster(self) -> Path:
        return self.data / "dagster"

    @property
    def has_history(self) -> bool:
        """Whether Dagster may have recorded runs: under the data directory, or in a database, which outlives that."""
        return self.dagster.is_dir() or bool(os.environ.get(DAGSTER_URL))

    @property
    def extensions(self) -> Path:
        return self.data / "duckdb_extensions"

    @property
    def dbt_project(self) -> Path:
        return self.project / "dbt_project"

    @property
    def dbt_target(self) -> Path:
        return self.data / "dbt"

    def keep_private(self) -> None:
        """From now on every file of this process is its account's alone; a data directory is closed to others."""
        os.umask(PRIVATE_UMASK)
        # None yet, or somebody else's, which is theirs to close.
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            if self.data.stat().st_mode & PRIVATE_UMASK:
                self.data.chmod(PRIVATE_FOLDER)

    def child_environment(self) -> dict[str, str]:
        """What dagster.yaml and dbt's profile read; for this process and those it starts."""
        return {
            "THONGSUOT_DATA": str(self.data),
            "THONGSUOT_SOURCES": str(self.sources_file),
            "THONGSUOT_WAREHOUSE": str(self.warehouse),
            "THONGSUOT_TIMEZONE": str(LOCAL_ZONE),
            "THONGSUOT_DAGSTER_STORAGE": str(self.dagster),
            "DAGSTER_HOME": str(self.project),
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
            "DBT_PROFILES_DIR": str(self.dbt_project),
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }
