"""`thongsuot releases held | accept`: what the gate did not let through, and its publication by name and reason."""

from __future__ import annotations

import click
from rich.markup import escape

from pipelines.cli.answers import ANSWERED, DIFFERENT, WORDS, answering, as_json, leave, say
from pipelines.cli.console import console, print_plain, show_progress
from pipelines.settings import Settings


@click.command("held")
@as_json
def show_holds(as_json: bool) -> None:
    """What the gate held: what, where, compared with what, which keys. Exit code 1: a build is held now."""
    from pipelines.lake.catalogue import open_lake
    from pipelines.releases.holds import list_holds

    with answering(), open_lake(Settings.from_env()) as con:
        holds = list_holds(con)
    is_open = any(hold.status == "open" for hold in holds)
    if as_json:
        say(
            [
                {**vars(hold.opened), "status": hold.status, "findings": hold.findings,
                 "closed": hold.closed and vars(hold.closed)}
                for hold in holds
            ]
        )  # fmt: skip
        leave(DIFFERENT if is_open else ANSWERED)
    if not holds:
        console.print("Nothing was ever held.")
    for hold in holds:
        by = f" by {hold.closed.author}: {hold.closed.reason}" if hold.closed else ""
        console.print(f"[bold]hold {hold.opened.hold_id}[/] as of {hold.opened.as_of}, after release "
                      f"{hold.opened.after_release}: {hold.status}{escape(by)}")  # fmt: skip
        for finding in hold.findings if hold.status == "open" else ():
            print_plain(
                f"  {finding['severity']} {finding['text_vi']} · {finding['text_en']} [{finding['rule']}]"
            )
            print_plain(f"    now {finding['now']:g}, release before {_show(finding['before'])}, "
                         f"measure {finding['value']:g}, limit {_show(finding['limit'])}")  # fmt: skip
            if finding["details"]:
                print_plain(f"    {', '.join(finding['details'])}")
            print_plain(f"    → {finding['next_vi']} · {finding['next_en']}")
    leave(DIFFERENT if is_open else ANSWERED)


def _show(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


@click.command()
@click.argument("hold_id", type=int, metavar="N")
@click.option("--by", "author", type=WORDS, required=True, help="who answers for it; written into the chain")
@click.option("--reason", type=WORDS, required=True, help="why; written into the chain")
@as_json
def accept(hold_id: int, author: str, reason: str, as_json: bool) -> None:
    """Publish what the gate holds (N of `releases held`), by name and reason."""
    from pipelines.lake.catalogue import open_lake
    from pipelines.releases.holds import find_open_hold
    from pipelines.runs.execute import accept_hold

    settings = Settings.from_env()
    with answering(), open_lake(settings) as con:
        hold = find_open_hold(con)
        if hold is None or hold.opened.hold_id != hold_id:
            raise LookupError(f"There is no open hold {hold_id}: `thongsuot releases held` lists them.")
    with show_progress() as on_step:
        result = accept_hold(settings, hold_id, author, reason, on_step)
    if as_json:
        say({"success": result.success, "text": result.text})
    else:
        console.print(result.text)
    leave(ANSWERED if result.success else DIFFERENT)
