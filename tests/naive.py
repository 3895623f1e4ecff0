"""The dossier marts counted again, as plainly as it can be said: one dossier after the other, in Python.

Shares no code and no SQL with the pipeline. Slow on purpose; the demo's shape of data only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import holidays
import pandas as pd

RECEIVED = {2, 4, 5, 6, 7, 8, 9, 10}
ENDED = {3, 7, 8, 9, 10}
# Within one second a dossier goes its usual way.
ORDER = {1: 1, 2: 2, 6: 3, 5: 4, 4: 5, 8: 6, 3: 7, 7: 8, 9: 9, 10: 10}
MERGER = date(2025, 7, 1)


class Dossier(NamedTuple):
    code: str
    unit: str
    responsible: str
    sector: str
    received: datetime | None
    due: datetime | None
    ended: datetime | None
    last_status: int
    is_online: bool
    is_late: bool
    rows: list[dict[str, Any]]


class Calendar:
    def __init__(self, overrides: Path) -> None:
        self.vietnam = holidays.country_holidays("VN", years=range(2024, 2028))
        said = pd.read_csv(overrides, dtype=str)
        self.said = {
            date.fromisoformat(d): w == "true" for d, w in zip(said.date, said.is_working_day, strict=True)
        }

    def works(self, day: date) -> bool:
        return self.said.get(day, self.vietnam.is_working_day(day))

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`."""
        days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
        return sum(self.works(day) for day in days)


def read(accepted: Iterable[Path]) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path) for path in accepted], ignore_index=True)


def dossiers(log: pd.DataFrame, as_of: datetime, mapping: Path) -> list[Dossier]:
    """`log`: accepted rows; `mapping`: unit_mapping.csv. What was recorded after `as_of` is not known."""
    becomes = dict(pd.read_csv(mapping, dtype=str)[["old_unit_code", "new_unit_code"]].values)
    by_code: dict[str, dict[tuple[datetime, int], list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in log[log.recorded_at <= as_of].astype(object).where(log.notna(), None).to_dict("records"):
        by_code[row["dossier_code"]][row["recorded_at"], row["status_code"]].append(row)

    def today(code: str | None, day: date) -> str | None:
        return becomes.get(code, code) if code and day < MERGER else code

    made = []
    for code, states in by_code.items():
        rows = []
        for deliveries in states.values():
            deliveries.sort(key=lambda r: (r["synced_at"], r["batch_id"], r["_row"]))
            rows.append({**deliveries[-1], "arrived": deliveries[0]["synced_at"]})
        rows.sort(key=lambda r: (r["recorded_at"], r["synced_at"], ORDER[r["status_code"]]))
        last = rows[-1]

        def newest(name: str, rows: list[dict[str, Any]] = rows) -> Any:
            return next((r[name] for r in reversed(rows) if r[name] is not None), None)

        taken = [r for r in rows if r["status_code"] in RECEIVED]
        received = newest("received_at") or (min(r["recorded_at"] for r in taken) if taken else None)
        arrived = min(
            (r["arrived"] for r in rows if r["status_code"] in RECEIVED or r["received_at"] is not None),
            default=None,
        )
        ended = None
        if received and last["status_code"] in ENDED:
            nine = [r["recorded_at"] for r in rows if r["status_code"] == 9]
            ten = [r["recorded_at"] for r in rows if r["status_code"] == 10]
            returned = (newest("returned_at") or max(ten)) if ten else None
            ended = newest("finished_at") or (max(nine) if nine else None) or returned or last["recorded_at"]
        unit = today(last["receiving_unit_code"], (received or last["recorded_at"]).date()) or "unknown"
        made.append(
            Dossier(
                code, unit, today(last["processing_unit_code"], last["recorded_at"].date()) or unit,
                last["sector_code"] or "unknown", received, newest("due_at"), ended, last["status_code"],
                last["channel"] == "online",
                bool(received and arrived and arrived.date() > received.date()), rows,
            )
        )  # fmt: skip
    return made


def online(all_of: list[Dossier], as_of: datetime, since: datetime) -> dict[str, tuple[int, int, int]]:
    """Receiving unit → received, online, late since `since`."""
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for d in all_of:
        if d.received and since <= d.received <= as_of:
            line = counted[d.unit]
            line[0] += 1
            line[1] += d.is_online
            line[2] += d.is_late
    return {unit: (a, b, c) for unit, (a, b, c) in counted.items()}


def is_overdue(d: Dossier, at: datetime) -> bool:
    """Whether an open dossier is overdue at `at`, by what its records said then (its first before the first)."""
    known = [r for r in d.rows if r["recorded_at"] <= at] or d.rows[:1]
    if (known[-1]["supplement_requests"] or 0) > 1:
        return True
    due = next((r["due_at"] for r in reversed(known) if r["due_at"] is not None), None)
    return known[-1]["status_code"] != 5 and due is not None and at > due


def form_ii06a(all_of: list[Dossier], month: date, as_of: datetime) -> dict[tuple[str, str], Counter[str]]:
    """(responsible unit, sector) → the columns 4 to 13 of form II.06a, without those that are sums."""
    next_month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    end = min(datetime.combine(next_month, time()) - timedelta(seconds=1), as_of)
    form: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for d in all_of:
        if d.received is None or d.received > end:
            continue
        line = form[d.responsible, d.sector]
        closed = max(d.ended.date(), d.received.date()) if d.ended else None
        if d.received.date() >= month:
            line["received_online" if d.is_online else "received_other"] += 1
        elif closed is None or closed >= month:
            line["carried_over"] += 1
        if closed is None or closed > end.date():
            line["open_overdue" if is_overdue(d, end) else "open_in_term"] += 1
        elif closed >= month:
            late = d.due is not None and d.ended is not None and d.ended.date() > d.due.date()
            early = d.due is not None and d.ended is not None and d.ended.date() < d.due.date()
            line["resolved_late" if late else "resolved_early" if early else "resolved_on_time"] += 1
    return {key: line for key, line in form.items() if line}
