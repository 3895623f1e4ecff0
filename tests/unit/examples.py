"""The example rows of the canon (expectations/<source>/examples.yaml), as batches that a test can land."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import yaml

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.canon import FOLDER

Row = dict[str, str | None]


class BatchExample(NamedTuple):
    """A rule over a whole batch: the fact that it reads, a value that keeps it and one that breaks it."""

    fact: str
    keeps: float | None
    breaks: float


class Examples(NamedTuple):
    """`broken`: rule → rows, of which the last one breaks it; `also`: rules that other rules' rows break too."""

    sound: Row
    broken: dict[str, list[Row]]
    also: set[str]
    batches: dict[str, BatchExample]
    thing: str

    def list_rows(self) -> tuple[list[Row], dict[str, int]]:
        """The rows of one batch, the sound one first; rule → number of the row that breaks it."""
        rows, breaking = [self.sound], {}
        for rule, broken in self.broken.items():
            rows += broken
            breaking[rule] = len(rows)
        return rows, breaking

    def list_things(self) -> list[Row]:
        """Every thing of the batch once, in its sound state."""
        codes = dict.fromkeys(row[self.thing] for row in self.list_rows()[0] if row[self.thing])
        return [self.sound | {self.thing: code} for code in codes]


@cache
def read_examples(source: str) -> Examples:
    content: dict[str, Any] = yaml.safe_load((FOLDER / source / "examples.yaml").read_text(encoding="utf-8"))
    thing, sound = content["thing"], content["sound"]
    broken: dict[str, list[Row]] = {}
    soon = str((datetime.now(LOCAL_ZONE) + timedelta(hours=2)).replace(tzinfo=None, microsecond=0))
    for number, (rule, changes) in enumerate(content["broken"].items(), thing["first"]):
        code = {thing["column"]: thing["pattern"].format(number)}
        changes = changes if isinstance(changes, list) else [changes]
        rows = [
            {column: soon if text == "{soon}" else text for column, text in row.items()} for row in changes
        ]
        broken[rule] = [sound | code | row for row in rows]
    batches = {rule: BatchExample(**example) for rule, example in content["batches"].items()}
    return Examples(sound, broken, set(content.get("also", ())), batches, thing["column"])
