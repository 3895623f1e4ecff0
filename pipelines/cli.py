"""`thongsuot`: the operator's command. Each command is a thin door to a function elsewhere.

Heavy imports (Dagster, dbt) stand inside the commands that need them, so that `status` is instant.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from pipelines.settings import LOCAL_ZONE, Settings

console = Console()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Thông suốt: from a province's logs and trackers to numbers it can stand behind."""
    settings = Settings.from_env()
    settings.dagster.mkdir(parents=True, exist_ok=True)
    os.environ.update(settings.child_environment())


@main.command()
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default="2025-08-07", show_default=True)
@click.option("--scale", type=float, default=1.0, show_default=True, help="1 = the whole province")
def demo(until: datetime, scale: float) -> None:
    """Bring up the demo province's source systems (synthetic, calibrated to published totals)."""
    from pipelines.demo import generate

    settings = Settings.from_env()
    with console.status("demo province…") as status:
        manifest = generate(
            settings.data / "demo",
            until=until.date(),
            scale=scale,
            progress=lambda said: status.update(f"demo province: {said}"),
        )
    console.print(
        f"Demo province ready under {settings.data / 'demo'}: "
        f"{manifest['rows']['one_stop']:,} log rows, synthetic, seed {manifest['seed']}."
    )


@main.command()
@click.option("--partition", metavar="A[..B]", help="days to bring up to date, e.g. 2025-08-01..2025-08-06")
@click.option(
    "--as-of",
    "as_of",
    metavar="T",
    help="local time, e.g. '2025-08-06 16:00:00'; default: end of the newest day",
)
@click.option("--again", is_flag=True, help="pull days again that were landed already")
@click.option("--revalidate", is_flag=True, help="validate what is landed again, without pulling")
@click.option("--reason", default="thongsuot run", show_default=True, help="written into the release")
def run(partition: str | None, as_of: str | None, again: bool, revalidate: bool, reason: str) -> None:
    """Land, validate, build, publish, export. Days already landed are not pulled again."""
    from pipelines.run_line import DEMO_LAST_DAY, run_line
    from pipelines.sources.contract import ContractError

    settings = Settings.from_env()
    if as_of:
        try:
            datetime.fromisoformat(as_of)
        except ValueError:
            raise click.BadParameter(f"{as_of!r}: write --as-of '2025-08-06 16:00:00'.") from None
    try:
        first, last = _range(partition, settings, DEMO_LAST_DAY)
    except ContractError as error:
        raise click.ClickException(str(error)) from None
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        outcome = run_line(
            settings,
            first,
            last,
            as_of=as_of,
            again=again,
            revalidate=revalidate,
            reason=reason,
            progress=progress,
        )
    console.print(outcome.text)
    sys.exit(0 if outcome.success else 1)


def _range(partition: str | None, settings: Settings, demo_last: date) -> tuple[date, date]:
    """`A`, `A..B`, or everything: from the first day of sources.yaml to yesterday (demo: 06/08/2025)."""
    from pipelines.sources.contract import load_contracts

    if partition:
        first, _, last = partition.partition("..")
        try:
            days = date.fromisoformat(first), date.fromisoformat(last or first)
            if days[0] > days[1]:
                raise ValueError
            return days
        except ValueError:
            raise click.BadParameter(
                f"{partition!r}: write one day (2025-08-06) or a range (2025-08-01..2025-08-06)."
            ) from None
    contracts = load_contracts(settings.sources_file)
    yesterday = datetime.now(LOCAL_ZONE).date() - timedelta(days=1)
    return contracts.first_day, demo_last if contracts.is_demo else yesterday


@main.command()
@click.option("--json", "as_json", is_flag=True, help="for programs")
def status(as_json: bool) -> None:
    """The headline: rate, counts, rank and movement, tasks, issues, newest release, last run."""
    from pipelines.releases.headline import headline, movement, percent, vietnamese
    from pipelines.releases.lake import open_lake

    try:
        with open_lake(Settings.from_env()) as con:
            said = headline(con)
    except (FileNotFoundError, LookupError) as error:
        raise click.ClickException(str(error)) from None
    last_run = _last_run(Settings.from_env())
    if as_json:
        print(json.dumps({**vars(said), "tasks": vars(said.tasks), "last_run": last_run}, default=str))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    tasks = said.tasks
    for label, value in [
        (
            "Tỷ lệ nộp trực tuyến · online submission rate",
            f"[bold]{percent(said.rate)}[/] ({vietnamese(said.online)} / {vietnamese(said.received)})",
        ),
        ("Mốc báo cáo · cut-off", str(said.cutoff_at)),
        (
            "Xếp hạng · national rank",
            f"{said.national_rank} of {said.province_count} ({movement(said.rank_movement)})",
        ),
        (
            "Nhiệm vụ cấp tỉnh · provincial tasks",
            f"{tasks.total} = {tasks.completed} completed + {tasks.in_term} in term "
            f"+ {tasks.overdue} overdue",
        ),
        ("Vướng mắc đang mở · open issues", vietnamese(said.open_issues)),
        ("Dòng bị loại · rejected rows", vietnamese(said.rejected_rows)),
        (
            "Bản phát hành · release",
            f"{said.release_id} as of {said.as_of}, {said.release_hash[:16]}…",
        ),
        ("Lần chạy gần nhất · last run", last_run),
    ]:
        table.add_row(label, value)
    console.print(table)


def _last_run(settings: Settings) -> str:
    """Read from Dagster's own storage; importing Dagster for one line would cost seconds."""
    import sqlite3

    history = settings.dagster / "history" / "runs.db"
    if not history.exists():
        return "none"
    with sqlite3.connect(f"file:{history}?mode=ro", uri=True) as con:
        row = con.execute(
            "select run_id, status, datetime(start_time, 'unixepoch', 'localtime') "
            "from runs order by id desc limit 1"
        ).fetchone()
    return f"{row[0][:8]} {row[1].lower()} {row[2] or ''}".strip() if row else "none"


@main.command()
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


@main.command()
@click.option("--port", type=int, default=3000, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Dagster has no login: keep it on loopback",
)
def ui(port: int, host: str) -> None:
    """Dagster's UI and daemon on this data directory."""
    from pipelines.warehouse.dbt import ensure_manifest

    ensure_manifest(Settings.from_env())
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    dagster = str(Path(sys.executable).with_name("dagster"))
    words = ["dev", "-m", "pipelines.definitions", "-h", host, "-p", str(port)]
    os.execv(dagster, [dagster, *words])


if __name__ == "__main__":
    main()
