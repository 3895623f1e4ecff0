"""`thongsuot runs`: the histories of runs that Dagster keeps."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, answering, as_json, leave, say
from pipelines.cli.console import hold_writer, print_plain
from pipelines.settings import Settings


@click.group()
def runs() -> None:
    """Histories of runs, as Dagster's pages show them."""


@runs.command("prune")
@click.option("--keep-days", type=click.IntRange(30), default=400, show_default=True)
@click.option("--dry-run", is_flag=True, help="only say how many would go")
@as_json
def prune(keep_days: int, dry_run: bool, as_json: bool) -> None:
    """Drop the events of finished runs that are older; batches, reports, releases and the chain stay as they are."""
    from pipelines.runs.retention import prune_runs

    settings = Settings.from_env()
    with answering(), hold_writer(settings):
        run_ids = list(prune_runs(settings, keep_days, dry_run=dry_run))
    if as_json:
        say({"runs": run_ids, "dry_run": dry_run})
    else:
        verb = "would go" if dry_run else "went"
        print_plain(
            f"{len(run_ids)} runs older than {keep_days} days {verb}; the newest ten of each job stay."
        )
    leave(ANSWERED)
