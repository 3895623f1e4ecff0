"""`thongsuot backup` and `restore-backup`: what is left when a disk is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, Unanswered, answering, as_json, leave, say
from pipelines.cli.console import console, print_plain
from pipelines.cli.listing import ListColumn, print_list
from pipelines.settings import Settings


@click.command()
@click.argument("destination", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--keep", type=click.IntRange(1), default=14, show_default=True, help="whole backups that are kept"
)
@as_json
def backup(destination: Path, keep: int, as_json: bool) -> None:
    """Copy all that cannot be made again to DESTINATION, on another disk; a run may be at work.

    Each content is stored once; the copy is verified. Exit code 0: whole; 1: the copy has findings; 2: none was made.
    """
    from pipelines.operations.backup import back_up
    from pipelines.operations.backup_store import BackupError

    settings = Settings.from_env()
    try:
        with answering(), console.status("backup…") as status:
            manifest = back_up(
                settings, destination, keep=keep, progress=lambda what: status.update(f"backup: {what}")
            )
    except (BackupError, OSError) as error:
        raise Unanswered(f"No backup was made: {error}") from None
    if as_json:
        say(summarise(manifest))
    else:
        for finding in manifest.findings:
            print_plain(f"✗ {finding}")
        print_plain(
            f"Backup {manifest.at} of {settings.data} in {destination}: {len(manifest.files)} files, "
            f"{manifest.size:,} bytes, {manifest.releases} releases, chain head {manifest.head}; "
            + (
                "NOT whole; older backups were kept. `thongsuot verify` says whether the data themselves are"
                if manifest.findings
                else "verified as a copy"
            )
        )
    leave(DIFFERENT if manifest.findings else ANSWERED)


def summarise(manifest: Any) -> dict[str, Any]:
    return {
        "at": manifest.at,
        "made_at": manifest.made_at,
        "files": len(manifest.files),
        "bytes": manifest.size,
        "releases": manifest.releases,
        "head": manifest.head,
        "version": manifest.version,
        "findings": manifest.findings,
    }


COLUMNS = (
    ListColumn("at", "backup"),
    ListColumn("made_at", "made at (UTC)"),
    ListColumn("files", "files", is_number=True),
    ListColumn("bytes", "bytes", is_number=True),
    ListColumn("releases", "releases", is_number=True),
    ListColumn("head", "chain head", minor=1),
    ListColumn("version", "version", minor=2),
    ListColumn("findings", "findings", is_number=True),
)


@click.command("restore-backup")
@click.argument("folder", metavar="SRC", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--backup", "at", metavar="NAME", help="one of --list; default: the newest that is whole")
@click.option("--list", "is_list", is_flag=True, help="which backups there are")
@click.option(
    "--keep-lake",
    is_flag=True,
    help="the lake stands on its servers, with what was published since: restore the rest beside it",
)
@as_json
def restore_backup(folder: Path, at: str | None, is_list: bool, keep_lake: bool, as_json: bool) -> None:
    """Make an installation of a backup, in the empty directory that THONGSUOT_DATA names, and verify it.

    Exit code 0: whole; 1: a finding; 2: nothing was restored.
    """
    from pipelines.lake.location import describe_other_lake
    from pipelines.operations.backup_store import BackupError, list_manifests
    from pipelines.operations.restore_backup import describe_lost_exports
    from pipelines.operations.restore_backup import restore_backup as restore

    settings = Settings.from_env()
    try:
        if is_list:
            backups = [summarise(manifest) for manifest in list_manifests(folder)]
            if as_json:
                say(backups)
            else:
                rows = [[len(v) if k == "findings" else v for k, v in one.items()] for one in backups]
                print_list(COLUMNS, rows)
            leave(ANSWERED)
        with answering(), console.status("restore…") as status:
            manifest, verification = restore(
                settings, folder, at, lambda what: status.update(f"restore: {what}"), keep_lake=keep_lake
            )
    except (BackupError, OSError) as error:
        raise Unanswered(str(error)) from None
    findings = [f"{finding.kind}: {finding.text}" for finding in verification.findings]
    lost = describe_lost_exports(verification) if keep_lake else ""
    if as_json:
        answer = {**summarise(manifest), "data": str(settings.data), "findings": findings}
        say(answer | ({"lost_exports": lost} if lost else {}))
    else:
        for finding in findings:
            print_plain(f"✗ {finding}")
        print_plain(
            f"Backup {manifest.at} restored to {settings.data}: {len(manifest.files)} files, {verification.releases} "
            f"releases, chain head {verification.head}; {'findings' if findings else 'whole'}. "
            + (describe_other_lake(settings) or "`thongsuot run` does the nights since.")
        )
        if lost:
            print_plain(lost)
    leave(DIFFERENT if findings else ANSWERED)
