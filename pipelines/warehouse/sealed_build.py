"""The warehouse as its build left it, by the SHA-256 of its file: what was written to it since is not published.

It stands beside the warehouse, so who can write both can forge both; `verify --rebuild` begins at the received data.
"""

from __future__ import annotations

from pipelines.landing.batches import hash_file, write_text
from pipelines.settings import Settings


def seal_build(settings: Settings) -> None:
    """Note what the finished build wrote. Every connection to the warehouse is closed."""
    write_text(settings.build_seal, hash_file(settings.warehouse) + "\n")


def find_open_log(settings: Settings) -> str:
    """Why the file alone does not say what is in the warehouse; empty where it does."""
    log = settings.warehouse.with_name(f"{settings.warehouse.name}.wal")
    return (
        f"{log} lies there: somebody has the warehouse open, or wrote to it since its build"
        if log.exists()
        else ""
    )


def find_broken_seal(settings: Settings) -> str:
    """Why the warehouse is not what its build left; empty where it is."""
    if reason := find_open_log(settings):
        return reason
    try:
        sealed = settings.build_seal.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return f"{settings.build_seal}, which says what its build left, cannot be read"
    if hash_file(settings.warehouse) != sealed:
        return f"{settings.warehouse} was written to since its build"
    return ""
