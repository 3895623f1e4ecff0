"""`thongsuot verify`: is every release still what was published; `--rebuild N`: does it come out again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipelines.cli.answers import ANSWERED, DIFFERENT, Unanswered, answering, as_json, leave, say
from pipelines.cli.console import console
from pipelines.settings import ENGINES, Settings

if TYPE_CHECKING:
    from pipelines.releases.findings import Finding
    from pipelines.releases.signed_note import Checkpoint


def show_finding(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "releases": sorted(finding.releases), "next": finding.next_step}


def read_signed(file: Path, public_key: str | None) -> Checkpoint:
    """Leaves with exit code 1 where the note is not this key's, 2 where there is no such key."""
    from pipelines.releases.checkpoints import open_checkpoint
    from pipelines.releases.findings import NEXT
    from pipelines.releases.signed_note import WrongKey, WrongNote

    if public_key is None:
        raise Unanswered("Give the key that signed it: --public-key KEY (PEM, base64, or a file).")
    try:
        return open_checkpoint(file, public_key)
    except WrongKey as error:
        raise Unanswered(f"--public-key: {error}.") from None
    except WrongNote as error:
        console.print(
            f"✗ bad_checkpoint: {file.name}: {error}", soft_wrap=True, highlight=False, markup=False
        )
        console.print(f"  → {NEXT['bad_checkpoint']}", soft_wrap=True, highlight=False, markup=False)
        leave(DIFFERENT)


@click.command()
@click.option("--rebuild", type=int, metavar="N", help="build release N again from its batches and compare")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="with --rebuild: on which engine; by default the one that is set (THONGSUOT_ENGINE)",
)
@click.option("--head", metavar="HASH", help="a chain head noted outside: is it still in the chain?")
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="a signed note of a release: is it the key's, and is its head in the chain?",
)
@click.option(
    "--public-key",
    metavar="KEY",
    help="of the checkpoint, or of all notes that lie by the lake: PEM, base64, or the file that holds it",
)
@as_json
def verify(
    rebuild: int | None,
    engine: str | None,
    head: str | None,
    checkpoint: Path | None,
    public_key: str | None,
    as_json: bool,
) -> None:
    """Check ledger, catalogue, files, contents and landing. Exit code 0: whole; 1: a finding.

    A checkpoint is checked with the public key alone; where a lake is here too, its head must be in the chain.
    """
    from pipelines.exports.remade import check_remade, verify_all
    from pipelines.lake.location import describe_other_lake, has_lake
    from pipelines.operations.records import record_verification
    from pipelines.releases.rebuild import rebuild as build_again
    from pipelines.releases.signed_note import WrongKey

    settings = Settings.from_env()
    if engine is not None and rebuild is None:
        raise click.UsageError("--engine says on what release N is built again: give --rebuild N, too.")
    if checkpoint is not None:
        signed = read_signed(checkpoint, public_key)
        if not as_json:
            console.print(
                f"{checkpoint.name}: signed by this key for {signed.origin}, link {signed.size}, "
                f"head {signed.head}; {'; '.join(signed.notes)}",
                soft_wrap=True, highlight=False, markup=False,
            )  # fmt: skip
        if not has_lake(settings):
            if as_json:
                say({"checkpoint": signed._asdict(), "findings": []})
            leave(ANSWERED)
        head = signed.head
    with answering(), console.status("verify…") as status:

        def progress(what: str) -> None:
            status.update(f"verify: {what}")

        try:
            result = verify_all(
                settings,
                expected_head=head,
                public_key=public_key if checkpoint is None else None,
                progress=progress,
            )
        except WrongKey as error:
            raise Unanswered(f"the key of the signed notes: {error}.") from None
        findings, notes = list(result.findings), list[str]()
        if other := describe_other_lake(settings):
            notes.append(f"The lake on the server was verified. {other}")
        with suppress(OSError):  # an inspector may read and not write: then the watch has no record of it
            record_verification(settings, [f"{f.kind}: {f.text}" for f in findings], result.head)
        if rebuild is not None:
            rebuilt = build_again(settings, rebuild, progress, engine=engine)
            findings += rebuilt.findings
            if rebuild != result.releases and not rebuilt.findings:
                findings += check_remade(settings, release_id=rebuild)
            notes += rebuilt.notes
    if as_json:
        say(
            {
                **vars(result),
                "findings": [show_finding(f) for f in findings],
                "notes": notes,
                "rebuilt": rebuild,
            }
        )
        leave(DIFFERENT if findings else ANSWERED)
    for finding in findings:
        console.print(f"[red]✗ {finding.kind}[/]: {escape(finding.text)}", soft_wrap=True)
    for step in dict.fromkeys(finding.next_step for finding in findings):
        kinds = ", ".join(dict.fromkeys(f.kind for f in findings if f.next_step == step))
        console.print(f"  → {kinds}: {escape(step)}", soft_wrap=True, highlight=False)
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
