"""The headline of the newest release, for `thongsuot status` and the UI: read, never computed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from pipelines.exports.common import SINCE_START
from pipelines.lake import ledger
from pipelines.lake.catalogue import ALIAS
from pipelines.sources.contracts.canon import read_canon


@dataclass(frozen=True)
class TaskBuckets:
    """Provincial tasks by derived state; `total` is the sum of the three (docs/domain.md §4)."""

    total: int = 0
    completed: int = 0
    in_term: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Headline:
    """K1–K3 as rows of the newest release; None for what the place does not have.

    Counts and `rate` (0..1, None where nothing was received) are those of the newest cut-off; of a place
    without cut-offs, those of the newest day since counting began. None where it has no dossier log.
    """

    release_id: int
    release_hash: str
    as_of: datetime
    cutoff_at: datetime | None
    received: int | None
    online: int | None
    rate: float | None
    national_rank: int | None
    province_count: int | None
    rank_movement: int | None
    tasks: TaskBuckets | None
    open_issues: int | None
    rejected_rows: int


def read_headline(con: duckdb.DuckDBPyConnection) -> Headline:
    """LookupError where nothing was released yet."""
    chain = ledger.list_releases(con)
    if not chain:
        raise LookupError("No release yet. Run `thongsuot run` first.")

    def one(sql: str, *parameters: str) -> tuple[Any, ...] | None:
        return con.execute(sql.replace("lake.", f"{ALIAS}."), parameters).fetchone()

    whole = read_canon().whole.level

    counted = (
        one(
            "select cutoff_at, received, online, rate, national_rank, province_count, rank_movement "
            "from lake.marts.online_submission_headline order by cutoff_at desc limit 1"
        )
        or one(
            "select null, denominator, numerator, rate, null, null, null from lake.marts.online_submission_rate "
            "where unit_level = ? and period = ? order by as_of_day desc limit 1",
            whole,
            SINCE_START,
        )
        or (None, 0, 0, None, None, None, None)
    )
    if not _has_log(con):
        counted = (None, None, None, None, *counted[4:])
    tasks = one(
        "select total, completed, open_in_term + open_no_due, "
        "open_overdue from lake.marts.task_completion "
        "where owner_level = ? and lead_agency_code = 'all' "
        "order by as_of_day desc limit 1",
        whole,
    )
    issues = one(
        "select case when count(*) > 0 then count(*) filter (is_open) end from lake.marts.issue_backlog"
    )
    rejected = one("select count(distinct (batch_id, _row)) from lake.audit.rejections where is_current")
    newest = chain[-1]
    names = ("cutoff_at", "received", "online", "rate", "national_rank", "province_count")
    return Headline(
        release_id=newest.release_id,
        release_hash=newest.release_hash,
        as_of=newest.as_of,
        **dict(zip((*names, "rank_movement"), counted, strict=True)),
        tasks=TaskBuckets(*tasks) if tasks else None,
        open_issues=issues[0] if issues else None,
        rejected_rows=rejected[0] if rejected else 0,
    )


def _has_log(con: duckdb.DuckDBPyConnection) -> bool:
    sql = f"select 1 from {ALIAS}.audit.batches where source = 'dossier_log' limit 1"
    return con.execute(sql).fetchone() is not None


def list_figures(headline: Headline) -> list[tuple[str, str]]:
    """(label, value) in words, for `thongsuot status` and the UI; what the place does not have is said."""
    tasks = headline.tasks
    return [
        (
            "Tỷ lệ nộp trực tuyến · online submission rate",
            "no dossier log"
            if headline.received is None or headline.online is None
            else f"{percent(headline.rate)} ({vietnamese(headline.online)} / {vietnamese(headline.received)})",
        ),
        (
            "Mốc báo cáo · cut-off",
            str(headline.cutoff_at)
            if headline.cutoff_at
            else f"{'none yet; ' if headline.received is not None else ''}counted to {headline.as_of}",
        ),
        (
            "Xếp hạng · national rank",
            f"{headline.national_rank} of {headline.province_count} ({movement(headline.rank_movement)})"
            if headline.national_rank
            else "not ranked",
        ),
        (
            "Nhiệm vụ cấp tỉnh · provincial tasks",
            f"{tasks.total} = {tasks.completed} completed + {tasks.in_term} in term + {tasks.overdue} overdue"
            if tasks
            else "no task tracker",
        ),
        (
            "Vướng mắc đang mở · open issues",
            "no issue register" if headline.open_issues is None else vietnamese(headline.open_issues),
        ),
        ("Dòng bị loại · rejected rows", vietnamese(headline.rejected_rows)),
    ]


def vietnamese(number: int) -> str:
    """`310903` → `310 903`, as the province prints counts."""
    return f"{number:,}".replace(",", " ")


def percent(rate: float | None) -> str:
    """`0.723473` → `72.35 %`; a missing rate is said, not printed as zero."""
    return "nothing received" if rate is None else f"{rate * 100:.2f} %"


def movement(ranks: int | None) -> str:
    if not ranks:
        return "unchanged" if ranks == 0 else "no earlier rank"
    return f"{'up' if ranks > 0 else 'down'} {abs(ranks)}"


def write_headline(headline: Headline) -> str:
    """The same headline as a small table, for the UI."""
    return "\n".join(
        ["| | |", "|---|---|", *(f"| {label} | {value} |" for label, value in list_figures(headline))]
    )
