"""`brief.html`: two pages for the people who decide, self-contained, and as PDF where a Chromium is found.

Written aside and swapped by rename; idempotent per release and per version of this page.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC
from importlib.resources import files
from pathlib import Path

from pipelines.exports import formats
from pipelines.exports.brief import chromium
from pipelines.exports.brief import content as brief_content
from pipelines.exports.brief.figures import Marts
from pipelines.exports.common import list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.findings import summarize_findings
from pipelines.gate.record import ReleaseFinding, list_release_findings
from pipelines.lake.ledger import Release
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts, load_contracts

# Page 1 has room for so many; the summary says how many more there are.
MOST_FINDINGS = 3


def brief_file(settings: Settings) -> Path:
    return settings.exports / "brief.html"


def write_brief(settings: Settings) -> ExportResult:
    """Write the page where it is not of the newest release, and its PDF; LookupError without a release."""
    path = brief_file(settings)
    pdf, pdf_state = path.with_suffix(".pdf"), "current"
    path.parent.mkdir(parents=True, exist_ok=True)
    with newest_release(settings) as (con, newest):
        rewritten = _stamps(path) != (newest.release_hash, page_hash())
        if rewritten:
            contracts = load_contracts(settings.sources_file)
            findings = list_release_findings(con, newest.release_id)
            page = render(Marts(con, list_tables(con, settings)), newest, contracts, findings)
            draft = path.with_suffix(".partial")
            draft.write_text(page, encoding="utf-8")
            # Before the page: a PDF of an older release must not lie beside the new one, whenever we stop.
            pdf.unlink(missing_ok=True)
            draft.replace(path)
    if not pdf.exists():
        pdf_state = chromium.print_pdf(path, pdf)
    details = {"pdf": str(pdf) if pdf.exists() else pdf_state}
    return ExportResult(path, newest.release_id, rewritten, details, (pdf,))


def render(
    marts: Marts, release: Release, contracts: Contracts, findings: Sequence[ReleaseFinding] = ()
) -> str:
    """The whole page as one string."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    published = release.published_at.replace(tzinfo=UTC, second=0).astimezone(LOCAL_ZONE)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["english"] = english
    environment.filters["points"] = formats.points
    titles = {name: source.title_vi for name, source in contracts.sources.items()}
    return environment.from_string(_template("brief.html.j2")).render(
        css=Markup(_template("brief.css")),  # ours, not data
        release=release,
        page_hash=page_hash(),
        place=contracts.place.name,
        whole_level=read_canon().whole.level,
        level_names={level: (name.vi, name.en) for level, name in read_canon().level_names.items()},
        is_demo=contracts.is_demo,
        findings=summarize_findings(findings, release.release_id, MOST_FINDINGS),
        as_of=formats.minute(release.as_of),
        published=formats.minute(published),
        headline=brief_content.headline(marts),
        trend=brief_content.trend_section(marts),
        ranking=brief_content.ranking(marts),
        tasks=brief_content.tasks(marts),
        backlog=brief_content.backlog(marts),
        quality=brief_content.quality(marts, titles),
        completeness=brief_content.completeness(marts, titles),
    )


def english(code: str) -> str:
    """A code as a heading: `it_skills` → `IT skills`."""
    words = code.replace("_", " ").capitalize()
    return "IT" + words[2:] if words.startswith("It ") else words


def page_hash() -> str:
    """Which version of the page this is: its template and style."""
    return hashlib.sha256((_template("brief.html.j2") + _template("brief.css")).encode()).hexdigest()[:16]


def _template(name: str) -> str:
    return (files("pipelines.exports.brief") / "templates" / name).read_text(encoding="utf-8")


def _stamps(path: Path) -> tuple[str, str] | None:
    """(release hash, page hash) of the page that lies there."""
    if not path.exists():
        return None
    stamps = dict(
        re.findall(r'name="thongsuot-(\w+)" content="(\w+)"', path.read_text(encoding="utf-8")[:2000])
    )
    return stamps.get("release", ""), stamps.get("page", "")


EXPORT = Export(
    name="brief",
    write=write_brief,
    kinds=frozenset({"html"}),
    exposure="task_force_brief",
    title_vi="Bản tin điều hành",
    title_en="The brief",
    description_vi="hai trang A4, mỗi con số mang theo nguồn của nó.",
    description_en="The two-page brief; every figure carries the query it comes from.",
)
