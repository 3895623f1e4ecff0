"""`thongsuot doctor`: is this installation sound, and what is to be mended."""

from __future__ import annotations

import click

from pipelines.cli.answers import ANSWERED, DIFFERENT, UNANSWERED, as_json, leave, say
from pipelines.cli.console import console, print_plain
from pipelines.settings import Settings

SIGNS = {"ok": "✓", "warn": "•", "fail": "✗"}


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Look the installation over. Exit code 0: nothing fails (warnings may be); 1: something does; 2: no directory."""
    from pipelines.operations.doctor import examine_installation

    settings = Settings.from_env()
    if not settings.data.is_dir():
        print_plain(f"{settings.data} does not exist: THONGSUOT_DATA says where the data lie.")
        leave(UNANSWERED)
    with console.status("doctor…"):
        diagnoses = examine_installation(settings)
    counts = {level: sum(d.level == level for d in diagnoses) for level in SIGNS}
    if as_json:
        say({"checks": [diagnosis._asdict() for diagnosis in diagnoses], **counts})
    else:
        for diagnosis in diagnoses:
            print_plain(f"{SIGNS[diagnosis.level]} {diagnosis.check}: {diagnosis.text}")
            if diagnosis.next_step:
                print_plain(f"    → {diagnosis.next_step}")
        print_plain(
            f"{counts['ok']} tốt · ok, {counts['warn']} cảnh báo · warnings, {counts['fail']} lỗi · failures"
        )
    leave(DIFFERENT if counts["fail"] else ANSWERED)
