"""`thongsuot sources list | check | schema`: a place's systems against the contract, before a night."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime

import click
import yaml
from rich.markup import escape

from pipelines.cli.answers import DAY, as_json, say
from pipelines.cli.console import console
from pipelines.cli.listing import ListColumn, print_list
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, Source, load_contracts

COLUMNS = (
    ListColumn("source", "nguồn · source"),
    ListColumn("connector", "kết nối · connector"),
    ListColumn("days", "theo ngày · days", minor=2),
    ListColumn("mapped", "cột · mapped", minor=1),
    ListColumn("personal", "cá nhân · personal", minor=3, is_number=True),
    ListColumn("last_landed", "lô cuối · last landed"),
    ListColumn("rows", "dòng · rows", is_number=True),
)
COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.group()
def sources() -> None:
    """The sources of this place: list them, check them, explain sources.yaml to an editor."""


@sources.command(name="list")
@as_json
def list_(as_json: bool) -> None:
    """Every source: how it is reached, what is mapped, what was landed last."""
    from pipelines.landing.withdrawals import find_newest_remaining

    settings = Settings.from_env()
    contracts = load_contracts(settings.sources_file)
    rows: list[list[object]] = []
    for source in contracts.sources.values():
        landed = find_newest_remaining(settings.landing, source.name)
        last = landed[max(landed)] if landed else None
        mapped = sum(c.mapped for c in source.columns)
        rows.append(
            [source.name, source.connector, source.partitioning, f"{mapped} of {len(source.columns)}",
             len(source.personal), last.partition if last else "never", last.rows if last else None]
        )  # fmt: skip
    for name, reference in contracts.reference.items():
        rows.append([f"reference {name}", "file", "", len(reference.columns), None, None, None])
    if as_json:
        say([dict(zip((column.name for column in COLUMNS), row, strict=True)) for row in rows])
        return
    print_list(COLUMNS, rows)


def _read_rows(_context: click.Context, _option: click.Parameter, text: str) -> int | None:
    """None for all."""
    if text == "all":
        return None
    if not text.isdigit() or not int(text):
        raise click.BadParameter(f"{text!r} is neither a number of rows nor `all`")
    return int(text)


@sources.command()
@click.argument("name", required=False)
@click.option("--partition", metavar="DAY", type=DAY, help="the day to sample")
@click.option("--rows", metavar="N|all", default="1000", show_default=True, callback=_read_rows,
              help="the first N rows of the day, or all of them")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="for programs")
def check(name: str | None, partition: datetime | None, rows: int | None, as_json: bool) -> None:
    """Connect, read a sample, and say what would happen to it. Nothing is landed, nothing is changed."""
    from pipelines.examine import examine_source

    settings = Settings.from_env()
    contracts = load_contracts(settings.sources_file)
    day = partition.date() if partition else None
    examinations = []
    for source in _chosen(contracts, name):
        with console.status(f"{source.name}…"):
            examinations.append(examine_source(contracts, source, settings, partition=day, rows=rows))
    if as_json:
        print(
            json.dumps(
                [{**asdict(one), "ok": one.ok} for one in examinations], ensure_ascii=False, default=str
            )
        )
    else:
        for one in examinations:
            _print(one)
    sys.exit(0 if all(one.ok for one in examinations) else 1)


@sources.command()
@click.option("--write", is_flag=True, help="write sources.schema.json beside sources.yaml")
def schema(write: bool) -> None:
    """The JSON Schema of sources.yaml, from which an editor completes and explains it."""
    from pipelines.sources.contracts.schema import SCHEMA, render_schema, write_schema

    if write:
        write_schema()
        console.print(f"Wrote {SCHEMA.name}.")
    else:
        print(render_schema(), end="")


def _chosen(contracts: Contracts, name: str | None) -> list[Source]:
    from pipelines.sources.contracts.names import suggest_nearest

    if name is None:
        return list(contracts.sources.values())
    if name not in contracts.sources:
        raise click.BadParameter(
            f"no source `{name}`{suggest_nearest(name, contracts.sources)}", param_hint="NAME"
        )
    return [contracts.sources[name]]


def _print(seen) -> None:  # type: ignore[no-untyped-def]
    """One source, top to bottom: what was read, what is mapped, what is wrong, what to change."""
    verdict = "[green]ready[/]" if seen.ok else "[red]not ready[/]"
    console.print(f"\n[bold]{seen.source}[/] {seen.partition}: {verdict}")
    if seen.origin:
        console.print(f"read {seen.rows:,} rows from {escape(seen.origin[:160])}", style="dim")
    if seen.mapped:
        console.print("mapped   " + escape(", ".join(f"{c} ← {h}" for c, h in seen.mapped.items())))
    if seen.dropped:
        console.print(
            "personal " + escape(", ".join(f"{h} ({k})" for h, k in seen.dropped.items())) + ": dropped"
        )
    for advice in seen.advice:
        colour = COLOURS[advice.level]
        text = advice.text.removeprefix(f"{advice.about} ")
        console.print(f"[{colour}]{advice.level:8}[/] [bold]{escape(advice.about)}[/] {escape(text)}")
    if not seen.is_whole:
        console.print(
            f"[yellow]warning [/] only the first {seen.rows:,} rows were read: rarer words and faults may follow. "
            f"`--rows all` reads everything"
        )
    if (seen.rows and seen.ok) or seen.rejected:
        console.print(f"rejected {seen.rows_rejected:,} of {seen.rows:,} rows")
    for rule, rejected in seen.rejected.items():
        kept = "rejected" if rejected["severity"] == "critical" else "kept, warned"
        console.print(f"         {rejected['rows']:,} × {rule} ({kept}): {escape(rejected['reason'])}")
    if seen.changes:
        suggested = yaml.safe_dump(
            {"sources": {seen.source: seen.changes}}, allow_unicode=True, sort_keys=False, width=100
        )
        console.print("\nSuggested for sources.yaml (nothing was changed; check each line):", style="bold")
        console.print(escape(suggested), highlight=False)
    if seen.unknown_words:
        console.print("\nWords that only you can place; fill in the map and copy it:", style="bold")
        console.print(escape(_draw_skeleton(seen)), highlight=False, soft_wrap=True)


def _draw_skeleton(seen) -> str:  # type: ignore[no-untyped-def]
    """A value map of every unknown word without its meaning: sources.yaml refuses it until it is filled in."""
    lines = ["sources:", f"  {seen.source}:", "    columns:"]
    for column, words in seen.unknown_words.items():
        lines += [f"      {column}:", f"        value_map:  # {', '.join(seen.meanings[column])}"]
        for word, rows in words.items():
            key = (
                yaml.safe_dump(word, allow_unicode=True, width=10_000)
                .removesuffix("\n")
                .removesuffix("\n...")
            )
            lines.append(f"          {key}:  # {rows:,} rows")
    return "\n".join(lines)
