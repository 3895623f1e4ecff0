"""A folder where people drop files: what lies there, which day it belongs to, where it goes afterwards.

Files move by rename and are never deleted nor overwritten: into the archive once they are landed, into `.refused/`
with the reason where they cannot be read. What was landed before is told by the batches, not by a state here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
from collections.abc import Iterator
from datetime import date, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from pipelines.plain_files import NotPlain, read_plain_bytes
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.files.folders import copy_file, create_file, open_folder
from pipelines.sources.files.names import make_plain_name

REFUSED = ".refused"
REASON = "reason.txt"
TOO_MUCH = (
    "more lies in the inbox than is read at once (`limits.inbox_mb`): it waits for what comes before it"
)
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".download")
# While a workbook is open, next to it.
LOCK_OF_EXCEL = "~$"
MIB = 2**20
# Read at once; what stays in the cache of a core.
CHUNK = 2**17
DIGITS = {"%Y": r"\d{4}", "%m": r"\d{2}", "%d": r"\d{2}"}


class InboxFile(NamedTuple):
    """One file in the inbox. `why_not`: why it is left alone for now, empty where it is ready."""

    path: Path
    day: date
    why_not: str = ""


def list_inbox(source: Source, settings: Settings, now: float | None = None) -> list[InboxFile]:
    """Every file of this source in its inbox, by name."""
    if source.inbox is None:
        return []
    folder, pattern = _split_inbox(source, settings)
    now = time.time() if now is None else now
    paths = [
        path
        for path in sorted(folder.glob("*"))
        if fnmatch(path.name, pattern)
        and not path.is_dir()
        and not path.name.startswith((".", LOCK_OF_EXCEL))
    ]
    files, total = [], 0
    for path in paths:
        why_not = _find_reason_to_wait(source, path, now)
        if not why_not and not is_too_large(source, path):
            total += path.stat().st_size
            why_not = TOO_MUCH if total > source.limits.inbox_mb * MIB else ""
        files.append(InboxFile(path, read_day(source, path), why_not))
    return files


def list_ready(source: Source, settings: Settings, day: date | None = None) -> list[Path]:
    """Files that can be read now, of one day or of all."""
    return [d.path for d in list_inbox(source, settings) if not d.why_not and day in (None, d.day)]


def _find_reason_to_wait(source: Source, path: Path, now: float) -> str:
    if path.is_symlink() or not path.is_file():
        return "a link or device, which is never followed: drop the file itself"
    if is_unfinished(path):
        return "still being transferred, by its name"
    age = now - path.stat().st_mtime
    if age < 0:
        return "its time of change lies in the future: correct the sender's clock"
    if _read_local_day(path.stat().st_mtime) is None:
        return "its time of change is in no calendar: give it another (`touch`)"
    return "changed a moment ago, perhaps still being written" if age < source.quiet_seconds else ""


def _read_local_day(moment: float) -> date | None:
    """None for a time that no calendar has: some file systems keep whatever a sender says."""
    try:
        return datetime.fromtimestamp(moment, LOCAL_ZONE).date()
    except (OverflowError, ValueError, OSError):
        return None


def is_too_large(source: Source, path: Path) -> bool:
    """More than `limits.file_mb`: nothing of it is read, and whoever reads the day refuses it by name."""
    return path.stat().st_size > source.limits.file_mb * MIB


def is_unfinished(path: Path) -> bool:
    """By its name: still being transferred, or the lock of a workbook that somebody has open."""
    return path.suffix.lower() in UNFINISHED or path.name.startswith(LOCK_OF_EXCEL)


def read_day(source: Source, path: Path) -> date:
    """The day in the file's name, as `date_in_name` says; else the local day of its last change."""
    if source.date_in_name:
        pieces = re.split("(%[Ymd])", source.date_in_name)
        shape = "".join(DIGITS.get(piece, re.escape(piece)) for piece in pieces)
        for match in re.finditer(rf"(?<!\d){shape}(?!\d)", path.name):
            try:
                return datetime.strptime(match[0], source.date_in_name).date()
            except ValueError:
                continue
    return _read_local_day(path.lstat().st_mtime) or date.min


def list_archived(source: Source, settings: Settings, day: date) -> list[Path]:
    """The originals of this day's landed files, in the order in which they were archived."""
    if source.inbox is None:
        return []
    folder = archive_folder(source, settings) / source.name / str(day)
    return sorted(folder.glob("*"), key=lambda p: (p.stat().st_ctime_ns, p.name))


def original_name(archived_file: Path) -> str:
    """The name under which an archived file was dropped, as `make_plain_name` keeps it."""
    return archived_file.name.partition("-")[2]


def archive_file(source: Source, settings: Settings, path: Path, sha256: str, day: str) -> Path:
    """Move a landed file to `<archive>/<source>/<day>/<sha12>-<name>`, its name cut where there is no room."""
    base = archive_folder(source, settings)
    target = _find_free(base / source.name / day, "-" + make_plain_name(path.name), sha256)
    # A folder that the contract names is the operator's to link; the one next to the inbox may be anybody's.
    return _move(path, base if source.archive else base.parent, target)


def refuse_file(source: Source, settings: Settings, path: Path, sha256: str, reason: str) -> Path:
    """Set a file aside with the reason in the same folder; to try it again, move it back.

    Under its own name, but for what is no plain one, or that of the reason.
    """
    name = make_plain_name(path.name)
    name = f"file-{name}" if name.casefold() == REASON else name
    inbox = _split_inbox(source, settings)[0]
    moved = _move(path, inbox, _find_free(inbox / REFUSED, f"/{name}", sha256))
    text = f"{datetime.now(LOCAL_ZONE):%Y-%m-%d %H:%M:%S} {reason}\n"
    with open_folder(inbox, moved.parent) as folder, create_file(folder, REASON) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
    return moved


def _find_free(folder: Path, ending: str, sha256: str) -> Path:
    """`<folder>/<hash><ending>` with as much of the hash as no other file has; the same bytes may lie there."""
    for length in (12, 24, 40, 64):
        target = folder / f"{sha256[:length]}{ending}"
        if not target.exists() or hash_original(target) == sha256:
            return target
    raise FileExistsError(errno.EEXIST, "another file lies under this hash", str(target))


def hash_original(path: Path) -> str:
    """SHA-256 of the bytes that it has now, so that one that grows has an end too.

    Empty for what is no plain file: whoever may write to an archive may put a pipe there.
    """
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        left = os.fstat(stream.fileno()).st_size
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()


def list_refused(source: Source, settings: Settings) -> Iterator[tuple[Path, str]]:
    """Files set aside, each with its reason."""
    if source.inbox is None:
        return
    folder = _split_inbox(source, settings)[0] / REFUSED
    for reason in sorted(folder.glob(f"*/{REASON}")):
        # What a link leads to is nobody's reason, and is not shown.
        if any(map(Path.is_symlink, (folder, reason.parent, reason))):
            continue
        try:
            text = read_plain_bytes(reason).decode("utf-8", "replace").strip()
        except (OSError, NotPlain):  # not ours: the file is there all the same
            text = ""
        for path in sorted(reason.parent.iterdir()):
            if path != reason:
                yield path, text


def archive_folder(source: Source, settings: Settings) -> Path:
    """Where landed files go: `archive` of the contract, else the folder `archive` next to the inbox."""
    if source.archive:
        return _fill_path(source, source.archive, settings)
    return _split_inbox(source, settings)[0].parent / "archive"


def _split_inbox(source: Source, settings: Settings) -> tuple[Path, str]:
    place = _fill_path(source, str(source.inbox), settings)
    return (place.parent, place.name) if re.search(r"[*?\[]", place.name) else (place, "*")


def _fill_path(source: Source, text: str, settings: Settings) -> Path:
    return Path(source.fill_text(text, settings.data))


def _move(path: Path, root: Path, target: Path) -> Path:
    """By rename; between file systems by a copy that is whole before the original goes."""
    with open_folder(root, target.parent) as folder:
        try:
            os.rename(path, target.name, dst_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            draft = f".{target.name}.partial"
            copy_file(path, folder, draft)
            os.replace(draft, target.name, src_dir_fd=folder, dst_dir_fd=folder)
            path.unlink()
    return target
