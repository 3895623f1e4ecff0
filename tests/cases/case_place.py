"""A case of `tests/cases/<name>/` as one place: its deliveries landed and validated by a night's own stages."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines import duck
from pipelines.examine import Examination, examine_source
from pipelines.gate.deliveries import Delivery
from pipelines.gate.doubtful_rows import list_doubtful_rows
from pipelines.gate.evaluate import Comparand, evaluate_release, list_findings
from pipelines.gate.facts import list_delivery_doubts
from pipelines.gate.release_rules import read_release_rules
from pipelines.night import Night, land_source, land_tables, validate_source
from pipelines.quality.reports import Report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import prepare_warehouse
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.statements import create_relation

CASES = Path(__file__).parent


class CaseDay(NamedTuple):
    """One validated delivery. `accepted`: rows, column → value; `rejected`: row number → its broken rules."""

    report: Report
    accepted: list[dict[str, Any]]
    rejected: dict[int, set[str]]

    def count_unexpected(self, rule: str) -> int:
        """Rows that broke a rule of any severity."""
        return next(r["unexpected"] for r in self.report.results if r["rule"] == rule)


# The header of a tracker in the case's own words.
TASK_LABELS = (
    "STT",
    "Mã nhiệm vụ",
    "Nội dung nhiệm vụ",
    "Cấp giao",
    "Mã đơn vị báo cáo",
    "Hạn hoàn thành",
    "Trạng thái",
    "Tiến độ",
    "Ngày hoàn thành",
)


class CasePlace:
    """The sources and deliveries of one case, copied to a folder that a test may spoil further."""

    def __init__(self, name: str, folder: Path, sources: str = "sources.yaml") -> None:
        shutil.copytree(CASES / name, folder, dirs_exist_ok=True)
        self.inbox = folder / "in"
        self.settings = Settings(data=folder, sources_file=folder / sources)
        self.contracts = load_contracts(self.settings.sources_file)

    def change_sources(self, text: str, to: str) -> None:
        """Replaces a text of sources.yaml and reads it again."""
        content = self.settings.sources_file.read_text(encoding="utf-8")
        assert text in content
        self.settings.sources_file.write_text(content.replace(text, to), encoding="utf-8")
        self.contracts = load_contracts(self.settings.sources_file)

    def append_line(self, file: str, line: str) -> None:
        """One more line of a delivered text file."""
        with (self.inbox / file).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def validate_day(self, source: str, day: str) -> CaseDay:
        """SourceError where the delivery of the day cannot be landed."""
        contract = self.contracts.sources[source]
        night = Night(self.settings, self.contracts, run_id="case", days=[date.fromisoformat(day)])
        land_tables(night)
        land_source(night, contract)
        [report] = validate_source(night, contract)
        accepted = duckdb.sql(f"from '{report.accepted}' order by _row")
        rows = [dict(zip(accepted.columns, row, strict=True)) for row in accepted.fetchall()]
        rejected: dict[int, set[str]] = {}
        if report.rejected.exists():
            for number, failures in duckdb.sql(f"select _row, failures from '{report.rejected}'").fetchall():
                rejected[number] = {failure["rule"] for failure in failures}
        return CaseDay(report, rows, rejected)

    def list_warnings(self, day: CaseDay) -> list[str]:
        """What the end of a first run says of this delivery: rows and notes of its pull that a person should see."""
        report = day.report
        delivery = Delivery(
            report.source,
            report.partition,
            report.batch_id,
            report.rows_accepted,
            is_newest=True,
            is_fresh=True,
        )
        facts = [
            *list_delivery_doubts(self.settings, [delivery], {}),
            *list_doubtful_rows(self.settings, [delivery]),
        ]
        verdicts = (
            evaluate_release(read_release_rules({}), facts, Comparand({}, is_first=True)) if facts else []
        )
        return [verdict.text_en for verdict in list_findings(verdicts)]

    def examine(self, source: str, day: str) -> Examination:
        """What `thongsuot sources check` says."""
        return examine_source(
            self.contracts,
            self.contracts.sources[source],
            self.settings,
            partition=date.fromisoformat(day),
            rows=1000,
        )


def build_relation(place: CasePlace, compiled: Settings, name: str) -> list[dict[str, Any]]:
    """The rows of one model, by the project's own compiled SQL over what the place has accepted."""
    prepare_warehouse(place.settings, place.contracts)
    with duck.connect(place.settings.extensions, place.settings.warehouse) as con:
        for statement in read_compiled(compiled).statements:
            con.execute(f"create schema if not exists {statement.schema}")
            create_relation(con, statement, compiled.dbt_project)
            if statement.name == name:
                rows = con.execute(f"from {statement.schema}.{name}")
                columns = [column[0] for column in rows.description or ()]
                return [dict(zip(columns, row, strict=True)) for row in rows.fetchall()]
    raise LookupError(name)
