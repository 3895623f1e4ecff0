"""The operator's environment: what is wrong in it is told in one line before anything is done."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import click

from pipelines.settings import Settings

# Folders of the Filesystem Hierarchy Standard (3.0, chapters 3 to 6): what is in them is not this account's.
SYSTEM = frozenset(
    Path("/", name)
    for name in ("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", 
                 "sbin", "srv", "sys", "tmp", "usr", "var", "var/lib", "var/log", "var/tmp", "usr/local", "dev/shm")
)  # fmt: skip
UNUSABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EINVAL})
MEMORY = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B|%)", re.IGNORECASE)


class WrongSetting(click.ClickException):
    """A variable of the environment; as wrong words."""

    exit_code = 2


def check_environment(settings: Settings) -> None:
    """WrongSetting for a THONGSUOT_ variable that cannot work; only what is set costs an import."""
    if settings.exports_on is not None:
        _check_exports(settings)
    if settings.exports_url is not None and not _is_web_address(settings.exports_url):
        raise WrongSetting(
            f"THONGSUOT_EXPORTS_URL is {settings.exports_url!r}: write the address under which the folder of exports "
            "is published, such as https://host/exports."
        )
    memory = os.environ.get("THONGSUOT_DUCKDB_MEMORY")
    if memory and not MEMORY.fullmatch(memory.strip()):
        raise WrongSetting(f"THONGSUOT_DUCKDB_MEMORY is {memory!r}: write an amount such as 2GB.")
    threads = os.environ.get("THONGSUOT_DUCKDB_THREADS")
    if threads and not re.fullmatch("[1-9][0-9]{0,2}", threads):
        raise WrongSetting(f"THONGSUOT_DUCKDB_THREADS is {threads!r}: write a number such as 2.")
    if settings.data.exists() and not settings.data.is_dir():
        raise WrongSetting(f"THONGSUOT_DATA is {settings.data}: that is a file, not a folder.")
    if settings.data in SYSTEM or settings.data.parent == settings.data:
        raise WrongSetting(
            f"THONGSUOT_DATA is {settings.data}: that folder is the system's, and it would be closed to all other "
            "accounts. Name one of its own."
        )
    if settings.sources_file.exists() and not settings.sources_file.is_file():
        raise WrongSetting(f"THONGSUOT_SOURCES is {settings.sources_file}: that is no plain file.")
    if not settings.sources_file.is_file():
        raise WrongSetting(f"THONGSUOT_SOURCES is {settings.sources_file}: there is no such file.")


def describe_unusable_folder(error: OSError) -> str | None:
    """The data directory cannot be made, or nothing can be made in it; None where the error is of something else."""
    data = Settings.from_env().data
    if error.errno not in UNUSABLE or not isinstance(error.filename, str):
        return None
    if error.errno == errno.ENOENT and data.is_dir():
        return None
    path = Path(error.filename)
    if not (path.is_relative_to(data) or data.is_relative_to(path)):
        return None
    return f"THONGSUOT_DATA is {data}: {error.filename}: {error.strerror}. Name a folder that this account may write."


def _check_exports(settings: Settings) -> None:
    from pipelines.exports.registry import UnknownExport, enabled_exports

    try:
        enabled_exports(settings)
    except UnknownExport as error:
        raise WrongSetting(str(error)) from None


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
