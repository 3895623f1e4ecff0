"""The rules that a source's rows keep at one place: the canon's, those of its words and dates, and the place's own.

A place writes `expectations/<source>.yaml` (or `.json`) beside its sources.yaml: `expectations` and
`batch_expectations` as in a suite, of which one with the name of a canonical rule that warns takes its place, and
`remove`, names of rules that cannot hold there. What rejects rows is the same everywhere and stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pipelines.plain_files import read_plain_text
from pipelines.quality.distant_days import list_distance_rules
from pipelines.quality.suite import (
    BATCH_FACTS,
    NULLNESS,
    REPEATED,
    ROW_FACTS,
    Expectation,
    Suite,
    SuiteError,
    read_rules,
    read_suite,
    refuse_other_shapes,
    require_history,
)
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.contract_file import compose_yaml
from pipelines.sources.contracts.names import suggest_nearest

KEYS = ("remove", "expectations", "batch_expectations")


def load_suite(source: Source) -> Suite:
    """SuiteError where the canon's suite or the place's is wrong; the text names file and rule."""
    suite = read_suite(source.suite_path)
    country = source.country.partition("-")[0]
    rows = [rule for rule in suite.rows if rule.country in (None, country)]
    rows += [*_list_word_rules(source, rows), *list_distance_rules(source)]
    suite = replace(suite, rows=rows)
    if not source.place_suite:
        return suite
    path = Path(source.place_suite)
    with refuse_other_shapes(path.name):
        return _apply_place(source, suite, path)


def _list_word_rules(source: Source, rows: Sequence[Expectation]) -> Iterator[Expectation]:
    """A rule for each column that only the place gives a value map: a word outside it is rejected, never guessed.

    Columns of the canon's own words have theirs: over the text without a meaning, or over the missing meaning.
    """
    missing = [rule for rule in rows if rule.rejects and rule.type in NULLNESS]
    ruled = {column for rule in missing for column in rule.columns}
    ruled |= {
        column.removesuffix("__raw") for rule in rows for column in rule.columns if column.endswith("__raw")
    }
    names = {rule.rule for rule in rows}
    for column in source.columns:
        if column.value_map and column.name not in ruled:
            name = f"{column.name}_unknown"
            yield Expectation(
                type="expect_column_values_to_be_null",
                kwargs={"column": f"{column.name}__raw"},
                severity="critical",
                # The canon's may be over what the word means: two rules of one name would be one result.
                rule=f"{column.name}_word_unknown" if name in names else name,
                reason_en=f"{column.name} holds a word that the source's value map does not know",
                reason_vi=f"{column.title_vi or column.name} có giá trị ngoài danh mục đã khai báo",
            )


def _apply_place(source: Source, suite: Suite, path: Path) -> Suite:
    content = _read_content(path)
    rows = read_rules(path.name, content.get("expectations") or [], [])
    batches = read_rules(path.name, content.get("batch_expectations") or [], rows, whole=True)
    canonical = {rule.rule: rule for rule in (*suite.rows, *suite.batches)}
    removed = [str(name) for name in content.get("remove") or []]
    for name in removed:
        if name not in canonical:
            raise SuiteError(
                f"{path.name}, `remove`: `{name}` is no rule of {source.name}{suggest_nearest(name, canonical)}"
            )
    own = {rule.rule: rule for rule in (*rows, *batches)}
    for name in (*removed, *own):
        if name in canonical and canonical[name].rejects:
            raise SuiteError(
                f"{path.name}: `{name}` rejects rows, in every place, and is neither taken out nor replaced; give a "
                f"stricter rule a name of its own: then both hold"
            )
    require_history(path.name, rows, suite.history)
    for rule in rows:
        _require_columns(source, suite, path, rule)
    dropped = {*removed, *own}
    return replace(
        suite,
        rows=[*(rule for rule in suite.rows if rule.rule not in dropped), *rows],
        batches=[*(rule for rule in suite.batches if rule.rule not in dropped), *batches],
    )


def _read_content(path: Path) -> dict[str, Any]:
    """YAML, of which JSON is a part."""
    try:
        loader, root = compose_yaml(read_plain_text(path))
        content = (root and loader.construct_document(root)) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        line = (
            error.problem_mark.line + 1
            if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark
            else 1
        )
        raise SuiteError(f"{path.name}, line {line}: it cannot be read ({type(error).__name__})") from None
    if not isinstance(content, dict):
        raise SuiteError(f"{path.name}: expected the keys {', '.join(KEYS)}")
    for key in content:
        if key not in KEYS:
            raise SuiteError(f"{path.name}: `{key}` is not a known key{suggest_nearest(key, KEYS)}")
        if not isinstance(content[key] or [], list):
            raise SuiteError(f"{path.name}: `{key}` is no list; begin each of its entries with `- `")
    return content


def _require_columns(source: Source, suite: Suite, path: Path, rule: Expectation) -> None:
    """SuiteError for a rule over a column that the source does not have."""
    helpers = {*ROW_FACTS, *suite.derived, *source.derived, REPEATED}
    names = {column.name for column in source.columns} | helpers | set(BATCH_FACTS)
    for column in rule.columns:
        if column not in names and column.partition("__")[0] not in names:
            raise SuiteError(
                f"{path.name}, rule {rule.rule}: `{column}` is no column of {source.name}"
                f"{suggest_nearest(column, names)}"
            )
