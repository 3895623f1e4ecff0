"""`thongsuot demo | run | ui`: bring up sources, run a night, open the UI."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta

import click

from pipelines.cli.answers import DAY, Unanswered, as_json, say
from pipelines.cli.console import console, show_progress
from pipelines.settings import LOCAL_ZONE, Settings


@click.command()
@click.option("--until", type=DAY, default="2025-08-07", show_default=True)
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="1 = the whole province",
)
def demo(until: datetime, scale: float) -> None:
    """Bring up the demo province's source systems (synthetic, calibrated to published totals)."""
    from pipelines.demo import generate, list_crowded_days

    settings = Settings.from_env()
    with console.status("demo province…") as status:
        manifest = generate(
            settings.data / "demo",
            until=until.date(),
            scale=scale,
            progress=lambda part: status.update(f"demo province: {part}"),
        )
    console.print(
        f"Demo province ready under {settings.data / 'demo'}: "
        f"{manifest['rows']['one_stop']:,} log rows, synthetic, seed {manifest['seed']}."
    )
    if days := list_crowded_days(manifest):
        console.print(
            f"So small a demo cannot hold its planted faults: on {len(days)} days they are more than 2 % of the "
            f"rows, and `thongsuot run` stops there. `--scale 0.002` and more runs through."
        )


@click.command()
@click.option("--partition", metavar="A[..B]", help="days to bring up to date, e.g. 2025-08-01..2025-08-06")
@click.option(
    "--as-of",
    "as_of",
    metavar="T",
    help="local time, e.g. '2025-08-06 16:00:00', or a day (its end); default: end of the newest day delivered",
)
@click.option("--again", is_flag=True, help="pull days again that were landed already")
@click.option("--revalidate", is_flag=True, help="validate what is landed again, without pulling")
@click.option(
    "--full", is_flag=True, help="derive everything anew, also what did not change since the last build"
)
@click.option("--reason", default="thongsuot run", show_default=True, help="written into the release")
@as_json
def run(
    partition: str | None,
    as_of: str | None,
    again: bool,
    revalidate: bool,
    full: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Land, validate, build, publish, export. Days already landed are not pulled again."""
    from pipelines.lake.location import check_place
    from pipelines.runs.execute import run_night
    from pipelines.runs.plan import DaysRefused, plan_run
    from pipelines.warehouse.moment import MomentRefused, read_moment
    from pipelines.warehouse.spark.extra import check_spark

    settings = Settings.from_env()
    check_spark(settings)
    check_place(settings)  # before hours of work that could not be published
    if as_of:
        try:
            as_of = str(read_moment(as_of))
        except MomentRefused as error:
            raise click.BadParameter(str(error), param_hint="--as-of") from None
    first, last = _read_range(partition, settings)
    with show_progress() as on_step:
        try:
            plan = plan_run(settings, first, last, again=again, revalidate=revalidate)
        except DaysRefused as error:
            if not partition:
                raise Unanswered(str(error)) from None
            raise click.BadParameter(str(error), param_hint="--partition") from None
        result = run_night(
            settings, plan, reason=reason, as_of=as_of, full=full, only_missing=not again, on_step=on_step
        )
    if as_json:
        say(
            {
                "success": result.success,
                "text": result.text,
                "job": plan.job,
                "days": plan.days,
                **result.details,
            }
        )
    else:
        console.print(result.text, soft_wrap=True, highlight=False, markup=False)
    sys.exit(0 if result.success else 1)


def _read_range(partition: str | None, settings: Settings) -> tuple[date, date]:
    """`A`, `A..B`, or everything: from the first day of sources.yaml to its last day, else yesterday."""
    from pipelines.sources.contracts.contract import load_contracts

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
    return contracts.first_day, contracts.last_day or yesterday


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Dagster has no login: keep it on loopback, or behind a proxy that asks (docs/security.md)",
)
def ui(port: int, host: str) -> None:
    """Dagster's UI and daemon on this data directory."""
    from pipelines.runs.ports import PortTaken, UiRunning, ensure_free, own_ui
    from pipelines.warehouse.dbt import ensure_manifest
    from pipelines.web.serve import serve_dagster

    settings = Settings.from_env()
    address = f"http://{host}:{port}"
    try:
        with own_ui(settings, address):
            ensure_free(host, port)
            ensure_manifest(settings)
            console.print(f"Dagster: {address}   (Ctrl-C ends it)", soft_wrap=True, highlight=False)
            serve_dagster(host, port)
    except (PortTaken, UiRunning) as error:
        raise click.ClickException(str(error)) from None
