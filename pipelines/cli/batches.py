"""`thongsuot batches`: what was landed and whether it counts; a batch withdrawn, and brought back, by name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.answers import (
    DAY,
    WORDS,
    Unanswered,
    answering,
    as_json,
    require_landing,
    require_one_of,
    say,
)
from pipelines.cli.confirm import print_confirmation
from pipelines.cli.console import console, hold_writer
from pipelines.cli.listing import ListColumn, print_list
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.landing.batches import Batch

COLUMNS = (
    ListColumn("source", "nguồn · source"),
    ListColumn("day", "ngày · day"),
    ListColumn("batch_id", "lô · batch"),
    ListColumn("standing", "trạng thái · standing"),
    ListColumn("rows", "dòng · rows", is_number=True),
    ListColumn("rejected", "bị loại · rejected", minor=2, is_number=True),
    ListColumn("pulled_at", "lấy lúc · pulled (UTC)", minor=1),
    ListColumn("withdrawn_by", "rút bởi · withdrawn by", minor=3, is_text=True),
    ListColumn("reason", "lý do · reason", minor=3, is_text=True),
)


@click.group(invoke_without_command=True)
@click.pass_context
def batches(context: click.Context) -> None:
    """Landed batches: which count, which were withdrawn. Nothing here edits or deletes a batch."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@batches.command("list")
@click.option("--source", help="only this source")
@click.option("--day", type=DAY, metavar="DAY", help="only this day's, e.g. 2025-08-06")
@click.option(
    "--standing",
    type=click.Choice(["current", "superseded", "blocked", "withdrawn", "not validated"]),
    help="only batches that stand so",
)
@as_json
def list_(source: str | None = None, day: datetime | None = None, standing: str | None = None,
          as_json: bool = False) -> None:  # fmt: skip
    """Every batch, the newest day first: does it count, and if not, why."""
    from pipelines.sources.contracts.contract import load_contracts
    from pipelines.warehouse.counting import list_standings

    settings = Settings.from_env()
    contracts = load_contracts(settings.sources_file)
    require_landing(settings)
    require_one_of("--source", source, contracts.sources)
    rows = [
        row
        for row in list_standings(settings, contracts)
        if source in (None, row["source"])
        and (day is None or row["day"] == str(day.date()))
        and standing in (None, row["standing"])
    ]
    rows.sort(key=lambda row: (row["day"], row["batch_id"]), reverse=True)
    if as_json:
        say(rows)
        return
    print_list(COLUMNS, [[row[column.name] for column in COLUMNS] for row in rows])


def _which(command: Any) -> Any:
    """The words by which batches are named."""
    for option in (
        as_json,
        click.option("--batch", "batch_id", metavar="ID", help="this batch"),
        click.option("--day", type=DAY, metavar="DAY",
                     help="the day's batch; without --source of every source"),
        click.option("--source", help="only this source"),
    ):  # fmt: skip
        command = option(command)
    return command


def _order(command: Any) -> Any:
    """Which batches, and who answers for the order."""
    for option in (
        click.option("--reason", type=WORDS, required=True, help="why; on record with every release after"),
        click.option("--by", "author", type=WORDS, required=True, help="who answers for it"),
    ):
        command = option(command)
    return _which(command)


@batches.command()
@_order
def withdraw(**words: Any) -> None:
    """A batch counts no more from the next build on; the one before it of its day counts again.

    Of a list that is delivered whole the earlier delivery counts again. `restore` takes it back.
    """
    _record("withdrawn", **words)


@batches.command()
@_order
def restore(**words: Any) -> None:
    """A withdrawn batch counts again from the next build on."""
    _record("restored", **words)


@batches.command()
@click.option("--restore", "is_restored", is_flag=True, help="it lets a withdrawn batch count again")
@_which
def confirm(is_restored: bool, as_json: bool, **words: Any) -> None:
    """A code that lets one run of job `withdraw` in Dagster concern these batches, and no others. It serves once."""
    from pipelines.landing.withdrawals import describe_order

    event = "restored" if is_restored else "withdrawn"
    chosen = _choose(event, **words)
    print_confirmation(describe_order(event, chosen), "`confirm`", as_json)


def _choose(event: str, source: str | None, day: datetime | None, batch_id: str | None) -> list[Batch]:
    """The batches that the words mean."""
    from pipelines.landing.withdrawals import select_batches
    from pipelines.sources.contracts.contract import load_contracts

    settings = Settings.from_env()
    if day is None and batch_id is None:
        raise click.UsageError("Name a --day or a --batch: `thongsuot batches` lists them.")
    contracts = load_contracts(settings.sources_file)
    require_landing(settings)
    require_one_of("--source", source, contracts.sources)
    names = [source] if source else list(contracts.sources)
    with answering():
        return select_batches(settings.landing, event, names, str(day.date()) if day else None, batch_id)


def _record(event: str, author: str, reason: str, as_json: bool, **words: Any) -> None:
    from pipelines.landing.withdrawals import record_events

    settings = Settings.from_env()
    _choose(event, **words)  # wrong words are told at once, and nothing is waited for
    with answering(), hold_writer(settings):
        chosen = _choose(event, **words)
        try:
            events = record_events(settings.landing, event, chosen, author, reason)
        except ValueError as error:
            raise Unanswered(str(error)) from None
    if as_json:
        say(events)
        return
    for one in events:
        console.print(
            f"{one.source} {one.partition}, batch {one.batch_id}: {one.event}.",
            soft_wrap=True,
            highlight=False,
        )
    console.print("Nothing is published yet: `thongsuot run` builds and publishes without pulling what was withdrawn.",
                  soft_wrap=True, highlight=False)  # fmt: skip
