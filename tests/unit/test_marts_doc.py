"""The handbook says of a mart what its YAML says: question, grain, key, sources, identities, columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.warehouse.marts_doc import render_marts_doc

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
META = {"key": ["day"], "title_vi": "Bảng", "question_en": "How many?",
        "question_vi": "Bao nhiêu?"}  # fmt: skip


def manifest(meta: dict[str, Any], group: str = "tasks") -> dict[str, Any]:
    """One mart over one intermediate model over one source, held to one identity, read by one consumer."""
    columns = {
        "day": {"name": "day", "data_type": "date", "constraints": [{"type": "not_null"}],
                "description": "EN The day. / VI Ngày."},
        "rate": {"name": "rate", "data_type": "double", "constraints": [],
                 "description": "EN a | b. / VI Tỷ lệ."},
    }  # fmt: skip
    mart = {"resource_type": "model", "schema": "marts", "alias": "counts", "name": "counts",
            "unique_id": "model.p.counts.v1", "config": {"meta": meta, "group": group}, "columns": columns,
            "description": "EN Grain: one row per day. /\n  VI Mỗi ngày một dòng."}  # fmt: skip
    identity = {"name": "parts_add_up", "kwargs": {"total": "all", "parts": ["a", "b"]}}
    test = {"resource_type": "test", "attached_node": "model.p.counts.v1", "test_metadata": identity}
    hidden = {"resource_type": "model", "schema": "intermediate", "alias": "int", "name": "int"}
    titles = {"title_en": "Assigned tasks", "title_vi": "Nhiệm vụ được giao"}
    return {
        "groups": {"group.p.tasks": {"name": "tasks", "config": {"meta": titles}}},
        "nodes": {"model.p.counts.v1": mart, "test.p.t": test, "model.p.int": hidden},
        "sources": {"source.p.raw.log": {"name": "log"}},
        "parent_map": {"model.p.counts.v1": ["model.p.int"], "model.p.int": ["source.p.raw.log"]},
        "exposures": {"e": {"label": "Brief", "depends_on": {"nodes": ["model.p.counts.v1"]}}},
    }


def test_a_reader_finds_the_mart_by_the_question_and_all_of_it_in_one_place() -> None:
    document = render_marts_doc(manifest(META), PROJECT)
    for line in (
        "| How many? | Bao nhiêu? | [`marts.counts`](#martscounts) |",
        "### Assigned tasks · Nhiệm vụ được giao",
        "## marts.counts",
        "Grain: one row per day.",
        "Mỗi ngày một dòng.",
        "- Key: `day`",
        "- From: `log`",
        "- Read by: Brief",
        "- Always: `all = a + b`",
        "| `day` | date | The day. | Ngày. |",
        "| `rate` | double, may be null | a \\| b. | Tỷ lệ. |",
    ):
        assert line in document.splitlines(), line
    assert "## intermediate.int" not in document


def test_a_mart_of_no_group_is_named_with_the_groups_there_are() -> None:
    with pytest.raises(ValueError, match=r"counts is public.*one of the groups tasks"):
        render_marts_doc(manifest(META, group="weather"), PROJECT)


def test_a_mart_without_a_question_is_named() -> None:
    with pytest.raises(ValueError, match=r"counts is public.*question_en"):
        render_marts_doc(manifest({"key": ["day"], "title_vi": "Bảng"}), PROJECT)
