"""Whatever is delivered: published right, refused by its cause, or held. Nothing else happens."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import duck
from pipelines.landing.batches import Batch
from pipelines.landing.pull import land_partition
from pipelines.quality.reconcile import reconcile_batch
from pipelines.quality.reports import Report
from pipelines.quality.validate import validate_batches
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError
from tests.cases.case_place import CasePlace
from tests.cases.dirt import HEADERS, Delivery
from tests.cases.dirt_lines import KINDS, make_delivery

# The lists speak of 2025 and 2026: from other years their dates would be doubtful.
FIRST = date(2025, 8, 1)
# Two of each kind at every run of the tests, ten thousand in all where every seed runs.
SEEDS = [
    pytest.param(20250806, 2 * (len(KINDS) + 1)),
    *(pytest.param(seed, 500, marks=pytest.mark.full) for seed in range(1, 21)),
]


def make_source(place: CasePlace, form: str) -> Source:
    """The tracker of the case with the columns of `dirt`, in one of the formats; no share of rejections blocks it."""
    tracker = place.contracts.sources["task_tracker"]
    columns = tuple(
        column.model_copy(update={"mapped": column.name in HEADERS})
        if column.name != "owner_level"
        else column.model_copy(
            update={"raw": None, "default": "commune", "value_map": None, "required": False}
        )
        for column in tracker.columns
    )
    keys = {"format": form, "delimiter": ";" if form == "csv" else None, "max_rejected_share": 1.0}
    records = "items" if form == "json" else None
    path = f"{{data}}/dirt/{{partition}}.{form}"
    return tracker.model_copy(update={**keys, "columns": columns, "path": path, "records": records})


def land(
    settings: Settings, source: Source, day: date, delivery: Delivery, con: duckdb.DuckDBPyConnection
) -> Batch | None:
    """None where it is refused by its cause: source, day and file are named, and nothing is left."""
    file = settings.data / "dirt" / f"{day}.{delivery.format}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(delivery.write())
    try:
        return land_partition(source, day, settings, run_id="dirt", con=con)
    except NotProvided:
        raise
    except PermanentSourceError as error:
        assert delivery.kind != "clean" and str(error).startswith(f"task_tracker {day}"), error
        assert not list((settings.landing / "task_tracker").glob(f"{day}/*"))
        return None


def find_wrong(delivery: Delivery, batch: Batch, report: Report) -> list[str]:
    """What was accepted and is not what the source means; an empty value only where its own cell is dirty."""
    reconcile_batch(batch, report)
    wrong = []
    if batch.rows != len(delivery.texts):
        wrong.append(f"{batch.rows} rows landed of {len(delivery.texts)}")
    # What a person is told of at the end of the run is no wrong value in silence.
    doubtful = {
        (row, result["column"])
        for result in report.results
        for row in result["sample_rows"]
        if result.get("doubts")
    }
    columns = ", ".join(HEADERS)
    rows = duckdb.sql(f"select {columns}, _row from '{report.accepted}'").fetchall()
    repeated = [code for code, count in Counter(row[0] for row in rows).items() if count > 1]
    if repeated:
        wrong.append(f"{repeated} twice")
    empty = Counter[str]()
    for row in rows:
        values: dict[str, Any] = dict(zip(HEADERS, row, strict=False))
        truth = delivery.truth.get(values["task_code"])
        if truth is None:
            wrong.append(f"no such code: {values['task_code']!r}")
            continue
        for name, value in values.items():
            if value is None and truth[name] is not None:
                empty[name] += 1
            elif value != truth[name] and (row[-1], name) not in doubtful:
                wrong.append(f"{name} {value!r} for {truth[name]!r}")
    if delivery.kind == "clean" and (empty or len(rows) != len(delivery.texts)):
        wrong.append(f"clean, and {len(rows)} rows accepted, {dict(empty)} empty")
    # One dirty cell may cost one value; a whole column may be without only where its scale is open.
    most = len(rows) if delivery.kind == "per cents without a sign" else 1
    wrong += [f"{count} values of {name} lost" for name, count in empty.items() if count > most]
    return wrong


def examine_seed(seed: int, folder: Path, count: int) -> tuple[Counter[str], list[str]]:
    """(what became of each kind, everything that went wrong) of `count` deliveries."""
    place = CasePlace("native_percent", folder)
    sources = {form: make_source(place, form) for form in ("csv", "json", "ndjson")}
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    landed: list[tuple[Delivery, Batch]] = []
    with duck.connect(place.settings.extensions) as con:
        for number in range(count):
            delivery = make_delivery(chance, number)
            day = FIRST + timedelta(days=number)
            batch = land(place.settings, sources[delivery.format], day, delivery, con)
            outcomes[f"{delivery.kind}: {'landed' if batch else 'refused'}"] += 1
            if batch:
                landed.append((delivery, batch))
    reports = {
        r.batch_id: r for r in validate_batches(sources["csv"], [b for _, b in landed], place.settings)
    }
    wrong = [
        f"seed {seed}, {delivery.kind} ({delivery.format}): {text}"
        for delivery, batch in landed
        for text in find_wrong(delivery, batch, reports[batch.batch_id])
    ]
    return outcomes, wrong


@pytest.mark.parametrize(("seed", "count"), SEEDS)
def test_dirt_is_published_right_refused_by_cause_or_held(tmp_path: Path, seed: int, count: int) -> None:
    outcomes, wrong = examine_seed(seed, tmp_path, count)
    assert not wrong, "\n".join(wrong[:20])
    assert sum(outcomes.values()) == count
    assert {kind.partition(":")[0] for kind in outcomes} == {"clean", *KINDS}
