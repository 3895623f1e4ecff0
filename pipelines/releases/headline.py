"""The headline of the newest release, for `thongsuot status` and the UI: read, never computed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from pipelines.releases import ledger
from pipelines.releases.lake import ALIAS


@dataclass(frozen=True)
class TaskBuckets:
    """Provincial tasks by derived state; `total` is the sum of the three (DOMAIN §4)."""

    total: int = 0
    completed: int = 0
    in_term: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Headline:
    """K1–K3 as rows of the newest release. `rate` is 0..1, None where nothing was received."""

    release_id: int
    release_hash: str
    as_of: datetime
    cutoff_at: datetime | None
    received: int
    online: int
    rate: float | None
    national_rank: int | None
    province_count: int | None
    rank_movement: int | None
    tasks: TaskBuckets
    open_issues: int
    rejected_rows: int


def headline(con: duckdb.DuckDBPyConnection) -> Headline:
    """LookupError where nothing was released yet."""
    chain = ledger.releases(con)
    if not chain:
        raise LookupError("No release yet. Run `thongsuot run` first.")

    def one(sql: str) -> tuple[Any, ...] | None:
        return con.execute(sql.replace("lake.", f"{ALIAS}.")).fetchone()

    cutoff = one(
        "select cutoff_at, received, online, rate, national_rank, province_count, rank_movement "
        "from lake.marts.online_submission_headline order by cutoff_at desc limit 1"
    ) or (None, 0, 0, None, None, None, None)
    tasks = one(
        "select total, completed, open_in_term + open_no_due, "
        "open_overdue from lake.marts.task_completion "
        "where owner_level = 'province' and lead_agency_code = 'all' "
        "order by as_of_day desc limit 1"
    )
    issues = one("select count(*) from lake.marts.issue_backlog where is_open") or (0,)
    rejected = one("select count(distinct (batch_id, _row)) from lake.audit.rejections where is_current") or (
        0,
    )
    newest = chain[-1]
    named = ("cutoff_at", "received", "online", "rate", "national_rank", "province_count")
    return Headline(
        release_id=newest.release_id,
        release_hash=newest.release_hash,
        as_of=newest.as_of,
        **dict(zip((*named, "rank_movement"), cutoff, strict=True)),
        tasks=TaskBuckets(*tasks) if tasks else TaskBuckets(),
        open_issues=issues[0],
        rejected_rows=rejected[0],
    )


def vietnamese(number: int) -> str:
    """`310903` → `310 903`, as the province prints counts."""
    return f"{number:,}".replace(",", " ")


def percent(rate: float | None) -> str:
    """`0.723473` → `72.35 %`; a missing rate is said, not printed as zero."""
    return "n/a" if rate is None else f"{rate * 100:.2f} %"


def movement(places: int | None) -> str:
    if not places:
        return "unchanged" if places == 0 else "no earlier rank"
    return f"{'up' if places > 0 else 'down'} {abs(places)}"


def headline_markdown(said: Headline) -> str:
    """The same headline as a small table, for the UI."""
    return "\n".join(
        [
            "| | |",
            "|---|---|",
            f"| Tỷ lệ nộp trực tuyến · online submission rate | **{percent(said.rate)}** "
            f"({vietnamese(said.online)} / {vietnamese(said.received)}) |",
            f"| Mốc báo cáo · cut-off | {said.cutoff_at} |",
            f"| Xếp hạng · national rank | {said.national_rank} / {said.province_count} "
            f"({movement(said.rank_movement)}) |",
            f"| Nhiệm vụ cấp tỉnh · provincial tasks | {said.tasks.total} = "
            f"{said.tasks.completed} + {said.tasks.in_term} + {said.tasks.overdue} |",
            f"| Vướng mắc đang mở · open issues | {vietnamese(said.open_issues)} |",
            f"| Dòng bị loại · rejected rows | {vietnamese(said.rejected_rows)} |",
        ]
    )
