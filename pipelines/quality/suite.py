"""Rules: a suite of plain JSON per source, and what its rules read. No Great Expectations here.

A rule's identity (name, column, reasons in English and Vietnamese) stands in the suite and nowhere else;
so do the helper columns that need other data: reference tables, and what was delivered before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.plain_files import read_plain_bytes, read_plain_text
from pipelines.sources.contracts.contract import Source

SEVERITIES = ("critical", "warning", "info")
# Only rules over single rows: a batch is split row by row, and a chunk holds many batches.
ROW_LEVEL = ("expect_column_values_", "expect_column_pair_values_", "expect_multicolumn_")
NULLNESS = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")
COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
# Helper columns that hold an offending text of any column: see pipelines/quality/typing.py.
ALL_TEXTS = "texts"
# Helper columns that tell what was delivered before: see pipelines/quality/history.py.
REPEATED, MOVE, LATE = "key__repeated", "state__move", "state__late"
# What every row knows of its batch: its day (as a date, and its end as a time), when it was pulled, and the
# last moment that a state in it may have: of a table with milestones its `snapshot_at`, else a day after the pull.
ROW_FACTS = ("_partition", "_day_end", "_pulled_at", "_export_at")
# The facts of a batch as a whole, which its own rules read: see pipelines/quality/whole.py.
BATCH_FACTS = ("rows", "rows_emptied", "volume_ratio", "hours_behind")
# Raised when the files a validation writes hold more than before: they are then written anew.
FORMAT = b"5"
LONGEST_MESSAGE = 2000


class SuiteError(ValueError):
    """A suite is wrong; the text names file, rule and what to correct, and repeats no more than fits a screen."""

    def __init__(self, text: str) -> None:
        super().__init__(text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…")


@dataclass(frozen=True)
class Expectation:
    """One entry of a suite. `rejects`: a row that fails it is rejected; others warn.

    `at`: the column people are pointed to, where it is not the first that the rule reads. `country`: the only
    one whose places keep the rule, as its codes have that shape; None for every place. `tells_rows`: of a warning
    that a single row deserves: more of them than before are told at the end of the run.
    """

    type: str
    kwargs: dict[str, Any]
    severity: str
    rule: str
    reason_en: str
    reason_vi: str
    at: str | None = None
    country: str | None = None
    tells_rows: bool = False

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

    @property
    def detects(self) -> str | None:
        """What a rule over all texts of a row looks for: `texts__personal` → personal; None for others."""
        group, _, what = self.columns[0].partition("__")
        return what if group == ALL_TEXTS and not self.at else None

    @property
    def of_history(self) -> bool:
        return bool({REPEATED, MOVE, LATE} & set(self.columns))


@dataclass(frozen=True)
class Reference:
    """A code column looked up in a reference table, on the row's own day where the table has validity.

    Gives the helper column `<column>__unlisted`: the code where the table does not list it, else NULL.
    `on`: SQL over the typed columns; `strip`: a regular expression taken off the code before.
    """

    table: str
    key: str
    on: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    strip: str | None = None


@dataclass(frozen=True)
class History:
    """How a thing's states follow each other. `entity`: its columns; `at`: SQL for when it was so.

    `moves`: state → states that may follow it (the same may always); a state without an entry may go
    anywhere. `days`: how far back, at least, earlier batches are looked at.
    """

    entity: tuple[str, ...]
    state: str
    at: str
    moves: dict[str, list[str]] = field(default_factory=dict)
    days: int = 92


@dataclass(frozen=True)
class Suite:
    """`rows`: rules over single rows; `batches`: rules over a batch as a whole (BATCH_FACTS).

    `derived`: helper column → SQL over the typed columns and ROW_FACTS; `newest`: SQL for a row's own time,
    by which the batch's freshness is told.
    """

    rows: list[Expectation]
    batches: list[Expectation]
    references: dict[str, Reference]
    derived: dict[str, str] = field(default_factory=dict)
    history: History | None = None
    newest: str | None = None

    def list_codes_besides(self, column: str) -> list[str]:
        """Codes of a column that its rules allow though the reference table does not list them."""
        rules = [e for e in self.rows if e.columns == [f"{column}__unlisted"]]
        return sorted({str(code) for e in rules for code in e.kwargs.get("value_set", ())})

    @property
    def rules_of_rows(self) -> list[Expectation]:
        """Rules that ask a row alone, not what was delivered before it."""
        return [e for e in self.rows if not e.of_history]

    @property
    def deciding_tables(self) -> set[str]:
        """Reference tables that can reject a row: when one changes, its batches are judged again."""
        deciding = {c for e in self.rows if e.rejects for c in e.columns}
        return {reference.table for c, reference in self.references.items() if f"{c}__unlisted" in deciding}


def read_suite(path: Path) -> Suite:
    """The whole suite file; SuiteError where it is wrong."""
    name = f"{path.parent.name}/{path.name}" if path.name == "suite.json" else path.name
    try:
        content = json.loads(read_plain_text(path))
    except FileNotFoundError:
        raise SuiteError(f"no suite {name} in {path.parent.name}/; name it in sources.yaml") from None
    except json.JSONDecodeError as error:
        raise SuiteError(f"{name}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise SuiteError(f"{name}: not valid JSON in UTF-8: {str(error)[:200]}") from None
    with refuse_other_shapes(name):
        return _make_suite(name, content)


@contextmanager
def refuse_other_shapes(name: str) -> Iterator[None]:
    """SuiteError where a part of the file `name` is a text, a list or nothing instead of what is read there."""
    try:
        yield
    except SuiteError:
        raise
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise SuiteError(f"{name}: a part of it is not what its place asks for: {str(error)[:200]}") from None


def _make_suite(name: str, content: dict[str, Any]) -> Suite:
    helpers = content.get("helpers") or {}
    try:
        references = {c: Reference(**keys) for c, keys in (helpers.get("references") or {}).items()}
        history = History(**helpers["history"]) if helpers.get("history") else None
    except TypeError as error:
        raise SuiteError(f"{name}: `helpers` is wrong: {str(error).split('__init__() ')[-1]}") from None
    rows = read_rules(name, content.get("expectations") or [], [])
    batches = read_rules(name, content.get("batch_expectations") or [], rows, whole=True)
    require_history(name, rows, history)
    return Suite(rows, batches, references, helpers.get("derived") or {}, history, helpers.get("newest"))


def require_history(name: str, rows: Sequence[Expectation], history: History | None) -> None:
    """SuiteError for a rule over what was delivered before that rejects, or whose states nothing tells."""
    for expectation in rows:
        if expectation.of_history and expectation.rejects:
            raise SuiteError(
                f"{name}, rule {expectation.rule}: a rule over what was delivered before only warns; else the "
                "rows accepted would depend on the order in which batches arrived"
            )
        if expectation.of_history and not history and REPEATED not in expectation.columns:
            raise SuiteError(f"{name}, rule {expectation.rule}: it needs `helpers.history`")


def read_rules(
    name: str, entries: Sequence[Any], before: Sequence[Expectation], *, whole: bool = False
) -> list[Expectation]:
    """SuiteError, with the file's name and the number of the entry, for the first that is wrong."""
    suite: list[Expectation] = []
    for number, entry in enumerate(entries, 1):
        kind = "batch expectation" if whole else "expectation"
        where = f"{name}, {kind} {number} ({(entry.get('meta') or {}).get('rule', 'without a rule')})"
        try:
            expectation = Expectation(entry["type"], entry["kwargs"], entry["severity"], **entry["meta"])
        except KeyError as error:
            raise SuiteError(f"{where}: {error} is missing") from None
        except TypeError as error:
            raise SuiteError(f"{where}: `meta` is wrong: {str(error).split('__init__() ')[-1]}") from None
        if expectation.severity not in SEVERITIES:
            raise SuiteError(f"{where}: severity {expectation.severity!r} is none of {', '.join(SEVERITIES)}")
        if not expectation.type.startswith(ROW_LEVEL) or not expectation.columns:
            raise SuiteError(f"{where}: {expectation.type} is no rule over single rows")
        if whole and not set(expectation.columns) <= set(BATCH_FACTS):
            raise SuiteError(f"{where}: of a batch only {', '.join(BATCH_FACTS)} are known")
        if expectation.rule in {e.rule for e in (*before, *suite)}:
            raise SuiteError(f"{where}: a rule of this name stands there already")
        suite.append(expectation)
    return suite


def hash_rules(source: Source, references: Mapping[str, str] | None = None) -> str:
    """Changes with everything that decides how a landed batch is typed and judged.

    `references`: table → SHA-256 of each reference batch whose rules can reject a row.
    """
    contract = source.model_dump_json(
        include={
            "country",
            "columns", "key", "datetime_formats", "date_formats", "timezone", "null_values",
            "placeholder_dates", "number_format", "derived", "milestones", "snapshot_at",
            "max_rejected_share", "may_be_empty",
        }
    )  # fmt: skip
    tables = json.dumps(sorted((references or {}).items())).encode() if references else b""
    suites = source.suite_path.read_bytes()
    suites += read_plain_bytes(Path(source.place_suite)) if source.place_suite else b""
    return hashlib.sha256(FORMAT + contract.encode() + suites + tables).hexdigest()
