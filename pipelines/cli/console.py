"""The one console that commands print to, and how a run shows where it is: a bar, or a line per step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.segment import Segment

from pipelines.log import print_steps, prints_json
from pipelines.masking import make_printable
from pipelines.runs.lock import exclusive
from pipelines.runs.steps import StepEvent, ignore_step
from pipelines.settings import Settings


class OperatorConsole(Console):
    """Whatever a row, a file's name or a server's answer holds is shown, and never obeyed by the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=make_printable(segment.text))


console = OperatorConsole()


def print_plain(line: str) -> None:
    """A line as it is: neither broken nor coloured, whatever stands in it."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def hold_writer(settings: Settings) -> Iterator[None]:
    """The writer's lock. Whoever waits for it says for whom, on standard error; Busy after half an hour."""
    with print_steps(level=logging.WARNING), exclusive(settings):
        yield


@contextmanager
def show_progress() -> Iterator[Callable[[StepEvent], None]]:
    """What a run is to call at each step: moves a bar on a terminal; elsewhere the log is printed instead."""
    if not console.is_terminal or prints_json():
        with print_steps():
            yield ignore_step
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task("loading definitions", total=None)

        def move_bar(event: StepEvent) -> None:
            finished = event.state in ("done", "failed")
            progress.update(bar, total=event.total, description=event.step, advance=int(finished))

        # Made here, where the bar has taken over standard error: a warning stands above it.
        with print_steps(level=logging.WARNING):
            yield move_bar
