"""The brief by hand: what is missing is said, what a person typed stays text, two languages print numbers."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, PackageLoader

from pipelines.exports import formats
from pipelines.exports.brief import export as brief
from pipelines.exports.brief import sections
from pipelines.exports.brief.actions import list_actions
from pipelines.exports.brief.drawing import Diverging, sparkline, trend
from pipelines.exports.brief.figures import Figure
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, released

HEADLINE = SampleMart(
    "select timestamp '2025-08-06 16:00' as cutoff_at, timestamp '2025-07-01' as period_start, "
    "timestamp '2025-08-06 16:00' as period_end, 310903::bigint as received, 224930::bigint as online, "
    "224930 / 310903 as rate, null::integer as national_rank, null::integer as province_count, "
    "null::integer as rank_movement, null::integer as previous_national_rank, 0.0205 as rate_change, "
    "0.5 as target, 0.22347 as gap_to_target, 0::bigint as additional_online_to_target, "
    "0.49 as strict_rate, 5.88 as index_766_points",
    ("cutoff_at",),
)
TASK = SampleMart(
    """
    select 'province' as owner_level, 'NV-1' as task_code, 'province' as unit_code, 'Toàn tỉnh' as unit_name,
        'open_in_term' as bucket, false as is_due_soon, null::varchar as conflict, null::varchar as conflict_vi,
        '<script>alert(1)</script> & Co' as title, 'Sở Nội vụ' as lead_agency_name,
        date '2025-08-10' as due_date, 4 as days_left, null::integer as days_late,
        'open' as derived_status, false as has_conflict
    """,
    ("task_code",),
)
TOTALS = SampleMart(
    """
    select date '2025-08-06' as as_of_day, 'province' as owner_level, 'all' as lead_agency_code,
        'Tất cả' as lead_agency_name, 0::bigint as done_on_time, 0::bigint as done_late,
        0::bigint as done_no_due, 1::bigint as open_in_term, 0::bigint as open_overdue,
        0::bigint as open_no_due, 1::bigint as total, 0::bigint as completed, 0.0 as rate_completed,
        'green' as colour
    """,
    ("as_of_day", "owner_level", "lead_agency_code"),
)


def page(settings: Settings, **marts: SampleMart) -> str:
    released(settings, {f"marts.{name}": mart for name, mart in marts.items()})
    return Path(brief.write_brief(settings).path).read_text(encoding="utf-8")


def test_a_place_without_ranking_tasks_and_issues_gets_told_so(settings: Settings) -> None:
    html = page(settings, online_submission_headline=HEADLINE)
    assert "72,35 %" in html and "72.35%" in html and "310.903" in html and "310,903" in html
    for text in (
        "Nguồn này chưa cung cấp bảng xếp hạng quốc gia.",
        "Chưa có sổ nhiệm vụ cấp tỉnh.",
        "Chưa có sổ vướng mắc.",
        "Cần ít nhất hai ngày số liệu để vẽ diễn biến.",
        "Chưa có số liệu theo đơn vị trong bản phát hành này.",
        "Bản phát hành này không có bảng đối chiếu.",
    ):
        assert text in html


def test_a_release_without_any_known_mart_still_gives_a_page(settings: Settings) -> None:
    html = page(settings, other=SampleMart("select 1 as code", ("code",)))
    assert "Bản phát hành này chưa có tỷ lệ nộp trực tuyến." in html


def test_a_level_that_the_contract_does_not_name_is_called_by_the_place_s_own_word(
    settings: Settings,
) -> None:
    office = TOTALS.query.replace("'province'", "'office <1>'")
    late = (
        office.replace("'all'", "'ROAD'")
        .replace("'Tất cả'", "'Roads'")
        .replace("0::bigint as open_overdue", "3::bigint as open_overdue")
    )
    query = f"{TOTALS.query} union all {office} union all {late}"
    html = page(settings, task_completion=SampleMart(query, TOTALS.key), task_ledger=TASK)
    assert (
        html.index("Cấp tỉnh") < html.index("office &lt;1&gt;")
        and '(<span class="vi">office &lt;1&gt;</span>' in html
    )


def test_what_a_tracker_holds_is_text_and_never_markup(settings: Settings) -> None:
    html = page(settings, task_ledger=TASK, task_completion=TOTALS)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in html
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html and "default-src 'none'" in html


def test_the_page_follows_the_release_and_is_left_alone_when_current(settings: Settings) -> None:
    page(settings, online_submission_headline=HEADLINE)
    done = brief.write_brief(settings)
    assert not done.rewritten
    released(settings, {"marts.other": SampleMart("select 1 as code", ("code",))})
    assert brief.write_brief(settings).rewritten


def test_the_pdf_follows_the_release_and_one_that_was_lost_comes_back_the_same(settings: Settings) -> None:
    released(settings, {"marts.online_submission_headline": HEADLINE})
    pdf = Path(brief.write_brief(settings).details["pdf"])
    first = pdf.read_bytes()
    assert "310.903" in read_pdf(pdf) and "310,903" not in read_pdf(pdf)
    pdf.unlink()
    brief.write_brief(settings)
    assert pdf.read_bytes() == first
    released(settings, {"marts.other": SampleMart("select 1 as code", ("code",))})
    brief.write_brief(settings)
    assert "310.903" not in read_pdf(pdf) and "bản phát hành số 2" in read_pdf(pdf)


def test_what_a_tracker_holds_is_no_markup_on_paper_either(settings: Settings) -> None:
    title = "#panic() $x_1$ *b* <script>alert(1)</script> & Co"
    task = SampleMart(TASK.query.replace("<script>alert(1)</script> & Co", title), TASK.key)
    assert task.query != TASK.query
    page(settings, task_ledger=task, task_completion=TOTALS)
    assert title in read_pdf(settings.exports / "brief.pdf")


def read_pdf(path: Path) -> str:
    """Its text on one line, as a reader of it copies it."""
    from pypdf import PdfReader

    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())


def test_without_a_release_there_is_no_brief(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError, match="thongsuot run"):
        brief.write_brief(replace(settings))


def test_numbers_and_times_print_as_each_language_does() -> None:
    assert formats.printed(310_903, "count") == ("310.903", "310,903")
    assert formats.printed(0.7234732376336027, "rate") == ("72,35 %", "72.35%")
    assert formats.printed(-0.000549, "points") == ("−0,05 điểm %", "−0.05 pp")
    assert formats.printed(5.876, "score") == ("5,88", "5.88")
    assert formats.printed(5, "ranks") == ("tăng 5 bậc", "up 5")
    assert formats.printed(-2, "ranks") == ("giảm 2 bậc", "down 2")
    assert formats.printed(date(2025, 8, 6), "day") == ("06/08/2025", "06 Aug 2025")
    assert formats.printed(datetime(2025, 8, 6, 16), "minute") == (
        "16:00 ngày 06/08/2025",
        "16:00, 06 Aug 2025",
    )
    assert formats.printed(datetime(2025, 8, 6, 23, 59, 59), "minute")[0] == "hết ngày 06/08/2025"
    assert formats.printed(None, "rate") == ("chưa có", "n/a")


def test_the_trend_runs_from_left_to_right_on_whole_percents() -> None:
    drawn = trend(
        [(date(2025, 7, 1), 0.70), (date(2025, 7, 11), 0.72)],
        [(date(2025, 7, 6), 0.75)],
        [(datetime(2025, 7, 6, 16), 0.71)],
    )
    assert [rate for _, rate in drawn.ticks] == [0.68, 0.7, 0.72, 0.74, 0.76]
    assert drawn.line[0] == (0, pytest.approx(75)) and drawn.line[1] == (100, pytest.approx(50))
    # The first and last day are named by the page; those between evenly, as far apart as their texts are wide.
    assert drawn.days == [(pytest.approx(30), "04/07"), (pytest.approx(60), "07/07")]
    assert drawn.dots == [(50, pytest.approx(12.5))] and drawn.marks == [(50, pytest.approx(62.5))]


def test_bars_start_at_the_province_and_the_widest_fills_half_the_box() -> None:
    bars = Diverging.around(0.72, [0.68, 0.72, 0.74])
    assert bars.bar(0.68) == (0, 50, "below") and bars.bar(0.74) == (50, pytest.approx(25), "above")
    assert bars.bar(0.72) == (50, 0, "above")


def test_a_sparkline_runs_from_its_lowest_to_its_highest_value_and_a_flat_one_in_the_middle() -> None:
    days = [date(2025, 8, 1), date(2025, 8, 2), date(2025, 8, 5)]
    assert (
        sparkline(list(zip(days, [42.0, 44.0, 43.0], strict=True))) == "0.00,100.00 25.00,0.00 100.00,50.00"
    )
    assert sparkline([(days[0], 7.0), (days[1], 7.0)]) == "0.00,50.00 100.00,50.00"


@pytest.mark.parametrize(
    ("overdue", "count"),
    [
        ([9, 3, 3], 3),
        ([9, 5, 4, 3, 3, 3, 3, 3, 1], 8),  # two more are as late as the sixth
        ([9, 5] + [3] * 12, 2),  # too many to name are all left out
        ([3] * 12, 12),
    ],
)
def test_a_list_of_the_late_is_never_cut_inside_a_tie(overdue: list[int], count: int) -> None:
    rows = [{"open_overdue": SimpleNamespace(value=number)} for number in overdue]
    top, rest = sections.cut_between_ties(rows, ("open_overdue",))  # type: ignore[arg-type]
    assert (len(top), len(rest)) == (count, len(overdue) - count)


@pytest.mark.parametrize(
    ("overdue", "worst"),
    [([4, 3, 3], ["Sở 0"]), ([3, 3, 3, 1], ["Sở 0", "Sở 1", "Sở 2"]), ([3, 3, 3, 3, 1], [])],
)
def test_what_to_see_to_names_the_latest_together_or_nobody(overdue: list[int], worst: list[str]) -> None:
    def row(**values: object) -> dict[str, SimpleNamespace]:
        return {name: SimpleNamespace(value=value) for name, value in values.items()}

    behind = [
        row(owner_level="commune", lead_agency_name=f"Sở {number}", open_overdue=count)
        for number, count in enumerate(overdue)
    ]
    levels = [
        row(owner_level="province", open_overdue=0),
        row(owner_level="commune", open_overdue=sum(overdue)),
    ]
    levels[0]["open_overdue"] = Figure(0, "marts.task_completion", "open_overdue", "true")  # type: ignore[assignment]
    actions = list_actions({"levels": levels, "behind": behind}, None, None, [])
    [late] = actions["tasks"]
    assert late["owner_level"].value == "commune"
    assert [one["lead_agency_name"].value for one in late["worst"]] == worst
    assert not (actions["issues"] or actions["handling"] or actions["reports"])


@pytest.mark.parametrize(("days", "expected", "is_hot"), [(0, "chưa đủ một ngày", False), (3, "trễ", True)])
def test_an_issue_past_due_on_its_own_day_is_no_red_zero(days: int, expected: str, is_hot: bool) -> None:
    environment = Environment(loader=PackageLoader("pipelines.exports.brief", "templates"), autoescape=True)
    macros = environment.get_template("macros.html.j2").make_module({"level_names": {}, "pages": {}})
    late = Figure(days, "marts.issue_backlog", "working_days_late", "issue_code = 'V1'")
    text = str(macros.working_days_late({"working_days_late": late}))
    assert expected in text and ("hot" in text) == is_hot and (">0<" not in text)
