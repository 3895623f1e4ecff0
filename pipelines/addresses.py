"""Addresses of servers in the environment: a PostgreSQL database, and where a lake lies that is not on this disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from pipelines.masking import register_secret

HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(:\d+)?")
BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,62})(/[\w./-]*)?")


# Of the database that Dagster has for itself; read where its storage is opened.
DAGSTER_URL = "THONGSUOT_DAGSTER_URL"


class SettingsError(ValueError):
    """The environment holds what cannot be used; the text names the variable and repeats nothing of it."""


class LakeServers(NamedTuple):
    """A lake that lies on servers. `catalogue`: a PostgreSQL database of its own; `files`: `s3://bucket/folder/`, or
    empty where they lie in the data directory; `endpoint`: of a store that is not Amazon's, http:// or https://.
    """

    catalogue: str
    files: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"LakeServers(files={self.files!r}, endpoint={self.endpoint!r})"


def read_postgres_url(variable: str, url: str | None) -> str | None:
    """The address as PostgreSQL's own client reads it; SQLAlchemy's `+driver` is left away."""
    if url is None:
        return None
    register_secret(url, variable)
    address = re.sub(r"^(postgres(?:ql)?)\+\w+://", r"\1://", url)
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    # A password with / or # ends the host early: then no port is where it belongs, or there is an @ too many.
    hosts = parts.netloc.rpartition("@")[2].split(",")
    is_address = parts.scheme in ("postgresql", "postgres") and all(HOST_AND_PORT.fullmatch(h) for h in hosts)
    is_encoded = not re.search(r"%(?![0-9a-fA-F]{2})", address)
    is_whole = "@" not in parts.path + parts.query + parts.fragment and parts.netloc.count("@") <= 1
    if not (is_address and is_encoded and is_whole):
        raise SettingsError(
            f"{variable} is no address: write postgresql://user:password@host:5432/database. In the "
            "password % / : @ ? # stand as %25 %2F %3A %40 %3F %23."
        )
    return address


def read_lake_servers(env: Mapping[str, str]) -> LakeServers | None:
    """`THONGSUOT_LAKE_CATALOGUE`, `THONGSUOT_LAKE_FILES`, `THONGSUOT_S3_ENDPOINT`, `_REGION`, `_KEY_ID`, `_SECRET`;
    None where the lake lies in the data directory."""
    catalogue = read_postgres_url("THONGSUOT_LAKE_CATALOGUE", env.get("THONGSUOT_LAKE_CATALOGUE") or None)
    files = env.get("THONGSUOT_LAKE_FILES") or ""
    if catalogue is None:
        if files:
            raise SettingsError(
                "THONGSUOT_LAKE_FILES is set without THONGSUOT_LAKE_CATALOGUE: files in a bucket need a "
                "catalogue in PostgreSQL."
            )
        return None
    if files and (not BUCKET.fullmatch(files) or ".." in files):
        raise SettingsError("THONGSUOT_LAKE_FILES is no place: write s3://bucket/folder.")
    endpoint = env.get("THONGSUOT_S3_ENDPOINT") or ""
    if endpoint and not re.fullmatch(r"https?://[\w.-]+(:\d+)?/?", endpoint):
        raise SettingsError("THONGSUOT_S3_ENDPOINT is no address: write https://host:port.")
    secret = env.get("THONGSUOT_S3_SECRET") or ""
    if secret:
        register_secret(secret, "THONGSUOT_S3_SECRET")
    return LakeServers(
        catalogue,
        files.rstrip("/") + "/" if files else "",
        endpoint.rstrip("/"),
        env.get("THONGSUOT_S3_REGION") or "us-east-1",
        env.get("THONGSUOT_S3_KEY_ID") or "",
        secret,
    )
