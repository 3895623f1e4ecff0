"""`thongsuot releases`: what was published, and the chain that proves it."""

from __future__ import annotations

import json

import click
from rich.table import Table

from pipelines.cli.console import console
from pipelines.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="for programs")
def releases(as_json: bool) -> None:
    """Every release: when, as of when, why, and the head of its hash chain."""
    from pipelines.releases import ledger
    from pipelines.releases.lake import open_lake

    try:
        with open_lake(Settings.from_env()) as con:
            chain = ledger.releases(con)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print(
            json.dumps(
                [{**vars(r), "marts": {k: vars(m) for k, m in r.marts.items()}} for r in chain],
                default=str,
            )
        )
        return
    table = Table("id", "published (UTC)", "as of", "reason", "batches", "hash")
    for r in chain:
        table.add_row(
            str(r.release_id), f"{r.published_at:%Y-%m-%d %H:%M:%S}", str(r.as_of), r.reason,
            str(r.input_batches), r.release_hash[:16],
        )  # fmt: skip
    console.print(table)
    for problem in ledger.broken_links(chain):
        raise click.ClickException(f"the ledger's chain is broken: {problem}")
