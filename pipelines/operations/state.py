"""What the watch remembers between two looks: open incidents, channels that fail and what waits for them, the disk."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.landing.batches import write_json
from pipelines.operations.disk import DiskSample
from pipelines.operations.incidents import Incident, Message
from pipelines.operations.records import operations_folder, read_record
from pipelines.plain_files import open_lock_file
from pipelines.settings import Settings

# A channel that was dead for weeks must not drown whoever mends it.
MOST_WAITING = 50


@dataclass
class FailingChannel:
    """`since`: local time in ISO form; `waiting`: what it has not taken yet, oldest first; `dropped`: how many more."""

    name: str
    since: str
    error: str
    waiting: list[Message] = field(default_factory=list)
    dropped: int = 0

    def keep(self, messages: list[Message]) -> None:
        waiting = [*self.waiting, *messages]
        self.dropped += max(len(waiting) - MOST_WAITING, 0)
        self.waiting = waiting[-MOST_WAITING:]


@dataclass
class WatchState:
    """`incidents`: by key; `failing`: by the channel's key; `looked_at`: local time in ISO form."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    failing: dict[str, FailingChannel] = field(default_factory=dict)
    disk: list[DiskSample] = field(default_factory=list)
    looked_at: str = ""
    digest_on: str = ""


def state_file(settings: Settings) -> Path:
    return settings.data / "operations" / "alerts.json"


def read_state(settings: Settings) -> WatchState:
    """A file that cannot be read is as none: what is wrong is then told once more, which is better than never."""
    try:
        content = read_record(state_file(settings))
        failing = {
            key: FailingChannel(**one | {"waiting": [Message(*message) for message in one["waiting"]]})
            for key, one in content.get("failing", {}).items()
        }
        return WatchState(
            {key: Incident(**one) for key, one in content.get("incidents", {}).items()},
            failing,
            [DiskSample(*one) for one in content.get("disk", [])],
            content.get("looked_at", ""),
            content.get("digest_on", ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return WatchState()


def write_state(settings: Settings, state: WatchState) -> None:
    incidents = {key: incident._asdict() for key, incident in state.incidents.items()}
    write_json(state_file(settings), {**asdict(state), "incidents": incidents})


@contextmanager
def one_watch(settings: Settings) -> Iterator[bool]:
    """Whether this is the only watch on the data directory: two would tell everything twice."""
    with open_lock_file(operations_folder(settings) / "watch.lock") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
