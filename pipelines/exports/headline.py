"""The headline of the newest release, for `thongsuot status` and the UI: read, never computed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from pipelines.exports import formats
from pipelines.exports.common import SINCE_START
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release
from pipelines.sources.contracts.canon import read_canon

Words = tuple[str, str]
NOTHING_RECEIVED = ("chưa tiếp nhận hồ sơ nào", "nothing received")


class Notation(NamedTuple):
    """How counts, rates (0..1) and moments are written: (Vietnamese, English)."""

    write_count: Callable[[int], Words]
    write_rate: Callable[[float], Words]
    write_minute: Callable[[datetime], Words]


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


def read_headline(con: duckdb.DuckDBPyConnection, newest: Release) -> Headline:
    """`con`: the lake as the newest release left it."""

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


def list_figures(headline: Headline, language: str | None = None) -> list[tuple[str, str]]:
    """(label, value) in words, for `thongsuot status` and the UI; what the place does not have is said.

    `language`: `vi` or `en`, with its own numbers (72,35 % and 310.903, or 72.35% and 310,903); None: labels in
    both.
    """
    if language is None:
        figures = _list_words(headline, SHARED)
        return [(f"{vi} · {en[0].lower()}{en[1:]}", value) for (vi, en), (_, value) in figures]
    column = ("vi", "en").index(language)
    return [(label[column], value[column]) for label, value in _list_words(headline, OF_ONE_LANGUAGE)]


def _list_words(headline: Headline, notation: Notation) -> Iterator[tuple[Words, Words]]:
    """(label, value) of each figure."""
    count, rate, minute = notation
    received, online, tasks = headline.received, headline.online, headline.tasks
    yield (
        ("Tỷ lệ nộp trực tuyến", "Online submission rate"),
        ("không có nhật ký hồ sơ", "no dossier log")
        if received is None or online is None
        else _join(
            NOTHING_RECEIVED if headline.rate is None else rate(headline.rate),
            " (", count(online), " / ", count(received), ")",
        ),
    )  # fmt: skip
    until = minute(headline.cutoff_at or headline.as_of)
    yield (
        ("Mốc báo cáo", "Cut-off"),
        until if headline.cutoff_at else _join(("chưa có; tính đến ", "none yet; counted to "), until),
    )
    rank, moved = headline.national_rank, headline.rank_movement
    yield (
        ("Xếp hạng", "National rank"),
        ("chưa được xếp hạng", "not ranked")
        if rank is None
        else _join(
            str(rank), (" trên ", " of "), str(headline.province_count), " (",
            ("chưa có hạng trước", "no earlier rank") if moved is None else formats.ranks(moved), ")",
        ),
    )  # fmt: skip
    yield (
        ("Nhiệm vụ cấp tỉnh", "Provincial tasks"),
        ("không có sổ theo dõi nhiệm vụ", "no task tracker")
        if tasks is None
        else _join(
            count(tasks.total), " = ", count(tasks.completed), (" hoàn thành + ", " completed + "),
            count(tasks.in_term), (" trong hạn + ", " in term + "), count(tasks.overdue),
            (" quá hạn", " overdue"),
        ),
    )  # fmt: skip
    yield (
        ("Vướng mắc đang mở", "Open issues"),
        ("không có sổ vướng mắc", "no issue register")
        if headline.open_issues is None
        else count(headline.open_issues),
    )
    yield (("Dòng bị loại", "Rejected rows"), count(headline.rejected_rows))


def _join(*parts: str | Words) -> Words:
    """The parts in a row, in Vietnamese and in English; a lone text is the same in both."""
    pairs = [(part, part) if isinstance(part, str) else part for part in parts]
    return "".join(vi for vi, _ in pairs), "".join(en for _, en in pairs)


def _count(number: int) -> Words:
    """`310903` → `310 903` in both languages, as the province prints counts."""
    text = f"{number:,}".replace(",", " ")
    return text, text


def _rate(rate: float) -> Words:
    text = f"{rate * 100:.2f} %"
    return text, text


# In both languages at once numbers are written in one way, which neither misreads.
SHARED = Notation(_count, _rate, formats.text)
OF_ONE_LANGUAGE = Notation(formats.count, formats.rate, formats.minute)


def write_headline(headline: Headline) -> str:
    """The same headline as a small table, for the UI."""
    return "\n".join(
        ["| | |", "|---|---|", *(f"| {label} | {value} |" for label, value in list_figures(headline))]
    )
