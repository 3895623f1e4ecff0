"""`thongsuot tidy`: what an installation lets go by itself, after each backup."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, Unanswered, answering, as_json, leave, say
from pipelines.cli.console import hold_writer, print_plain
from pipelines.settings import Settings

MOST_NAMES = 20


@click.command()
@click.option("--dry-run", is_flag=True, help="only say what would go")
@as_json
def tidy(dry_run: bool, as_json: bool) -> None:
    """Let go what is older than THONGSUOT_KEEP_PACKAGES and _RUNS (400 days) and _RELEASES (forever) say.

    Open-data packages and contents of releases, but each month's last and what was reported, and Dagster's events; the
    chain, batches and reports stay. Exit code 1: a part could not be looked after; 2: no backup of the last day.
    """
    from pipelines.operations.tidy import FOREVER, VARIABLES, TidyRefused, recording
    from pipelines.operations.tidy import tidy as tidy_installation

    settings = Settings.from_env()
    try:
        with answering(), recording(settings, dry_run=dry_run) as record, hold_writer(settings):
            parts = tidy_installation(settings, dry_run=dry_run)
            record(parts)
    except TidyRefused as error:
        raise Unanswered(str(error)) from None
    if as_json:
        say({"parts": [part._asdict() for part in parts], "dry_run": dry_run})
    else:
        verb = "would go" if dry_run else "went"
        for part in parts:
            names = ", ".join(part.names[:MOST_NAMES]) + (" …" if len(part.names) > MOST_NAMES else "")
            text = f"{len(part.names)} {verb}{': ' if names else ''}{names}"
            text += f"; then it stopped: {part.error}" if part.error else ""
            print_plain(f"{part.part} ({VARIABLES[part.part]}={part.keep_days or FOREVER}): {text}")
    leave(DIFFERENT if any(part.error for part in parts) else ANSWERED)
