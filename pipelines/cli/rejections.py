"""`thongsuot rejections`: what was rejected and is still open; listed, grouped, sent back to the units."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from pipelines.cli.answers import DAY, require_landing, require_one_of
from pipelines.cli.console import console
from pipelines.cli.listing import ListColumn, is_piped, print_list
from pipelines.settings import Settings

GROUPS = {"rule": "rule", "unit": "unit_code", "source": "source", "day": "day"}
COLUMNS = (
    ListColumn("source", "nguồn · source"),
    ListColumn("day", "ngày · day"),
    ListColumn("row", "dòng · row", is_number=True),
    ListColumn("unit_code", "đơn vị · unit", minor=2),
    ListColumn("row_key", "mã · key", minor=3),
    ListColumn("column", "cột · column", minor=1),
    ListColumn("value", "giá trị sai · value at fault", is_text=True),
    ListColumn("rule", "quy tắc · rule"),
    ListColumn("reason_vi", "lý do · reason", minor=4, is_text=True),
    ListColumn("reason_en", "reason", minor=7, is_text=True),
    ListColumn("first_seen", "từ · first seen", minor=5),
    ListColumn("last_seen", "đến · last seen", minor=6),
    ListColumn("state", "tình trạng · state", minor=8),
    ListColumn("resolved_by_batch", "sửa bởi lô · resolved by", minor=9),
)
NONE = "There are no rejected rows of this kind: nothing to correct."

Row = dict[str, Any]


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which every subcommand is narrowed."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="for programs"),
        click.option("--all", "everything", is_flag=True, help="also what was resolved since"),
        click.option("--day", type=DAY, help="only this day's batches"),
        click.option("--rule", help="only this rule"),
        click.option("--unit", help="only this unit's code"),
        click.option("--source", help="only this source"),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.pass_context
def rejections(context: click.Context) -> None:
    """Rejected rows: values, rules, reasons, since when. Read from the reports on disk, also while a day
    is blocked and before anything is published; a release publishes the same as audit.rejections."""
    if context.invoked_subcommand is None:
        context.invoke(list_rows)


@rejections.command("list")
@filters
@click.option("--limit", default=50, show_default=True, help="rows shown; --json shows all")
def list_rows(as_json: bool = False, limit: int = 50, **narrowed: Any) -> None:
    """Each rejected row × failed rule once, with the first and the last batch that held it."""
    rows = list_rejections(Settings.from_env(), **narrowed)
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        click.echo(NONE, err=is_piped())
        return
    print_list(COLUMNS, [[row[column.name] for column in COLUMNS] for row in rows], most=limit)


@rejections.command()
@filters
@click.option("--by", type=click.Choice(list(GROUPS)), default="rule", show_default=True)
def groups(as_json: bool, by: str, **narrowed: Any) -> None:
    """Counts by rule, unit, source or day, the largest first."""
    narrowed["everything"], with_resolved = True, narrowed["everything"]
    counts: dict[Any, Row] = {}
    for row in list_rejections(Settings.from_env(), **narrowed):
        name = row[GROUPS[by]]
        group = counts.setdefault(name, {by: str(name) if by == "day" else name, "open": 0, "resolved": 0})
        group[row["state"]] += 1
        if by == "rule":
            group["reason_vi"] = row["reason_vi"]
    ranked = sorted(
        (group for group in counts.values() if group["open"] or with_resolved),
        key=lambda group: (-group["open"], str(group[by])),
    )
    if as_json:
        print(json.dumps(ranked, ensure_ascii=False))
        return
    if not ranked:
        click.echo(NONE, err=is_piped())
        return
    columns = [
        ListColumn(by, by),
        ListColumn("open", "chưa sửa · open", is_number=True),
        ListColumn("resolved", "đã sửa · resolved", is_number=True),
        *([ListColumn("reason_vi", "lý do · reason", minor=1, is_text=True)] if by == "rule" else []),
    ]
    print_list(columns, [[group[column.name] for column in columns] for group in ranked], most=len(ranked))


@rejections.command()
@filters
@click.option("--per-unit", is_flag=True, help="one workbook per unit, in the folder --out")
@click.option("--out", type=click.Path(path_type=Path), help="default: exports/rejections(.xlsx)")
def export(as_json: bool, per_unit: bool, out: Path | None, **narrowed: Any) -> None:
    """Workbooks to send back to the units concerned: a sheet, or a file, for each."""
    from pipelines.quality.unit_workbooks import write_unit_workbooks
    from pipelines.sources.contracts.contract import load_contracts

    settings = Settings.from_env()
    rows = list_rejections(settings, **narrowed)
    files: Sequence[Path] = []
    if rows:
        out = out or settings.data / "exports" / ("rejections" if per_unit else "rejections.xlsx")
        contracts = load_contracts(settings.sources_file)
        files = write_unit_workbooks(rows, contracts, _unit_names(settings), out, per_unit=per_unit)
    units = len({r["unit_code"] for r in rows})
    # One row may break several rules.
    count = len({(r["batch_id"], r["row"]) for r in rows})
    if as_json:
        print(
            json.dumps({"files": [str(f) for f in files], "units": units, "rows": count, "faults": len(rows)})
        )
    elif not rows:
        console.print(NONE)
    else:
        console.print(f"{count} rows with {len(rows)} faults, for {units} units: {out}")


def list_rejections(
    settings: Settings,
    *,
    source: str | None = None,
    unit: str | None = None,
    rule: str | None = None,
    day: datetime | None = None,
    everything: bool = False,
) -> list[Row]:
    """The last occurrence of every rejected row × rule, oldest day first; `state`: open or resolved.

    BadParameter for a source, rule, unit or day that is none: "nothing to correct" would be a false comfort.
    """
    from pipelines import duck
    from pipelines.landing.withdrawals import find_withdrawn
    from pipelines.quality.place_suite import load_suite
    from pipelines.quality.rejections import find_reported_batches, write_rejections
    from pipelines.sources.contracts.contract import load_contracts

    contracts = load_contracts(settings.sources_file)
    require_one_of("--source", source, contracts.sources)
    require_one_of("--rule", rule, (e.rule for s in contracts.sources.values() for e in load_suite(s).rows))
    require_landing(settings)
    reported = find_reported_batches(settings, contracts)
    if day and not any(batch.partition == str(day.date()) for batch, _ in reported):
        landed = sorted(batch.partition for batch, _ in reported)
        listed = f"{landed[0]} to {landed[-1]}" if landed else "none"
        raise click.BadParameter(
            f"no batch of {day.date()} was validated; days: {listed}", param_hint="--day"
        )
    days = {batch.batch_id: date.fromisoformat(batch.partition) for batch, _ in reported}
    on = day and str(day.date())
    conditions = {"source": source, "unit_code": unit, "rule": rule, "partition_key": on}
    where = "".join(f" and {name}::varchar = ${name}" for name, value in conditions.items() if value)
    with duck.connect(settings.extensions) as con:
        write_rejections(con, contracts, reported, "rejections", find_withdrawn(settings.landing))
        if unit is not None:
            codes = con.execute(
                "select distinct unit_code from rejections where unit_code is not null"
            ).fetchall()
            require_one_of("--unit", unit, {code for (code,) in codes} | set(_unit_names(settings)))
        query = con.execute(
            "select source, partition_key as day, batch_id, _row as row, row_key, unit_code, "
            "column_name as column, bad_value as value, rule, reason_en, reason_vi, first_seen_batch, "
            "last_seen_batch, resolved_by_batch, if(resolved_by_batch is null, 'open', 'resolved') as state "
            f"from rejections where batch_id = last_seen_batch{where} "
            "order by partition_key, source, _row, rule",
            {name: value for name, value in conditions.items() if value},
        )
        names = [column[0] for column in query.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in query.fetchall()]
    for row in rows:
        row["first_seen"], row["last_seen"] = days[row["first_seen_batch"]], days[row["last_seen_batch"]]
    return [row for row in rows if everything or row["state"] == "open"]


def _unit_names(settings: Settings) -> dict[str, str]:
    """Unit code → its newest name, from the units as landed; empty where there are none."""
    from pipelines import duck
    from pipelines.quality.references import find_references

    units = find_references(["units"], settings.landing)
    if not units:
        return {}
    with duck.connect(settings.extensions) as con:
        return dict(
            con.execute(
                "select unit_code, arg_max(unit_name, coalesce(valid_from, '')) "
                f"from read_parquet({duck.literal(units['units'].path)}) group by 1"
            ).fetchall()
        )
