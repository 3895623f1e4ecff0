"""docs/marts.md, written from dbt's manifest: which question which mart answers, and what it holds.

Nothing is said here that the models' own YAML and the metric seeds do not say.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

SCHEMAS = ("marts", "audit")
HEAD = """# The marts

Written by `thongsuot docs` from the dbt project; do not edit. Each mart answers a question someone
asks on a Monday morning. Names without a version are the newest one; BI reads those.

Mỗi bảng trả lời một câu hỏi mà ai đó hỏi vào sáng thứ Hai.
"""
REQUIRED_META = ("title_vi", "question_en", "question_vi")
Node = Mapping[str, Any]


def render_marts_doc(manifest: Mapping[str, Any], project: Path) -> str:
    """`project`: the dbt project's folder, for the metric seeds. ValueError: a mart without a question or group."""
    nodes = manifest["nodes"].values()
    titles = {
        group["name"]: f"{group['config']['meta']['title_en']} · {group['config']['meta']['title_vi']}"
        for group in manifest["groups"].values()
    }
    marts = [n for n in nodes if n["resource_type"] == "model" and n["schema"] in SCHEMAS]
    for node in marts:
        meta = node["config"]["meta"]
        if node["config"].get("group") not in titles or not meta.keys() >= set(REQUIRED_META):
            raise ValueError(
                f"dbt model {node['name']} is public, but nobody can tell what for: give it config.meta "
                f"{', '.join(REQUIRED_META)} in its YAML, and its folder one of the groups {', '.join(titles)}."
            )
    order = list(titles)
    marts.sort(key=lambda n: (order.index(n["config"]["group"]), n["alias"]))
    lines = [HEAD, "## Which question, which mart"]
    for group, about in groupby(marts, key=lambda n: n["config"]["group"]):
        lines += [
            "",
            f"### {titles[group]}",
            "",
            "| Question | Câu hỏi | Mart |",
            "|---|---|---|",
        ]
        for node in about:
            meta = node["config"]["meta"]
            lines.append(f"| {meta['question_en']} | {meta['question_vi']} | {_link(node)} |")
    metrics = _metrics(project)
    for node in marts:
        columns = [{**metrics[metric], "column_name": column} for column, metric in list_metric_columns(node)]
        lines += ["", *_mart(manifest, node, columns)]
    return "\n".join(lines) + "\n"


def _mart(manifest: Mapping[str, Any], node: Node, metrics: list[dict[str, str]]) -> Iterator[str]:
    meta, (english, vietnamese) = node["config"]["meta"], _both(node["description"])
    yield f"## {_name(node)}"
    yield f"\n**{meta['title_vi']}.** {meta['question_en']}\n\n{english}\n\n{vietnamese}\n"
    yield f"- Key: {', '.join(f'`{c}`' for c in meta['key'])}"
    yield f"- From: {', '.join(f'`{s}`' for s in _sources(manifest, node))}"
    yield f"- Read by: {', '.join(_readers(manifest, node))}"
    for identity in _identities(manifest, node):
        yield f"- Always: `{identity}`"
    for metric in metrics:
        yield f"- Metric `{metric['column_name']}`: {metric['name_en']} ({metric['name_vi']}) = {metric['formula']}. {metric['source_document']}. {metric['caveat_en']}"  # noqa: E501
    yield "\n| Column | Type | Meaning | Ý nghĩa |\n|---|---|---|---|"
    for column in node["columns"].values():
        en, vi = _both(column["description"])
        needed = any(c["type"] == "not_null" for c in column["constraints"])
        kind = column["data_type"] + ("" if needed else ", may be null")
        yield f"| `{column['name']}` | {kind} | {en} | {vi} |"


def _name(node: Node) -> str:
    return f"{node['schema']}.{node['alias']}"


def _link(node: Node) -> str:
    return f"[`{_name(node)}`](#{_name(node).replace('.', '')})"


def _both(description: str) -> tuple[str, str]:
    english, _, vietnamese = " ".join(description.split()).partition(" / VI ")
    return english.removeprefix("EN ").replace("|", "\\|"), vietnamese.replace("|", "\\|")


def _sources(manifest: Mapping[str, Any], node: Node) -> list[str]:
    """Landed sources and reference tables at the far end of its lineage; of a code list, the seeds."""
    origins, waiting = set(), [node["unique_id"]]
    seen = set(waiting)
    while waiting:
        here = waiting.pop()
        if here.startswith("source."):
            origins.add(manifest["sources"][here]["name"])
        for parent in manifest["parent_map"].get(here, []):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    if not origins:
        origins = {manifest["nodes"][u]["name"] for u in seen if u.startswith("seed.")}
    return sorted(origins - {"run_parameters"})


def _readers(manifest: Mapping[str, Any], node: Node) -> list[str]:
    exposures = manifest["exposures"].values()
    return sorted(e["label"] for e in exposures if node["unique_id"] in e["depends_on"]["nodes"])


def _identities(manifest: Mapping[str, Any], node: Node) -> list[str]:
    """What the mart's own tests hold it to on every run."""
    identities = []
    for test in manifest["nodes"].values():
        if test["resource_type"] != "test" or test.get("attached_node") != node["unique_id"]:
            continue
        kind, arguments = test["test_metadata"]["name"], test["test_metadata"]["kwargs"]
        if kind == "holds":
            identities.append(arguments["expression"])
        elif kind == "parts_add_up":
            identities.append(f"{arguments['total']} = {' + '.join(arguments['parts'])}")
    return sorted(identities)


def list_metric_columns(node: Node) -> list[tuple[str, str]]:
    """(column, metric) as the columns' `meta.metric` says; a column may hold several metrics."""
    metrics = {name: column.get("meta", {}).get("metric", []) for name, column in node["columns"].items()}
    return [
        (c, metric)
        for c, several in metrics.items()
        for metric in ([several] if isinstance(several, str) else several)
    ]


def _metrics(project: Path) -> dict[str, dict[str, str]]:
    with (project / "seeds" / "metrics.csv").open(encoding="utf-8", newline="") as stream:
        return {row["metric"]: row for row in csv.DictReader(stream)}
