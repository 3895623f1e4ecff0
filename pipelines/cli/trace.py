"""`thongsuot trace`: from a row of a mart to dossiers, landed rows, batches and their origin."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from pipelines.cli.answers import answering, as_json, say
from pipelines.cli.console import console
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon

MOST_BATCHES, MOST_ORIGINS, ORIGIN_LENGTH = 40, 3, 150


@click.command()
@click.argument("mart")
@click.argument("key", nargs=-1, required=True)
@click.option("--release", "release_id", type=int, metavar="N", help="default: the newest")
@click.option("--limit", type=int, default=10, show_default=True, help="how many dossiers to name")
@as_json
def trace(mart: str, key: tuple[str, ...], release_id: int | None, limit: int, as_json: bool) -> None:
    """Where a row of MART comes from. KEY: its key values in order, or COLUMN=VALUE words."""
    from pipelines.explain.trace import trace_row

    with answering():
        result = trace_row(Settings.from_env(), mart, list(key), release_id=release_id, limit=limit)
    if as_json:
        release = {"release_id": result.release.release_id, "as_of": result.release.as_of,
                   "release_hash": result.release.release_hash}  # fmt: skip
        say({**vars(result), "release": release})
        return
    head = result.release
    console.print(
        f"[bold]{result.mart}[/] · bản phát hành · release {head.release_id}, as of {head.as_of}, "
        f"{head.release_hash[:16]}"
    )
    facts = Table(show_header=False, box=None, pad_edge=False)
    for name, value in result.row.items():
        if value is not None:
            facts.add_row(name, str(value))
    console.print(facts)
    if result.items:
        console.print(
            f"[bold]{result.item_count}[/] hồ sơ, nhiệm vụ hoặc vướng mắc · items behind it"
            + (f", row counts {result.counted}" if result.counted is not None else "")
        )
    if result.counted not in (None, result.item_count):
        console.print("[yellow]The row counts an earlier day: its dossiers are shown as they stand today.[/]")
    _print_rows(result.rows, result.source)
    _print_batches(result.batches)


def _print_rows(rows: list[dict[str, Any]], source: str | None) -> None:
    """Of a landed row what fits a terminal, as the source's contract says; `--json` has all of it."""
    if not rows or source is None:
        return
    columns = [c for c in read_canon().sources[source].trace if c in rows[0]]
    table = Table("lô · batch", "_row", *columns, "bị loại · rejected by",
                  title="Dòng gốc đã nhận · landed rows", title_justify="left")  # fmt: skip
    for row in rows:
        values = [str(row[c]) if row[c] is not None else "" for c in columns]
        table.add_row(row["batch_id"], str(row["_row"]), *values, row["rejected_by"] or "")
    console.print(table)


def _print_batches(batches: list[dict[str, Any]]) -> None:
    table = Table("nguồn · source", "ngày · day", "lô · batch", "dòng · rows", "SHA-256", "nguyên · intact",
                  title="Lô dữ liệu · batches", title_justify="left")  # fmt: skip
    for batch in batches[:MOST_BATCHES]:
        rows, state = str(batch.get("rows", batch["rows_read"])), "✓" if batch["intact"] else "[red]✗[/]"
        table.add_row(
            batch["source"], batch["partition"], batch["batch_id"], rows, batch["sha256"][:16], state
        )
    console.print(table)
    if len(batches) > MOST_BATCHES:
        console.print(f"… {len(batches) - MOST_BATCHES} more: --json names all")
    for batch in batches[:MOST_ORIGINS]:
        origin = " ".join(str(batch["origin"]).split())
        if len(origin) > 2 * ORIGIN_LENGTH:  # a query begins with its source and ends with its condition
            origin = f"{origin[:ORIGIN_LENGTH]} … {origin[-ORIGIN_LENGTH:]}"
        text = f"{batch['batch_id']}: {origin}; pulled {batch['pulled_at']} UTC, run {batch['run_id']}"
        console.print(text, soft_wrap=True, highlight=False)
