"""What is wrong with an installation now, and the text of a message about it, in two languages."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

PAGE = "docs/operations.md"


class Incident(NamedTuple):
    """One thing that is wrong. `key`: its kind, or `kind:which`, the same for as long as it lasts.

    `since`: local time in ISO form. `look`: the command that shows it.
    """

    key: str
    since: str
    what_vi: str
    what_en: str
    next_vi: str
    next_en: str
    look: str

    @property
    def kind(self) -> str:
        return self.key.partition(":")[0]


class Message(NamedTuple):
    """What is sent to every channel. `tone`: failure, success (it is over) or info."""

    title: str
    body: str
    tone: str


def spell_moment(moment: datetime) -> str:
    """Local time in ISO form, to the minute."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def write_opening(place: str, incident: Incident) -> Message:
    """What, since when, what to do, where to look."""
    body = "\n".join(
        [
            incident.what_vi,
            incident.what_en,
            "",
            f"Từ · since: {incident.since}",
            f"Việc cần làm: {incident.next_vi}",
            f"What to do: {incident.next_en}",
            f"Xem ở · where to look: `{incident.look}`; {PAGE}#{incident.kind}",
        ]
    )
    return Message(f"[{place}] {_cut(incident.what_vi)} · {_cut(incident.what_en)}", body, "failure")


def write_ending(place: str, incident: Incident, now: datetime) -> Message:
    body = f"{incident.what_vi}\n{incident.what_en}\n\nTừ · since: {incident.since}\nHết · over: {spell_moment(now)}"
    return Message(f"[{place}] Đã hết · over: {_cut(incident.what_en)}", body, "success")


def _cut(text: str) -> str:
    """The first line, as long as a telephone shows of a title."""
    line = text.splitlines()[0]
    return line if len(line) <= 70 else line[:69] + "…"
