"""Batches that no longer count, by an operator's word: on record, never edited, taken back by another record.

An event is a file of its own beside the batches, numbered without a gap. Not here: what a build does with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.landing.batches import Batch, list_batches, read_json, write_json

FOLDER = "_withdrawals"
WITHDRAWN, RESTORED = "withdrawn", "restored"


class WrongRecord(ValueError):
    """A file among the events that no order wrote, or one that is missing; the text names it."""


@dataclass(frozen=True)
class Withdrawal:
    """One event: `event` is withdrawn or restored; `happened_at` UTC; `author` answers for it."""

    event_id: int
    event: str
    source: str
    partition: str
    batch_id: str
    author: str
    reason: str
    happened_at: str


def list_withdrawals(landing: Path) -> list[Withdrawal]:
    """Every event, oldest first; empty where nothing was ever withdrawn.

    WrongRecord where a file is not the next number's: whoever may drop one here would withdraw a batch.
    """
    # A draft that a crash left begins with a dot and does not end so.
    files = sorted((landing / FOLDER).glob("*.json"))
    return [_read_event(file, number) for number, file in enumerate(files, 1)]


def _read_event(file: Path, number: int) -> Withdrawal:
    expected = f"{number:06d}.json"
    if file.name != expected:
        raise WrongRecord(f"landing: {FOLDER}/{file.name} is no event: the next one is {expected}")
    try:
        if file.is_symlink():
            raise ValueError("a link")
        event = Withdrawal(**read_json(file))
    except (OSError, ValueError, TypeError):
        raise WrongRecord(f"landing: {FOLDER}/{file.name} cannot be read as an event") from None
    if event.event_id != number or event.event not in (WITHDRAWN, RESTORED):
        raise WrongRecord(f"landing: {FOLDER}/{file.name} is not event {number}, as its name has it")
    return event


def find_withdrawn(landing: Path) -> frozenset[tuple[str, str]]:
    """(source, batch) of those that do not count now."""
    newest = {(event.source, event.batch_id): event.event for event in list_withdrawals(landing)}
    return frozenset(key for key, event in newest.items() if event == WITHDRAWN)


def list_remaining(landing: Path, source: str | None = None) -> list[Batch]:
    """Every batch that was not withdrawn, oldest first within a partition; which of them count: `quality.counting`."""
    withdrawn = find_withdrawn(landing)
    return [b for b in list_batches(landing, source) if (b.source, b.batch_id) not in withdrawn]


def find_newest_remaining(landing: Path, source: str) -> dict[str, Batch]:
    """partition → its newest batch that was not withdrawn, whether or not it will be accepted."""
    return {batch.partition: batch for batch in list_remaining(landing, source)}


def select_batches(
    landing: Path, event: str, sources: Collection[str], day: str | None = None, batch_id: str | None = None
) -> list[Batch]:
    """The batches that an order means, one per source and day: of a day the newest that the event may concern.

    LookupError, with the days or batches that there are, where it means none.
    """
    withdrawn = find_withdrawn(landing)
    landed = [batch for name in sorted(sources) for batch in list_batches(landing, name)]
    possible = [
        batch for batch in landed if ((batch.source, batch.batch_id) in withdrawn) is (event == RESTORED)
    ]
    newest = {
        (batch.source, batch.partition): batch
        for batch in possible
        if (day is None or batch.partition == day) and (batch_id is None or batch.batch_id == batch_id)
    }
    if newest:
        return list(newest.values())
    names = ", ".join(sorted(sources))
    if days_of_batch := sorted({batch.partition for batch in landed if batch.batch_id == batch_id}):
        if day is not None and day not in days_of_batch:
            raise LookupError(f"{names}: batch {batch_id} is of {', '.join(days_of_batch)}, not of {day}.")
        state = "does not count already" if event == WITHDRAWN else "was not withdrawn"
        raise LookupError(f"{names}: batch {batch_id} {state}.")
    days = sorted({batch.partition for batch in possible})
    listed = f"{days[0]} to {days[-1]}, {len(days)} days" if len(days) > 1 else "".join(days) or "none"
    what = f"batch {batch_id}" if batch_id else f"batch of {day}"
    state = "withdrawn" if event == RESTORED else "landed"
    raise LookupError(
        f"{names}: there is no {state} {what}; {state}: {listed}. `thongsuot batches` lists them."
    )


def describe_order(event: str, batches: Collection[Batch]) -> str:
    """What an order does, batch by batch: what somebody confirms is this and nothing else."""
    verb = "restore" if event == RESTORED else "withdraw"
    return f"{verb} " + ", ".join(f"{b.source} {b.partition} batch {b.batch_id}" for b in batches)


def record_events(
    landing: Path, event: str, batches: Collection[Batch], author: str, reason: str
) -> list[Withdrawal]:
    """Under the writer's lock: two events with one number would be one too few."""
    if not author.strip() or not reason.strip():
        raise ValueError("A withdrawal needs a name and a reason.")
    number, now = len(list_withdrawals(landing)), datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    events = [
        Withdrawal(number + n, event, b.source, b.partition, b.batch_id, author, reason, now)
        for n, b in enumerate(batches, 1)
    ]
    write_events(landing, events)
    return events


def write_events(landing: Path, events: Collection[Withdrawal]) -> None:
    (landing / FOLDER).mkdir(parents=True, exist_ok=True)
    for event in events:
        write_json(landing / FOLDER / f"{event.event_id:06d}.json", asdict(event))
