"""The pages of the brief as texts: the one of the whole place, and one for each commune."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.exports import formats, report_ii06a
from pipelines.exports import index_766 as index_workbook
from pipelines.exports.brief import changes, communes, content, index_766, issues, map_picture, tasks, units
from pipelines.exports.brief.actions import list_actions
from pipelines.exports.brief.figures import Marts
from pipelines.exports.findings import summarize_findings
from pipelines.gate.record import ReleaseFinding
from pipelines.lake.ledger import Release
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts

if TYPE_CHECKING:
    from jinja2 import Environment

MAIN = "brief.html"
# Where the pages of the communes lie, beside the main one.
FOLDER = "brief"
# Page 1 has room for so many; the summary says how many more there are.
MOST_FINDINGS = 3


class Link(NamedTuple):
    """`address`: relative to the main page. `is_served`: answered by the product's own web server alone."""

    address: str
    vi: str
    en: str
    is_served: bool = False


def list_links(settings: Settings) -> list[Link]:
    """What lies beside the brief, of the exports that are on."""
    links = {
        "open_data": Link("open_data/latest/README.md", "Dữ liệu mở", "Open data"),
        "report_ii06a": Link(report_ii06a.FILE, "Biểu II.06a (.xlsx)", "Form II.06a (.xlsx)"),
        "index_766": Link(index_workbook.FILE, "Bộ chỉ số 766 (.xlsx)", "Index 766 (.xlsx)"),
        "marts_duckdb": Link("marts.duckdb", "Mọi bảng số liệu (marts.duckdb)", "All marts (marts.duckdb)"),
    }
    on = settings.exports_on
    return [
        *(link for name, link in links.items() if on is None or name in on),
        Link("../dashboards", "Bảng điều khiển (Superset)", "Dashboards (Superset)", is_served=True),
        Link("../", "Dagster: các lượt chạy và danh mục", "Dagster: runs and catalogue", is_served=True),
    ]


def render_pages(
    marts: Marts,
    release: Release,
    contracts: Contracts,
    links: Sequence[Link],
    findings: Sequence[ReleaseFinding] = (),
    maker: str = "",
) -> dict[str, str]:
    """File under `exports` → its text, the main page last. `maker`: by what they are made (exports/maker.py)."""
    from markupsafe import Markup

    titles = {name: source.title_vi for name, source in contracts.sources.items()}
    published = release.published_at.replace(tzinfo=UTC, second=0).astimezone(LOCAL_ZONE)
    script = _template("brief.js")
    common: dict[str, Any] = {
        "css": Markup(_template("brief.css")),  # ours, not data
        "javascript": Markup(script),
        "script_hash": hash_script(script),
        "release": release,
        "maker": maker,
        "place": contracts.place.name,
        "whole_level": read_canon().whole.level,
        "level_names": {level: (name.vi, name.en) for level, name in read_canon().level_names.items()},
        "is_demo": contracts.is_demo,
        "findings": summarize_findings(findings, release.release_id, MOST_FINDINGS),
        "as_of": formats.minute(release.as_of),
    }
    sections = communes.list_communes(marts, titles)
    template = _environment().get_template("commune.html.j2")
    pages = {
        f"{FOLDER}/{section['page']}": template.render({**common, **section, "pages": {}})
        for section in sections
    }
    drawn = map_picture.picture(marts)
    resolved, ledger, backlog = units.timeliness(marts), tasks.tasks(marts), issues.backlog(marts)
    completeness = content.completeness(marts, titles)
    pages[MAIN] = (
        _environment()
        .get_template("brief.html.j2")
        .render(
            **common,
            pages={section["unit"]["unit_code"].value: f"{FOLDER}/{section['page']}" for section in sections},
            published=formats.minute(published),
            headline=content.headline(marts),
            changes=changes.changes(marts, release.release_id),
            trend=content.trend_section(marts),
            ranking=units.ranking(marts),
            actions=list_actions(ledger, backlog, resolved, completeness),
            resolved=resolved,
            index=index_766.index_of_whole(marts),
            departments=units.departments(marts),
            sectors=units.sectors(marts),
            picture=drawn and {**drawn, "svg": Markup(drawn["svg"])},
            tasks=ledger,
            backlog=backlog,
            quality=content.quality(marts, titles),
            completeness=completeness,
            links=links,
        )
    )
    return pages


@cache
def _environment() -> Environment:
    """The templates, each read and compiled once: a page asks for its parts some twenty times."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False,
        loader=PackageLoader("pipelines.exports.brief", "templates"),
    )  # fmt: skip
    environment.filters["english"] = english
    environment.filters["points"] = formats.points
    return environment


def english(code: str) -> str:
    """A code as a heading: `it_skills` → `IT skills`."""
    words = code.replace("_", " ").capitalize()
    return "IT" + words[2:] if words.startswith("It ") else words


def hash_script(script: str) -> str:
    """As a Content-Security-Policy names the one script that may run: the text between the tags."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _template(name: str) -> str:
    return (files("pipelines.exports.brief") / "templates" / name).read_text(encoding="utf-8")
