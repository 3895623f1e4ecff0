"""The operator's environment: what is wrong in it is told in one line before anything is done."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

import click

from pipelines.settings import Settings

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
    if settings.data.exists() and not settings.data.is_dir():
        raise WrongSetting(f"THONGSUOT_DATA is {settings.data}: that is a file, not a folder.")
    if not settings.sources_file.is_file():
        raise WrongSetting(f"THONGSUOT_SOURCES is {settings.sources_file}: there is no such file.")


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
