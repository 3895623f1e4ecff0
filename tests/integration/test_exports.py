"""The small province's exports: every figure of the brief asked again, the package's small counts counted."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from frictionless import Package

from pipelines.exports.common import LEDGER
from pipelines.settings import PROJECT
from tests.conftest import Province
from tests.support.commands import read_output

pytestmark = pytest.mark.slow


class BriefPage(HTMLParser):
    """The page's text, its figures (attributes, Vietnamese and English text) and everything that could be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.figures: list[dict[str, str]] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self._open, self._language = False, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "a":  # fetches nothing until somebody follows it
            self.links.append(attributes["href"])
        else:
            self.fetched += [
                f"{tag} {n}={v}"
                for n, v in attributes.items()
                if n in ("src", "href", "srcset", "poster", "data")
            ]
        if tag in ("link", "iframe", "object", "img"):
            self.fetched.append(tag)
        if tag == "data":
            self._open, self._language = True, ""
            self.figures.append({**attributes, "vi": "", "en": "", "": ""})
        elif tag == "span" and self._open:
            self._language = attributes.get("class", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "data":
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.figures[-1][self._language] += data


@pytest.fixture(scope="module")
def page(small_province: Province) -> BriefPage:
    return BriefPage((small_province.settings.exports / "brief.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def communes(small_province: Province) -> dict[str, BriefPage]:
    """The page of each commune, by its file."""
    files = sorted((small_province.settings.exports / "brief").iterdir())
    return {file.name: BriefPage(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def package(small_province: Province) -> Path:
    return small_province.settings.exports / "open_data" / "latest"


def printed_again(value: object, kind: str) -> str:
    """Vietnamese print, written independently of the page's own formats."""
    if value is None:
        return "chưa có"
    if kind == "count":
        return re.sub(r"(?<=\d)(?=(\d{3})+$)", ".", str(value))
    if kind == "rate":
        return f"{round(float(str(value)) * 100, 2):.2f} %".replace(".", ",")
    if kind == "score":
        return f"{round(float(str(value)), 2):.2f}".replace(".", ",")
    if kind == "points":
        return f"{float(str(value)) * 100:+.2f} điểm %".replace(".", ",").replace("-", "−")
    if kind in ("day", "short_day"):
        return f"{value:%d/%m/%Y}" if kind == "day" else f"{value:%d/%m}"
    if kind == "short_minute":
        return f"{value:%H:%M, %d/%m}"
    if kind == "minute" and isinstance(value, datetime):
        end = value.hour == 23 and value.minute == 59
        return f"hết ngày {value:%d/%m/%Y}" if end else f"{value:%H:%M} ngày {value:%d/%m/%Y}"
    if kind == "ranks":
        places = int(str(value))
        return "giữ nguyên" if not places else f"{'tăng' if places > 0 else 'giảm'} {abs(places)} bậc"
    return str(value)


def hold_against_the_marts(figures: list[tuple[dict[str, str], str]], file: Path) -> None:
    """Figures as (attributes, Vietnamese text): each is what its own mart, column and row say."""
    with duckdb.connect(str(file), read_only=True) as con:
        for figure, text in figures:
            expression = figure["data-column"]
            expression = f"{figure['data-how']}({expression})" if "data-how" in figure else expression
            rows = con.execute(
                f"select {expression} from {figure['data-mart']} where {figure['data-where']}"
            ).fetchall()
            assert len(rows) == 1, figure
            (value,) = rows[0]
            assert figure["value"] == ("" if value is None else str(value)), figure
            assert text == printed_again(value, figure["data-kind"]), figure


def test_every_figure_of_the_brief_is_what_its_mart_says(
    small_province: Province, page: BriefPage, communes: dict[str, BriefPage]
) -> None:
    assert len(page.figures) == page.text.count(" data-mart=") > 0
    some = [page, *list(communes.values())[::10]]
    figures = [(figure, figure["vi"] or figure[""]) for one in some for figure in one.figures]
    hold_against_the_marts(figures, small_province.settings.exports / "marts.duckdb")


def test_the_brief_shows_the_marts_that_its_exposure_lists(
    page: BriefPage, communes: dict[str, BriefPage]
) -> None:
    path = PROJECT / "dbt_project" / "models" / "exposures.yml"
    exposures = yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    [brief] = [exposure for exposure in exposures if exposure["name"] == "task_force_brief"]
    figures = [figure for one in (page, *communes.values()) for figure in one.figures]
    marts = {figure["data-mart"].replace("audit.", "audit_").removeprefix("marts.") for figure in figures}
    marts -= {name.replace("audit.", "audit_") for name in LEDGER}  # the publisher's own tables
    # Names and places of units are no figures.
    assert {f"ref('{mart}')" for mart in marts | {"dim_unit"}} == set(brief["depends_on"])
    ranked = [f for f in page.figures if f["data-column"] == "rank_in_size_peers"]
    assert len(ranked) == 130


def test_each_commune_has_its_page_and_the_brief_leads_to_it(
    small_province: Province, page: BriefPage, communes: dict[str, BriefPage]
) -> None:
    with duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True) as con:
        units = con.execute(
            "select unit_code, unit_name from dim_unit where is_current and unit_level = 'commune'"
        ).fetchall()
    assert len(units) == 130 and set(communes) == {f"{code}.html" for code, _ in units}
    assert {link for link in page.links if link.startswith("brief/")} == {f"brief/{c}.html" for c, _ in units}
    for code, name in units:
        assert f"<h1>{name}</h1>" in communes[f"{code}.html"].text
    # What is linked lies there; `../…` is answered by the web server alone.
    ours = [link for link in page.links if not link.startswith(("#", "../"))]
    assert [link for link in ours if not (small_province.settings.exports / link).exists()] == []


def test_a_commune_reads_what_it_must_do_this_week(
    small_province: Province, communes: dict[str, BriefPage]
) -> None:
    """Counted again from the marts, with the rules of docs/domain.md, for every commune."""
    with duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True) as con:
        late = con.execute(
            "select unit_code, count(*) from task_ledger where owner_level = 'commune' and bucket = 'open_overdue' "
            "group by 1"
        ).fetchall()
    assert late
    for code, count in late:
        text = communes[f"{code}.html"].text
        week = text[text.index('id="week"') : text.index('class="lead"')]
        assert f'<data value="{count}" data-mart="marts.task_ledger"' in week
    quiet = set(communes) - {f"{code}.html" for code, _ in late}
    assert quiet and not any("nhiệm vụ đã quá hạn" in communes[name].text for name in quiet)


def test_who_is_late_is_named_and_counted_whole(small_province: Province, page: BriefPage) -> None:
    with duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True) as con:
        tasks = con.execute(
            "select task_code, unit_name from task_ledger where bucket = 'open_overdue'"
        ).fetchall()
        issues = con.execute("select issue_code from issue_backlog where is_overdue").fetchall()
    lists = re.findall(r'<details id="(\w+)-overdue">(.*?)</details>', page.text, re.DOTALL)
    listed = dict(lists)
    assert listed["tasks"].count("<tr>") - 1 == len(tasks) > 0
    assert all(code in listed["tasks"] and unit in listed["tasks"] for code, unit in tasks)
    assert listed["issues"].count("<tr>") - 1 == len(issues) > 0
    assert all(code in listed["issues"] for (code,) in issues)


def test_the_map_has_a_circle_for_each_commune_at_its_place(
    page: BriefPage, small_province: Province
) -> None:
    with duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True) as con:
        places = con.execute(
            "select unit_code, longitude, latitude from dim_unit where is_current and unit_level = 'commune' "
            "and unit_code in (select unit_code from online_submission_rate where rate is not null "
            "and period = 'since_start' and as_of_day = (select max(as_of_day) from online_submission_rate))"
        ).fetchall()
    circles = dict(
        re.findall(r'<g id="unit-(\w+)"><title>.*?<path d="M ([-\d.]+ [-\d.]+)', page.text, re.DOTALL)
    )
    assert set(circles) == {code for code, _, _ in places} and len(places) > 100
    # East is right and north is up, in the same measure: a circle's topmost or leftmost point moves with it.
    drawn = {code: tuple(map(float, point.split())) for code, point in circles.items()}
    west, east = min(places, key=lambda p: p[1])[0], max(places, key=lambda p: p[1])[0]
    south, north = min(places, key=lambda p: p[2])[0], max(places, key=lambda p: p[2])[0]
    assert drawn[west][0] < drawn[east][0] and drawn[north][1] < drawn[south][1]


def test_the_brief_needs_nothing_from_anywhere(page: BriefPage, communes: dict[str, BriefPage]) -> None:
    for one in (page, *communes.values()):
        assert one.fetched == []
        assert not re.search(r"https?:|//[a-z]|@import|url\(", one.text)


def test_no_file_of_the_package_holds_a_count_below_five(package: Path) -> None:
    counts = {
        "online_submission_headline": ("received", "online", "returned"),
        "online_submission_rate": ("numerator", "denominator", "strict_numerator"),
        "report_ii06a": ("received_total", "received_online", "resolved_late", "open_overdue", "withdrawn"),
    }
    withheld = 0
    for table, columns in counts.items():
        for kind in ("csv", "parquet"):
            relation = f"'{package / table}.{kind}'"
            for column in columns:
                (count,) = duckdb.sql(
                    f"select count(*) from {relation} where {column} between 1 and 4"
                ).fetchone()
                assert count == 0, (table, kind, column)
            withheld += duckdb.sql(f"select count(*) from {relation} where is_withheld").fetchone()[0]
    assert withheld > 0, "one hundredth of a province must have small counts"


def test_every_table_of_the_package_is_valid_by_its_own_description(package: Path) -> None:
    tabular = [r for r in Package(str(package / "datapackage.json")).resources if r.format == "csv"]
    assert len(tabular) == len(list(package.glob("*.csv"))) >= 8
    for resource in tabular:
        checked = resource.validate()  # bytes, checksum, and every cell against its field's type
        assert checked.valid, (resource.name, checked.flatten(["rowNumber", "fieldName", "note"])[:5])


def test_the_form_is_public_as_a_workbook_without_a_small_count(package: Path) -> None:
    sheet = pd.read_excel(package / "report_ii06a.xlsx", header=None, engine="calamine", skiprows=4)
    values = [
        value for value in sheet.to_numpy().ravel() if isinstance(value, int | float) and value == value
    ]
    assert len(values) >= 14 and not [value for value in values if 0 < value < 5]


def test_the_difference_to_the_province_gives_no_unit_away(package: Path) -> None:
    """The attacker's own sum: the published total minus the published units of a closed month, column by column."""
    columns = ("denominator", "numerator", "strict_numerator")
    rest = "sum({0}) filter (unit_code = 'province') - sum({0}) filter (unit_code <> 'province')"
    gap = "count(*) filter ({0} is null and unit_code <> 'province')"
    sums = ", ".join(f"{rest.format(column)}, {gap.format(column)}" for column in columns)
    (row,) = duckdb.sql(
        f"select {sums} from '{package / 'online_submission_rate.parquet'}' "
        "where period = 'month' and as_of_day = date '2025-07-31'"
    ).fetchall()
    for left, hidden in zip(row[::2], row[1::2], strict=True):
        assert hidden == left == 0 or (hidden >= 2 and left >= 5)
    assert sum(row[1::2]) > 0, "one hundredth of a province must have small counts"


def test_the_totals_of_the_place_and_the_tasks_of_agencies_are_published(package: Path) -> None:
    form = duckdb.sql(
        f"select received_total, resolved_total, open_total from '{package / 'report_ii06a.parquet'}' "
        "where sector_code = 'all'"
    ).fetchall()
    assert form and all(value is not None for row in form for value in row)
    (tasks,) = duckdb.sql(
        f"select count(*) filter (total is null) from '{package / 'task_completion.parquet'}'"
    ).fetchone()
    assert tasks == 0
    readme = (package / "README.md").read_text(encoding="utf-8")
    assert re.search(r"`report_ii06a` \| \d+ / \d+ \(\d+\.\d%\)", readme)


def test_the_identities_by_which_counts_are_withheld_hold_in_the_form(small_province: Province) -> None:
    """Those that `meta.open_data` of the mart declares: an identity that is not true would protect nothing."""
    path = PROJECT / "dbt_project/models/marts/dossiers/report_ii06a_v1.yml"
    (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    sums = model["config"]["meta"]["open_data"]["sums"]
    assert len(sums) == 4
    with duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True) as con:
        for whole, *parts in sums:
            query = f"select count(*), count(*) filter ({whole} <> {' + '.join(parts)}) from report_ii06a"
            count, wrong = con.execute(query).fetchone()
            assert count and not wrong, whole


def test_the_difference_of_two_running_totals_gives_no_day_away(package: Path) -> None:
    """The attacker's other sum: the province's total up to a day minus the same up to an earlier day."""
    rows = f"(from '{package / 'online_submission_rate.parquet'}' where unit_code = 'province')"
    small = "between 1 and 4"
    count, pairs, withheld_days = duckdb.sql(
        f"""
        select count(*) filter (
                b.denominator - a.denominator {small} or b.numerator - a.numerator {small}
                or (b.denominator - b.numerator) - (a.denominator - a.numerator) {small}
            ), count(*), (select count(*) from {rows} where period = 'day' and is_withheld)
        from {rows} as a join {rows} as b
            on a.period = b.period and a.period_start = b.period_start and a.as_of_day < b.as_of_day
        where not a.is_withheld and not b.is_withheld
        """
    ).fetchone()
    assert count == 0 and pairs > 100 and withheld_days > 0


def test_the_register_is_never_in_the_package(package: Path) -> None:
    names = {path.stem for path in package.iterdir()}
    assert "dossier_register" not in names and "task_ledger" not in names
    assert not [path for path in package.iterdir() if re.search(rb"H41\.\d+-\d{8}-\d{7}", path.read_bytes())]


def test_status_says_where_the_brief_lies(small_province: Province) -> None:
    output = read_output(small_province.settings, "status")
    assert str(small_province.settings.exports / "brief.html") in output
