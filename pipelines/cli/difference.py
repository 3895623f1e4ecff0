"""The explained difference as tables for people, in Vietnamese and English."""

from __future__ import annotations

from rich.table import Table

from pipelines.cli.console import console
from pipelines.explain.difference import CauseShare, Difference, Rate
from pipelines.explain.row_changes import RowChanges
from pipelines.explain.words import CAUSES, FIELDS

# What a terminal shows; `--json` has all.
MOST_ITEMS, MOST_BATCHES = 20, 40


def print_difference(difference: Difference) -> None:
    earlier, later = difference.first, difference.second
    console.print(
        f"[bold]{earlier.release_id} → {later.release_id}[/]  as of {earlier.as_of} → {later.as_of}"
    )
    if not earlier.same_code(later):
        console.print("Mã nguồn, quy tắc hoặc danh mục đã đổi · code, rules or reference data changed")
    for rate in difference.rates:
        _print_rate(rate)
    table = Table("bảng · table", "dòng · rows", title="Bảng thay đổi · changed tables", title_justify="left")
    for name, (before, after, same) in difference.tables.items():
        if not same:
            table.add_row(name, f"{_count(before)} → {_count(after)}")
    console.print(table if table.row_count else "Không bảng nào thay đổi · no table differs")
    if difference.batches:
        table = Table("nguồn · source", "ngày · day", "lô · batch", "trước → sau · before → after",
                      title="Lô dữ liệu · batches", title_justify="left")  # fmt: skip
        for batch in difference.batches[:MOST_BATCHES]:
            change = f"{batch['before']} → {batch['after']}"
            table.add_row(batch["source"], batch["partition"], batch["batch_id"], change)
        console.print(table)
        if len(difference.batches) > MOST_BATCHES:
            console.print(f"… {len(difference.batches) - MOST_BATCHES} more: --json names all")


def _print_rate(rate: Rate) -> None:
    (n0, d0), (n1, d1) = rate.before, rate.after
    first, second = rate.rates
    heading = f"{rate.metric} · {rate.period} · {rate.unit_code}:"
    if not rate.parts:
        console.print(f"{heading} {_percent(second)} ({n1} / {d1}), không đổi · unchanged", highlight=False)
        return
    table = Table(
        "nguyên nhân · cause", "trường · field", "Δ tử số", "Δ mẫu số", "Δ điểm %", "mục · items", "lô",
        title=f"{heading} {_percent(first)} ({n0} / {d0}) → {_percent(second)} ({n1} / {d1})",
        title_justify="left",
    )  # fmt: skip
    for column in table.columns[2:6]:
        column.justify = "right"
    for part in rate.parts:
        table.add_row(
            _in_both(CAUSES, part.cause), _in_both(FIELDS, part.field or ""),
            f"{part.numerator_change:+d}", f"{part.denominator_change:+d}", _points(part.rate_change),
            str(part.dossiers), _batches(part),
        )  # fmt: skip
    whole = None if first is None or second is None else second - first
    table.add_section()
    table.add_row("[bold]cộng · whole[/]", "", f"{n1 - n0:+d}", f"{d1 - d0:+d}", _points(whole), "", "")
    console.print(table)
    for part in rate.parts:
        if part.dossier_codes:
            cause = f"{part.cause} ({part.field})" if part.field else part.cause
            console.print(f"{cause}: {_items(part.dossier_codes)}", soft_wrap=True, highlight=False)


def print_row_changes(mart: str, rows: RowChanges) -> None:
    console.print(f"[bold]{mart}[/]: +{rows.added} −{rows.removed} ~{rows.changed}")
    if rows.columns:
        columns = ", ".join(f"{c} ({n})" for c, n in sorted(rows.columns.items(), key=lambda x: -x[1]))
        console.print(f"cột thay đổi · columns changed: {columns}")
    if rows.sample:
        table = Table(*rows.sample[0])
        for row in rows.sample:
            table.add_row(*map(str, row.values()))
        console.print(table)


def _in_both(words: dict[str, tuple[str, str]], code: str) -> str:
    return " · ".join(words.get(code, (code,)))


def _items(codes: list[str]) -> str:
    left = len(codes) - MOST_ITEMS
    return ", ".join(codes[:MOST_ITEMS]) + (f" … {left} more: --json names all" if left > 0 else "")


def _batches(part: CauseShare) -> str:
    more = f" +{len(part.batches) - 1}" if len(part.batches) > 1 else ""
    return f"{part.batches[0]}{more}" if part.batches else ""


def _percent(rate: float | None) -> str:
    return "n/a" if rate is None else f"{100 * rate:.4f} %"


def _points(change: float | None) -> str:
    return "" if change is None else f"{100 * change:+.4f}"


def _count(rows: int | None) -> str:
    return "–" if rows is None else str(rows)
