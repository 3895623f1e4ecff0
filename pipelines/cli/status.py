"""`thongsuot status`: the headline of the newest release, instantly."""

from __future__ import annotations

import json

import click
from rich.table import Table

from pipelines.cli.answers import answering
from pipelines.cli.console import console, print_plain
from pipelines.exports import formats
from pipelines.runs.history import LastRun, read_last_run
from pipelines.settings import LOCAL_ZONE, Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="for programs")
@click.option(
    "--lang", "language", type=click.Choice(["vi", "en"]), help="labels and numbers of one language"
)
def status(as_json: bool, language: str | None) -> None:
    """The headline: rate, counts, rank and movement, tasks, issues, newest release, last run."""
    from pipelines.exports.brief import export as brief
    from pipelines.exports.common import newest_release
    from pipelines.exports.findings import list_finding_lines
    from pipelines.exports.headline import list_figures, read_headline
    from pipelines.gate.lines import choose_words
    from pipelines.gate.record import list_release_findings
    from pipelines.lake.catalogue import open_lake
    from pipelines.operations.state import read_state
    from pipelines.releases.holds import find_open_hold

    settings = Settings.from_env()
    with answering(), newest_release(settings) as (con, newest):
        figures = read_headline(con, newest)
        findings = list_release_findings(con, figures.release_id)
    with answering(), open_lake(settings) as con:
        hold = find_open_hold(con)
    last_run = read_last_run() if settings.has_history else None
    page = brief.brief_file(settings)
    where = str(page) if page.exists() else "none yet"
    if as_json:
        answer = {
            **vars(figures),
            "tasks": figures.tasks and vars(figures.tasks),
            "last_run": str(last_run or "none"),
            "brief": where,
            "findings": [finding._asdict() for finding in findings],
            "open_hold": hold and hold.opened.hold_id,
            "incidents": list(read_state(settings).incidents),
        }
        print(json.dumps(answer, default=str))
        return

    def choose(vi: str, en: str) -> str:
        return choose_words(vi, f"{en[0].upper()}{en[1:]}" if language else en, language)

    as_of = {"vi": "tính đến {0}", "en": "as of {1}"}.get(language or "", f"as of {figures.as_of}")
    table = Table(show_header=False, box=None, pad_edge=False)
    for label, value in [
        *list_figures(figures, language),
        (
            choose("Bản phát hành", "release"),
            f"{figures.release_id} {as_of.format(*formats.minute(figures.as_of))}, {figures.release_hash[:16]}…",
        ),
        (choose("Lần chạy gần nhất", "last run"), describe_run(last_run, language)),
    ]:
        table.add_row(label, value)
    console.print(table)
    if hold:
        number, moment = hold.opened.hold_id, formats.minute(hold.opened.as_of)
        line = choose_words(
            f"Bản mới đang bị giữ lại (lần giữ {number}, số liệu đến {moment[0]})",
            f"a newer build is held (hold {number}, as of {moment[1]})",
            language,
        )
        print_plain(f"!! {line}: `thongsuot releases held`")
    alerts = read_state(settings)
    if alerts.incidents or alerts.failing:
        line = f"{len(alerts.incidents)} {choose_words('việc cần xử lý', 'open incidents', language)}"
        if alerts.failing:
            line += f", {len(alerts.failing)} {choose_words('kênh hỏng', 'channels failing', language)}"
        print_plain(f"!! {line}: `thongsuot alerts list`")
    for line in list_finding_lines(findings, figures.release_id, language=language):
        print_plain(line)
    # Not in the table: a path that is cut or broken in two cannot be opened.
    console.print(f"{choose('Bản tin điều hành', 'the brief')}: {where}", soft_wrap=True, highlight=False)


def describe_run(run: LastRun | None, language: str | None) -> str:
    """In one language with its own words and times; in both as `LastRun` writes itself."""
    if language is None or run is None:
        return str(run or {"vi": "chưa có", "en": "none"}.get(language or "", "none"))
    column = ("vi", "en").index(language)
    states = {
        "success": "thành công",
        "failure": "không thành công",
        "canceled": "bị dừng",
        "started": "đang chạy",
        "queued": "đang chờ",
    }
    state = states.get(run.status, run.status) if language == "vi" else run.status
    started = f", {formats.minute(run.started_at)[column]} ({LOCAL_ZONE})" if run.started_at else ""
    return f"{run.run_id[:8]} {state}{started}"
