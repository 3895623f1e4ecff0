"""`thongsuot releases confirm`: what a run in Dagster's pages needs before it restores or accepts."""

from __future__ import annotations

import click

from pipelines.cli.answers import as_json, say
from pipelines.cli.console import console
from pipelines.runs.confirmation import SECONDS_VALID, make_confirmation
from pipelines.settings import Settings


@click.command()
@click.argument("action", type=click.Choice(["restore", "accept"]))
@click.argument("number", type=int, metavar="N")
@as_json
def confirm(action: str, number: int, as_json: bool) -> None:
    """A code that lets one run in Dagster restore release N, or accept hold N. It serves once."""
    print_confirmation(f"{action} {number}", "`confirm` of `release`", as_json)


def print_confirmation(action: str, field: str, as_json: bool) -> None:
    """A code for `action`, and the field of the launchpad that takes it."""
    code = make_confirmation(Settings.from_env(), action)
    if as_json:
        say({"confirm": code})
        return
    console.print(f"{action}: set {field} in the launchpad to {code}", soft_wrap=True, highlight=False)
    console.print(f"It serves once, within {SECONDS_VALID // 60} minutes.")
