"""Which files make one partition's batch, and what their bytes say before they are read.

Path and globs, the inbox and its archive; links that lead elsewhere are refused. One pass over the
bytes gives the SHA-256 and tells whether texts need cleaning.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import FileRefused, PermanentSourceError, SourceError
from pipelines.sources.files import inbox
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.names import is_plain_name, make_plain_name
from pipelines.sources.files.uncleanness import OVERLAP, needs_cleaning

MAGIC = re.compile(r"[*?\[]")


class SourceFile(NamedTuple):
    """One file of the batch. `name` as delivered; `state` tells whether it changed since.

    `instead_of`: the origins of the day's older exports, which count as delivered, and wait no more.
    """

    path: Path
    name: str
    sha256: str
    unclean: bool
    state: tuple[int, ...]
    instead_of: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        # The name is the sender's: it must not speak for another file.
        own = f"{self.name.replace('sha256:', 'sha256 ')} sha256:{self.sha256}"
        return f"{own} (instead of {', '.join(self.instead_of)})" if self.instead_of else own


def read_hashes(origin: str) -> list[str]:
    """The SHA-256 of every file that a batch's origin names."""
    return re.findall(r"\bsha256:([0-9a-f]{64})\b", origin)


def find_files(
    source: Source, partition: date, settings: Settings, leave_out: Collection[str] = ()
) -> list[SourceFile]:
    """The partition's files, each content once; empty where the day offers none.

    `leave_out`: SHA-256 of what is not taken from the archive: the batches made of it were withdrawn.
    """
    paths = {path: path.name for path in match_path(source, partition, settings)}
    archived = inbox.list_archived(source, settings, partition)
    ready = inbox.list_ready(source, settings, partition)
    if (count := len(paths) + len(archived) + len(ready)) > source.limits.files:
        where = "lie in the inbox and its archive" if source.inbox else "fit `path`"
        raise PermanentSourceError(
            f"{source.name} {partition}: {count} files {where}, more than `limits.files` ({source.limits.files}) "
            f"allows. {'Take out what is none of it' if source.inbox else 'Narrow the pattern'}, or raise the limit."
        )
    check_files(source, [*paths, *archived, *ready])
    # Later ones replace earlier ones of the same name: what waits replaces what was archived.
    inbox_files = {
        inbox.original_name(path): path
        for path in archived
        if not leave_out or inbox.hash_original(path) not in leave_out
    }
    inbox_files |= {make_plain_name(path.name): path for path in ready}
    paths |= {path: name for name, path in inbox_files.items()}
    inspected = (inspect_file(source, path, name) for path, name in paths.items())
    by_hash = {file.sha256: file for file in inspected if file}
    files = sorted(by_hash.values(), key=lambda f: (f.name, f.sha256))
    whole = "newest" if source.inbox and source.partitioning == "whole_table" else "together"
    if (source.several_files or whole) == "newest" and files:
        newest = max(files, key=lambda f: (f.state[1], f.name))
        return [newest._replace(instead_of=tuple(f.origin for f in files if f is not newest))]
    return files


def has_file(source: Source, partition: date, settings: Settings) -> bool:
    """Whether the day offers a file, without reading one."""
    return bool(
        match_path(source, partition, settings)
        or inbox.list_ready(source, settings, partition)
        or inbox.list_archived(source, settings, partition)
    )


def match_path(source: Source, partition: date, settings: Settings) -> list[Path]:
    """What `path` names on this day, in order. PermanentSourceError where a link leads out of its folder."""
    if source.path is None:
        return []
    pattern = source.resolved_path(settings.data, str(partition))
    if MAGIC.search(source.path) and not os.path.lexists(pattern):
        text, root = str(pattern), str(settings.data)
        if source.path.startswith("{data}"):
            text = glob.escape(root) + text.removeprefix(root)
        folder = Path(*pattern.parts[: _first_pattern(pattern, settings)])
        # The data directory's own name may hold a bracket, which only `glob.escape` can say.
        try:
            paths = [Path(p) for p in glob.glob(text, recursive=True)]  # noqa: PTH207
        except RecursionError:
            raise PermanentSourceError(
                f"{source.name} {partition}: folders below {folder.name}/ lie in one another a thousand deep. Nothing "
                f"was landed. Take them away, or name the files' own folder in `path`."
            ) from None
        paths = [p for p in paths if not p.is_dir() and not inbox.is_unfinished(p)]
    elif pattern.is_dir():
        folder, paths = pattern, list(pattern.glob("page_*.json"))
        _require_all_pages(f"{source.name} {partition}", paths)
        # An empty folder of pages is a day without a capture.
        if not paths and (not find_format(source.format).has_pages or any(pattern.iterdir())):
            raise PermanentSourceError(
                f"{source.name} {partition}: {pattern} is a folder, not a file, and it holds no page_*.json. "
                f"Nothing was landed. Name the files in it, e.g. {pattern.name}/*.{source.format}, in `path`."
            )
    else:
        folder, paths = pattern.parent, [pattern] if os.path.lexists(pattern) else []
    for path in paths:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise PermanentSourceError(
                f"{source.name} {partition}: {path.name} is a link that leads out of {folder.name}/. "
                f"Nothing was landed. Put the file itself there, or name its real place in `path`."
            )
    return sorted(paths)


def _require_all_pages(at: str, paths: list[Path]) -> None:
    """PermanentSourceError where a number between the first page, 0 or 1, and the last is missing."""
    numbers = {int(match[1]) for path in paths if (match := re.fullmatch(r"page_(\d+)", path.stem))}
    missing = sorted(set(range(min(1, *numbers), max(numbers))) - numbers) if numbers else []
    if missing:
        listed = ", ".join(map(str, missing[:20]))
        raise PermanentSourceError(
            f"{at}: of the pages up to page_{max(numbers)}.json these are missing: {listed}. Nothing was landed: a "
            f"capture is all its pages. Deliver it whole."
        )


def _first_pattern(pattern: Path, settings: Settings) -> int:
    own = len(settings.data.parts) if pattern.is_relative_to(settings.data) else 0
    return next(i for i, part in enumerate(pattern.parts) if i >= own and MAGIC.search(part))


def check_files(source: Source, paths: Iterable[Path]) -> None:
    """Before a byte is read: PermanentSourceError for what has no end, FileRefused for more than `limits.file_mb`."""
    marks, texts = {}, []
    for path in paths:
        try:
            about = path.stat()
        except FileNotFoundError:  # another run archived it
            continue
        if not stat.S_ISREG(about.st_mode):
            raise _make_no_file_error(source, path)
        if about.st_size > source.limits.file_mb * inbox.MIB:
            # Its state stands for its content: no other file has this moment.
            marks[path] = hashlib.sha256(repr(read_state(about)).encode()).hexdigest()
            texts.append(f"{make_plain_name(path.name)!r} ({about.st_size // inbox.MIB:,} MiB)")
    if marks:
        raise FileRefused(
            f"{source.name}: larger than `limits.file_mb` ({source.limits.file_mb}) allows: {', '.join(texts[:5])}"
            f"{f', {len(texts) - 5} more' if len(texts) > 5 else ''}. Nothing of it was read, and nothing was landed. "
            f"Deliver it in parts, or raise `limits.file_mb` of {source.name} in sources.yaml.",
            marks,
        )


def _make_no_file_error(source: Source, path: Path) -> PermanentSourceError:
    return PermanentSourceError(f"{source.name}: {path.name} is no regular file; it is not read.")


def inspect_file(source: Source, path: Path, name: str) -> SourceFile | None:
    """None where the file went away meanwhile (another run archived it)."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode):
        raise _make_no_file_error(source, path)
    delimiter = find_format(source.format).delimiter
    digest, unclean, tail, count = hashlib.sha256(), delimiter is None, b"", 0
    # What ends a cell, the delimiter first.
    ends = (source.delimiter or delimiter or ",").encode()[:1] + b'\n\r"'
    with path.open("rb") as stream:
        while chunk := stream.read(inbox.CHUNK):
            count += len(chunk)
            if count > about.st_size:  # it may grow for as long as somebody writes
                raise _make_changing_error(source.name, name)
            digest.update(chunk)
            unclean = unclean or needs_cleaning(tail + chunk, ends)
            tail = chunk[-OVERLAP:]
    unclean = unclean or tail[-1:] in (b" ", b"\t")
    if not is_plain_name(path.name):
        raise FileRefused(
            f"{source.name}: the file {make_plain_name(path.name)!r} has a name with characters that are not printable "
            f"UTF-8 text (shown as _). Nothing was landed. Give it a plain name.",
            {path: digest.hexdigest()},
        )
    return SourceFile(path, name, digest.hexdigest(), unclean, read_state(about))


def read_state(about: os.stat_result) -> tuple[int, ...]:
    """(inode, time of change in nanoseconds, size, time of the inode): another state means that it was written to.

    Who writes to a file may put its time of change back, and the inode's never.
    """
    return about.st_ino, about.st_mtime_ns, about.st_size, about.st_ctime_ns


def require_unchanged(source: Source, partition: date, files: list[SourceFile]) -> None:
    """SourceError where a file was written to while it was read: the batch would mix two versions."""
    for file in files:
        if not file.path.exists() or read_state(file.path.stat()) != file.state:
            raise _make_changing_error(f"{source.name} {partition}", file.name)


def _make_changing_error(at: str, name: str) -> SourceError:
    return SourceError(
        f"{at}: {name} was changed while it was read. Nothing was landed; it is read again as a whole."
    )
