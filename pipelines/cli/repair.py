"""`thongsuot releases restore | heal | prune`: what is published again, built anew, or dropped, each on record."""

from __future__ import annotations

import logging
from datetime import datetime

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, WORDS, answering, as_json, leave, say
from pipelines.cli.console import console, hold_writer, show_progress
from pipelines.log import print_steps
from pipelines.settings import Settings


@click.command()
@click.argument("release_id", type=int, metavar="N")
@click.option("--reason", type=WORDS, required=True, help="why; written into the ledger")
@click.option("--yes", is_flag=True, help="do not ask")
@as_json
def restore(release_id: int, reason: str, yes: bool, as_json: bool) -> None:
    """Publish the content of release N again, as a new release that names it. Nothing is rewritten."""
    from pipelines.lake import ledger
    from pipelines.lake.catalogue import open_lake
    from pipelines.runs.execute import restore_release

    settings = Settings.from_env()
    with answering(), open_lake(settings) as con:
        earlier = ledger.find_release(ledger.list_releases(con), release_id)
    if not yes:
        click.confirm(f"Publish release {release_id} (as of {earlier.as_of}) again?", abort=True)
    with show_progress() as on_step:
        result = restore_release(settings, release_id, reason, on_step)
    if as_json:
        say({"success": result.success, "text": result.text})
    else:
        console.print(result.text)
    leave(ANSWERED if result.success else DIFFERENT)


@click.command()
@click.option("--reason", type=WORDS, required=True, help="why; written into the ledger")
@click.option("--yes", is_flag=True, help="do not ask")
@as_json
def heal(reason: str, yes: bool, as_json: bool) -> None:
    """Where somebody wrote to the lake: publish anew what follows from the received data; take over nothing."""
    from uuid import uuid4

    from pipelines.night import Night, heal_lake
    from pipelines.releases.errors import PublishError
    from pipelines.sources.contracts.contract import load_contracts
    from pipelines.warehouse.dbt import DbtError, ensure_manifest

    settings = Settings.from_env()
    if not yes:
        click.confirm(
            "Validate and build everything received anew, publish it as a release, and prune releases whose "
            "contents are not what was published?",
            abort=True,
        )
    night = Night(
        settings,
        load_contracts(settings.sources_file),
        run_id=str(uuid4()),
        author="thongsuot",
        reason=reason,
    )
    with answering(), console.status("heal…"), print_steps(level=logging.WARNING):
        ensure_manifest(settings)
        try:
            healed = heal_lake(night)
        except (PublishError, DbtError) as error:
            console.print(str(error), soft_wrap=True, highlight=False, markup=False)
            leave(DIFFERENT)
    number = healed.publication.release.release_id
    pruned = ", ".join(map(str, healed.pruned)) or "none"
    if as_json:
        say({"release": number, "pruned": healed.pruned})
    else:
        console.print(f"Healed by release {number}; contents pruned of releases: {pruned}.")


@click.command()
@click.option(
    "--keep-days",
    type=click.IntRange(0, 36_500),
    default=90,
    show_default=True,
    help="keep every release this long",
)
@click.option("--reason", type=WORDS, default="retention", show_default=True)
@click.option("--now", type=click.DateTime(), hidden=True)
@click.option("--dry-run", is_flag=True, help="only say which")
@as_json
def prune(keep_days: int, reason: str, now: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Drop contents of old releases; hashes and explanations stay.

    Each month's last stays, and what was reported: releases of a cut-off, accepted ones, and THONGSUOT_KEEP_ALSO.
    """
    from pipelines.releases.errors import ForeignHead
    from pipelines.releases.retention import prune as apply

    settings = Settings.from_env()
    with answering(), hold_writer(settings):
        try:
            pruned = apply(
                settings, author="thongsuot", reason=reason, keep_days=keep_days, now=now, dry_run=dry_run
            )
        except ForeignHead as error:
            console.print(str(error), soft_wrap=True, highlight=False, markup=False)
            leave(DIFFERENT)
    if as_json:
        say(pruned._asdict())
    elif not pruned.releases:
        console.print("Nothing to prune.")
    else:
        releases = ", ".join(map(str, pruned.releases))
        message = f"Would prune releases {releases}." if dry_run else (
            f"Pruned releases {releases}: {pruned.files} files, {pruned.bytes / 2**20:.1f} MiB reclaimed."
        )  # fmt: skip
        console.print(message)
