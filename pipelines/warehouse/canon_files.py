"""Files that dbt and editors read and nobody writes: made from the canon by `thongsuot docs`.

dbt cannot read YAML of another folder while it parses, so the canon reaches it as one macro, as the list of
its raw tables and as the properties of the staging models of its sources.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from pipelines.settings import PROJECT
from pipelines.sources.contracts.canon import Canon, read_canon
from pipelines.sources.contracts.canonical import CanonicalSource, CountedReports, Whole
from pipelines.sources.contracts.schema import render_schema
from pipelines.sql import read_sql

HEAD = "Written by `thongsuot docs` from expectations/; not by hand."
MACROS = Path("dbt_project", "macros")
STAGING = Path("dbt_project", "models", "staging")
REPORTING = Path("dbt_project", "models", "intermediate", "reporting")


def render_files() -> dict[Path, str]:
    """Path under the project → content, of every generated file that needs no dbt manifest."""
    canon = read_canon()
    return {
        MACROS / "canon.sql": render_macro(canon),
        MACROS / "whole.sql": render_whole(canon.whole),
        STAGING / "_raw__sources.yml": render_raw_tables(canon),
        STAGING / "_staging.yml": render_staging(canon),
        **{
            STAGING / f"stg_{name}.sql": render_staging_model(name, source)
            for name, source in canon.sources.items()
            if source.staged.defaults is not None
        },
        **{
            REPORTING / f"int_{name}_reports.sql": render_reports_model(source.counted_in)
            for name, source in canon.sources.items()
            if source.counted_in
        },
        Path("sources.schema.json"): render_schema(),
    }


def write_files(project: Path = PROJECT) -> list[Path]:
    """Rewrites the files that are stale; returns these."""
    stale = find_stale_files(project)
    for path in stale:
        (project / path).write_text(render_files()[path], encoding="utf-8")
    return stale


def find_stale_files(project: Path = PROJECT) -> list[Path]:
    """Generated files whose content is no longer what the canon says."""
    return [path for path, text in render_files().items() if _read(project / path) != text]


def render_macro(canon: Canon) -> str:
    """`canon()`: source → kind, key, staged_key, silence, unit, reports (unit level → rule)."""
    sources = "".join(
        f'    "{name}": {{\n{_render_keys(_describe_for_dbt(source))}    }},\n'
        for name, source in canon.sources.items()
    )
    return (
        f"{{# {HEAD} #}}\n"
        "{# Source → kind (log, snapshot), key, staged_key, silence, unit, reports (unit level → rule). #}\n"
        f"{{% macro canon() -%}}\n{{{{ return({{\n{sources}}}) }}}}\n{{%- endmacro %}}\n"
    )


def render_whole(whole: Whole) -> str:
    """`whole()`: what stands for all units together, one word in unit_code and in unit_level."""
    return (
        f"{{# {HEAD} #}}\n"
        "{# What stands for all units together in unit_code and in unit_level. #}\n"
        f"{{% macro whole() -%}}\n    '{whole.code}'\n{{%- endmacro %}}\n"
    )


def render_raw_tables(canon: Canon) -> str:
    """The tables of schema raw that hold accepted rows and reference data; meta.dagster: the asset of each."""
    tables = [
        _raw_table(name, f"{source.description} Grain: {source.grain}.", source.title_vi, ["accepted", name])
        for name, source in canon.sources.items()
    ]
    tables += [
        _raw_table(name, table.description, table.title_vi, ["landing", "reference"])
        for name, table in canon.reference.items()
    ]
    source = {
        "name": "raw",
        "schema": "raw",
        "description": _bilingual(
            "Accepted rows of the newest accepted batch of every partition, plus reference and batch "
            "bookkeeping.",
            "Các dòng được chấp nhận của lô mới nhất ở từng phân vùng, kèm dữ liệu tham chiếu và sổ lô.",
        ),
        "tables": tables,
    }
    return _yaml({"sources": [source]})


def render_staging(canon: Canon) -> str:
    """The staging model of every source, with what the contract says it holds."""
    models = [
        {"name": f"stg_{name}", "description": _bilingual(source.staged.en, source.staged.vi)}
        for name, source in canon.sources.items()
    ]
    return _yaml({"models": models})


def render_staging_model(name: str, source: CanonicalSource) -> str:
    """Every column of a snapshot under its own name, a missing one filled where the contract has a word for it."""
    defaults = source.staged.defaults or {}
    columns = ["batch_id", "partition_key as snapshot_day", "_row as batch_row"]
    columns += [
        f"coalesce({column}, '{defaults[column]}') as {column}" if column in defaults else column
        for column in source.columns
    ]
    return _read_model("staging_model", table=f"{{{{ source('raw', '{name}') }}}}", columns=columns)


def render_reports_model(counted: CountedReports) -> str:
    """The listed rows of each unit per snapshot; what an old code reported counts for what it has become."""
    return _read_model(
        "reports_model",
        config="{{ config(materialized='view') }}",
        snapshots=f"{{{{ ref('{counted.model}') }}}}",
        units="{{ ref('int_units') }}",
        whole_code="{{ whole() }}",
        dated_by=counted.dated_by,
    )


def _read_model(name: str, **values: Any) -> str:
    """A dbt model: what dbt fills in (`ref`, `source`) is a value of our template, and stays as it is."""
    return read_sql("pipelines.warehouse", name, head=f"{{# {HEAD} #}}", **values) + "\n"


def _describe_for_dbt(source: CanonicalSource) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "key": list(source.key),
        "staged_key": list(source.staged_key or source.key),
        "silence": source.silence,
        "unit": list(source.unit),
        "reports": {level: rule.model_dump() for level, rule in source.reports.items()},
    }


def _render_keys(keys: dict[str, Any], indent: int = 8) -> str:
    """A line per key, the rules of `reports` one level deeper."""
    lines = []
    for key, value in keys.items():
        nested = f"{{\n{_render_keys(value, indent + 4)}{' ' * indent}}}" if key == "reports" else None
        text = nested or _render_value(value)
        lines.append(f'{" " * indent}"{key}": {text},\n')
    return "".join(lines)


def _render_value(value: Any) -> str:
    """JSON as Jinja reads it: its null is `none`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_render_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_render_value(item) for item in value) + "]"
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _raw_table(name: str, en: str, vi: str, asset: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "description": _bilingual(en, vi),
        "config": {"meta": {"dagster": {"asset_key": asset}}},
    }


def _bilingual(en: str, vi: str) -> str:
    return f"EN {en.strip().rstrip('.')}. / VI {vi.strip().rstrip('.')}."


def _yaml(content: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return f"# {HEAD}\n{text}"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
