"""`thongsuot verify`: is every release still what was published; `--rebuild N`: does it come out again."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, answering, as_json, leave, say
from pipelines.cli.console import console
from pipelines.settings import Settings


@click.command()
@click.option("--rebuild", type=int, metavar="N", help="build release N again from its batches and compare")
@click.option("--head", metavar="HASH", help="a chain head noted outside: is it still in the chain?")
@as_json
def verify(rebuild: int | None, head: str | None, as_json: bool) -> None:
    """Check ledger, catalogue, files, contents and landing. Exit code 0: whole; 1: a finding."""
    from pipelines.releases.rebuild import rebuild as build_again
    from pipelines.releases.verify import verify_releases

    settings = Settings.from_env()
    with answering(), console.status("verify…") as status:

        def progress(what: str) -> None:
            status.update(f"verify: {what}")

        result = verify_releases(settings, expected_head=head, progress=progress)
        findings, notes = list(result.findings), list[str]()
        if rebuild is not None:
            rebuilt = build_again(settings, rebuild, progress)
            findings += rebuilt.findings
            notes += rebuilt.notes
    if as_json:
        say({**vars(result), "findings": [f._asdict() for f in findings], "notes": notes, "rebuilt": rebuild})
        leave(DIFFERENT if findings else ANSWERED)
    for finding in findings:
        console.print(f"[red]✗ {finding.kind}[/]: {finding.text}", soft_wrap=True)
    for note in notes:
        console.print(f"[yellow]•[/] {note}", soft_wrap=True)
    console.print(
        f"{result.releases} bản phát hành · releases ({result.kept} kept, {result.pruned} pruned), "
        f"{result.files} tệp · files, {result.batches} lô · batches"
        + (f"; release {rebuild} rebuilt" if rebuild is not None else "")
        + (": [red]có sai lệch · findings[/]" if findings else ": [green]nguyên vẹn · whole[/]")
    )
    if head and result.since:
        console.print(f"Since the head you noted: {', '.join(result.since)}", soft_wrap=True)
    console.print(f"Chain head, to be written down outside this system: {result.head}", soft_wrap=True)
    leave(DIFFERENT if findings else ANSWERED)
