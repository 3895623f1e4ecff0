"""Rules: a suite of plain JSON per source, and which columns it needs. No Great Expectations here.

A rule's identity (name, column, reasons in English and Vietnamese) stands in the suite and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import duck
from pipelines.sources.contract import Source

SEVERITIES = ("critical", "warning", "info")
# Only rules over single rows: a batch is split row by row, and a chunk holds many batches.
ROW_LEVEL = ("expect_column_values_", "expect_column_pair_values_", "expect_multicolumn_")
NULLNESS = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


class SuiteError(ValueError):
    """A suite is wrong; the text names file, rule and what to correct."""


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite. `rejects`: a row that fails it is rejected; others warn.

    `at`: the column people are pointed to, where it is not the first that the rule reads.
    """

    type: str
    kwargs: dict[str, Any]
    severity: str
    rule: str
    reason_en: str
    reason_vi: str
    at: str | None = None

    @property
    def rejects(self) -> bool:
        return self.severity == "critical"

    @property
    def columns(self) -> list[str]:
        """Every column the rule reads."""
        return [self.kwargs[a] for a in COLUMN_ARGUMENTS if a in self.kwargs] + list(
            self.kwargs.get("column_list", ())
        )

    @property
    def column(self) -> str:
        """The canonical column at fault: `channel` for a rule over `channel__raw`."""
        return self.at or self.columns[0].split("__")[0]


def load_suite(path: Path) -> list[Expectation]:
    """The expectations of one suite file, in its order; SuiteError where the file is wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"no suite {path.name} in {path.parent.name}/; name it in sources.yaml") from None
    except json.JSONDecodeError as error:
        raise SuiteError(f"{path.name}, line {error.lineno}: not valid JSON: {error.msg}") from None
    suite: list[Expectation] = []
    for number, entry in enumerate(content.get("expectations") or [], 1):
        where = f"{path.name}, expectation {number} ({entry.get('meta', {}).get('rule', 'without a rule')})"
        try:
            said = Expectation(entry["type"], entry["kwargs"], entry["severity"], **entry["meta"])
        except KeyError as error:
            raise SuiteError(f"{where}: {error} is missing") from None
        except TypeError as error:
            raise SuiteError(f"{where}: `meta` is wrong: {str(error).split('__init__() ')[-1]}") from None
        if said.severity not in SEVERITIES:
            raise SuiteError(f"{where}: severity {said.severity!r} is none of {', '.join(SEVERITIES)}")
        if not said.type.startswith(ROW_LEVEL) or not said.columns:
            raise SuiteError(f"{where}: {said.type} is no rule over single rows")
        if said.rule in {e.rule for e in suite}:
            raise SuiteError(f"{where}: a rule of this name stands there already")
        suite.append(said)
    return suite


def handed_over(suite: Sequence[Expectation]) -> dict[str, str]:
    """Column → SQL for each column the suite reads.

    A column asked only for nullness goes over as 1.0 or NULL: texts would be hashed and copied by
    every expectation, at twice the time and memory.
    """
    values = {column for e in suite if e.type not in NULLNESS for column in e.columns}
    every = sorted({column for e in suite for column in e.columns})
    return {
        c: duck.identifier(c)
        if c in values
        else f"case when {duck.identifier(c)} is not null then 1::float end"
        for c in every
    }


def rules_sha256(source: Source) -> str:
    """Changes with everything that decides how a landed batch is typed and judged."""
    said = source.model_dump_json(
        include={
            "columns", "key", "datetime_formats", "date_formats", "timezone", "null_values",
            "number_format", "derived", "max_rejected_share",
        }
    )  # fmt: skip
    return hashlib.sha256(said.encode() + source.suite_path.read_bytes()).hexdigest()
