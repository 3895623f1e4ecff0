"""The explained difference as tables for people, in Vietnamese and English."""

from __future__ import annotations

from pipelines.cli.console import console, print_plain
from pipelines.cli.listing import ListColumn, print_list
from pipelines.explain.difference import CauseShare, Difference, Rate
from pipelines.explain.row_changes import RowChanges
from pipelines.explain.words import CAUSES, FIELDS

# What a terminal shows; a pipe and `--json` have all.
MOST_ITEMS, MOST_BATCHES = 20, 40
CAUSE_COLUMNS = (
    ListColumn("cause", "nguyên nhân · cause", is_text=True),
    ListColumn("field", "trường · field", is_text=True),
    ListColumn("numerator_change", "Δ tử số", is_number=True),
    ListColumn("denominator_change", "Δ mẫu số", is_number=True),
    ListColumn("points_change", "Δ điểm %", is_number=True),
    ListColumn("items", "mục · items", is_number=True),
    ListColumn("batches", "lô", minor=1),
)
TABLE_COLUMNS = (ListColumn("table", "bảng · table"), ListColumn("rows", "dòng · rows"))
BATCH_COLUMNS = (
    ListColumn("source", "nguồn · source"),
    ListColumn("day", "ngày · day"),
    ListColumn("batch", "lô · batch", minor=1),
    ListColumn("change", "trước → sau · before → after"),
)


def print_difference(difference: Difference) -> None:
    earlier, later = difference.first, difference.second
    print_plain(f"{earlier.release_id} → {later.release_id}  as of {earlier.as_of} → {later.as_of}")
    if not earlier.same_code(later):
        print_plain("Mã nguồn, quy tắc hoặc danh mục đã đổi · code, rules or reference data changed")
    for rate in difference.rates:
        _print_rate(rate)
    tables = [
        (name, f"{_count(before)} → {_count(after)}")
        for name, (before, after, same) in difference.tables.items()
        if not same
    ]
    if tables:
        print_plain("Bảng thay đổi · changed tables")
        print_list(TABLE_COLUMNS, tables)
    else:
        print_plain("Không bảng nào thay đổi · no table differs")
    if difference.batches:
        print_plain("Lô dữ liệu · batches")
        batches = [
            (batch["source"], batch["partition"], batch["batch_id"], f"{batch['before']} → {batch['after']}")
            for batch in difference.batches
        ]
        print_list(BATCH_COLUMNS, batches, most=MOST_BATCHES)


def _print_rate(rate: Rate) -> None:
    (n0, d0), (n1, d1) = rate.before, rate.after
    first, second = rate.rates
    heading = f"{rate.metric} · {rate.period} · {rate.unit_code}:"
    if not rate.parts:
        print_plain(f"{heading} {_percent(second)} ({n1} / {d1}), không đổi · unchanged")
        return
    print_plain(f"{heading} {_percent(first)} ({n0} / {d0}) → {_percent(second)} ({n1} / {d1})")
    whole = None if first is None or second is None else second - first
    rows = [
        (
            _in_both(CAUSES, part.cause), _in_both(FIELDS, part.field or ""),
            f"{part.numerator_change:+d}", f"{part.denominator_change:+d}", _points(part.rate_change),
            str(part.dossiers), _batches(part),
        )
        for part in rate.parts
    ]  # fmt: skip
    total = ("cộng · whole", "", f"{n1 - n0:+d}", f"{d1 - d0:+d}", _points(whole), "", "")
    print_list(CAUSE_COLUMNS, [*rows, total], most=len(rows) + 1)
    for part in rate.parts:
        if part.dossier_codes:
            cause = f"{part.cause} ({part.field})" if part.field else part.cause
            print_plain(f"{cause}: {_items(part.dossier_codes)}")


def print_row_changes(mart: str, rows: RowChanges) -> None:
    console.print(f"[bold]{mart}[/]: +{rows.added} −{rows.removed} ~{rows.changed}")
    if rows.columns:
        columns = ", ".join(f"{c} ({n})" for c, n in sorted(rows.columns.items(), key=lambda x: -x[1]))
        console.print(f"cột thay đổi · columns changed: {columns}")
    if rows.sample:
        print_list(
            [ListColumn(name, name) for name in rows.sample[0]], [tuple(row.values()) for row in rows.sample]
        )


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
