"""The warehouse as its build left it, by the SHA-256 of its file: what was written to it since is not published.

It stands beside the warehouse, so who can write both can forge both; `verify --rebuild` begins at the received data.
The file is read again only where its inode says that it was written to since, or may have been: that moment is the
kernel's own, and who would set it back has to set the machine's clock.
"""

from __future__ import annotations

from pipelines.landing.batches import hash_file, read_json, write_json, write_text
from pipelines.settings import Settings

# A file system's clock may stand still for so long (nanoseconds): what was written within is not told by its time.
TICK = 20_000_000


def seal_build(settings: Settings) -> None:
    """Note what the finished build wrote. Every connection to the warehouse is closed."""
    stamp = _read_stamp(settings)
    write_text(settings.build_seal, f"{hash_file(settings.warehouse)}\n{stamp}\n")


def note_release(settings: Settings, release_hash: str) -> None:
    """Note that a release holds, table by table, what the sealed build gave."""
    write_json(settings.build_release, {"build": _read_seal(settings), "release": release_hash})


def find_release_of_build(settings: Settings) -> str | None:
    """Hash of the release that holds what the sealed build gave; None where none is known to."""
    try:
        note = read_json(settings.build_release)
        return str(note["release"]) if note["build"] == _read_seal(settings) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _read_seal(settings: Settings) -> str:
    """The SHA-256."""
    return settings.build_seal.read_text(encoding="utf-8").partition("\n")[0]


def _read_stamp(settings: Settings) -> str:
    """Number and size of the warehouse's file, and when its content or its inode was changed last (nanoseconds)."""
    about = settings.warehouse.stat()
    return f"{about.st_ino} {about.st_size} {about.st_ctime_ns}"


def _is_untouched(settings: Settings) -> bool:
    """Whether the file's inode is as it was sealed, and was so for long enough by then."""
    sealed = settings.build_seal.read_text(encoding="utf-8").partition("\n")[2].strip()
    lasted = settings.build_seal.stat().st_mtime_ns - settings.warehouse.stat().st_ctime_ns
    return sealed == _read_stamp(settings) and lasted > TICK


def find_open_log(settings: Settings) -> str:
    """Why the file alone does not say what is in the warehouse; empty where it does."""
    log = settings.warehouse.with_name(f"{settings.warehouse.name}.wal")
    return (
        f"{log} lies there: a build was stopped, or somebody has the warehouse open, or wrote to it since its build"
        if log.exists()
        else ""
    )


def find_broken_seal(settings: Settings) -> str:
    """Why the warehouse is not what its build left; empty where it is."""
    if reason := find_open_log(settings):
        return reason
    try:
        sealed = _read_seal(settings)
    except (OSError, UnicodeDecodeError):
        return f"{settings.build_seal}, which says what its build left, cannot be read"
    if not _is_untouched(settings) and hash_file(settings.warehouse) != sealed:
        return f"{settings.warehouse} was written to since its build"
    return ""
