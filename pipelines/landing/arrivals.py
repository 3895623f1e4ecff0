"""What waits in a source's inbox, and what of it was counted before.

The batches tell: a file counts once, by the SHA-256 that a batch's origin names. So a crash between
landing and archiving costs nothing: the next run finds the file counted, and archives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from pipelines.landing.batches import list_batches
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.log import get_logger
from pipelines.privacy.redaction import redact_text
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import FileRefused, SourceError
from pipelines.sources.files import inbox
from pipelines.sources.files.file_set import read_hashes
from pipelines.sources.files.names import make_plain_name

LOG = get_logger(__name__)


def find_counted_files(source: Source, settings: Settings) -> dict[str, set[str]]:
    """SHA-256 of every file that a batch of this source was made of → the partitions it counted for.

    A batch that was withdrawn counts for nothing: its file is read again once it is dropped again.
    """
    return _find_files(source, settings, are_withdrawn=False)


def find_withdrawn_files(source: Source, settings: Settings, partition: date) -> set[str]:
    """SHA-256 of the files that this day's batches were made of, and none of those that were not withdrawn."""
    withdrawn = _find_files(source, settings, are_withdrawn=True)
    counted = find_counted_files(source, settings)
    day = str(partition)
    return {sha for sha, days in withdrawn.items() if day in days and day not in counted.get(sha, ())}


def _find_files(source: Source, settings: Settings, *, are_withdrawn: bool) -> dict[str, set[str]]:
    withdrawn = find_withdrawn(settings.landing)
    partitions: dict[str, set[str]] = {}
    for batch in list_batches(settings.landing, source.name):
        if ((batch.source, batch.batch_id) in withdrawn) is are_withdrawn:
            for sha in read_hashes(batch.origin):
                partitions.setdefault(sha, set()).add(batch.partition)
    return partitions


def find_waiting_files(source: Source, settings: Settings) -> dict[date, dict[Path, str]]:
    """day → files in the inbox that are ready and were not counted yet → their SHA-256."""
    waiting: dict[date, dict[Path, str]] = {}
    for path, day, sha, before in _list_ready(source, settings):
        if before is None:
            waiting.setdefault(day, {})[path] = sha
    return waiting


def archive_counted_files(source: Source, settings: Settings) -> list[Path]:
    """Archive what was counted, with the day it counted for; returns where it went.

    A file that cannot be moved stays where it is: it is counted, so it is not read again, and stops nobody.
    """
    archived = []
    for path, _, sha, before in _list_ready(source, settings):
        if before is None:
            continue
        try:
            archived.append(inbox.archive_file(source, settings, path, sha, before))
        except OSError as error:
            LOG.warning(
                f"a landed file cannot be archived and stays in the inbox: {error.strerror}",
                source=source.name, file=redact_text(make_plain_name(path.name)),
            )  # fmt: skip
    return archived


def _list_ready(source: Source, settings: Settings) -> Iterator[tuple[Path, date, str, str | None]]:
    """(file, its day, SHA-256, the partition it counted for before); no SHA-256 of what is too large to be read."""
    ready = inbox.list_ready(source, settings)
    counted = find_counted_files(source, settings) if ready else {}
    for path in ready:
        day = inbox.read_day(source, path)
        sha = "" if inbox.is_too_large(source, path) else inbox.hash_original(path)
        partitions = counted.get(sha, set())
        # Where the name tells the day, an unchanged export of another day is that day's own.
        if source.date_in_name:
            partitions = partitions & {str(day)}
        yield path, day, sha, max(partitions, default=None)


def set_files_aside(source: Source, settings: Settings, error: FileRefused) -> str:
    """Move refused files of the inbox out of the way of the others; what was done, in words.

    What was landed before lies in the archive and stays there: it was in order without the new ones.
    """
    ready = inbox.list_ready(source, settings)
    text = ""
    for path, sha256 in error.files.items():
        if path not in ready:
            continue
        file = "The file" if len(error.files) == 1 else f"The file {make_plain_name(path.name)!r}"
        try:
            moved = inbox.refuse_file(source, settings, path, sha256, str(error))
        except OSError as failure:
            text += f" {file} could not be set aside ({failure.strerror}): take it out of the inbox by hand."
        else:
            text += (
                f" {file} was set aside in {'/'.join(moved.parts[-3:-1])}/ with the reason beside it; "
                f"correct it, or move it back to try again."
            )
    return text


def find_new_days(source: Source, settings: Settings, days: Iterable[date]) -> set[date]:
    """Of these days, those for which something new waits; what was counted is archived on the way."""
    if source.inbox is None:
        return set()
    try:
        archive_counted_files(source, settings)
        for file in inbox.list_inbox(source, settings):
            if file.why_not == inbox.TOO_MUCH:
                LOG.warning(
                    file.why_not, source=source.name, file=redact_text(make_plain_name(file.path.name))
                )
        return set(days) & set(find_waiting_files(source, settings))
    except OSError as error:
        raise SourceError(
            f"{source.name}: its inbox cannot be read ({error.strerror}). Nothing was landed from it. "
            f"Look at the folder's rights and at what lies in it; `inbox` of {source.name} in sources.yaml names it."
        ) from None
