"""What an export is: a name, the function that writes it, and the words that people read of it.

An export is a module that defines one `Export`, and a line in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.lake.ledger import Release
from pipelines.plain_files import list_below
from pipelines.settings import Settings


class ExportResult(NamedTuple):
    """`path` is a file, a folder, or an address without its secret; `release` is what it holds now; `details` go to
    the UI beside it.

    `more`: further files that were written with it.
    """

    path: Path | str
    release: Release
    rewritten: bool
    details: dict[str, Any] = {}  # noqa: RUF012  (never written to)
    more: tuple[Path, ...] = ()

    def list_files(self) -> list[Path]:
        """What was written; nothing of an address."""
        if not isinstance(self.path, Path):
            return []
        inside = list_below(self.path) if self.path.is_dir() else [self.path]
        return [path for path in (*inside, *self.more) if path.is_file()]


def is_always_on(settings: Settings) -> bool:
    return True


@dataclass(frozen=True)
class Export:
    """What readers outside the lake use, brought to the newest release by `write`.

    `write`: idempotent; LookupError without a release. `kinds`: the badges of its asset. `exposure`: the
    dbt exposure that says which marts it reads. `is_possible`: whether this installation has what the
    export needs (an address), beside being switched on. `preview`: what it says, as Markdown for the UI.
    `files`: patterns under the folder of exports in which it alone writes. `remake`: writes the same bytes of a
    release; None where what it wrote is compared otherwise (a table row by row), or nowhere.
    """

    name: str
    write: Callable[[Settings], ExportResult]
    kinds: frozenset[str]
    exposure: str
    title_vi: str
    title_en: str
    description_vi: str
    description_en: str
    is_possible: Callable[[Settings], bool] = is_always_on
    preview: Callable[[Settings], str | None] | None = None
    files: tuple[str, ...] = ()
    remake: Callable[[Settings, int], ExportResult] | None = None

    @property
    def description(self) -> str:
        """Markdown, for the UI."""
        return f"{self.title_vi}: {self.description_vi} {self.description_en}"

    def is_on(self, settings: Settings) -> bool:
        is_chosen = settings.exports_on is None or self.name in settings.exports_on
        return is_chosen and self.is_possible(settings)
