"""`thongsuot trace`: from a row of a mart to dossiers, landed rows, batches and their origin."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from pipelines.cli.answers import answering, as_json, say
from pipelines.cli.console import console
from pipelines.cli.listing import ListColumn, is_piped, print_list
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon

MOST_BATCHES, MOST_ORIGINS, ORIGIN_LENGTH = 40, 3, 150


BATCHES = (
    ListColumn("source", "nguồn · source"),
    ListColumn("day", "ngày · day"),
    ListColumn("batch_id", "lô · batch"),
    ListColumn("rows", "dòng · rows", minor=2, is_number=True),
    ListColumn("sha256", "SHA-256", minor=1),
    ListColumn("intact", "nguyên · intact"),
)


@click.command()
@click.argument("mart")
@click.argument("key", nargs=-1)
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
    list_columns = [
        ListColumn("batch_id", "lô · batch"),
        ListColumn("row", "_row", is_number=True),
        *(ListColumn(name, name, minor=len(columns) - n) for n, name in enumerate(columns)),
        ListColumn("rejected_by", "bị loại · rejected by", is_text=True),
    ]
    print_list(
        list_columns,
        [
            [row["batch_id"], row["_row"], *(row[name] for name in columns), row["rejected_by"]]
            for row in rows
        ],
        title="Dòng gốc đã nhận · landed rows",
        most=len(rows),
    )


def _print_batches(batches: list[dict[str, Any]]) -> None:
    print_list(
        BATCHES,
        [
            [batch["source"], batch["partition"], batch["batch_id"], batch.get("rows", batch["rows_read"]),
             batch["sha256"] if is_piped() else batch["sha256"][:16], "✓" if batch["intact"] else "✗"]
            for batch in batches
        ],
        title="Lô dữ liệu · batches",
        most=MOST_BATCHES,
    )  # fmt: skip
    for batch in batches[:MOST_ORIGINS]:
        origin = " ".join(str(batch["origin"]).split())
        if len(origin) > 2 * ORIGIN_LENGTH:  # a query begins with its source and ends with its condition
            origin = f"{origin[:ORIGIN_LENGTH]} … {origin[-ORIGIN_LENGTH:]}"
        text = f"{batch['batch_id']}: {origin}; pulled {batch['pulled_at']} UTC, run {batch['run_id']}"
        console.print(text, soft_wrap=True, highlight=False)
