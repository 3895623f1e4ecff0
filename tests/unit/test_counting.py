"""Which batch of a day counts, asked by validation, history and rejections alike: below a blocked one an older one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.landing.batches import Batch, write_batch
from pipelines.night import Night, validate_source
from pipelines.quality.counting import list_counting
from pipelines.quality.history import list_earlier_files
from pipelines.quality.reports import Report, read_report
from pipelines.quality.split import assign_keys
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Source, load_contracts

DAY, NEXT = "2025-08-05", "2025-08-06"
WORDS = {"1": "in_person", "2": "online"}
UNKNOWN = {
    "type": "expect_column_values_to_be_null",
    "kwargs": {"column": "channel__raw"},
    "severity": "critical",
    "meta": {"rule": "channel_unknown", "reason_en": "unknown channel", "reason_vi": "Kênh lạ"},
}


def make_source(settings: Settings, words: Mapping[str, str] = WORDS) -> Source:
    suite = settings.data / "log.json"
    suite.write_text(json.dumps({"name": "log", "expectations": [UNKNOWN]}), encoding="utf-8")
    return Source.model_validate(
        {
            "name": "log", "title_vi": "", "connector": "files", "grain": "case", "key": ["case_id"],
            "partitioning": "change_day", "path": "x.csv", "format": "csv", "max_rejected_share": 0.5,
            "suite": str(suite),
            "columns": [{"name": "case_id", "required": True}, {"name": "channel", "value_map": dict(words)}],
        }
    )  # fmt: skip


def land(settings: Settings, day: str, channels: str) -> Batch:
    """A row per sign of `channels`."""

    def write(out: Path) -> tuple[str]:
        table = {"case_id": [f"C-{n}" for n in range(len(channels))], "channel": list(channels)}
        pq.write_table(pa.table(table), out)
        return ("by hand",)

    return write_batch(settings.landing, "log", day, write, run_id="t")


def validate(settings: Settings, source: Source, *days: str) -> None:
    contracts = load_contracts(PROJECT / "sources.yaml")
    validate_source(Night(settings, contracts, "t", days=list(map(date.fromisoformat, days))), source)


def read(settings: Settings, batch: Batch) -> Report:
    report = read_report(settings.quality, batch)
    assert report is not None
    return report


def test_below_a_blocked_batch_the_older_one_gets_the_corrected_rules_too(settings: Settings) -> None:
    before = make_source(settings)
    older = land(settings, DAY, "127")
    validate(settings, before, DAY)
    blocked = land(settings, DAY, "99")
    validate(settings, before, DAY)
    assert (read(settings, older).rows_rejected, read(settings, blocked).blocked) == (1, True)
    validate(settings, make_source(settings, WORDS | {"7": "postal"}))
    assert (read(settings, older).rows_rejected, read(settings, blocked).blocked) == (0, True)


def test_an_older_batch_that_counts_since_stricter_rules_block_the_newest_is_validated_by_them(
    settings: Settings,
) -> None:
    before = make_source(settings, WORDS | {"3": "postal"})
    older, newest = land(settings, DAY, "123"), land(settings, DAY, "333")
    validate(settings, before, DAY)
    after = make_source(settings)
    validate(settings, after)
    assert read(settings, newest).blocked
    assert (read(settings, older).rows_rejected, read(settings, older).rules) == (
        1,
        read(settings, newest).rules,
    )
    assert [batch for batch, _ in list_counting(settings, after)] == [older]


def test_history_is_what_counts(settings: Settings) -> None:
    source = make_source(settings)
    older = land(settings, DAY, "12")
    validate(settings, source, DAY)
    land(settings, DAY, "99")
    validate(settings, source, DAY)
    [keyed] = assign_keys([land(settings, NEXT, "1")])
    assert list_earlier_files(source, 92, [keyed], settings) == [str(read(settings, older).accepted)]
