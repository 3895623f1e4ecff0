"""What a check of a source found, and the lines of sources.yaml that would mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.privacy.redaction import redact_text

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Advice:
    """`level`: error (the source cannot run so), warning or info; `about`: a column or header."""

    level: Level
    about: str
    text: str


@dataclass
class Examination:
    """One source as sampled. `mapped`: canonical → header; `dropped`: personal header → class.

    `rejected`: rule → rows, column, reason; `changes`: keys of the source, suggested, never applied.
    `unknown_words`: column → word → rows, for the words that somebody who knows the source has to place;
    `meanings`: column → what they may mean. `is_whole`: every row of the day was read.
    """

    source: str
    partition: str
    origin: str = ""
    rows: int = 0
    rows_rejected: int = 0
    mapped: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown_words: dict[str, dict[str, int]] = field(default_factory=dict)
    meanings: dict[str, list[str]] = field(default_factory=dict)
    is_whole: bool = True
    advice: list[Advice] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not any(a.level == "error" for a in self.advice)

    def add_advice(self, level: Level, about: str, text: str) -> None:
        self.advice.append(Advice(level, redact_text(about), redact_text(text)))

    def suggest(self, *path: str, to: Any) -> None:
        """`change("columns", "channel", to="kenh")` becomes a line of the suggested mapping."""
        at = self.changes
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = to
